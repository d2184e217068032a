import { spoken } from "./words.svelte";

/** A size in bytes, as people say it. */
export function sizeOf(bytes: number): string {
  const [value, unit] = bytes < 1e6 ? [Math.max(1, bytes / 1e3), "kilobyte"] : [bytes / 1e6, "megabyte"];
  return new Intl.NumberFormat(spoken(), {
    style: "unit",
    unit: unit as string,
    maximumFractionDigits: bytes < 1e6 ? 0 : 1,
  }).format(value as number);
}
