/** What is wrong with what was typed, before the server is asked. */
import { durationOf } from "../../formats";
import { t } from "../../texts.svelte";

const SECOND_MS = 1_000;
const ORIGIN = /^https?:\/\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i;

/** Seconds; 0 is never, and always all right where it may be said. */
export function lasting(least: number, most: number) {
  return (seconds: number | null) =>
    seconds !== null && (seconds === 0 || least <= seconds) && seconds <= most && (seconds > 0 || least === 0)
      ? undefined
      : t("queues.bad_duration", {
          least: durationOf(Math.max(least, 1) * SECOND_MS),
          most: durationOf(most * SECOND_MS),
        });
}

/** One a line. */
export function areOrigins(text: string): string | undefined {
  const wrong = linesOf(text).find((line) => !ORIGIN.test(line));
  return wrong && t("queues.bad_origin", { origin: wrong });
}

export function linesOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim().replace(/\/$/, ""));
  return [...new Set(lines.filter(Boolean))];
}

export function isColor(text: string): string | undefined {
  return /^#[0-9a-f]{6}$/i.test(text.trim()) ? undefined : t("queues.bad_color");
}
