/** Nobody gets by address, or by what the page calls, to what belongs to a role above. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GROUPS } from "../console/settings/sections";
import { ConsolePage } from "./console";
import { useStage } from "./hooks";
import { ADMINISTRATOR, type Person } from "./server";

const stage = useStage();

const AGENT: Person = { login: "agata", name: "Agata", surname: "Mak" };
const SUPERVISOR: Person = { login: "stefan", name: "Stefan", surname: "Rak", role: "supervisor" };

/** Of what only administrators see, something that stands nowhere else. */
const SECRETS = ["tajny-integrator", "tajny.example.org", "Tajna klauzula", "Tajna kolejka"];
const SECTIONS = GROUPS.flatMap(({ sections }) => sections.map(({ name }) => name));
/** What settings are read by. */
const CALLS = [
  "agents/agata",
  "queues",
  "api_users",
  "api_methods",
  "webhooks",
  "clauses",
  "routing",
  "audit",
  "settings/lookup",
];

const REPORT = "reports/summary?date_from=2026-06-01&date_to=2026-06-30";

let places: string[] = [];

beforeAll(async () => {
  const { server } = stage();
  await Promise.all([AGENT, SUPERVISOR].map((person) => server.hire(person)));
  const queue = await server.queue({ enabled: false }, "Tajna kolejka", []);
  const user = await server.administer<{ id: number }>("POST", "api_users", {
    name: "tajny-integrator",
    methods: ["*"],
  });
  const webhook = await server.administer<{ id: string }>("POST", "webhooks", {
    subscription_url: "https://tajny.example.org/",
    actions: ["CHAT_CONVERSATION_CREATED"],
  });
  await server.clause("Tajna klauzula", { pl: "Tajna", en: "Tajna" });
  places = [
    "settings",
    ...SECTIONS.map((name) => `settings/${name}`),
    `settings/queues/${queue}`,
    `settings/queues/${queue}/agents`,
    `settings/agents/${ADMINISTRATOR.login}`,
    `settings/api-users/${user.id}`,
    `settings/webhooks/${webhook.id}`,
  ];
});

afterAll(() => (places = []));

interface Asked {
  path: string;
  status: number;
}

/** What the page has called, and what came of it. */
function listen({ page }: ConsolePage): Asked[] {
  const asked: Asked[] = [];
  page.on("response", (response) => {
    const path = new URL(response.url()).pathname;
    if (path.startsWith("/console/")) asked.push({ path, status: response.status() });
  });
  return asked;
}

async function expectNoWay(person: ConsolePage, all: string[]): Promise<void> {
  const asked = listen(person);
  const nothing = person.page.getByText(person.t("unknown_place_text"));
  for (const place of all) {
    await person.goes("mine");
    await nothing.waitFor({ state: "hidden" });
    await person.goes(place);
    await nothing.waitFor();
    await person.page.getByRole("link", { name: person.t("to_conversations") }).waitFor();
    const text = await person.page.evaluate(() => document.documentElement.innerText);
    for (const secret of SECRETS) expect(text, place).not.toContain(secret);
  }
  // From a bookmark, too.
  await person.page.reload();
  await nothing.waitFor();
  const calls = CALLS.map((call) => `/console/${call}`);
  const refused = asked.filter(({ path, status }) => status === 403 || calls.includes(path));
  expect(refused, "the page asks for nothing that it may not have").toEqual([]);
}

/** By hand, in the session of the page. */
function statuses({ page }: ConsolePage, calls: string[]): Promise<number[]> {
  return page.evaluate(
    (paths) => Promise.all(paths.map(async (path) => (await fetch(`/console/${path}`)).status)),
    calls,
  );
}

async function commandsOf(person: ConsolePage): Promise<string[]> {
  await person.page.keyboard.press("Control+k");
  const options = person.dialog().getByRole("option");
  await options.filter({ hasText: person.t("talk.title") }).waitFor();
  const found = await options.allInnerTexts();
  await person.page.keyboard.press("Escape");
  await person.dialog().waitFor({ state: "hidden" });
  return found.map((text) => text.trim());
}

function parts(person: ConsolePage): Promise<string[]> {
  const rail = person.page.getByRole("navigation", { name: person.t("navigation") });
  return rail.getByRole("link").allInnerTexts();
}

describe("an agent", () => {
  test("reaches neither the wall, nor the reports, nor the settings", async () => {
    const agent = await ConsolePage.signedIn(stage(), AGENT);
    const keys = ["talk.title", "customers.title", "search.title"];
    expect(await parts(agent)).toEqual(keys.map((key) => agent.t(key)));
    const commands = await commandsOf(agent);
    for (const key of ["wall.title", "reports.title", "settings.title"])
      expect(commands).not.toContain(agent.t(key));
    await expectNoWay(agent, ["wall", "reports", ...places]);
    const calls = ["wall", REPORT, ...CALLS];
    expect(await statuses(agent, calls)).toEqual(calls.map(() => 403));
  });
});

describe("a supervisor", () => {
  test("reaches the wall and the reports, and not the settings", async () => {
    const supervisor = await ConsolePage.signedIn(stage(), SUPERVISOR);
    const keys = ["talk.title", "customers.title", "wall.title", "reports.title", "search.title"];
    expect(await parts(supervisor)).toEqual(keys.map((key) => supervisor.t(key)));
    const commands = await commandsOf(supervisor);
    for (const key of ["wall.title", "reports.title"]) expect(commands).toContain(supervisor.t(key));
    expect(commands).not.toContain(supervisor.t("settings.title"));
    await expectNoWay(supervisor, places);
    const calls = ["wall", REPORT, ...CALLS];
    expect(await statuses(supervisor, calls)).toEqual([200, 200, ...CALLS.map(() => 403)]);
  });
});

describe("who loses a role", () => {
  test("is led away from what belonged to it", async () => {
    const person: Person = { login: "byly", name: "Bogdan", surname: "Były", role: "administrator" };
    const { server } = stage();
    await server.hire(person);
    const administrator = await ConsolePage.signedIn(stage(), person);
    await administrator.goes("settings/api-users");
    await administrator.shows("tajny-integrator");
    await server.administer("PUT", `agents/${person.login}`, { roles: ["agent"] });
    await administrator.shows(administrator.t("entry.again_title"));
    await administrator.page
      .getByLabel(administrator.t("entry.password"), { exact: true })
      .fill("a password of tests");
    await administrator.page.keyboard.press("Enter");
    await administrator.shows(administrator.t("unknown_place_text"));
    expect(await administrator.page.getByText("tajny-integrator").count()).toBe(0);
  });
});
