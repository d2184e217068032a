/** The loader in pages of others: before and after it is opened, and what is seen. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { newPerson, PHONE } from "./browser";
import {
  visit,
  bubble,
  frameElement,
  chat,
  lastTold,
  tell,
  tc,
  focused,
  isShown,
  loader,
  STUB,
  SETTINGS,
  shop,
} from "./loaded";

const SIZE_AT_MOST_BYTES = 2048;
/** A step back has been taken by then. */
const SOON_MS = 500;

test("is at most two kilobytes as it is served", () => {
  expect(gzipSync(loader()).length).toBeLessThanOrEqual(SIZE_AT_MOST_BYTES);
});

describe("before it is opened", () => {
  test("nothing is asked for but the script, nothing kept, and one name taken", async () => {
    shop.script = "window.names = Object.getOwnPropertyNames(window)";
    const { page, said, requests } = await visit();
    await bubble(page).waitFor();
    expect(requests.filter((it) => it.startsWith(shop.ours))).toEqual([`${shop.ours}/widget.js?queue=3`]);
    expect(requests).toHaveLength(3);
    expect(await page.context().cookies()).toEqual([]);
    const left = await page.evaluate(() => {
      const before = (window as unknown as { names: string[] }).names;
      return {
        names: Object.getOwnPropertyNames(window).filter((it) => it !== "names" && !before.includes(it)),
        stored: localStorage.length + sessionStorage.length,
        elements: [...document.documentElement.children].map((it) => it.tagName),
        frames: window.length,
      };
    });
    expect(left).toMatchObject({ names: ["_tc"], stored: 0, elements: ["HEAD", "BODY", "DIV"], frames: 0 });
    expect(said).toEqual([]);
  });

  test("its element is closed to the page", async () => {
    const page = await (await newPerson(shop.browser)).newPage();
    await page.goto(shop.origin);
    await page.waitForFunction(() => document.documentElement.children.length > 2);
    expect(await page.evaluate(() => document.documentElement.lastElementChild?.shadowRoot)).toBeNull();
  });

  test("nothing moves, and the page is not kept waiting", async () => {
    const measure = async () => {
      const page = await (await newPerson(shop.browser)).newPage();
      await page.addInitScript(() => {
        const seen: string[] = [];
        Object.assign(window, { seen });
        const observer = new PerformanceObserver((list) => {
          for (const { entryType } of list.getEntries()) seen.push(entryType);
        });
        for (const type of ["layout-shift", "longtask"]) observer.observe({ type, buffered: true });
      });
      await page.goto(shop.origin, { waitUntil: "load" });
      await page.waitForFunction(() => document.documentElement.children.length > 2);
      // Two frames later all that the loader did has been drawn and reported.
      await page.evaluate(() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go))));
      return page.evaluate(() => (window as unknown as { seen: string[] }).seen);
    };
    // A busy machine makes any task long now and then; a slow loader would be slow each time.
    const runs = [await measure(), await measure(), await measure()];
    expect(runs.flat()).not.toContain("layout-shift");
    expect(runs).toContainEqual([]);
  });

  test("it speaks the browser's language", async () => {
    const { page } = await visit({ locale: "pl-PL" });
    await page.getByRole("button", { name: "Otwórz czat" }).click();
    expect(await frameElement(page).getAttribute("title")).toBe("Czat");
  });
});

describe("open and closed", () => {
  test("by the bubble: the focus goes in, and comes back", async () => {
    const { page, said } = await visit();
    await bubble(page).click();
    const frame = await chat(page);
    expect(await lastTold(frame, "host")).toMatchObject({
      url: `${shop.origin}/`,
      title: "Shop",
      is_open: true,
      is_contained: false,
    });
    await expect.poll(() => focused(page)).toBe("IFRAME");
    await page.keyboard.type("hello");
    expect(await frame.locator("input").inputValue()).toBe("hello");
    expect(await bubble(page).getAttribute("aria-expanded")).toBe("true");
    const box = await frameElement(page).boundingBox();
    expect(box).toMatchObject({ width: 380 });

    await tell(frame, { rozmowa: "close" });
    await expect.poll(() => isShown(page)).toBe(false);
    expect(await focused(page)).toBe("BUTTON");
    expect(await bubble(page).getAttribute("aria-expanded")).toBe("false");
    expect(await lastTold(frame, "shown")).toMatchObject({ is_open: false });

    await page.keyboard.press("Enter");
    await expect.poll(() => lastTold(frame, "shown")).toMatchObject({ is_open: true });
    await page.getByRole("button", { name: "Close chat" }).click();
    expect(await isShown(page)).toBe(false);
    // What was written is still there.
    expect(await frame.locator("input").inputValue()).toBe("hello");
    expect(said).toEqual([]);
  });

  test("a page that closes it keeps its own focus", async () => {
    const { page } = await visit();
    await bubble(page).click();
    await chat(page);
    await page.locator("#help").focus();
    await tc(page, "close");
    expect(await isShown(page)).toBe(false);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("help");
  });

  test("on a phone it fills the screen, and Back closes it", async () => {
    const { page } = await visit(PHONE);
    const before = await page.evaluate(() => history.length);
    await bubble(page).tap();
    const frame = await chat(page);
    expect(await frameElement(page).boundingBox()).toEqual({ x: 0, y: 0, width: 360, height: 740 });
    expect(await bubble(page).isVisible()).toBe(false);

    await page.goBack();
    await expect.poll(() => isShown(page)).toBe(false);
    expect(page.url()).toBe(`${shop.origin}/`);
    await expect.poll(() => focused(page)).toBe("BUTTON");

    // Closed by hand, it leaves no step behind.
    await bubble(page).tap();
    await expect.poll(() => isShown(page)).toBe(true);
    await tell(frame, { rozmowa: "close" });
    await expect.poll(() => isShown(page)).toBe(false);
    expect(await page.evaluate(() => history.length)).toBe(before + 1);
    await tc(page, "open");
    expect(await isShown(page)).toBe(true);
    expect(await page.evaluate(() => history.length)).toBe(before + 1);
  });

  test("a page that has moved on is not taken back", async () => {
    const { page } = await visit(PHONE);
    await tc(page, "open");
    await page.evaluate(() => history.pushState(null, "", "/other"));
    await tc(page, "close");
    expect(await isShown(page)).toBe(false);
    expect(page.url()).toBe(`${shop.origin}/other`);
  });

  test("closed twice at once on a phone, it takes one step back", async () => {
    const { page } = await visit(PHONE);
    await page.evaluate(() => history.pushState(null, "", "/other"));
    await tc(page, "open");
    await page.evaluate(() => {
      window._tc!("close");
      window._tc!("close");
    });
    expect(await isShown(page)).toBe(false);
    await page.waitForTimeout(SOON_MS);
    expect(page.url()).toBe(`${shop.origin}/other`);
  });

  test("closed and opened at once on a phone, it is open, and Back closes it", async () => {
    const { page } = await visit(PHONE);
    const before = await page.evaluate(() => history.length);
    await tc(page, "open");
    await page.evaluate(() => {
      window._tc!("close");
      window._tc!("open");
    });
    await page.waitForTimeout(SOON_MS);
    expect(await isShown(page)).toBe(true);
    expect(await page.evaluate(() => history.length)).toBe(before + 1);
    await page.goBack();
    await expect.poll(() => isShown(page)).toBe(false);
    expect(page.url()).toBe(`${shop.origin}/`);
  });

  test("a chat that does not come up can be put away on a phone, and has another try", async () => {
    const { page } = await visit(PHONE);
    const isChat = (url: URL) => url.pathname.startsWith("/chat/");
    await page.route(isChat, (it) => it.abort());
    await bubble(page).tap();
    await expect.poll(() => isShown(page)).toBe(true);
    await page.getByRole("button", { name: "Close chat" }).tap();
    await expect.poll(() => isShown(page)).toBe(false);
    await page.unroute(isChat);
    await bubble(page).tap();
    await chat(page);
    await expect.poll(() => bubble(page).isVisible()).toBe(false);
  });

  test("above a phone's keyboard", async () => {
    const { page } = await visit(PHONE);
    await bubble(page).tap();
    await chat(page);
    await page.evaluate(() => {
      Object.defineProperties(visualViewport!, { height: { value: 400 }, offsetTop: { value: 30 } });
      visualViewport!.dispatchEvent(new Event("resize"));
    });
    expect(await frameElement(page).boundingBox()).toEqual({ x: 0, y: 30, width: 360, height: 400 });
  });

  test("in a low window it fills the screen, too", async () => {
    const { page } = await visit({ viewport: { width: 740, height: 360 } });
    await bubble(page).click();
    expect(await frameElement(page).boundingBox()).toEqual({ x: 0, y: 0, width: 740, height: 360 });
  });
});

describe("what is seen", () => {
  test("wherever the queue has it", async () => {
    shop.settings = { ...SETTINGS, side: "left", x: 40, y: 60, color: "#ffd500", ink: "#000000" };
    const { page } = await visit({ viewport: { width: 1000, height: 800 } });
    expect(await bubble(page).boundingBox()).toEqual({ x: 40, y: 680, width: 60, height: 60 });
    expect(
      await bubble(page).evaluate((it) => [getComputedStyle(it).backgroundColor, getComputedStyle(it).color]),
    ).toEqual(["rgb(255, 213, 0)", "rgb(0, 0, 0)"]);
    await bubble(page).click();
    expect(await frameElement(page).boundingBox()).toEqual({ x: 40, y: 28, width: 380, height: 640 });
  });

  test("within the window, however far from its edges it should be", async () => {
    shop.settings = { ...SETTINGS, x: 500, y: 500 };
    for (const viewport of [
      { width: 320, height: 500 },
      { width: 500, height: 500 },
    ]) {
      const { page } = await visit({ viewport });
      const inside = async (it: ReturnType<typeof bubble>) => {
        const box = (await it.boundingBox())!;
        expect(Math.min(box.x, box.y)).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(viewport.width);
        expect(box.y + box.height).toBeLessThanOrEqual(viewport.height);
      };
      await inside(bubble(page));
      await bubble(page).click();
      await inside(frameElement(page));
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
        viewport.width,
      );
    }
  });

  test("whatever the page's rules say of any element, right to left as well", async () => {
    shop.script = `${STUB}addEventListener("DOMContentLoaded", () => {
      document.documentElement.dir = "rtl";
      const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/hostile.css" });
      document.head.append(link);
    })`;
    const { page } = await visit({ viewport: { width: 1000, height: 800 } });
    await page.waitForFunction(() => getComputedStyle(document.querySelector("main")!).display === "none");
    expect(await bubble(page).boundingBox()).toEqual({ x: 920, y: 720, width: 60, height: 60 });
    await bubble(page).click();
    expect(await frameElement(page).boundingBox()).toMatchObject({ x: 600, width: 380 });
  });

  test("where it belongs, whatever becomes of the page's body", async () => {
    const { page } = await visit({ viewport: { width: 1000, height: 800 } });
    await bubble(page).waitFor();
    const place = { x: 920, y: 720, width: 60, height: 60 };
    await page.evaluate(() => (document.body.style.transform = "translateX(90px)"));
    expect(await bubble(page).boundingBox()).toEqual(place);
    await page.evaluate(() => document.body.replaceWith(document.createElement("body")));
    expect(await bubble(page).boundingBox()).toEqual(place);
    // Not even what is left of the page has it.
    await page.evaluate(() => document.documentElement.replaceChildren(document.createElement("body")));
    expect(await bubble(page).count()).toBe(0);
    await tc(page, "open");
    await chat(page);
    expect(await isShown(page)).toBe(true);
  });

  test("no bubble, where the queue hides it: the page opens the chat", async () => {
    shop.settings = { ...SETTINGS, hidden: true };
    const { page } = await visit();
    await tc(page, "open");
    expect(await isShown(page)).toBe(true);
    expect(await page.getByRole("button", { name: "Close chat" }).count()).toBe(0);
  });

  test("nothing on paper", async () => {
    const { page } = await visit();
    await tc(page, "open");
    await page.emulateMedia({ media: "print" });
    expect(await isShown(page)).toBe(false);
    expect(await bubble(page).isVisible()).toBe(false);
  });

  test("the bubble in the system's own colours", async () => {
    const { page } = await visit({ forcedColors: "active" });
    const border = await bubble(page).evaluate((it) => getComputedStyle(it, "::before").borderTopStyle);
    expect(border).toBe("solid");
  });

  test("how much is unread, on the bubble and in the title of a tab that nobody looks at", async () => {
    const { page } = await visit();
    await tc(page, "open");
    const frame = await chat(page);
    await tc(page, "close");
    await tell(frame, { rozmowa: "unread", count: 2, is_muted: false });
    await page.getByRole("button", { name: "Open chat. Unread: 2" }).waitFor();
    expect(await bubble(page).evaluate((it) => getComputedStyle(it, "::before").content)).toContain("2");
    expect(await page.title()).toBe("Shop");

    const hide = (is: boolean) =>
      page.evaluate((it) => Object.defineProperty(document, "hidden", { value: it, configurable: true }), is);
    await hide(true);
    await expect.poll(() => page.title()).toMatch(/^\(2\)\sShop$/);
    await expect.poll(() => page.title()).toBe("Shop");
    // The page's own change is kept.
    await page.evaluate(() => (document.title = "Sale"));
    await expect.poll(() => page.title()).toMatch(/^\(2\)\sSale$/);
    await hide(false);
    await expect.poll(() => page.title()).toBe("Sale");
    await hide(true);
    await expect.poll(() => page.title()).toMatch(/^\(2\)\sSale$/);
    await tell(frame, { rozmowa: "unread", count: 2, is_muted: true });
    await expect.poll(() => page.title()).toBe("Sale");
    await tell(frame, { rozmowa: "unread", count: 0, is_muted: false });
    await page.getByRole("button", { name: "Open chat", exact: true }).waitFor();
  });
});
