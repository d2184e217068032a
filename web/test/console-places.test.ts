/** Where somebody is led, and what they see there: a message in the middle of a long thread, lists that move, faces. */
import { describe, expect, test } from "vitest";
import { Agent } from "./agent";
import { ConsolePage } from "./console";
import { useStage } from "./hooks";
import { ADMINISTRATOR, ANNA, JAN } from "./server";
import { until } from "./until";

const stage = useStage();

const WANTED = "Reklamuję pękniętą szybę";
const LAST = "To jest ostatnia wiadomość";

interface Opened {
  conversation_id: string;
  token: string;
}

function opens(queue: number, name: string, text: string): Promise<Opened> {
  const about = { chat_queue_id: queue, name, text, client_key: crypto.randomUUID() };
  return stage().server.asVisitor<Opened>("", "POST", "conversations", about);
}

function says({ token }: Opened, text: string): Promise<void> {
  return stage().server.asVisitor(token, "POST", "conversation/messages", { text });
}

/** So long that what was said at first is not what a thread begins with. */
async function longTalk(queue: number): Promise<{ id: string; seq: number }> {
  const opened = await opens(queue, "Szymon", "Dzień dobry");
  const id = opened.conversation_id;
  await stage().anna.claim(id);
  for (let at = 0; at < 10; at++) await stage().anna.say(id, `Na początku ${at}`);
  await says(opened, WANTED);
  const { seq } = await stage().anna.hears(id, WANTED);
  for (let at = 0; at < 240; at++) await stage().anna.say(id, `Potem ${at}`);
  await says(opened, LAST);
  await stage().anna.hears(id, LAST);
  return { id, seq };
}

/** Whether a person sees it: in the part of the thread that is not scrolled away. */
function isSeen({ thread }: ConsolePage, text: string): Promise<boolean> {
  return thread.evaluate((log, wanted) => {
    const frame = log.getBoundingClientRect();
    return [...log.querySelectorAll("[data-how]")].some((it) => {
      const { top, bottom } = it.getBoundingClientRect();
      return it.textContent?.includes(wanted) && top >= frame.top - 1 && bottom <= frame.bottom + 1;
    });
  }, text);
}

/** Behind the message that was looked for. */
function shades(console: ConsolePage): Promise<string[]> {
  return console.thread.evaluate((log) =>
    [...log.querySelectorAll("[data-how]")]
      .map((it) => getComputedStyle(it).backgroundColor)
      .filter((colour) => colour !== "rgba(0, 0, 0, 0)"),
  );
}

describe("a thread", () => {
  test("is opened where the words were said that were found, marked for a moment, and leads back to the newest", async () => {
    const { server } = stage();
    const { id, seq } = await longTalk(await stage().queue());
    await until("the index", async () => {
      const { result } = await server.administer<{ result: unknown[] }>("GET", "search?q=pekniet");
      return result.length > 0;
    });
    const anna = await ConsolePage.open(stage(), ANNA, { at: "search?q=pekniet" });
    await anna.page
      .getByRole("list", { name: anna.t("search.results") })
      .getByRole("link")
      .click();
    await anna.page.waitForURL(new RegExp(`${id}\\?seq=${seq}$`));
    await expect.poll(() => isSeen(anna, WANTED)).toBe(true);
    await expect.poll(() => shades(anna)).toHaveLength(1);
    await expect.poll(() => shades(anna), { timeout: 6_000 }).toEqual([]);
    expect(await isSeen(anna, WANTED)).toBe(true);
    // Who only looks up something old has not read what is new.
    expect(await isSeen(anna, LAST)).toBe(false);

    await anna.button("talk.to_newest").click();
    await expect.poll(() => isSeen(anna, LAST)).toBe(true);
    await anna.button("talk.to_newest").waitFor({ state: "hidden" });
    expect(anna.page.url()).not.toContain("seq");

    // By the commands, while the thread is open: there, and there again.
    for (let time = 0; time < 2; time++) {
      await anna.page.keyboard.press("Control+k");
      await anna.page.getByRole("combobox", { name: anna.t("palette") }).fill("pękniętą");
      await anna.page.getByRole("option", { name: WANTED }).click();
      await anna.dialog().waitFor({ state: "hidden" });
      await expect.poll(() => isSeen(anna, WANTED)).toBe(true);
      await anna.thread.press("End");
      await expect.poll(() => isSeen(anna, WANTED)).toBe(false);
    }
    // An answer is said at the end, wherever one stands.
    await anna.write("Już sprawdzam");
    await expect.poll(() => isSeen(anna, "Już sprawdzam")).toBe(true);
  });

  test("goes on from there without a gap, without motion for whoever wants none", async () => {
    const { id, seq } = await longTalk(await stage().queue());
    await stage().anna.close(id);
    const browser = { reducedMotion: "reduce" } as const;
    const anna = await ConsolePage.open(stage(), ANNA, { at: `closed/${id}?seq=${seq}`, browser });
    await expect.poll(() => isSeen(anna, WANTED)).toBe(true);
    await expect.poll(() => shades(anna)).toHaveLength(1);
    const marked = anna.thread.locator("[data-how]").filter({ hasText: WANTED });
    expect(await marked.evaluate((it) => getComputedStyle(it).animationName)).toBe("none");
    const seen = new Set<string>();
    const look = async () => {
      for (const text of await anna.said()) seen.add(text);
    };
    await until("the end", async () => {
      await look();
      await anna.thread.evaluate((log) => log.scrollBy(0, log.clientHeight / 2));
      return isSeen(anna, LAST);
    });
    await look();
    const said = Array.from({ length: 240 }, (_, at) => `Potem ${at}`);
    expect([...seen].filter((text) => text.startsWith("Potem"))).toEqual(said);
  });
});

describe("the list of all conversations", () => {
  test("follows what is said to colleagues, soon after something else has happened there", async () => {
    const { server } = stage();
    const queue = await server.queue({}, "Razem", [ANNA, JAN]);
    const opened = await opens(queue, "Felicja", "Pierwsze pytanie");
    const jan = await Agent.signIn(server, JAN);
    await jan.is("paused");
    await jan.claim(opened.conversation_id);
    const boss = await ConsolePage.open(stage(), ADMINISTRATOR, { at: "all" });
    await boss.row("Pierwsze pytanie").waitFor();
    await says(opened, "Drugie pytanie");
    await jan.hears(opened.conversation_id, "Drugie pytanie");
    await jan.note(opened.conversation_id, "Dzwonić po 16.");
    await expect.poll(() => boss.row("Drugie pytanie").count(), { timeout: 10_000 }).toBe(1);
    // Whoever comes back to it sees it as it is.
    await boss.view("mine");
    await says(opened, "Trzecie pytanie");
    await jan.hears(opened.conversation_id, "Trzecie pytanie");
    await boss.view("all");
    await expect.poll(() => boss.row("Trzecie pytanie").count(), { timeout: 4_000 }).toBe(1);
    jan.leave();
  });
});

describe("a client", () => {
  test("has the same colour wherever the face is shown", async () => {
    const { server } = stage();
    const queue = await stage().queue();
    const name = "Kornelia Ząb";
    const first = await opens(queue, name, "Pierwszy raz");
    await stage().anna.claim(first.conversation_id);
    await stage().anna.close(first.conversation_id);
    const { conversation_id: id } = await opens(queue, name, "Drugi raz");
    await server.administer("POST", `conversations/${id}/customer`, { name: "Kornelia", surname: "Ząb" });
    await until("the index", async () => {
      const { result } = await server.administer<{ result: unknown[] }>("GET", "search?q=raz");
      return result.length > 1;
    });
    const anna = await ConsolePage.open(stage(), ANNA, {
      at: `all/${id}`,
      browser: { viewport: { width: 1440, height: 900 } },
    });
    const colours = new Set<string>();
    const look = async (least: number) => {
      const faces = anna.page.locator('[data-initials="KZ"]');
      await expect.poll(() => faces.count()).toBeGreaterThanOrEqual(least);
      const found = await faces.evaluateAll((all) => all.map((it) => getComputedStyle(it).backgroundColor));
      for (const colour of found) colours.add(colour);
    };
    await anna.thread.waitFor();
    // In the list, in the thread and beside it.
    await look(3);
    await anna.page.keyboard.press("Control+k");
    await anna.page.getByRole("combobox", { name: anna.t("palette") }).fill("raz");
    await anna.page.getByRole("option", { name: /Drugi raz/ }).waitFor();
    await look(5);
    await anna.page.keyboard.press("Escape");
    await anna.goes("search?q=raz");
    await look(2);
    await anna.goes(`search?chat_queue_id=${queue}`);
    await look(1);
    expect([...colours]).toHaveLength(1);
  });
});

describe("what stands between the page and the server", () => {
  test("an upgrade is told when a part of the page can't be had any more", async () => {
    const boss = await ConsolePage.open(stage(), ADMINISTRATOR);
    const { page } = boss;
    const outdated = page.getByText(boss.t("outdated"));
    const parts = /\/assets\/.*\.js$/;
    await page.route(parts, (route) => route.fulfill({ status: 404 }));
    // The same page is given: the part is missing for another reason.
    await page.keyboard.press("Control+k");
    await page.getByText(boss.t("unreachable")).waitFor();
    expect(await outdated.count()).toBe(0);
    await page.route(/\/console\/$/, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace(/\.js"/g, '-newer.js"') });
    });
    await boss.goes("wall");
    await outdated.waitFor();
    await page.unroute(parts);
    await page.unroute(/\/console\/$/);
    await page
      .getByRole("status")
      .getByRole("button", { name: boss.t("reload") })
      .click();
    await page.getByRole("heading", { level: 1, name: boss.t("wall.title") }).waitFor();
    expect(await outdated.count()).toBe(0);
  });

  test("a proxy that lets no WebSockets through is named", async () => {
    const context = await stage().person("en");
    await context.routeWebSocket(/./, (socket) => void socket.close({ code: 1011 }));
    const anna = await ConsolePage.open(stage(), ANNA, { context });
    await anna.page.getByText(anna.t("refused")).waitFor({ timeout: 20_000 });
  });
});
