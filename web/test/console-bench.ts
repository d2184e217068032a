/**
 * What an agent waits for: the console's first view, a conversation that is opened, and a key that is pressed while clients
 * write in 500 conversations at once.
 */
import { loadavg } from "node:os";
import { gzipSync } from "node:zlib";
import type { CDPSession, Page } from "playwright-core";
import { ConsolePage } from "./console";
import { CONFIG, Crowd } from "./crowd";
import { JAN } from "./server";
import { Stage } from "./stage";
import { until } from "./until";

const GOALS = { firstViewBytes: 180 * 1024, openMs: 100, keyMs: 50 };
const CONVERSATIONS = 500;
const MESSAGES_EACH = 20;
const MESSAGES_A_SECOND = 50;
const OPENS = 40;
const KEYS = 300;
/** As a quick typist does. */
const KEY_EVERY_MS = 100;

/** What the page notes down about itself, in milliseconds. */
interface Notes {
  keys: number[];
  /** As the browser tells it, in steps of 8; what took less than 16 is not told. */
  slowKeys: number[];
  longTasks: number[];
}
type Noting = Window & { notes: Notes };

/** Runs before anything else in the page. */
function note(): void {
  const notes: Notes = { keys: [], slowKeys: [], longTasks: [] };
  (window as unknown as Noting).notes = notes;
  /** After the picture with all that this has changed is drawn. */
  const drawn = (then: () => void) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = then;
      port2.postMessage(undefined);
    });
  addEventListener(
    "keydown",
    ({ timeStamp }) => drawn(() => notes.keys.push(performance.now() - timeStamp)),
    { capture: true },
  );
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) {
      if (name === "keydown") notes.slowKeys.push(duration);
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true } as PerformanceObserverInit);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) notes.longTasks.push(duration);
  }).observe({ type: "longtask", buffered: true });
}

/** Runs in the page: presses one of the rows that are shown, and waits for its thread. */
function open(at: number): Promise<number> {
  const links = [...document.querySelectorAll<HTMLElement>("[data-region=list] [data-conversation]")];
  const others = links.filter((it) => !it.ariaCurrent);
  const link = others[at % others.length];
  if (!link) throw new Error("there is no other conversation");
  const before = document.querySelector("[role=log]");
  const from = performance.now();
  link.click();
  return new Promise((resolve) => {
    const look = () => {
      const log = document.querySelector("[role=log]");
      const isThere =
        log &&
        log !== before &&
        getComputedStyle(log).visibility === "visible" &&
        log.querySelector("[data-how]");
      if (!isThere) return requestAnimationFrame(look);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(performance.now() - from);
      return port2.postMessage(undefined);
    };
    requestAnimationFrame(look);
  });
}

function quantile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

const ms = (value: number) => `${value.toFixed(0)} ms`;

function spread(values: number[]): string {
  const [half, most] = [quantile(values, 0.5), quantile(values, 0.95)];
  return `median ${ms(half)}, p95 ${ms(most)}, most ${ms(Math.max(...values))}, ${values.length} times`;
}

/** Gzip bytes of code and styles from the sign-in until the conversations are there, nothing of it known before. */
async function firstView(stage: Stage): Promise<number> {
  const context = await stage.person("en");
  const bodies: Promise<Buffer>[] = [];
  context.on("response", (response) => {
    if (["document", "script", "stylesheet"].includes(response.request().resourceType()))
      bodies.push(response.body());
  });
  const jan = await ConsolePage.signedIn(stage, JAN, { context });
  await jan.page.waitForLoadState("networkidle");
  const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body, { level: 9 }).length);
  await stage.everybodyLeaves();
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function opens(page: Page): Promise<number[]> {
  const all: number[] = [];
  for (let at = 0; at < OPENS; at++) all.push(await page.evaluate(open, at * 7));
  return all;
}

async function keys(at: ConsolePage): Promise<Notes> {
  await at.editor.focus();
  await at.page.evaluate(() => {
    const { notes } = window as unknown as Noting;
    notes.keys = [];
    notes.slowKeys = [];
    notes.longTasks = [];
  });
  for (let pressed = 0; pressed < KEYS; pressed++) {
    await at.page.keyboard.press(pressed % 6 === 5 ? "Space" : "a");
    await at.page.waitForTimeout(KEY_EVERY_MS);
  }
  return at.page.evaluate(() => (window as unknown as Noting).notes);
}

/** Seconds of a processor that the page's main thread has taken. */
async function work(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
}

export async function main(): Promise<number> {
  await using stage = await Stage.set({ config: CONFIG });
  const bytes = await firstView(stage);
  const context = await stage.person("en", {
    viewport: { width: 1440, height: 900 },
    permissions: ["notifications"],
  });
  await context.addInitScript(note);
  const jan = await ConsolePage.signedIn(stage, JAN, { context });
  await jan.onDuty();
  const crowd = await Crowd.gather(stage.server, JAN, CONVERSATIONS, MESSAGES_EACH);
  const shown = jan.page.getByRole("navigation", { name: jan.t("talk.views") }).getByText(`${CONVERSATIONS}`);
  await until("all conversations", () => shown.isVisible(), 120_000);
  const session = await context.newCDPSession(jan.page);
  // Of the processor, not of the clock: a machine with other work tells the same.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const calm = await opens(jan.page);
  const from = { at: Date.now(), said: crowd.said };
  crowd.write(MESSAGES_A_SECOND);
  const busy = await opens(jan.page);
  const [before, typingFrom] = [await work(session), Date.now()];
  const typed = await keys(jan);
  const share = ((await work(session)) - before) / ((Date.now() - typingFrom) / 1000);
  const rate = ((crowd.said - from.said) * 1000) / (Date.now() - from.at);
  crowd.leave();
  const slowKey = quantile([...typed.slowKeys, ...Array(KEYS - typed.slowKeys.length).fill(16)], 0.95);
  const figures: [string, string, string, boolean][] = [
    [
      "the console's first view",
      `${(bytes / 1024).toFixed(1)} kB gzip`,
      `≤ ${GOALS.firstViewBytes / 1024} kB`,
      bytes <= GOALS.firstViewBytes,
    ],
    [
      `a conversation of ${CONVERSATIONS} opens`,
      spread(calm),
      `p95 < ${GOALS.openMs} ms`,
      quantile(calm, 0.95) < GOALS.openMs,
    ],
    [
      `… at ${rate.toFixed(0)} messages/s`,
      spread(busy),
      `p95 < ${GOALS.openMs} ms`,
      quantile(busy, 0.95) < GOALS.openMs,
    ],
    [
      "a key press to the screen, then",
      spread(typed.keys),
      `p95 < ${GOALS.keyMs} ms`,
      quantile(typed.keys, 0.95) < GOALS.keyMs,
    ],
    ["… as the browser tells it", `p95 ≤ ${ms(slowKey)}`, `p95 < ${GOALS.keyMs} ms`, slowKey < GOALS.keyMs],
    ["the page's share of a processor, then", `${(share * 100).toFixed(0)} %`, "", true],
    ["tasks of 50 ms or more, then", `${typed.longTasks.length}`, "", true],
  ];
  console.log(`at the console, the machine's load ${loadavg()[0]?.toFixed(1)}`);
  for (const [what, measured, goal, isMet] of figures) {
    console.log(`${what.padEnd(40)}${measured}   ${goal}${isMet ? "" : " MISSED"}`);
  }
  if (stage.faults.length) console.log(stage.faults);
  return figures.every(([, , , isMet]) => isMet) && stage.faults.length === 0 ? 0 : 1;
}
