/** A copy of a conversation's log, or of its end: in order, without a gap, each event once. */
import type { AgentEvent, Speaker } from "../../shared/protocol";
import type { Schemas } from "./api";

/** What became of events that came: all is well, some are missing, or the copy is of another past. */
export type Taken = "well" | "gap" | "astray" | "deleted";

export class Log {
  /** What there is to see, in its order. */
  events = $state.raw<readonly AgentEvent[]>([]);
  /** There is more before: what comes after this place is here. */
  from = $state(0);
  /** Up to where it is known here. */
  cursor = $state(0);
  isReady = $state(false);
  isDeleted = $state(false);
  /** It may not be seen, or not any more. */
  refusal = $state("");
  /** Up to where each side has read. */
  clientRead = $state(0);
  agentRead = $state(0);
  /** Each time the copy is begun anew. */
  generation = 0;
  /** Erasures up to here were there when the copy began. */
  #copiedUpTo = 0;

  constructor(readonly conversation: string) {}

  /** Forgets all, and goes on after this place. `known` is how long the log is, as far as we know. */
  begin(from: number, known: number): void {
    this.generation++;
    this.from = this.cursor = Math.max(0, from);
    this.#copiedUpTo = known;
    this.events = [];
    this.isReady = false;
  }

  /** The same again, when what is here is not the log any more. */
  beginAgain(): void {
    this.begin(this.from, this.cursor);
  }

  /** Events as the socket tells them. Those that were new here are added to `fresh`. */
  take(events: readonly AgentEvent[], fresh: AgentEvent[] = []): Taken {
    const seen: AgentEvent[] = [];
    const taken = this.#go(events, seen);
    if (seen.length && taken !== "astray") {
      this.events = [...this.events, ...seen];
      for (const event of seen) fresh.push(event);
    }
    if (taken === "well") this.isReady = true;
    return taken;
  }

  #go(events: readonly AgentEvent[], seen: AgentEvent[]): Taken {
    for (const event of events) {
      if (event.kind === "deleted") {
        this.isDeleted = true;
        this.events = [];
        return "deleted";
      }
      if (event.seq <= this.cursor) {
        if (this.#differs(event)) return "astray";
        continue;
      }
      if (event.seq > this.cursor + 1) return "gap";
      this.cursor = event.seq;
      if (event.kind === "erased" && event.seq > this.#copiedUpTo) {
        this.#copiedUpTo = event.seq;
        return "astray";
      }
      if (event.kind) seen.push(event);
    }
    return "well";
  }

  /** What comes before, from a page of the log. */
  prepend(events: readonly AgentEvent[], from: number): void {
    const before = events.filter((it) => it.kind && it.seq > from && it.seq <= this.from);
    this.events = [...before, ...this.events];
    this.from = from;
  }

  /** Takes in a part that reaches to where this one begins. Whether it does. */
  join(part: Log): boolean {
    if (part.cursor < this.from) return false;
    this.prepend(part.events, Math.min(part.from, this.from));
    return true;
  }

  /** Another event stands in this place: the server was restored from a backup. */
  #differs(event: AgentEvent): boolean {
    if (!event.kind || event.seq <= this.from) return false;
    const known = this.find(event.seq);
    return (
      known !== undefined && (known.kind !== event.kind || known.at !== event.at || known.id !== event.id)
    );
  }

  find(seq: number): AgentEvent | undefined {
    let [low, high] = [0, this.events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle]!.seq < seq) low = middle + 1;
      else high = middle;
    }
    return this.events[low]?.seq === seq ? this.events[low] : undefined;
  }
}

/** An event as HTTP tells it, as the socket would. */
export function told(event: Schemas["EventShown"]): AgentEvent {
  const { seq, at, kind, sent_by, agent, bot_id, text, data, client_key } = event;
  return {
    seq,
    at,
    kind,
    by: sent_by.toLowerCase() as Speaker,
    ...(agent && { agent_id: agent.agent_id, name: agent.name }),
    ...(bot_id && { bot_id }),
    ...(text !== null && { text }),
    ...(data ? { data } : {}),
    ...(client_key && { id: client_key }),
  };
}

/** What the end of a log says about who owes whom an answer. */
export interface Owed {
  unread: number;
  /** Since when the client waits for an answer; undefined when none is owed. */
  since: number | undefined;
  last: AgentEvent | undefined;
  /** The part that is here is too short to know `since`. */
  isCut: boolean;
}

export function owed(events: readonly AgentEvent[], agentRead: number): Owed {
  let unread = 0;
  let since: number | undefined;
  let last: AgentEvent | undefined;
  let isAnswered = false;
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i]!;
    if (isAnswered && event.seq <= agentRead) break;
    if (event.kind === "started" && since === undefined && !last) since = event.at;
    if (event.kind !== "message") continue;
    last ??= event;
    if (event.by === "client") {
      if (!isAnswered) since = event.at;
      if (event.seq > agentRead) unread++;
    } else if (event.by !== "system") {
      isAnswered = true;
    }
  }
  return { unread, since, last, isCut: !isAnswered && events[0]?.kind !== "started" };
}
