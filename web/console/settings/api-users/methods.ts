/** What API users may call: names of methods, and patterns with a `*` at the end. */

export const ALL = "*";
export const READING = "GET *";

export function isPattern(text: string): boolean {
  return text.endsWith("*");
}

export function covers(pattern: string, method: string): boolean {
  return isPattern(pattern) ? method.startsWith(pattern.slice(0, -1)) : pattern === method;
}

/** By what they are about: the first part of the path. */
export function grouped(methods: readonly string[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const method of methods) {
    const group = /^\S+ ([^/]+)/.exec(method)?.[1] ?? method;
    groups.set(group, [...(groups.get(group) ?? []), method]);
  }
  return [...groups];
}
