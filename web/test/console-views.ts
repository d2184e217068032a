/** Every view of the console, as one comes to it: for those who look at them all. */
import { type Day, EWA } from "./afternoon";
import { ConsolePage } from "./console";
import { QUEUE } from "./server";

export interface View {
  /** As a file would be called. */
  name: string;
  /** Worth a picture on smaller screens, too. */
  isKey?: boolean;
  /** Behind `#/`. */
  at: string;
  /** Until it is there. */
  set?: (person: ConsolePage) => Promise<unknown>;
  unset?: (person: ConsolePage) => Promise<unknown>;
}

/** As the settings list them: what they are made of can't be loaded without a browser. */
const SECTIONS =
  "queues agents pauses routing canned topics tags clauses blocks custom-fields webhooks api-users lookup email installation audit".split(
    " ",
  );

const settled = async ({ page }: ConsolePage) => {
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await page.locator("[aria-busy=true]").first().waitFor({ state: "hidden" });
};
const escape = async ({ page }: ConsolePage) => {
  const overlays = page.locator("[role=dialog], [role=alertdialog], [role=menu], [role=listbox]");
  for (let tries = 0; tries < 4 && (await overlays.count()) > 0; tries++) {
    await page.keyboard.press("Escape");
    await page.waitForTimeout(100);
  }
};

export function viewsOf(day: Day): View[] {
  const { hero } = day.words;
  const there = async (it: ConsolePage) => {
    await it.sees(hero.thanks);
    await it.shows(day.words.lookup.title);
  };
  const inThread = (key: string) => async (it: ConsolePage) => {
    await there(it);
    await it.thread.focus();
    await it.page.keyboard.press(key);
    await it.dialog().waitFor();
  };
  const more = (key: string) => async (it: ConsolePage) => {
    await there(it);
    await it.button("talk.more").click();
    await it.page.getByRole("menuitem", { name: it.t(key) }).click();
    await it.dialog().waitFor();
  };
  const adds = async (it: ConsolePage) => {
    await settled(it);
    await it.page
      .locator("main, #content")
      .first()
      .locator("header, [data-region=header]")
      .first()
      .getByRole("button")
      .first()
      .click();
    await it.dialog().waitFor();
  };
  const thread = `mine/${day.hero}`;
  const queue = `settings/queues/${QUEUE}`;
  return [
    { name: "list", isKey: true, at: "mine", set: (it) => it.row(hero.name).waitFor() },
    { name: "waiting-list", at: "waiting", set: (it) => it.row(day.words.waiting[0]!.name).waitFor() },
    { name: "all-list", at: "all", set: (it) => it.row(hero.name).first().waitFor() },
    { name: "closed-list", at: "closed", set: (it) => it.row(day.words.past[1]!.name).first().waitFor() },
    {
      name: "thread",
      isKey: true,
      at: thread,
      set: async (it) => {
        await there(it);
        await day.types();
        await it.shows(hero.types);
      },
    },
    {
      name: "canned",
      at: thread,
      set: async (it) => {
        await there(it);
        await it.way("reply");
        await it.editor.fill("/");
        await it.page.getByRole("option").first().waitFor();
      },
      unset: (it) => it.editor.fill(""),
    },
    {
      name: "note",
      at: thread,
      set: async (it) => {
        await there(it);
        await it.way("note");
      },
      unset: (it) => it.way("reply"),
    },
    {
      name: "more",
      at: thread,
      set: async (it) => {
        await there(it);
        await it.button("talk.more").click();
        await it.page.getByRole("menu").waitFor();
      },
      unset: escape,
    },
    { name: "transfer", at: thread, set: inThread("t"), unset: escape },
    { name: "close", at: thread, set: inThread("e"), unset: escape },
    { name: "keys", at: thread, set: inThread("?"), unset: escape },
    { name: "labels", at: thread, set: more("talk.labels"), unset: escape },
    { name: "block", at: thread, set: more("talk.block"), unset: escape },
    {
      name: "whisper",
      at: `all/${day.others}`,
      set: async (it) => {
        await it.sees(day.words.annas[0]!.answer);
        await it.way("whisper");
      },
    },
    {
      name: "waiting",
      at: `waiting/${day.waiting}`,
      set: (it) => it.sees(day.words.waiting[0]!.text),
    },
    { name: "closed", at: `closed/${day.closed}`, set: (it) => it.sees(day.words.goodbye) },
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
        await it.page.getByText(it.t("why_full")).waitFor();
      },
      unset: escape,
    },
    {
      name: "wall",
      isKey: true,
      at: "wall",
      set: (it) => it.region("wall.who_waits").getByRole("link").first().waitFor(),
    },
    {
      name: "reports",
      isKey: true,
      at: "reports",
      set: (it) => it.region("reports.volume").getByRole("table").waitFor(),
    },
    {
      name: "reports-agents",
      at: "reports?by_agent=1",
      set: (it) => it.region("reports.answered_by_agent").getByRole("table").waitFor(),
    },
    {
      name: "search",
      at: "search",
      set: (it) => it.page.getByText(day.words.past[1]!.name).first().waitFor(),
    },
    {
      name: "found",
      at: `search?q=${encodeURIComponent(day.words.greeting.split(" ")[0]!)}`,
      set: (it) => it.page.locator("mark").first().waitFor(),
    },
    { name: "customers", at: "customers", set: settled },
    { name: "start", at: "start", set: settled },
    { name: "account", at: "account", set: (it) => it.shows(it.t("account.this_session")) },
    ...SECTIONS.map((name) => ({
      name: `settings-${name}`,
      at: `settings/${name}`,
      set: settled,
      isKey: name === "queues",
    })),
    ...["general", "agents", "hours", "welcome", "form", "widget", "install"].map((tab) => ({
      name: `queue-${tab}`,
      isKey: tab === "general" || tab === "widget",
      at: `${queue}/${tab}`,
      set: async (it: ConsolePage) => {
        await settled(it);
        // The preview is a page of its own.
        if (tab === "form" || tab === "widget") await it.page.waitForTimeout(1_500);
      },
    })),
    ...[
      ["queue-new", "settings/queues"],
      ["agent", `settings/agents/${EWA.login}`],
      ["agent-new", "settings/agents/+"],
      ["webhook", `settings/webhooks/${day.webhook}`],
      ["webhook-new", "settings/webhooks/+"],
      ["api-user", `settings/api-users/${day.apiUser}`],
      ["api-user-new", "settings/api-users/+"],
      ["clause", "settings/clauses/rodo"],
    ].map(([name = "", at = ""]) => ({
      name,
      at,
      ...(name === "queue-new" ? { set: adds, unset: escape } : { set: settled }),
    })),
  ];
}

/** What is there before anybody has signed in; behind `/console/`. */
export function doorsOf(day: Day): { name: string; isKey?: boolean; path: string }[] {
  return [
    { name: "sign-in", isKey: true, path: "" },
    { name: "welcome", path: `welcome#${day.invitation}` },
    { name: "welcome-over", path: "welcome#over" },
    { name: "password-over", path: "password#over" },
  ];
}
