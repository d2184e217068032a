/** Reports: the numbers are what has happened, the address says what is chosen, and a file has what the page shows. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { violations } from "./axe";
import { ConsolePage } from "./console";
import { useStage } from "./hooks";
import { ANNA, type Person } from "./server";
import { wideIn } from "./sideways";
import { LANGUAGES } from "./words";

const stage = useStage();

const BOSS: Person = { login: "szefowa", name: "Zofia", surname: "Lis", role: "supervisor" };
const QUEUE_NAME = "Dział obsługi klientów korporacyjnych";
const PHONE = { width: 390, height: 844 };

let queue = 0;
let today = "";

interface Opened {
  conversation_id: string;
  token: string;
}

/** Three have written: one was answered and is happy, one was closed unanswered, one waits. */
beforeAll(async () => {
  const { server, anna } = stage();
  await server.hire(BOSS);
  queue = await server.queue({}, QUEUE_NAME);
  const opens = (name: string) =>
    server.asVisitor<Opened>("", "POST", "conversations", {
      chat_queue_id: queue,
      name,
      text: "Gdzie jest moja paczka?",
      client_key: crypto.randomUUID(),
    });
  const answered = await opens("Wanda");
  await anna.claim(answered.conversation_id);
  await anna.say(answered.conversation_id, "W drodze.");
  await anna.close(answered.conversation_id);
  await server.asVisitor(answered.token, "POST", "conversation/rating", { rating: "happy" });
  const abandoned = await opens("Leon");
  await anna.claim(abandoned.conversation_id);
  await anna.close(abandoned.conversation_id);
  await opens("Olga");
  today = new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/Warsaw" }).format(Date.now());
});

const at = (more = "") => `reports?chat_queue_ids=${queue}${more}`;

async function reports(
  more = "",
  where: Parameters<typeof ConsolePage.open>[2] = {},
  title = "reports.volume",
): Promise<ConsolePage> {
  const browser = { viewport: { width: 1440, height: 900 }, ...where.browser };
  const boss = await ConsolePage.open(stage(), BOSS, { at: at(more), ...where, browser });
  await boss.region(title).getByRole("table").waitFor();
  return boss;
}

/** A number of the whole period. */
const figure = ({ page }: ConsolePage, label: string) =>
  page
    .locator("dl > div")
    .filter({ has: page.locator("dt").getByText(label, { exact: true }) })
    .locator("dd > span")
    .first()
    .innerText();

/** Cells of the only row. */
const cells = (boss: ConsolePage, key: string) =>
  boss.region(key).locator("tbody tr").locator("td").allInnerTexts();

describe("reports", () => {
  test("count what has happened, in figures and in tables", async () => {
    const boss = await reports();
    const figures = ["incoming", "answered", "abandoned", "in_time", "ratings", "to_bot"];
    const found = await Promise.all(figures.map((key) => figure(boss, boss.t(`reports.${key}`))));
    expect(found).toEqual(["3", "1", "1", "33%", "100%", "0"]);
    expect((await cells(boss, "reports.volume")).slice(1)).toEqual(["3", "1", "1", "1"]);
    expect((await cells(boss, "reports.ratings")).slice(1)).toEqual(["1", "0", "0", "100%"]);
    const agents = boss.region("reports.per_agent").getByRole("row");
    await agents.filter({ hasText: "Anna Nowak" }).waitFor();
    await boss.region("reports.per_queue").getByRole("row").filter({ hasText: QUEUE_NAME }).waitFor();
    const charts = boss.page.getByRole("img", { name: /^Chart: / });
    expect(await charts.count()).toBe(4);
    expect(await charts.locator("canvas").count(), "each is drawn").toBe(4);
  });

  test("are in the address: a link shows the same", async () => {
    const boss = await reports();
    // Who has chosen nothing yet gets a week, and the address says which.
    await expect.poll(() => boss.page.url()).toContain(`date_to=${today}&aggregate_by=day`);
    await boss.page.getByLabel(boss.t("reports.period"), { exact: true }).click();
    await boss.page.getByRole("option", { name: boss.t("reports.today") }).click();
    await boss.page.getByLabel(boss.t("reports.lines"), { exact: true }).click();
    await boss.page.getByRole("option", { name: boss.t("reports.by_agent") }).click();
    await boss.page.getByRole("combobox", { name: boss.t("reports.agents"), exact: true }).click();
    await boss.page.getByRole("option", { name: "Anna Nowak" }).click();
    await boss.page.keyboard.press("Escape");
    await boss.page.getByLabel(boss.t("reports.threshold"), { exact: true }).fill("60");
    await boss.shows(boss.t("reports.in_time_text", { time: "1 min" }));
    const query = new URLSearchParams(boss.page.url().split("?")[1]);
    expect(Object.fromEntries(query)).toEqual({
      date_from: today,
      date_to: today,
      aggregate_by: "hour",
      chat_queue_ids: `${queue}`,
      user_logins: ANNA.login,
      by_agent: "1",
      response_threshold: "60",
    });
    const other = await ConsolePage.again(boss);
    const table = other.region("reports.answered_by_agent").getByRole("table");
    await table.getByRole("cell", { name: "Anna Nowak" }).waitFor();
    await other.shows(other.t("reports.in_time_text", { time: "1 min" }));
    expect(await figure(other, other.t("reports.incoming")), "what waits is nobody's").toBe("2");
    expect(await other.page.getByLabel(other.t("reports.period"), { exact: true }).innerText()).toBe(
      other.t("reports.today"),
    );
  });

  test("are files for spreadsheets, too", async () => {
    const boss = await reports();
    const download = boss.page.waitForEvent("download");
    await boss.button("reports.csv_do").click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(/^report-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d-day\.csv$/);
    const text = await readFile(await file.path(), "utf8");
    expect(text).toMatch(/^\uFEFFPeriod;Incoming;/);
    const [head = [], row = []] = text
      .slice(1)
      .split("\r\n")
      .map((line) => line.split(";"));
    const told = (key: string) => row[head.indexOf(boss.t(`reports.${key}`))];
    expect(row[0]).toBe(today);
    expect(["incoming", "answered", "abandoned", "happy", "in_time_percent"].map(told)).toEqual([
      "3",
      "1",
      "1",
      "1",
      "33",
    ]);
    expect(told("wait")).toMatch(/^00:00:\d\d$/);
  });

  test("say so when nothing was, and when somebody asks too much", async () => {
    const boss = await reports();
    await boss.goes(at("&date_from=2020-01-01&date_to=2020-01-31"));
    await boss.shows(boss.t("reports.nothing"));
    expect(await boss.button("reports.csv_do").isDisabled()).toBe(true);
    await boss.page.route("**/console/reports/summary?*", (route) =>
      route.fulfill({ status: 400, json: { errors: [{ code: 1, message: "Ask for less." }] } }),
    );
    await boss.goes(at("&date_from=2020-01-01&date_to=2020-02-29"));
    await boss.shows("Ask for less.");
    await boss.page.unroute("**/console/reports/summary?*");
    await boss.button("retry").click();
    await boss.shows(boss.t("reports.nothing"));
  });

  test("say so when there are more rows than are shown", async () => {
    const context = await stage().person("en", {});
    await context.route("**/console/reports/summary?*", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ json: { ...(await response.json()), is_cut: true } });
    });
    const boss = await reports("", { context });
    await boss.shows(boss.t("reports.cut", { count: 1 }));
  });

  test("are not for agents", async () => {
    const agent = await ConsolePage.open(stage(), ANNA, { at: "reports" });
    await agent.shows(agent.t("unknown_place"));
    const session = await stage().server.signIn(ANNA.login);
    const path = `reports/summary?date_from=${today}&date_to=${today}`;
    await expect(stage().server.asAgent(session, "GET", path)).rejects.toMatchObject({ status: 403 });
  });

  test.each(LANGUAGES)("are axe-clean and fit a phone, in %s", { timeout: 120_000 }, async (language) => {
    for (const viewport of [PHONE, { width: 1440, height: 900 }, { width: 320, height: 640 }]) {
      for (const [more, title] of [
        ["", "reports.volume"],
        ["&by_agent=1", "reports.answered_by_agent"],
      ] as const) {
        const boss = await reports(more, { language, browser: { viewport } }, title);
        for (const theme of ["light", "dark"] as const) {
          await boss.wantTheme(theme);
          expect(await violations(boss.page)).toEqual([]);
        }
        expect(await wideIn(boss.page)).toEqual([]);
        await boss.page.close();
      }
    }
  });
});
