/** The one socket of the console, and the one store that it feeds. */
import { Line, type LineState } from "../../shared/line";
import {
  type AgentEvent,
  type FromAgent,
  SESSION_OVER,
  type ToAgent,
  type Turn,
  VERSION,
} from "../../shared/protocol";
import type { Api } from "./api";
import { clock } from "./clock.svelte";
import { Log, type Taken, told } from "./log.svelte";
import { Outbox } from "./outbox.svelte";
import { Passing } from "./passing.svelte";
import type { Row } from "./row.svelte";
import { Rows } from "./rows.svelte";

/** What somebody may want to hear of. */
export type Happening =
  | { type: "mine" | "waiting"; row: Row }
  | { type: "left"; row: Row }
  | { type: "message"; row: Row; event: AgentEvent }
  | { type: "alarm"; chat_queue_id: number; conversation: string | undefined }
  | { type: "settings"; what: string }
  | Extract<ToAgent, { type: "agent_status" }>
  | { type: "turn"; turn: Turn }
  | { type: "events"; conversation: string; events: readonly AgentEvent[] }
  | { type: "welcome" };

export interface Alarm {
  chat_queue_id: number;
  conversation: string | undefined;
  at: number;
}

/** As many logs are kept. Of so many the server tells, too. */
const LOGS_MOST = 200;
/** Of a log that is opened, so much comes at first. */
const PAGE = 100;
/** The server takes 25 frames a second, and 100 at once. */
const WATCHES_AT_ONCE = 40;
const WATCHES_AGAIN_MS = 2_000;
const TYPING_TOLD_EVERY_MS = 3_000;
const REFRESH_AGAIN_MS = 3_000;
const ALARMS_MOST = 50;
/** So many calls were answered while the line stayed down. */
const REFUSED_AFTER = 3;
/** Who came later is told that we were there already. */
const SHOW_ONESELF_AFTER_MS = 200;

export class Live {
  lineState = $state<LineState>("connecting");
  /** Why the line is over. */
  overCode = $state<number>();
  /** The server answers calls, and yet the line does not open: something between them does not let it through. */
  isRefused = $state(false);
  #reached = 0;
  /** The conversation that is open here. */
  shown = $state<string>();
  alarms = $state.raw<readonly Alarm[]>([]);
  readonly rows: Rows;
  readonly outbox: Outbox;
  readonly passing = new Passing();
  /** In the order of use. */
  readonly #logs = new Map<string, Log>();
  #line: Line<ToAgent, FromAgent>;
  readonly #listeners = new Set<(happening: Happening) => void>();
  /** What the server tells us of on this socket. */
  readonly #watched = new Set<string>();
  /** Where each log stood when the socket was opened. */
  #stood = new Map<string, number>();
  readonly #unread = new Map<string, number>();
  #heard: ToAgent[] = [];
  #isFlushing = false;
  #balanceSoon: ReturnType<typeof setTimeout> | undefined;
  #refreshSoon: ReturnType<typeof setTimeout> | undefined;
  #showSoon: ReturnType<typeof setTimeout> | undefined;
  #typed: { conversation: string; at: number } | undefined;
  #isOver = false;

  constructor(
    readonly agent: number,
    readonly api: Api,
    private readonly queueName: (id: number) => string | undefined = () => undefined,
  ) {
    this.rows = new Rows(agent, api, {
      became: (row, view) => {
        if (view === "mine") this.#balanceLater();
        if (this.rows.isReady) this.#tell({ type: view, row });
      },
      left: (row, view) => {
        if (view === "mine") this.#balanceLater();
        this.#tell({ type: "left", row });
      },
      queueName: this.queueName,
      logOf: (conversation) => this.#logs.get(conversation),
      isShown: (conversation) => conversation === this.shown,
    });
    this.outbox = new Outbox(agent, {
      isOpen: () => this.lineState === "open",
      send: (frame) => this.#send(frame),
      expectAnswer: () => this.#line.expectAnswer(),
      isWatched: (conversation) => this.#watched.has(conversation),
      post: async (how, { conversation, id, text, files }) => {
        const file_ids = files.map((file) => file.file_id);
        const body = { text, client_key: id, ...(file_ids.length > 0 && { file_ids }) };
        const path = `/console/conversations/{id}/${how}` as const;
        await api.post(path, { path: { id: conversation }, body });
      },
    });
    this.#line = this.#open();
  }

  /** Tells of everything that happens from now on, until the answer is called. */
  on(listener: (happening: Happening) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Opens a conversation here, or none. `known` is the length of its log, where it is known from elsewhere. */
  show(conversation: string | undefined, known?: number): void {
    this.shown = conversation;
    if (conversation !== undefined) this.log(conversation, known);
    this.#balance();
  }

  /** The copy of a log; it is begun when there is none and its length is known. */
  log(conversation: string, known = this.rows.map.get(conversation)?.seq): Log | undefined {
    let log = this.#logs.get(conversation);
    if (!log && known === undefined) return undefined;
    if (!log) {
      log = new Log(conversation);
      log.begin((known ?? 0) - PAGE, known ?? 0);
      log.agentRead = this.rows.map.get(conversation)?.agentRead ?? 0;
    }
    this.#logs.delete(conversation);
    this.#logs.set(conversation, log);
    for (const id of this.#logs.keys()) {
      if (this.#logs.size <= LOGS_MOST) break;
      if (!this.#watched.has(id) && id !== this.shown) this.#logs.delete(id);
    }
    return log;
  }

  /** What stands before what is here. Throws when nobody answers. */
  async loadEarlier(log: Log): Promise<void> {
    const { generation, from, conversation: id } = log;
    if (from === 0) return;
    const after = Math.max(0, from - PAGE);
    const query = { after, limit: from - after };
    const { events } = await this.api.get("/console/conversations/{id}/events", { path: { id }, query });
    if (log.generation === generation && log.from === from) log.prepend(events.map(told), after);
  }

  /** What stands around a place before what is here: a part of its own, until it is joined. Throws when nobody answers. */
  async around(log: Log, seq: number): Promise<Log> {
    const part = new Log(log.conversation);
    part.begin(Math.max(0, seq - PAGE / 2), log.cursor);
    await this.loadLater(part);
    part.isReady = true;
    return part;
  }

  /** What follows a part that is not followed live. Throws when nobody answers. */
  async loadLater(part: Log): Promise<void> {
    const { cursor: after, conversation: id } = part;
    const query = { after, limit: PAGE };
    const { events } = await this.api.get("/console/conversations/{id}/events", { path: { id }, query });
    if (part.cursor === after) part.take(events.map(told));
  }

  say(...said: Parameters<Outbox["say"]>): string {
    this.#typed = undefined;
    return this.outbox.say(...said);
  }

  /** Said to the client's page as it happens; what stands there is not. */
  type(conversation: string, isTyping: boolean): void {
    const was = this.#typed?.conversation === conversation ? this.#typed : undefined;
    if (!isTyping && !was) return;
    if (isTyping && was && Date.now() - was.at < TYPING_TOLD_EVERY_MS) return;
    this.#typed = isTyping ? { conversation, at: Date.now() } : undefined;
    this.#send({ type: "typing", conversation, is_typing: isTyping });
  }

  /** A person whose conversation it is has seen all that is there. */
  see(conversation: string): void {
    const log = this.#logs.get(conversation);
    const row = this.rows.map.get(conversation);
    if (!log || row?.agentId !== this.agent || log.cursor <= log.agentRead) return;
    log.agentRead = log.cursor;
    row.read(log.cursor);
    this.#unread.set(conversation, log.cursor);
    this.#tellRead(conversation);
  }

  dismiss(alarm: Alarm): void {
    this.alarms = this.alarms.filter((it) => it !== alarm);
  }

  /** With a new session: all that is here goes on. */
  resume(): void {
    if (this.#isOver) return;
    if (this.lineState === "over") this.#line = this.#open();
    else this.#line.restart();
    this.overCode = undefined;
  }

  end(): void {
    this.#isOver = true;
    for (const timer of [this.#balanceSoon, this.#refreshSoon, this.#showSoon]) clearTimeout(timer);
    this.rows.end();
    this.outbox.end();
    this.passing.clear();
    this.#line.end();
  }

  #open(): Line<ToAgent, FromAgent> {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return new Line<ToAgent, FromAgent>(`${scheme}://${location.host}/console/socket`, {
      hello: () => this.#hello(),
      heard: (frame) => this.#hear(frame),
      changed: (state, code) => this.#changed(state, code),
      against: (welcome) => (this.#isOurs(welcome) ? undefined : SESSION_OVER),
    });
  }

  /** Elsewhere in this browser somebody else may have signed in: the socket would be theirs. */
  #isOurs(frame: ToAgent): boolean {
    return frame.type === "welcome" && (frame.agent_id ?? this.agent) === this.agent;
  }

  /** Whether it went out: nothing does before it is known whose line it is. */
  #send(frame: FromAgent): boolean {
    return this.lineState === "open" && this.#line.send(frame);
  }

  /** To be said when a call was answered while the line is down. A server that has just come back needs a moment for it. */
  reached(): void {
    if (this.lineState !== "open") this.isRefused = ++this.#reached >= REFUSED_AFTER;
  }

  #tell(happening: Happening): void {
    for (const listener of this.#listeners) listener(happening);
  }

  #hello(): FromAgent {
    const watch: Record<string, number> = {};
    const were = [...this.#watched];
    this.#watched.clear();
    this.#stood = new Map([...this.#logs].map(([id, { cursor }]) => [id, cursor]));
    for (const id of this.#wanted()) {
      const log = this.#logs.get(id);
      if (!log) continue;
      watch[id] = log.cursor;
      this.#watched.add(id);
    }
    for (const id of were) if (!this.#watched.has(id)) this.outbox.unwatched(id);
    return { type: "hello", v: VERSION, watch, language: this.api.language };
  }

  #changed(state: LineState, code?: number): void {
    this.lineState = state;
    if (state === "open") {
      this.#reached = 0;
      this.isRefused = false;
      return;
    }
    this.outbox.lost();
    this.passing.clear();
    if (state === "over") this.overCode = code;
  }

  /** Many come at once: what they change is shown once a picture. */
  #hear(frame: ToAgent): void {
    this.#heard.push(frame);
    if (this.#isFlushing) return;
    // A page that is not seen is not painted.
    if (typeof requestAnimationFrame === "undefined" || document.hidden) return this.#flush();
    this.#isFlushing = true;
    const flush = () => {
      if (!this.#isFlushing) return;
      this.#isFlushing = false;
      this.#flush();
    };
    requestAnimationFrame(flush);
    // It may be hidden before it is painted.
    setTimeout(flush, 100);
  }

  #flush(): void {
    const heard = this.#heard;
    this.#heard = [];
    for (const frame of heard) if (!this.#isOver) this.#take(frame);
  }

  #take(frame: ToAgent): void {
    switch (frame.type) {
      case "welcome":
        clock.set(frame.server_time);
        return this.#welcome();
      case "events":
        return this.#events(frame.conversation, frame.events);
      case "conversation":
        return this.#turn(frame);
      case "ack":
        return this.outbox.acknowledged(frame.id);
      case "refused":
        if (frame.id) return this.outbox.refused(frame.id, frame.errors, frame.retry_after_seconds);
        if (frame.conversation)
          this.#unseen(frame.conversation, frame.errors.map(({ message }) => message).join(" "));
        return;
      case "typing":
        if (frame.agent_id !== this.agent) this.passing.heardTyping(frame);
        return;
      case "read":
        return this.#read(frame.conversation, frame.by, frame.seq);
      case "page":
        return this.passing.heardPage(frame);
      case "looking":
        return this.#looking(frame);
      case "alarm":
        if (frame.conversation) this.rows.missed(frame.conversation);
        this.alarms = [
          { chat_queue_id: frame.chat_queue_id, conversation: frame.conversation, at: clock.read() },
          ...this.alarms,
        ].slice(0, ALARMS_MOST);
        return this.#tell({
          type: "alarm",
          chat_queue_id: frame.chat_queue_id,
          conversation: frame.conversation,
        });
      case "settings":
      case "agent_status":
        return this.#tell(frame);
    }
  }

  #welcome(): void {
    this.rows.age++;
    void this.#refresh();
    for (const conversation of this.#unread.keys()) this.#tellRead(conversation);
    this.outbox.opened();
    this.#balance();
    this.#tell({ type: "welcome" });
  }

  async #refresh(): Promise<void> {
    clearTimeout(this.#refreshSoon);
    const stood = this.#stood;
    try {
      await this.rows.refresh();
    } catch {
      if (!this.#isOver) this.#refreshSoon = setTimeout(() => void this.#refresh(), REFRESH_AGAIN_MS);
      return;
    }
    if (stood !== this.#stood) return;
    for (const [id, cursor] of stood) {
      const row = this.rows.map.get(id);
      // Restored from a backup: the log is shorter than it was.
      if (row?.age === this.rows.age && row.seq < cursor) this.restored(id, row.seq);
    }
    this.#stood = new Map();
    this.#balance();
  }

  /** The log ends before the end of our copy, which is of another past. */
  restored(conversation: string, seq: number): void {
    const log = this.#logs.get(conversation);
    if (!log || log.cursor <= seq) return;
    log.begin(Math.min(log.from, Math.max(0, seq - PAGE)), seq);
    log.agentRead = log.clientRead = 0;
    this.#watch(log);
  }

  #turn(frame: Extract<ToAgent, { type: "conversation" }>): void {
    const { conversation, kind } = frame;
    this.rows.turn(frame);
    this.#tell({ type: "turn", turn: frame });
    if (kind === "deleted") return this.#deleted(conversation);
    const row = this.rows.map.get(conversation);
    // Of conversations that are watched, the events tell.
    if (row && kind === "message" && !this.#watched.has(conversation)) {
      const { seq, at, by, preview } = frame;
      this.#tell({ type: "message", row, event: { seq, at, kind, by, ...(preview && { text: preview }) } });
    }
  }

  #events(conversation: string, events: readonly AgentEvent[]): void {
    const log = this.#logs.get(conversation);
    if (!log) return;
    const wasReady = log.isReady;
    const fresh: AgentEvent[] = [];
    const taken: Taken = log.take(events, fresh);
    if (taken === "deleted") return this.#deleted(conversation);
    const row = this.rows.map.get(conversation);
    for (const event of fresh) {
      if (event.id) this.outbox.arrived(event.id);
      if (event.kind !== "message") continue;
      if (event.by === "client" || event.by === "agent") this.passing.spoke(conversation, event.by);
      if (row && wasReady) this.#tell({ type: "message", row, event });
    }
    row?.settle(log);
    if (taken === "astray") log.beginAgain();
    if (taken !== "well") this.#watch(log);
    else if (fresh.length && wasReady) this.#tell({ type: "events", conversation, events: fresh });
  }

  #deleted(conversation: string): void {
    const log = this.#logs.get(conversation);
    if (log) log.isDeleted = true;
    if (conversation !== this.shown) this.#logs.delete(conversation);
    this.#watched.delete(conversation);
    this.outbox.forgetAll(conversation);
    this.passing.forget(conversation);
    this.rows.forget(conversation);
  }

  /** It may not be looked at, or not any more. */
  #unseen(conversation: string, why: string): void {
    this.#watched.delete(conversation);
    const log = this.#logs.get(conversation);
    if (log) log.refusal = why || " ";
    if (conversation !== this.shown) this.#logs.delete(conversation);
    this.outbox.unwatched(conversation);
    this.passing.forget(conversation);
    this.rows.ask(conversation);
  }

  #read(conversation: string, by: "client" | "agent", seq: number): void {
    const log = this.#logs.get(conversation);
    if (by === "client") {
      if (log) log.clientRead = Math.max(log.clientRead, seq);
      return;
    }
    if (log) log.agentRead = Math.max(log.agentRead, seq);
    this.rows.map.get(conversation)?.read(seq);
    if (seq >= (this.#unread.get(conversation) ?? Infinity)) this.#unread.delete(conversation);
  }

  /** Until the server has said so itself. */
  #tellRead(conversation: string): void {
    const seq = this.#unread.get(conversation);
    if (seq !== undefined && this.#watched.has(conversation)) this.#send({ type: "read", conversation, seq });
  }

  #looking(frame: Extract<ToAgent, { type: "looking" }>): void {
    if (frame.agent_id === this.agent) return;
    const isNews = this.passing.heardLooking(frame);
    if (!isNews || !frame.is_looking || frame.conversation !== this.shown || this.#showSoon) return;
    // Who comes is not told who was there: to look again says so.
    this.#showSoon = setTimeout(() => {
      this.#showSoon = undefined;
      const log = this.#logs.get(frame.conversation);
      if (log && this.#watched.has(frame.conversation)) this.#watch(log);
    }, SHOW_ONESELF_AFTER_MS);
  }

  /** The one that is open, and mine. */
  #wanted(): Set<string> {
    const wanted = new Set<string>();
    if (this.shown !== undefined) wanted.add(this.shown);
    for (const id of this.rows.members("mine")) {
      if (wanted.size >= LOGS_MOST) break;
      wanted.add(id);
    }
    return wanted;
  }

  #balanceLater(): void {
    this.#balanceSoon ??= setTimeout(() => this.#balance(), 0);
  }

  /** Has the server tell of what is wanted, and of nothing else. */
  #balance(): void {
    clearTimeout(this.#balanceSoon);
    this.#balanceSoon = undefined;
    if (this.lineState !== "open" || this.#isOver) return;
    const wanted = this.#wanted();
    for (const id of this.#watched) {
      if (wanted.has(id)) continue;
      this.#watched.delete(id);
      this.#send({ type: "unwatch", conversation: id });
      this.outbox.unwatched(id);
      this.passing.forget(id);
    }
    let left = WATCHES_AT_ONCE;
    for (const id of wanted) {
      const log = this.#watched.has(id) ? undefined : this.log(id);
      if (!log || log.isDeleted || log.refusal) continue;
      if (left-- === 0) {
        this.#balanceSoon = setTimeout(() => this.#balance(), WATCHES_AGAIN_MS);
        return;
      }
      this.#watch(log);
    }
  }

  #watch({ conversation, cursor }: Log): void {
    if (!this.#send({ type: "watch", conversation, after: cursor })) return;
    this.#watched.add(conversation);
    this.#tellRead(conversation);
  }
}
