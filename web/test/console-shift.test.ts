/** What becomes of a conversation around what is said in it: who leaves, who is told, who is shut out, who steps in. */
import { describe, expect, test } from "vitest";
import { ConsolePage } from "./console";
import { useStage } from "./hooks";
import { Mailbox } from "./mailbox";
import { ADMINISTRATOR, type Person } from "./server";
import { until } from "./until";
import { Visitor } from "./visitor";

const mailbox = await Mailbox.start();
const stage = useStage({ config: mailbox.config });

const CLIENT = "Marta Wiśniewska";

let people = 0;

/** Somebody whom no other test knows. */
function hire(name: string, surname: string): Promise<Person> {
  return stage().server.hire({ login: `${name.toLowerCase()}${++people}`, name, surname });
}

/** At the console, on duty. */
async function comes(person: Person): Promise<ConsolePage> {
  const browser = { permissions: ["notifications"], viewport: { width: 1440, height: 900 } };
  const found = await ConsolePage.open(stage(), person, { browser });
  await found.onDuty();
  return found;
}

/** A queue of theirs alone, and what its chat page is asked. */
async function queueOf(...people: Person[]): Promise<number> {
  return stage().server.queue({}, undefined, people);
}

interface Asked {
  name?: string;
  email?: string;
}

/** A visitor at the chat's own page. */
async function asks(queue: number, text: string, { name = CLIENT, email }: Asked = {}): Promise<Visitor> {
  const visitor = await Visitor.at(await stage().person("en"), `${stage().server.origin}/chat/${queue}`);
  await visitor.open();
  await visitor.start({ name, text, ...(email && { email }) });
  return visitor;
}

describe("who leaves duty with a conversation open", () => {
  async function leaving(where: "leaving_queue" | "leaving_colleague" | "leaving_keep") {
    const [zofia, tomasz] = [await hire("Zofia", "Lis"), await hire("Tomasz", "Lipa")];
    const queue = await queueOf(zofia, tomasz);
    const one = await comes(zofia);
    const visitor = await asks(queue, "Where is my parcel?");
    await one.row(CLIENT).waitFor();
    const other = await comes(tomasz);
    await one.page.getByRole("button", { name: one.t("duty_free") }).click();
    await one.button("leave_duty").click();
    const dialog = one.page.getByRole("dialog", { name: one.t("leaving_title") });
    const radio = dialog.getByRole("radio", { name: one.t(where) });
    await until("it to be a choice", () => radio.isEnabled());
    await radio.check();
    const leave = dialog.getByRole("button", { name: one.t("leave_duty") });
    return { one, other, visitor, dialog, leave };
  }

  test("hands it to a colleague, who is told", async () => {
    const { one, other, visitor, dialog, leave } = await leaving("leaving_colleague");
    await leave.click();
    // To whom, has to be said.
    await dialog.getByText(one.t("needed")).waitFor();
    await dialog.getByRole("combobox", { name: one.t("colleague") }).fill("lipa");
    await one.page.getByRole("option", { name: /Tomasz Lipa/ }).click();
    await leave.click();
    await one.button("duty_off").waitFor();
    await one.row(CLIENT).waitFor({ state: "detached" });
    await other.row(CLIENT).click();
    await visitor.sees(visitor.t("talks_to", { name: "Tomasz" }));
    await other.write("I go on with it.");
    await visitor.sees("I go on with it.");
  });

  test("gives it back to its queue, where whoever is free gets it", async () => {
    const { one, other, visitor, leave } = await leaving("leaving_queue");
    await leave.click();
    await one.button("duty_off").waitFor();
    await one.row(CLIENT).waitFor({ state: "detached" });
    await other.row(CLIENT).waitFor();
    await visitor.sees(visitor.t("talks_to", { name: "Tomasz" }));
  });

  test("may keep it", async () => {
    const { one, other, visitor, leave } = await leaving("leaving_keep");
    await leave.click();
    await one.button("duty_off").waitFor();
    await one.row(CLIENT).click();
    await one.write("Until tomorrow.");
    await visitor.sees("Until tomorrow.");
    expect(await other.row(CLIENT).count()).toBe(0);
  });
});

describe("a notification of the system", () => {
  /** Presses the one that is shown, as the system tells of it; the address of a window that was opened for it. */
  async function press({ page }: ConsolePage): Promise<string | undefined> {
    const [worker] = page.context().serviceWorkers();
    if (!worker) throw new Error("there is no service worker");
    return worker.evaluate(async () => {
      // A worker's own: the types here are those of pages.
      const self = globalThis as unknown as {
        registration: ServiceWorkerRegistration;
        clients: { openWindow(path: string): Promise<null> };
      };
      const [notification] = await self.registration.getNotifications();
      let opened: string | undefined;
      let done: unknown;
      // Only a person's press may open a window.
      self.clients.openWindow = (path) => ((opened = path), Promise.resolve(null));
      const Click = Reflect.get(globalThis, "NotificationEvent") as typeof Event;
      const event = new Click("notificationclick", { notification } as EventInit);
      // Nor does a browser wait for the end of what it has not begun itself.
      Object.assign(event, { waitUntil: (it: unknown) => (done = it) });
      globalThis.dispatchEvent(event);
      await done;
      return opened;
    });
  }

  function shown({ page }: ConsolePage): Promise<string[]> {
    return page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration("/console/");
      return ((await registration?.getNotifications()) ?? []).map(({ title }) => title);
    });
  }

  test("leads to its conversation, wherever in the console one is", async () => {
    const zofia = await hire("Zofia", "Lis");
    const queue = await queueOf(zofia);
    const one = await comes(zofia);
    await one.goes("search");
    await one.page.getByRole("heading", { level: 1, name: one.t("search.title") }).waitFor();
    await asks(queue, "Is anybody there?");
    await expect.poll(() => shown(one)).toEqual([CLIENT]);
    expect(await press(one), "no other window").toBeUndefined();
    await one.sees("Is anybody there?");
    const conversation = await stage().server.conversationOf(queue);
    expect(new URL(one.page.url()).hash).toBe(`#/mine/${conversation}`);
    expect(await shown(one)).toEqual([]);
  });

  test("opens the console where there is none any more", async () => {
    const zofia = await hire("Zofia", "Lis");
    const queue = await queueOf(zofia);
    const one = await comes(zofia);
    await asks(queue, "Hello?");
    await expect.poll(() => shown(one)).toEqual([CLIENT]);
    await one.page.goto(`${stage().server.origin}/chat/${queue}`);
    const conversation = await stage().server.conversationOf(queue);
    expect(await press(one)).toBe(`/console/#/mine/${conversation}`);
  });
});

describe("from the menu of a conversation", () => {
  async function choose(at: ConsolePage, key: string): Promise<void> {
    await at.button("talk.more").click();
    await at.page.getByRole("menuitem", { name: at.t(key) }).click();
    await at.dialog().waitFor();
  }

  test("a visitor is blocked, is among the blocked, and writes again when the block is lifted", async () => {
    const zofia = await hire("Zofia", "Lis");
    const queue = await queueOf(zofia);
    const one = await comes(zofia);
    const email = `${zofia.login}.client@example.org`;
    const visitor = await asks(queue, "You fools!", { email });
    await one.row(CLIENT).click();
    await one.sees("You fools!");
    const boss = await ConsolePage.open(stage(), ADMINISTRATOR, { at: "settings/blocks" });
    await boss.page.getByRole("heading", { level: 1 }).waitFor();

    await choose(one, "talk.block");
    const block = one.dialog().getByRole("button", { name: one.t("talk.block_do") });
    await block.click();
    await one.dialog().getByText(one.t("needed")).waitFor();
    await one
      .dialog()
      .getByRole("radio", { name: one.t("talk.block_email", { email }) })
      .check();
    await one.dialog().getByLabel(one.t("talk.block_reason")).fill("Insults");
    await block.click();
    await one.shows(one.t("talk.blocked"));
    await one.dialog().waitFor({ state: "hidden" });

    const lift = boss.page.getByRole("button", {
      name: boss.t("settings.blocks_lift_named", { value: email }),
    });
    await lift.waitFor();
    await boss.shows("Insults");
    await visitor.say("Can you hear me?");
    await visitor.sees(visitor.t("blocked"));
    expect(await one.said()).not.toContain("Can you hear me?");

    await lift.click();
    await boss.page
      .getByRole("alertdialog")
      .getByRole("button", { name: boss.t("settings.blocks_lift"), exact: true })
      .click();
    await lift.waitFor({ state: "detached" });
    await visitor.page.reload();
    await visitor.say("Sorry.");
    await one.sees("Sorry.");
  });

  test("the client gets what was said by e-mail, and nothing of what is for colleagues", async () => {
    const zofia = await hire("Zofia", "Lis");
    const queue = await queueOf(zofia);
    const one = await comes(zofia);
    const email = `${zofia.login}.client@example.org`;
    const visitor = await asks(queue, "Ile kosztuje żółta łódź?", { email });
    await one.row(CLIENT).click();
    await one.write("Sto złotych.");
    await visitor.sees("Sto złotych.");
    await one.way("note");
    await one.write("Pyta co tydzień.");
    await one.sees("Pyta co tydzień.");
    await choose(one, "talk.mail_transcript");
    await one.dialog().getByText(email).waitFor();
    await one
      .dialog()
      .getByRole("button", { name: one.t("talk.mail_do"), exact: true })
      .click();
    await one.shows(one.t("talk.mailed", { email }));
    const { text } = await mailbox.gets(email);
    expect(text).toContain("Ile kosztuje żółta łódź?");
    expect(text).toContain("Sto złotych.");
    expect(text).not.toContain("co tydzień");
  });

  test("what is asked stays open, with what was written, whatever comes meanwhile", async () => {
    const zofia = await hire("Zofia", "Lis");
    const queue = await queueOf(zofia);
    const one = await comes(zofia);
    const visitor = await asks(queue, "To whom?");
    await one.row("To whom?").click();
    await one.sees("To whom?");
    await one.button("talk.transfer").click();
    const note = one.dialog().getByRole("textbox", { name: one.t("talk.transfer_note") });
    await note.fill("About a return.");
    await visitor.say("And when?");
    await one.thread.getByText("And when?").waitFor();
    await asks(queue, "Me too!", { name: "Bartosz" });
    await one.list.getByText("Bartosz").waitFor();
    expect(await note.inputValue()).toBe("About a return.");
  });

  test("nothing goes by e-mail to who has none", async () => {
    const zofia = await hire("Zofia", "Lis");
    const queue = await queueOf(zofia);
    const one = await comes(zofia);
    await asks(queue, "No address");
    await one.row(CLIENT).click();
    await one.sees("No address");
    await one.button("talk.more").click();
    const item = one.page.getByRole("menuitem", { name: one.t("talk.mail_transcript") });
    await item.waitFor();
    expect(await item.getAttribute("aria-disabled")).toBe("true");
    await item.getByText(one.t("talk.no_email")).waitFor();
  });
});

describe("from the wall", () => {
  test("a supervisor follows a conversation, whispers, and takes it over", async () => {
    const zofia = await hire("Zofia", "Wysoka");
    const halina: Person = { login: `halina${++people}`, name: "Halina", surname: "Maj", role: "supervisor" };
    await stage().server.hire(halina);
    const queue = await queueOf(zofia);
    const one = await comes(zofia);
    const visitor = await asks(queue, "I want my money back");
    await one.row(CLIENT).click();
    await one.write("Let me see.");

    const boss = await ConsolePage.open(stage(), halina, { at: "wall" });
    const agents = boss.region("wall.agents");
    await agents.getByRole("button", { name: /Conversations of Zofia Wysoka: 1 of/ }).click();
    await agents.getByRole("link", { name: new RegExp(CLIENT) }).click();
    // Followed: it comes as it is said, and the agent knows.
    await boss.sees("Let me see.");
    await one.page.getByRole("img", { name: one.t("talk.looking", { names: "Halina Maj" }) }).waitFor();
    await visitor.say("Please hurry.");
    await boss.sees("Please hurry.");
    await boss.way("whisper");
    await boss.write("Offer ten percent.");
    await one.thread.locator("[data-how=whisper]").getByText("Offer ten percent.").waitFor();

    await boss.button("talk.take_over").click();
    await boss.way("reply");
    await boss.write("This is Halina, I pay it back.");
    await visitor.sees("This is Halina, I pay it back.");
    await visitor.sees(visitor.t("talks_to", { name: "Halina" }));
    await one.sees(one.t("talk.assigned", { name: "Halina Maj" }));
    expect((await visitor.messages()).join()).not.toContain("ten percent");
    // Back at the wall it is the supervisor's own.
    await boss.goes("wall");
    await agents.getByRole("button", { name: /Conversations of Zofia Wysoka: 0 of/ }).waitFor();
  });
});
