/** A server of conversations for tests of the store: it keeps logs as the real one does; its lines are as bad as they are told to be. */
import type { AgentEvent, FromAgent, ToAgent } from "../../shared/protocol";

export const ME = 7;
export const COLLEAGUE = 8;

export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Kept {
  id: string;
  log: AgentEvent[];
  agent: number | null;
  isClosed: boolean;
  agentRead: number;
}

export class FakeServer {
  readonly kept = new Map<string, Kept>();
  readonly sockets = new Set<FakeSocket>();
  isCalm = false;
  /** The cookie's. */
  whose = ME;
  #backup: Map<string, Kept> | undefined;

  constructor(readonly roll: () => number) {}

  chance(share: number): boolean {
    return !this.isCalm && this.roll() < share;
  }

  open(agent: number | null): Kept {
    const id = `c${String(this.kept.size).padStart(3, "0")}`;
    const one: Kept = { id, log: [], agent, isClosed: false, agentRead: 0 };
    this.kept.set(id, one);
    this.add(one, { kind: "started", by: "client" });
    return one;
  }

  add(one: Kept, event: Omit<AgentEvent, "seq" | "at">): AgentEvent {
    const whole: AgentEvent = { seq: one.log.length + 1, at: Date.now(), ...event };
    one.log.push(whole);
    for (const socket of this.sockets) socket.tell(one, whole);
    return whole;
  }

  assign(one: Kept, agent: number | null): void {
    one.agent = agent;
    one.isClosed = false;
    this.add(
      one,
      agent === null
        ? { kind: "unassigned", by: "system" }
        : { kind: "assigned", by: "system", agent_id: agent },
    );
  }

  close(one: Kept): void {
    one.isClosed = true;
    this.add(one, { kind: "closed", by: "agent" });
  }

  erase(one: Kept): void {
    one.log = one.log.map((it) => {
      if (it.by !== "client") return it;
      const { text: _, ...rest } = it;
      return rest;
    });
    this.add(one, { kind: "erased", by: "system" });
  }

  remove(one: Kept): void {
    this.kept.delete(one.id);
    const event: AgentEvent = { seq: one.log.length + 1, at: Date.now(), kind: "deleted", by: "system" };
    for (const socket of this.sockets) socket.tell(one, event);
  }

  cut(): void {
    for (const socket of this.sockets) socket.fail();
  }

  backUp(): void {
    this.#backup = structuredClone(this.kept);
  }

  /** As it was, and nobody is on the line any more. */
  restore(): void {
    if (!this.#backup) return;
    this.kept.clear();
    for (const [id, one] of structuredClone(this.#backup)) this.kept.set(id, one);
    this.cut();
  }

  row({ id, log, agent, isClosed, agentRead }: Kept) {
    const said = log.findLast(({ kind }) => kind === "message");
    const isWaiting = !isClosed && agent === null;
    return {
      conversation_id: id,
      client_name: `client of ${id}`,
      customer_id: null,
      is_verified: false,
      chat_queue_id: 3,
      chat_queue: "Sklep",
      status: isClosed ? "CLOSED" : agent ? "IN_PROGRESS" : "CREATED",
      agent: agent ? { agent_id: agent, login: `a${agent}`, name: `Agent ${agent}` } : null,
      bot_id: null,
      topic_id: null,
      last_message: said
        ? { seq: said.seq, at: said.at, sent_by: said.by!.toUpperCase(), text: said.text ?? null }
        : null,
      unread: log.filter((it) => it.kind === "message" && it.by === "client" && it.seq > agentRead).length,
      created_at: log[0]!.at,
      closed_at: null,
      waiting_since: isWaiting ? log.findLast(({ kind }) => kind !== "message")!.at : null,
      is_missed: false,
      seq: log.length,
      agent_read_seq: agentRead,
    };
  }

  /** `fetch`, as far as the store asks. */
  async fetch(address: string, init: RequestInit): Promise<Response> {
    const delay = Math.floor(this.roll() * 80);
    await new Promise((done) => setTimeout(done, delay));
    if (this.chance(0.1)) throw new TypeError("no network");
    const answer = this.#answer(new URL(address, "https://chat.example.org"), init);
    if (this.chance(0.1)) throw new TypeError("no network");
    await new Promise((done) => setTimeout(done, delay));
    return answer;
  }

  #answer(url: URL, init: RequestInit): Response {
    const [, , what, id = "", part] = url.pathname.split("/");
    if (what !== "conversations") return Response.json({ errors: [] }, { status: 404 });
    if (!id) return this.#list(url.searchParams.get("view") ?? "", url.searchParams.get("cursor"));
    const one = this.kept.get(id);
    if (!one) return Response.json({ errors: [{ code: 1, message: "unknown" }] }, { status: 404 });
    if (part === "note") {
      const { text, client_key } = JSON.parse(String(init.body)) as { text: string; client_key: string };
      const known = one.log.find((it) => it.id === client_key);
      const { seq, at } =
        known ?? this.add(one, { kind: "note", by: "agent", agent_id: ME, text, id: client_key });
      return Response.json({ seq, at });
    }
    if (part === "events") {
      const after = Number(url.searchParams.get("after"));
      const limit = Number(url.searchParams.get("limit") ?? 100);
      const events = one.log.slice(after, after + limit).map((it) => ({
        seq: it.seq,
        at: it.at,
        kind: it.kind,
        sent_by: it.by!.toUpperCase(),
        agent: it.agent_id ? { agent_id: it.agent_id, login: "", name: "" } : null,
        bot_id: null,
        text: it.text ?? null,
        data: null,
        client_key: it.id ?? null,
      }));
      return Response.json({ events, seq: one.log.length });
    }
    const { client_name, ...row } = this.row(one);
    const client = { shown_name: client_name, is_verified: false };
    return Response.json({ ...row, client, customer: null, client_read_seq: 0 });
  }

  #list(view: string, cursor: string | null): Response {
    const all = [...this.kept.values()].filter(
      ({ agent, isClosed }) =>
        isClosed === (view === "closed") &&
        (view !== "mine" || agent === ME) &&
        (view !== "waiting" || agent === null),
    );
    all.sort((a, b) => (a.id < b.id ? 1 : -1));
    const rest = cursor ? all.filter(({ id }) => id < cursor) : all;
    const page = rest.slice(0, 5);
    const next_cursor = rest.length > page.length ? page.at(-1)!.id : null;
    return Response.json({ result: page.map((one) => this.row(one)), next_cursor });
  }
}

let server: FakeServer;

export function serve(one: FakeServer): void {
  server = one;
}

export class FakeSocket {
  static readonly OPEN = 1;
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly #watched = new Map<string, number>();
  #isWelcome = false;
  #busyUntil = 0;
  #isDead = false;

  constructor() {
    server.sockets.add(this);
    if (server.chance(0.2)) this.#later(() => this.fail());
    else {
      this.#later(() => {
        this.readyState = FakeSocket.OPEN;
        this.onopen?.();
      });
    }
  }

  send(text: string): void {
    const frame = JSON.parse(text) as FromAgent;
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

  tell(one: Kept, event: AgentEvent): void {
    if (!this.#isWelcome) return;
    if (event.kind === "deleted") {
      if (this.#watched.delete(one.id)) this.#say({ type: "events", conversation: one.id, events: [event] });
    } else if (this.#watched.has(one.id)) this.#catchUp(one);
    const { kind = "", by = "system", seq, at = 0, text } = event;
    this.#say({
      type: "conversation",
      conversation: one.id,
      seq,
      at,
      kind,
      by,
      status: one.isClosed ? "CLOSED" : one.agent ? "IN_PROGRESS" : "CREATED",
      chat_queue_id: 3,
      agent_id: one.agent,
      ...(kind === "message" && text && { preview: text }),
    });
  }

  #catchUp(one: Kept): void {
    this.#later(() => {
      const cursor = this.#watched.get(one.id);
      if (cursor === undefined || cursor >= one.log.length) return;
      // Some are told again, and some too early.
      const isEarly = cursor + 1 < one.log.length && server.chance(0.03);
      const from = Math.max(0, cursor + (isEarly ? 1 : server.chance(0.05) ? -1 : 0));
      const events = one.log.slice(from, from + 1 + Math.floor(server.roll() * 5));
      this.#watched.set(one.id, from + events.length);
      this.#say({ type: "events", conversation: one.id, events });
      this.#catchUp(one);
    });
  }

  #watch(id: string, after: number): void {
    const one = server.kept.get(id);
    if (!one) {
      this.#say({ type: "refused", conversation: id, errors: [{ code: 1, message: "unknown" }] });
      return;
    }
    this.#watched.set(id, Math.min(after, one.log.length));
    this.#catchUp(one);
  }

  #hear(frame: FromAgent): void {
    switch (frame.type) {
      case "hello":
        this.#isWelcome = true;
        this.#say({
          type: "welcome",
          v: 1,
          server_time: Date.now(),
          ping_seconds: 25,
          agent_id: server.whose,
        });
        for (const [id, after] of Object.entries(frame.watch)) this.#watch(id, after);
        return;
      case "watch":
        return this.#watch(frame.conversation, frame.after);
      case "unwatch":
        this.#watched.delete(frame.conversation);
        return;
      case "ping":
        return this.#say({ type: "pong" });
      case "read": {
        const one = server.kept.get(frame.conversation);
        if (!one || !this.#watched.has(one.id)) return;
        one.agentRead = Math.max(one.agentRead, Math.min(frame.seq, one.log.length));
        return this.#say({ type: "read", conversation: one.id, by: "agent", seq: one.agentRead });
      }
      case "message":
        return this.#message(frame);
    }
  }

  #message({ conversation, id, text }: Extract<FromAgent, { type: "message" }>): void {
    if (server.chance(0.1)) return this.fail();
    const refused = { type: "refused" as const, id, conversation };
    if (server.chance(0.1)) return this.#say({ ...refused, errors: [], retry_after_seconds: 1 });
    const one = server.kept.get(conversation);
    const known = one?.log.find((it) => it.id === id);
    if (!one || (one.isClosed && !known)) {
      return this.#say({ ...refused, errors: [{ code: 2, message: "closed" }] });
    }
    const { seq, at = 0 } =
      known ?? server.add(one, { kind: "message", by: "agent", agent_id: ME, text, id });
    if (server.chance(0.1)) return this.fail();
    if (server.chance(0.05)) return this.die();
    this.#say({ type: "ack", id, conversation, seq, at });
  }

  #say(frame: ToAgent): void {
    this.#later(() => this.onmessage?.({ data: JSON.stringify(frame) }));
  }

  /** In order, each after some time. */
  #later(act: () => void): void {
    this.#busyUntil = Math.max(this.#busyUntil, Date.now()) + Math.floor(server.roll() * 50);
    setTimeout(() => this.readyState !== 3 && !this.#isDead && act(), this.#busyUntil - Date.now());
  }
}

export class Memory {
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
