/** The loader and the page that it is in: what the page calls, where it goes, and what it gets wrong. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { PHONE } from "./browser";
import {
  visit,
  bubble,
  frameElement,
  chat,
  told,
  lastTold,
  tell,
  tc,
  isShown,
  STUB,
  SETTINGS,
  shop,
} from "./loaded";

/** The page's address is looked at once a second, and told once it has stayed for one. */
const MOVE_IS_TOLD = { timeout: 5000 };

describe("a page written for the vendor's widget", () => {
  test("what is said before the script is there is heard, in order", async () => {
    shop.script = `${STUB}window.heard = [];
      _tc("event_listener", (event) => heard.push(event));
      _tc("set_user", "Jan", "jan@example.org", 7, "600100200");
      _tc("open_chat");
      window.early = _tc;`;
    const { page, said } = await visit();
    const frame = await chat(page);
    expect(new URL(frame.url()).pathname).toBe("/chat/7");
    expect(await lastTold(frame, "host")).toMatchObject({
      user: { name: "Jan", email: "jan@example.org" },
      is_open: true,
    });
    for (const name of ["conversation_created", "conversation_finished", "ticket_created"] as const) {
      await tell(frame, { rozmowa: "event", name });
    }
    const heard = () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);
    await expect.poll(heard).toEqual(["conversation_created", "conversation_finished", "ticket_created"]);
    // A page that holds on to its stub is heard, too.
    await page.evaluate(() => (window as unknown as { early: (name: string) => void }).early("close"));
    expect(await isShown(page)).toBe(false);
    expect(said).toEqual([]);
  });

  test.each(["open", "open_chat", "open_chat_form", "open_email"])("%s opens", async (name) => {
    const { page } = await visit();
    await tc(page, name);
    const frame = await chat(page);
    const isCommand = name === "open_chat_form" || name === "open_email";
    const command = () => lastTold(frame, "command");
    if (isCommand) await expect.poll(command).toMatchObject({ name });
    else expect(await command()).toBeUndefined();
    await tc(page, "close");
    // And once it is there.
    await tc(page, name);
    expect(await isShown(page)).toBe(true);
    if (isCommand) expect((await told(frame)).filter((it) => it.rozmowa === "command")).toHaveLength(2);
  });

  test.each(["close", "close_chat", "minimalize"])("%s closes", async (name) => {
    const { page } = await visit();
    await tc(page, "open");
    await tc(page, name);
    expect(await isShown(page)).toBe(false);
  });

  test("set_user and set_identity are told at once, as texts", async () => {
    const { page } = await visit();
    await tc(page, "open");
    const frame = await chat(page);
    await page.evaluate(() => window._tc!("set_user", "Anna", () => "no text"));
    await expect
      .poll(() => lastTold(frame, "host"))
      .toMatchObject({ user: { name: "Anna", email: `() => "no text"` } });
    await tc(page, "set_identity", "a.b.c");
    await expect
      .poll(() => lastTold(frame, "host"))
      .toMatchObject({ identity: "a.b.c", user: { name: "Anna" } });
  });

  test("set_user with another queue loads its chat, but for a conversation that goes on", async () => {
    const { page } = await visit();
    await tc(page, "open");
    await chat(page);
    const steps = await page.evaluate(() => history.length);
    await tc(page, "set_user", "Jan", "", 5);
    await expect.poll(() => page.frames().at(-1)?.url()).toMatch(/\/chat\/5$/);
    const frame = await chat(page);
    expect(await lastTold(frame, "host")).toMatchObject({ user: { name: "Jan" }, is_open: true });
    expect(await page.evaluate(() => history.length)).toBe(steps);

    await tell(frame, { rozmowa: "kept", is_kept: true });
    await expect.poll(() => page.evaluate(() => localStorage.rozmowa)).toBe("1");
    await tc(page, "set_user", "Jan", "", 9);
    await expect
      .poll(async () => (await told(frame)).filter((it) => it.rozmowa === "host").length)
      .toBeGreaterThan(1);
    expect(new URL(frame.url()).pathname).toBe("/chat/5");
  });

  test("what it does not know is named and ignored", async () => {
    const { page, said } = await visit();
    for (const name of ["open_callback", "open_callback_form", "nonsense"]) await tc(page, name, 1);
    expect(said).toEqual([
      "Rozmowa ignores open_callback 1",
      "Rozmowa ignores open_callback_form 1",
      "Rozmowa ignores nonsense 1",
    ]);
    await tc(page, "set_container", "nowhere");
    await expect.poll(() => said.slice(3)).toEqual([expect.stringMatching("null")]);
    expect(await bubble(page).isVisible()).toBe(true);
    expect(await frameElement(page).count()).toBe(0);
  });

  test("set_user takes nothing but a number for a queue", async () => {
    const { page } = await visit();
    for (const topic of ["../c/1", "5x", "sales", "", null, 0, -1, "3,5"]) {
      await tc(page, "set_user", "Jan", "", topic);
    }
    await tc(page, "open");
    expect(new URL((await chat(page)).url()).pathname).toBe("/chat/3");
  });

  test("one bad call, or listener, leaves the others alone", async () => {
    shop.script = `${STUB}window.heard = [];
      const bad = { toString() { throw new Error("bad") } };
      _tc("set_user", Symbol("bad"));
      _tc("set_user", bad);
      _tc(bad);
      _tc("set_identity", bad);
      _tc("__proto__");
      _tc("valueOf");
      _tc("event_listener", "none");
      _tc("event_listener", () => { throw new Error("bad") });
      _tc("event_listener", (event) => heard.push(event));
      _tc("set_user", "Jan");
      _tc("open");`;
    const { page } = await visit();
    const frame = await chat(page);
    expect(await lastTold(frame, "host")).toMatchObject({ user: { name: "Jan" }, is_open: true });
    await tell(frame, { rozmowa: "event", name: "ticket_created" });
    await expect
      .poll(() => page.evaluate(() => (window as unknown as { heard: string[] }).heard))
      .toEqual(["ticket_created"]);
    // Called later, it does not throw in the page's own script, either.
    await page.evaluate(() => void window._tc!("set_user", Symbol("bad")));
  });
});

describe("in an element of the page", () => {
  const CONTAINER = `<div id="place"></div>`;

  const check = async (page: Page) => {
    const frame = await chat(page);
    expect(await lastTold(frame, "host")).toMatchObject({ is_open: true, is_contained: true });
    const place = (await page.locator("#place").boundingBox())!;
    const box = (await frameElement(page).boundingBox())!;
    expect(box).toMatchObject({ x: place.x, y: place.y, width: place.width });
    expect(box.height).toBeGreaterThanOrEqual(480);
    expect(await page.getByRole("button", { name: /chat/ }).count()).toBe(0);
    return frame;
  };

  test("asked for before the script is there: no bubble is seen, the focus stays", async () => {
    shop.script = `${STUB}_tc("set_container", "place")`;
    shop.body = CONTAINER;
    const { page } = await visit();
    await check(page);
    expect(new URL(page.url()).pathname).toBe("/");
  });

  test("asked for later, open or not, on a phone as well", async () => {
    shop.body = CONTAINER;
    const { page } = await visit(PHONE);
    const steps = await page.evaluate(() => history.length);
    await tc(page, "set_container", "place");
    await check(page);
    expect(await page.evaluate(() => history.length)).toBe(steps);

    const second = await visit();
    await tc(second.page, "open");
    await chat(second.page);
    await tc(second.page, "set_container", "place");
    await expect.poll(() => frameElement(second.page).count()).toBe(1);
    await check(second.page);
  });
});

describe("a conversation to come back to", () => {
  test("is remembered by one word, and loaded unseen on the next page", async () => {
    const { page, requests } = await visit();
    await tc(page, "open");
    await tell(await chat(page), { rozmowa: "kept", is_kept: true });
    await expect.poll(() => page.evaluate(() => ({ ...localStorage }))).toEqual({ rozmowa: "1" });

    requests.length = 0;
    await page.goto(`${shop.origin}/other`);
    expect(await frameElement(page).count()).toBe(0);
    await frameElement(page).waitFor({ state: "attached" });
    const frame = await chat(page);
    expect(await isShown(page)).toBe(false);
    expect(await lastTold(frame, "host")).toMatchObject({ is_open: false });
    await tell(frame, { rozmowa: "kept", is_kept: false });
    await expect.poll(() => page.evaluate(() => localStorage.length)).toBe(0);
  });

  test("a page without storage is no error", async () => {
    shop.script = `${STUB}Object.defineProperty(window, "localStorage", { get() { throw new Error("refused") } })`;
    const { page, said } = await visit();
    await tc(page, "open");
    const frame = await chat(page);
    await tell(frame, { rozmowa: "kept", is_kept: true });
    await tell(frame, { rozmowa: "close" });
    await expect.poll(() => isShown(page)).toBe(false);
    expect(said).toEqual([]);
  });
});

describe("the page being viewed", () => {
  const MOVES = {
    "pushed by a script": () => history.pushState(null, "", "/other#1"),
    "a place in the page": () => void (location.hash = "#2"),
  };
  for (const [name, move] of Object.entries(MOVES)) {
    test(`${name} is told, with its title`, async () => {
      const { page } = await visit();
      await tc(page, "open");
      const frame = await chat(page);
      await page.evaluate(move);
      await page.evaluate(() => (document.title = "Next"));
      await expect
        .poll(() => lastTold(frame, "page"), MOVE_IS_TOLD)
        .toMatchObject({ url: page.url(), title: "Next" });
      expect(await isShown(page)).toBe(true);
      await page.goBack();
      await expect
        .poll(() => lastTold(frame, "page"), MOVE_IS_TOLD)
        .toMatchObject({ url: `${shop.origin}/` });
    });
  }
});

describe("hostile and mistaken", () => {
  test("messages of anybody else are ignored", async () => {
    const { page } = await visit();
    await tc(page, "open");
    const frame = await chat(page);
    await page.evaluate(() => {
      Object.assign(window, { heard: [] });
      const { heard } = window as unknown as { heard: unknown[] };
      window._tc!("event_listener", (event: unknown) => heard.push(event));
    });
    await page.evaluate((from) => {
      const other = document.createElement("iframe");
      other.src = from;
      document.body.append(other);
      return new Promise((loaded) => (other.onload = loaded));
    }, `${shop.ours}/chat/9`);
    const stranger = page.frames().at(-1)!;
    // Neither the page itself, nor another frame of our origin.
    const messages = [
      { rozmowa: "close" },
      { rozmowa: "event", name: "conversation_created" },
      { rozmowa: "kept", is_kept: true },
      { rozmowa: "unread", count: 9, is_muted: false },
    ];
    for (const message of messages) {
      await page.evaluate((it) => postMessage(it, "*"), message);
      await stranger.evaluate((it) => parent.postMessage(it, "*"), message);
    }
    // Whatever comes after them has been heard, so they have been, too.
    await tell(frame, { rozmowa: "event", name: "ticket_created" });
    await expect
      .poll(() => page.evaluate(() => (window as unknown as { heard: unknown[] }).heard))
      .toEqual(["ticket_created"]);
    expect(await isShown(page)).toBe(true);
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
    expect(await page.getByRole("button", { name: /Unread/ }).count()).toBe(0);
  });

  test("what our frame says under another origin is ignored", async () => {
    const { page } = await visit();
    await tc(page, "open");
    await chat(page);
    await page.evaluate(() => {
      const { contentWindow } =
        document.documentElement.lastElementChild!.shadowRoot!.querySelector("iframe")!;
      const data = { rozmowa: "close" };
      dispatchEvent(
        new MessageEvent("message", { source: contentWindow, origin: "https://evil.example", data }),
      );
    });
    expect(await isShown(page)).toBe(true);
  });

  test("a picture that calls itself the script is not taken for it", async () => {
    shop.scripts = 0;
    shop.body = `<img name="currentScript" alt=""><script src="${shop.ours}/widget.js?queue=3"></script>`;
    const { page, said } = await visit();
    await bubble(page).click();
    await chat(page);
    expect(said).toEqual([]);
  });

  test("a second script warns, and leaves the first alone", async () => {
    shop.scripts = 2;
    const { page, said } = await visit();
    await expect.poll(() => said).toEqual(["Rozmowa ignores itself"]);
    expect(await bubble(page).count()).toBe(1);
    await bubble(page).click();
    expect(await frameElement(page).count()).toBe(1);
  });

  test("origins that the queue does not name get nothing but a warning", async () => {
    shop.settings = { ...SETTINGS, origins: ["https://shop.example"] };
    const { page, said } = await visit();
    expect(said).toEqual([`Rozmowa ignores origin ${shop.origin}`]);
    expect(await page.locator("html > div").count()).toBe(0);

    shop.settings = { ...SETTINGS, origins: ["https://shop.example", shop.origin] };
    const named = await visit();
    await bubble(named.page).waitFor();
  });
});
