/** What is searched for, as it stands in the address: whoever gets the link sees the same. */
import { folded } from "../kit/choices";

export const FILTERS = [
  "date_from",
  "date_to",
  "chat_queue_id",
  "user_login",
  "status",
  "topic_id",
  "tag_id",
] as const;

export type Filter = (typeof FILTERS)[number];
export type Wanted = { q: string } & Record<Filter, string>;

export function wantedOf(query: URLSearchParams): Wanted {
  const values = ["q", ...FILTERS].map((name) => [name, query.get(name) ?? ""]);
  return Object.fromEntries(values) as Wanted;
}

/** Whether there is a word that could be found. */
export function hasWords(q: string): boolean {
  return /[\p{L}\d]/u.test(folded(q));
}

export function filtersSet(wanted: Wanted): Filter[] {
  return FILTERS.filter((name) => wanted[name] !== "");
}

/** Without words there is the list of closed conversations, which knows only these. */
export function isHistory(wanted: Wanted, isSupervisor: boolean): boolean {
  const known: Filter[] = isSupervisor ? ["chat_queue_id", "user_login"] : ["chat_queue_id"];
  return !hasWords(wanted.q) && filtersSet(wanted).every((name) => known.includes(name));
}

/** As the server is asked; the last day counts to its end. */
export function parametersOf(wanted: Wanted): Record<string, string> {
  const { q, date_to, ...rest } = wanted;
  return { q: q.trim(), ...rest, date_to: date_to && `${date_to} 23:59:59` };
}
