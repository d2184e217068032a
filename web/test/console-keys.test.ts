/** By the keyboard alone: where the focus is, is always to be seen, and it comes back from whatever lay above. */
import type { Locator } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { ConsolePage } from "./console";
import { BOSS, furnish, type Scene } from "./console-scene";
import { useStage } from "./hooks";
import type { Person } from "./server";
import { until } from "./until";
import { Visitor } from "./visitor";

const stage = useStage();

let scene: Scene;
beforeAll(async () => {
  scene = await furnish(stage());
});

const browser = { reducedMotion: "reduce", viewport: { width: 1440, height: 900 } } as const;
const at = (place: string) => ConsolePage.open(stage(), BOSS, { at: place, browser });

/** More would be a loop that never comes round. */
const STOPS_AT_MOST = 150;

interface Stop {
  what: string;
  /** A person sees that it is here. */
  isSeen: boolean;
  /** Before, and elsewhere since: a date has three stops of its own in one. */
  isRound: boolean;
}

/** Where the focus is. */
function stop({ page }: ConsolePage): Promise<Stop | undefined> {
  return page.evaluate(() => {
    const it = document.activeElement as HTMLElement | null;
    if (!it || it === document.body) return undefined;
    const last = document.querySelector<HTMLElement>("[data-was-here=last]");
    const isRound = "wasHere" in it.dataset && it !== last;
    if (last) last.dataset.wasHere = "";
    it.dataset.wasHere = "last";
    // What is drawn in place of a control may be what holds it, or its label.
    const places = [it, ...((it as HTMLInputElement).labels ?? [])];
    for (let above = it.parentElement, up = 0; above && up < 3; above = above.parentElement, up++)
      places.push(above);
    const isRing = (place: Element) => {
      const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(place);
      const isClear = /, 0\)$|\/ 0\)$|transparent/.test(outlineColor);
      if (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1 && !isClear) return true;
      // As wide on all sides, and not soft: `colour 0px 0px 0px 1px`.
      return /(?<!\/ 0\)|, 0\)) 0px 0px 0px [1-9]/.test(boxShadow);
    };
    const ring = places.find(isRing);
    const { left, top, right, bottom, width, height } = (ring ?? it).getBoundingClientRect();
    const isInside =
      width > 2 && height > 2 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
    const x = Math.min(Math.max((left + right) / 2, 1), innerWidth - 1);
    const y = Math.min(Math.max((top + bottom) / 2, 1), innerHeight - 1);
    const above = document.elementFromPoint(x, y);
    const isBare = !!above && !!ring && (ring.contains(above) || above.contains(ring));
    const what = `${it.outerHTML.slice(0, 160)} ring: ${!!ring} inside: ${isInside} bare: ${isBare} ${isBare ? "" : above?.outerHTML.slice(0, 200)}`;
    return { what, isSeen: !!ring && isInside && isBare, isRound };
  });
}

/** All the way round; what is not seen on the way. */
async function walk(console: ConsolePage): Promise<{ count: number; unseen: string[] }> {
  const unseen: string[] = [];
  for (let count = 0; count < STOPS_AT_MOST; count++) {
    await console.page.keyboard.press("Tab");
    const found = await stop(console);
    // The browser's own bar comes between the last and the first.
    if (!found) continue;
    if (found.isRound) return { count, unseen };
    if (!found.isSeen) unseen.push(found.what);
  }
  throw new Error(`after ${STOPS_AT_MOST} times Tab it is not round`);
}

describe("wherever Tab leads, the focus is to be seen", () => {
  test.each<[string, () => string, number, (console: ConsolePage) => Promise<unknown>]>([
    ["in a conversation", () => `mine/${scene.mine}`, 15, (it) => it.sees("Halo?")],
    ["in search", () => "search?q=paczka", 8, (it) => it.page.locator("mark").first().waitFor()],
    [
      "at the wall",
      () => "wall",
      10,
      (it) => it.region("wall.who_waits").getByRole("link").first().waitFor(),
    ],
    ["in the reports", () => "reports", 20, (it) => it.region("reports.waits").getByRole("table").waitFor()],
    [
      "in the settings of a queue",
      () => `settings/queues/${scene.queue}/general`,
      25,
      (it) => it.page.getByRole("heading", { level: 1, name: /Dział/ }).waitFor(),
    ],
    [
      "in the hours of a queue",
      () => `settings/queues/${scene.queue}/hours`,
      20,
      (it) => it.page.getByRole("heading", { level: 1, name: /Dział/ }).waitFor(),
    ],
    [
      "in a list of the settings",
      () => "settings/agents",
      20,
      (it) => it.page.getByRole("row", { name: /Wrona/ }).waitFor(),
    ],
    [
      "among customers",
      () => "customers?q=kowalska",
      8,
      (it) => it.page.getByRole("link", { name: /Jadwiga/ }).waitFor(),
    ],
    [
      "on the card of a customer",
      () => `customers/${scene.customer}`,
      20,
      (it) => it.region("customers.feed").getByText("Z-2026-0830").waitFor(),
    ],
    ["in the account", () => "account", 12, (it) => it.shows(it.t("account.this_session"))],
  ])("%s", async (_, place, least, isThere) => {
    for (const theme of ["light", "dark"] as const) {
      const console = await at(place());
      await isThere(console);
      await console.wantTheme(theme);
      const { count, unseen } = await walk(console);
      expect(unseen.join("\n"), theme).toBe("");
      expect(count).toBeGreaterThanOrEqual(least);
    }
  });
});

describe("the focus comes back", () => {
  const has = (what: string, where: Locator) =>
    until(`the focus at ${what}`, () => where.evaluate((it) => it === document.activeElement));

  /** Opens something above with a key, and shuts it with Escape. */
  async function thereAndBack(console: ConsolePage, key: string, role: "dialog" | "menu" | "alertdialog") {
    const { page } = console;
    const above = page.getByRole(role);
    await page.keyboard.press(key);
    await above.waitFor();
    await until(`the focus in what ${key} opens`, () =>
      above.evaluate((it) => it.contains(document.activeElement)),
    );
    // A list that is open in it is shut first.
    await until("nothing to lie above", async () => {
      if ((await above.count()) === 0) return true;
      await page.keyboard.press("Escape");
      return false;
    });
  }

  test("to the conversation, from what its keys open", async () => {
    const console = await at(`mine/${scene.mine}`);
    await console.sees("Halo?");
    await console.thread.focus();
    for (const key of ["t", "e", "?", "Control+k"]) {
      await thereAndBack(console, key, "dialog");
      await has(`the thread, after ${key}`, console.thread);
    }
  });

  test("to the editor, from the commands", async () => {
    const console = await at(`mine/${scene.mine}`);
    await console.sees("Halo?");
    await console.editor.focus();
    await console.page.keyboard.type("Dzień");
    await thereAndBack(console, "Control+k", "dialog");
    await console.page.keyboard.type(" dobry");
    await expect.poll(() => console.editor.inputValue()).toBe("Dzień dobry");
    await console.editor.fill("");
  });

  test("to the button, from what it opens", async () => {
    const console = await at(`mine/${scene.mine}`);
    await console.sees("Halo?");
    for (const key of ["talk.transfer", "talk.close"]) {
      await console.button(key).focus();
      await thereAndBack(console, "Enter", "dialog");
      await has(key, console.button(key));
    }
    const more = console.button("talk.more");
    await more.focus();
    await thereAndBack(console, "Enter", "menu");
    await has("the menu", more);
    // From a dialog behind a menu, to where the menu was.
    for (const key of ["talk.labels", "talk.assign", "talk.block"]) {
      await console.page.keyboard.press("Enter");
      const item = console.page.getByRole("menuitem", { name: console.t(key) });
      await item.waitFor();
      await item.focus();
      await thereAndBack(console, "Enter", "dialog");
      await has(`the menu, after ${key}`, more);
    }
    const duty = console.page.locator("button[aria-haspopup=dialog]").first();
    await duty.focus();
    await thereAndBack(console, "Enter", "dialog");
    await has("the duty", duty);
  });

  test("in the settings", async () => {
    const console = await at("settings/tags");
    const add = console.button("settings.tags_add").first();
    await add.focus();
    await thereAndBack(console, "Enter", "dialog");
    await has("the button", add);
    await console.goes(`settings/webhooks/${scene.webhook}`);
    const remove = console.button("settings.webhook_remove");
    await remove.focus();
    await thereAndBack(console, "Enter", "alertdialog");
    await has("the button", remove);
  });

  test("at the wall", async () => {
    const console = await at("wall");
    const screen = console.button("wall.full_screen");
    await screen.focus();
    await thereAndBack(console, "Enter", "dialog");
    await has("the button", screen);
  });
});

test("a chat is taken, answered, labelled, closed and reopened without a mouse", async () => {
  const { server } = stage();
  const zofia: Person = { login: "zlis", name: "Zofia", surname: "Lis" };
  await server.hire(zofia);
  const queue = await server.queue({}, "Zwroty", [zofia]);
  const console = await ConsolePage.open(stage(), zofia, { browser });
  // On a pause nothing comes by itself, and yet it may be taken.
  const session = await server.signIn(zofia.login);
  for (const status of ["free", "paused"]) await server.asAgent(session, "PUT", "duty", { status });
  const visitor = await Visitor.at(await stage().person("en"), `${server.origin}/chat/${queue}`);
  await visitor.open();
  await visitor.start({ name: "Wanda", text: "Which size?" });
  const { page } = console;
  const { keyboard } = page;
  const hasFocus = (what: string, it = console.editor) =>
    until(`the focus at ${what}`, () => it.evaluate((it) => it === document.activeElement));

  const tabTo = async (where: Locator) => {
    for (let presses = 0; presses < STOPS_AT_MOST; presses++) {
      if (await where.evaluate((it) => it === document.activeElement)) return;
      await keyboard.press("Tab");
    }
    throw new Error(`Tab does not lead to ${where}`);
  };

  // To the waiting ones, along the views; down the list; in.
  const waiting = page
    .getByRole("navigation", { name: console.t("talk.views") })
    .getByRole("link", { name: console.t("talk.waiting") });
  await tabTo(waiting);
  await keyboard.press("Enter");
  await console.row("Wanda").waitFor();
  await tabTo(console.row("Wanda"));
  await keyboard.press("Enter");
  await console.sees("Which size?");
  const take = console.button("talk.take").first();
  await take.waitFor();
  await tabTo(take);
  await keyboard.press("Enter");
  await hasFocus("the editor");
  await keyboard.type("Size 38.");
  await keyboard.press("Enter");
  await visitor.sees("Size 38.");

  await keyboard.press("Escape");
  await keyboard.press("e");
  await hasFocus("the topics", console.dialog().getByRole("combobox"));
  await keyboard.type("niezad");
  await page.getByRole("option", { name: /Niezadowolenie/ }).waitFor();
  await keyboard.press("Enter");
  await page.getByRole("option").first().waitFor({ state: "hidden" });
  const tag = console.dialog().getByRole("button", { name: "najpilniejsze" });
  await tabTo(tag);
  await keyboard.press("Space");
  expect(await tag.getAttribute("aria-pressed")).toBe("true");
  const close = console.dialog().getByRole("button", { name: console.t("talk.close_do") });
  await tabTo(close);
  await keyboard.press("Enter");
  await visitor.button("start_new").waitFor();
  const again = console.button("talk.reopen").first();
  await again.waitFor();
  await tabTo(again);
  await keyboard.press("Enter");
  await page.getByRole("tab", { name: console.t("talk.reply") }).waitFor();
  await hasFocus("the editor");
  await keyboard.type("Anything else?");
  await keyboard.press("Enter");
  await visitor.sees("Anything else?");
});
