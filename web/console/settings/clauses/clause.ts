/** Clauses by name: the version that counts, and those before. */
import type { Schemas } from "../../state/api";

export type Clause = Schemas["Clause"];

export interface Versions {
  name: string;
  newest: Clause;
  /** The newest first. */
  earlier: Clause[];
}

export function byName(clauses: readonly Clause[]): Versions[] {
  const names = new Map<string, Clause[]>();
  for (const clause of clauses.toSorted((one, other) => other.version - one.version)) {
    names.set(clause.name, [...(names.get(clause.name) ?? []), clause]);
  }
  return [...names].flatMap(([name, [newest, ...earlier]]) => (newest ? [{ name, newest, earlier }] : []));
}
