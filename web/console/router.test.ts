import { beforeEach, expect, test, vi } from "vitest";

/** As much of a browser as the way through the console needs. */
const browser = vi.hoisted(() => {
  const window = new EventTarget();
  const at = (hash: string) => `https://chat.example.org/console/${hash}`;
  let now = "";
  const location = {
    get hash() {
      return now;
    },
    set hash(hash: string) {
      const [oldURL, newURL] = [at(now), at(hash)];
      now = hash;
      window.dispatchEvent(Object.assign(new Event("hashchange"), { oldURL, newURL }));
    },
  };
  const history = { pushState: (_: unknown, __: string, hash: string) => (now = hash) };
  Object.assign(globalThis, { window, location, history });
  return location;
});

const { go, guard, here, isLeaving, leave, stay } = await import("./router.svelte");

beforeEach(() => go("mine"));

const isAt = (path: string) => expect([here().path.join("/"), browser.hash]).toEqual([path, `#/${path}`]);

test("who holds is asked each time, although it was left before", async () => {
  const end = guard(() => true);
  for (const place of ["search", "wall", "account"]) {
    const before = here().path.join("/");
    go(place);
    expect(isLeaving()).toBe(true);
    isAt(before);
    await leave();
    isAt(place);
  }
  go("mine");
  stay();
  isAt("account");
  end();
  go("mine");
  isAt("mine");
});

test("what is kept at another place does not hold anybody back there", () => {
  const end = guard((to) => to?.path[0] !== "start");
  go("start");
  isAt("start");
  go("wall");
  isAt("start");
  stay();
  end();
});
