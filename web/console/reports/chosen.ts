/** What is reported, as it stands in the address: whoever gets the link sees the same. */
import { isDay, lastDays, type Step, STEPS } from "./periods";

export interface Chosen {
  date_from: string;
  date_to: string;
  aggregate_by: Step;
  /** None: all. */
  chat_queue_ids: string[];
  user_logins: string[];
  /** A line for each agent, or all in one. */
  is_by_agent: boolean;
  /** Seconds within which an answer is in time. */
  response_threshold: number;
}

export const THRESHOLD = 20;
export const THRESHOLD_MAX = 86_400;
/** Days that are shown to whoever has chosen none, today the last. */
const DAYS = 7;

/** What stands in the address and means nothing is as if it did not stand there. */
export function chosenOf(query: URLSearchParams, today: string): Chosen {
  const [from, to] = [query.get("date_from") ?? "", query.get("date_to") ?? ""];
  const [first, last] = lastDays(today, DAYS);
  const hasDays = isDay(from) && isDay(to);
  const by = query.get("aggregate_by");
  const seconds = Number(query.get("response_threshold") ?? THRESHOLD);
  const isThreshold = Number.isInteger(seconds) && seconds >= 0 && seconds <= THRESHOLD_MAX;
  return {
    date_from: hasDays ? from : first,
    date_to: hasDays ? to : last,
    aggregate_by: STEPS.find((step) => step === by) ?? "day",
    chat_queue_ids: listOf(query.get("chat_queue_ids")).filter((id) => /^\d+$/.test(id)),
    user_logins: listOf(query.get("user_logins")),
    is_by_agent: query.get("by_agent") === "1",
    response_threshold: isThreshold ? seconds : THRESHOLD,
  };
}

export function addressOf(chosen: Chosen): Record<string, string> {
  return {
    date_from: chosen.date_from,
    date_to: chosen.date_to,
    aggregate_by: chosen.aggregate_by,
    chat_queue_ids: chosen.chat_queue_ids.join(),
    user_logins: chosen.user_logins.map(encodeURIComponent).join(),
    by_agent: chosen.is_by_agent ? "1" : "",
    response_threshold: chosen.response_threshold === THRESHOLD ? "" : `${chosen.response_threshold}`,
  };
}

/** As the server is asked. */
export function parametersOf({ is_by_agent, chat_queue_ids, ...rest }: Chosen) {
  return { ...rest, chat_queue_ids: chat_queue_ids.map(Number), sum_users: !is_by_agent };
}

function listOf(text: string | null): string[] {
  return (text ?? "").split(",").filter(Boolean).map(decoded);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
