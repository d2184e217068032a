/** What administrators set at the console: it counts at once, for everybody, and it is written down who did it. */
import { describe, expect, test } from "vitest";
import { ConsolePage } from "./console";
import { codeOf } from "./code";
import { useStage } from "./hooks";
import { Mailbox } from "./mailbox";
import { audited, auditedAll, Section } from "./section";
import { ADMINISTRATOR, ANNA, JAN, PASSWORD, type Person, QUEUE } from "./server";
import { until } from "./until";

const mailbox = await Mailbox.start();
const stage = useStage({ config: mailbox.config });

const ask = <T>(path: string) => stage().server.administer<T>("GET", path);
const open = (section: string) => Section.open(stage(), section);

describe("lists of what can be chosen", () => {
  for (const kind of ["pauses", "topics", "tags"] as const) {
    test(`${kind} are added, renamed and taken out of the choice, and others see it at once`, async () => {
      const [one, other] = [await open(kind), await open(kind)];
      await one.button(`${kind}_add`).first().click();
      await one.field("name").fill("Przerwa śniadaniowa");
      await one.field("name").press("Enter");
      await other.sees("Przerwa śniadaniowa");
      expect(await ask(kind)).toMatchObject([{ name: "Przerwa śniadaniowa", enabled: true }]);

      await one.page.getByRole("button", { name: "Przerwa śniadaniowa", exact: true }).click();
      await one.field("name").fill("");
      await one.save();
      await one.sees(one.at.t("needed"));
      await one.field("name").fill("Obiad");
      await one.save();
      await other.sees("Obiad");

      await one.page.getByRole("switch").click();
      await until("it is not to be chosen", async () => !(await other.page.getByRole("switch").isChecked()));
      expect(await ask(kind)).toMatchObject([{ name: "Obiad", enabled: false }]);
      await audited(stage(), `${kind.slice(0, -1)}.add`);
      await audited(stage(), `${kind.slice(0, -1)}.change`, ({ becomes }) =>
        JSON.stringify(becomes).includes("false"),
      );

      // What the server has against it is said at the field.
      await one.button(`${kind}_add`).click();
      await one.field("name").fill("Obiad");
      await one.save();
      await one.dialog.locator("[aria-invalid=true]").waitFor();
    });
  }

  test("the order in which agents are chosen, by keyboard", async () => {
    const [one, other] = [await open("routing"), await open("routing")];
    const first = (of: Section) => of.page.locator("li[data-strategy]").first().getAttribute("data-strategy");
    const was = await first(one);
    await one.page.locator("[data-move='1']").first().focus();
    await one.page.keyboard.press("Enter");
    await one.save();
    await one.isSaved();
    await until("another order", async () => (await first(other)) !== was);
    const { strategies } = await ask<{ strategies: string[] }>("routing");
    expect(strategies[1]).toBe(was);
    await audited(stage(), "setting.change", ({ subject }) => subject.includes("routing"));
  });
});

describe("texts", () => {
  test("a canned answer, with what is filled in", async () => {
    const [one, other] = [await open("canned"), await open("canned")];
    await one.button("canned_add").first().click();
    await one.field("canned_shortcut").fill("witaj");
    await one.page.getByRole("textbox", { name: one.t("canned_answer") }).fill("Dzień dobry {imie}");
    await one.save();
    // Only the server knows what there is to fill in.
    await one.dialog.locator("textarea[aria-invalid=true]").waitFor();
    await one.page.getByRole("textbox", { name: one.t("canned_answer") }).fill("Dzień dobry ");
    await one.button("canned_insert", { text: "{agent_name}" }).click();
    await one.dialog.getByText(`Dzień dobry ${one.t("canned_sample_agent_name")}`).waitFor();
    await one.choose(one.t("queue"), "Sklep");
    await one.save();
    await other.sees("/witaj");
    expect(await ask("canned_answers")).toMatchObject([
      { shortcut: "witaj", text: "Dzień dobry {agent_name}", chat_queue_id: QUEUE },
    ]);

    // For all queues again.
    await one.page.getByRole("button", { name: "/witaj" }).click();
    await one.choose(one.t("queue"), one.t("all_queues"));
    await one.save();
    await one.dialog.waitFor({ state: "detached" });
    expect(await ask("canned_answers")).toMatchObject([{ chat_queue_id: null }]);

    // Who closes what is unsaved is asked.
    await one.page.getByRole("button", { name: "/witaj" }).click();
    await one.field("canned_shortcut").fill("inny");
    await one.page.keyboard.press("Escape");
    await one.button("go_on").click();
    expect(await one.field("canned_shortcut").inputValue()).toBe("inny");
    await one.page.keyboard.press("Escape");
    await one.at.button("discard").click();
    await one.dialog.waitFor({ state: "detached" });

    await one.page.getByRole("button", { name: "/witaj" }).click();
    await one.button("remove").click();
    await one.page
      .getByRole("alertdialog")
      .getByRole("button", { name: one.t("remove") })
      .click();
    await other.seesNo("/witaj");
    await auditedAll(stage(), "canned.add", "canned.change", "canned.remove");
  });

  test("a clause has versions, and all of them can be read", async () => {
    const [one, other] = [await open("clauses"), await open("clauses")];
    await one.button("clauses_add").first().click();
    await one.field("name").fill("zgoda");
    await one.page.getByRole("radio", { name: one.t("clause_consent") }).click();
    await one.field("language_pl").fill("Zgadzam się");
    await one.button("clauses_add").click();
    // One language is not enough.
    await one.page.locator("[name=text_en][aria-invalid=true]").waitFor();
    await one.field("language_en").fill("I agree");
    await one.button("clauses_add").click();
    await one.sees(one.t("clause_version", { version: 1 }));
    await other.page.getByRole("link", { name: "zgoda", exact: true }).click();
    await one.button("clause_write").click();
    await one.dialog.getByLabel(one.t("language_pl")).fill("Zgadzam się na wszystko");
    await one.dialog.getByRole("switch").click();
    await one.save();
    await other.sees("Zgadzam się na wszystko");
    await other.page.getByText(one.t("clause_version", { version: 1 })).click();
    await other.sees(/^Zgadzam się$/);
    await one.page.getByRole("switch").click();
    await one.sees(one.t("clause_is_off"));
    expect(await ask("clauses")).toMatchObject([
      { name: "zgoda", version: 1, is_required: false },
      { name: "zgoda", version: 2, is_required: true, is_enabled: false, text_en: "I agree" },
    ]);
    await auditedAll(stage(), "clause.write", "clause.enable");

    // Of two who write at once, the second has not read what the first has written.
    await other.button("clause_write").click();
    await other.field("language_pl").fill("Zgadzam się na to i owo");
    await stage().server.clause("zgoda", { pl: "Zgadzam się na nic", en: "I agree to nothing" }, "consent");
    await other.save();
    await other.sees(other.t("clause_newer", { version: 3 }));
    expect(await other.field("language_pl").inputValue()).toBe("Zgadzam się na to i owo");
    expect(await ask("clauses")).toHaveLength(3);
  });

  test("who is blocked, and for how long", async () => {
    const [one, other] = [await open("blocks"), await open("blocks")];
    await one.button("blocks_add").first().click();
    await one.field("email").fill("nie adres");
    await one.field("blocks_reason").fill("Spam");
    await one.button("blocks_block").click();
    await one.sees(one.at.t("not_email"));
    await one.page.getByRole("radio", { name: one.t("blocks_address") }).click();
    await one.page.getByRole("textbox", { name: one.t("blocks_address") }).fill("nie adres");
    await one.button("blocks_block").click();
    await one.dialog.locator("[name=address][aria-invalid=true]").waitFor();
    await one.page.getByRole("textbox", { name: one.t("blocks_address") }).fill("192.0.2.7");
    await one.button("blocks_block").click();
    await other.sees("192.0.2.7");
    expect(await ask("blocks")).toMatchObject({ result: [{ value: "192.0.2.7", reason: "Spam" }] });
    await other.button("blocks_lift_named", { value: "192.0.2.7" }).click();
    await other.page
      .getByRole("alertdialog")
      .getByRole("button", { name: one.t("blocks_lift") })
      .click();
    await one.seesNo("192.0.2.7");
    expect(await ask("blocks")).toMatchObject({ result: [] });
    await auditedAll(stage(), "block.add", "block.lift");
  });
});

describe("people", () => {
  test("an agent is added, invited, changed and let go", async () => {
    const [one, other] = [await open("agents"), await open("agents")];
    await one.button("agents_add").click();
    await one.field("login").fill("żaba");
    await one.field("first_name").fill("Zofia");
    await one.field("surname").fill("Żuraw");
    await one.button("agents_add").click();
    await one.sees(one.t("not_login"));
    await one.field("login").fill(ANNA.login);
    await one.button("agents_add").click();
    await one.page.locator("[name=login][aria-invalid=true]").waitFor();
    await one.field("login").fill("zzuraw");
    await one.button("agents_add").click();
    const link = await one.field("invitation_link").inputValue();
    await other.sees("Zofia Żuraw");
    // Nobody is invited again, and that link ended, by who comes back to the address, or is led to one like it.
    const invitations: string[] = [];
    one.page.on("request", (call) => call.url().endsWith("/invitation") && invitations.push(call.url()));
    await one.page.goto(`${one.at.origin}/console/#/settings/agents/zzuraw/invite`);
    await one.page.reload();
    await one.button("account_close").waitFor();
    expect(invitations).toEqual([]);

    // The link leads to where a password is chosen.
    const guest = await (await stage().person("en")).newPage();
    await guest.goto(link);
    await guest.locator("input[type=password]").first().waitFor();

    await one.page.getByRole("radio", { name: one.t("role_supervisor") }).click();
    await one.field("capacity").fill("0");
    await one.save();
    await one.page.locator("[name=capacity][aria-invalid=true]").waitFor();
    await one.field("capacity").fill("7");
    // Who goes elsewhere with something unsaved is asked.
    await one.page.evaluate(() => (location.hash = "#/settings/tags"));
    await one.at.button("stay").click();
    await one.save();
    await one.isSaved();
    expect(await ask("agents/zzuraw")).toMatchObject({ account: { roles: ["supervisor"], capacity: 7 } });
    await until("the other sees the role", async () =>
      (await other.page.getByRole("row", { name: /Żuraw/ }).textContent())?.includes(
        one.t("role_supervisor"),
      ),
    );

    await one.button("set_password").click();
    await one.dialog.getByLabel(one.t("password")).first().fill("krótkie");
    await one.dialog.getByLabel(one.t("password")).first().blur();
    await one.sees(one.at.t("too_short", { least: 8 }));
    await one.dialog.getByLabel(one.t("password")).first().fill("długie hasło");
    await one.save();
    await one.dialog.waitFor({ state: "detached" });

    await one.button("end_sessions").click();
    await one.page
      .getByRole("alertdialog")
      .getByRole("button", { name: one.t("end_sessions") })
      .click();
    await one.sees(one.t("sessions_ended"));

    await one.button("account_close").click();
    await one.page
      .getByRole("alertdialog")
      .getByRole("button", { name: one.t("account_close") })
      .click();
    await other.seesNo("Zofia Żuraw");
    expect(await ask("agents/zzuraw")).toMatchObject({ account: { active: false } });
    await audited(stage(), "agent.change", ({ subject }) => subject === "agent zzuraw");
  });

  test("what somebody else changes shows at once, and takes nothing away that is being written", async () => {
    const [one, other] = [await open(`agents/${JAN.login}`), await open(`agents/${JAN.login}`)];
    await other.field("surname").fill("Kowalski-Nowy");
    await one.field("capacity").fill("9");
    await one.save();
    await one.isSaved();
    expect(await other.field("surname").inputValue()).toBe("Kowalski-Nowy");
    await other.at.button("discard").click();
    await until("the new capacity", async () => (await other.field("capacity").inputValue()) === "9");

    // What can't be read again is as it was saved.
    await one.page.route(`**/console/agents/${JAN.login}`, (route) =>
      route.request().method() === "GET" ? route.abort() : route.continue(),
    );
    await one.field("capacity").fill("8");
    await one.save();
    await one.isSaved();
    expect(await one.field("capacity").inputValue()).toBe("8");
  });

  test("who has lost the second factor signs in by the password again", async () => {
    const { server } = stage();
    const person = await server.hire({ login: "zgubny", name: "Zenon", surname: "Gubny" });
    const own = await server.signIn(person.login);
    const factor = "account/second_factor";
    const { otpauth_uri } = await server.asAgent<{ otpauth_uri: string }>(own, "POST", factor, {
      password: PASSWORD,
    });
    const secret = new URL(otpauth_uri).searchParams.get("secret") ?? "";
    await server.asAgent(own, "PUT", factor, { code: codeOf(secret) });
    const [one, other] = [await open(`agents/${person.login}`), await open(`agents/${person.login}`)];
    await other.button("second_factor_remove").waitFor();
    await one.button("second_factor_remove").click();
    await one.page
      .getByRole("alertdialog")
      .getByRole("button", { name: one.t("second_factor_remove") })
      .click();
    await one.sees(one.t("second_factor_removed"));
    await other.button("second_factor_remove").waitFor({ state: "detached" });
    await server.signIn(person.login);
    await audited(stage(), "agent.second_factor", ({ subject }) => subject === `agent ${person.login}`);
  });

  test("who has an e-mail address is invited by a letter", async () => {
    const one = await open("agents/+");
    await one.field("login").fill("listowna");
    await one.field("first_name").fill("Lidia");
    await one.field("surname").fill("Listowna");
    await one.field("email").fill("lidia@example.org");
    await one.choose(one.t("language"), one.t("language_pl"));
    await one.button("agents_add").click();
    await one.page
      .getByRole("status")
      .getByText(/lidia@example\.org/)
      .waitFor();
    const { text } = await mailbox.gets("lidia@example.org");
    const [link = ""] = /http:\S+\/console\/password#[\w-]+/.exec(text) ?? [];
    const guest = await (await stage().person("pl")).newPage();
    await guest.goto(link);
    await guest.locator("input[type=password]").first().waitFor();
    await audited(stage(), "agent.invite", ({ subject }) => subject === "agent listowna");
  });

  test("agents don't get to the settings", async () => {
    const anna = await ConsolePage.signedIn(stage(), ANNA);
    await anna.page.evaluate(() => (location.hash = "#/settings/agents"));
    await anna.page.getByText(anna.t("unknown_place")).waitFor();
  });
});

describe("agents have it at once", () => {
  const add = async (one: Section, kind: "pauses" | "topics" | "tags", name: string) => {
    await one.go(kind);
    await one.button(`${kind}_add`).first().click();
    await one.dialog.getByLabel(one.t("name")).fill(name);
    await one.save();
    await one.dialog.waitFor({ state: "detached" });
  };

  test("pauses, topics, tags, canned answers, names of queues, and how many chats they take", async () => {
    const { server } = stage();
    const zofia: Person = { login: "zlis", name: "Zofia", surname: "Lis" };
    await server.hire(zofia);
    const queue = await server.queue({}, "Zwroty", [zofia]);
    const browser = { permissions: ["notifications"] };
    const agent = await ConsolePage.open(stage(), zofia, { browser });
    await agent.onDuty();
    await server.api("POST", `chat_conversations/start?chat_queue_id=${queue}&client_name=Marek`);
    await agent.row("Marek").click();
    await agent.editor.waitFor();
    await agent.page.evaluate(() => Object.assign(window, { isSamePage: true }));

    const one = await open("pauses");
    await add(one, "pauses", "Szkolenie");
    await add(one, "topics", "Zwrot obuwia");
    await add(one, "tags", "obuwie");
    await one.go("canned");
    await one.button("canned_add").first().click();
    await one.field("canned_shortcut").fill("buty");
    await one.page.getByRole("textbox", { name: one.t("canned_answer") }).fill("O butach wiemy wszystko.");
    await one.save();
    await one.dialog.waitFor({ state: "detached" });

    await agent.editor.fill("/buty");
    await agent.page.getByRole("option", { name: /buty/ }).click();
    await expect.poll(() => agent.editor.inputValue()).toBe("O butach wiemy wszystko.");
    await agent.button("talk.close").click();
    const closing = agent.page.getByRole("dialog");
    await closing.getByRole("combobox", { name: agent.t("talk.topic") }).fill("obu");
    await agent.page.getByRole("option", { name: "Zwrot obuwia" }).waitFor();
    await agent.page.keyboard.press("Escape");
    await closing.getByRole("button", { name: "obuwie" }).waitFor();
    await closing.getByRole("button", { name: agent.t("cancel") }).click();
    const duty = agent.page.getByRole("button", { name: new RegExp(`^${agent.t("duty_free")}`) });
    await duty.click();
    await agent.button("leave_duty").waitFor();
    await agent.page.getByRole("button", { name: agent.t("pause_for", { reason: "Szkolenie" }) }).waitFor();
    await agent.page.keyboard.press("Escape");

    await one.go(`agents/${zofia.login}`);
    await one.field("capacity").fill("8");
    await one.save();
    await one.isSaved();
    await duty.getByText(agent.t("capacity_of", { open: 1, capacity: 8 })).waitFor();
    await one.go(`queues/${queue}`);
    await one.page.getByRole("textbox", { name: one.t("queues.name"), exact: true }).fill("Reklamacje");
    await one.save();
    await agent.list.getByText("Reklamacje").waitFor();
    expect(await agent.page.evaluate(() => "isSamePage" in window), "without being loaded again").toBe(true);
  });
});

describe("e-mail", () => {
  test("tells by what server it goes, and whether that takes a letter", async () => {
    await stage().server.administer("PUT", `agents/${ADMINISTRATOR.login}`, { email: "ewa@example.org" });
    const one = await open("email");
    await one.sees(one.t("mail_is_set"));
    await one.sees(`127.0.0.1:${mailbox.port}`);
    await one.sees("chat@sklep.example.org");
    await one.button("mail_send").click();
    await one.page
      .getByRole("status")
      .getByText(one.t("mail_sent", { address: "ewa@example.org" }))
      .waitFor();
    await mailbox.gets("ewa@example.org");
    mailbox.answer = "550 no such mailbox here";
    await one.button("mail_send").click();
    await one.page
      .getByRole("alert")
      .getByText(/no such mailbox here/)
      .waitFor();
    mailbox.answer = "250 yes";
    await one.button("mail_send").click();
    await one.page.getByRole("alert").waitFor({ state: "detached" });
    await one.sees(one.t("mail_sent", { address: "ewa@example.org" }));
  });
});
