/** An installation's first day: from the link that the server prints to the first chat that is answered. */
import type { Locator } from "playwright-core";
import { expect, test } from "vitest";
import { violations } from "./axe";
import { newPerson, startBrowser } from "./browser";
import { Server } from "./server";
import { wideIn } from "./sideways";
import { until } from "./until";
import { Visitor } from "./visitor";
import { ConsolePage } from "./console";
import { LOCALES } from "./words";

const OWNER = { login: "ewa", name: "Ewa", surname: "Wójcik" };
/** What it took when it was built; more of them would be a step back. */
const CLICKS_AT_MOST = 9;

test(
  "an administrator gets from the link to an answered chat without a manual",
  { timeout: 90_000 },
  async () => {
    await using server = await Server.empty();
    const browser = await startBrowser();
    await using _closing = { [Symbol.asyncDispose]: () => browser.close() };
    const context = await newPerson(browser, { locale: LOCALES.en, viewport: { width: 1280, height: 800 } });
    const link = await until("the link", () => /http:\S+\/console\/welcome#\S+/.exec(server.log())?.[0]);
    const began = performance.now();
    const console = ConsolePage.on(await context.newPage(), OWNER, server.origin);
    const { page, t } = { page: console.page, t: console.t.bind(console) };
    let clicks = 0;
    const click = (what: Locator) => (clicks++, what.click());
    const button = (key: string) => page.getByRole("button", { name: t(key), exact: true });

    await page.goto(link);
    // The first field is chosen already; Tab leads on.
    await page.getByLabel(t("entry.name"), { exact: true }).and(page.locator(":focus")).waitFor();
    for (const text of [OWNER.name, OWNER.surname, OWNER.login, "ewa@example.org", "a password of mine"]) {
      await page.keyboard.type(text);
      if (text !== "a password of mine") await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");

    // Two questions: the address is what the browser says, and a policy is to be chosen.
    await page.getByRole("heading", { name: t("entry.set_up") }).waitFor();
    expect(await page.getByLabel(t("entry.address")).inputValue()).toBe(server.origin);
    expect(await violations(page)).toEqual([]);
    await page.getByLabel(t("entry.address")).fill("chat.example.org/path");
    await button("entry.continue").click();
    await page.getByText(t("entry.not_address")).waitFor();
    await page.getByLabel(t("entry.address")).fill(server.origin);
    await click(page.getByRole("radio", { name: t("entry.retention_days") }));
    await click(button("entry.continue"));

    await page.getByRole("heading", { name: t("entry.step_queue") }).waitFor();
    expect(await violations(page)).toEqual([]);
    await click(button("entry.queue_make"));

    const snippet = page.getByLabel(t("entry.snippet"), { exact: true });
    expect(await snippet.inputValue()).toContain(`${server.origin}/widget.js?queue=1`);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await wideIn(page)).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(await violations(page)).toEqual([]);

    await click(button("come_on_duty"));
    const popup = context.waitForEvent("page");
    await click(page.getByRole("link", { name: t("entry.try_it") }));
    const visitor = Visitor.on(await popup);
    await visitor.start({ text: "Is anybody there?" });
    clicks++;

    await click(page.getByRole("link", { name: t("entry.to_chat") }));
    await console.sees("Is anybody there?");
    await console.editor.click();
    clicks++;
    await page.keyboard.type("Yes, I am.");
    await page.keyboard.press("Enter");
    await visitor.sees("Yes, I am.");
    const seconds = (performance.now() - began) / 1000;
    process.stdout.write(`the first answered chat: ${clicks} clicks, ${seconds.toFixed(1)} s\n`);
    expect(clicks).toBeLessThanOrEqual(CLICKS_AT_MOST);

    await console.goes("start");
    await page.getByRole("status").getByText(t("entry.all_done")).waitFor();
    expect(await violations(page)).toEqual([]);
    // It greets once.
    await console.goes("mine");
    await page.reload();
    await console.isThere();
    await page.getByRole("link", { name: t("entry.start") }).waitFor({ state: "detached" });
    const audit = await page.evaluate(async () => {
      const answer = await fetch("/console/audit?limit=100");
      return (await answer.json()) as { result: { change: string }[] };
    });
    expect(audit.result.map(({ change }) => change)).toEqual(
      expect.arrayContaining(["setting.change", "queue.add"]),
    );
  },
);
