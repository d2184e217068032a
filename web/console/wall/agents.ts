import type { WallAgent } from "./board.svelte";

/** First name and surname, else the login. */
export function nameOf({ name, surname, login }: WallAgent): string {
  return `${name} ${surname}`.trim() || login;
}

export type Status = "free" | "paused" | "off";

export function statusOf({ status }: WallAgent): Status {
  return status as Status;
}
