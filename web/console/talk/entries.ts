/** What a thread shows of a log and of what is on its way there, one below the other. */
import type { AgentEvent, FileShown } from "../../shared/protocol";
import type { How, Pending } from "../state/outbox.svelte";

/** Something that a person or a bot has said. */
export interface Saying {
  type: "saying";
  key: string;
  how: How;
  by: "client" | "agent" | "bot" | "system";
  agentId: number | undefined;
  name: string | undefined;
  /** Undefined when it was erased. */
  text: string | undefined;
  files: readonly FileShown[];
  at: number;
  /** Undefined as long as it is not in the log. */
  seq: number | undefined;
  pending: Pending | undefined;
  /** Whether it begins, and whether it ends, what one has said in a row. */
  isFirst: boolean;
  isLast: boolean;
}

export type Entry =
  | { type: "day"; key: string; at: number }
  | { type: "unread"; key: string }
  | { type: "line"; key: string; event: AgentEvent }
  | Saying;

/** What is said within that, by the same one, stands together. */
const TOGETHER_MS = 5 * 60_000;
const SAID: Record<string, How> = { message: "reply", note: "note", whisper: "whisper" };

export interface Around {
  /** Up to here it was read when the thread was opened. */
  readUpTo: number;
  me: number;
  /** The log is here from its start. */
  isWhole: boolean;
}

export function entries(
  events: readonly AgentEvent[],
  pending: readonly Pending[],
  { readUpTo, me, isWhole }: Around,
): Entry[] {
  const shown: Entry[] = [];
  let day = "";
  let last: Saying | undefined;
  let isMarked = false;

  const dayOf = (at: number) => {
    const date = new Date(at).toDateString();
    if (date === day) return;
    // Of a day whose beginning is not here nothing is said.
    if (day || isWhole) shown.push({ type: "day", key: `day ${date}`, at });
    day = date;
    last = undefined;
  };
  const say = (one: Saying) => {
    const isSame = last && last.how === one.how && last.by === one.by && last.agentId === one.agentId;
    one.isFirst = !(isSame && one.at - last!.at < TOGETHER_MS);
    if (!one.isFirst && last) last.isLast = false;
    shown.push(one);
    last = one;
  };

  for (const event of events) {
    const at = event.at ?? 0;
    dayOf(at);
    const how = SAID[event.kind ?? ""];
    if (!how) {
      shown.push({ type: "line", key: `${event.seq}`, event });
      last = undefined;
      continue;
    }
    if (!isMarked && how === "reply" && event.by === "client" && readUpTo > 0 && event.seq > readUpTo) {
      isMarked = true;
      shown.push({ type: "unread", key: "unread" });
      last = undefined;
    }
    say({
      type: "saying",
      key: event.id ?? `${event.seq}`,
      how,
      by: event.by ?? "system",
      agentId: event.agent_id,
      name: event.name,
      text: event.text,
      files: event.data?.files ?? [],
      at,
      seq: event.seq,
      pending: undefined,
      isFirst: true,
      isLast: true,
    });
  }
  for (const one of pending) {
    dayOf(Math.max(one.at, last?.at ?? 0));
    say({
      type: "saying",
      key: one.id,
      how: one.how,
      by: "agent",
      agentId: me,
      name: undefined,
      text: one.text,
      files: one.files,
      at: one.at,
      seq: undefined,
      pending: one,
      isFirst: true,
      isLast: true,
    });
  }
  return shown;
}
