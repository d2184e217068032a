/** Coming in, being there, and going: signing in, links, duty, the account, commands. */
import { describe, expect, test } from "vitest";
import { violations } from "./axe";
import { Agent } from "./agent";
import { ConsolePage } from "./console";
import { codeOf } from "./code";
import { useStage } from "./hooks";
import { offline } from "./network";
import { ADMINISTRATOR, ANNA, JAN, PASSWORD, type Person, type Session } from "./server";
import { wideIn } from "./sideways";
import { until } from "./until";
import { type Language, LANGUAGES } from "./words";

const stage = useStage();

const NARROWEST = { width: 320, height: 568 };
const THEMES = ["light", "dark"] as const;

let people = 0;

/** Nobody else's account, whatever becomes of it. */
async function newPerson(): Promise<Person> {
  const login = `person${++people}`;
  const person = { login, name: "Zofia", surname: "Łęcka" };
  await stage().server.administer("POST", "agents", { ...person, roles: ["agent"], capacity: 3 });
  const { token } = await invitation(person);
  await stage().server.asAgent({ cookie: "", csrf: "" }, "POST", "password", { token, password: PASSWORD });
  return person;
}

async function invitation({ login }: Person): Promise<{ token: string; link: string }> {
  const answer = await stage().server.administer<{ link: string }>("POST", `agents/${login}/invitation`, {});
  return { link: answer.link, token: answer.link.split("#")[1] ?? "" };
}

/** A page of the console where nobody has signed in. */
function door(path = "", language: Language = "en"): Promise<ConsolePage> {
  return ConsolePage.door(stage(), JAN, path, { language, browser: { reducedMotion: "reduce" } });
}

async function signIn(console: ConsolePage, { login }: Person, password = PASSWORD): Promise<void> {
  const { page } = console;
  await page.getByLabel(console.t("entry.login"), { exact: true }).fill(login);
  await page.getByLabel(console.t("entry.password"), { exact: true }).fill(password);
  await page.keyboard.press("Enter");
}

/** Whatever the language of the account is. */
const isIn = (console: ConsolePage) => console.page.locator("#content").waitFor();

describe("signing in", () => {
  test("by keyboard, after a wrong password", async () => {
    const console = await door();
    await console.button("entry.sign_in").waitFor();
    await console.page.keyboard.type(JAN.login);
    await console.page.keyboard.press("Tab");
    await console.page.keyboard.type("not this one");
    await console.page.keyboard.press("Enter");
    await console.shows(console.t("entry.wrong"));
    // What was wrong is chosen, to be typed over.
    await console.page.keyboard.type(PASSWORD);
    await console.page.keyboard.press("Enter");
    await isIn(console);
    expect(new URL(console.page.url()).hash).toBe("#/mine");
  });

  test("says for how long nothing more is tried", async () => {
    const person = await newPerson();
    const console = await door();
    const wait = console.page.getByText(/Too many failures\. Try again in \d+:\d\d/);
    await until("that it is enough", async () => {
      await signIn(console, person, "wrong");
      await console.page.getByRole("alert").waitFor();
      return wait.isVisible();
    });
    expect(await console.button("entry.sign_in").isDisabled()).toBe(true);
  });

  test("has nothing to send where no e-mail goes out", async () => {
    const console = await door();
    await console.button("entry.forgotten").click();
    await console.page.getByLabel(console.t("entry.email")).fill("jan@example.org");
    await console.button("entry.send_link").click();
    await console.shows(console.t("entry.no_mail"));
    await console.button("entry.back").click();
    await console.shows(console.t("entry.forgotten"));
  });

  test("in the language that is chosen by hand", async () => {
    const console = await door("", "en");
    await console.page.getByRole("button", { name: "Polski" }).click();
    const title = console.page.getByRole("heading", { name: "Logowanie" });
    await title.waitFor();
    await console.page.reload();
    await title.waitFor();
  });

  test("whatever is chosen in a chat in the same browser, and the other way round", async () => {
    const { visitor } = await stage().atLink(await stage().queue());
    await visitor.button("menu").click();
    await visitor.button("language").click();
    const isPolish = () => visitor.page.evaluate(() => document.documentElement.lang === "pl");
    await expect.poll(isPolish).toBe(true);
    const page = await visitor.page.context().newPage();
    await page.goto(`${stage().server.origin}/console/`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByRole("button", { name: "English" }).click();
    await visitor.page.reload();
    await visitor.page.getByRole("heading", { level: 1 }).waitFor();
    expect(await isPolish()).toBe(true);
  });
});

describe("a link", () => {
  test("of an invitation leads to a password, and in", async () => {
    const person = { login: `invited${++people}`, name: "Ola", surname: "Kot" };
    await stage().server.administer("POST", "agents", { ...person, roles: ["agent"], capacity: 3 });
    const { link, token } = await invitation(person);
    expect(new URL(link).pathname).toBe("/console/password");
    const console = await door(`password#${token}`);
    // What is to be typed tomorrow.
    await console.page.getByText(person.login, { exact: true }).waitFor();
    await console.page.getByLabel(console.t("entry.new_password")).fill("short");
    await console.page.keyboard.press("Enter");
    await console.shows(console.t("too_short", { least: 8 }));
    await console.page.getByLabel(console.t("entry.new_password")).fill("long enough by far");
    await console.page.keyboard.press("Enter");
    await isIn(console);
    // The link is not in the way back.
    await console.page.goBack();
    expect(console.page.url()).not.toContain(token);

    const again = await door(`password#${token}`);
    await again.shows(again.t("entry.link_over"));
  });
});

describe("a session", () => {
  test("that ends is taken up again where one was", async () => {
    const person = await newPerson();
    const console = await ConsolePage.open(stage(), person, { at: "account" });
    const typed = console.page.getByLabel(console.t("account.new_password"));
    await typed.fill("not saved yet");
    await endSession(console);
    await console.shows(console.t("entry.again_title"));
    const dialog = console.page.getByRole("dialog");
    await dialog.getByLabel(console.t("entry.password"), { exact: true }).fill(PASSWORD);
    await console.page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    expect(await typed.inputValue()).toBe("not saved yet");
    // The socket is there again, too.
    expect(await console.page.getByText(console.t("reconnecting")).count()).toBe(0);
  });

  test("in which somebody else has signed in meanwhile says and reads nothing in their name", async () => {
    const { anna, server } = stage();
    const [person, next] = [await newPerson(), await newPerson()];
    const queue = await server.queue({}, undefined, [ANNA, person]);
    const about = { chat_queue_id: queue, text: "Dzień dobry", client_key: crypto.randomUUID() };
    type Opened = { conversation_id: string };
    const opened = await server.asVisitor<Opened>("", "POST", "conversations", about);
    const id = opened.conversation_id;
    const socket = await Agent.signIn(server, person);
    await socket.is("paused");
    await socket.claim(id);
    socket.leave();
    await anna.watch(id);
    const context = await stage().person("en");
    const one = await ConsolePage.open(stage(), person, { at: `mine/${id}`, context });
    await one.editor.fill("said by the first");
    await offline(one, true);
    await one.page.getByText(one.t("offline")).waitFor();
    await one.editor.press("Enter");
    const other = await ConsolePage.open(stage(), next, { context });
    await offline(one, false);
    await one.shows(one.t("entry.again_title"));
    await other.isThere();
    expect(anna.log(id).filter(({ kind }) => kind === "message")).toHaveLength(1);

    const dialog = one.page.getByRole("dialog");
    await dialog.getByLabel(one.t("entry.password"), { exact: true }).fill(PASSWORD);
    await one.page.keyboard.press("Enter");
    const said = await anna.finds(id, "the reply", ({ text }) => text === "said by the first");
    expect(said).toMatchObject({ by: "agent", agent_id: await whose(one) });
    expect(anna.log(id).filter(({ kind }) => kind === "message")).toHaveLength(2);
  });

  test("that ends in two tabs goes on in both when it is taken up again in one", async () => {
    const person = await newPerson();
    const one = await ConsolePage.open(stage(), person);
    const other = await ConsolePage.again(one);
    await other.isThere();
    await endSession(one);
    for (const tab of [one, other]) await tab.shows(tab.t("entry.again_title"));
    const dialog = other.page.getByRole("dialog");
    await dialog.getByLabel(other.t("entry.password"), { exact: true }).fill(PASSWORD);
    await other.page.keyboard.press("Enter");
    for (const tab of [one, other]) await tab.page.getByRole("dialog").waitFor({ state: "hidden" });
    // Whoever signs in anew in a third tab takes the place of the session, and nobody notices.
    const third = await one.page.context().newPage();
    await third.goto(`${one.origin}/console/`);
    await third.evaluate(
      (body) =>
        fetch("/console/session", { method: "POST", body, headers: { "Content-Type": "application/json" } }),
      JSON.stringify({ login: person.login, password: PASSWORD }),
    );
    for (const tab of [one, other]) {
      await tab.goes("account");
      await tab.page.getByLabel(tab.t("account.new_password")).waitFor();
      expect(await tab.page.getByRole("dialog").count()).toBe(0);
    }
  });

  test("ends by hand, and others by the list", async () => {
    const person = await newPerson();
    const console = await ConsolePage.open(stage(), person, { at: "account" });
    const other = await ConsolePage.open(stage(), person);
    await console.page.reload();
    await console.button("account.end_others").click();
    await console.shows(console.t("account.others_ended"));
    await other.shows(other.t("entry.again_title"));
    await other.button("entry.sign_out_instead").click();
    await other.shows(other.t("entry.forgotten"));
  });
});

/** Who the browser says that it is. */
function whose({ page }: ConsolePage): Promise<number> {
  return page.evaluate(
    async () => ((await (await fetch("/console/session")).json()) as { agent_id: number }).agent_id,
  );
}

/** As if somebody else had ended it. */
async function endSession({ page }: ConsolePage): Promise<void> {
  await page.evaluate(async () => {
    const { csrf_token } = (await (await fetch("/console/session")).json()) as { csrf_token: string };
    await fetch("/console/session", { method: "DELETE", headers: { "X-CSRF-Token": csrf_token } });
  });
}

describe("the account", () => {
  test("has a second factor, that signing in asks for", async () => {
    const person = await newPerson();
    const console = await ConsolePage.open(stage(), person, { at: "account" });
    const { page } = console;
    await console.button("account.set_up").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(console.t("account.confirm_password")).fill("wrong");
    await page.keyboard.press("Enter");
    await console.shows(console.t("account.wrong_password"));
    await dialog.getByLabel(console.t("account.confirm_password")).fill(PASSWORD);
    await page.keyboard.press("Enter");
    await dialog.getByRole("img", { name: console.t("account.qr") }).waitFor();
    const secret = await dialog.getByLabel(console.t("account.key")).inputValue();
    await dialog.getByLabel(console.t("account.code")).fill(codeOf(secret));
    await page.keyboard.press("Enter");
    await console.shows(console.t("account.turned_on"));
    await dialog.waitFor({ state: "hidden" });

    const fresh = await door();
    await signIn(fresh, person);
    const code = fresh.page.getByLabel(fresh.t("entry.code"));
    await code.fill("000000");
    await fresh.page.keyboard.press("Enter");
    await fresh.shows(fresh.t("entry.code_wrong"));
    // Each is good once: the next one is good already.
    await code.fill(codeOf(secret, Date.now() + 30_000));
    await fresh.page.keyboard.press("Enter");
    await isIn(fresh);
  });

  test("changes its password, and is told what was wrong", async () => {
    const person = await newPerson();
    const console = await ConsolePage.open(stage(), person, { at: "account" });
    const old = console.page.getByLabel(console.t("account.old_password"));
    await old.fill("wrong");
    await console.page.getByLabel(console.t("account.new_password")).fill("another password");
    await console.page.keyboard.press("Enter");
    await console.shows(console.t("account.wrong_password"));
    expect(await old.getAttribute("aria-invalid")).toBe("true");
    expect(await old.evaluate((it) => it === document.activeElement)).toBe(true);
    await old.fill(PASSWORD);
    await console.page.keyboard.press("Enter");
    await console.shows(console.t("account.password_changed"));
  });

  test("does not lose what is not saved without a word", async () => {
    const console = await ConsolePage.open(stage(), await newPerson(), { at: "account" });
    await console.page.getByLabel(console.t("account.old_password")).fill("something");
    await console.page.getByRole("link", { name: console.t("search.title") }).click();
    await console.shows(console.t("leave_title"));
    await console.button("stay").click();
    expect(new URL(console.page.url()).hash).toBe("#/account");
    await console.page.getByRole("link", { name: console.t("search.title") }).click();
    await console.button("leave").click();
    await console.page.waitForURL(/#\/search/);
  });

  test("speaks the language everywhere from then on", async () => {
    const person = await newPerson();
    const console = await ConsolePage.open(stage(), person);
    await console.page.getByRole("button", { name: /Zofia Łęcka/ }).click();
    await console.page.getByRole("menuitemcheckbox", { name: "Polski" }).click();
    await console.page.getByRole("navigation", { name: "Części konsoli" }).waitFor();
    await until("the account to know", async () => {
      const session: Session = await stage().server.signIn(person.login);
      const { language } = await stage().server.asAgent<{ language: string }>(session, "GET", "session");
      return language === "pl";
    });
  });
});

describe("duty", () => {
  test("begins with a question for notifications, pauses, and ends", async () => {
    const person = await newPerson();
    const console = await ConsolePage.open(stage(), person, { browser: { permissions: ["notifications"] } });
    await console.button("duty_off").click();
    await console.shows(console.t("why_off"));
    await console.button("come_on_duty").click();
    const control = console.page.getByRole("button", { name: new RegExp(`^${console.t("duty_free")}`) });
    await control.click();
    await console.shows(console.t("capacity_of", { open: 0, capacity: 3 }));
    await console.shows(console.t("why_no_queue"));
    await console.page
      .getByRole("button", { name: new RegExp(`^${console.t("pause")}`) })
      .first()
      .click();
    const paused = console.page.locator("button[aria-haspopup=dialog]");
    await paused.click();
    await console.shows(console.t("why_paused"));
    await console.button("leave_duty").click();
    await console.button("duty_off").waitFor();
  });

  test("asks what becomes of open conversations", async () => {
    const person = await newPerson();
    const queue = await stage().server.queue({}, undefined, [person]);
    const console = await ConsolePage.open(stage(), person, { browser: { permissions: ["notifications"] } });
    await console.button("duty_off").click();
    await console.button("come_on_duty").click();
    await stage().server.api("POST", `chat_conversations/start?chat_queue_id=${queue}&client_name=Marek`);
    const control = console.page.getByRole("button", { name: new RegExp(`^${console.t("duty_free")}`) });
    await until("the chat to be counted", async () => (await control.innerText()).includes("1 of 3"));
    await control.click();
    await console.shows(console.t("why_room"));
    await console.button("leave_duty").click();
    const dialog = console.page.getByRole("dialog", { name: console.t("leaving_title") });
    await dialog.getByText(console.t("you_have", { count: 1 })).waitFor();
    await dialog.getByRole("radio", { name: console.t("leaving_queue") }).check();
    await dialog.getByRole("button", { name: console.t("leave_duty") }).click();
    await console.button("duty_off").waitFor();
    const waiting = await stage().server.administer<{ result: { chat_queue_id: number }[] }>(
      "GET",
      "conversations?view=waiting",
    );
    expect(waiting.result.map((it) => it.chat_queue_id)).toContain(queue);
  });

  test("without leave to notify there is a bar that stays", async () => {
    const console = await ConsolePage.open(stage(), await newPerson());
    await console.button("duty_off").click();
    await console.button("come_on_duty").click();
    // Headless, a browser that is not told otherwise refuses.
    await console.shows(console.t("denied"));
  });
});

describe("commands", () => {
  test("by Ctrl+K find conversations, places, and what can be done", async () => {
    const queue = await stage().server.queue({}, undefined, [ANNA]);
    await stage().server.api("POST", `chat_conversations/start?chat_queue_id=${queue}&client_name=Genowefa`);
    const console = await ConsolePage.open(stage(), ANNA);
    const { page } = console;
    const palette = page.getByRole("dialog", { name: console.t("palette") });
    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await page.keyboard.type("genowe");
    await palette
      .getByRole("option", { name: /Genowefa/ })
      .first()
      .waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/#\/(waiting|all|mine)\/[\w-]+/);
    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await page.keyboard.type("dark");
    await page.keyboard.press("Enter");
    await until("the dark", () => page.evaluate(() => document.documentElement.dataset.theme === "dark"));
    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await page.keyboard.press("Escape");
    await palette.waitFor({ state: "hidden" });
  });
});

describe("roles", () => {
  test("an agent finds nothing of what belongs to supervisors and administrators", async () => {
    const console = await ConsolePage.open(stage(), JAN);
    for (const key of ["wall.title", "settings.title"]) {
      expect(await console.page.getByRole("link", { name: console.t(key) }).count()).toBe(0);
    }
    for (const place of ["wall", "settings", "settings/agents", "nowhere"]) {
      await console.goes(place);
      await console.shows(console.t("unknown_place"));
    }
  });

  test("an administrator has the settings", async () => {
    const console = await ConsolePage.open(stage(), ADMINISTRATOR);
    await console.page.getByRole("link", { name: console.t("settings.title") }).waitFor();
  });
});

describe("as an application", () => {
  test("it can be installed", async () => {
    const console = await ConsolePage.open(stage(), JAN);
    const session = await console.page.context().newCDPSession(console.page);
    const { errors, url } = await session.send("Page.getAppManifest");
    expect([errors, new URL(url).pathname]).toEqual([[], "/console/manifest.webmanifest"]);
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    expect(installabilityErrors.map(({ errorId }) => errorId).filter((it) => it !== "in-incognito")).toEqual(
      [],
    );
  });
});

describe.each(LANGUAGES)("axe-core finds nothing (%s)", (language) => {
  async function check(console: ConsolePage) {
    for (const theme of THEMES) {
      await console.wantTheme(theme);
      expect(await violations(console.page), theme).toEqual([]);
    }
    const size = console.page.viewportSize();
    await console.page.setViewportSize(NARROWEST);
    // What floats finds its new place in the next picture.
    const wide = () => wideIn(console.page);
    await expect.poll(wide, { message: "nothing is wider than the narrowest screen" }).toEqual([]);
    if (size) await console.page.setViewportSize(size);
  }

  test("at the door", async () => {
    const console = await door("", language);
    await console.button("entry.sign_in").click();
    await check(console);
    await console.button("entry.forgotten").click();
    await check(console);
    const invited = { login: `invited${++people}`, name: "Ola", surname: "Kot" };
    await stage().server.administer("POST", "agents", { ...invited, roles: ["agent"], capacity: 3 });
    const { token } = await invitation(invited);
    const link = await door(`password#${token}`, language);
    await link.page.getByText(invited.login, { exact: true }).waitFor();
    await check(link);
    const used = await door("password#nothing", language);
    await used.shows(used.t("entry.link_over"));
    await check(used);
    const welcome = await door("welcome#nothing", language);
    await welcome.button("entry.create").click();
    await check(welcome);
  });

  test("in the account, the menus, the commands and the help", async () => {
    const console = await ConsolePage.open(stage(), await newPerson(), {
      at: "account",
      language,
      browser: { reducedMotion: "reduce" },
    });
    await console.shows(console.t("account.this_session"));
    await check(console);
    await console.button("duty_off").click();
    await console.shows(console.t("why_off"));
    await check(console);
    await console.page.keyboard.press("Escape");
    await console.page.getByRole("button", { name: /Zofia Łęcka/ }).click();
    await console.page.getByRole("menuitem", { name: console.t("help") }).waitFor();
    await check(console);
    await console.page.getByRole("menuitem", { name: console.t("help") }).click();
    await console.shows(console.t("key_palette"));
    await check(console);
    await console.page.keyboard.press("Escape");
    await console.page.getByRole("dialog").waitFor({ state: "hidden" });
    await console.page.keyboard.press("Control+k");
    await console.page.getByRole("combobox", { name: console.t("palette") }).waitFor();
    await check(console);
  });
});
