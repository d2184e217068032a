/** An agent at the console and a visitor at the chat: what either says is there once, whatever happens in between. */
import { describe, expect, test } from "vitest";
import type { AgentEvent } from "../shared/protocol";
import { Agent } from "./agent";
import { violations } from "./axe";
import { ConsolePage } from "./console";
import { choose, paper, paste, picture } from "./files";
import { useStage } from "./hooks";
import { offline } from "./network";
import { ADMINISTRATOR, ANNA, JAN } from "./server";
import type { Stage } from "./stage";
import { until } from "./until";
import type { Visitor } from "./visitor";

interface Shown {
  kind: string;
  sent_by: string;
  text: string | null;
  data: AgentEvent["data"] | null;
}

/** The whole log, as supervisors see it. */
async function logOf(stage: Stage, conversation: string): Promise<Shown[]> {
  const path = `conversations/${conversation}/events?limit=100`;
  return (await stage.server.administer<{ events: Shown[] }>("GET", path)).events;
}

async function messagesOf(stage: Stage, conversation: string): Promise<(string | null)[]> {
  return (await logOf(stage, conversation)).filter(({ kind }) => kind === "message").map(({ text }) => text);
}

/** A visitor of a queue that Jan alone answers, and Jan on duty at his console: the chat has come to him. */
async function talking(stage: Stage, where: { name?: string; text?: string } = {}) {
  await leaveDuty(stage);
  const queue = await stage.queueOfNobody({ has_text_preview: true });
  const jan = await ConsolePage.signedIn(stage, JAN);
  await jan.onDuty();
  const visitor = await stage.inShop(queue);
  await visitor.open();
  const { name = "Marta", text = "Where is my parcel?" } = where;
  await visitor.start({ name, text });
  const conversation = await stage.server.conversationOf(queue);
  await jan.row(text).waitFor();
  return { queue, jan, visitor, conversation };
}

async function leaveDuty(stage: Stage): Promise<void> {
  const session = await stage.server.signIn(JAN.login);
  await stage.server.asAgent(session, "PUT", "duty", { status: "off" });
}

describe("a conversation at the console", () => {
  const stage = useStage();

  test("comes by itself, is opened and answered by the keyboard alone, and is read on either side", async () => {
    const { jan, visitor, conversation } = await talking(stage());
    await jan.row("Where is my parcel?").focus();
    await jan.page.keyboard.press("Enter");
    await jan.thread.waitFor();
    await until("the editor to have the focus", () =>
      jan.editor.evaluate((it) => it === document.activeElement),
    );
    await visitor.seesFate("read");
    await jan.page.keyboard.type("Good morning!");
    await jan.page.keyboard.press("Shift+Enter");
    await jan.page.keyboard.type("It is on its way.");
    await jan.page.keyboard.press("Enter");
    await visitor.sees("It is on its way.");
    await jan.thread.getByText(jan.t("talk.read"), { exact: true }).waitFor();
    // What is being typed is seen as it is typed.
    await visitor.editor.fill("Which day");
    await jan.sees("Which day");
    await visitor.button("send").click();
    await jan.thread.locator("[data-by=client]").getByText("Which day").waitFor();
    expect(await messagesOf(stage(), conversation)).toEqual([
      "Where is my parcel?",
      "Good morning!\nIt is on its way.",
      "Which day",
    ]);
    expect(await violations(jan.page)).toEqual([]);
  });

  test("canned answers, files and notes: the client sees what is for the client", async () => {
    const { server } = stage();
    const text = "Dear {client_name|customer}, {agent_name} here.";
    await server.administer("POST", "canned_answers", { shortcut: "hello", text });
    await server.administer("POST", "canned_answers", { shortcut: "bye", text: "Good bye." });
    const { jan, visitor, conversation } = await talking(stage(), { text: "A question" });
    await jan.row("A question").click();
    await jan.editor.pressSequentially("/hel");
    await jan.page.getByRole("option", { name: "/hello" }).waitFor();
    await jan.editor.press("Enter");
    await expect.poll(() => jan.editor.inputValue()).toBe("Dear Marta, Jan here.");
    await choose(jan.button("talk.attach"), [paper("invoice.txt")]);
    await paste(jan.editor, picture("label.png"));
    await until(
      "both to be there",
      async () =>
        (await jan.page.getByText("100%").count()) === 0 && (await jan.button("talk.send").isEnabled()),
    );
    await jan.editor.press("Enter");
    await visitor.sees("Dear Marta, Jan here.");
    await visitor.sees("invoice.txt");
    await jan.page.keyboard.press("Escape");
    await jan.page.keyboard.press("i");
    await jan.page.getByRole("tabpanel", { name: jan.t("talk.note") }).waitFor();
    await jan.write("Called yesterday.");
    await jan.thread.locator("[data-how=note]").getByText("Called yesterday.").waitFor();
    await jan.page.reload();
    await jan.sees("Called yesterday.");
    await jan.thread.getByRole("img", { name: "label.png" }).waitFor();
    const log = await logOf(stage(), conversation);
    expect(log.map(({ kind }) => kind)).toEqual(["started", "message", "assigned", "message", "note"]);
    expect(log[3]?.data?.files?.map(({ name }) => name)).toEqual(["invoice.txt", "label.png"]);
    expect(await visitor.messages()).not.toContain("Called yesterday.");
  });

  test("a draft is kept, and a supervisor whispers, is seen to look, and takes over", async () => {
    const { jan, visitor, conversation } = await talking(stage(), { text: "I want my money back" });
    await jan.row("I want my money back").click();
    await jan.editor.fill("Half of an answ");
    const boss = await ConsolePage.signedIn(stage(), ADMINISTRATOR);
    await boss.open(conversation, "all");
    await jan.page.getByRole("img", { name: jan.t("talk.looking", { names: "Ewa Wójcik" }) }).waitFor();
    await boss.way("whisper");
    await boss.write("Offer ten percent.");
    await jan.thread.locator("[data-how=whisper]").getByText("Offer ten percent.").waitFor();
    await jan.page.reload();
    await expect.poll(() => jan.editor.inputValue()).toBe("Half of an answ");
    await boss.page.getByRole("button", { name: boss.t("talk.take_over") }).click();
    await boss.thread.getByText(boss.t("talk.assigned", { name: "Ewa Wójcik" })).waitFor();
    await boss.way("reply");
    await boss.write("I am sorry about that.");
    await visitor.sees("I am sorry about that.");
    await boss.sees("I am sorry about that.");
    expect(await visitor.messages()).toEqual(["I want my money back", "I am sorry about that."]);
  });

  test("one Escape closes the question about its end, and the list of topics opens when it is wanted", async () => {
    await stage().server.administer("POST", "topics", { name: "Deliveries" });
    const { jan } = await talking(stage(), { text: "Never mind" });
    await jan.row("Never mind").click();
    const dialog = jan.dialog();
    const topic = dialog.getByRole("combobox", { name: jan.t("talk.topic") });
    const hasFocus = () => topic.evaluate((it) => it === document.activeElement);
    await jan.editor.press("Escape");
    await jan.page.keyboard.press("e");
    await expect.poll(hasFocus).toBe(true);
    expect(await jan.page.getByRole("option").count()).toBe(0);
    await jan.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await jan.button("talk.close").click();
    await expect.poll(hasFocus).toBe(true);
    await jan.page.keyboard.type("deliv");
    await jan.page.getByRole("option", { name: "Deliveries" }).waitFor();
    expect(await jan.page.getByRole("option").count()).toBe(1);
    await jan.page.keyboard.press("Enter");
    await expect.poll(() => topic.inputValue()).toBe("Deliveries");
    await topic.click();
    await jan.page.getByRole("option", { name: jan.t("talk.no_topic") }).waitFor();
  });

  test("is handed on with a note, closed with a topic, found among those that have ended, and reopened", async () => {
    const { server } = stage();
    const { id: topic_id } = await server.administer<{ id: number }>("POST", "topics", { name: "Returns" });
    const { id: tag_id } = await server.administer<{ id: number }>("POST", "tags", { name: "urgent" });
    const { jan, visitor, conversation, queue } = await talking(stage(), { text: "To whom?" });
    await server.api("PUT", `chats/queues/${queue}/agents/${ANNA.login}`, {});
    const anna = await Agent.signIn(server, ANNA);
    await anna.is("free");
    await jan.row("To whom?").click();
    await jan.editor.press("Escape");
    await jan.page.keyboard.press("t");
    const dialog = jan.dialog();
    await dialog.getByText("Anna Nowak").click();
    await dialog.getByRole("textbox", { name: jan.t("talk.transfer_note") }).fill("Asks about a return.");
    await dialog.getByRole("button", { name: jan.t("talk.transfer_do") }).click();
    await dialog.waitFor({ state: "hidden" });
    await visitor.sees(visitor.t("talks_to", { name: "Anna" }));
    await anna.watch(conversation);
    await anna.finds(
      conversation,
      "the note",
      (it) => it.kind === "note" && it.text === "Asks about a return.",
    );
    await anna.transfer(conversation, { user_login: JAN.login });
    await jan.row("To whom?").click();
    await jan.editor.press("Escape");
    await jan.page.keyboard.press("e");
    await dialog.getByRole("combobox").fill("Ret");
    await jan.page.getByRole("option", { name: "Returns" }).click();
    await dialog.getByRole("button", { name: "urgent" }).click();
    await dialog.getByRole("button", { name: jan.t("talk.close_do") }).click();
    await visitor.button("start_new").waitFor();
    const labels = (await logOf(stage(), conversation)).find(({ kind }) => kind === "labelled");
    expect(labels?.data).toEqual({ topic_id, tag_ids: [tag_id] });
    await jan.view("closed_ones");
    await jan.row("To whom?").click();
    await jan.page
      .getByRole("banner")
      .or(jan.page.locator("header"))
      .getByRole("button", { name: jan.t("talk.reopen") })
      .first()
      .click();
    await jan.way("reply");
    await jan.write("Here I am again.");
    await visitor.sees("Here I am again.");
    anna.leave();
  });
});

describe("when the line is cut", () => {
  const stage = useStage();

  async function compare(jan: ConsolePage, visitor: Visitor, conversation: string, said: string[]) {
    await expect.poll(() => messagesOf(stage(), conversation), { timeout: 20_000 }).toEqual(said);
    await expect.poll(() => jan.said(), { timeout: 20_000 }).toEqual(said);
    await expect.poll(() => visitor.messages(), { timeout: 20_000 }).toEqual(said);
  }

  test("offline, a restart and a reload: nothing is lost and nothing is there twice", async () => {
    const { server } = stage();
    const { jan, visitor, conversation } = await talking(stage(), { text: "One" });
    await jan.row("One").click();
    await jan.write("Two");
    await visitor.sees("Two");

    await offline(jan, true);
    for (const text of ["Three", "Four", "Five"]) await jan.write(text);
    await jan.thread.getByText(jan.t("talk.sending")).first().waitFor();
    await visitor.say("Six?");
    await until("it to be stored", async () => (await messagesOf(stage(), conversation)).includes("Six?"));
    await offline(jan, false);
    const said = ["One", "Two", "Six?", "Three", "Four", "Five"];
    await compare(jan, visitor, conversation, said);

    await server.kill();
    for (const text of ["Seven", "Eight"]) await jan.write(text);
    await server.again();
    await compare(jan, visitor, conversation, [...said, "Seven", "Eight"]);

    // Said and not acknowledged when the page goes.
    await offline(jan, true);
    await jan.write("Nine");
    await jan.thread.getByText(jan.t("talk.sending")).waitFor();
    await jan.page.close();
    const { page } = await ConsolePage.again(jan);
    await page.getByRole("log").getByText("Nine").waitFor();
    await visitor.sees("Nine");
    expect(await messagesOf(stage(), conversation)).toEqual([...said, "Seven", "Eight", "Nine"]);
  });
});
