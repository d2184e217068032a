/**
 * A whole working day at the console: an agent by the keyboard alone, a colleague, their supervisor, and a visitor in a
 * shop. The server dies on the way, and a network: nothing is lost, nothing is there twice.
 */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { ConsolePage } from "./console";
import { paper } from "./files";
import { useStage } from "./hooks";
import { apiMessagesOf, expectSame } from "./log";
import { offline } from "./network";
import type { Person } from "./server";
import { until } from "./until";
import type { Visitor } from "./visitor";

const stage = useStage();

const ZOFIA: Person = { login: "zlecka", name: "Zofia", surname: "Łęcka" };
const TOMASZ: Person = { login: "tlipa", name: "Tomasz", surname: "Lipa" };
const HALINA: Person = { login: "hmaj", name: "Halina", surname: "Maj", role: "supervisor" };
const CLIENT = "Marta Wiśniewska";
const OFFLINE_MS = 30_000;
/** High enough for the thread to be drawn as a whole. */
const DESK = { width: 1440, height: 2600 };

// ---- What a person can't see in a browser without a screen.

interface Sounds {
  notes: number;
}

/** Counts the notes that the page plays. */
async function listen(page: ConsolePage): Promise<() => Promise<number>> {
  await page.page.evaluate(() => {
    const heard = window as unknown as Sounds;
    heard.notes = 0;
    const { start } = OscillatorNode.prototype;
    OscillatorNode.prototype.start = function (...when) {
      heard.notes++;
      start.apply(this, when);
    };
  });
  return () => page.page.evaluate(() => (window as unknown as Sounds).notes);
}

/** The notifications that are shown now. */
function notifications({ page }: ConsolePage): Promise<{ title: string; body: string }[]> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration("/console/");
    const shown = (await registration?.getNotifications()) ?? [];
    return shown.map(({ title, body }) => ({ title, body }));
  });
}

// ---- The log, and what consoles show of it.

interface Event {
  seq: number;
  id?: string | null;
  kind: string;
  text?: string | null;
  data?: { files?: { name: string }[] };
}

/** All that this person may see of it. */
async function eventsFor({ login }: Person, conversation: string): Promise<Event[]> {
  const { server } = stage();
  const session = await server.signIn(login);
  const all: Event[] = [];
  for (;;) {
    const path = `conversations/${conversation}/events?after=${all.at(-1)?.seq ?? 0}`;
    const { events } = await server.asAgent<{ events: Event[] }>(session, "GET", path);
    all.push(...events);
    if (events.length === 0) return all;
  }
}

/** What was said, from above to below: whether it is for colleagues only, the text, the names of files. */
function shown({ thread }: ConsolePage): Promise<string[]> {
  return thread.evaluate((log) =>
    [...log.querySelectorAll<HTMLElement>("[data-how]")].map((one) => {
      const text = one.querySelector(".whitespace-pre-wrap")?.textContent ?? "";
      const files = [...one.querySelectorAll("a[download]")].map((it) => it.getAttribute("download"));
      return [one.dataset.how, text, ...files].join("|");
    }),
  );
}

const HOW: Record<string, string> = { message: "reply", note: "note", whisper: "whisper" };

/** What this person's console shows is the log: all of it once, in its order, and nothing else. */
async function expectLog(console: ConsolePage, conversation: string): Promise<string[]> {
  const events = await eventsFor(console.person, conversation);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
  const ids = events.map(({ id }) => id).filter(Boolean);
  expect(ids, "nothing was stored twice").toHaveLength(new Set(ids).size);
  const said = events.filter(({ kind }) => HOW[kind]);
  const wanted = said.map(({ kind, text, data }) =>
    [HOW[kind], text ?? "", ...(data?.files ?? []).map(({ name }) => name)].join("|"),
  );
  await expect.poll(() => shown(console), { timeout: 15_000 }).toEqual(wanted);
  return wanted;
}

// ---- Everything by keys.

async function type({ keyboard }: Page, text: string, key = "Enter"): Promise<void> {
  await keyboard.type(text);
  await keyboard.press(key);
}

/** Presses a key until the focus is where it is wanted, as whoever sees the focus does. */
async function pressTo({ page }: ConsolePage, key: string, name: string | RegExp): Promise<void> {
  const isThere = () =>
    page.evaluate(() => {
      const it = document.activeElement;
      const labels = [...((it as HTMLInputElement | null)?.labels ?? [])].map((label) => label.innerText);
      return [it?.getAttribute("aria-label"), ...labels, it?.textContent].find((text) => text?.trim()) ?? "";
    });
  for (let presses = 0; presses < 30; presses++) {
    const found = (await isThere()).trim();
    if (typeof name === "string" ? found === name : name.test(found)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`30 times ${key} do not lead to ${name}`);
}

/** By the palette. */
async function command({ page, t }: ConsolePage, words: string): Promise<void> {
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog");
  await palette.getByRole("combobox").waitFor();
  await page.keyboard.type(words);
  await palette.getByRole("option").first().waitFor();
  await page.keyboard.press("Enter");
  await palette.waitFor({ state: "hidden" });
}

function hears(visitor: Visitor, text: string): Promise<void> {
  return visitor.log.getByText(text).waitFor();
}

test("a working day", { timeout: 180_000 }, async () => {
  const { server } = stage();
  stage().anna.leave();
  for (const person of [ZOFIA, TOMASZ, HALINA]) await server.hire(person);
  const queue = await server.queue({}, "Reklamacje", [ZOFIA, TOMASZ]);
  const topic = await server.administer<{ id: number }>("POST", "topics", { name: "Zwrot" });
  for (const name of ["pilne", "paczka"]) await server.administer("POST", "tags", { name });
  await server.administer("POST", "canned_answers", {
    shortcut: "witaj",
    text: "Dzień dobry, {client_name}! Tu {agent_name}.",
  });
  await server.administer("POST", "canned_answers", { shortcut: "zegnaj", text: "Do widzenia." });

  // ---- Signed in and on duty, by keys.
  let zofia = await ConsolePage.at(stage(), ZOFIA, { browser: { viewport: DESK } });
  const context = zofia.page.context();
  await zofia.page.getByRole("textbox", { name: zofia.t("entry.login") }).waitFor();
  await type(zofia.page, ZOFIA.login, "Tab");
  await type(zofia.page, "a password of tests");
  await zofia.isThere();
  const notes = await listen(zofia);
  await command(zofia, zofia.t("come_on_duty"));
  await zofia.page.getByRole("button", { name: zofia.t("duty_free") }).waitFor();
  expect(await zofia.page.evaluate(() => Notification.permission)).toBe("granted");
  await until("the sound, once, so that it is known", async () => (await notes()) > 0);
  const known = await notes();

  // ---- A chat comes, with a notification, and rings until it is opened.
  const marta = await stage().inShop(queue);
  await marta.open();
  await marta.start({ name: CLIENT, text: "Gdzie jest moja paczka?" });
  const conversation = await server.conversationOf(queue);
  await zofia.row(CLIENT).waitFor();
  await expect.poll(() => notifications(zofia)).toEqual([{ title: CLIENT, body: zofia.t("notify_yours") }]);
  expect(await notes()).toBeGreaterThan(known);
  await expect.poll(() => zofia.page.title()).toMatch(/^\(1\)/);
  await zofia.page.keyboard.press("Alt+ArrowDown");
  await zofia.sees("Gdzie jest moja paczka?");
  await expect.poll(() => notifications(zofia)).toEqual([]);
  await marta.sees(marta.t("talks_to", { name: "Zofia" }));

  // ---- Answered by keys: an own answer, one from the shelf, a file, a note.
  await expect.poll(() => zofia.editor.evaluate((it) => it === document.activeElement)).toBe(true);
  await type(zofia.page, "Już sprawdzam.");
  await hears(marta, "Już sprawdzam.");
  await zofia.page.keyboard.type("/wit");
  await zofia.page.getByRole("option", { name: /witaj/ }).waitFor();
  await zofia.page.keyboard.press("Enter");
  const filled = `Dzień dobry, ${CLIENT}! Tu Zofia.`;
  await expect.poll(() => zofia.editor.inputValue()).toBe(filled);
  await zofia.page.keyboard.press("Enter");
  await hears(marta, filled);
  const chooser = zofia.page.waitForEvent("filechooser");
  await pressTo(zofia, "Tab", zofia.t("talk.attach"));
  await zofia.page.keyboard.press("Enter");
  await (await chooser).setFiles(paper("etykieta.txt"));
  await pressTo(zofia, "Tab", zofia.t("talk.send"));
  await zofia.page.keyboard.press("Enter");
  await marta.log.getByText("etykieta.txt").waitFor();
  await zofia.page.keyboard.press("Escape");
  await zofia.page.keyboard.press("i");
  await type(zofia.page, "Dzwoniła już wczoraj.");
  await zofia.sees("Dzwoniła już wczoraj.");
  await marta.say("Numer to 4711.");
  await zofia.sees("Numer to 4711.");

  // ---- The supervisor follows, and whispers.
  const halina = await ConsolePage.signedIn(stage(), HALINA, { browser: { viewport: DESK } });
  await halina.view("all");
  await halina.row(CLIENT).click();
  await halina.sees("Numer to 4711.");
  await zofia.page.getByRole("img", { name: zofia.t("talk.looking", { names: "Halina Maj" }) }).waitFor();
  await halina.way("whisper");
  await halina.write("Proszę dać rabat.");
  await zofia.sees("Proszę dać rabat.");

  // ---- The power goes. What was not sent yet, and what was not even finished, outlives the page.
  await server.kill();
  await zofia.page.getByText(zofia.t("reconnecting")).waitFor();
  await zofia.page.keyboard.press("Escape");
  await zofia.page.keyboard.press("r");
  await type(zofia.page, "Mam ją, jedzie.");
  await zofia.thread.getByText(zofia.t("talk.sending")).waitFor();
  await zofia.page.keyboard.type("Będzie we");
  await expect.poll(() => kept(zofia)).toContain("Będzie we");
  await marta.say("Halo?");
  await marta.seesFate("sending");
  await zofia.page.close();
  await server.again();
  zofia = await ConsolePage.at(stage(), ZOFIA, { context });
  await zofia.isThere();
  await zofia.open(conversation);
  await zofia.sees("Halo?");
  await hears(marta, "Mam ją, jedzie.");
  expect(await zofia.editor.inputValue()).toBe("Będzie we");
  await expectSame(server, conversation, [marta]);

  // ---- Half a minute without a network, while everybody goes on.
  await offline({ page: zofia.page, isFramed: false } as Visitor, true);
  const since = Date.now();
  await zofia.page.getByText(zofia.t("offline")).waitFor();
  await zofia.editor.focus();
  await type(zofia.page, " wtorek.");
  await type(zofia.page, "Pasuje?");
  await zofia.thread.getByText(zofia.t("talk.sending")).last().waitFor();
  await marta.say("Jestem w pracy do szóstej.");
  await marta.say("Proszę po szóstej.");
  await halina.sees("Proszę po szóstej.");
  await halina.write("Paczkomat jest bliżej.");
  await halina.sees("Paczkomat jest bliżej.");
  await until("half a minute is over", () => Date.now() - since > OFFLINE_MS, OFFLINE_MS * 2);
  expect((await shown(zofia)).join()).not.toContain("Proszę po szóstej.");
  expect((await marta.messages()).join()).not.toContain("Pasuje?");
  await offline({ page: zofia.page, isFramed: false } as Visitor, false);
  await hears(marta, "Pasuje?");
  await zofia.sees("Proszę po szóstej.");
  await zofia.sees("Paczkomat jest bliżej.");
  await zofia.page.getByText(zofia.t("offline")).waitFor({ state: "hidden" });
  await zofia.page.getByText(zofia.t("talk.page_open")).waitFor();
  await expectSame(server, conversation, [marta]);
  await expectLog(zofia, conversation);

  // ---- Handed on to a colleague, with a note.
  const tomasz = await ConsolePage.signedIn(stage(), TOMASZ, { browser: { viewport: DESK } });
  await tomasz.onDuty();
  await zofia.page.keyboard.press("Escape");
  await zofia.page.keyboard.press("t");
  const colleague = zofia.dialog().getByRole("radio", { name: /Tomasz Lipa/ });
  await until("Tomasz to be free", () => colleague.isEnabled());
  await type(zofia.page, "lipa", "Tab");
  await zofia.page.keyboard.press("Space");
  await pressTo(zofia, "Tab", new RegExp(zofia.t("talk.transfer_note")));
  await zofia.page.keyboard.type("Czeka na termin.");
  await pressTo(zofia, "Tab", zofia.t("talk.transfer_do"));
  await zofia.page.keyboard.press("Enter");
  await zofia.page.getByText(zofia.t("talk.is_with", { name: "Tomasz Lipa" })).waitFor();
  await tomasz.row(CLIENT).waitFor();
  await expect.poll(() => notifications(tomasz)).toHaveLength(1);
  await tomasz.row(CLIENT).click();
  await tomasz.sees("Czeka na termin.");
  await marta.sees(marta.t("talks_to", { name: "Tomasz" }));
  await tomasz.write("Będzie po szóstej.");
  await hears(marta, "Będzie po szóstej.");

  // ---- Closed, with what it was about.
  await tomasz.page.keyboard.press("Escape");
  await tomasz.page.keyboard.press("e");
  await tomasz
    .dialog()
    .getByRole("combobox", { name: tomasz.t("talk.topic") })
    .fill("zwr");
  await tomasz.page.getByRole("option", { name: "Zwrot" }).click();
  await tomasz.dialog().getByRole("button", { name: "paczka" }).click();
  await tomasz
    .dialog()
    .getByRole("button", { name: tomasz.t("talk.close_do") })
    .click();
  await tomasz.page.getByText(tomasz.t("talk.closed_toast")).waitFor();
  await marta.button("start_new").waitFor();
  const about = await server.administer<{ topic_id: number; tag_ids: number[] }>(
    "GET",
    `conversations/${conversation}`,
  );
  expect(about).toMatchObject({ topic_id: topic.id, tag_ids: [expect.any(Number)] });

  // ---- Reopened from what is over.
  await tomasz.view("closed_ones");
  await tomasz.row(CLIENT).click();
  await tomasz.page
    .getByRole("button", { name: tomasz.t("talk.reopen") })
    .first()
    .click();
  await tomasz.page.getByRole("tab", { name: tomasz.t("talk.reply") }).waitFor();
  await tomasz.way("reply");
  await tomasz.write("Jeszcze jedno: proszę o ocenę.");
  await hears(marta, "Jeszcze jedno: proszę o ocenę.");
  await marta.say("Dziękuję, świetnie!");
  await tomasz.sees("Dziękuję, świetnie!");

  // ---- At the end of the day all see the same, and the visitor nothing that was for colleagues.
  const theirs = await expectSame(server, conversation, [marta]);
  for (const secret of ["Dzwoniła już", "rabat", "Paczkomat", "Czeka na termin"]) {
    expect(JSON.stringify(theirs)).not.toContain(secret);
    expect((await apiMessagesOf(server, conversation)).join()).not.toContain(secret);
    expect(await marta.chat.evaluate(() => document.body.innerText)).not.toContain(secret);
  }
  for (const one of [zofia, tomasz, halina]) await expectLog(one, conversation);
  expect(await zofia.page.evaluate(() => Object.keys(localStorage).join())).not.toContain("unsent");

  // ---- And it is found by what was said.
  await zofia.page.keyboard.press("Control+k");
  await zofia.page.getByRole("dialog").getByRole("combobox").waitFor();
  await zofia.page.keyboard.type("szostej");
  const whole = zofia.page.getByRole("option", { name: zofia.t("palette_search_for", { text: "szostej" }) });
  // The last of what the palette offers.
  await until("the search", async () => {
    await zofia.page.keyboard.press("End");
    return (await whole.getAttribute("aria-selected")) === "true";
  });
  await zofia.page.keyboard.press("Enter");
  const hit = zofia.page.getByRole("list", { name: zofia.t("search.results") }).getByRole("link");
  await hit.first().waitFor();
  expect(await hit.first().locator("mark").allInnerTexts()).toEqual(["szóstej"]);
  await hit.first().click();
  await zofia.sees("Proszę po szóstej.");
});

/** What the browser keeps of what was written. */
function kept({ page }: ConsolePage): Promise<string> {
  return page.evaluate(() => JSON.stringify({ ...localStorage }));
}
