/** Settings of queues: every one can be changed, is what the API then says, counts at once, and is in the audit log. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import english from "../../locales/en.json";
import polish from "../../locales/pl.json";
import { violations } from "./axe";
import { useStage } from "./hooks";
import { ADMINISTRATOR, JAN } from "./server";
import { bound, Settings, WIDE } from "./settings";
import { wideIn } from "./sideways";

const stage = useStage();

/** Eight pages, in both themes, at two widths. */
const MANY_LOOKS_MS = 180_000;
const TABS = ["general", "agents", "hours", "welcome", "form", "widget", "install"];

interface Stored {
  [name: string]: unknown;
  widget: Record<string, unknown>;
}

/** Of one queue, or of all. */
function settingsOf(queue?: number, tab = "", options = {}): Promise<Settings> {
  return Settings.at(stage(), `settings/queues${queue ? `/${queue}` : ""}${tab && `/${tab}`}`, options);
}

const stored = (queue: number) => stage().server.administer<Stored>("GET", `queues/${queue}`);

async function changesOf(queue: number): Promise<string[]> {
  const subject = encodeURIComponent(`queue ${queue}`);
  const path = `audit?subject=${subject}`;
  const { result } = await stage().server.administer<{ result: { change: string; actor: string }[] }>(
    "GET",
    path,
  );
  return result.filter(({ actor }) => actor === ADMINISTRATOR.login).map(({ change }) => change);
}

describe("the list", () => {
  test("takes a new queue, which another console shows at once", async () => {
    const other = await settingsOf();
    const mine = await settingsOf();
    await mine.button("add").click();
    const dialog = mine.page.getByRole("dialog");
    await dialog.getByLabel(mine.t("name")).fill("Reklamacje");
    await dialog.getByRole("button", { name: mine.t("add") }).click();
    await mine.page.getByRole("heading", { level: 1, name: "Reklamacje" }).waitFor();
    await other.page.getByRole("link", { name: "Reklamacje" }).waitFor();
    const id = Number(/queues\/(\d+)/.exec(mine.page.url())?.[1]);
    expect(await stored(id)).toMatchObject({ name: "Reklamacje", enabled: true });
    expect(await changesOf(id)).toEqual(["queue.add"]);
    await mine.switch("enabled").click();
    await mine.save();
    await other.page.getByRole("row", { name: "Reklamacje" }).getByText(mine.t("off")).waitFor();
  });

  test("says what is wrong with a name, or a number, by the field", async () => {
    const { page, t, button, errorOf } = bound(await settingsOf());
    await button("add").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: t("add") }).click();
    expect(await errorOf(dialog.getByLabel(t("name")))).toBe(polish.console.needed);
    await dialog.getByLabel(t("name")).fill("Sklep");
    await dialog.getByRole("button", { name: t("add") }).click();
    expect(await errorOf(dialog.getByLabel(t("name")))).toBe(polish.errors.queue_taken);
  });
});

describe("of one queue", () => {
  test("everything general is stored, and nothing else", async () => {
    const queue = await stage().queue();
    const before = await stored(queue);
    const at = await settingsOf(queue);
    const { page, field, t } = bound(at);
    await field("name").fill("Reklamacje i zwroty");
    await at.switch("enabled").click();
    await field("agent_capacity").fill("2");
    await at.switch("as_installation").click();
    await field("answer_goal").fill("90");
    await page.getByLabel(`${t("answer_goal")}: ${polish.console.unit}`).selectOption("minutes");
    await at.switch("no_answer").click();
    await at.switch("no_answer_pauses").click();
    await at.switch("stop_assigning").click();
    await at.radio(t("idle_from"), t("idle_from_message")).click();
    await at.switch("mail_after").click();
    await at.switch("takes_files").click();
    await at.switch("text_preview").click();
    await at.switch("takes_unverified").click();
    await field("opens_per_hour").fill("70");
    // By the keyboard alone.
    await at.button("move_up", { name: t("strategy_fewest_open") }).focus();
    for (let step = 0; step < 3; step++) await page.keyboard.press("Enter");
    // And by hand.
    const strategies = page.getByRole("group", { name: t("strategies") }).getByRole("listitem");
    await strategies.filter({ hasText: t("strategy_last_agent") }).dragTo(strategies.nth(1));
    await at.button("not_ask", { name: t("strategy_account_manager") }).press("Enter");
    await at.save();
    expect(await stored(queue)).toEqual({
      ...before,
      name: "Reklamacje i zwroty",
      enabled: false,
      agent_capacity: 2,
      strategies: ["fewest_open", "last_agent", "priority", "least_recently_assigned"],
      answer_goal_seconds: 5_400,
      no_answer_seconds: 60,
      no_answer_pauses: false,
      stop_assigning_hours: 24,
      idle_from: "last_client_message",
      mail_after_seconds: 0,
      takes_files: false,
      has_text_preview: true,
      takes_unverified: false,
      opens_per_hour: 70,
    });
    expect(await changesOf(queue)).toEqual(["queue.change"]);
    await page.getByRole("heading", { level: 1, name: "Reklamacje i zwroty" }).waitFor();

    await at.switch("as_installation").click();
    await field("agent_capacity").fill("");
    await at.switch("idle_close").click();
    await at.save();
    expect(await stored(queue)).toMatchObject({
      strategies: null,
      agent_capacity: null,
      idle_close_seconds: 0,
      name: "Reklamacje i zwroty",
    });
  });

  test("a bot is chosen by its name, and none is one of the choices", async () => {
    const bot = await stage().server.api<{ external_chatbot_id: string }>("POST", "bots", {
      name: "Paczkobot",
    });
    const queue = await stage().queue();
    const at = await settingsOf(queue);
    const { field, page, t } = bound(at);
    const choose = async (name: string) => {
      await field("bot").click();
      await page.getByRole("option", { name, exact: true }).click();
      await at.save();
    };
    await choose("Paczkobot");
    expect(await stored(queue)).toMatchObject({ external_chatbot_id: bot.external_chatbot_id });
    await choose(t("no_bot"));
    expect(await stored(queue)).toMatchObject({ external_chatbot_id: null });
  });

  test("a name that is taken is refused by the field", async () => {
    const queue = await stage().queue();
    const at = await settingsOf(queue);
    const { field, page } = bound(at);
    await field("name").fill("Sklep");
    await page.keyboard.press("Enter");
    expect(await at.errorOf(field("name"))).toBe(polish.errors.queue_taken);
    await field("answer_goal").fill("");
    await page.keyboard.press("Enter");
    expect(await at.errorOf(field("answer_goal"))).not.toBe("");
    expect(await stored(queue)).toMatchObject({ name: `Sklep ${queue}`, answer_goal_seconds: 60 });
  });

  test("agents come, go first, and go", async () => {
    const queue = await stage().queue();
    const other = await settingsOf();
    const at = await settingsOf(queue, "agents");
    const { page, t } = bound(at);
    await page.getByRole("combobox", { name: t("add_agent") }).fill("kowal");
    await page.getByRole("option", { name: "Jan Kowalski" }).click();
    await at.button("add_this_agent").click();
    const jan = page.getByRole("spinbutton", { name: t("priority_of", { name: "Jan Kowalski" }) });
    await jan.fill("10");
    await at.save();
    const agents = () =>
      stage().server.administer<{ login: string; priority: number }[]>("GET", `queues/${queue}/agents`);
    expect(await agents()).toMatchObject([{ login: JAN.login, priority: 10 }, { priority: 100 }]);
    const row = other.page.getByRole("row", { name: `Sklep ${queue} ` });
    await row.getByRole("cell", { name: "2", exact: true }).waitFor();
    await at.button("remove_agent", { name: "Anna Nowak" }).click();
    await expect.poll(agents).toHaveLength(1);
    await at.button("undo").click();
    await expect.poll(agents).toHaveLength(2);
    expect(await changesOf(queue)).toEqual([
      "queue.agent.add",
      "queue.agent.remove",
      "queue.agent.change",
      "queue.agent.add",
    ]);
  });

  test("agents are called what they like", async () => {
    const { server } = stage();
    const logins = ["constructor", "toString"];
    const people = logins.map((login) => ({ login, name: login, surname: "Obiekt" }));
    for (const person of people) await server.hire(person);
    const queue = await server.queue({}, undefined, people);
    const at = await settingsOf(queue, "agents");
    const { page, t } = bound(at);
    for (const login of logins) {
      const name = t("priority_of", { name: `${login} Obiekt` });
      await page.getByRole("spinbutton", { name }).fill("7");
    }
    await at.save();
    const agents = await server.administer("GET", `queues/${queue}/agents`);
    expect(agents).toMatchObject([{ priority: 7 }, { priority: 7 }]);
  });

  test("hours, holidays and own days are what visitors are told", async () => {
    const queue = await stage().queue();
    const at = await settingsOf(queue, "hours");
    const { page, t } = bound(at);
    await page.getByLabel(t("hours_own")).click();
    const friday = (key: "span_from" | "span_until") =>
      page.getByLabel(t(key, { day: "Piątek" }), { exact: true });
    await friday("span_from").fill("22");
    await friday("span_until").fill("6.30");
    await friday("span_until").blur();
    await page.getByText(t("span_next_day")).waitFor();
    await at.button("copy_day", { day: "Poniedziałek" }).click();
    await page.getByRole("menuitem", { name: t("copy_all") }).click();
    expect(await friday("span_from").inputValue()).toBe("09:00");
    await friday("span_from").fill("2200");
    await friday("span_until").fill("6:30");
    await at.button("span_remove", { day: "Niedziela" }).click();
    await page.getByRole("combobox", { name: t("zone") }).fill("lisbon");
    await page.getByRole("option", { name: "Europe/Lisbon" }).click();
    await at.button("open_on", { day: t("holiday_eve") }).click();
    await page.getByLabel(t("day_date"), { exact: true }).fill("2027-02-01");
    await at.button("day_closed_add").click();
    await page.getByLabel(t("day_name", { day: "poniedziałek, 1 lutego 2027" })).fill("Inwentura");
    await at.save();
    const office = [{ from_minute: 540, until_minute: 1020 }];
    const year = new Date().getFullYear();
    expect((await stored(queue)).hours).toEqual({
      week: [office, office, office, office, [{ from_minute: 1320, until_minute: 390 }], office, []],
      time_zone: "Europe/Lisbon",
      has_polish_holidays: true,
      special_days: [
        { date: `${year}-12-24`, name: "Wigilia", spans: [{ from_minute: 600, until_minute: 840 }] },
        { date: "2027-02-01", name: "Inwentura", spans: [] },
      ].sort((one, other) => (one.date < other.date ? -1 : 1)),
    });
    await page.reload();
    expect(await friday("span_until").inputValue()).toBe("06:30");

    await at.button("span_add", { day: "Wtorek" }).click();
    const tuesday = page.getByLabel(t("span_until", { day: "Wtorek" }), { exact: true });
    await tuesday.first().fill("18");
    await tuesday.last().fill("20");
    await tuesday.last().blur();
    await page.getByText(t("spans_overlap")).waitFor();
    await page.getByRole("button", { name: polish.console.save, exact: true }).click();
    await page.getByText(t("hours_wrong")).waitFor();

    await page.getByLabel(t("hours_always")).click();
    await at.save();
    expect((await stored(queue)).hours).toBeNull();
  });

  test("what is set before the chat is what the next visitor sees", async () => {
    const { server } = stage();
    const name = `rodo ${Date.now()}`;
    await server.clause(name, { pl: "Dane przechowuje sklep.", en: "The shop keeps it." });
    const queue = await stage().queue();
    const at = await settingsOf(queue, "form");
    const { page, t } = bound(at);
    await at.radio(t("asks_name"), t("asks_required")).click();
    await at.radio(t("asks_email"), t("asks_no")).click();
    await page.getByText("Dane przechowuje sklep.").first().waitFor();
    await page.getByRole("checkbox", { name }).click();
    const preview = await at.chat();
    await preview.getByText("Dane przechowuje sklep.").waitFor();
    await at.save();
    expect(await stored(queue)).toMatchObject({
      clauses: [name],
      widget: { asks_name: "required", asks_email: "no" },
    });
    expect(await changesOf(queue)).toEqual(["queue.change"]);
    const visitor = await (await stage().person("pl")).newPage();
    await visitor.goto(`${server.origin}/chat/${queue}`);
    await visitor.getByText("Dane przechowuje sklep.").waitFor();
    expect(await visitor.getByLabel(/Imię/).getAttribute("aria-required")).toBe("true");
    expect(await visitor.getByLabel(/E-mail/).count()).toBe(0);
    expect(await formOf(preview)).toBe(await formOf(visitor));
  });

  test("the preview looks as the chat then does, and follows what is typed", async () => {
    const { server } = stage();
    const queue = await stage().queue();
    const at = await settingsOf(queue, "widget");
    const { page, t } = bound(at);
    await page.getByRole("textbox", { name: t("color"), exact: true }).fill("#FFD400");
    await page.getByText(/Czarny tekst na nim jest czytelny/).waitFor();
    await page.getByText(/słabo widoczny/).waitFor();
    await at.radio(t("side"), t("side_left")).click();
    await page.getByLabel(t("offset_x")).fill("40");
    await page.getByLabel(t("offset_y")).fill("0");
    await at.switch("launcher_hidden").click();
    await at.texts(t("widget_title"), "Pomoc sklepu", "Help");
    await at.texts(t("greeting"), "Witamy! Więcej: https://sklep.example.pl", "Hello!");
    await at.texts(t("away"), "Wracamy jutro.", "Back tomorrow.");
    const preview = await at.chat();
    await preview.getByRole("heading", { name: "Pomoc sklepu" }).waitFor();
    await preview.getByRole("link", { name: "https://sklep.example.pl" }).waitFor();
    const header = (where: typeof preview | Page) =>
      where.locator("header").evaluate((it) => {
        const { backgroundColor, color, height } = getComputedStyle(it);
        return { backgroundColor, color, height };
      });
    await expect.poll(() => header(preview)).toMatchObject({ backgroundColor: "rgb(255, 212, 0)" });
    await at.save();
    expect((await stored(queue)).widget).toMatchObject({
      color: "#ffd400",
      side: "left",
      offset_x_pixels: 40,
      offset_y_pixels: 0,
      is_launcher_hidden: true,
      title: { pl: "Pomoc sklepu", en: "Help" },
      greeting: { pl: "Witamy! Więcej: https://sklep.example.pl", en: "Hello!" },
      away: { pl: "Wracamy jutro.", en: "Back tomorrow." },
    });
    expect(await changesOf(queue)).toEqual(["queue.change"]);
    const size = { width: 380, height: 592 };
    const visitor = await (await stage().person("pl", { viewport: size })).newPage();
    await visitor.goto(`${server.origin}/chat/${queue}`);
    await visitor.getByRole("heading", { name: "Pomoc sklepu" }).waitFor();
    expect(await header(preview)).toEqual(await header(visitor));

    // What the console speaks is not what the preview does.
    await page.getByLabel(t("preview_language")).click();
    await page.getByRole("option", { name: "English" }).click();
    await preview.getByRole("heading", { name: "Help" }).waitFor();
    await preview.getByText(english.chat.message).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("pl");
    await page.getByLabel(t("preview_scene")).click();
    await page.getByRole("option", { name: t("scene_away") }).click();
    await preview.getByText("Back tomorrow.").waitFor();
    await page.getByLabel(t("preview_scene")).click();
    await page.getByRole("option", { name: t("scene_talk") }).click();
    await preview.getByText(t("preview_answer")).waitFor();
  });

  test("the preview waits for a frame that has nothing in it yet", async () => {
    const queue = await stage().queue({ widget: { color: "#b91c1c" } });
    const at = await settingsOf(queue, "widget");
    await at.page.addInitScript(() => {
      const { prototype } = HTMLIFrameElement;
      const { get } = Object.getOwnPropertyDescriptor(prototype, "contentDocument")!;
      Object.defineProperty(prototype, "contentDocument", {
        get(this: HTMLIFrameElement) {
          const found = get!.call(this) as Document | null;
          const isThere = found?.URL === "about:srcdoc" && found.readyState === "complete";
          return isThere ? found : new Document();
        },
      });
    });
    await at.page.reload();
    const header = (await at.chat()).locator("header");
    const color = () => header.evaluate((it) => getComputedStyle(it).backgroundColor);
    await expect.poll(color).toBe("rgb(185, 28, 28)");
    expect(await at.page.getByText(polish.console.broken).count()).toBe(0);
  });

  test("a welcome is said to who comes next", async () => {
    const queue = await stage().queue();
    const at = await settingsOf(queue, "welcome");
    const { page, t } = bound(at);
    await page.getByLabel(t("welcome_creation")).click();
    await page.getByRole("button", { name: polish.console.save, exact: true }).click();
    await page.getByText(polish.console.needed).waitFor();
    await at.texts(t("welcome_words"), "Dzień dobry, zaraz ktoś podejdzie.", "Hello, one moment.");
    await at.save();
    const visitor = await stage().inShop(queue, { language: "pl" });
    await visitor.open();
    await visitor.start({ text: "Halo?" });
    await visitor.sees("Dzień dobry, zaraz ktoś podejdzie.");
  });

  test("the snippet, the sites and the secret are there to be taken", async () => {
    const { server } = stage();
    const queue = await stage().queue();
    const at = await settingsOf(queue, "install");
    const { page, t } = bound(at);
    const snippet = await page.getByRole("textbox", { name: t("snippet"), exact: true }).inputValue();
    expect(snippet).toContain(`<script async src="${server.origin}/widget.js?queue=${queue}"></script>`);
    const sites = page.getByLabel(t("origins_list"));
    await sites.fill("sklep.example.pl");
    await sites.blur();
    expect(await at.errorOf(sites)).toBe(t("bad_origin", { origin: "sklep.example.pl" }));
    await sites.fill("https://sklep.example.pl/\nhttp://localhost:8000");
    await at.save();
    expect((await stored(queue)).origins).toEqual(["https://sklep.example.pl", "http://localhost:8000"]);
    await at.button("secret_make").first().click();
    await page
      .getByRole("alertdialog")
      .getByRole("button", { name: t("secret_make") })
      .click();
    await page.getByText(t("secret_once")).waitFor();
    const secret = await page.getByRole("textbox", { name: t("secret"), exact: true }).inputValue();
    expect(secret.length).toBeGreaterThan(30);
    await page.reload();
    await page.getByRole("heading", { name: t("secret") }).waitFor();
    expect(await page.content()).not.toContain(secret);
    await at.button("secret_remove").click();
    await page
      .getByRole("alertdialog")
      .getByRole("button", { name: t("secret_remove") })
      .click();
    await page.getByText(t("secret_removed")).waitFor();
    expect(await changesOf(queue)).toHaveLength(3);
  });
});

describe.each(["pl", "en"] as const)("for everybody (%s)", (language) => {
  test(
    "axe-core finds nothing, and nothing is wider than the screen",
    async () => {
      await stage().server.clause("zgoda", { pl: "Zgadzam się.", en: "I agree." }, "consent");
      const queue = await stage().queue({ hours: { week: Array.from({ length: 7 }, () => []) } });
      const at = await settingsOf(queue, "", { language });
      for (const place of ["", ...TABS.map((tab) => `/${queue}/${tab}`)]) {
        await at.page.setViewportSize(WIDE);
        await at.go(`#/settings/queues${place}`);
        await at.page.getByRole("heading", { level: 1 }).waitFor();
        if (/form|widget/.test(place)) await at.chat();
        else await at.page.waitForLoadState("networkidle");
        for (const colorScheme of ["light", "dark"] as const) {
          await at.page.emulateMedia({ colorScheme });
          expect(await violations(at.page), `${place} ${colorScheme}`).toEqual([]);
        }
        await at.page.setViewportSize({ width: 320, height: 640 });
        const wide = await wideIn(at.page);
        expect(
          wide.filter((it) => !it.startsWith("<nav")),
          `${place} on a narrow screen: the tabs alone`,
        ).toEqual([]);
      }
    },
    MANY_LOOKS_MS,
  );
});

/** What a form says, from above to below. */
function formOf(where: Pick<Page, "locator">): Promise<string> {
  return where.locator("form").innerText();
}
