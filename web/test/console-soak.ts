/**
 * The console all day long: 500 open conversations of which some end and some begin, 50 messages a second, somebody who goes
 * from one to the other and types. What the page and the server hold has to stay as it is.
 */
import { readFileSync } from "node:fs";
import type { CDPSession } from "playwright-core";
import { ConsolePage } from "./console";
import { CONFIG, Crowd } from "./crowd";
import { JAN } from "./server";
import { Stage } from "./stage";
import { until } from "./until";

const CONVERSATIONS = 500;
const MESSAGES_EACH = 3;
const MESSAGES_A_SECOND = 50;
/** So that in four minutes all are others. */
const CHANGES_A_SECOND = 2;
const GO_EVERY_MS = 2_000;
const LOOK_EVERY_MS = 10_000;
/** Growth within the last third, as a part of what is there. */
const FLAT = 0.05;

interface Sample {
  at: number;
  heap: number;
  nodes: number;
  listeners: number;
  server: number;
}

/** What they are called, and what they are counted in. */
const FIGURES: [Exclude<keyof Sample, "at">, string, string, number][] = [
  ["heap", "the page's heap", "MB", 1 << 20],
  ["nodes", "nodes of the page", "", 1],
  ["listeners", "listeners of the page", "", 1],
  ["server", "the server's memory", "MB", 1 << 20],
];

function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

async function look(session: CDPSession, pid: number): Promise<Sample> {
  // What was held by what is collected now goes the second time.
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const value = (name: string) => metrics.find((it) => it.name === name)?.value ?? Number.NaN;
  return {
    at: Date.now(),
    heap: value("JSHeapUsedSize"),
    nodes: value("Nodes"),
    listeners: value("JSEventListeners"),
    server: residentBytes(pid),
  };
}

/** By least squares: how much it has grown from the first to the last, as a part of what it is. */
function growth(samples: Sample[], name: keyof Sample): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ at }) => at)), mean(samples.map((it) => it[name]))];
  let [upper, lower] = [0, 0];
  for (const sample of samples) {
    upper += (sample.at - x) * (sample[name] - y);
    lower += (sample.at - x) ** 2;
  }
  const passed = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
  return ((upper / lower) * passed) / y;
}

/** Goes to a conversation that the list shows, and writes there. */
async function work(jan: ConsolePage, at: number): Promise<void> {
  await jan.list.evaluate((list, at) => {
    const links = list.querySelectorAll<HTMLElement>("[data-conversation]:not([aria-current])");
    links[at % links.length]?.click();
  }, at);
  await jan.editor.pressSequentially("Już sprawdzam. ");
  if (at % 3 === 0) await jan.editor.press("Enter");
}

export async function main([minutes = "10"]: string[]): Promise<number> {
  await using stage = await Stage.set({ config: CONFIG });
  const jan = await ConsolePage.signedIn(stage, JAN);
  await jan.onDuty();
  const crowd = await Crowd.gather(stage.server, JAN, CONVERSATIONS, MESSAGES_EACH);
  const shown = jan.page.getByRole("navigation", { name: jan.t("talk.views") }).getByText(`${CONVERSATIONS}`);
  await until("all conversations", () => shown.isVisible(), 120_000);
  const session = await jan.page.context().newCDPSession(jan.page);
  await session.send("Performance.enable");
  crowd.write(MESSAGES_A_SECOND);
  crowd.change(CHANGES_A_SECOND);
  const from = Date.now();
  const before = crowd.said;
  const samples: Sample[] = [];
  let done = 0;
  let failed = 0;
  while (Date.now() - from < Number(minutes) * 60_000) {
    // A row may be gone before it is pressed, as for people.
    await work(jan, ++done).catch(() => failed++);
    await jan.page.waitForTimeout(GO_EVERY_MS);
    if (Date.now() - (samples.at(-1)?.at ?? 0) < LOOK_EVERY_MS) continue;
    const sample = await look(session, stage.server.pid);
    samples.push(sample);
    const figures = FIGURES.map(([name, , unit, one]) => `${name} ${(sample[name] / one).toFixed(1)}${unit}`);
    console.log(`${((sample.at - from) / 60_000).toFixed(1)} min: ${figures.join(", ")}`);
  }
  crowd.leave();
  console.log(
    `${crowd.said - before} messages in ${minutes} minutes, ${done} conversations opened, ${failed} gone before`,
  );
  const end = samples.slice(Math.floor((samples.length * 2) / 3));
  let isFlat = samples.length > 0 && failed < done / 10;
  for (const [name, label, unit, one] of FIGURES) {
    const [first, last] = [(samples[0]?.[name] ?? 0) / one, (samples.at(-1)?.[name] ?? 0) / one];
    const part = growth(end, name);
    if (part > FLAT) isFlat = false;
    console.log(
      `${label.padEnd(24)}${first.toFixed(1)} → ${last.toFixed(1)} ${unit.padEnd(3)} in the last third ${(part * 100).toFixed(1)} %   < ${FLAT * 100} %${part > FLAT ? " MISSED" : ""}`,
    );
  }
  if (stage.faults.length) console.log(stage.faults);
  return isFlat && stage.faults.length === 0 ? 0 : 1;
}
