/** What is different between two things, place by place. */

export interface Difference {
  /** Where: `widget › color`. */
  place: string[];
  was: unknown;
  becomes: unknown;
}

const isThing = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Nothing, whichever way it is said. */
export function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

export function differences(was: unknown, becomes: unknown, place: string[] = []): Difference[] {
  if (JSON.stringify(was) === JSON.stringify(becomes)) return [];
  if ((isThing(was) || isNothing(was)) && (isThing(becomes) || isNothing(becomes))) {
    const names = new Set([...Object.keys(was ?? {}), ...Object.keys(becomes ?? {})]);
    const within = [...names].flatMap((name) => {
      const [one, other] = [was, becomes].map((it) => (isThing(it) ? it[name] : undefined));
      return differences(one, other, [...place, name]);
    });
    if (names.size > 0) return within;
  }
  return isNothing(was) && isNothing(becomes) ? [] : [{ place, was, becomes }];
}
