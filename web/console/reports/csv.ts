/** Tables as files for spreadsheets. */
import { t } from "../texts.svelte";
import type { Row } from "./rows";

/** By this, Excel takes the file for UTF-8. */
const BOM = "\uFEFF";

/** With `;`, as spreadsheets want it where numbers have a comma. */
export function csvOf(rows: readonly (readonly (string | number)[])[]): string {
  return BOM + rows.map((row) => `${row.map(fieldOf).join(";")}\r\n`).join("");
}

/** A text with which a formula could begin is made one that can't: names are what people have typed. */
function fieldOf(value: string | number): string {
  const text = typeof value === "string" ? value.replace(/^[=+\-@\t\r]/, "'$&") : `${value}`;
  return /[;"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What there is of every row: whole numbers, percentages without a sign, times as `HH:MM:SS`. */
const COLUMNS = [
  ["incoming", (row) => row.incoming],
  ["incoming_all", (row) => row.incoming_including_empty],
  ["to_agent", (row) => row.incoming_to_agent],
  ["answered", (row) => row.answered],
  ["abandoned", (row) => row.abandoned],
  ["to_bot", (row) => row.incoming_to_bot],
  ["from_bot", (row) => row.transferred_by_bot],
  ["bot_finished", (row) => row.finished_by_bot],
  ["answered_percent", (row) => row.service_level_percent],
  ["in_time_percent", (row) => row.sla_percent],
  ["wait", (row) => row.wait_time.avg],
  ["wait_least", (row) => row.wait_time.min],
  ["wait_most", (row) => row.wait_time.max],
  ["wait_sum", (row) => row.wait_time.sum],
  ["talk", (row) => row.chat_time.avg],
  ["talk_least", (row) => row.chat_time.min],
  ["talk_most", (row) => row.chat_time.max],
  ["talk_sum", (row) => row.chat_time.sum],
  ["happy", (row) => row.rating.rate.happy],
  ["neutral", (row) => row.rating.rate.neutral],
  ["sad", (row) => row.rating.rate.sad],
] as const satisfies [string, (row: Row) => string | number][];

/** `first` are the columns that say which row it is. */
export function csvOfRows(
  rows: readonly Row[],
  first: readonly { label: string; of: (row: Row, at: number) => string }[],
): string {
  const head = [...first.map(({ label }) => label), ...COLUMNS.map(([key]) => t(`reports.${key}`))];
  const lines = rows.map((row, at) => [
    ...first.map(({ of }) => of(row, at)),
    ...COLUMNS.map(([, of]) => of(row)),
  ]);
  return csvOf([head, ...lines]);
}

/** Hands it over as a file. */
export function download(name: string, text: string, type = "text/csv"): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(url));
}
