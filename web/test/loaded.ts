/** A shop's page with the loader, and a stub in place of the chat. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContextOptions, Frame, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { FromChat, ToChat } from "../widget/messages";
import { newPerson, openShadows, PHONE, startBrowser } from "./browser";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const texts = Object.fromEntries(
  ["en", "pl"].map((it) => [
    it,
    JSON.parse(read(`../../locales/${it}.json`)).widget as Record<string, string>,
  ]),
);
export const SETTINGS = {
  queues: [3],
  color: "#1f5fd6",
  ink: "#ffffff",
  side: "right",
  x: 20,
  y: 20,
  hidden: false,
  origins: null as string[] | null,
  texts,
};
/** As the server gives it out. */
export function loader(): string {
  return read("../dist/widget.js").replace("__ROZMOWA_SETTINGS__", () => JSON.stringify(shop.settings));
}

export const STUB = "window._tc=window._tc||function(){(_tc.q=_tc.q||[]).push(arguments)};";

/** Keeps what it is told, and takes the focus as the chat does. */
const CHAT = `
  window.told = [];
  addEventListener("message", ({ data, source }) => {
    if (source !== parent) return;
    told.push(data);
    if (data.is_open) document.querySelector("input").focus();
  });
  parent.postMessage({ rozmowa: "ready" }, "*");
`;

interface Answer {
  type: string;
  text: string;
  policy?: string;
}

function serve(answer: (path: string) => Answer | undefined): Promise<Server> {
  const server = createServer((request, response) => {
    const found = answer(new URL(request.url ?? "/", "http://any").pathname);
    response.writeHead(found ? 200 : 404, {
      "Content-Type": `${found?.type ?? "text/plain"}; charset=utf-8`,
      ...(found?.policy && { "Content-Security-Policy": found.policy }),
    });
    response.end(found?.text);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

const originOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

let ours: Server;
let theirs: Server;
let browser: Browser;

/** What a test may give the page, and where things are. */
export const shop = {
  settings: SETTINGS,
  /** The page's own. */
  script: STUB,
  /** Beside what is in the page anyway. */
  body: "",
  /** How many times the loader is in it. */
  scripts: 1,
  get origin(): string {
    return originOf(theirs);
  },
  get ours(): string {
    return originOf(ours);
  },
  get browser(): Browser {
    return browser;
  },
};

beforeAll(async () => {
  ours = await serve((path) => {
    if (path === "/widget.js") return { type: "text/javascript", text: loader() };
    if (path === "/chat.js") return { type: "text/javascript", text: CHAT };
    if (!path.startsWith("/chat/")) return undefined;
    return {
      type: "text/html",
      text: `<title>Chat</title><input aria-label="Write"><script src="/chat.js"></script>`,
    };
  });
  theirs = await serve((path) => {
    if (path === "/shop.js") return { type: "text/javascript", text: shop.script };
    if (path === "/hostile.css") return { type: "text/css", text: HOSTILE };
    if (path !== "/" && path !== "/other") return undefined;
    const from = originOf(ours);
    return {
      type: "text/html",
      // What the documents ask of a page, and nothing else.
      policy:
        `default-src 'none'; script-src 'self' ${from}; frame-src ${from}; style-src 'self'; ` +
        "require-trusted-types-for 'script'; trusted-types 'none'",
      text: `<!doctype html><html lang="en"><head><title>Shop</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <script src="/shop.js"></script>
        ${`<script async src="${from}/widget.js?queue=3"></script>`.repeat(shop.scripts)}</head>
        <body><main><h1>Shoes</h1><button id="help">Help</button><p>Brown ones.</p>${shop.body}</main></body></html>`,
    };
  });
  browser = await startBrowser();
});

afterAll(async () => {
  await browser.close();
  for (const server of [ours, theirs]) {
    server.closeAllConnections();
    server.close();
  }
});

/** A page's rules for everything. */
const HOSTILE =
  "html * { display: none !important; transform: scale(0); opacity: 0; visibility: hidden !important; pointer-events: none !important }";

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  Object.assign(shop, { settings: SETTINGS, script: STUB, body: "", scripts: 1 });
});

export interface Visit {
  page: Page;
  /** What the page's console says, and what goes wrong in it. */
  said: string[];
  requests: string[];
}

export async function visit(options: BrowserContextOptions = {}, path = "/"): Promise<Visit> {
  const person = await newPerson(browser, options);
  await openShadows(person);
  const page = await person.newPage();
  const said: string[] = [];
  const requests: string[] = [];
  page.on("console", (it) => said.push(it.text()));
  page.on("pageerror", (error) => said.push(error.message));
  page.on("request", (it) => requests.push(it.url()));
  await page.goto(shop.origin + path, { waitUntil: "load" });
  return { page, said, requests };
}

export const bubble = (page: Page) => page.getByRole("button", { name: /chat$|^Open chat\. |czat/i });
export const frameElement = (page: Page) => page.locator("iframe[title]");

export async function chat(page: Page): Promise<Frame> {
  const handle = await frameElement(page).elementHandle();
  const frame = await handle?.contentFrame();
  if (!frame) throw new Error("no chat");
  await expect.poll(() => told(frame)).not.toEqual([]);
  return frame;
}

/** What the loader has said to the chat; nothing while that is on its way. */
export const told = (frame: Frame) =>
  frame.evaluate(() => (window as unknown as { told?: ToChat[] }).told ?? []).catch((): ToChat[] => []);

export const lastTold = async (frame: Frame, name: ToChat["rozmowa"]) =>
  (await told(frame)).filter((it) => it.rozmowa === name).at(-1);

export const tell = (frame: Frame, message: FromChat) =>
  frame.evaluate((it) => parent.postMessage(it, "*"), message as unknown as Record<string, unknown>);

export const tc = (page: Page, ...said: unknown[]) =>
  page.evaluate((it) => void window._tc!(...it), said as (string | number | null)[]);

/** Where the keyboard is: in the shadow of an element, too. */
export const focused = (page: Page) =>
  page.evaluate(() => {
    const outer = document.activeElement;
    return (outer?.shadowRoot?.activeElement ?? outer)?.tagName;
  });

export const isShown = (page: Page) => frameElement(page).isVisible();
