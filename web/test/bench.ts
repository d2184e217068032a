/**
 * What a visitor with a phone waits for, and what a shop's page pays: the first open on a slow line with cold caches,
 * and the loader's work on the page's main thread.
 */
import type { BrowserContext, CDPSession } from "playwright-core";
import { PHONE } from "./browser";
import { STUB } from "./host";
import { CLAUSES, writeClauses } from "./scenes";
import { Stage } from "./stage";
import { until } from "./until";
import { Visitor } from "./visitor";

const ROUNDS = 5;
const GOAL_MS = 1_500;
/** A task that holds the page up so long is one that people notice. */
const LONG_TASK_MS = 50;
/** 150 ms there and back; 1.6 Mbit/s down, 0.75 Mbit/s up; a processor of a quarter of this one's speed. */
const LINE = {
  offline: false,
  latency: 150,
  downloadThroughput: 1_600_000 / 8,
  uploadThroughput: 750_000 / 8,
};
const CPU_SLOWER = 4;

/** What pages note down about themselves, in milliseconds since 1970. */
interface Notes {
  clickedAt?: number;
  usableAt?: number;
  longTasks: number[];
  shifts: number;
}
type Noting = Window & { notes: Notes };

/** Runs in every frame, before anything else there. */
function note(): void {
  const notes: Notes = { longTasks: [], shifts: 0 };
  (window as unknown as Noting).notes = notes;
  const now = (at: number) => performance.timeOrigin + at;
  addEventListener("click", ({ timeStamp }) => (notes.clickedAt ??= now(timeStamp)), { capture: true });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) notes.longTasks.push(duration);
  }).observe({ type: "longtask", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      notes.shifts += (entry as PerformanceEntry & { value: number }).value;
  }).observe({ type: "layout-shift", buffered: true });
  const look = () => {
    const field = document.querySelector("form textarea, form input");
    // Usable: it is laid out, and the frame with it has been drawn.
    if (field?.getClientRects().length) {
      requestAnimationFrame(() => requestAnimationFrame((at) => (notes.usableAt = now(at))));
    } else {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function slow(session: CDPSession): Promise<void> {
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", LINE);
  await session.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWER });
}

/** By its number the shop is of the server's site, so that the frame is slowed down together with the page. */
function near(address: string): string {
  return address.replace("shop.localhost", "127.0.0.1");
}

async function phone(stage: Stage): Promise<BrowserContext> {
  const context = await stage.person("en", PHONE);
  await context.addInitScript(note);
  return context;
}

/** From the click on the bubble to a form that can be filled in. */
async function firstOpen(stage: Stage, address: string): Promise<number> {
  const context = await phone(stage);
  const page = await context.newPage();
  await slow(await context.newCDPSession(page));
  const visitor = await Visitor.inShop(context, near(address), "en", page);
  await until("the bubble", () => visitor.bubble());
  await page.waitForLoadState("networkidle");
  await visitor.clickBubble();
  const notes = () => page.evaluate(() => (window as unknown as Noting).notes);
  const clickedAt = await until("the click", async () => (await notes()).clickedAt);
  const usableAt = await until("the form", async () => {
    return visitor.frame()?.evaluate(() => (window as unknown as Noting).notes.usableAt);
  });
  await stage.everybodyLeaves();
  return usableAt - clickedAt;
}

interface Cost {
  longTasks: number;
  longestMs: number;
  shifts: number;
  mainThreadMs: number;
}

/** Runs in a page that has come to rest: resolves when the script has run, and what it made has been drawn. */
async function add(address: string): Promise<void> {
  const { notes } = window as unknown as Noting;
  notes.longTasks = [];
  notes.shifts = 0;
  const script = document.createElement("script");
  const loaded = new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = reject;
  });
  script.async = true;
  script.src = address;
  document.head.append(script);
  await loaded;
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  await new Promise<void>((resolve) => requestIdleCallback(() => resolve()));
}

/** What a script costs a page. */
async function costOf(stage: Stage, page: string, script: string): Promise<Cost> {
  const context = await phone(stage);
  const tab = await context.newPage();
  const session = await context.newCDPSession(tab);
  await slow(session);
  await session.send("Performance.enable");
  const workMs = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const names = ["ScriptDuration", "LayoutDuration", "RecalcStyleDuration"];
    return metrics
      .filter(({ name }) => names.includes(name))
      .reduce((sum, { value }) => sum + value * 1000, 0);
  };
  await tab.goto(near(page), { waitUntil: "networkidle" });
  const before = await workMs();
  await tab.evaluate(add, script);
  const mainThreadMs = (await workMs()) - before;
  const { longTasks, shifts } = await tab.evaluate(() => (window as unknown as Noting).notes);
  await stage.everybodyLeaves();
  return {
    longTasks: longTasks.filter((ms) => ms >= LONG_TASK_MS).length,
    longestMs: Math.max(0, ...longTasks),
    shifts,
    mainThreadMs,
  };
}

async function times<T>(what: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let round = 0; round < ROUNDS; round++) all.push(await what());
  return all;
}

function show(rows: [string, string, string][]): void {
  for (const row of rows) console.log(row.map((cell, at) => cell.padEnd([34, 14, 0][at] ?? 0)).join(""));
}

export async function main(): Promise<number> {
  await using stage = await Stage.set();
  const clauses = await writeClauses(stage);
  const queue = await stage.queue({ clauses, widget: { greeting: CLAUSES.news } });
  const loader = stage.server.loader(`queue=${queue}`);
  const shop = stage.shop.page("/with", { loader, script: STUB });
  const policy = `default-src 'none'; script-src 'self' ${stage.server.origin}; frame-src ${stage.server.origin}`;
  const plain = stage.shop.page("/without", { script: STUB, policy });
  // The first of all warms the server, and this process.
  await firstOpen(stage, shop);
  const opens = await times(() => firstOpen(stage, shop));
  const nothing = await times(() => costOf(stage, plain, `${near(plain)}.js`));
  const loaded = await times(() => costOf(stage, plain, loader));
  const openMs = median(opens);
  const longTasks = median(loaded.map((it) => it.longTasks));
  const longestMs = Math.max(...loaded.map((it) => it.longestMs));
  const shifts = Math.max(...loaded.map((it) => it.shifts));
  const nothingMs = median(nothing.map((it) => it.mainThreadMs));
  const loadedMs = median(loaded.map((it) => it.mainThreadMs));
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  show([
    ["on a slow phone", "measured", "goal"],
    [
      "first open to a usable form",
      ms(openMs),
      `< ${GOAL_MS} ms, median of ${ROUNDS}: ${opens.map(ms).join(", ")}`,
    ],
    ["long tasks of the shop's page", `${longTasks}`, `0; the longest ${ms(longestMs)}`],
    ["layout shift of the shop's page", shifts.toFixed(4), "0"],
    ["main thread, for the loader", ms(loadedMs), `an empty script: ${ms(nothingMs)}`],
  ]);
  return openMs < GOAL_MS && longTasks === 0 && shifts === 0 ? 0 : 1;
}
