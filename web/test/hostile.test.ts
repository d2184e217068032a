/** What others say is text and nothing else, and a page of others learns nothing. */
import type { BrowserContext, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { paper } from "./files";
import { useStage } from "./hooks";
import { Shop, STUB } from "./host";
import { expectSame } from "./log";
import { ANNA } from "./server";
import { wideIn } from "./sideways";
import { until } from "./until";
import { Visitor } from "./visitor";

const stage = useStage();

/** The narrowest screen that there is to be reckoned with. */
const NARROW = { viewport: { width: 320, height: 568 } };
const LEFT_TO_RIGHT_AGAIN = "\u202c";
const REVERSED = "\u202e";

const HOSTILE = {
  markup: `<img src=x onerror="window.ran=1"><b>bold</b><script>window.ran=2</script><svg onload=window.ran=3>`,
  entities: `&lt;b&gt; &#60;i&#62; &amp;amp; {{7*7}} \${7*7} {@html "<i>"}`,
  markdown: `**bold** _it_ # no head\n- no list\n[here](javascript:window.ran=4) ![x](https://x.example/x.png) \`code\``,
  links: `javascript:window.ran=5 data:text/html,<script>window.ran=6</script> vbscript:x JavaScript:alert(1)`,
  "links in disguise": `https://good.example@evil.example/ https://xn--80ak6aa92e.com/ http://[::1]:80/ http:// https://"onclick=window.ran=7//`,
  "right to left": `${REVERSED}gnp.exe${LEFT_TO_RIGHT_AGAIN} \u2067abc\u2069 \u061c\u200f שלום, hello (1)`,
  "a word without an end": "ą".repeat(16_384),
  "a link without an end": `https://example.org/${"a".repeat(16_000)}`,
  brackets: `https://example.org/${")".repeat(16_000)}`,
  dots: `https://example.org/${".".repeat(16_000)}x`,
  emoji: "👩‍👩‍👧‍👦".repeat(50),
  "marks on marks": `Z${"\u0300\u0489".repeat(2_000)}`,
  lines: Array.from({ length: 300 }, (_, line) => line).join("\n"),
};

/** Nothing but text, and no wider than the screen. */
async function expectHarmless(visitor: Visitor): Promise<void> {
  const seen = await visitor.chat.evaluate(() => {
    const log = document.querySelector("[role=log]");
    const said = [...(log?.querySelectorAll("[dir=auto]") ?? [])];
    const inside = said.flatMap((it) => [...it.querySelectorAll("*")]);
    return {
      ran: (window as { ran?: number }).ran,
      elements: [...new Set(inside.map((it) => it.tagName))],
      links: inside
        .filter((it) => it instanceof HTMLAnchorElement)
        .map(({ href, target, rel }) => ({ href, target, rel })),
      outside: said
        .filter(
          (it) => it.getBoundingClientRect().right > innerWidth + 1 || it.getBoundingClientRect().left < -1,
        )
        .map((it) => it.textContent?.slice(0, 40)),
    };
  });
  expect(seen.ran).toBeUndefined();
  expect(seen.elements.filter((name) => name !== "A")).toEqual([]);
  expect(await wideIn(visitor.chat)).toEqual([]);
  expect(seen.outside).toEqual([]);
  for (const { href, target, rel } of seen.links) {
    expect(href).toMatch(/^https?:\/\//);
    expect(target).toBe("_blank");
    expect(rel).toContain("noopener");
    expect(rel).toContain("noreferrer");
  }
}

/** Dialogs and errors that a script of somebody else's would leave. */
function watch(page: Page): string[] {
  const seen: string[] = [];
  page.on("dialog", (dialog) => {
    seen.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => seen.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") seen.push(`console: ${message.text()}`);
  });
  return seen;
}

describe("what is said", () => {
  test("is text, from either side", async () => {
    const { server, anna } = stage();
    const { visitor, conversation } = await stage().talking({}, { browser: NARROW });
    const faults = watch(visitor.page);
    for (const [what, text] of Object.entries(HOSTILE)) {
      await anna.say(conversation, text);
      // Within the time that all have: it holds nobody up.
      await until(`“${what}” is shown`, async () => (await visitor.messages()).at(-1) === text);
      await expectHarmless(visitor);
    }
    for (const [what, text] of Object.entries(HOSTILE)) {
      await visitor.say(text);
      await until(`“${what}” is heard`, () => anna.log(conversation).at(-1)?.text === text);
      await expectHarmless(visitor);
    }
    await expectSame(server, conversation, [visitor]);
    await visitor.page.reload();
    await visitor.open();
    await expectSame(server, conversation, [visitor]);
    await expectHarmless(visitor);
    expect(faults).toEqual([]);
  });

  test("is text in the names of files, queues and people, in clauses and greetings, too", async () => {
    const { server } = stage();
    const text = HOSTILE.markup;
    const bad = { login: "zly", name: text.slice(0, 200), surname: "Zły" };
    await server.api("POST", "agents", { ...bad, password: "long enough", capacity: 100 });
    await server.clause("wrogi", { pl: text, en: text });
    await server.clause("wroga zgoda", { pl: text, en: HOSTILE["a word without an end"] }, "consent");
    const both = (most: number) => ({ pl: text.slice(0, most), en: text.slice(0, most) });
    const widget = { title: both(100), greeting: both(1_000), away: both(1_000) };
    const clauses = ["wrogi", "wroga zgoda"];
    const queue = await server.queue({ clauses, widget }, text.slice(0, 200), [ANNA]);
    const visitor = await stage().inShop(queue, { browser: NARROW });
    const faults = watch(visitor.page);
    await visitor.open();
    await expectHarmless(visitor);
    await visitor.start({ text: "Dzień dobry" });
    const conversation = await server.conversationOf(queue);
    await server.api("POST", `chat_conversations/${conversation}/assign`, { user_login: "zly" });
    await visitor.sees(visitor.t("talks_to", { name: bad.name }));
    const name = `<img src=x onerror=ran=1>${REVERSED}${"ż".repeat(150)}.txt`;
    const id = await stage().anna.upload(conversation, name, paper("").buffer);
    await stage().anna.say(conversation, "Jestem.", [id]);
    await visitor.log.getByRole("button", { name: /onerror=ran=1/ }).waitFor();
    await expectHarmless(visitor);
    expect(faults).toEqual([]);
  });
});

/** Everything that a page of others can lay its hands on. */
async function lootOf(page: Page): Promise<string> {
  return page.evaluate(() => {
    const seen: unknown[] = [(window as { heard?: unknown[] }).heard];
    const attempt = (what: () => unknown) => {
      try {
        seen.push(what());
      } catch (error) {
        seen.push(`${error}`);
      }
    };
    for (let at = 0; at < window.frames.length; at++) {
      const frame = window.frames[at] as Window & { localStorage: Storage };
      attempt(() => frame.document.body.textContent);
      attempt(() => JSON.stringify(frame.localStorage));
      attempt(() => frame.location.href);
      attempt(() => frame.name);
    }
    for (const frame of document.querySelectorAll("iframe")) {
      attempt(() => frame.contentDocument?.body.textContent);
      attempt(() => frame.src);
    }
    attempt(() => document.documentElement.outerHTML);
    attempt(() => [...document.querySelectorAll("*")].map((it) => it.shadowRoot?.innerHTML));
    attempt(() => JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie);
    attempt(() => performance.getEntries().map(({ name }) => name));
    return JSON.stringify(seen);
  });
}

const SPY = `${STUB}
window.heard = [];
addEventListener("message", ({ data, origin }) => heard.push(data, origin));
_tc("event_listener", (event) => heard.push(event));`;

describe("a page of others", () => {
  test("can't read the conversation nor the token", async () => {
    const { anna } = stage();
    const SECRET = "Mój PESEL to 44051401359";
    const { visitor, conversation } = await stage().talking({}, { script: SPY }, SECRET);
    await anna.say(conversation, "Numer zwrotu ZW-7-2026");
    await visitor.sees("Numer zwrotu ZW-7-2026");
    const token = await visitor.chat.evaluate(
      () => JSON.stringify({ ...localStorage }).match(/token\W+([\w-]{20,})/)?.[1],
    );
    expect(token, "it is in the frame's own storage").toBeTruthy();
    await visitor.minimise();
    await anna.say(conversation, "Tajne dla strony");
    const unread = visitor.words.loader("unread", { count: 1 });
    await until("the count", async () => (await visitor.bubble())?.name.includes(unread));
    const loot = await lootOf(visitor.page);
    for (const secret of [token ?? "", SECRET, "ZW-7-2026", "Tajne", "Anna", conversation]) {
      expect(loot).not.toContain(secret);
    }
    const heard = await visitor.page.evaluate(() => (window as unknown as { heard: unknown[] }).heard);
    const told = heard
      .filter((it) => typeof it === "object")
      .map((it) => (it as { rozmowa: string }).rozmowa);
    expect([...new Set(told)].sort()).toEqual(["close", "event", "kept", "ready", "unread"]);
    expect(heard, "the vendor's events are plain texts").toContain("conversation_created");
    await visitor.page.reload();
    await until("the frame by itself", () => visitor.frame());
    await until("the count", async () => (await visitor.bubble())?.name.includes(unread));
    const later = await lootOf(visitor.page);
    for (const secret of [token ?? "", SECRET, "Tajne", conversation]) expect(later).not.toContain(secret);
  });

  test("gets nothing out of the frame by asking for it, in the place of the loader", async () => {
    const { server, shop } = stage();
    const queue = await stage().queue();
    const body = `<iframe src="${server.origin}/chat/${queue}" title="framed" width="400" height="640"></iframe>`;
    const address = shop.page("/forging", { script: SPY, body, policy: "default-src 'self'; frame-src *" });
    const visitor = await Visitor.inShop(await stage().person(), address);
    const heard = () => visitor.page.evaluate(() => (window as unknown as { heard: unknown[] }).heard);
    await expect.poll(heard, { timeout: 15_000 }).toContainEqual({ rozmowa: "ready" });
    const forge = (said: unknown) =>
      visitor.page.evaluate((it) => window.frames[0]?.postMessage(it, "*"), said);
    const host = { rozmowa: "host", url: "javascript:1", title: "A shop", is_open: true };
    await forge({ ...host, user: { name: ["x"], email: {}, phone: 7 } });
    for (const odd of [null, 1, "x", {}, { rozmowa: {} }, { rozmowa: "command", name: "__proto__" }])
      await forge(odd);
    await visitor.start({ text: "Tajne" });
    const conversation = await server.conversationOf(queue);
    await stage().anna.claim(conversation);
    await stage().anna.say(conversation, "Tajna odpowiedź");
    await visitor.sees("Tajna odpowiedź");
    for (const asking of ["ready", "kept", "token", "events", "unread", "event"])
      await forge({ rozmowa: asking });
    await forge({ ...host, is_open: false });
    await stage().anna.say(conversation, "Tajna i nieprzeczytana");
    await expect.poll(heard).toContainEqual(expect.objectContaining({ rozmowa: "unread", count: 1 }));
    const loot = await lootOf(visitor.page);
    for (const secret of ["Tajn", "Anna", conversation]) expect(loot).not.toContain(secret);
  });

  test("can't frame what is not for it", async () => {
    const { server, shop } = stage();
    const [ours, theirs] = [shop.origin, "https://shop.example.org"];
    const open = await stage().queue();
    const named = await stage().queue({ origins: [ours, theirs] });
    const foreign = await stage().queue({ origins: [theirs] });
    const { conversation } = await stage().atLink(open);
    const { link } = await server.link(conversation);
    const frames: [string, boolean][] = [
      [`${server.origin}/chat/${open}`, true],
      [`${server.origin}/chat/${named}`, true],
      [`${server.origin}/chat/${open},${named}`, true],
      [`${server.origin}/chat/${foreign}`, false],
      [`${server.origin}/chat/${named},${foreign}`, false],
      [link, false],
      [`${server.origin}/`, false],
      [`${server.origin}/console`, false],
      [`${server.origin}/console/session`, false],
    ];
    const page = await (await stage().person()).newPage();
    const policy = "default-src 'self'; frame-src *";
    for (const [address, isAllowed] of frames) {
      const body = `<iframe src="${address}" title="framed"></iframe>`;
      await page.goto(shop.page("/framing", { body, policy }));
      const frame = await until("the frame", () => page.frames()[1]);
      await frame.waitForLoadState();
      const isShown = await until("it is shown or refused", () => {
        const url = page.frames()[1]?.url() ?? "";
        return url.startsWith("chrome-error:") ? "refused" : url === address ? "shown" : undefined;
      });
      expect(isShown, address).toBe(isAllowed ? "shown" : "refused");
    }
    // That is what was wanted.
    expect(
      stage()
        .faults.splice(0)
        .filter((it) => !it.startsWith("Framing ")),
    ).toEqual([]);
  });

  test("shows nothing where the queue is of another origin, and says why", async () => {
    const queue = await stage().queue({ origins: ["https://shop.example.org"] });
    const context = await stage().person();
    const warnings: string[] = [];
    context.on("console", (message) => message.type() === "warning" && warnings.push(message.text()));
    const visitor = await stage().inShop(queue, { context });
    await until("a warning", () => warnings.find((it) => it.includes("Rozmowa")));
    expect(await visitor.bubble()).toBeUndefined();
  });
});

describe("before the first open", () => {
  async function traces(context: BrowserContext, page: Page) {
    const { cookies, origins } = await context.storageState({ indexedDB: true });
    const inPage = await page.evaluate(async () => ({
      local: { ...localStorage },
      session: { ...sessionStorage },
      databases: (await indexedDB.databases()).length,
      caches: (await caches?.keys?.())?.length ?? 0,
      workers: (await navigator.serviceWorker?.getRegistrations())?.length ?? 0,
      frames: window.frames.length,
    }));
    return { cookies, origins, ...inPage };
  }
  const NOTHING = {
    cookies: [],
    origins: [],
    local: {},
    session: {},
    databases: 0,
    caches: 0,
    workers: 0,
    frames: 0,
  };

  test("nothing is kept, and nothing asked for but the loader", async () => {
    const { server, shop } = stage();
    const queue = await stage().queue();
    const context = await stage().person();
    const asked: string[] = [];
    context.on("request", (request) => asked.push(request.url()));
    const globals = (page: Page) => page.evaluate(() => Object.getOwnPropertyNames(window));
    const plain = await context.newPage();
    await plain.goto(shop.page("/plain", {}));
    const before = await globals(plain);
    await plain.close();
    asked.length = 0;
    const loader = server.loader(`queue=${queue}`);
    const visitor = await stage().inShop(queue, { context });
    await until("the bubble", () => visitor.bubble());
    await visitor.page.waitForLoadState("networkidle");
    expect(asked.filter((url) => !url.startsWith(shop.origin))).toEqual([loader]);
    expect((await globals(visitor.page)).filter((name) => !before.includes(name))).toEqual(["_tc"]);
    expect(await traces(context, visitor.page)).toEqual(NOTHING);
    const answer = await fetch(loader);
    expect(answer.headers.getSetCookie()).toEqual([]);

    // A look at the form alone leaves nothing in the shop's page, and no cookie at all.
    await visitor.open();
    await visitor.minimise();
    const { cookies, local, session } = await traces(context, visitor.page);
    expect({ cookies, local, session }).toEqual({ cookies: [], local: {}, session: {} });
    // Of all that was asked for, everything was ours.
    const others = asked.filter((url) => !url.startsWith(shop.origin) && !url.startsWith(server.origin));
    expect(others.filter((url) => !url.startsWith("blob:"))).toEqual([]);
  });

  test("nothing is there for anybody else", async () => {
    await using other = await Shop.start();
    const queue = await stage().queue();
    const context = await stage().person();
    const visitor = await stage().inShop(queue, { context });
    await visitor.open();
    await visitor.start({ text: "Dzień dobry" });
    const conversation = await stage().server.conversationOf(queue);
    // The browser keeps what is ours apart by the page that we stand in.
    const loader = stage().server.loader(`queue=${queue}`);
    const address = other.page("/", { loader, script: STUB }).replace("shop.localhost", "other.localhost");
    const elsewhere = await Visitor.inShop(context, address);
    await elsewhere.open();
    await elsewhere.editor.waitFor();
    expect(await elsewhere.log.count()).toBe(0);
    expect(conversation).toBeTruthy();
  });
});
