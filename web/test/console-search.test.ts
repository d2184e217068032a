/** Search: every word that was said is found, by whoever may see it, and leads to where it was said. */
import { describe, expect, test } from "vitest";
import { violations } from "./axe";
import { ConsolePage } from "./console";
import { useStage } from "./hooks";
import { ADMINISTRATOR, ANNA, JAN } from "./server";
import { wideIn } from "./sideways";
import { until } from "./until";
import { LANGUAGES } from "./words";

const stage = useStage();

const NARROWEST = { width: 320, height: 568 };

/** What a client says, in a conversation of its own. */
async function says(queue: number, name: string, text: string): Promise<string> {
  const answer = await stage().server.asVisitor<{ conversation_id: string }>("", "POST", "conversations", {
    chat_queue_id: queue,
    name,
    text,
    client_key: crypto.randomUUID(),
  });
  return answer.conversation_id;
}

/** The index follows what was said. */
async function indexed(words: string, count = 1): Promise<void> {
  const query = new URLSearchParams({ q: words, limit: "50" });
  await until(`“${words}” in the index`, async () => {
    const found = await stage().server.administer<{ result: unknown[] }>("GET", `search?${query}`);
    return found.result.length >= count;
  });
}

const field = (console: ConsolePage) =>
  console.page.getByRole("textbox", { name: console.t("search.words") });
const results = (console: ConsolePage) =>
  console.page.getByRole("list", { name: console.t("search.results") });

describe("search", () => {
  test("finds words without case and accents, and leads to where they were said", async () => {
    const queue = await stage().queue();
    const conversation = await says(queue, "Żaneta", "Paczka utknęła w Łodzi");
    await indexed("utknela lodzi");
    const console = await ConsolePage.open(stage(), ANNA, { at: "search" });
    // It has the focus by itself.
    await field(console).and(console.page.locator(":focus")).waitFor();
    await console.page.keyboard.type("UTKNELA łodz");
    const hit = results(console).getByRole("link", { name: /Żaneta/ });
    await hit.waitFor();
    expect(await hit.locator("mark").allInnerTexts()).toEqual(["utknęła", "Łodzi"]);
    expect(await hit.getAttribute("href")).toMatch(new RegExp(`^#/all/${conversation}\\?seq=\\d+$`));
    expect(console.page.url()).toContain("q=UTKNELA");
  });

  test("is in the address: a link shows the same, the way back too", async () => {
    const queue = await stage().queue();
    await says(queue, "Olgierd", "Reklamacja roweru");
    await indexed("roweru");
    const at = `search?q=roweru&chat_queue_id=${queue}`;
    const console = await ConsolePage.open(stage(), ANNA, { at });
    await results(console)
      .getByRole("link", { name: /Olgierd/ })
      .click();
    await console.page.waitForURL(/#\/all\//);
    await console.page.goBack();
    await results(console)
      .getByRole("link", { name: /Olgierd/ })
      .waitFor();
    expect(await field(console).inputValue()).toBe("roweru");
  });

  test("by filters", async () => {
    const [one, other] = [await stage().queue({}, "Rowery"), await stage().queue({}, "Narty")];
    const closed = await says(one, "Kinga", "Wiązania pękły");
    await says(other, "Lech", "Wiązania są luźne");
    await indexed("wiazania", 2);
    await stage().anna.claim(closed);
    await stage().server.administer("POST", `conversations/${closed}/close`, {});
    const console = await ConsolePage.open(stage(), ADMINISTRATOR, { at: "search?q=wiazania" });
    const items = results(console).getByRole("listitem");
    await expect.poll(() => items.count()).toBe(2);
    await console.button("search.filters").click();
    await console.page.getByRole("combobox", { name: console.t("search.queue") }).fill("nar");
    await console.page.getByRole("option", { name: "Narty" }).click();
    await expect.poll(() => items.count()).toBe(1);
    await results(console).getByRole("link", { name: /Lech/ }).waitFor();
    await console.button("search.reset").click();
    await expect.poll(() => items.count()).toBe(2);
    await console.page.getByRole("combobox", { name: console.t("search.status") }).click();
    await console.page.getByRole("option", { name: console.t("search.status_closed") }).click();
    await results(console).getByRole("link", { name: /Kinga/ }).waitFor();
    await expect.poll(() => items.count()).toBe(1);
    await console.page.getByLabel(console.t("search.to"), { exact: true }).fill("2020-01-01");
    await console.shows(console.t("search.nothing_filtered"));
  });

  test("page by page", async () => {
    const queue = await stage().queue();
    const names = Array.from({ length: 25 }, (_, at) => `Klient ${at}`);
    for (const name of names) await says(queue, name, "kumkwat");
    await indexed("kumkwat", names.length);
    const console = await ConsolePage.open(stage(), ANNA, { at: "search?q=kumkwat" });
    const items = results(console).getByRole("listitem");
    await expect.poll(() => items.count()).toBe(20);
    await console.button("search.more").click();
    await expect.poll(() => items.count()).toBe(25);
    await console.shows(console.t("search.end"));
  });

  test("finds nothing of queues that are not the agent's", async () => {
    const queue = await stage().queue();
    await says(queue, "Urszula", "Tajemnica handlowa");
    await indexed("tajemnica");
    const console = await ConsolePage.open(stage(), JAN, { at: "search?q=tajemnica" });
    await console.shows(console.t("search.nothing", { text: "tajemnica" }));
  });

  test("without words shows what was closed lately", async () => {
    const queue = await stage().queue();
    const conversation = await says(queue, "Wacława", "To wszystko");
    await stage().anna.claim(conversation);
    await stage().server.administer("POST", `conversations/${conversation}/close`, {});
    const console = await ConsolePage.open(stage(), ANNA, { at: `search?chat_queue_id=${queue}` });
    const link = console.page.getByRole("link", { name: /Wacława/ });
    await link.waitFor();
    // To what is shown of it.
    expect(await link.getAttribute("href")).toBe(`#/closed/${conversation}?seq=2`);
  });

  test("says what to do when nobody answers", async () => {
    const console = await ConsolePage.open(stage(), ANNA, { at: "search" });
    await console.page.route("**/console/search?**", (route) => route.abort());
    await field(console).fill("cokolwiek");
    await console.shows(console.t("unreachable"));
    await console.page.unroute("**/console/search?**");
    await console.button("retry").click();
    await console.shows(console.t("search.nothing", { text: "cokolwiek" }));
  });
});

describe.each(LANGUAGES)("axe-core finds nothing (%s)", (language) => {
  test("in search", async () => {
    const queue = await stage().queue();
    await says(
      queue,
      "Przemysława Brzęczyszczykiewicz-Chrząszczewska",
      `Konstantynopolitańczykowianeczka ${language}`,
    );
    await indexed(`konstantynopolitanczykowianeczka ${language}`);
    const at = `search?q=konstantynopolita&chat_queue_id=${queue}`;
    const browser = { reducedMotion: "reduce" } as const;
    const console = await ConsolePage.open(stage(), ANNA, { at, language, browser });
    await results(console).getByRole("link").first().waitFor();
    for (const theme of ["light", "dark"] as const) {
      await console.wantTheme(theme);
      expect(await violations(console.page), theme).toEqual([]);
    }
    await console.page.setViewportSize(NARROWEST);
    await expect.poll(() => wideIn(console.page)).toEqual([]);
  });
});
