/** The wall: who waits, who answers, how the day goes; and that somebody notices when nobody answers. */
import { afterEach, describe, expect, test } from "vitest";
import { Agent } from "./agent";
import { violations } from "./axe";
import { ConsolePage } from "./console";
import { useStage } from "./hooks";
import { audited } from "./section";
import { ADMINISTRATOR, ANNA, JAN, type Person } from "./server";
import { wideIn } from "./sideways";
import { until } from "./until";
import { LANGUAGES } from "./words";

const stage = useStage();

const PHONE = { width: 390, height: 844 };

async function wall(where: Parameters<typeof ConsolePage.signedIn>[2] = {}): Promise<ConsolePage> {
  const manager = await ConsolePage.signedIn(stage(), ADMINISTRATOR, where);
  await manager.goes("wall");
  await manager.page.getByRole("heading", { level: 1, name: manager.t("wall.title") }).waitFor();
  return manager;
}

/** A conversation that a program has started. */
async function starts(queue: number, client: string): Promise<string> {
  const query = new URLSearchParams({ chat_queue_id: `${queue}`, client_name: client });
  const path = `chat_conversations/start?${query}`;
  return (await stage().server.api<{ conversation_id: string }>("POST", path)).conversation_id;
}

async function duty(who: Person): Promise<string> {
  const path = `agents/${who.login}/duty`;
  return (await stage().server.administer<{ status: string }>("GET", path)).status;
}

async function choose(manager: ConsolePage, who: Person, word: string): Promise<void> {
  const name = manager.t("wall.set_status", { name: `${who.name} ${who.surname}` });
  await manager.page.getByRole("button", { name }).click();
  await manager.page.getByRole("menuitemcheckbox", { name: word, exact: true }).click();
}

// Whatever became of the test: what Anna has open is counted in the next.
afterEach(async () => {
  const path = `conversations?view=all&user_login=${ANNA.login}`;
  const { result } = await stage().server.administer<{ result: { conversation_id: string }[] }>("GET", path);
  for (const { conversation_id } of result) await stage().anna.close(conversation_id);
});

describe("the wall", () => {
  test("shows who waits, and since when, as it happens", async () => {
    const queue = await stage().queue({ answer_goal_seconds: 5 }, "Reklamacje");
    const manager = await wall();
    const waiting = manager.region("wall.who_waits");
    await manager.shows(manager.t("wall.live"));
    const conversation = await starts(queue, "Zofia");
    const link = waiting.getByRole("link", { name: /Zofia/ });
    await link.waitFor();
    expect(await link.getAttribute("href")).toBe(`#/all/${conversation}`);
    // It ticks, and is red when it is too long.
    const time = link.getByText(/^\d+:\d\d/);
    await until("a wait that is too long", async () => (await time.innerText()).includes("too long"));
    const row = manager.region("wall.queues").getByRole("row", { name: /Reklamacje/ });
    expect(await row.getByRole("cell").first().innerText()).toBe("1");

    await stage().anna.claim(conversation);
    await link.waitFor({ state: "hidden" });
    await stage().anna.say(conversation, "W czym mogę pomóc?");
    await stage().anna.close(conversation);
    await until("the one that was answered", async () => {
      const cells = await row.getByRole("cell").allInnerTexts();
      return cells[0] === "0" && cells[4] === "1";
    });
  });

  test("shows what agents have open, and for whom each waits", async () => {
    const queue = await stage().queue();
    const conversation = await starts(queue, "Hanna");
    await stage().anna.claim(conversation);
    const manager = await wall();
    const talks = manager.page.getByRole("button", { name: /Conversations of Anna Nowak: 1 of/ });
    await talks.click();
    const link = manager.region("wall.agents").getByRole("link", { name: /Hanna/ });
    expect(await link.getAttribute("href")).toBe(`#/all/${conversation}`);
    await link.getByText(manager.t("wall.client_waits")).waitFor();
    await stage().anna.say(conversation, "Już patrzę.");
    await link.getByText(manager.t("wall.agent_waits")).waitFor();
    await stage().anna.close(conversation);
    await manager.shows(manager.t("wall.no_talks"));
  });

  test("raises an alarm when nobody answers, and rings", async () => {
    const queue = await stage().queueOfNobody({}, "Nocna zmiana");
    const context = await stage().person("en", {});
    await context.addInitScript(() => {
      // As on a screen that nobody has touched since it was switched on: whoever drives the browser touches it all the time.
      Object.defineProperty(navigator, "userActivation", { value: { hasBeenActive: false } });
      const heard = window as unknown as { notes: number };
      heard.notes = 0;
      const { start } = OscillatorNode.prototype;
      OscillatorNode.prototype.start = function (...when) {
        heard.notes++;
        start.apply(this, when);
      };
    });
    const manager = await wall({ context });
    const alarm = manager.page.getByRole("alert");
    await alarm.getByText(/Nocna zmiana/).waitFor();
    const notes = () => manager.page.evaluate(() => (window as unknown as { notes: number }).notes);
    expect(await notes(), "a page that nobody has touched is silent").toBe(0);
    await manager.button("wall.sound_on").click();
    const jan = await Agent.signIn(stage().server, JAN);
    await jan.is("free");
    await alarm.getByText(/Nocna zmiana/).waitFor({ state: "hidden" });
    await jan.is("paused");
    await alarm.getByText(/Nocna zmiana/).waitFor();
    await until("a ring", async () => (await notes()) > 0);

    await manager.button("wall.sound_off").click();
    const before = await notes();
    await jan.is("free");
    await alarm.getByText(/Nocna zmiana/).waitFor({ state: "hidden" });
    await jan.is("off");
    await alarm.getByText(/Nocna zmiana/).waitFor();
    expect(await notes()).toBe(before);
    jan.leave();
    await stage().server.set(queue, { enabled: false });
  });

  test("lets a supervisor say who is on duty", async () => {
    const queue = await stage().queue();
    const manager = await wall();
    const jan = await Agent.signIn(stage().server, JAN);
    await jan.is("off");
    await choose(manager, JAN, manager.t("duty_free"));
    await until("Jan on duty", async () => (await duty(JAN)) === "free");
    await manager.shows(/On duty since/);

    const conversation = await starts(queue, "Leon");
    await stage().anna.claim(conversation);
    await manager.page.getByRole("button", { name: /Conversations of Anna Nowak: 1 of/ }).waitFor();
    await choose(manager, ANNA, manager.t("duty_off"));
    const dialog = manager.page.getByRole("dialog", {
      name: manager.t("wall.off_title", { name: "Anna Nowak" }),
    });
    expect(await violations(manager.page)).toEqual([]);
    await dialog.getByRole("radio", { name: manager.t("leaving_colleague") }).check();
    await dialog.getByRole("button", { name: manager.t("wall.off_do") }).click();
    await dialog.getByText(manager.t("needed")).waitFor();
    await dialog.getByLabel(manager.t("colleague"), { exact: true }).click();
    await manager.page.getByRole("option", { name: /Jan Kowalski/ }).click();
    await dialog.getByRole("button", { name: manager.t("wall.off_do") }).click();
    await dialog.waitFor({ state: "hidden" });
    expect(await duty(ANNA)).toBe("off");
    await audited(stage(), "agent.duty", ({ subject }) => subject === `agent ${ANNA.login}`);
    await manager.page.getByRole("button", { name: /Conversations of Jan Kowalski: 1 of/ }).waitFor();
    await jan.close(conversation);
    jan.leave();
    await stage().anna.is("paused");
  });

  test("asks again at most every two seconds, however much happens", async () => {
    const queue = await stage().queue();
    const manager = await wall();
    await manager.shows(manager.t("wall.live"));
    const asked: number[] = [];
    manager.page.on("request", (request) => {
      if (request.url().endsWith("/console/wall")) asked.push(Date.now());
    });
    const from = Date.now();
    for (let at = 0; at < 40; at++) await starts(queue, `Klient ${at}`);
    await manager
      .region("wall.who_waits")
      .getByRole("link", { name: /Klient 39/ })
      .waitFor();
    const passed = Date.now() - from;
    expect(asked.length).toBeLessThanOrEqual(passed / 2_000 + 2);
    await stage().server.set(queue, { enabled: false });
  });

  test("has a screen for the room, with nothing to press", async () => {
    const manager = await wall({ browser: { viewport: { width: 1920, height: 1080 } } });
    await manager.button("wall.full_screen").click();
    const screen = manager.page.getByRole("dialog", { name: manager.t("wall.title") });
    await screen.getByText(manager.t("wall.waiting_now")).waitFor();
    const size = (text: string) =>
      screen.getByText(text, { exact: true }).evaluate((it) => parseFloat(getComputedStyle(it).fontSize));
    expect(await size(manager.t("wall.waiting_now"))).toBeGreaterThan(20);
    expect(await screen.getByRole("button").count(), "the way out").toBe(1);
    await manager.page.keyboard.press("Tab");
    await manager.page.keyboard.press("Tab");
    const isBelow = () =>
      document.activeElement?.closest("main, nav") && !document.querySelector("dialog:focus-within");
    expect(await manager.page.evaluate(isBelow), "what lies below is out of reach").toBeFalsy();
    expect(await violations(manager.page)).toEqual([]);
    expect(await wideIn(manager.page)).toEqual([]);
    await manager.page.keyboard.press("Escape");
    await screen.waitFor({ state: "hidden" });
    await manager.button("wall.full_screen").waitFor();
  });

  test("says when what it shows is not of now", async () => {
    const manager = await wall();
    await manager.shows(manager.t("wall.live"));
    await stage().server.stop();
    await manager.shows(/As of \d\d:\d\d/);
    await stage().server.again();
    await manager.shows(manager.t("wall.live"));
  });

  test("says what to do where there is no queue yet", async () => {
    const context = await stage().person("en", {});
    await context.route("**/console/wall", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ json: { ...(await response.json()), queues: [] } });
    });
    const manager = await wall({ context });
    await manager.shows(manager.t("wall.no_queue"));
    const link = manager.page.getByRole("link", { name: manager.t("wall.make_queue") });
    expect(await link.getAttribute("href")).toBe("#/settings/queues");
  });

  test("is for supervisors", async () => {
    const agent = await ConsolePage.signedIn(stage(), ANNA);
    await agent.goes("wall");
    await agent.shows(agent.t("unknown_place"));
    expect(await agent.page.getByRole("link", { name: agent.t("wall.title"), exact: true }).count()).toBe(0);
    const session = await stage().server.signIn(ANNA.login);
    await expect(stage().server.asAgent(session, "GET", "wall")).rejects.toMatchObject({ status: 403 });
  });

  test.each(LANGUAGES)("is axe-clean and fits a phone, in %s", { timeout: 120_000 }, async (language) => {
    const queue = await stage().queueNamed("Dział obsługi klientów korporacyjnych");
    await starts(queue, "Konstantynopolitańczykowianeczkiewicz-Brzęczyszczykiewicz");
    for (const viewport of [PHONE, { width: 1440, height: 900 }, { width: 320, height: 640 }]) {
      const manager = await wall({ language, browser: { viewport } });
      await manager.region("wall.who_waits").getByRole("link").first().waitFor();
      for (const theme of ["light", "dark"] as const) {
        await manager.wantTheme(theme);
        expect(await violations(manager.page)).toEqual([]);
      }
      expect(await wideIn(manager.page)).toEqual([]);
    }
  });
});
