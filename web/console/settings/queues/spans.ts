/** Working hours as they are edited, and as they are stored. */
import type { Span } from "./queue.svelte";

const DAY = 24 * 60;

/** Both as `09:00`; the end of the day is `00:00`. */
export interface Typed {
  from: string;
  until: string;
}

export const OFFICE: Typed = { from: "09:00", until: "17:00" };

export function typed({ from_minute, until_minute }: Span): Typed {
  return { from: clock(from_minute), until: clock(until_minute % DAY) };
}

export function spanOf({ from, until }: Typed): Span {
  return { from_minute: minute(from), until_minute: minute(until) || DAY };
}

export function clock(minute: number): string {
  const two = (count: number) => String(count).padStart(2, "0");
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** As people type it: `9`, `930`, `9.30`, `5 pm`. Empty when it is no time. */
export function timeOf(text: string): string {
  const found = /^(\d{1,2}?)[:.,h ]?(\d{2})?\s*(am|pm)?$/i.exec(text.trim());
  if (!found) return "";
  const [, hour = "", minutes = "0", half = ""] = found;
  const isLate = half.toLowerCase() === "pm";
  const hours = half ? (Number(hour) % 12) + (isLate ? 12 : 0) : Number(hour);
  if (hours > 24 || Number(minutes) > 59 || hours * 60 + Number(minutes) > DAY) return "";
  return clock((hours * 60 + Number(minutes)) % DAY);
}

function minute(text: string): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * 60 + minutes;
}

export function isWhole({ from, until }: Typed): boolean {
  return from !== "" && until !== "";
}

/** From midnight, or the same twice: a whole day and night. */
export function isRound({ from, until }: Typed): boolean {
  return isWhole({ from, until }) && from === until;
}

export function endsNextDay({ from, until }: Typed): boolean {
  return isWhole({ from, until }) && until <= from && until !== "00:00";
}

/** Some of them are open at the same time; a day's end may reach into the morning after. */
export function overlap(spans: readonly Typed[]): boolean {
  const sorted = spans
    .filter(isWhole)
    .map(spanOf)
    .map(({ from_minute, until_minute }) => ({
      from: from_minute,
      until: until_minute > from_minute ? until_minute : until_minute + DAY,
    }))
    .sort((one, other) => one.from - other.from);
  return sorted.some((span, at) => at > 0 && span.from < sorted[at - 1]!.until);
}
