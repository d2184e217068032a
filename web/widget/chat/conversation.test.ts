/** Whatever happens to the line: the visitor has the log, and the log has what the visitor said, once and in its order. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FromServer, FromVisitor, LogEvent } from "../../shared/protocol";

const HISTORIES = 400;
const TURNS = 60;
const TURN_MS = 400;

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Keeps the log as the server does; its lines are as bad as they are told to be. */
class Server {
  log: LogEvent[] = [];
  sockets = new Set<Socket>();
  isCalm = false;

  constructor(readonly roll: () => number) {}

  chance(share: number): boolean {
    return !this.isCalm && this.roll() < share;
  }

  add(event: Omit<LogEvent, "seq">): number {
    const seq = this.log.length + 1;
    this.log.push({ seq, ...event });
    for (const socket of this.sockets) socket.tell();
    return seq;
  }

  erase(): void {
    this.log = this.log.map((it) => {
      const { text: _, ...rest } = it;
      return it.by === "agent" ? rest : it;
    });
    this.add({ kind: "erased", by: "system", at: Date.now() });
  }

  cut(): void {
    for (const socket of this.sockets) socket.fail();
  }
}

let server: Server;

class Socket {
  static readonly OPEN = 1;
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  #cursor: number | undefined;
  #busyUntil = 0;
  #isDead = false;

  constructor() {
    server.sockets.add(this);
    if (server.chance(0.2)) this.#later(() => this.fail());
    else {
      this.#later(() => {
        this.readyState = Socket.OPEN;
        this.onopen?.();
      });
    }
  }

  send(text: string): void {
    const frame = JSON.parse(text) as FromVisitor;
    this.#later(() => this.#hear(frame));
  }

  close(): void {
    this.readyState = 3;
    server.sockets.delete(this);
  }

  /** Without a word: it looks as it did, and nothing goes through. */
  die(): void {
    server.sockets.delete(this);
    this.#isDead = true;
  }

  fail(): void {
    if (this.readyState === 3) return;
    this.close();
    this.onclose?.({ code: 1006 });
  }

  tell(): void {
    this.#later(() => {
      if (this.#cursor === undefined || this.#cursor >= server.log.length) return;
      // Some are told again, and some are told too early.
      const from = Math.max(0, this.#cursor + (server.chance(0.05) ? -1 : server.chance(0.03) ? 1 : 0));
      const events = server.log.slice(from, from + 1 + Math.floor(server.roll() * 5));
      this.#cursor = from + events.length;
      this.#say({ type: "events", conversation: "c", events });
      this.tell();
    });
  }

  #hear(frame: FromVisitor): void {
    if (frame.type === "hello") {
      const { length } = server.log;
      this.#cursor = Math.min(frame.after, length);
      const opened = {
        conversation: "c",
        status: "IN_PROGRESS" as const,
        queue: "q",
        chat_queue_id: 3,
        seq: length,
      };
      const rest = {
        visitor_read: 0,
        agent_read: 0,
        has_text_preview: false,
        takes_files: true,
        is_mailed: false,
      };
      const conversation = { ...opened, ...rest };
      this.#say({ type: "welcome", v: 1, server_time: 0, ping_seconds: 25, conversation });
      this.tell();
    } else if (frame.type === "ping") {
      this.#say({ type: "pong" });
    } else if (frame.type === "message") {
      if (server.chance(0.1)) return this.fail();
      if (server.chance(0.1))
        return this.#say({ type: "refused", id: frame.id, errors: [], retry_after_seconds: 1 });
      const known = server.log.find((it) => it.id === frame.id);
      const { id, text } = frame;
      const seq = known?.seq ?? server.add({ kind: "message", by: "client", text, id, at: Date.now() });
      if (server.chance(0.1)) return this.fail();
      if (server.chance(0.05)) return this.die();
      this.#say({ type: "ack", id, conversation: "c", seq, at: 0 });
    }
  }

  #say(frame: FromServer): void {
    this.#later(() => this.onmessage?.({ data: JSON.stringify(frame) }));
  }

  /** In order, each after some time. */
  #later(act: () => void): void {
    this.#busyUntil = Math.max(this.#busyUntil, Date.now()) + Math.floor(server.roll() * 50);
    setTimeout(() => this.readyState !== 3 && !this.#isDead && act(), this.#busyUntil - Date.now());
  }
}

class Memory {
  [name: string]: unknown;
  getItem(name: string): string | null {
    return (this[name] as string | undefined) ?? null;
  }
  setItem(name: string, text: string): void {
    this[name] = text;
  }
  removeItem(name: string): void {
    delete this[name];
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("document", { hidden: false, addEventListener: () => undefined, documentElement: {} });
  vi.stubGlobal("location", { protocol: "https:", host: "chat.example.org" });
  vi.stubGlobal("localStorage", new Memory());
  vi.stubGlobal("navigator", { languages: ["pl-PL"] });
  vi.resetModules();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function history(seed: number): Promise<void> {
  const roll = random(seed);
  vi.spyOn(Math, "random").mockImplementation(roll);
  server = new Server(roll);
  const { Conversation } = await import("./conversation.svelte");
  const happened = { event: () => undefined, over: () => undefined };
  const token = `token-of-history-${seed}`;
  const enter = () => new Conversation({ token }, happened);
  let conversation = enter();
  const said: string[] = [];
  server.add({ kind: "started", by: "client", at: 0 });
  for (let turn = 0; turn < TURNS; turn++) {
    const die = roll();
    if (die < 0.35) {
      said.push(`${said.length}`);
      conversation.say(said.at(-1)!);
    } else if (die < 0.6) server.add({ kind: "message", by: "agent", text: `a${turn}`, at: Date.now() });
    else if (die < 0.7) server.add({});
    else if (die < 0.74) server.erase();
    else if (die < 0.86) server.cut();
    else if (die < 0.92) {
      conversation.leave();
      conversation = enter();
    }
    await vi.advanceTimersByTimeAsync(Math.floor(roll() * TURN_MS));
  }
  server.isCalm = true;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(conversation.pending, `history ${seed}`).toEqual([]);
  const visible = server.log.filter((it) => it.kind);
  expect(conversation.events, `history ${seed}`).toEqual(visible);
  const stored = server.log.filter((it) => it.by === "client" && it.kind === "message");
  expect(
    stored.map((it) => it.text),
    `history ${seed}`,
  ).toEqual(said);
  conversation.leave();
}

test("the visitor's copy is the log, and what was said is in it once", { timeout: 120_000 }, async () => {
  const first = Number(process.env.CHAT_SEED ?? 1);
  for (let seed = first; seed < first + HISTORIES; seed++) await history(seed);
});
