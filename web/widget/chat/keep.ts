/**
 * What this browser remembers, in the storage of our own origin: the host page can't read it. A browser that refuses to
 * keep anything is told to the visitor; everything else works without.
 */

import type { FileShown } from "../../shared/protocol";

/** The conversation that goes on after a reload and in other tabs. */
export interface Kept {
  token: string;
  /** Whom the page has named, if it has: it is not for the next one at the same browser. */
  whom?: string | undefined;
}

export interface KnownVisitor {
  /** Whom the page had named, if it had: another one has agreed to nothing. */
  whom?: string | undefined;
  name: string;
  email: string;
  /** `clause_id:version` of what was agreed to. */
  consents: string[];
  /** The same of what was shown. */
  asked: string[];
}

/** What was said and is not acknowledged yet. */
export interface Unsent {
  id: string;
  text: string;
  at: number;
  files: FileShown[];
}

const PREFIX = "rozmowa.";
const memory = new Map<string, string>();

function tryStorage(): Storage | undefined {
  try {
    localStorage.setItem(`${PREFIX}probe`, "1");
    localStorage.removeItem(`${PREFIX}probe`);
    return localStorage;
  } catch {
    return undefined;
  }
}

const storage = tryStorage();

export const isKept = storage !== undefined;

export function read<T>(name: string): T | undefined {
  try {
    const text = storage ? storage.getItem(PREFIX + name) : memory.get(name);
    return text ? (JSON.parse(text) as T) : undefined;
  } catch {
    return undefined;
  }
}

export function write(name: string, value: unknown): void {
  const text = JSON.stringify(value);
  try {
    if (storage) storage.setItem(PREFIX + name, text);
    else memory.set(name, text);
  } catch {
    // Full: it counts for this page only.
  }
}

export function forget(name: string): void {
  storage?.removeItem(PREFIX + name);
  memory.delete(name);
}

/** Another tab has written something, or forgotten it. */
export function onChange(changed: (name: string) => void): void {
  addEventListener("storage", ({ key }) => {
    if (key?.startsWith(PREFIX)) changed(key.slice(PREFIX.length));
  });
}

/** All names that begin so. */
export function names(prefix: string): string[] {
  const all = storage ? Object.keys(storage) : [...memory.keys()].map((name) => PREFIX + name);
  return all.filter((key) => key.startsWith(PREFIX + prefix)).map((key) => key.slice(PREFIX.length));
}
