/** Which customer a client is: found, added, changed and taken away beside the thread, for everybody who looks. */
import { describe, expect, test } from "vitest";
import { violations } from "./axe";
import { PHONE } from "./browser";
import { ConsolePage } from "./console";
import { useStage } from "./hooks";
import { ADMINISTRATOR, ANNA } from "./server";
import { wideIn } from "./sideways";
import { LANGUAGES } from "./words";

const stage = useStage();

const WIDE = { viewport: { width: 1440, height: 900 } };

interface Client {
  name: string;
  email?: string;
}

async function opens(queue: number, { name, email }: Client): Promise<string> {
  const about = { chat_queue_id: queue, name, email, text: "Dzień dobry", client_key: crypto.randomUUID() };
  const path = "conversations";
  const { conversation_id } = await stage().server.asVisitor<{ conversation_id: string }>(
    "",
    "POST",
    path,
    about,
  );
  return conversation_id;
}

/** A customer whom an earlier conversation was with. */
async function knows(queue: number, customer: Record<string, string>): Promise<number> {
  const conversation = await opens(queue, { name: "Ktoś" });
  const path = `conversations/${conversation}/customer`;
  return (await stage().server.administer<{ customer_id: number }>("POST", path, customer)).customer_id;
}

const panel = (console: ConsolePage) =>
  console.page.getByRole("complementary", { name: console.t("talk.customer") });
const field = (console: ConsolePage, key: string) =>
  panel(console).getByRole("textbox", { name: console.t(key) });

/** Where it was asked for, the focus is in it. */
async function search(console: ConsolePage, words: string): Promise<void> {
  await panel(console).getByRole("combobox").waitFor();
  await console.page.keyboard.type(words);
}

/** Anna at a conversation, and a supervisor who looks at the same. */
async function both(conversation: string) {
  const anna = await ConsolePage.open(stage(), ANNA, { at: `all/${conversation}`, browser: WIDE });
  const boss = await ConsolePage.open(stage(), ADMINISTRATOR, { at: `all/${conversation}`, browser: WIDE });
  for (const console of [anna, boss]) await panel(console).getByText(console.t("talk.not_linked")).waitFor();
  return { anna, boss };
}

describe("the customer of a conversation", () => {
  test("is found by the keyboard alone, and shown to everybody who looks", async () => {
    const queue = await stage().queue();
    const kowalska = { name: "Jadwiga", surname: "Kowalska", email: "jk@example.org", identifier: "K-17" };
    await knows(queue, kowalska);
    await knows(queue, { name: "Jan", surname: "Kowalik", email: "kowalik@example.org" });
    const { anna, boss } = await both(await opens(queue, { name: "Jadzia", email: "jadzia@example.org" }));
    await anna.button("talk.find_customer").focus();
    await anna.page.keyboard.press("Enter");
    const found = anna.page.getByRole("option").filter({ hasText: "Kowal" });
    await search(anna, "KOWAL");
    await expect.poll(() => found.count()).toBe(2);
    await anna.page.keyboard.type(" jadw");
    await expect.poll(() => found.allInnerTexts()).toEqual(["Jadwiga Kowalska\njk@example.org · K-17"]);
    expect(await violations(anna.page)).toEqual([]);
    // The first that is found is what Enter takes.
    await anna.page.keyboard.press("Enter");
    for (const console of [anna, boss]) {
      await panel(console).getByText("Jadwiga Kowalska").waitFor();
      await panel(console).getByRole("link", { name: "jk@example.org" }).waitFor();
      await panel(console).getByText("K-17").waitFor();
      await console.thread.getByText(console.t("talk.linked")).waitFor();
    }
    // What was said of oneself stays.
    expect(await anna.row("Jadzia").count()).toBe(1);
  });

  test("is guessed by the address that was given", async () => {
    const queue = await stage().queue();
    await knows(queue, { name: "Zofia", surname: "Guz", email: "zofia.guz@example.org" });
    const { anna } = await both(await opens(queue, { name: "Z.", email: "zofia.guz@example.org" }));
    await anna.button("talk.find_customer").click();
    await anna.page.getByRole("option", { name: "Zofia Guz" }).click();
    await panel(anna).getByText("Zofia Guz").waitFor();
  });

  test("is added from what is known of the client, and faults stand by their fields", async () => {
    const queue = await stage().queue();
    await knows(queue, { name: "Adam", surname: "Pierwszy", identifier: "K-99" });
    const { anna, boss } = await both(
      await opens(queue, { name: "Ewa Maria Nowak", email: "ewa@example.org" }),
    );
    await anna.button("talk.find_customer").click();
    await search(anna, "nikogo takiego nie ma");
    await anna.shows(anna.t("nothing_found"));
    await anna.page.getByRole("option", { name: anna.t("talk.new_customer") }).click();
    await expect.poll(() => field(anna, "talk.first_name").inputValue()).toBe("Ewa");
    expect(await field(anna, "talk.surname").inputValue()).toBe("Maria Nowak");
    expect(await field(anna, "talk.email").inputValue()).toBe("ewa@example.org");
    await field(anna, "talk.surname").fill("Druga");
    await field(anna, "talk.email").fill("ewa");
    await field(anna, "talk.identifier").fill("K-99");
    await anna.button("talk.create_customer").click();
    await panel(anna).getByText(anna.t("not_email")).waitFor();
    await field(anna, "talk.email").fill("ewa@example.org");
    await anna.button("talk.create_customer").click();
    const taken = field(anna, "talk.identifier");
    await expect.poll(() => taken.getAttribute("aria-invalid")).toBe("true");
    expect(await taken.evaluate((it) => it === document.activeElement)).toBe(true);
    expect(await violations(anna.page)).toEqual([]);
    await taken.fill("K-100");
    await taken.press("Enter");
    for (const console of [anna, boss]) {
      await panel(console).getByText("Ewa Druga").waitFor();
      await panel(console).getByText("K-100").waitFor();
    }
  });

  test("is changed, and taken away when that is confirmed", async () => {
    const queue = await stage().queue();
    await knows(queue, { name: "Olga", surname: "Wiór" });
    const conversation = await opens(queue, { name: "Ola" });
    const path = `conversations/${conversation}/customer`;
    const before = await knows(queue, { name: "Teresa", surname: "Błąd" });
    const { anna, boss } = await both(conversation);
    await stage().server.administer("POST", path, { customer_id: before });
    for (const console of [anna, boss]) await panel(console).getByText("Teresa Błąd").waitFor();

    await anna.button("talk.change_customer").click();
    await search(anna, "wior");
    await anna.page.getByRole("option", { name: "Olga Wiór" }).click();
    for (const console of [anna, boss]) await panel(console).getByText("Olga Wiór").waitFor();

    await anna.button("talk.unlink").click();
    const question = anna.page.getByRole("alertdialog");
    await question.getByText(anna.t("talk.unlink_title", { name: "Olga Wiór" })).waitFor();
    await question.getByRole("button", { name: anna.t("cancel") }).click();
    await panel(anna).getByText("Olga Wiór").waitFor();
    await anna.button("talk.unlink").click();
    await question.getByRole("button", { name: anna.t("talk.unlink_do") }).click();
    for (const console of [anna, boss]) {
      await panel(console).getByText(console.t("talk.not_linked")).waitFor();
      await console.thread.getByText(console.t("talk.unlinked")).waitFor();
    }
  });

  test("one Escape gives up the search, the next one closes the drawer of a phone", async () => {
    const conversation = await opens(await stage().queue(), { name: "Iga" });
    const at = `all/${conversation}`;
    const anna = await ConsolePage.open(stage(), ANNA, { at, browser: PHONE });
    await anna.thread.waitFor();
    const drawer = anna.page.getByRole("dialog", { name: anna.t("talk.customer") });
    const open = anna.button("talk.customer");
    await open.focus();
    await open.press("Enter");
    await drawer.getByRole("button", { name: anna.t("talk.find_customer") }).press("Enter");
    await anna.page.getByRole("option", { name: anna.t("talk.new_customer") }).waitFor();
    await anna.page.keyboard.press("Escape");
    const begin = drawer.getByRole("button", { name: anna.t("talk.find_customer") });
    await expect.poll(() => begin.evaluate((it) => it === document.activeElement)).toBe(true);
    await anna.page.keyboard.press("Escape");
    await drawer.waitFor({ state: "hidden" });
    // Where the focus is at something with words of its own, too.
    await open.press("Enter");
    await drawer.getByRole("button", { name: anna.t("talk.change_labels") }).focus();
    await anna.page.getByRole("tooltip").or(anna.page.locator("[data-tooltip-content]")).first().waitFor();
    await anna.page.keyboard.press("Escape");
    await drawer.waitFor({ state: "hidden" });
  });
});

describe.each(LANGUAGES)("axe-core finds nothing (%s)", (language) => {
  test("in the form for a new customer", async () => {
    const conversation = await opens(await stage().queue(), {
      name: "Przemysława Brzęczyszczykiewicz-Chrząszczewska",
      email: "p.brzeczyszczykiewicz-chrzaszczewska@poczta.example.org",
    });
    const browser = { viewport: { width: 320, height: 640 }, reducedMotion: "reduce" } as const;
    const anna = await ConsolePage.open(stage(), ANNA, { at: `all/${conversation}`, language, browser });
    await anna.button("talk.customer").click();
    await anna.button("talk.find_customer").click();
    await anna.page.getByRole("option", { name: anna.t("talk.new_customer") }).click();
    await anna.button("talk.create_customer").waitFor();
    for (const theme of ["light", "dark"] as const) {
      await anna.wantTheme(theme);
      expect(await violations(anna.page), theme).toEqual([]);
    }
    await expect.poll(() => wideIn(anna.page)).toEqual([]);
  });
});
