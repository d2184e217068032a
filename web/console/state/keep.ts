/** What this browser keeps. A browser that refuses keeps nothing, and everything else works. */

const PREFIX = "rozmowa.";

export function read<T>(name: string): T | undefined {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

export function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Full or refused: it lasts as long as the page.
  }
}

export function forget(name: string): void {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // There was nothing.
  }
}

/** What is kept so, of that shape: anything else is of no use to anybody, and goes. */
export function readIf<T>(name: string, isSo: (kept: Partial<T>) => boolean): T | undefined {
  const kept = read<Partial<T> | string | number>(name);
  if (typeof kept === "object" && kept && isSo(kept)) return kept as T;
  forget(name);
  return undefined;
}

/** All that is kept under names that begin so, without that beginning. */
export function names(beginning: string): string[] {
  try {
    const whole = PREFIX + beginning;
    return Object.keys(localStorage)
      .filter((name) => name.startsWith(whole))
      .map((name) => name.slice(PREFIX.length));
  } catch {
    return [];
  }
}
