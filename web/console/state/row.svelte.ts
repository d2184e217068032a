/** A conversation, as lists show it: each field moves by itself. */
import type { Speaker, Status, Turn } from "../../shared/protocol";
import type { Schemas } from "./api";
import { type Log, owed } from "./log.svelte";

export interface Said {
  seq: number;
  at: number;
  by: Speaker;
  /** Null when it was erased, or there are files alone. */
  text: string | null;
}

export class Row {
  client = $state("");
  isVerified = $state(false);
  queueId = $state(0);
  queue = $state("");
  status = $state<Status>("CREATED");
  agentId = $state<number | null>(null);
  botId = $state<string | null>(null);
  topicId = $state<number | null>(null);
  said = $state.raw<Said>();
  unread = $state(0);
  /** Since when the client waits for an answer; undefined when none is owed. */
  owedSince = $state<number>();
  closedAt = $state<number | null>(null);
  waitingSince = $state<number | null>(null);
  isMissed = $state(false);
  seq = $state(0);
  agentRead = $state(0);
  createdAt = 0;
  /** Of the line on which it was last told: what was told on an older one may be out of date. */
  age = 0;

  constructor(readonly id: string) {}

  get isOpen(): boolean {
    return this.status !== "CLOSED";
  }

  get isWaiting(): boolean {
    return this.isOpen && this.waitingSince !== null;
  }

  get saidAt(): number {
    return this.said?.at ?? this.createdAt;
  }

  /** As a page of a list has it. */
  show(row: Schemas["ConversationRow"], age: number): void {
    if (row.seq < this.seq && this.age === age) return;
    const isNewer = row.seq > this.seq || this.age !== age || !this.createdAt;
    const last = row.last_message;
    this.#common(row, age);
    this.client = row.client_name;
    this.isVerified = row.is_verified;
    this.said = last ? { seq: last.seq, at: last.at, by: speaker(last.sent_by), text: last.text } : undefined;
    if (row.agent_read_seq >= this.agentRead || isNewer) {
      this.agentRead = Math.max(this.agentRead, row.agent_read_seq);
      if (row.agent_read_seq >= this.agentRead) this.unread = row.unread;
    }
    const isOwed = !last || last.sent_by === "CLIENT";
    if (!isOwed) this.owedSince = undefined;
    else this.owedSince ??= last?.at ?? row.created_at;
  }

  /** As it is when all is told of it. What was said last comes from its log. */
  showSheet(sheet: Schemas["ConversationSheet"], age: number): void {
    if (sheet.seq < this.seq && this.age === age) return;
    this.#common(sheet, age);
    this.client = sheet.client.shown_name;
    this.isVerified = sheet.client.is_verified;
    this.agentRead = Math.max(this.agentRead, sheet.agent_read_seq);
  }

  #common(known: Schemas["ConversationRow"] | Schemas["ConversationSheet"], age: number): void {
    this.age = age;
    this.seq = known.seq;
    this.queueId = known.chat_queue_id;
    this.queue = known.chat_queue;
    this.status = known.status as Status;
    this.agentId = known.agent?.agent_id ?? null;
    this.botId = known.bot_id;
    this.topicId = known.topic_id;
    this.createdAt = known.created_at;
    this.closedAt = known.closed_at;
    this.waitingSince = known.waiting_since;
    this.isMissed = known.is_missed;
  }

  /** Whether it is news, and whether the server is to be asked for the rest of it. */
  turn(turn: Turn, age: number, queue: string | undefined): { isNews: boolean; isPartial: boolean } {
    if (turn.seq <= this.seq && this.age === age) return { isNews: false, isPartial: false };
    this.age = age;
    this.seq = turn.seq;
    this.status = turn.status;
    this.agentId = turn.agent_id;
    if (turn.chat_queue_id !== this.queueId) {
      this.queueId = turn.chat_queue_id;
      this.queue = queue ?? "";
    }
    const { kind, at } = turn;
    const isOpen = turn.status !== "CLOSED";
    this.closedAt = isOpen ? null : (this.closedAt ?? at);
    if (kind === "assigned") this.isMissed = false;
    if (kind === "handed_over" || turn.agent_id !== null) this.botId = null;
    if (turn.agent_id !== null || !isOpen || kind === "given_to_bot") this.waitingSince = null;
    else if (LETS_WAIT.includes(kind)) this.waitingSince = at;
    if (kind === "message") this.say({ seq: turn.seq, at, by: turn.by, text: turn.preview ?? null });
    // What came before may have been missed.
    const isUnclear = isOpen && turn.agent_id === null && this.waitingSince === null && this.botId === null;
    return { isNews: true, isPartial: isUnclear || !TELLS_ALL.includes(kind) };
  }

  /** A message that may have been counted. */
  say(said: Said): void {
    if (said.seq <= (this.said?.seq ?? 0)) return;
    this.said = said;
    if (said.by === "client") {
      if (said.seq > this.agentRead) this.unread++;
      this.owedSince ??= said.at;
    } else if (said.by !== "system") {
      this.owedSince = undefined;
    }
  }

  /** What the log itself says counts. */
  settle(log: Log): void {
    if (!log.isReady) return;
    const { unread, since, last, isCut } = owed(log.events, this.agentRead);
    this.unread = unread;
    if (since === undefined) this.owedSince = undefined;
    else this.owedSince = isCut ? Math.min(this.owedSince ?? since, since) : since;
    if (last && last.seq >= (this.said?.seq ?? 0)) {
      this.said = { seq: last.seq, at: last.at ?? 0, by: last.by ?? "system", text: last.text ?? null };
    }
  }

  /** Up to here agents have seen all. */
  read(seq: number): void {
    if (seq <= this.agentRead) return;
    this.agentRead = seq;
    if (seq >= (this.said?.seq ?? 0)) this.unread = 0;
  }
}

const LETS_WAIT = ["started", "unassigned", "transferred", "handed_over", "reopened"];
/** After the others the server is asked for what they leave open. */
const TELLS_ALL = ["message", "note", "whisper", "assigned", "closed"];

function speaker(name: string): Speaker {
  return name.toLowerCase() as Speaker;
}
