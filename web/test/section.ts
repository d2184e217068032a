/** An administrator in front of a section of the settings, and what the audit log tells of it. */
import type { Locator, Page } from "playwright-core";
import { ConsolePage } from "./console";
import { ADMINISTRATOR } from "./server";
import type { Stage } from "./stage";
import { until } from "./until";

export interface AuditEntry {
  change: string;
  subject: string;
  actor: string;
  was: unknown;
  becomes: unknown;
}

/** An administrator in front of a section of the settings. */
export class Section {
  private constructor(
    readonly at: ConsolePage,
    readonly page: Page,
  ) {}

  static async open(
    stage: Stage,
    section: string,
    where: Parameters<typeof ConsolePage.at>[2] = {},
  ): Promise<Section> {
    const at = await ConsolePage.signedIn(stage, ADMINISTRATOR, where);
    const found = new Section(at, at.page);
    await found.go(section);
    return found;
  }

  async go(section: string): Promise<void> {
    await this.at.goes(`settings/${section}`);
    await this.page.getByRole("heading", { level: 1 }).waitFor();
  }

  t(key: string, values: Record<string, string | number> = {}): string {
    return this.at.t(key.includes(".") ? key : `settings.${key}`, values);
  }

  field(key: string): Locator {
    return this.page.getByLabel(this.t(key)).and(this.page.locator("input, textarea")).first();
  }

  button(key: string, values: Record<string, string | number> = {}): Locator {
    return this.page.getByRole("button", { name: this.t(key, values), exact: true });
  }

  get dialog(): Locator {
    return this.page.getByRole("dialog");
  }

  async save(): Promise<void> {
    // Of a dialog above a page it is the last.
    await this.at.button("save").last().click();
  }

  /** The form says that it is stored. */
  async isSaved(): Promise<void> {
    await this.page.getByRole("status").getByText(this.at.t("saved")).first().waitFor();
  }

  async choose(label: string, option: string): Promise<void> {
    await this.page.getByLabel(label, { exact: true }).click();
    await this.page.getByRole("option", { name: option, exact: true }).click();
  }

  sees(text: string | RegExp): Promise<void> {
    return this.page.getByText(text).first().waitFor();
  }

  async seesNo(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor({ state: "detached" });
  }
}

/** What an administrator has changed, as soon as it is written down. */
export async function audited(
  stage: Stage,
  change: string,
  has: (entry: AuditEntry) => boolean = () => true,
): Promise<AuditEntry> {
  return until(`${change} in the audit log`, async () => {
    const { result } = await stage.server.administer<{ result: AuditEntry[] }>("GET", "audit");
    return result.find(
      (entry) => entry.change === change && entry.actor === ADMINISTRATOR.login && has(entry),
    );
  });
}

/** All of these, whatever came in between. */
export async function auditedAll(stage: Stage, ...changes: string[]): Promise<void> {
  for (const change of changes) await audited(stage, change);
}
