import { expect, test } from "vitest";
import { held, isSame, order, type Ordered } from "./order";

function one(id: string, unread: number, owedSince: number | undefined, saidAt: number): Ordered {
  return { id, unread, owedSince, saidAt };
}

test("who waits longest for my answer comes first, what is unread before what was read", () => {
  const rows = [
    one("answered", 0, undefined, 90),
    one("read, waits longest", 0, 1, 1),
    one("unread, waits", 2, 50, 60),
    one("answered later", 0, undefined, 95),
    one("unread, waits longer", 1, 20, 80),
  ];
  expect(rows.sort(order).map(({ id }) => id)).toEqual([
    "unread, waits longer",
    "unread, waits",
    "read, waits longest",
    "answered later",
    "answered",
  ]);
});

test("the order is total: it does not matter in which one they came", () => {
  const roll = (n: number) => Math.floor(Math.random() * n);
  for (let round = 0; round < 200; round++) {
    const rows = Array.from({ length: 8 }, (_, at) =>
      one(`${at}`, roll(2), roll(2) ? roll(4) : undefined, roll(4)),
    );
    const sorted = [...rows].sort(order).map(({ id }) => id);
    const shuffled = [...rows].sort(() => Math.random() - 0.5);
    expect(shuffled.sort(order).map(({ id }) => id)).toEqual(sorted);
  }
});

test("what is pointed at neither moves nor goes; what is new stands at the end", () => {
  expect(held(["a", "b", "c"], ["d", "c", "a"])).toEqual(["a", "b", "c", "d"]);
  expect(isSame(["a"], ["a"])).toBe(true);
  expect(isSame(["a", "b"], ["b", "a"])).toBe(false);
});
