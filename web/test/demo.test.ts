/** What a newcomer sees within a minute: the demo's shop, and the script that answers there. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "./axe";
import { newPerson, startBrowser } from "./browser";
import { freePort, guard, PROGRAM } from "./server";
import { until } from "./until";
import { Visitor } from "./visitor";
import { LANGUAGES, LOCALES } from "./words";

let browser: Browser;
let address = "";
let end = () => {};

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "rozmowa-demo-"));
  const [port, tlsPort] = [await freePort(), await freePort()];
  const at = ["--listen", `127.0.0.1:${port}`, "--tls-listen", `127.0.0.1:${tlsPort}`, "--data", folder];
  const demo = spawn(PROGRAM, ["demo", ...at], { stdio: ["ignore", "pipe", "ignore"] });
  const watch = guard(demo.pid ?? 0, folder);
  // The end of its input is what it waits for: it ends the demo, and takes the folder away.
  end = () => watch.stdin?.end();
  let said = "";
  demo.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
  browser = await startBrowser();
  address = await until("the shop's address", () => /Chat as a visitor: (\S+)/.exec(said)?.[1]);
});

afterAll(async () => {
  await browser?.close();
  end();
});

test.each(LANGUAGES)("the shop, and a chat with the script (%s)", async (language) => {
  const context = await newPerson(browser, { locale: LOCALES[language], reducedMotion: "reduce" });
  const faults: string[] = [];
  context.on("weberror", (error) => faults.push(`${error.error().stack}`));
  const visitor = await Visitor.inShop(context, address, language);
  const { page, words } = visitor;
  await until("the bubble", () => visitor.bubble());
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page), colorScheme).toEqual([]);
  }
  for (const width of [320, 768, 1440]) {
    await page.setViewportSize({ width, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  }
  const ask = { pl: "Zapytaj nas", en: "Ask us" };
  await page.getByRole("button", { name: ask[language] }).first().click();
  await until("the chat", () => visitor.frame());
  await visitor.editor.waitFor();
  expect(await visitor.chat.getByRole("link").count(), "a clause, with a link").toBeGreaterThan(0);
  for (const box of await visitor.chat.getByRole("checkbox").all()) expect(await box.isChecked()).toBe(false);
  const questions = { pl: "O której otwieracie? Godziny?", en: "What are your hours?" };
  await visitor.start({ text: questions[language] });
  await visitor.sees(visitor.t("talks_to", { name: "Demo" }));
  const answers = async () => (await visitor.messages()).join("\n");
  await until("it says what it is", async () => (await answers()).includes(words.script("hello")));
  await until("it knows the hours", async () => (await answers()).includes(words.script("hours")));
  await visitor.say(language === "pl" ? "Koniec" : "Bye");
  await until("it says good-bye", async () => (await answers()).includes(words.script("bye")));
  await visitor.sees(visitor.t("closed"));
  await visitor.rate("rate_happy");
  expect(faults).toEqual([]);
  await context.close();
});
