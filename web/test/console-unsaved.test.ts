/** Two who are at the settings at once, and one who goes away in the middle: nothing is lost without a word. */
import type { Route } from "playwright-core";
import { describe, expect, test } from "vitest";
import polish from "../../locales/pl.json";
import { useStage } from "./hooks";
import { PASSWORD } from "./server";
import { bound, Settings } from "./settings";

const stage = useStage();

interface Stored {
  [name: string]: unknown;
  widget: Record<string, unknown>;
}

const settingsOf = (queue: number, tab = "") =>
  Settings.at(stage(), `settings/queues/${queue}${tab && `/${tab}`}`);
const stored = (queue: number) => stage().server.administer<Stored>("GET", `queues/${queue}`);

describe("while something is unsaved", () => {
  test("whoever leaves is asked", async () => {
    const queue = await stage().queue();
    const at = await settingsOf(queue);
    const { page, field, t } = bound(at);
    await field("name").fill("Inna");
    await page.getByRole("link", { name: t("tab_hours") }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: polish.console.stay }).click();
    expect(await field("name").inputValue()).toBe("Inna");
    expect(page.url()).not.toContain("hours");
    await page.getByRole("link", { name: t("tab_hours") }).click();
    await dialog.getByRole("button", { name: polish.console.leave, exact: true }).click();
    await page.getByRole("heading", { name: t("hours"), exact: true }).waitFor();
    expect(await stored(queue)).toMatchObject({ name: `Sklep ${queue}` });

    // The first tab has two addresses, and one form.
    await at.go(`#/settings/queues/${queue}`);
    await field("name").fill("Inna");
    await page.getByRole("link", { name: t("tab_general") }).click();
    await page.waitForURL(/general$/);
    expect([await field("name").inputValue(), await dialog.count()]).toEqual(["Inna", 0]);
    await page.getByRole("link", { name: t("tab_hours") }).click();
    await dialog.getByRole("button", { name: polish.console.stay }).click();
  });

  test("what somebody else changes shows at once, and nothing of either is lost", async () => {
    const { server } = stage();
    const queue = await stage().queue();
    const at = await settingsOf(queue);
    const { page, field } = bound(at);
    const contested = page.getByText(polish.console.contested);
    await server.administer("PUT", `queues/${queue}`, { name: `Nowa ${queue}` });
    await page.getByRole("heading", { level: 1, name: `Nowa ${queue}` }).waitFor();
    expect(await field("name").inputValue()).toBe(`Nowa ${queue}`);

    // Another field than the one that is being changed.
    await field("opens_per_hour").fill("33");
    await server.administer("PUT", `queues/${queue}`, { answer_goal_seconds: 77, takes_files: false });
    await expect.poll(() => field("answer_goal").inputValue()).toBe("77");
    expect(await field("opens_per_hour").inputValue()).toBe("33");
    expect(await contested.count()).toBe(0);
    await at.save();
    expect(await stored(queue)).toMatchObject({
      name: `Nowa ${queue}`,
      opens_per_hour: 33,
      answer_goal_seconds: 77,
      takes_files: false,
    });

    // The same.
    await field("opens_per_hour").fill("44");
    await server.administer("PUT", `queues/${queue}`, { opens_per_hour: 55 });
    await contested.waitFor();
    expect(await field("opens_per_hour").inputValue()).toBe("44");
    await page.getByRole("button", { name: polish.console.discard, exact: true }).click();
    expect(await field("opens_per_hour").inputValue()).toBe("55");
    await contested.waitFor({ state: "detached" });
  });

  test("what is set within the widget is kept together by two who change it", async () => {
    const { server } = stage();
    const queue = await stage().queue();
    const look = async () => (await stored(queue)).widget;
    const at = await settingsOf(queue, "widget");
    const color = at.page.getByRole("textbox", { name: at.t("color"), exact: true });
    await color.fill("#b91c1c");
    const widget = { ...(await look()), asks_name: "required", offset_x_pixels: 44 };
    await server.administer("PUT", `queues/${queue}`, { widget });
    await expect.poll(() => at.field("offset_x").inputValue()).toBe("44");
    expect(await color.inputValue()).toBe("#b91c1c");
    await at.save();
    expect(await look()).toMatchObject({ color: "#b91c1c", asks_name: "required", offset_x_pixels: 44 });

    await at.go(`#/settings/queues/${queue}/form`);
    await at.radio(at.t("asks_email"), at.t("asks_no")).click();
    await server.administer("PUT", `queues/${queue}`, { widget: { ...(await look()), side: "left" } });
    // Before this page has been told of it.
    await at.save();
    expect(await look()).toMatchObject({ asks_email: "no", asks_name: "required", side: "left" });
  });

  test("hours that somebody else has just changed are not undone without a word", async () => {
    const { server } = stage();
    const week = (from_minute: number) =>
      Array.from({ length: 7 }, () => [{ from_minute, until_minute: 900 }]);
    const queue = await stage().queue({ hours: { week: week(480), time_zone: "Europe/Warsaw" } });
    const at = await settingsOf(queue, "hours");
    const { page, t } = bound(at);
    const monday = page.getByLabel(t("span_from", { day: "Poniedziałek" }), { exact: true });
    const save = page.getByRole("button", { name: polish.console.save, exact: true });
    await monday.fill("07:30");
    await monday.blur();
    const hours = { week: week(480), time_zone: "Europe/Lisbon" };
    // When it is read for the last time before it is written: a moment later the page would have said so before.
    const changeFirst = async (route: Route) => {
      await server.administer("PUT", `queues/${queue}`, { hours });
      await route.continue();
    };
    await page.route(`**/console/queues/${queue}`, changeFirst, { times: 1 });
    await save.click();
    await page.getByText(polish.console.contested).waitFor();
    expect((await stored(queue)).hours).toMatchObject(hours);
    expect(await monday.inputValue()).toBe("07:30");
    await at.save();
    const { hours: kept } = await stored(queue);
    expect(kept).toMatchObject({
      time_zone: "Europe/Warsaw",
      week: [[{ from_minute: 450 }], ...week(480).slice(1)],
    });
  });
});

test("who signs in again in the middle finds the dialog that was open, and what was typed", async () => {
  const { server } = stage();
  const at = await Settings.at(stage(), "settings/pauses");
  const { page } = at;
  const texts = polish.console_settings;
  await page.getByRole("button", { name: texts.pauses_add, exact: true }).first().click();
  const name = page.getByLabel(texts.name);
  await name.fill("Szkolenie");
  await page.evaluate(async () => {
    const { csrf_token } = (await (await fetch("/console/session")).json()) as { csrf_token: string };
    await fetch("/console/session", { method: "DELETE", headers: { "X-CSRF-Token": csrf_token } });
  });
  const again = page.getByRole("dialog", { name: polish.console_entry.again_title });
  const password = again.getByLabel(polish.console_entry.password, { exact: true });
  // By the mouse, that presses what lies on top.
  await password.click();
  await page.keyboard.press("Control+k");
  await page.keyboard.type(PASSWORD);
  expect(await password.inputValue()).toBe(PASSWORD);
  await again.getByRole("button", { name: polish.console_entry.sign_in, exact: true }).click();
  await again.waitFor({ state: "hidden" });
  expect(await name.inputValue()).toBe("Szkolenie");
  await page.getByRole("button", { name: polish.console.save, exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await server.administer("GET", "pauses")).toMatchObject([{ name: "Szkolenie" }]);
});
