/** What administrators let programs do, and what the installation does by itself: set at the console. */
import { describe, expect, test } from "vitest";
import { useStage } from "./hooks";
import { Receiver } from "./receiver";
import { audited, auditedAll, Section } from "./section";
import { JAN } from "./server";
import { until } from "./until";

const stage = useStage({ config: { "webhooks.allowed_networks": "127.0.0.0/8" } });

const ask = <T>(path: string) => stage().server.administer<T>("GET", path);
const open = (section: string) => Section.open(stage(), section);

describe("programs", () => {
  const call = async (user: string, password: string, path: string, method = "GET") => {
    const Authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    return (await fetch(`${stage().server.origin}/api/${path}`, { method, headers: { Authorization } }))
      .status;
  };

  test("an API user may what is chosen, with a password that is shown once", async () => {
    const [one, other] = [await open("api-users"), await open("api-users")];
    await one.button("api_users_add").click();
    await one.field("name").fill("sklep:1");
    await one.button("api_users_add").click();
    // Nothing is chosen yet.
    await one.sees(one.at.t("needed"));
    await one.page.locator("summary").filter({ hasText: "chats" }).click();
    await one.page.getByRole("checkbox", { name: "GET chats/queues", exact: true }).click();
    await one.field("pattern").fill("GET agents*");
    await one.field("pattern").press("Enter");
    await one.button("api_users_add").click();
    await one.page.locator("[name=name][aria-invalid=true]").waitFor();
    await one.field("name").fill("sklep");
    await one.button("api_users_add").click();
    const password = await one.dialog.getByLabel(one.t("password")).inputValue();
    await one.button("secret_kept").click();
    await other.sees("sklep");
    expect(await call("sklep", password, "chats/queues")).toBe(200);
    expect(await call("sklep", password, "agents")).toBe(200);
    expect(await call("sklep", password, "pauses")).toBe(403);

    // Another password, beside the old one.
    await one.button("api_users_rotate").click();
    await one.button("api_users_rotate_action").click();
    const next = await one.dialog.getByLabel(one.t("password")).inputValue();
    await one.button("secret_kept").click();
    expect(next).not.toBe(password);
    expect(await call("sklep", next, "chats/queues")).toBe(200);
    expect(await call("sklep", password, "chats/queues")).toBe(200);
    await one.sees(one.t("api_users_old_until", { at: "" }).replace(".", "").trim());

    await one.page.getByRole("switch").first().click();
    await one.field("last_day").fill("2099-12-31");
    await one.save();
    await one.isSaved();
    expect(await call("sklep", next, "chats/queues")).not.toBe(200);
    const users = await ask<{ name: string; expires_at: number }[]>("api_users");
    expect(users.find(({ name }) => name === "sklep")).toMatchObject({
      enabled: false,
      methods: ["GET chats/queues", "GET agents*"],
      expires_at: Date.parse("2099-12-31T23:00:00Z"),
    });

    await one.button("api_users_remove").click();
    await one.page
      .getByRole("alertdialog")
      .getByRole("button", { name: one.t("remove") })
      .click();
    await other.page.getByRole("link", { name: "sklep", exact: true }).waitFor({ state: "detached" });
    await auditedAll(stage(), "api_user.add", "api_user.rotate", "api_user.change", "api_user.remove");
  });

  test("a webhook is told, its log is live, and what failed is sent again", async () => {
    await using receiver = await Receiver.start();
    const queue = await stage().server.queue();
    const one = await open("webhooks");
    await one.button("webhooks_add").first().click();
    await one.field("address").fill("ftp://example.org");
    await one.button("webhooks_add").click();
    await one.sees(one.t("not_web_address"));
    await one.field("address").fill("http://10.0.0.1/");
    await one.page.getByRole("checkbox", { name: one.t("action_CHAT_CONVERSATION_CREATED") }).click();
    await one.button("webhooks_add").click();
    // Not a public address: the server knows.
    await one.page.locator("[name=subscription_url][aria-invalid=true]").waitFor();
    await one.field("address").fill(receiver.address);
    await one.page.getByRole("radio", { name: one.t("format_json"), exact: true }).click();
    await one.page.getByRole("switch", { name: one.t("webhook_signing") }).click();
    await one.button("webhooks_add").click();
    expect(await one.dialog.getByLabel(one.t("signing_secret")).first().inputValue()).toMatch(/^whsec_/);
    await one.button("secret_kept").click();

    await one.button("webhook_test").click();
    await one.sees(/HTTP 200/);
    const [tested] = await receiver.gets("WEBHOOK_TEST");
    expect(tested?.headers["webhook-signature"]).toBeTruthy();
    await one.page.getByRole("tab", { name: one.t("delivery_log") }).click();
    await one.page.getByRole("row", { name: /Test/ }).waitFor();

    // It fails, waits, and is sent again by hand.
    receiver.status = 500;
    await stage().server.api("POST", `chat_conversations/start?chat_queue_id=${queue}&client_id=77`);
    const [failed] = await receiver.gets("CHAT_CONVERSATION_CREATED");
    await one.sees("HTTP 500");
    receiver.status = 200;
    const name = one.t("action_CHAT_CONVERSATION_CREATED");
    await one.button("send_again_named", { name }).first().click();
    const all = await receiver.gets("CHAT_CONVERSATION_CREATED", 2);
    expect(all.at(-1)?.headers["webhook-id"]).toBe(failed?.headers["webhook-id"]);
    await one.page.getByRole("row", { name: new RegExp(`${one.t("outcome_delivered")}.*${name}`) }).waitFor();
    // And once more, though it has arrived.
    const count = receiver.got.length;
    await one.button("send_again_named", { name }).first().click();
    await until("one more", () => receiver.got.length > count);

    const other = await open("webhooks");
    await one.page.getByRole("tab", { name: one.t("title") }).click();
    await one.page.getByRole("checkbox", { name: one.t("action_CHAT_MESSAGE_CREATED") }).click();
    await one.save();
    await one.isSaved();
    await one.button("webhook_turn_off").click();
    await one.sees(one.t("webhook_is_off"));
    await other.page
      .getByRole("row", { name: new RegExp(`${receiver.address}.*${one.t("webhook_off")}`) })
      .waitFor();
    const kept = await ask<{ subscription_url: string }[]>("webhooks");
    expect(kept.find((it) => it.subscription_url === receiver.address)).toMatchObject({
      enabled: false,
      format: "json",
      signing: true,
      actions: ["CHAT_CONVERSATION_CREATED", "CHAT_MESSAGE_CREATED"],
    });
    await one.button("webhook_remove").click();
    await one.page
      .getByRole("alertdialog")
      .getByRole("button", { name: one.t("remove") })
      .click();
    await other.seesNo(receiver.address);
    await auditedAll(stage(), "webhook.add", "webhook.change", "webhook.remove");
  });

  test("a webhook's secret is made anew, and both sign for a while", async () => {
    await using receiver = await Receiver.start();
    const { server } = stage();
    const { id } = await server.administer<{ id: number }>("POST", "webhooks", {
      subscription_url: receiver.address,
      actions: ["CHAT_CONVERSATION_CREATED"],
      format: "json",
      signing: true,
    });
    const [one, other] = [await open(`webhooks/${id}`), await open(`webhooks/${id}`)];
    const rotate = async (hours: string) => {
      await one.button("signing_rotate").click();
      await one.dialog.getByLabel(one.t("overlap"), { exact: true }).fill(hours);
      await one.button("signing_rotate_action").click();
      const secret = await one.dialog.getByLabel(one.t("signing_secret")).first().inputValue();
      await one.button("secret_kept").click();
      await one.dialog.waitFor({ state: "detached" });
      return secret;
    };
    const signatures = async () => {
      receiver.got.length = 0;
      await one.button("webhook_test").click();
      const [got] = await receiver.gets("WEBHOOK_TEST");
      return String(got?.headers["webhook-signature"]).split(" ").length;
    };
    const old = one.t("signing_old_until", { at: "" }).replace(".", "").trim();
    expect(await signatures()).toBe(1);
    await one.button("signing_rotate").click();
    await one.dialog.getByLabel(one.t("overlap"), { exact: true }).fill("-1");
    await one.button("signing_rotate_action").click();
    await one.dialog.locator("[aria-invalid=true]").waitFor();
    await one.page.keyboard.press("Escape");
    await one.at.button("discard").click();
    await one.dialog.waitFor({ state: "detached" });

    const first = await rotate("2");
    expect(first).toMatch(/^whsec_/);
    await other.sees(old);
    expect(await signatures()).toBe(2);
    // The old ones end at once.
    const second = await rotate("0");
    expect(second).not.toBe(first);
    await other.seesNo(old);
    expect(await signatures()).toBe(1);
    const { was, becomes } = await audited(
      stage(),
      "webhook.rotate_secret",
      ({ subject }) => subject === `webhook ${id}`,
    );
    for (const secret of [first, second]) expect(JSON.stringify([was, becomes])).not.toContain(secret);
    await server.administer("DELETE", `webhooks/${id}`);
  });

  test("what waits for a webhook is sent at once, and what was given up is sent after all", async () => {
    await using receiver = await Receiver.start();
    const { server } = stage();
    const queue = await server.queue();
    const { id } = await server.administer<{ id: number }>("POST", "webhooks", {
      subscription_url: receiver.address,
      actions: ["CHAT_CONVERSATION_CREATED"],
    });
    const [one, other] = [await open(`webhooks/${id}`), await open("webhooks")];
    const starts = (client: string) =>
      server.api("POST", `chat_conversations/start?chat_queue_id=${queue}&client_id=${client}`);

    receiver.status = 503;
    await starts("701");
    await receiver.gets("701");
    await one.page.getByRole("tab", { name: one.t("pending") }).click();
    await one.button("send_now").waitFor();
    receiver.status = 200;
    await one.button("send_now").click();
    await receiver.gets("701", 2);
    await one.sees(one.t("pending_empty"));

    // Whoever says that it is gone for good is asked no more.
    receiver.status = 410;
    await starts("702");
    await receiver.gets("702");
    await other.sees(one.t("webhook_gone"));
    await one.sees(one.t("webhook_gone_text"));
    receiver.status = 200;
    await one.page.getByRole("tab", { name: one.t("title") }).click();
    await one.button("webhook_turn_on").click();
    await other.seesNo(one.t("webhook_gone"));
    await one.page.getByRole("tab", { name: one.t("delivery_log") }).click();
    await one.sees(one.t("outcome_given_up"));
    await one.button("recover").click();
    await one.dialog.getByRole("button", { name: one.t("send_again"), exact: true }).click();
    await one.sees(one.t("recovered", { count: 1 }));
    await receiver.gets("702", 2);
    await one.page
      .getByRole("row", { name: new RegExp(`${one.t("outcome_delivered")}.*2`) })
      .first()
      .waitFor();
    await server.administer("DELETE", `webhooks/${id}`);
  });

  test("where clients are looked up", async () => {
    const [one, other] = [await open("lookup"), await open("lookup")];
    await one.field("address").fill("sklep.example.org");
    await one.field("address").blur();
    await one.sees(one.t("not_web_address"));
    await one.field("address").fill("https://sklep.example.org/klient");
    await one.page.getByLabel(one.t("lookup_secret")).first().fill("tajne");
    await one.save();
    await one.isSaved();
    await until("the address", async () => (await other.field("address").inputValue()) !== "");
    expect(await ask("settings/lookup")).toEqual({
      url: "https://sklep.example.org/klient",
      has_secret: true,
    });
    await one.page.getByRole("switch", { name: one.t("lookup_keeps_secret") }).click();
    await one.save();
    await one.isSaved();
    expect(await ask("settings/lookup")).toMatchObject({ has_secret: false });
    const { was, becomes } = await audited(stage(), "lookup.change");
    expect(JSON.stringify([was, becomes])).not.toContain("tajne");
  });

  test("where the installation is, how long it remembers, and by what letters go out", async () => {
    const [one, other] = [await open("installation"), await open("installation")];
    // The configuration of tests says the address.
    await one.sees(one.t("public_url_configured"));
    await one.page.getByRole("radio", { name: one.t("retention_days") }).click();
    await one.field("retention_after").fill("0");
    await one.save();
    await one.page.locator("[name=retention_days][aria-invalid=true]").waitFor();
    await one.field("retention_after").fill("90");
    await one.page.getByRole("switch", { name: one.t("add_customers") }).click();
    await one.save();
    await one.isSaved();
    await until("90 days", async () => (await other.field("retention_after").inputValue()) === "90");
    expect(await ask("settings/installation")).toMatchObject({ retention_days: 90, add_customers: true });
    for (const what of ["retention", "customers"])
      await audited(stage(), "setting.change", ({ subject }) => subject.includes(what));
    await one.go("email");
    await one.sees(one.t("mail_is_not_set"));
  });

  test("two who change the installation at once lose nothing, and are told where they disagree", async () => {
    const { server } = stage();
    const change = (body: object) => server.administer("PUT", "settings/installation", body);
    await change({ retention_days: 90, add_customers: true });
    const one = await open("installation");
    const days = one.field("retention_after");
    const contested = one.page.getByText(one.at.t("contested"));
    await expect.poll(() => days.inputValue()).toBe("90");
    await one.page.getByRole("switch", { name: one.t("add_customers") }).click();
    await change({ retention_days: 0 });
    await one.page.getByRole("radio", { name: one.t("retention_forever"), checked: true }).waitFor();
    await one.save();
    await one.isSaved();
    expect(await ask("settings/installation")).toMatchObject({ retention_days: 0, add_customers: false });

    await one.page.getByRole("radio", { name: one.t("retention_days") }).click();
    await days.fill("30");
    await change({ retention_days: 60 });
    await contested.waitFor();
    expect(await days.inputValue()).toBe("30");
    await one.save();
    await contested.waitFor({ state: "detached" });
    expect(await ask("settings/installation")).toMatchObject({ retention_days: 30 });
  });

  test("the audit log says who changed what, and how it was", async () => {
    const { server } = stage();
    const one = await open("audit");
    await server.administer("PUT", `agents/${JAN.login}`, { capacity: 4 });
    // Jan has been changed before, and otherwise.
    const row = one.page.locator("details").filter({ hasText: JAN.surname }).filter({ hasText: "capacity" });
    await row.first().locator("summary").click();
    await one.page.locator("details[open]").getByText("capacity").waitFor();
    await one.button("audit_only_this").first().click();
    await until("only this", async () => {
      const texts = await one.page.locator("summary").allTextContents();
      return texts.length > 0 && texts.every((text) => text.includes(JAN.surname));
    });
    expect(one.page.url()).toContain("subject=agent");
    await one.button("audit_all").click();
    await one.field("audit_from").fill("2099-01-01");
    await one.sees(one.at.t("nothing_found"));
  });
});
