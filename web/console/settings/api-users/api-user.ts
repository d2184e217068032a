import type { Schemas } from "../../state/api";

export type ApiUser = Schemas["ApiUser"];

/** A day of the calendar of who looks, as a field of dates has it. */
export function dayOf(at: number): string {
  const date = new Date(at);
  const two = (count: number) => `${count}`.padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The last day on which it is good; empty when there is none. */
export function lastDayOf(expiresAt: number | null): string {
  return expiresAt === null ? "" : dayOf(expiresAt - 1);
}

/** The first moment after a day. */
export function endOf(day: string): number {
  const date = new Date(`${day}T00:00`);
  return date.setDate(date.getDate() + 1);
}

export function isOver({ expires_at }: ApiUser, now: number): boolean {
  return expires_at !== null && expires_at <= now;
}
