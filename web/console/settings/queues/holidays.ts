/** Poland's public holidays, by the law on days free from work, as the server counts them. */
import type { Key } from "../../texts.svelte";

export interface Holiday {
  /** `2026-12-24` */
  date: string;
  name: Extract<Key, `queues.holiday_${string}`>;
}

const FIXED: readonly [date: string, name: Holiday["name"]][] = [
  ["01-01", "queues.holiday_new_year"],
  ["01-06", "queues.holiday_epiphany"],
  ["05-01", "queues.holiday_labour"],
  ["05-03", "queues.holiday_constitution"],
  ["08-15", "queues.holiday_assumption"],
  ["11-01", "queues.holiday_saints"],
  ["11-11", "queues.holiday_independence"],
  ["12-25", "queues.holiday_christmas"],
  ["12-26", "queues.holiday_christmas_second"],
];

/** Days after Easter. */
const MOVING: readonly [after: number, name: Holiday["name"]][] = [
  [0, "queues.holiday_easter"],
  [1, "queues.holiday_easter_monday"],
  [49, "queues.holiday_pentecost"],
  [60, "queues.holiday_corpus_christi"],
];

/** Since then Christmas Eve is one, too. */
const EVE_SINCE = 2025;

/** In the order of the year. */
export function polishHolidays(year: number): Holiday[] {
  const holidays = FIXED.map(([date, name]): Holiday => ({ date: `${year}-${date}`, name }));
  for (const [after, name] of MOVING) holidays.push({ date: dayAfter(easter(year), after), name });
  if (year >= EVE_SINCE) holidays.push({ date: `${year}-12-24`, name: "queues.holiday_eve" });
  return holidays.sort((one, other) => (one.date < other.date ? -1 : 1));
}

/** Sunday of Easter by the Gregorian calendar: the anonymous algorithm of 1876. */
export function easter(year: number): string {
  const part = (of: number, by: number) => Math.floor(of / by);
  const a = year % 19;
  const b = part(year, 100);
  const c = year % 100;
  const g = part(b - part(b + 8, 25) + 1, 3);
  const h = (19 * a + b - part(b, 4) - g + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * part(c, 4) - h - (c % 4)) % 7;
  const m = part(a + 11 * h + 22 * l, 451);
  const n = h + l - 7 * m + 114;
  return dateOf(new Date(Date.UTC(year, part(n, 31) - 1, (n % 31) + 1)));
}

function dayAfter(date: string, days: number): string {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return dateOf(day);
}

function dateOf(day: Date): string {
  return day.toISOString().slice(0, 10);
}
