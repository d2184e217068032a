/** What a row of a report says, as numbers. */
import { clockOf, numberOf, percentOf } from "../formats";
import type { Schemas } from "../state/api";
import { t } from "../texts.svelte";

export type Report = Schemas["Report"];
export type Row = Report["total"];

export const NOTHING = "–";

/** Of `HH:MM:SS`; hours may pass 24. */
export function msOf(time: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * 1_000;
}

/** How long an answer took; null where nobody was answered. */
export function waitOf(row: Row, which: "avg" | "max" | "min" = "avg"): number | null {
  return row.answered > 0 ? msOf(row.wait_time[which]) : null;
}

/** How long conversations went on from there; null where none of them has ended. */
export function talkOf(row: Row, which: "avg" | "max" | "sum" = "avg"): number | null {
  return msOf(row.chat_time.sum) > 0 ? msOf(row.chat_time[which]) : null;
}

/** Neither answered nor abandoned: open, or a bot's. */
export function restOf({ incoming, answered, abandoned }: Row): number {
  return Math.max(0, incoming - answered - abandoned);
}

export function ratedOf({ rating: { rate } }: Row): number {
  return rate.sad + rate.neutral + rate.happy;
}

/** Of those who have rated, those who are happy; null where nobody has. */
export function happyOf(row: Row): number | null {
  const rated = ratedOf(row);
  return rated > 0 ? row.rating.rate.happy / rated : null;
}

/** Answered in time, of all that came in. */
export function inTimeOf(row: Row): number | null {
  return row.incoming > 0 ? row.sla_percent / 100 : null;
}

export function answeredOf(row: Row): number | null {
  return row.incoming > 0 ? row.service_level_percent / 100 : null;
}

export const shownTime = (ms: number | null) => (ms === null ? NOTHING : clockOf(ms));
export const shownShare = (share: number | null) => (share === null ? NOTHING : percentOf(share));

/** What cells of tables say, by the name of the column. */
export const CELLS = {
  incoming: (row) => numberOf(row.incoming),
  answered: (row) => numberOf(row.answered),
  abandoned: (row) => numberOf(row.abandoned),
  rest: (row) => numberOf(restOf(row)),
  in_time: (row) => shownShare(inTimeOf(row)),
  wait: (row) => shownTime(waitOf(row)),
  wait_least: (row) => shownTime(waitOf(row, "min")),
  wait_most: (row) => shownTime(waitOf(row, "max")),
  talk: (row) => shownTime(talkOf(row)),
  talk_most: (row) => shownTime(talkOf(row, "max")),
  talk_sum: (row) => shownTime(talkOf(row, "sum")),
  happy: (row) => numberOf(row.rating.rate.happy),
  neutral: (row) => numberOf(row.rating.rate.neutral),
  sad: (row) => numberOf(row.rating.rate.sad),
  happy_share: (row) => shownShare(happyOf(row)),
} satisfies Record<string, (row: Row) => string>;

export type CellKey = keyof typeof CELLS;

/** Whose they are; what is nobody's says so. */
export function agentName(row: Row): string {
  return row.user_name || t("reports.nobody");
}
