/** An agent who speaks the protocol of `docs/PROTOCOL.md`, as the console will: nothing is lost when the line is cut. */
import { randomUUID } from "node:crypto";
import { type FileShown, mayReconnect, type Rating, type Speaker } from "../shared/protocol";
import type { Person, Server, Session } from "./server";
import { Socket } from "./socket";
import { until } from "./until";

/** An event of the log, as agents see it. */
export interface AgentEvent {
  seq: number;
  kind?: string;
  by?: Speaker;
  name?: string;
  text?: string;
  data?: { files?: FileShown[]; rating?: Rating };
}

interface Frame {
  type: string;
  conversation?: string;
  id?: string;
  by?: Speaker;
  seq?: number;
  is_typing?: boolean;
  text?: string;
  url?: string;
  title?: string;
  is_open?: boolean;
  events?: AgentEvent[];
  errors?: { message: string; code: number }[];
}

interface Pending {
  frame: object;
  done(seq: number): void;
  failed(error: Error): void;
}

export class Agent {
  /** What came of passing things, in order. */
  readonly heard: Frame[] = [];
  readonly #logs = new Map<string, AgentEvent[]>();
  /** Said, and not acknowledged yet. */
  readonly #pending = new Map<string, Pending>();
  #socket: Socket | undefined;
  #isWelcome = false;
  #isAway = false;

  private constructor(
    private readonly server: Server,
    private readonly session: Session,
    readonly name: string,
  ) {}

  static async signIn(server: Server, person: Person): Promise<Agent> {
    const agent = new Agent(server, await server.signIn(person.login), person.name);
    await agent.#connect();
    return agent;
  }

  /** On duty: conversations come by themselves; paused: they wait, though somebody is there; off: nobody is. */
  async is(status: "free" | "paused" | "off"): Promise<void> {
    // Who pauses is on duty.
    if (status === "paused") await this.#call("PUT", "duty", { status: "free" });
    await this.#call("PUT", "duty", { status });
  }

  async claim(conversation: string): Promise<void> {
    await this.#call("POST", `conversations/${conversation}/claim`);
    await this.watch(conversation);
  }

  /** Has its events sent from now on, and reads what is there. */
  async watch(conversation: string): Promise<void> {
    if (!this.#logs.has(conversation)) {
      this.#logs.set(conversation, []);
      this.#socket?.send(JSON.stringify({ type: "watch", conversation, after: 0 }));
    }
    await until("the log", () => this.log(conversation).length > 0);
  }

  log(conversation: string): AgentEvent[] {
    return this.#logs.get(conversation) ?? [];
  }

  /** Waits until the client has said so. */
  async hears(conversation: string, text: string): Promise<AgentEvent> {
    return this.finds(conversation, `“${text}”`, (event) => event.by === "client" && event.text === text);
  }

  async finds(
    conversation: string,
    what: string,
    is: (event: AgentEvent) => boolean | undefined,
  ): Promise<AgentEvent> {
    return until(what, () => this.log(conversation).find((event) => is(event)));
  }

  /** Waits for a passing thing that comes, or has come already. */
  async senses(what: string, is: (frame: Frame) => boolean): Promise<Frame> {
    return until(what, () => this.heard.find((frame) => is(frame)));
  }

  /** Resolves when it is stored, with its place in the log. */
  say(conversation: string, text: string, file_ids: string[] = []): Promise<number> {
    const id = randomUUID();
    const frame = { type: "message", conversation, id, text, ...(file_ids.length > 0 && { file_ids }) };
    return new Promise((done, failed) => {
      this.#pending.set(id, { frame, done, failed });
      if (this.#isWelcome) this.#socket?.send(JSON.stringify(frame));
    });
  }

  types(conversation: string, is_typing = true): void {
    this.#socket?.send(JSON.stringify({ type: "typing", conversation, is_typing }));
  }

  /** Has seen all that is there, or up to there. */
  reads(conversation: string, seq = this.log(conversation).at(-1)?.seq ?? 0): void {
    this.#socket?.send(JSON.stringify({ type: "read", conversation, seq }));
  }

  async upload(conversation: string, name: string, content: Uint8Array): Promise<string> {
    const path = `conversations/${conversation}/files?name=${encodeURIComponent(name)}`;
    return (await this.#call<{ file_id: string }>("POST", path, content)).file_id;
  }

  async close(conversation: string): Promise<void> {
    await this.#call("POST", `conversations/${conversation}/close`, {});
  }

  async reopen(conversation: string): Promise<void> {
    await this.#call("POST", `conversations/${conversation}/reopen`, {});
  }

  /** To a colleague, or to a queue. */
  async transfer(
    conversation: string,
    to: { user_login: string } | { chat_queue_id: number },
  ): Promise<void> {
    await this.#call("POST", `conversations/${conversation}/transfer`, to);
  }

  async note(conversation: string, text: string): Promise<void> {
    await this.#call("POST", `conversations/${conversation}/note`, { text });
  }

  /** Cuts the line without a word; it comes back by itself. */
  cut(): void {
    this.#socket?.cut();
  }

  leave(): void {
    this.#isAway = true;
    this.#socket?.close();
  }

  #call<T = void>(method: string, path: string, body?: unknown): Promise<T> {
    return this.server.asAgent(this.session, method, path, body);
  }

  async #connect(): Promise<void> {
    const headers = { Cookie: this.session.cookie, Origin: this.server.origin };
    const socket = await Socket.open(`${this.server.origin}/console/socket`, headers);
    this.#socket = socket;
    socket.onText = (text) => this.#hear(JSON.parse(text) as Frame);
    socket.onClose = (code) => void this.#lost(code);
    const watch = Object.fromEntries([...this.#logs].map(([id, log]) => [id, log.at(-1)?.seq ?? 0]));
    socket.send(JSON.stringify({ type: "hello", v: 1, watch, language: "en" }));
    await until("a welcome", () => this.#isWelcome);
  }

  async #lost(code: number): Promise<void> {
    this.#isWelcome = false;
    if (this.#isAway || !mayReconnect(code)) return;
    await until("a server", () =>
      this.#connect().then(
        () => true,
        () => this.#isAway,
      ),
    ).catch(() => undefined);
  }

  #hear(frame: Frame): void {
    if (frame.type === "welcome") {
      this.#isWelcome = true;
      for (const { frame } of this.#pending.values()) this.#socket?.send(JSON.stringify(frame));
    } else if (frame.type === "events") {
      this.#keep(frame.conversation ?? "", frame.events ?? []);
    } else if (frame.type === "ack") {
      this.#pending.get(frame.id ?? "")?.done(frame.seq ?? 0);
      this.#pending.delete(frame.id ?? "");
    } else if (frame.type === "refused" && frame.id) {
      this.#pending.get(frame.id)?.failed(new Error(frame.errors?.[0]?.message));
      this.#pending.delete(frame.id);
    } else {
      this.heard.push(frame);
    }
  }

  /** In order and without a gap, or the protocol is broken. */
  #keep(conversation: string, events: AgentEvent[]): void {
    const log = this.#logs.get(conversation);
    for (const event of events) {
      const expected = (log?.at(-1)?.seq ?? 0) + 1;
      if (event.seq !== expected) throw new Error(`event ${event.seq} came where ${expected} was expected`);
      log?.push(event);
    }
  }
}
