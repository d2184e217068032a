/** Whatever happens to the line: the console has the logs and lists of the server, and what was said is stored once, in its order. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { COLLEAGUE, FakeServer, FakeSocket, type Kept, ME, Memory, random, serve } from "./fake-server";
import type { Live } from "./live.svelte";

const HISTORIES = 250;
const TURNS = 60;
const TURN_MS = 400;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("document", {
    hidden: false,
    addEventListener: () => undefined,
    documentElement: { lang: "pl" },
  });
  vi.stubGlobal("location", { protocol: "https:", host: "chat.example.org" });
  vi.resetModules();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

async function enter(): Promise<Live> {
  const [{ Live }, { Api }] = await Promise.all([import("./live.svelte"), import("./api")]);
  return new Live(ME, new Api());
}

async function start(seed: number): Promise<{ server: FakeServer; roll: () => number }> {
  const roll = random(seed);
  vi.spyOn(Math, "random").mockImplementation(roll);
  vi.stubGlobal("localStorage", new Memory());
  const server = new FakeServer(roll);
  serve(server);
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => server.fetch(address, init));
  return { server, roll };
}

async function history(seed: number): Promise<void> {
  const { server, roll } = await start(seed);
  const what = `history ${seed}`;
  const pick = () => [...server.kept.values()][Math.floor(roll() * server.kept.size)];
  for (let i = 0; i < 4; i++) server.open(i < 3 ? ME : null);
  let live = await enter();
  const said: string[] = [];
  let count = 0;
  let isRestored = false;
  for (let turn = 0; turn < TURNS; turn++) {
    const die = roll();
    const one = pick();
    if (!one) server.open(ME);
    else if (die < 0.25) {
      const how = roll() < 0.3 ? ("note" as const) : ("reply" as const);
      said.push(live.say(one.id, how, `${one.id} ${how} ${count++}`));
    } else if (die < 0.5) server.add(one, { kind: "message", by: "client", text: `client ${count++}` });
    else if (die < 0.55) server.add(one, { kind: "note", by: "agent", agent_id: COLLEAGUE, text: "n" });
    else if (die < 0.62) server.assign(one, [ME, COLLEAGUE, null][Math.floor(roll() * 3)]!);
    else if (die < 0.65) server.open([ME, COLLEAGUE, null][Math.floor(roll() * 3)]!);
    else if (die < 0.67) server.close(one);
    else if (die < 0.69) server.erase(one);
    else if (die < 0.8) server.cut();
    else if (die < 0.86) {
      live.end();
      live = await enter();
    } else if (die < 0.94) live.show(roll() < 0.2 ? undefined : one.id, Math.ceil(roll() * one.log.length));
    else if (die < 0.96) live.see(one.id);
    else if (die < 0.97 && seed % 5 === 0) server.backUp();
    else if (die < 0.98 && seed % 5 === 0) {
      isRestored = true;
      server.restore();
    }
    await vi.advanceTimersByTimeAsync(Math.floor(roll() * TURN_MS));
  }
  server.isCalm = true;
  await vi.advanceTimersByTimeAsync(600_000);
  check(server, live, said, isRestored, what);
  live.end();
}

/** As far as it is here; at its end nothing is missing. */
function checkLog(live: Live, one: Kept, what: string): void {
  const log = live.log(one.id);
  expect(log, what).toBeDefined();
  expect(log!.cursor, what).toBe(one.log.length);
  expect(log!.events, what).toEqual(one.log.slice(log!.from));
}

function check(server: FakeServer, live: Live, said: string[], isRestored: boolean, what: string): void {
  const all = [...server.kept.values()];
  const ids = (keep: (one: Kept) => boolean) =>
    all
      .filter(keep)
      .map(({ id }) => id)
      .sort();
  const mine = ids(({ agent, isClosed }) => agent === ME && !isClosed);
  expect([...live.rows.members("mine")].sort(), what).toEqual(mine);
  const waiting = ids(({ agent, isClosed }) => agent === null && !isClosed);
  expect([...live.rows.members("waiting")].sort(), what).toEqual(waiting);
  // What may be of a past that a backup has undone is not compared.
  if (!isRestored) {
    for (const one of all)
      if (mine.includes(one.id) || one.id === live.shown) checkLog(live, one, `${what} ${one.id}`);
    for (const id of mine) {
      const [row, there] = [live.rows.map.get(id)!, server.row(server.kept.get(id)!)];
      expect({ seq: row.seq, unread: row.unread, said: row.said?.seq }, `${what} ${id}`).toEqual({
        seq: there.seq,
        unread: there.unread,
        said: there.last_message?.seq,
      });
    }
  }
  const pending = all.flatMap(({ id }) => live.outbox.of(id));
  expect(
    pending.filter(({ state }) => state !== "failed"),
    what,
  ).toEqual([]);
  if (isRestored) return;
  const stored = all.flatMap(({ log }) => log.filter((it) => it.id).map(({ id }) => id!));
  expect(new Set(stored).size, what).toBe(stored.length);
  // Those that were refused for good are kept to be seen, or were so by a page that is closed now.
  const lost = said.filter((id) => !stored.includes(id) && !pending.some((it) => it.id === id));
  expect(lost, what).toEqual([]);
  for (const { id, log } of all) {
    for (const how of ["reply", "note"]) {
      const numbers = log
        .filter((it) => it.text?.startsWith(`${id} ${how} `))
        .map((it) => Number(it.text!.split(" ")[2]));
      const isAsSaid = numbers.every((number, at) => at === 0 || number > numbers[at - 1]!);
      if (!log.some(({ kind }) => kind === "closed"))
        expect(isAsSaid, `${what} ${id} ${how} ${numbers}`).toBe(true);
    }
  }
}

test("the console's copy is the log, and what was said is in it once", { timeout: 120_000 }, async () => {
  const first = Number(process.env.CONSOLE_SEED ?? 1);
  for (let seed = first; seed < first + HISTORIES; seed++) await history(seed);
});

test("a log that a backup has made shorter is copied anew", async () => {
  const { server } = await start(1);
  server.isCalm = true;
  const one = server.open(ME);
  for (let i = 0; i < 5; i++) server.add(one, { kind: "message", by: "client", text: `${i}` });
  server.backUp();
  const live = await enter();
  live.show(one.id);
  await vi.advanceTimersByTimeAsync(5_000);
  for (let i = 0; i < 3; i++) server.add(one, { kind: "message", by: "client", text: `lost ${i}` });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(live.log(one.id)!.cursor).toBe(9);
  server.restore();
  const restored = server.kept.get(one.id)!;
  await vi.advanceTimersByTimeAsync(60_000);
  checkLog(live, restored, "restored");
  server.add(restored, { kind: "message", by: "client", text: "after" });
  await vi.advanceTimersByTimeAsync(5_000);
  checkLog(live, restored, "restored");
  live.end();
});

test("a long log is opened at its end, and read backwards", async () => {
  const { server } = await start(2);
  server.isCalm = true;
  const one = server.open(COLLEAGUE);
  for (let i = 0; i < 350; i++) server.add(one, { kind: "message", by: "client", text: `${i}` });
  const live = await enter();
  live.show(one.id, one.log.length);
  await vi.advanceTimersByTimeAsync(20_000);
  const log = live.log(one.id)!;
  expect(log.events.length).toBe(100);
  while (log.from > 0) {
    const earlier = live.loadEarlier(log);
    await vi.advanceTimersByTimeAsync(1_000);
    await earlier;
  }
  checkLog(live, one, "whole");
  live.end();
});

test("five hundred conversations and fifty messages a second cost little", async () => {
  vi.useRealTimers();
  const { server } = await start(3);
  server.isCalm = true;
  const live = await enter();
  await vi.waitFor(() => expect(live.rows.isReady).toBe(true), 5_000);
  for (let i = 0; i < 500; i++) {
    live.rows.showSheet({
      ...server.row(server.open(null)),
      client: { shown_name: `${i}` },
    } as unknown as Parameters<Live["rows"]["showSheet"]>[0]);
  }
  const ids = [...server.kept.keys()];
  const began = performance.now();
  for (let i = 0; i < 1_000; i++) {
    live.rows.turn({
      type: "conversation",
      conversation: ids[i % ids.length]!,
      seq: 2 + Math.floor(i / ids.length),
      at: Date.now(),
      kind: "message",
      by: "client",
      status: "CREATED",
      chat_queue_id: 3,
      agent_id: null,
      preview: "text",
    });
  }
  const perMessage = (performance.now() - began) / 1_000;
  expect(perMessage).toBeLessThan(0.5);
  live.end();
});
