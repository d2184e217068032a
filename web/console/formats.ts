/** Times, spans, sizes and numbers as people write them where they are. */
import { spoken, t } from "./texts.svelte";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const SPANS = [
  ["day", DAY],
  ["hour", HOUR],
  ["minute", MINUTE],
  ["second", SECOND],
] as const;

const formats = new Map<string, Intl.DateTimeFormat>();

/** 14:05 in London, 2:05 PM in Boston. */
export function locale(): string {
  return navigator.languages.find((it) => it.startsWith(spoken())) ?? spoken();
}

/** Making one takes longer than using it a hundred times. */
export function dates(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} ${name}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale(), options);
  formats.set(key, known);
  return known;
}

export function timeOf(at: number): string {
  return dates("time", { hour: "2-digit", minute: "2-digit" }).format(at);
}

export function dateOf(at: number): string {
  return dates("date", { day: "numeric", month: "short", year: "numeric" }).format(at);
}

export function dateTimeOf(at: number): string {
  return dates("both", { dateStyle: "medium", timeStyle: "short" }).format(at);
}

/** The day as a heading of what happened then. */
export function dayOf(at: number, now = Date.now()): string {
  const days = daysBetween(at, now);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  const isOfThisYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  const options = { weekday: "long", day: "numeric", month: "long" } as const;
  if (isOfThisYear) return dates("day", options).format(at);
  return dates("day of a year", { ...options, year: "numeric" }).format(at);
}

/** In a list: the time of today, the day of this year, else the date. */
export function shortOf(at: number, now = Date.now()): string {
  if (daysBetween(at, now) === 0) return timeOf(at);
  if (new Date(at).getFullYear() !== new Date(now).getFullYear()) return dateOf(at);
  return dates("short", { day: "numeric", month: "short" }).format(at);
}

/** “5 minutes ago”, “in 2 days”. */
export function agoOf(at: number, now = Date.now()): string {
  const passed = at - now;
  const [unit, length] = SPANS.find(([, it]) => Math.abs(passed) >= it) ?? ["second", SECOND];
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  return format.format(Math.round(passed / length), unit);
}

/** “2 min 5 s”, “3 h”: the two largest parts that there are. */
export function durationOf(ms: number): string {
  let rest = Math.max(0, Math.round(ms / SECOND)) * SECOND;
  const parts: string[] = [];
  for (const [unit, length] of SPANS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(unitOf(count, unit));
    if (parts.length === 2 || (parts.length === 1 && count === 0)) break;
  }
  return parts.join(" ") || unitOf(0, "second");
}

/** A wait that ticks: 0:07, 12:40, 1:02:03. */
export function clockOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (count: number) => `${count}`.padStart(2, "0");
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

export function unitOf(count: number, unit: string): string {
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }).format(count);
}

export function sizeOf(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const options = { style: "unit", unit: units[power], maximumFractionDigits: power > 1 ? 1 : 0 } as const;
  return new Intl.NumberFormat(locale(), options as Intl.NumberFormatOptions).format(bytes / 1000 ** power);
}

export function numberOf(count: number): string {
  return new Intl.NumberFormat(locale()).format(count);
}

/** Of a part of one: 0.25 is 25 %. */
export function percentOf(share: number): string {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 0 }).format(share);
}

export function listOf(names: string[]): string {
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(names);
}

/** As a dictionary orders them: ł after l. */
export function byName(one: string, other: string): number {
  return one.localeCompare(other, spoken(), { numeric: true, sensitivity: "base" });
}

function daysBetween(at: number, now: number): number {
  const midnight = (time: number) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((midnight(now) - midnight(at)) / DAY);
}
