/** What another system tells of a customer: JSON in whatever words it likes. */

export interface Told {
  key: string;
  value: string;
}

function written(value: unknown): string {
  if (value === null) return "—";
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((one) => typeof one !== "object"))
    return value.map(String).join(", ");
  return typeof value === "object" ? JSON.stringify(value, undefined, 2) : String(value);
}

/** An object by its members, anything else, and one of none, as a text. */
export function payloadOf(json: string): Told[] | string {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return json;
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject || Object.keys(value as object).length === 0) return written(value);
  return Object.entries(value as object).map(([key, it]) => ({ key, value: written(it) }));
}
