/** The browser that tests look through: Debian's Chromium, or what CHROMIUM names. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
/** Enough for a machine that has other work; a test that waits so long has failed. */
const WAIT_AT_MOST_MS = 15_000;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function program(): string {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  if (!found) throw new Error("no Chromium in PATH: install the package chromium, or name it in CHROMIUM");
  return found;
}

/** It ends with the process that started it. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: program(),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      // In place of a list that also takes away what keeps frames of other sites apart, which browsers of people have.
      "--disable-features=Translate,MediaRouter,OptimizationHints,HttpsUpgrades",
    ],
  });
}

/** A person's browser: storage and cookies of its own. */
export async function newPerson(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  context.setDefaultTimeout(WAIT_AT_MOST_MS);
  return context;
}

/** A closed shadow root keeps tests out as it keeps pages out. */
export async function openShadows(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const { attachShadow } = Element.prototype;
    Element.prototype.attachShadow = function (init) {
      return attachShadow.call(this, { ...init, mode: "open" });
    };
  });
}

/** As Playwright's list of devices has it, without binding to that list. */
export const PHONE: BrowserContextOptions = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
};
