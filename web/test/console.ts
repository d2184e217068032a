/** Somebody at the console in a browser: finds things as a person does, by what they are and what they are called. */
import type { BrowserContext, Locator, Page } from "playwright-core";
import english from "../../locales/en.json";
import polish from "../../locales/pl.json";
import { PASSWORD, type Person } from "./server";
import type { Stage } from "./stage";
import { until } from "./until";
import type { Language } from "./words";

const CATALOGUES: Record<Language, Record<string, Record<string, string>>> = { en: english, pl: polish };

interface Where {
  language?: Language;
  context?: BrowserContext;
  browser?: Parameters<Stage["person"]>[1];
}

export class ConsolePage {
  readonly isFramed = false;

  private constructor(
    readonly page: Page,
    readonly person: Person,
    readonly language: Language,
    readonly origin: string,
  ) {}

  /** At the sign-in. */
  static async at(stage: Stage, person: Person, where: Where = {}): Promise<ConsolePage> {
    const { language = "en" } = where;
    // The page speaks as the account does.
    await stage.server.asAgent(await stage.server.signIn(person.login), "PUT", "account", { language });
    const permissions = {
      permissions: ["notifications"],
      viewport: { width: 1440, height: 900 },
      ...where.browser,
    };
    const context = where.context ?? (await stage.person(language, permissions));
    const page = await context.newPage();
    const found = new ConsolePage(page, person, language, stage.server.origin);
    await page.goto(`${stage.server.origin}/console/`);
    return found;
  }

  /** Signed in already, at a place behind `#/`. */
  static async open(stage: Stage, person: Person, { at = "mine", ...where }: Where & { at?: string } = {}) {
    const { language = "en" } = where;
    const { server } = stage;
    const session = await server.signIn(person.login);
    await server.asAgent(session, "PUT", "account", { language });
    const context = where.context ?? (await stage.person(language, where.browser));
    const [name = "", value = ""] = session.cookie.split("=");
    await context.addCookies([{ name, value, url: server.origin }]);
    const found = new ConsolePage(await context.newPage(), person, language, server.origin);
    await found.page.goto(`${server.origin}/console/#/${at}`);
    await found.page.getByRole("navigation", { name: found.t("navigation") }).waitFor();
    return found;
  }

  /** Where links lead to, and whoever has not signed in. */
  static async door(stage: Stage, person: Person, path = "", { language = "en", browser }: Where = {}) {
    const context = await stage.person(language, browser);
    const found = new ConsolePage(await context.newPage(), person, language, stage.server.origin);
    await found.page.goto(`${stage.server.origin}/console/${path}`);
    return found;
  }

  /** Signed in, where everything is there. */
  static async signedIn(stage: Stage, person: Person, where: Where = {}): Promise<ConsolePage> {
    const found = await ConsolePage.at(stage, person, where);
    await found.signIn();
    return found;
  }

  /** At a page that is there already, whatever it shows. */
  static on(page: Page, person: Person, origin: string, language: Language = "en"): ConsolePage {
    return new ConsolePage(page, person, language, origin);
  }

  /** In another tab of the same browser, at the same place. */
  static async again({ page, person, language, origin }: ConsolePage): Promise<ConsolePage> {
    const other = await page.context().newPage();
    await other.goto(page.url());
    return new ConsolePage(other, person, language, origin);
  }

  async signIn(): Promise<void> {
    await this.page.getByRole("textbox", { name: this.t("entry.login") }).fill(this.person.login);
    await this.page.getByRole("textbox", { name: this.t("entry.password") }).fill(PASSWORD);
    await this.page.getByRole("textbox", { name: this.t("entry.password") }).press("Enter");
    await this.isThere();
  }

  async isThere(): Promise<void> {
    await this.page.getByRole("heading", { level: 1, name: this.t("talk.title") }).waitFor();
  }

  /** As the page names it: `talk.reply`, or `cancel` of all parts. */
  t(key: string, values: Record<string, string | number> = {}): string {
    const [section, name] = key.includes(".") ? key.split(".") : [undefined, key];
    const texts = CATALOGUES[this.language];
    const known = texts[section ? `console_${section}` : "console"] ?? {};
    const form = new Intl.PluralRules(this.language).select(Number(values.count ?? 0));
    const text = known[name ?? ""] ?? known[`${name}_${form}`];
    if (text === undefined) throw new Error(`no text ${key}`);
    return text.replace(/\{(\w+)\}/g, (_, value: string) => `${values[value] ?? ""}`);
  }

  async onDuty(): Promise<void> {
    await this.page.getByRole("button", { name: this.t("duty_off") }).click();
    await this.page.getByRole("button", { name: this.t("come_on_duty") }).click();
    await this.page.getByRole("button", { name: this.t("duty_free") }).waitFor();
  }

  frame(): undefined {
    return undefined;
  }

  // ---- What is there to see.

  get list(): Locator {
    return this.page.locator("[data-region=list]");
  }

  row(name: string | RegExp): Locator {
    return this.list.getByRole("link").filter({ hasText: name });
  }

  get thread(): Locator {
    return this.page.getByRole("log");
  }

  get editor(): Locator {
    return this.page.getByRole("tabpanel").getByRole("textbox");
  }

  sees(text: string | RegExp): Promise<void> {
    return this.thread.getByText(text).first().waitFor();
  }

  button(key: string): Locator {
    return this.page.getByRole("button", { name: this.t(key), exact: true });
  }

  dialog(): Locator {
    return this.page.getByRole("dialog");
  }

  /** What was said, from above to below: texts, as far as they are drawn. */
  said(): Promise<string[]> {
    return this.thread.evaluate((log) =>
      [...log.querySelectorAll("[data-how] .whitespace-pre-wrap")].map((it) => it.textContent ?? ""),
    );
  }

  /** Anywhere in the page. */
  shows(text: string | RegExp): Promise<void> {
    return this.page.getByText(text).first().waitFor();
  }

  region(key: string): Locator {
    return this.page.getByRole("region", { name: this.t(key), exact: true });
  }

  /** Waits until it is drawn so. */
  async wantTheme(colorScheme: "light" | "dark"): Promise<void> {
    await this.page.emulateMedia({ colorScheme });
    const isSo = (scheme: string) => matchMedia(`(prefers-color-scheme: ${scheme})`).matches;
    await until(`${colorScheme} colours`, () => this.page.evaluate(isSo, colorScheme));
  }

  // ---- What is done.

  /** To a place, as by its link: what was there before is gone. */
  async goes(place: string): Promise<void> {
    await this.page.evaluate(async (hash) => {
      if (location.hash === hash) return;
      const turned = new Promise((done) => window.addEventListener("hashchange", done, { once: true }));
      location.hash = hash;
      await turned;
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    }, `#/${place}`);
  }

  /** Waits until nothing of the place is still to come. */
  async isWhole(): Promise<void> {
    await this.page.getByRole("heading", { level: 1 }).first().waitFor();
    const loading = this.page.locator("[role=status]", { hasText: this.t("loading") });
    await until("all of it", async () => (await loading.count()) === 0);
  }

  async view(view: "mine" | "waiting" | "all" | "closed_ones"): Promise<void> {
    await this.page
      .getByRole("navigation", { name: this.t("talk.views") })
      .getByRole("link", { name: this.t(`talk.${view}`) })
      .click();
  }

  async open(conversation: string, view = "mine"): Promise<void> {
    await this.page.evaluate((hash) => (location.hash = hash), `#/${view}/${conversation}`);
    await this.thread.waitFor();
  }

  async write(text: string): Promise<void> {
    await this.editor.fill(text);
    await this.editor.press("Enter");
  }

  async way(way: "reply" | "note" | "whisper"): Promise<void> {
    await this.page.getByRole("tab", { name: this.t(`talk.${way}`), exact: true }).click();
  }
}
