/** Every state that ux.md names, as it comes about, and what a visitor is told of it. */
import { describe, expect, test } from "vitest";
import { paper, paste } from "./files";
import { STUB } from "./host";
import { useStage } from "./hooks";
import { sign } from "./identity";
import { expectSame, logOf } from "./log";
import {
  block,
  CLAUSES,
  closedNow,
  CONFIG,
  needsIdentity,
  notSent,
  refuseStorage,
  withBot,
  writeClauses,
} from "./scenes";
import { JAN } from "./server";
import { until } from "./until";
import { Visitor } from "./visitor";
import { LANGUAGES, LOCALES, Words } from "./words";

const stage = useStage({ config: CONFIG });

/** What is behind `_tc` in the page. */
type Tc = Window & {
  _tc: ((...args: unknown[]) => void) & { q?: unknown };
  events: string[];
  isThere?: boolean;
};

/** Opens the chat in a shop's page. */
async function open(...args: Parameters<ReturnType<typeof stage>["inShop"]>): Promise<Visitor> {
  const visitor = await stage().inShop(...args);
  await visitor.open();
  return visitor;
}

describe("nobody answers at once", () => {
  test.each(LANGUAGES)("closed: when it opens again, and a message is taken (%s)", async (language) => {
    const { hours, opensAt } = closedNow();
    const away = { pl: "Odpisujemy do południa.", en: "We answer until noon." };
    const queue = await stage().queue({ hours, mail_after_seconds: 0, widget: { away } });
    const visitor = await open(queue, { language });
    const zone = { timeZone: "Europe/Warsaw" };
    const time = new Intl.DateTimeFormat(LOCALES[language], {
      ...zone,
      hour: "2-digit",
      minute: "2-digit",
    }).format(opensAt);
    const day = (at: Date) => at.toLocaleDateString("en", zone);
    const isToday = day(opensAt) === day(new Date());
    const when = visitor.t(isToday ? "today" : "tomorrow", { time });
    await visitor.sees(visitor.t("closed_now"));
    await visitor.sees(visitor.t("opens_at", { when }));
    await visitor.sees(away[language]);
    await visitor.sees(visitor.t("answer_here"));
    await visitor.fill({ text: "Proszę o kontakt" });
    await visitor.button("leave_message").click();
    await visitor.log.waitFor();
    await visitor.sees(visitor.t("closed_now"));
    await visitor.sees(visitor.t("answer_will_here"));
    const conversation = await stage().server.conversationOf(queue);
    await expectSame(stage().server, conversation, [visitor]);
    // The answer is there, whenever it comes.
    await stage().anna.claim(conversation);
    await stage().anna.say(conversation, "Już jesteśmy.");
    await visitor.sees("Już jesteśmy.");
    await visitor.seesNot(visitor.t("closed_now"));
  });

  test("nobody on duty: the answer comes by e-mail to who has given an address", async () => {
    const queue = await stage().queueOfNobody();
    const visitor = await open(queue);
    await visitor.sees(visitor.t("nobody_now"));
    await visitor.sees(visitor.t("answer_email"));
    await visitor.start({ text: "Proszę o kontakt", email: "jan@example.org" });
    await visitor.sees(visitor.t("answer_will_email"));
    const other = await open(queue);
    await other.start({ text: "Też proszę" });
    await other.sees(other.t("answer_will_here"));
    // Whoever comes on duty is seen without loading the page again.
    const conversation = await stage().server.conversationOf(queue);
    await stage().server.api("POST", `chat_conversations/${conversation}/assign`, { user_login: JAN.login });
    await other.sees(other.t("talks_to", { name: "Jan" }));
    await other.seesNot(other.t("nobody_now"));
  });
});

describe("a conversation goes on elsewhere", () => {
  test("transferred to another queue, and to a colleague", async () => {
    const { server, anna } = stage();
    const { queue, visitor, conversation } = await stage().talking();
    await anna.note(conversation, "Tylko dla nas");
    await server.api("POST", `chat_conversations/${conversation}/assign`, { user_login: JAN.login });
    await visitor.sees(visitor.t("talks_to", { name: "Jan" }));
    const chat_queue_id = await stage().queueNamed("Reklamacje");
    await server.api("POST", `chat_conversations/${conversation}/transfer`, {
      user_login: JAN.login,
      chat_queue_id,
      note: "Pyta o zwrot",
    });
    await visitor.sees(visitor.t("transferred"));
    await visitor.seesNot(visitor.t("talks_to", { name: "Jan" }));
    await visitor.say("Halo?");
    await anna.claim(conversation);
    await visitor.sees(visitor.t("talks_to", { name: "Anna" }));
    await visitor.seesNot("Tylko dla nas");
    await visitor.seesNot("Pyta o zwrot");
    await expectSame(server, conversation, [visitor]);
    await visitor.page.reload();
    await visitor.open();
    await visitor.chat.getByRole("heading", { name: "Reklamacje" }).waitFor();
    await expectSame(server, conversation, [visitor]);
    // The page still is that of the first queue.
    await visitor.end();
    await visitor.button("start_new").click();
    await visitor.chat.getByRole("heading", { name: `Sklep ${queue}` }).waitFor();
    expect(await visitor.chat.getByRole("combobox").count()).toBe(0);
    await visitor.startKnown("Nowa sprawa");
    expect(await server.conversationOf(queue)).not.toBe(conversation);
  });

  test("from a bot to a person", async () => {
    const { visitor, conversation, text } = await withBot(stage(), "en");
    await visitor.log.getByText(visitor.t("bot"), { exact: true }).waitFor();
    await visitor.sees(text);
    await stage().anna.claim(conversation);
    await visitor.sees(visitor.t("assigned", { name: "Anna" }));
    await expectSame(stage().server, conversation, [visitor]);
  });

  test("opened again after its end", async () => {
    const { anna, server } = stage();
    const { visitor, conversation } = await stage().talking();
    await anna.close(conversation);
    await visitor.sees(visitor.t("closed"));
    await anna.reopen(conversation);
    await visitor.sees(visitor.t("reopened"));
    await visitor.say("Jeszcze coś");
    await anna.hears(conversation, "Jeszcze coś");
    await expectSame(server, conversation, [visitor]);
  });

  test("texts that are erased are gone from the page", async () => {
    const { anna, server } = stage();
    const { visitor, conversation } = await stage().talking({}, {}, "Mój numer to 44051401359");
    await anna.say(conversation, "Dziękuję");
    await visitor.sees("Dziękuję");
    await server.api("DELETE", `chat_conversations/content/${conversation}/customer`);
    await visitor.sees(visitor.t("text_gone"));
    await visitor.seesNot("44051401359");
    expect(await visitor.messages()).toEqual(["Dziękuję"]);
  });
});

describe("what the queue says of its chat", () => {
  test("is how it looks", async () => {
    const widget = {
      color: "#ffe600",
      side: "left",
      offset_x_pixels: 40,
      offset_y_pixels: 60,
      title: { pl: "Pomoc", en: "Help desk" },
    } as const;
    const visitor = await stage().inShop(await stage().queue({ widget }));
    const { box } = await until("the bubble", () => visitor.bubble());
    const height = visitor.page.viewportSize()?.height ?? 0;
    expect([box.x, height - box.y - box.height]).toEqual([40, 60]);
    await visitor.open();
    await visitor.chat.getByRole("heading", { name: "Help desk" }).waitFor();
    const header = visitor.chat.getByRole("banner");
    const style = await header.evaluate((it) => [
      getComputedStyle(it).backgroundColor,
      getComputedStyle(it).color,
    ]);
    expect(style).toEqual(["rgb(255, 230, 0)", "rgb(0, 0, 0)"]);
  });

  test("is that there is no bubble: the page opens it", async () => {
    const queue = await stage().queue({ widget: { is_launcher_hidden: true } });
    const visitor = await stage().inShop(queue);
    await until("the loader", () =>
      visitor.page.evaluate(() => !Array.isArray((window as unknown as Tc)._tc.q)),
    );
    expect(await visitor.bubble()).toBeUndefined();
    await visitor.page.evaluate(() => (window as unknown as Tc)._tc("open"));
    await until("the frame", () => visitor.frame());
    await visitor.start({ text: "Dzień dobry" });
  });

  test("is what is said first, and by nobody", async () => {
    const welcome = { pl: "Witamy w Sklepie.", en: "Welcome to the shop." };
    const queue = await stage().queue({ welcome_when: "creation", welcome });
    const visitor = await open(queue);
    await visitor.start({ text: "Dzień dobry" });
    await visitor.sees(welcome.en);
    await expectSame(stage().server, await stage().server.conversationOf(queue), [visitor]);
  });
});

test("a long conversation: what is earlier is shown when asked for", async () => {
  const { server, anna } = stage();
  const { visitor, conversation } = await stage().atLink(await stage().queue());
  await visitor.log.waitFor();
  await visitor.page.close();
  await anna.claim(conversation);
  for (let at = 1; at <= 250; at++) void anna.say(conversation, `Wiadomość ${at}.`);
  await anna.finds(conversation, "the last one", (it) => it.text === "Wiadomość 250.");
  const { link } = await server.link(conversation);
  const later = await Visitor.at(await stage().person(), link);
  await later.sees("Wiadomość 250.");
  expect((await later.messages()).length).toBeLessThan(250);
  const earlier = later.button("earlier");
  await until("all of it", async () => {
    if ((await later.messages()).length === 250) return true;
    await earlier.click();
    return false;
  });
  await expectSame(server, conversation, [later]);
});

describe("nothing more can be said", () => {
  test("closed while something was being written: it is kept for the next one", async () => {
    const { queue, visitor, conversation } = await stage().talking();
    await visitor.editor.fill("Jeszcze jedno pytanie");
    await stage().anna.close(conversation);
    await visitor.sees(visitor.t("kept_text"));
    await visitor.button("start_new").click();
    await expect.poll(() => visitor.editor.inputValue()).toBe("Jeszcze jedno pytanie");
    await visitor.button("send").or(visitor.button("start")).first().click();
    await expect.poll(() => visitor.messages()).toEqual(["Jeszcze jedno pytanie"]);
    const next = await until("another conversation", async () => {
      const id = await stage().server.conversationOf(queue);
      return id !== conversation && id;
    });
    expect((await logOf(stage().server, next)).map(({ text }) => text)).toContain("Jeszcze jedno pytanie");
  });

  test("blocked, in a conversation and before one; and allowed again", async () => {
    const { server } = stage();
    const email = "natret@example.org";
    const queue = await stage().queue();
    const visitor = await open(queue);
    await visitor.start({ text: "Dzień dobry", email });
    await server.conversationOf(queue);
    const id = await block(stage(), email);
    await visitor.say("Halo");
    await visitor.sees(visitor.t("blocked"));
    await visitor.sees(visitor.t("blocked_what"));
    const other = await open(queue);
    await other.fill({ text: "To znowu ja", email });
    await other.button("start").click();
    await other.sees(other.t("blocked"));
    await server.administer("DELETE", `blocks/${id}`);
    await other.page.reload();
    await other.open();
    await other.start({ text: "Przepraszam", email });
    await other.sees("Przepraszam");
  });

  test("a link that was revoked, that is wrong, and a conversation that is gone", async () => {
    const { server } = stage();
    const queue = await stage().queue();
    const { visitor, conversation } = await stage().atLink(queue);
    await visitor.log.waitFor();
    await server.api("DELETE", `chat_conversations/${conversation}/visitor_token`);
    await visitor.sees(visitor.t("link_over"));
    await visitor.page.reload();
    await visitor.sees(visitor.t("link_over"));
    await visitor.sees(visitor.t("link_over_what"));
    const wrong = await Visitor.at(await stage().person(), `${server.origin}/c/nosuchtoken`);
    await wrong.sees(wrong.t("link_over"));
    // In a shop there is another way: to begin anew.
    const talk = await stage().talking();
    await server.api("DELETE", `chat_conversations/${talk.conversation}`);
    await talk.visitor.sees(talk.visitor.t("conversation_gone"));
    await talk.visitor.editor.waitFor();
    expect(await talk.visitor.log.count()).toBe(0);
  });

  test("a queue that is disabled takes nothing new, and keeps what was begun", async () => {
    const { anna, server } = stage();
    const { queue, visitor, conversation } = await stage().talking();
    await server.set(queue, { enabled: false });
    await visitor.page.reload();
    await visitor.open();
    await visitor.say("Jeszcze jedno");
    await anna.hears(conversation, "Jeszcze jedno");
    const other = await stage().inShop(queue);
    await other.open();
    await other.sees(other.t("unavailable"));
    expect(await other.editor.count()).toBe(0);
  });

  test("a queue that is not there", async () => {
    const context = await stage().person();
    const warnings: string[] = [];
    context.on("console", (message) => message.type() === "warning" && warnings.push(message.text()));
    const visitor = await stage().inShop(999_999, { context });
    await until("a warning", () => warnings.find((it) => it.startsWith("Rozmowa:")));
    expect(await visitor.bubble()).toBeUndefined();
    const page = await fetch(`${stage().server.origin}/chat/999999`);
    expect(page.status).toBe(404);
    expect(await page.text()).toMatch(/<html/);
  });

  test("a message that is refused stays, can be sent again, and thrown away", async () => {
    const { anna, server } = stage();
    const { queue, visitor, conversation } = await notSent(stage(), "en");
    await visitor.sees(visitor.t("failed"));
    await visitor.say("Ta przejdzie");
    await anna.hears(conversation, "Ta przejdzie");
    await server.set(queue, { takes_files: true });
    await visitor.button("retry").click();
    await anna.finds(conversation, "the file", (it) => it.data?.files?.[0]?.name === "faktura.txt");
    await visitor.seesNot(visitor.t("failed"));
    await expectSame(server, conversation, [visitor]);
    await paste(visitor.editor, paper("druga.txt"));
    await until("the file", () => visitor.button("send").isEnabled());
    await server.set(queue, { takes_files: false });
    await visitor.button("send").click();
    await visitor.button("discard").click();
    await visitor.seesNot(visitor.t("failed"));
    await expectSame(server, conversation, [visitor]);
  });

  test("too many messages: all come, in order, only later", async () => {
    const { visitor, conversation } = await stage().talking();
    const texts = Array.from({ length: 26 }, (_, at) => `Wiadomość ${at + 1}.`);
    for (const text of texts) {
      await visitor.editor.fill(text);
      await visitor.editor.press("Enter");
    }
    await stage().anna.hears(conversation, texts.at(-1) ?? "");
    const messages = await expectSame(stage().server, conversation, [visitor]);
    expect(messages.map(({ text }) => text)).toEqual(["Dzień dobry", ...texts]);
  });
});

describe("this browser", () => {
  test("keeps nothing: it is said, and everything else works", async () => {
    const context = await stage().person();
    await refuseStorage(context);
    const { visitor, conversation } = await stage().talking({}, { context });
    await visitor.sees(visitor.t("not_stored"));
    await visitor.say("Słychać mnie?");
    await stage().anna.hears(conversation, "Słychać mnie?");
    await expectSame(stage().server, conversation, [visitor]);
  });

  test("knows who was here: the form is not asked again", async () => {
    const { visitor } = await stage().talking();
    await visitor.end();
    await visitor.button("start_new").click();
    await visitor.button("send").waitFor();
    expect(await visitor.field("name").count()).toBe(0);
    expect(await visitor.field("email").count()).toBe(0);
    await visitor.startKnown("To znowu ja");
    await visitor.sees("To znowu ja");
  });

  test("keeps what was being written", async () => {
    const { visitor } = await stage().talking();
    await visitor.editor.pressSequentially("Nie wysłane");
    await visitor.page.reload();
    await visitor.open();
    await expect.poll(() => visitor.editor.inputValue()).toBe("Nie wysłane");
  });

  test("speaks the other language when told, and remembers it", async () => {
    const { visitor } = await stage().talking();
    const polish = new Words("pl");
    await visitor.choose("language");
    await visitor.sees(polish.t("talks_to", { name: "Anna" }));
    await expect.poll(() => visitor.chat.evaluate(() => document.documentElement.lang)).toBe("pl");
    await visitor.page.reload();
    await visitor.clickBubble();
    await until("the frame", () => visitor.frame());
    await visitor.chat.getByRole("textbox", { name: polish.t("message") }).waitFor();
    await visitor.sees(polish.t("talks_to", { name: "Anna" }));
  });

  test("is quiet when told, and remembers it", async () => {
    const { visitor } = await stage().talking();
    await visitor.choose("sound_off");
    await visitor.button("menu").click();
    await visitor.button("sound_on").waitFor();
    await visitor.page.reload();
    await visitor.open();
    await visitor.button("menu").click();
    await visitor.button("sound_on").waitFor();
  });

  test("wants less motion: nothing moves", async () => {
    const { visitor, conversation } = await stage().talking({}, { browser: { reducedMotion: "reduce" } });
    stage().anna.types(conversation);
    await visitor.sees(visitor.t("is_typing", { name: "Anna" }));
    const moving = () =>
      document.getAnimations().filter(({ effect }) => Number(effect?.getComputedTiming().duration) > 50)
        .length;
    expect(await visitor.chat.evaluate(moving)).toBe(0);
    expect(await visitor.page.evaluate(moving)).toBe(0);
  });
});

describe("who the visitor is", () => {
  test("has to be signed by the page where the queue wants it", async () => {
    const { server } = stage();
    const queue = await stage().queue({ takes_unverified: false });
    const nobody = await open(queue);
    await needsIdentity(nobody);
    const path = `queues/${queue}/identity_secret`;
    const { identity_secret } = await server.administer<{ identity_secret: string }>("POST", path);
    const jwt = sign(identity_secret, { name: "Łucja Żak", email: "lucja@example.org", identifier: "1234" });
    const visitor = await open(queue, { script: `${STUB}_tc("set_identity", ${JSON.stringify(jwt)})` });
    await visitor.startKnown("To ja");
    const conversation = await server.conversationOf(queue);
    const known = await server.api<Record<string, unknown>>("GET", `chats/${conversation}`);
    expect(known).toMatchObject({ client_name: "Łucja Żak", client_email: "lucja@example.org" });
  });

  test("can be said by the page, and is asked for otherwise", async () => {
    const queue = await stage().queue({ widget: { asks_name: "required", asks_email: "required" } });
    const script = `${STUB}_tc("set_user", "Jan Kowalski", "jan@example.org", ${queue}, "600100200")`;
    const visitor = await open(queue, { script });
    await visitor.startKnown("Dzień dobry");
    const conversation = await stage().server.conversationOf(queue);
    const known = await stage().server.api<Record<string, unknown>>("GET", `chats/${conversation}`);
    expect(known).toMatchObject({ client_name: "Jan Kowalski", client_email: "jan@example.org" });
    const stranger = await open(queue);
    await stranger.fill({ text: "Dzień dobry" });
    await stranger.button("start").click();
    await expect.poll(() => stranger.chat.getByText(stranger.t("needed")).count()).toBe(2);
  });

  test("agrees to the text that was shown, and to no other", async () => {
    const { server } = stage();
    const clauses = await writeClauses(stage());
    const queue = await stage().queue({ clauses });
    const visitor = await open(queue);
    await visitor.fill({ text: "Dzień dobry", consents: [CLAUSES.kept.en] });
    const next = { pl: "Zgadzam się na zapis rozmowy na rok.", en: "I agree that it is kept for a year." };
    await server.clause("zapis", next, "consent", true);
    await visitor.button("start").click();
    await visitor.sees(visitor.t("clause_changed"));
    await visitor.sees(next.en);
    const box = visitor.chat.getByRole("checkbox", { name: next.en });
    expect(await box.isChecked(), "who agreed to the old one has not agreed to the new one").toBe(false);
    expect(await visitor.editor.inputValue(), "nothing has to be written again").toBe("Dzień dobry");
    await box.check();
    await visitor.button("start").click();
    await visitor.log.waitFor();
    await visitor.sees("Dzień dobry");
  });

  test("chooses among several queues", async () => {
    const shop = await stage().queue({}, "Sklep stacjonarny");
    const returns = await stage().queue({ widget: { asks_email: "required" } }, "Zwroty");
    const visitor = await open([shop, returns]);
    const queues = visitor.chat.getByRole("combobox", { name: visitor.t("queue") });
    await queues.waitFor();
    expect(await queues.getByRole("option").allTextContents()).toEqual(["Sklep stacjonarny", "Zwroty"]);
    await queues.selectOption("Zwroty");
    await visitor.fill({ text: "Chcę oddać buty" });
    await visitor.button("start").click();
    await visitor.sees(visitor.t("needed"));
    await visitor.start({ text: "Chcę oddać buty", email: "jan@example.org" });
    const conversation = await stage().server.conversationOf(returns);
    await expectSame(stage().server, conversation, [visitor]);
  });

  test("is told that what is typed is seen, where it is", async () => {
    const { anna } = stage();
    const queue = await stage().queue({ has_text_preview: true });
    const visitor = await open(queue);
    await visitor.sees(visitor.t("preview_told"));
    await visitor.start({ text: "Dzień dobry" });
    const conversation = await stage().server.conversationOf(queue);
    await anna.claim(conversation);
    await visitor.sees(visitor.t("preview_told"));
    await visitor.editor.pressSequentially("Mam pytanie");
    await anna.senses("what is typed", (it) => it.type === "typing" && (it.text?.startsWith("Mam") ?? false));
    // Where it is not, nothing of it goes anywhere.
    const other = await stage().talking();
    await other.visitor.editor.fill("Tajny brudnopis");
    await anna.senses("typing", (it) => it.conversation === other.conversation && it.is_typing === true);
    expect(anna.heard.some((it) => it.text?.includes("brudnopis"))).toBe(false);
    expect(await other.visitor.chat.getByText(other.visitor.t("preview_told")).count()).toBe(0);
  });
});

describe("a page that was written for the vendor's widget", () => {
  test("works after changing the address of the script", async () => {
    const queue = await stage().queue();
    const script = `${STUB}
window.events = [];
_tc("event_listener", function (event) { window.events.push(event); });
_tc("set_user", "Jan Kowalski", "jan@example.org", ${queue}, "600100200", ${queue});
_tc("open_chat");`;
    const visitor = await stage().inShop(queue, { script });
    await until("the frame by itself", () => visitor.frame());
    await visitor.startKnown("Dzień dobry");
    const events = () => visitor.page.evaluate(() => (window as unknown as Tc).events);
    await expect.poll(events).toEqual(["conversation_created"]);
    const tc = (...args: unknown[]) =>
      visitor.page.evaluate((all) => (window as unknown as Tc)._tc(...all), args);
    for (const command of ["close", "open", "minimalize", "open_chat_form", "close_chat", "open_chat"]) {
      await tc(command);
      const isExpanded = command.startsWith("open");
      await until(command, async () => (await visitor.bubble())?.isExpanded === isExpanded);
    }
    await visitor.end();
    await expect.poll(events).toEqual(["conversation_created", "conversation_finished"]);
  });

  test("has the chat in an element of its own, and leaves a message", async () => {
    const queue = await stage().queueOfNobody();
    const script = `${STUB}
window.events = [];
_tc("event_listener", function (event) { window.events.push(event); });
_tc("set_container", "place");
_tc("open_email");`;
    const visitor = await stage().inShop(queue, { script, body: `<div id="place"></div>` });
    await until("the frame by itself", () => visitor.frame());
    expect(await visitor.bubble()).toBeUndefined();
    await visitor.start({ text: "Proszę o kontakt", email: "jan@example.org" });
    const events = () => visitor.page.evaluate(() => (window as unknown as Tc).events);
    await expect.poll(events).toContain("ticket_created");
    expect(await visitor.button("minimise").count()).toBe(0);
  });

  test("tells the agent which page is open, also when it turns without being loaded", async () => {
    const { anna } = stage();
    const { visitor, conversation } = await stage().talking();
    await visitor.page.evaluate(() => {
      history.pushState(null, "", "/buty-czerwone");
      document.title = "Buty czerwone";
    });
    await anna.senses("the page", (it) => {
      return (
        it.type === "page" &&
        it.conversation === conversation &&
        (it.url?.endsWith("/buty-czerwone") ?? false)
      );
    });
  });
});
