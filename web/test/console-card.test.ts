/** The customer's card: all that is known of one, read and written in its place; customers found and added; which fields there are. */
import { beforeAll, describe, expect, test } from "vitest";
import { violations } from "./axe";
import { ConsolePage } from "./console";
import { type Known, knowCustomer } from "./customers";
import { useStage } from "./hooks";
import { audited, Section } from "./section";
import { ANNA, JAN } from "./server";
import { wideIn } from "./sideways";
import { LANGUAGES } from "./words";

const stage = useStage();

const PHONE = { width: 390, height: 844 };
const WIDE = { viewport: { width: 1440, height: 900 } };
const SECTIONS = ["about", "contact", "addresses", "own_fields", "note"] as const;

let known: Known;
let conversation = "";
let queue = 0;

async function opens(name: string): Promise<string> {
  const about = { chat_queue_id: queue, name, text: "Dzień dobry", client_key: crypto.randomUUID() };
  const path = "conversations";
  const opened = await stage().server.asVisitor<{ conversation_id: string }>("", "POST", path, about);
  return opened.conversation_id;
}

beforeAll(async () => {
  queue = await stage().server.queue({}, "Reklamacje");
  // More than a page of them.
  const earlier = [];
  for (let at = 0; at < 11; at++) earlier.push(await opens("Jadzia"));
  conversation = await opens("Jadzia");
  known = await knowCustomer(stage().server, [...earlier, conversation]);
});

/** A customer of a test's own. */
async function somebody(about: object = {}): Promise<number> {
  const body = { surname: "Zmienna", name: "Iga", ...about };
  const { customer_id } = await stage().server.api<{ customer_id: number }>("POST", "customers", body);
  return customer_id;
}

async function card(
  id: number,
  person = ANNA,
  where: Parameters<typeof ConsolePage.open>[2] = {},
): Promise<ConsolePage> {
  const found = await ConsolePage.open(stage(), person, { at: `customers/${id}`, browser: WIDE, ...where });
  await found.region("customers.about").waitFor();
  await found.isWhole();
  return found;
}

const changes = (console: ConsolePage, part: string) =>
  console.page.getByRole("button", {
    name: console.t("customers.change_of", { title: console.t(`customers.${part}`) }),
  });
const field = (console: ConsolePage, part: string, label: string) =>
  console.region(`customers.${part}`).getByLabel(label, { exact: true });
const save = (console: ConsolePage, part: string) =>
  console
    .region(`customers.${part}`)
    .getByRole("button", { name: console.t("save"), exact: true })
    .click();
/** What stands in a part of the card. */
const reads = (console: ConsolePage, part: string, text: string | RegExp) =>
  console.region(`customers.${part}`).getByText(text).first().waitFor();

describe("the card of a customer", () => {
  test("is opened from a conversation, has all that is known and the whole history", async () => {
    const anna = await ConsolePage.open(stage(), ANNA, { at: `all/${conversation}`, browser: WIDE });
    const panel = anna.page.getByRole("complementary", { name: anna.t("talk.customer") });
    await panel.getByRole("link", { name: "Jadwiga Kowalska-Brzęczyszczykiewicz" }).click();
    await anna.page.getByRole("heading", { level: 1, name: /^Jadwiga Kowalska/ }).waitFor();
    await expect.poll(() => anna.page.title()).toContain("Jadwiga Kowalska-Brzęczyszczykiewicz");
    await reads(anna, "about", "K-2041");
    await reads(anna, "about", "Anna Nowak");
    await reads(anna, "about", "80051712345");
    await reads(anna, "contact", "22 333 44 55");
    const emails = anna.region("customers.contact").getByRole("link", { name: "j.kowalska@dab.example" });
    expect(await emails.getAttribute("href")).toBe("mailto:j.kowalska@dab.example");
    await reads(anna, "addresses", /Długa 3\/12/);
    await reads(anna, "own_fields", "Polska and Czechy");
    await reads(anna, "own_fields", "1,204.5");
    await reads(anna, "note", /Prosi o faktury/);
    const orders = anna.page.getByRole("table", { name: "Zamówienia" });
    await orders.getByRole("cell", { name: "349.99" }).waitFor();
    await reads(anna, "feed", "Stół dębowy, Krzesło × 4");
    // The whole of it, page by page, and each leads there.
    const history = anna.region("customers.history");
    const rows = history.getByRole("link");
    await expect.poll(() => rows.count()).toBe(10);
    await history.getByRole("button").click();
    await expect.poll(() => rows.count()).toBe(12);
    await rows.first().click();
    await anna.sees("Dzień dobry");
    expect(anna.page.url()).toContain(conversation);
    // Its company, and back to the person.
    await anna.goes(`customers/${known.customer}`);
    await anna
      .region("customers.about")
      .getByRole("link", { name: /Zakład Stolarski/ })
      .click();
    await anna.page.getByRole("heading", { level: 1, name: /Zakład Stolarski/ }).waitFor();
    await anna
      .region("customers.people")
      .getByRole("link", { name: /Jadwiga/ })
      .waitFor();
  });

  test("has of conversations what the agent may open", async () => {
    const jan = await card(known.customer, JAN);
    await reads(jan, "history", jan.t("customers.no_history"));
  });

  test("is written in its place, and others see it", async () => {
    const id = await somebody({ email: "iga@example.org" });
    const anna = await card(id);
    await changes(anna, "about").click();
    // The first of it has the focus.
    const first = field(anna, "about", anna.t("talk.first_name"));
    await expect.poll(() => first.evaluate((it) => it === document.activeElement)).toBe(true);
    await first.fill("Inga");
    await field(anna, "about", anna.t("customers.birthdate")).fill("1991-02-03");
    await anna.region("customers.about").getByRole("switch").click();
    await anna.page.getByRole("combobox", { name: anna.t("customers.company") }).fill("dąb");
    await anna.page.getByRole("option", { name: /Zakład Stolarski/ }).click();
    await anna.region("customers.about").getByLabel(anna.t("customers.account_manager")).click();
    await anna.page.getByRole("option", { name: "Jan Kowalski" }).click();
    await save(anna, "about");
    await reads(anna, "about", "Inga");
    await expect
      .poll(() => changes(anna, "about").evaluate((it) => it === document.activeElement))
      .toBe(true);

    await changes(anna, "contact").click();
    await anna.page.getByRole("button", { name: anna.t("customers.add_email") }).click();
    await field(anna, "contact", anna.t("customers.email_number", { number: 2 })).fill("inga@example.org");
    await field(anna, "contact", anna.t("customers.phone_number", { number: 1 })).fill("600 700 800");
    await save(anna, "contact");
    await reads(anna, "contact", "600 700 800");

    await changes(anna, "addresses").click();
    const address = anna.page.getByRole("group", { name: anna.t("customers.invoice_address") });
    await address.getByLabel(anna.t("customers.city")).fill("Łódź");
    await save(anna, "addresses");
    await reads(anna, "addresses", "Łódź");

    await changes(anna, "own_fields").click();
    await field(anna, "own_fields", "Kraj dostawy").click();
    await anna.page.getByRole("option", { name: "Niemcy" }).click();
    await anna.page.keyboard.press("Escape");
    await field(anna, "own_fields", "Umowa do").fill("2027-01-02");
    expect(await field(anna, "own_fields", "Saldo").isDisabled()).toBe(true);
    await save(anna, "own_fields");
    await reads(anna, "own_fields", "Niemcy");

    await changes(anna, "note").click();
    await anna.region("customers.note").getByRole("textbox").fill("Lubi herbatę.\nI ciastka.");
    await save(anna, "note");
    await reads(anna, "note", /I ciastka/);

    const jan = await card(id, JAN);
    await jan.page.getByRole("heading", { level: 1, name: "Inga Zmienna" }).waitFor();
    await reads(jan, "about", /Zakład Stolarski/);
    await reads(jan, "about", "Jan Kowalski");
    await reads(jan, "about", "3 Feb 1991");
    await reads(jan, "contact", "inga@example.org");
    await reads(jan, "addresses", "Łódź");
    await reads(jan, "own_fields", "Niemcy");
    await reads(jan, "note", /Lubi herbatę/);
    await jan.page.getByText(jan.t("customers.vip"), { exact: true }).first().waitFor();
    const api = await stage().server.api<Record<string, unknown>>("GET", `customers/${id}`);
    expect(api).toMatchObject({
      emails: ["iga@example.org", "inga@example.org"],
      company_id: known.company,
      account_manager: JAN.login,
      custom_fields: { "Kraj dostawy": ["Niemcy"], "Umowa do": "2027-01-02", Saldo: null },
    });
  });

  test("has a server's refusals stand by their fields, and nothing is lost", async () => {
    await somebody({ surname: "Pierwsza", identifier: "K-zajęty" });
    const anna = await card(await somebody());
    await changes(anna, "about").click();
    const surname = field(anna, "about", anna.t("talk.surname"));
    const identifier = field(anna, "about", anna.t("talk.identifier"));
    await surname.fill("");
    await identifier.fill("K-zajęty");
    await save(anna, "about");
    await reads(anna, "about", anna.t("needed"));
    await expect.poll(() => surname.evaluate((it) => it === document.activeElement)).toBe(true);
    await surname.fill("Druga");
    await save(anna, "about");
    await expect.poll(() => identifier.getAttribute("aria-invalid")).toBe("true");
    await expect.poll(() => identifier.evaluate((it) => it === document.activeElement)).toBe(true);
    expect(await violations(anna.page)).toEqual([]);
    // Whoever goes away is asked first.
    await anna.page.getByRole("link", { name: anna.t("search.title") }).click();
    await anna.page
      .getByRole("dialog")
      .getByRole("button", { name: anna.t("stay") })
      .click();
    await identifier.fill("K-wolny");
    await identifier.press("Enter");
    await reads(anna, "about", "K-wolny");
    await reads(anna, "about", "Druga");

    await changes(anna, "own_fields").click();
    const date = field(anna, "own_fields", "Numer karty stałego klienta");
    await date.fill("x".repeat(4_000));
    await anna.page.route("**/console/customers/*", async (route) => {
      if (route.request().method() !== "PUT") return route.continue();
      const fault = { code: 1, message: "Too odd.", parameter: "custom_fields[Numer karty stałego klienta]" };
      return route.fulfill({ status: 400, json: { errors: [fault] } });
    });
    await save(anna, "own_fields");
    await reads(anna, "own_fields", "Too odd.");
    expect(await date.getAttribute("aria-invalid")).toBe("true");
    await anna
      .region("customers.own_fields")
      .getByRole("button", { name: anna.t("cancel") })
      .click();
    await changes(anna, "own_fields").waitFor();

    await changes(anna, "contact").click();
    await field(anna, "contact", anna.t("customers.email_number", { number: 1 })).fill("iga");
    await field(anna, "contact", anna.t("customers.phone_number", { number: 1 })).fill("brak");
    await save(anna, "contact");
    await reads(anna, "contact", anna.t("not_email"));
    await reads(anna, "contact", anna.t("customers.not_phone"));
  });

  test("does not undo what somebody else has changed meanwhile", async () => {
    const id = await somebody({ group: "Detal" });
    const anna = await card(id);
    await changes(anna, "about").click();
    await field(anna, "about", anna.t("customers.type")).fill("Stały");
    await stage().server.api("PUT", `customers/${id}`, { group: "Hurt", job: "Biuro" });
    await save(anna, "about");
    await reads(anna, "about", "Stały");
    await reads(anna, "about", "Hurt");
    // Both have changed the same: it is said before anything is stored.
    await changes(anna, "note").click();
    await anna.region("customers.note").getByRole("textbox").fill("moja");
    await stage().server.api("PUT", `customers/${id}`, { note: "cudza" });
    await save(anna, "note");
    await reads(anna, "note", anna.t("contested"));
    const stored = () =>
      stage().server.api<{ details: { note: string } }>("GET", `customers/${id}?include_details=true`);
    expect((await stored()).details.note).toBe("cudza");
    await save(anna, "note");
    await changes(anna, "note").waitFor();
    expect((await stored()).details.note).toBe("moja");
  });

  test("says so when there is none", async () => {
    const anna = await ConsolePage.open(stage(), ANNA, { at: "customers/999999", browser: WIDE });
    await anna.shows(anna.t("customers.unknown"));
    await anna.goes("customers/nobody");
    await anna.shows(anna.t("unknown_place"));
  });
});

describe("customers", () => {
  test("are found by the keyboard alone, and the address says by what", async () => {
    await somebody({ name: "Wacław", surname: "Wyjątkowski", phone_number: "555 666 777" });
    const anna = await ConsolePage.open(stage(), ANNA, { browser: WIDE });
    await anna.page
      .getByRole("navigation", { name: anna.t("navigation") })
      .getByRole("link", { name: anna.t("customers.title") })
      .press("Enter");
    await anna.shows(anna.t("customers.begin"));
    await anna.page.keyboard.type("WACLAW wyjatk");
    const rows = anna.page.getByRole("list", { name: anna.t("customers.results") }).getByRole("link");
    await expect.poll(() => rows.allInnerTexts()).toEqual(["Wacław Wyjątkowski\n555 666 777"]);
    await expect.poll(() => anna.page.url()).toMatch(/q=WACLAW(\+|%20)wyjatk/);
    await rows.first().press("Enter");
    await anna.page.getByRole("heading", { level: 1, name: "Wacław Wyjątkowski" }).waitFor();
    await anna.page.goBack();
    await expect.poll(() => rows.count()).toBe(1);
    await anna.page.getByRole("textbox").fill("nikogo takiego");
    await anna.shows(anna.t("customers.nothing", { text: "nikogo takiego" }));
    await anna.button("search.clear").click();
    await anna.shows(anna.t("customers.begin"));
  });

  test("are added, and faults stand by their fields", async () => {
    await somebody({ identifier: "K-500" });
    const anna = await ConsolePage.open(stage(), ANNA, { at: "customers", browser: WIDE });
    await anna.page.getByRole("link", { name: anna.t("customers.add") }).click();
    const input = (key: string) => anna.page.getByRole("textbox", { name: anna.t(key) });
    await input("talk.first_name").fill("Nowa");
    await input("talk.identifier").fill("K-500");
    await anna.button("talk.create_customer").click();
    await anna.shows(anna.t("needed"));
    await input("talk.surname").fill("Nowicka");
    await input("customers.phone").fill("501 502 503");
    await anna.button("talk.create_customer").click();
    await expect.poll(() => input("talk.identifier").getAttribute("aria-invalid")).toBe("true");
    expect(await violations(anna.page)).toEqual([]);
    await input("talk.identifier").fill("K-501");
    await anna.button("talk.create_customer").click();
    await anna.page.getByRole("heading", { level: 1, name: "Nowa Nowicka" }).waitFor();
    await reads(anna, "contact", "501 502 503");
  });
});

describe("custom fields", () => {
  test("are added and changed by administrators, and cards have them at once", async () => {
    const anna = await card(await somebody());
    const fields = await Section.open(stage(), "custom-fields", { browser: WIDE });
    await fields.button("fields_add").click();
    await fields.field("name").fill("Rozmiar");
    await fields.choose(fields.t("field_kind"), fields.t("field_list"));
    await fields.dialog.getByRole("button", { name: fields.at.t("save") }).click();
    await fields.sees(fields.at.t("needed"));
    await fields.dialog.getByLabel(fields.t("field_options"), { exact: true }).fill("S\nM\n\n M \nL");
    expect(await violations(fields.page)).toEqual([]);
    await fields.dialog.getByRole("button", { name: fields.at.t("save") }).click();
    await fields.dialog.waitFor({ state: "hidden" });
    await reads(anna, "own_fields", "Rozmiar");
    const added = await audited(stage(), "custom_field.add", ({ subject }) => subject !== "");
    expect(added.becomes).toMatchObject({ name: "Rozmiar", kind: "list", options: ["S", "M", "L"] });

    await fields.page.getByRole("button", { name: "Rozmiar", exact: true }).click();
    await fields.field("name").fill("Kraj dostawy");
    await fields.dialog.getByRole("button", { name: fields.at.t("save") }).click();
    await expect.poll(() => fields.field("name").getAttribute("aria-invalid")).toBe("true");
    await fields.field("name").fill("Rozmiar buta");
    await fields.dialog.getByRole("checkbox", { name: fields.t("field_read_only") }).click();
    await fields.dialog.getByRole("button", { name: fields.at.t("save") }).click();
    await fields.dialog.waitFor({ state: "hidden" });
    await fields.sees(fields.t("field_read_only_badge"));
    await reads(anna, "own_fields", "Rozmiar buta");
  });
});

describe.each(LANGUAGES)("for everybody (%s)", (language) => {
  test("the card is axe-clean and fits, read and written", { timeout: 180_000 }, async () => {
    for (const viewport of [
      WIDE.viewport,
      { width: 1024, height: 768 },
      PHONE,
      { width: 320, height: 640 },
    ]) {
      const browser = { viewport, reducedMotion: "reduce" } as const;
      const anna = await card(known.customer, ANNA, { language, browser });
      const isClean = async (what: string) => {
        for (const theme of ["light", "dark"] as const) {
          await anna.wantTheme(theme);
          expect(await violations(anna.page), `${what} ${theme} ${viewport.width}`).toEqual([]);
        }
        expect(await wideIn(anna.page), `${what} ${viewport.width}`).toEqual([]);
      };
      await isClean("read");
      for (const part of SECTIONS) await changes(anna, part).click();
      await isClean("written");
      await anna.page.close();
    }
  });

  test("finding and adding are axe-clean and fit", { timeout: 120_000 }, async () => {
    for (const viewport of [WIDE.viewport, { width: 320, height: 640 }]) {
      const browser = { viewport, reducedMotion: "reduce" } as const;
      const anna = await ConsolePage.open(stage(), ANNA, { at: "customers", language, browser });
      for (const [at, text] of [
        ["customers", anna.t("customers.begin")],
        ["customers?q=kowalska", "K-2041"],
        ["customers/+", anna.t("customers.add_text")],
        [`customers/${known.companyCard}`, anna.t("customers.people")],
      ] as const) {
        await anna.goes(at);
        await anna.shows(new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
        await anna.isWhole();
        for (const theme of ["light", "dark"] as const) {
          await anna.wantTheme(theme);
          expect(await violations(anna.page), `${at} ${theme}`).toEqual([]);
        }
        expect(await wideIn(anna.page), `${at} ${viewport.width}`).toEqual([]);
      }
      await anna.page.close();
    }
  });
});
