/** The whole story of a visitor, in a shop's page on another site and at a page of our own. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { Agent } from "./agent";
import { choose, drag, drop, paper, paste, picture } from "./files";
import { useStage } from "./hooks";
import { expectSame, logOf } from "./log";

import { until } from "./until";
import { Visitor } from "./visitor";
import { LANGUAGES } from "./words";

const stage = useStage();

const CLAUSE = {
  pl: "Administratorem danych jest Sklep. Więcej: https://shop.example.org/prywatnosc",
  en: "The shop is the controller of your data. More: https://shop.example.org/privacy",
};
const CONSENT = { pl: "Proszę o wiadomości o promocjach.", en: "Please send me news of bargains." };
const NEEDED = { pl: "Zgadzam się na zapis rozmowy.", en: "I agree to the chat being kept." };
const GREETING = { pl: "Dzień dobry w Sklepie!", en: "Welcome to the shop!" };

/** What Anna and the visitor say and send to each other, once somebody has the conversation. */
async function talk(visitor: Visitor, anna: Agent, conversation: string): Promise<void> {
  await visitor.sees(visitor.t("assigned", { name: "Anna" }));
  await visitor.sees(visitor.t("talks_to", { name: "Anna" }));

  anna.types(conversation);
  await visitor.sees(visitor.t("is_typing", { name: "Anna" }));
  await anna.say(conversation, "Dzień dobry, już sprawdzam.");
  await visitor.seesNot(visitor.t("is_typing", { name: "Anna" }));
  await visitor.sees("Dzień dobry, już sprawdzam.");
  await anna.senses("the visitor has read", (it) => it.type === "read" && it.by === "client");

  await visitor.editor.fill("Dziękuję");
  const types = (is: boolean) => anna.senses("typing", (it) => it.type === "typing" && it.is_typing === is);
  await types(true);
  await visitor.editor.press("Enter");
  await anna.hears(conversation, "Dziękuję");
  await visitor.seesFate("delivered");
  anna.reads(conversation);
  await visitor.seesFate("read");

  // A line break is part of a message.
  await visitor.editor.pressSequentially("raz");
  await visitor.editor.press("Shift+Enter");
  await visitor.editor.pressSequentially("dwa");
  await visitor.button("send").click();
  await anna.hears(conversation, "raz\ndwa");
}

/** Files by all ways, and from the other side. */
async function send(visitor: Visitor, anna: Agent, conversation: string): Promise<void> {
  // Held back, so that there is something to see of it.
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await visitor.page.route(/\/files\?name=/, async (route) => {
    await held;
    await route.continue();
  });
  await choose(visitor.button("attach"), [paper("faktura.txt"), picture("buty.png")]);
  await visitor.chat
    .getByRole("progressbar", { name: visitor.words.like("uploading") })
    .first()
    .waitFor();
  expect(await visitor.button("send").isDisabled(), "what is not there yet can't be sent").toBe(true);
  letGo();
  await visitor.chat.getByRole("progressbar").first().waitFor({ state: "hidden" });
  await visitor.page.unroute(/\/files\?name=/);
  await paste(visitor.editor, picture("wklejone.png"));
  await drag(visitor.editor, paper("upuszczone.txt"));
  await visitor.sees(visitor.t("drop"));
  await drop(visitor.editor, paper("upuszczone.txt"));
  await visitor.seesNot(visitor.t("drop"));
  const attachments = visitor.chat.getByRole("list", { name: visitor.t("attachments") });
  await expect.poll(() => attachments.getByRole("listitem").count()).toBe(4);
  await attachments
    .getByRole("button", { name: visitor.t("remove_file", { name: "upuszczone.txt" }) })
    .click();
  await expect.poll(() => visitor.chat.getByRole("progressbar").count()).toBe(0);
  await visitor.editor.fill("Trzy pliki");
  await visitor.editor.press("Enter");
  const names = ["faktura.txt", "buty.png", "wklejone.png"];
  const sent = await anna.hears(conversation, "Trzy pliki");
  expect(sent.data?.files?.map(({ name }) => name)).toEqual(names);
  await attachments.waitFor({ state: "hidden" });

  // A file alone, without a word.
  await drop(visitor.editor, paper("samo.txt"));
  await until("it is there to be sent", () => visitor.button("send").isEnabled());
  await visitor.button("send").click();
  await anna.finds(conversation, "samo.txt", (it) => it.data?.files?.[0]?.name === "samo.txt");

  const id = await anna.upload(conversation, "etykieta.png", picture("").buffer);
  await anna.say(conversation, "Etykieta zwrotna", [id]);
  const theirs = visitor.log.getByRole("button", { name: /etykieta\.png/ });
  const width = () => theirs.locator("img").evaluate((it) => (it as HTMLImageElement).naturalWidth);
  await expect.poll(width, { message: "a picture is shown" }).toBe(160);
  const [download] = await Promise.all([visitor.page.waitForEvent("download"), theirs.click()]);
  expect(download.suggestedFilename()).toBe("etykieta.png");
  expect(await readFile(await download.path())).toEqual(picture("").buffer);
}

/** Restarts in between, by an operator and by a power cut; what is said meanwhile is said once. */
async function survive(visitors: Visitor[], anna: Agent, conversation: string): Promise<void> {
  const [visitor] = visitors as [Visitor];
  // Browsers are slow to draw tabs that nobody sees.
  await visitor.page.bringToFront();
  for (const [how, text] of [
    ["stop", "W trakcie restartu"],
    ["kill", "W trakcie awarii"],
  ] as const) {
    await stage().server[how]();
    await visitor.editor.fill(text);
    await visitor.editor.press("Enter");
    await visitor.sees(text);
    await visitor.seesFate("sending");
    await visitor.sees(visitor.t("reconnecting"));
    await stage().server.again();
    await anna.hears(conversation, text);
    await visitor.seesNot(visitor.t("reconnecting"));
    for (const one of visitors) await one.sees(text);
    await anna.say(conversation, `Jestem po: ${text}`);
  }
  await expectSame(stage().server, conversation, visitors);
}

/** The end, what is thought of it, and what is kept of it. */
async function finish(visitor: Visitor, conversation: string): Promise<void> {
  await visitor.end();
  await visitor.sees(visitor.t("closed"));
  expect(await visitor.editor.count(), "nothing can be said any more").toBe(0);
  await visitor.rate("rate_happy", "Szybko i miło");
  const rated = (await logOf(stage().server, conversation)).find(({ kind }) => kind === "rated");
  expect(rated?.data?.rating).toBe("happy");
  const end = visitor.chat.getByRole("region", { name: visitor.t("closed") });
  const save = end.getByRole("button", { name: visitor.t("save_transcript") });
  const [download] = await Promise.all([visitor.page.waitForEvent("download"), save.click()]);
  const transcript = await readFile(await download.path(), "utf8");
  for (const text of await visitor.messages()) {
    for (const line of text.split("\n")) expect(transcript).toContain(line);
  }
}

describe.each(LANGUAGES)("in %s", (language) => {
  test("a visitor in a shop's page on another site", async () => {
    const { server, anna } = stage();
    await Promise.all([
      server.clause("rodo", CLAUSE),
      server.clause("zapis", NEEDED, "consent", true),
      server.clause("promocje", CONSENT, "consent"),
    ]);
    const clauses = ["rodo", "zapis", "promocje"];
    const widget = { greeting: GREETING, asks_name: "required" as const };
    const queue = await stage().queue({ clauses, widget });
    const before = await server.api<{ conversation_id: string }>(
      "POST",
      `chat_conversations/start?chat_queue_id=${queue}`,
    );
    const visitor = await stage().inShop(queue, { language });

    // The bubble, and what it opens.
    const bubble = await until("the bubble", () => visitor.bubble());
    expect(bubble).toMatchObject({ name: visitor.words.loader("open"), isExpanded: false });
    await visitor.open();
    await visitor.sees(GREETING[language]);
    const link = visitor.chat.getByRole("link", { name: /shop\.example\.org/ });
    expect(await link.getAttribute("href")).toBe(
      CLAUSE[language].split("Więcej: ").at(-1)?.split("More: ").at(-1),
    );
    for (const consent of await visitor.chat.getByRole("checkbox").all()) {
      expect(await consent.isChecked(), "nobody has agreed yet").toBe(false);
    }

    // What is missing is said, and found.
    await visitor.button("start").click();
    await visitor.sees(visitor.t("needed"));
    await visitor.sees(visitor.t("consent_needed"));
    const isFocused = () => visitor.field("name").evaluate((it) => it === document.activeElement);
    await expect.poll(isFocused).toBe(true);
    await visitor.fill({ name: "Łucja Żak", email: "to nie adres", text: "Gdzie jest paczka?" });
    await visitor.button("start").click();
    await visitor.sees(visitor.t("email_wrong"));
    await visitor.fill({
      email: "lucja@example.org",
      text: "Gdzie jest paczka?",
      consents: [NEEDED[language]],
    });
    await visitor.button("start").click();
    await visitor.log.waitFor();
    const conversation = await until("the conversation", async () => {
      const query = `chats?chat_queue_id=${queue}&limit=2`;
      const { result } = await server.api<{ result: { conversation_id: string }[] }>("GET", query);
      return result.find((it) => it.conversation_id !== before.conversation_id)?.conversation_id;
    });
    const known = await server.api<Record<string, unknown>>("GET", `chats/${conversation}`);
    expect(known).toMatchObject({ client_name: "Łucja Żak", client_email: "lucja@example.org" });

    // Waiting, as it moves on.
    await visitor.sees(visitor.t("place_two", { count: 2 }));
    await server.api("POST", `chat_conversations/${before.conversation_id}/stop`);
    await visitor.sees(visitor.t("next"));
    await anna.claim(conversation);

    await talk(visitor, anna, conversation);
    await send(visitor, anna, conversation);
    await expectSame(server, conversation, [visitor]);

    // Put away: what comes is counted, and only counted.
    await visitor.minimise();
    await until("the bubble has the focus", async () => (await visitor.bubble())?.isFocused);
    await anna.say(conversation, "Paczka jest w drodze.");
    const unread = visitor.words.loader("unread", { count: 1 });
    await until("the count", async () => (await visitor.bubble())?.name.includes(unread));
    await visitor.open();
    await visitor.sees("Paczka jest w drodze.");
    await until("no count", async () => !(await visitor.bubble())?.name.includes(unread));

    // The page is loaded again: nothing has to be opened to be told of news.
    await visitor.page.reload();
    await until("the frame by itself", () => visitor.frame());
    await anna.say(conversation, "Będzie jutro.");
    await until("the count", async () => (await visitor.bubble())?.name.includes(unread));
    await visitor.open();
    await expectSame(server, conversation, [visitor]);

    // A second tab is the same conversation.
    const other = await stage().inShop(queue, { language, context: visitor.page.context() });
    await other.open();
    await other.log.waitFor();
    await other.say("Z drugiej karty");
    await visitor.say("Z pierwszej karty");
    await anna.hears(conversation, "Z pierwszej karty");
    await expectSame(server, conversation, [visitor, other]);

    await survive([visitor, other], anna, conversation);
    await finish(visitor, conversation);
    await other.sees(visitor.t("closed"));
    await expectSame(server, conversation, [visitor, other]);

    // A new one, by somebody who is known by now.
    await visitor.button("start_new").click();
    await visitor.startKnown("Jeszcze jedno");
    await visitor.sees("Jeszcze jedno");
    expect(await visitor.messages()).toEqual(["Jeszcze jedno"]);
  });

  test("a customer at the link that an integrator has sent", async () => {
    const { server, anna } = stage();
    const queue = await stage().queue();
    const { visitor, conversation } = await stage().atLink(queue, { language });
    await visitor.log.waitFor();
    await visitor.sees(visitor.t("next"));
    expect(await visitor.button("minimise").count(), "there is nothing behind it").toBe(0);
    await visitor.say("Gdzie jest paczka?");
    await visitor.seesFate("sent");
    await anna.claim(conversation);
    await talk(visitor, anna, conversation);
    await send(visitor, anna, conversation);
    await visitor.page.reload();
    await expectSame(server, conversation, [visitor]);
    const { link } = await server.link(conversation);
    const other = await Visitor.at(visitor.page.context(), link, language);
    await expectSame(server, conversation, [visitor, other]);
    await survive([visitor, other], anna, conversation);
    await finish(visitor, conversation);
    await other.sees(visitor.t("closed"));
    await expectSame(server, conversation, [visitor, other]);
  });
});
