/** The console for everybody: by screen reader, in both languages and themes, enlarged, on a narrow screen. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { GROUPS } from "../console/settings/sections";
import { violations } from "./axe";
import { ConsolePage } from "./console";
import { BOSS, CLIENT, furnish, NEW, OTHER, type Scene } from "./console-scene";
import { useStage } from "./hooks";
import { wideIn } from "./sideways";
import { until } from "./until";
import { LANGUAGES } from "./words";

const stage = useStage();

const DESK = { width: 1440, height: 900 };
/** A window of 1440 × 900 at 200 %. */
const ENLARGED = { width: 720, height: 450 };
const NARROWEST = { width: 320, height: 568 };
const NOWHERE = "00000000-0000-4000-8000-000000000000";

let scene: Scene;
beforeAll(async () => {
  scene = await furnish(stage());
});

/** What no person should read: a key in place of its text, a value that was not put in. */
const UNTEXT =
  /\b(console|talk|entry|search|wall|reports|queues|settings|account|customers)[._][a-z_]{3,}|\{\w+\}|undefined|\bNaN\b|\[object|Invalid Date/;
/** What the people of the scene have written themselves. */
const WRITTEN = /\{(client_name|agent_name|queue)(\|[^}]*)?\}/g;

function texts({ page }: ConsolePage): Promise<string> {
  return page.evaluate(() => {
    const said = ["aria-label", "placeholder", "title", "alt", "aria-description"].flatMap((name) =>
      [...document.querySelectorAll(`[${name}]`)].map((it) => it.getAttribute(name) ?? ""),
    );
    return [document.title, document.body.innerText, ...said].join("\n");
  });
}

/** What can be pressed, and yet no scrolling brings it where it is seen. */
function unreachable({ page }: ConsolePage): Promise<string[]> {
  return page.evaluate(() => {
    const top = [...document.querySelectorAll("[role=dialog], [role=alertdialog]")].at(-1) ?? document.body;
    const all = [
      ...top.querySelectorAll<HTMLElement>(
        "a[href]:not([href='#content']), button, input, textarea, select, [role=option]",
      ),
    ];
    const shown = all.filter(
      (it) => it.checkVisibility({ visibilityProperty: true }) && !it.closest("[inert], .sr-only"),
    );
    return shown
      .filter((it) => {
        if (it.classList.contains("sr-only") || it.getBoundingClientRect().width < 2) return false;
        it.scrollIntoView({ block: "center", inline: "nearest" });
        const { left, right, top, bottom } = it.getBoundingClientRect();
        const isSeen = bottom > 0 && top < innerHeight && left > -1 && right < innerWidth + 1;
        return !isSeen && !it.matches(":focus");
      })
      .map((it) => it.outerHTML.slice(0, 160));
  });
}

interface State {
  name: string;
  /** Behind `#/`. */
  at: string;
  /** What is to be there, and how one comes to it. */
  set?: (person: ConsolePage) => Promise<unknown>;
  /** Whatever has to be undone before the next. */
  unset?: (person: ConsolePage) => Promise<unknown>;
}

/** What is wrong with what is to be seen: each rule in each language and in each theme, if not in each of both. */
async function faultsOf(person: ConsolePage): Promise<string[]> {
  const { page } = person;
  const faults = await violations(page);
  const [untext] = UNTEXT.exec((await texts(person)).replace(WRITTEN, "")) ?? [];
  if (untext) faults.push(`this is no text: ${untext}`);
  // Polish words are the longer ones.
  if (person.language === "en") return faults;
  for (const [what, size] of [
    ["enlarged", ENLARGED],
    ["narrow", NARROWEST],
  ] as const) {
    await page.setViewportSize(size);
    const found = await settles(() => faultsIn(person));
    faults.push(...found.map((it) => `${what}: ${it}`));
  }
  await page.setViewportSize(DESK);
  return faults;
}

/** Rows of tabs, and what is laid out by its writer: they are scrolled for themselves, by keys too. */
const MAY_SCROLL = /^<(nav|pre|div[^>]* role="tablist")/;

async function faultsIn(person: ConsolePage): Promise<string[]> {
  const wide = (await wideIn(person.page)).filter((it) => !MAY_SCROLL.test(it));
  return [
    ...wide.map((it) => `too wide: ${it}`),
    ...(await unreachable(person)).map((it) => `out of reach: ${it}`),
  ];
}

/** What is drawn anew finds its place in the next pictures: the least that there was in a while. */
async function settles(look: () => Promise<string[]>): Promise<string[]> {
  let found = await look();
  await until("its place", async () => (found = await look()).length === 0, 5_000).catch(() => undefined);
  return found;
}

async function lookAll(person: ConsolePage, states: State[]): Promise<void> {
  const faults: string[] = [];
  for (const { name, at, set, unset } of states) {
    try {
      await person.goes(at);
      await set?.(person);
      faults.push(...(await faultsOf(person)).map((fault) => `${name}: ${fault}`));
      await unset?.(person);
    } catch (error) {
      // All that is wrong is told at once.
      faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      await person.page.setViewportSize(DESK);
      await person.page.reload();
    }
  }
  expect(faults.join("\n\n")).toBe("");
}

/** A list that is open in a dialog is shut first. */
const escape = async ({ page }: ConsolePage) => {
  const overlays = page.locator("[role=dialog], [role=menu]");
  await until("nothing to lie above", async () => {
    if ((await overlays.count()) === 0) return true;
    await page.keyboard.press("Escape");
    return false;
  });
};
const dialog = (person: ConsolePage) => person.dialog().waitFor();
const inThread = (key: string) => async (person: ConsolePage) => {
  await person.sees("Halo?");
  await person.thread.focus();
  await person.page.keyboard.press(key);
  await dialog(person);
};
const more = (key: string) => async (person: ConsolePage) => {
  await person.sees("Halo?");
  await person.button("talk.more").click();
  await person.page.getByRole("menuitem", { name: person.t(key) }).click();
  await dialog(person);
};

const conversations = (): State[] => [
  { name: "list", at: "mine", set: (it) => it.row(CLIENT).waitFor() },
  { name: "thread", at: `mine/${scene.mine}`, set: (it) => it.sees("Halo?") },
  {
    name: "canned answers",
    at: `mine/${scene.mine}`,
    set: async (it) => {
      await it.way("reply");
      await it.editor.fill("/");
      await it.page.getByRole("option", { name: /witaj/ }).waitFor();
    },
    unset: (it) => it.editor.fill(""),
  },
  { name: "note", at: `mine/${scene.mine}`, set: (it) => it.way("note") },
  {
    name: "menu",
    at: `mine/${scene.mine}`,
    set: async (it) => {
      await it.sees("Halo?");
      await it.button("talk.more").click();
      await it.page.getByRole("menu").waitFor();
    },
    unset: escape,
  },
  { name: "transfer", at: `mine/${scene.mine}`, set: inThread("t"), unset: escape },
  { name: "close", at: `mine/${scene.mine}`, set: inThread("e"), unset: escape },
  { name: "keys", at: `mine/${scene.mine}`, set: inThread("?"), unset: escape },
  { name: "labels", at: `mine/${scene.mine}`, set: more("talk.labels"), unset: escape },
  { name: "assign", at: `mine/${scene.mine}`, set: more("talk.assign"), unset: escape },
  { name: "block", at: `mine/${scene.mine}`, set: more("talk.block"), unset: escape },
  {
    name: "whisper",
    at: `all/${scene.others}`,
    set: async (it) => {
      await it.sees("Proszę dać rabat.");
      await it.way("whisper");
    },
  },
  { name: "waiting", at: `waiting/${scene.waiting}`, set: (it) => it.sees("Jest tam kto?") },
  { name: "closed", at: `closed/${scene.closed}`, set: (it) => it.sees("To wszystko") },
  {
    name: "no such conversation",
    at: `mine/${NOWHERE}`,
    set: (it) => it.shows(it.t("talk.not_yours")),
  },
  {
    name: "commands",
    at: "mine",
    set: async (it) => {
      await it.page.keyboard.press("Control+k");
      await it.page.getByRole("option").first().waitFor();
    },
    unset: escape,
  },
  {
    name: "duty",
    at: "mine",
    set: async (it) => {
      await it.page.locator("button[aria-haspopup=dialog]").first().click();
      await it.shows(it.t("why_paused"));
    },
    unset: escape,
  },
];

const others = (): State[] => [
  { name: "wall", at: "wall", set: (it) => it.region("wall.who_waits").getByRole("link").first().waitFor() },
  {
    name: "reports",
    at: "reports",
    set: (it) => it.region("reports.waits").getByRole("table").waitFor(),
  },
  {
    name: "reports by agent",
    at: "reports?by_agent=1",
    set: (it) => it.region("reports.answered_by_agent").getByRole("table").waitFor(),
  },
  {
    name: "an empty report",
    at: "reports?date_from=2020-01-01&date_to=2020-01-31",
    set: (it) => it.shows(it.t("reports.nothing")),
  },
  { name: "search", at: "search", set: (it) => it.page.getByText("Wacława").first().waitFor() },
  { name: "found", at: "search?q=paczka", set: (it) => it.page.locator("mark").first().waitFor() },
  {
    name: "filters",
    at: "search?q=paczka",
    set: (it) => it.button("search.filters").click(),
  },
  { name: "nothing found", at: "search?q=nictakiego", set: (it) => it.shows(it.t("search.nothing_text")) },
  { name: "customers", at: "customers", set: (it) => it.shows(it.t("customers.begin")) },
  {
    name: "customers found",
    at: "customers?q=kowalska",
    set: (it) => it.page.getByRole("link", { name: /Jadwiga/ }).waitFor(),
  },
  { name: "a new customer", at: "customers/+", set: settled },
  {
    name: "a customer",
    at: `customers/${scene.customer}`,
    set: (it) => it.region("customers.feed").getByText("Z-2026-0830").waitFor(),
  },
  { name: "no customer", at: "customers/999999", set: (it) => it.shows(it.t("customers.unknown")) },
  { name: "account", at: "account", set: (it) => it.shows(it.t("account.this_session")) },
  { name: "nowhere", at: "nowhere", set: (it) => it.shows(it.t("unknown_place")) },
];

const settled = (person: ConsolePage) => person.isWhole();

const settings = (): State[] => [
  ...GROUPS.flatMap(({ sections }) => sections).map(({ name }) => ({
    name: `settings: ${name}`,
    at: `settings/${name}`,
    set: settled,
  })),
  ...["agents/+", "webhooks/+", "api-users/+", "clauses/+", "nowhere"].map((place) => ({
    name: `settings: ${place}`,
    at: `settings/${place}`,
    set: settled,
  })),
  ...[
    `queues/${scene.queue}`,
    `agents/${OTHER.login}`,
    `webhooks/${scene.webhook}`,
    `api-users/${scene.apiUser}`,
    `clauses/${scene.clause}`,
  ].map((place) => ({ name: `settings: ${place}`, at: `settings/${place}`, set: settled })),
];

describe.each(LANGUAGES)("axe-core finds nothing (%s)", (language) => {
  const browser = { reducedMotion: "reduce" } as const;

  async function open(who = BOSS): Promise<ConsolePage> {
    const person = await ConsolePage.signedIn(stage(), who, { language, browser });
    await person.wantTheme(language === "en" ? "light" : "dark");
    return person;
  }

  test("in conversations", { timeout: 180_000 }, async () => lookAll(await open(), conversations()));
  test("in the wall, the reports, the search, the account", { timeout: 180_000 }, async () =>
    lookAll(await open(), others()),
  );
  test("in the settings", { timeout: 240_000 }, async () => lookAll(await open(), settings()));
});
