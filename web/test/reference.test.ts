/** The reference of the API: for everybody, by keyboard, on every screen, and without scripts. */
import type { BrowserContextOptions, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { violations } from "./axe";
import { useStage } from "./hooks";
import { wideIn } from "./sideways";
import { until } from "./until";
import { type Language, LANGUAGES } from "./words";

const stage = useStage();

const DESK = { width: 1440, height: 900 };
const TABLET = { width: 1024, height: 768 };
const PHONE = { width: 390, height: 844 };
const NARROWEST = { width: 320, height: 568 };
const TOOLS = ["curl", "PHP", "Python", "JavaScript", "Java"];

async function open(language: Language, browser: BrowserContextOptions = {}, at = ""): Promise<Page> {
  const context = await stage().person(language, { reducedMotion: "reduce", ...browser });
  const page = await context.newPage();
  await page.goto(`${stage().server.origin}/reference${at}`);
  if (browser.javaScriptEnabled !== false) await page.getByRole("tab").first().waitFor();
  return page;
}

const method = (page: Page, id: string) => page.locator(`#${id}`);

/** What is folded away is read, too. */
function unfold(page: Page): Promise<void> {
  return page.locator("details").evaluateAll((all) => all.forEach((it) => it.setAttribute("open", "")));
}

/** The languages of examples that are chosen, over all methods. */
function chosen(page: Page): Promise<string[]> {
  const tabs = page.locator("[role=tab][aria-selected=true]");
  return tabs.evaluateAll((all) => [...new Set(all.map((tab) => tab.textContent ?? ""))]);
}

describe.each(LANGUAGES)("everybody can read it (%s)", (language) => {
  // Everything that can be called is on one page: looking at all of it takes a while.
  test.each([
    [DESK, "light"],
    [DESK, "dark"],
    [PHONE, "light"],
  ] as const)("axe-core finds nothing (%o, %s)", { timeout: 180_000 }, async (viewport, colorScheme) => {
    const page = await open(language, { viewport, colorScheme });
    expect(await page.locator("html").getAttribute("lang")).toBe(language);
    await unfold(page);
    expect(await violations(page)).toEqual([]);
  });

  test("nothing is scrolled sideways", async () => {
    const page = await open(language);
    await unfold(page);
    for (const viewport of [DESK, TABLET, PHONE, NARROWEST]) {
      await page.setViewportSize(viewport);
      expect(await wideIn(page), `${viewport.width} pixels`).toEqual([]);
    }
  });

  test("without scripts every method and every example is there", async () => {
    const page = await open(language, { javaScriptEnabled: false });
    const start = method(page, "start_conversation");
    expect(await start.locator("summary").allTextContents()).toEqual(expect.arrayContaining(TOOLS));
    await start.getByText("Python", { exact: true }).click();
    await start.getByText("urllib.request.urlopen").waitFor();
    expect(await page.locator("#search").isVisible(), "nothing that does nothing").toBe(false);
    const other = language === "en" ? "pl" : "en";
    await page.locator(`.languages a[lang=${other}]`).click();
    expect(await page.locator("html").getAttribute("lang")).toBe(other);
  });
});

test("the language of examples is chosen by keyboard, for all methods, and remembered", async () => {
  const page = await open("en");
  const tab = (name: string) => method(page, "send_message").getByRole("tab", { name, exact: true });
  await tab("curl").focus();
  await page.keyboard.press("ArrowRight");
  expect(await tab("PHP").evaluate((it) => it === document.activeElement)).toBe(true);
  expect(await chosen(page)).toEqual(["PHP"]);
  await page.keyboard.press("End");
  expect(await chosen(page)).toEqual(["Java"]);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  expect(await chosen(page)).toEqual(["JavaScript"]);
  // One stop for all five; the next is the example's own.
  await page.keyboard.press("Tab");
  const focused = await page.evaluate(() => document.activeElement?.textContent);
  expect(focused).toBe("Copy");
  const panel = method(page, "send_message").getByRole("tabpanel");
  expect(await panel.count()).toBe(1);
  expect(await panel.textContent()).toContain("await fetch(");
  await page.reload();
  await page.getByRole("tab").first().waitFor();
  expect(await chosen(page)).toEqual(["JavaScript"]);
});

test("choosing a language leaves what is read where it is", async () => {
  const page = await open("en", {}, "#send_message");
  const tab = method(page, "send_message").getByRole("tab", { name: "Java", exact: true });
  await tab.scrollIntoViewIfNeeded();
  const top = () => tab.evaluate((it) => it.getBoundingClientRect().top);
  const before = await top();
  await tab.click();
  expect(Math.abs((await top()) - before)).toBeLessThan(2);
});

test("an example is copied as it stands there", async () => {
  const page = await open("en", { permissions: ["clipboard-read", "clipboard-write"] });
  const start = method(page, "start_conversation");
  const code = await start.locator("[role=tabpanel]:not([hidden]) code").textContent();
  await start.getByRole("button", { name: "Copy" }).focus();
  await page.keyboard.press("Enter");
  await start.getByRole("button", { name: "Copied" }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(`${code}\n`);
  expect(copied).toContain(`${stage().server.origin}/api/chat_conversations/start`);
});

test("methods are found by what they are called, in words without accents too", async () => {
  const page = await open("pl");
  const field = page.getByRole("searchbox");
  const shown = () =>
    page
      .locator(".method")
      .evaluateAll((all) => all.filter((it) => it.getClientRects().length > 0).map((it) => it.id));
  const all = (await shown()).length;
  await field.fill("strumien kolejki");
  expect(await shown()).toEqual(["stream_chat_queue"]);
  expect(await page.getByRole("status").textContent()).toBe("Znalezione metody: 1");
  expect(await page.locator(".contents li:visible > a").allTextContents()).toHaveLength(2);
  await field.fill("webhook test");
  expect(await shown()).toContain("test_webhook");
  await field.fill("niczego takiego nie ma");
  expect(await shown()).toEqual([]);
  expect(await page.getByRole("status").textContent()).toBe("Żadna metoda nie pasuje.");
  // An address leads to what it names all the same.
  await page.evaluate(() => (location.hash = "#list_chats"));
  await until("everything is there again", async () => (await shown()).length === all);
  expect(await field.inputValue()).toBe("");
  await field.fill("start");
  await page.keyboard.press("Escape");
  expect((await shown()).length).toBe(all);
});

test("an address leads to a method, and the other language to the same one", async () => {
  const page = await open("en", {}, "#reply_to_conversation");
  const top = () => method(page, "reply_to_conversation").evaluate((it) => it.getBoundingClientRect().top);
  const isAtTop = async () => {
    const at = await top();
    return at >= 0 && at < 150;
  };
  await until("the method is at the top", isAtTop);
  const current = page.locator(".contents [aria-current]");
  await until(
    "the contents say so",
    async () => (await current.getAttribute("href")) === "#reply_to_conversation",
  );
  await page.getByRole("link", { name: "Polski" }).click();
  await page.getByRole("heading", { name: "Odpowiada jako agent" }).waitFor();
  expect(page.url()).toBe(`${stage().server.origin}/reference?lang=pl#reply_to_conversation`);
  await until("the method is at the top", isAtTop);
});

test("the first stop of the keyboard leads past the contents", async () => {
  const page = await open("en");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  expect(new URL(page.url()).hash).toBe("#content");
  await page.keyboard.press("Tab");
  const isInText = await page.evaluate(() => !!document.activeElement?.closest("main"));
  expect(isInText).toBe(true);
});
