/** An administrator at the settings, in a browser: finds things by what they are and what they are called. */
import type { BrowserContextOptions, Frame, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import english from "../../locales/en.json";
import polish from "../../locales/pl.json";
import { ADMINISTRATOR, PASSWORD } from "./server";
import type { Stage } from "./stage";
import { until } from "./until";
import type { Language } from "./words";

const TEXTS = { pl: polish, en: english };
export const WIDE = { width: 1440, height: 900 };

/** An administrator at the settings. */
export class Settings {
  private constructor(
    readonly page: Page,
    readonly language: Language,
  ) {}

  /** At a place in the console, as `settings/queues/3`. */
  static async at(
    stage: Stage,
    place: string,
    { language = "pl", ...options }: BrowserContextOptions & { language?: Language } = {},
  ): Promise<Settings> {
    await stage.server.administer("PUT", "account", { language });
    const context = await stage.person(language, { viewport: WIDE, reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    const settings = new Settings(page, language);
    await page.goto(`${stage.server.origin}/console/#/${place}`);
    await page.getByLabel(TEXTS[language].console_entry.login).fill(ADMINISTRATOR.login);
    await page.getByLabel(TEXTS[language].console_entry.password, { exact: true }).fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page
      .getByRole("navigation", { name: TEXTS[language].console_settings.title, exact: true })
      .waitFor();
    return settings;
  }

  t(key: keyof typeof polish.console_queues, values: Record<string, string | number> = {}): string {
    const text = TEXTS[this.language].console_queues[key];
    return text.replace(/\{(\w+)\}/g, (_, name: string) => `${values[name] ?? ""}`);
  }

  common(key: keyof typeof polish.console): string {
    return TEXTS[this.language].console[key];
  }

  field(key: keyof typeof polish.console_queues): Locator {
    return this.page.getByLabel(new RegExp(`^\\s*${escaped(this.t(key))}\\s*(·.*)?$`)).first();
  }

  switch(key: keyof typeof polish.console_queues): Locator {
    return this.page.getByRole("switch", { name: this.t(key), exact: true });
  }

  button(key: keyof typeof polish.console_queues, values: Record<string, string | number> = {}): Locator {
    return this.page.getByRole("button", { name: this.t(key, values), exact: true });
  }

  radio(group: string, name: string): Locator {
    return this.page.getByRole("group", { name: group }).getByRole("radio", { name, exact: true });
  }

  /** The two languages of a text. */
  async texts(legend: string, pl: string, en: string): Promise<void> {
    const group = this.page.getByRole("group", { name: legend, exact: true });
    await group.getByLabel(this.t("in_polish")).fill(pl);
    await group.getByLabel(this.t("in_english")).fill(en);
  }

  async save(): Promise<void> {
    await this.page.getByRole("button", { name: this.common("save"), exact: true }).click();
    await this.page.getByText(this.common("saved"), { exact: true }).waitFor();
  }

  async go(hash: string): Promise<void> {
    await this.page.evaluate((hash) => (location.hash = hash), hash);
  }

  /** What is wrong with a field, as it says. */
  async errorOf(field: Locator): Promise<string> {
    await expect.poll(() => field.getAttribute("aria-invalid")).toBe("true");
    const ids = (await field.getAttribute("aria-describedby")) ?? "";
    const id = ids.split(" ").find((it) => it.endsWith("-error")) ?? "";
    return (await this.page.locator(`[id="${id}"]`).textContent()) ?? "";
  }

  /** The frame in the preview's page, where the chat is. */
  chat(): Promise<Frame> {
    return until("the chat in the preview", async () => {
      for (const frame of this.page.frames()) {
        // A frame that has just been changed for another has nothing.
        if (
          await frame
            .locator(".chat main > *")
            .count()
            .catch(() => 0)
        )
          return frame;
      }
      return undefined;
    });
  }
}

/** Its methods, to be called by themselves. */
export function bound(settings: Settings) {
  return {
    page: settings.page,
    t: settings.t.bind(settings),
    field: settings.field.bind(settings),
    button: settings.button.bind(settings),
    errorOf: settings.errorOf.bind(settings),
  };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
