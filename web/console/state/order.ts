/** In which order conversations stand in a list. */

export interface Ordered {
  id: string;
  unread: number;
  /** Since when the client waits for an answer. */
  owedSince: number | undefined;
  /** When something was said last. */
  saidAt: number;
}

/** Mine: what is unread first, then what is owed; in both who waits longest; then what moved last. */
export function order(a: Ordered, b: Ordered): number {
  return rank(a) - rank(b) || within(a) - within(b) || (a.id < b.id ? -1 : Number(a.id > b.id));
}

function rank({ unread, owedSince }: Ordered): number {
  if (unread > 0) return 0;
  return owedSince === undefined ? 2 : 1;
}

function within({ unread, owedSince, saidAt }: Ordered): number {
  return owedSince ?? (unread > 0 ? saidAt : -saidAt);
}

/**
 * What is shown while somebody points at the list or has the focus in it: nothing that was there moves or goes, and what is
 * new stands at the end.
 */
export function held(shown: readonly string[], wanted: readonly string[]): string[] {
  const there = new Set(shown);
  return [...shown, ...wanted.filter((id) => !there.has(id))];
}

export function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}
