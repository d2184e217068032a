/** Periods of a report: which there are, and what they are called. Days are those of the installation's clock, and have no zone here. */
import { dates } from "../formats";

export const STEPS = ["hour_of_day", "minute", "hour", "day", "week", "month", "year"] as const;
export type Step = (typeof STEPS)[number];

export const PRESETS = [
  "today",
  "yesterday",
  "last_7_days",
  "this_month",
  "last_month",
  "this_year",
] as const;
export type Preset = (typeof PRESETS)[number];

/** The step that says something of it. */
export const STEP_OF: Record<Preset, Step> = {
  today: "hour",
  yesterday: "hour",
  last_7_days: "day",
  this_month: "day",
  last_month: "day",
  this_year: "month",
};

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** More than a chart could show. */
const PERIODS_MAX = 2_000;

export function todayIn(zone: string, now = Date.now()): string {
  const parts = { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" } as const;
  return new Intl.DateTimeFormat("en-CA", parts).format(now);
}

export function isDay(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && text === dayText(Date.parse(text))
  );
}

export function lastDays(today: string, days: number): [string, string] {
  return [dayText(Date.parse(today) - (days - 1) * DAY), today];
}

/** From the first to the last day of it, as far as it has come. */
export function daysOf(preset: Preset, today: string): [string, string] {
  const month = today.slice(0, 7);
  switch (preset) {
    case "today":
      return [today, today];
    case "yesterday": {
      const day = dayText(Date.parse(today) - DAY);
      return [day, day];
    }
    case "last_7_days":
      return lastDays(today, 7);
    case "this_month":
      return [`${month}-01`, today];
    case "last_month": {
      const last = dayText(Date.parse(`${month}-01`) - DAY);
      return [`${last.slice(0, 7)}-01`, last];
    }
    case "this_year":
      return [`${today.slice(0, 4)}-01-01`, today];
  }
}

/** Undefined: days of somebody's own choice. */
export function presetOf(from: string, to: string, today: string): Preset | undefined {
  return PRESETS.find((preset) => daysOf(preset, today).join() === [from, to].join());
}

/** All periods between two days, also those in which nothing was; undefined when there are too many to be shown. */
export function periodsOf(from: string, to: string, step: Step): string[] | undefined {
  const [first, last] = [Date.parse(from), Date.parse(to) + DAY];
  if (step === "hour_of_day") return Array.from({ length: 24 }, (_, hour) => `${hour}`.padStart(2, "0"));
  const found: string[] = [];
  for (let at = beginOf(first, step); at < last; at = nextOf(at, step)) {
    if (found.length === PERIODS_MAX) return undefined;
    found.push(seriesOf(at, step));
  }
  // The week in which the first day is begins before it: it is the first all the same.
  return found;
}

function beginOf(at: number, step: Step): number {
  const date = new Date(at);
  if (step === "week") return at - ((date.getUTCDay() + 6) % 7) * DAY;
  if (step === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  if (step === "year") return Date.UTC(date.getUTCFullYear(), 0);
  return at;
}

function nextOf(at: number, step: Step): number {
  const date = new Date(at);
  if (step === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
  if (step === "year") return Date.UTC(date.getUTCFullYear() + 1, 0);
  const lengths = { minute: HOUR / 60, hour: HOUR, day: DAY, week: 7 * DAY } as const;
  return at + lengths[step as keyof typeof lengths];
}

/** As the server calls it. */
function seriesOf(at: number, step: Step): string {
  const text = new Date(at).toISOString();
  if (step === "minute") return text.slice(0, 16).replace("T", " ");
  if (step === "hour") return text.slice(0, 13).replace("T", " ");
  if (step === "day") return text.slice(0, 10);
  if (step === "month") return text.slice(0, 7);
  if (step === "year") return text.slice(0, 4);
  // A week is of the year in which its Thursday is.
  const thursday = at + 3 * DAY;
  const year = new Date(thursday).getUTCFullYear();
  const week = Math.floor((thursday - Date.UTC(year, 0)) / (7 * DAY)) + 1;
  return `${year}-W${`${week}`.padStart(2, "0")}`;
}

/** When it begins. */
function momentOf(series: string, step: Step): number {
  if (step === "hour_of_day") return Number(series) * HOUR;
  if (step === "hour") return Date.parse(`${series.replace(" ", "T")}:00Z`);
  if (step === "minute") return Date.parse(`${series.replace(" ", "T")}Z`);
  if (step === "week") {
    const [year = 0, week = 1] = series.split("-W").map(Number);
    // The fourth of January is always in the first week.
    return beginOf(Date.UTC(year, 0, 4), "week") + (week - 1) * 7 * DAY;
  }
  return Date.parse(series);
}

const UTC = { timeZone: "UTC" } as const;
const TIME = { ...UTC, hour: "2-digit", minute: "2-digit" } as const;

/** In full, for a table; which year it is may be known. */
export function nameOf(series: string, step: Step, isYearKnown: boolean): string {
  const at = momentOf(series, step);
  const day: Intl.DateTimeFormatOptions = { ...UTC, day: "numeric", month: "short" };
  if (!isYearKnown) day.year = "numeric";
  const kind = isYearKnown ? "report of a year" : "report";
  switch (step) {
    case "hour_of_day":
      return dates("report time", TIME).formatRange(at, at + HOUR);
    case "minute":
      return dates(`${kind} minute`, { ...day, ...TIME }).format(at);
    case "hour":
      return dates(`${kind} minute`, { ...day, ...TIME }).formatRange(at, at + HOUR);
    case "day":
      return dates(`${kind} day`, { ...day, weekday: "short" }).format(at);
    case "week":
      return dates(`${kind} week`, day).formatRange(at, at + 6 * DAY);
    case "month":
      return dates("report month", { ...UTC, month: "long", year: "numeric" }).format(at);
    case "year":
      return series;
  }
}

/** Under a chart, where there is little room; `isOneDay`: which day it is is known. */
export function shortNameOf(series: string, step: Step, isOneDay: boolean): string {
  const at = momentOf(series, step);
  const day = { ...UTC, day: "numeric", month: "short" } as const;
  if (step === "hour_of_day" || (isOneDay && (step === "hour" || step === "minute")))
    return dates("report time", TIME).format(at);
  if (step === "hour" || step === "minute") return dates("report hour", { ...day, ...TIME }).format(at);
  if (step === "day" || step === "week") return dates("report short", day).format(at);
  if (step === "month")
    return dates("report short month", { ...UTC, month: "short", year: "numeric" }).format(at);
  return series;
}

export function isOneYear(from: string, to: string): boolean {
  return from.slice(0, 4) === to.slice(0, 4);
}

/** The days of a report, in words. */
export function spanOf(from: string, to: string): string {
  const day = { ...UTC, day: "numeric", month: "short", year: "numeric" } as const;
  return dates("report week", day).formatRange(Date.parse(from), Date.parse(to));
}

function dayText(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
