/** How a wait looks: nothing much, soon too long, too long. */
export type Heat = "calm" | "soon" | "late";

/** From this part of the goal on somebody should hurry. */
const SOON = 0.5;

export function heatOf(waitedMs: number, goalSeconds: number): Heat {
  const part = waitedMs / (goalSeconds * 1_000);
  if (part >= 1) return "late";
  return part >= SOON ? "soon" : "calm";
}
