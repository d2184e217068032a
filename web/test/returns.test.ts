/** Who comes back, to what, and what another one at the same browser does not find. */
import { expect, test } from "vitest";
import { sign } from "./identity";
import { paper } from "./files";
import { STUB } from "./host";
import { useStage } from "./hooks";
import { CLAUSES, CONFIG, writeClauses } from "./scenes";
import { ANNA } from "./server";
import { until } from "./until";

const stage = useStage({ config: CONFIG });
const HOUR_MS = 3_600_000;

function setUser(...args: unknown[]): string {
  return `${STUB}_tc("set_user",${args.map((it) => JSON.stringify(it)).join()});`;
}

test("an answer that nobody has read waits, however long the conversation is over", async () => {
  const { anna, server } = stage();
  const { queue, visitor, conversation } = await stage().talking();
  const context = visitor.page.context();
  await visitor.page.close();
  await anna.say(conversation, "Paczka jutro.");
  await anna.close(conversation);
  await context.clock.setFixedTime(Date.now() + 2 * HOUR_MS);
  const again = await stage().inShop(queue, { context });
  const bubble = () => again.bubble();
  await until("the bubble tells of it", async () => (await bubble())?.name.includes("1"));
  await again.open();
  await again.sees("Paczka jutro.");
  await again.sees(again.t("closed"));
  // Read, it is over: the next time there is a form.
  await until("it is read", async () => !(await again.bubble())?.name.includes("1"));
  await again.minimise();
  await again.page.reload();
  expect(await server.conversationOf(queue)).toBe(conversation);
});

test("somebody else at the same browser finds nothing of the one before", async () => {
  const queue = await stage().queue({});
  const anna = await stage().inShop(queue, { script: setUser("Anna", "anna@example.org") });
  await anna.open();
  await anna.startKnown("Tylko moje");
  await anna.log.getByText("Tylko moje").waitFor();
  await anna.editor.fill("Niewysłane");
  const context = anna.page.context();
  const bartek = await stage().inShop(queue, { context, script: setUser("Bartek", "bartek@example.org") });
  await bartek.open();
  await bartek.chat.getByRole("textbox", { name: bartek.t("message") }).waitFor();
  await until("the form is there", async () => (await bartek.log.count()) === 0);
  expect(await bartek.editor.inputValue()).toBe("");
  const kept = await bartek.chat.evaluate(() => JSON.stringify({ ...localStorage }));
  for (const word of ["Tylko moje", "Niewysłane", "anna@example.org"]) expect(kept).not.toContain(word);
});

test("nobody agrees to anything for somebody else", async () => {
  const queue = await stage().queue({ clauses: await writeClauses(stage()) });
  const anna = await stage().inShop(queue, { script: setUser("Anna", "anna@example.org") });
  await anna.open();
  await anna.start({ text: "Dzień dobry", consents: [CLAUSES.kept.en] });
  await anna.end();
  await anna.button("start_new").click();
  await anna.seesNot(CLAUSES.kept.en);
  const context = anna.page.context();
  const bartek = await stage().inShop(queue, { context, script: setUser("Bartek", "bartek@example.org") });
  await bartek.open();
  await bartek.sees(CLAUSES.kept.en);
  expect(await bartek.chat.getByRole("checkbox", { name: CLAUSES.kept.en }).isChecked()).toBe(false);
});

test("the same one, by another identity of the same customer, goes on", async () => {
  const queue = await stage().queue({});
  const secret = await stage().server.administer<{ identity_secret: string }>(
    "POST",
    `queues/${queue}/identity_secret`,
    {},
  );
  const identity = () => sign(secret.identity_secret, { identifier: "1234", name: "Jan" });
  const script = () => `${STUB}_tc("set_identity",${JSON.stringify(identity())});`;
  const visitor = await stage().inShop(queue, { script: script() });
  await visitor.open();
  await visitor.startKnown("Dzień dobry");
  const again = await stage().inShop(queue, { context: visitor.page.context(), script: script() });
  await again.open();
  await again.log.getByText("Dzień dobry").waitFor();
});

test("what the page says of its user and of itself stops nobody", async () => {
  const queue = await stage().queue({});
  const title = `${"x".repeat(254)}😀\u0085`;
  const script = `${setUser("Jan\nKowalski", "gość")}document.title=${JSON.stringify(title)};`;
  const visitor = await stage().inShop(queue, { script });
  await visitor.open();
  expect(await visitor.field("name").inputValue()).toBe("Jan Kowalski");
  expect(await visitor.field("email").inputValue()).toBe("");
  await visitor.start({ text: "Dzień dobry" });
  await visitor.log.getByText("Dzień dobry").waitFor();
});

test("each link has its own draft, and the shop's conversation is not forgotten by a link's", async () => {
  const queue = await stage().queue({});
  const one = await stage().atLink(queue);
  const context = one.visitor.page.context();
  const two = await stage().atLink(queue, { context });
  await one.visitor.editor.fill("Dla pierwszej");
  await two.visitor.page.reload();
  await two.visitor.log.waitFor();
  expect(await two.visitor.editor.inputValue()).toBe("");
  await one.visitor.page.reload();
  await until("the draft is back", async () => (await one.visitor.editor.inputValue()) === "Dla pierwszej");
});

test("a file that was not sent yet is still one after a reload", async () => {
  const { anna } = stage();
  const { visitor, conversation } = await stage().talking();
  await visitor.chat.locator("input[type=file]").setInputFiles(paper("faktura.pdf"));
  await visitor.chat
    .getByRole("button", { name: visitor.t("remove_file", { name: "faktura.pdf" }) })
    .waitFor();
  await until("it may be sent", () => visitor.button("send").isEnabled());
  await visitor.page.context().setOffline(true);
  await visitor.button("send").click();
  await visitor.log.getByText("faktura.pdf").waitFor();
  await visitor.page.context().setOffline(false);
  await visitor.page.reload();
  await visitor.open();
  await visitor.log.getByText("faktura.pdf").waitFor();
  await visitor.seesNot(visitor.t("text_gone"));
  await anna.finds(conversation, "faktura.pdf", (event) => event.data?.files?.[0]?.name === "faktura.pdf");
});

test("files that were not sent are spoken of when the conversation ends", async () => {
  const { anna } = stage();
  const { visitor, conversation } = await stage().talking();
  await visitor.chat.locator("input[type=file]").setInputFiles(paper("faktura.pdf"));
  await until("it may be sent", () => visitor.button("send").isEnabled());
  await anna.close(conversation);
  await visitor.sees(visitor.t("files_left"));
  await anna.reopen(conversation);
  await visitor.chat
    .getByRole("button", { name: visitor.t("remove_file", { name: "faktura.pdf" }) })
    .waitFor();
});

test("what is typed is not shown in a queue that shows nothing", async () => {
  const { anna } = stage();
  const { visitor, conversation } = await stage().talking({ has_text_preview: true });
  await visitor.editor.pressSequentially("Jawne");
  await anna.senses("what is typed", (frame) => frame.type === "typing" && frame.text === "Jawne");
  const chat_queue_id = await stage().queueNamed("Dyskretna");
  await stage().server.api("POST", `chat_conversations/${conversation}/transfer`, {
    user_login: ANNA.login,
    chat_queue_id,
  });
  await visitor.sees(visitor.t("transferred"));
  await visitor.chat.getByRole("heading", { name: "Dyskretna" }).waitFor();
  await visitor.seesNot(visitor.t("preview_told"));
  await visitor.editor.pressSequentially("Tajne");
  await visitor.editor.press("Enter");
  await anna.hears(conversation, "JawneTajne");
  expect(anna.heard.filter(({ text }) => typeof text === "string" && text.includes("T"))).toEqual([]);
});

test("zoomed in until little fits, everything can be reached", async () => {
  const title = {
    pl: "",
    en: "A shop with a very long name, that goes on and on, for the whole of one line",
  };
  const queue = await stage().queue({ widget: { title } });
  const browser = { viewport: { width: 320, height: 256 } };
  const visitor = await stage().inShop(queue, { browser });
  await visitor.open();
  await visitor.start({ text: "Dzień dobry" });
  await visitor.editor.scrollIntoViewIfNeeded();
  await visitor.editor.fill("Halo");
  const box = await visitor.log.boundingBox();
  expect(box?.height).toBeGreaterThanOrEqual(100);
  const width = await visitor.chat.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(320);
});

test("a page before an upgrade says that it loads, and has a way to load again", async () => {
  const { visitor } = await stage().atLink(await stage().queue({}));
  const page = await visitor.page.context().newPage();
  await page.route(/\/assets\/.*\.js$/, (route) => route.fulfill({ status: 404 }));
  await page.goto(visitor.page.url());
  await page.getByText("Loading…").waitFor();
  await page.unroute(/\/assets\/.*\.js$/);
  await page.getByRole("link").click();
  await page.getByRole("log").waitFor();
  expect(await page.getByText("Loading…").count()).toBe(0);
});
