/** Values of custom fields, as people read them. */
import { dateOf, listOf, locale } from "../formats";
import { t } from "../texts.svelte";

/** `1980-05-17` as a date is written here; what is no day stays as it is. */
export function dayText(day: string): string {
  const at = Date.parse(`${day}T12:00:00`);
  return Number.isNaN(at) ? day : dateOf(at);
}

/** Longer than a number of this language can be: it stays as it is. */
const DIGITS_AT_MOST = 15;

function numberText(number: string): string {
  const fraction = number.split(".")[1]?.length ?? 0;
  if (number.replace(/\D/g, "").length > DIGITS_AT_MOST) return number;
  return new Intl.NumberFormat(locale(), {
    minimumFractionDigits: fraction,
    maximumFractionDigits: 20,
  }).format(Number(number));
}

/** Empty when there is none. */
export function valueText(kind: string, values: readonly string[]): string {
  const [first] = values;
  if (first === undefined) return "";
  if (kind === "date") return dayText(first);
  if (kind === "number") return numberText(first);
  if (kind === "yes_no") return t(first === "1" ? "customers.yes" : "customers.no");
  return kind === "list" ? listOf([...values]) : first;
}
