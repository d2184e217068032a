/** Where in the console somebody is: `#/mine/ID?…`. What is not saved holds them back until they say so. */
import { tick } from "svelte";

export interface Place {
  /** What stands behind `#/`, part by part, decoded. */
  path: string[];
  query: URLSearchParams;
}

type Guard = (to?: Place) => boolean;

const guards = new Set<Guard>();

let place = $state.raw(read(location.hash));
/** Where somebody wants to go who would lose something. */
let wanted = $state.raw<string>();
/** Where somebody may go although they lose something: once. */
let allowed: string | undefined;

function read(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** To be read as `here().path`; who reads it is told of changes. */
export function here(): Place {
  return place;
}

/** The address of a place, for a link. */
export function linkTo(
  path: string | readonly (string | number)[],
  query: Record<string, string> = {},
): string {
  const parts = typeof path === "string" ? path.split("/") : path.map(String);
  const found = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${parts.filter(Boolean).map(encodeURIComponent).join("/")}${found && `?${found}`}`;
}

export function go(path: string | readonly (string | number)[], query: Record<string, string> = {}): void {
  const hash = linkTo(path, query);
  // Whoever is there already wants to be led there again.
  if (hash === location.hash) place = read(hash);
  else location.hash = hash;
}

/** In place of the one before: the way back skips it. */
export function replace(
  path: string | readonly (string | number)[],
  query: Record<string, string> = {},
): void {
  history.replaceState(history.state, "", linkTo(path, query));
  place = read(location.hash);
}

/** `holds` tells whether leaving, or going somewhere, would lose something; gives what takes the guard away. */
export function guard(holds: Guard): () => void {
  guards.add(holds);
  return () => guards.delete(holds);
}

/** Whether something would be lost. */
export function isHeld(to?: Place): boolean {
  return [...guards].some((holds) => holds(to));
}

/** Asked for, and not gone yet: something would be lost. */
export function isLeaving(): boolean {
  return wanted !== undefined;
}

export function stay(): void {
  wanted = undefined;
}

export async function leave(): Promise<void> {
  const hash = wanted;
  wanted = undefined;
  if (hash === undefined) return;
  await tick();
  allowed = hash;
  location.hash = hash;
}

window.addEventListener("hashchange", (event) => {
  const { hash } = new URL(event.newURL);
  const isAllowed = hash === allowed;
  allowed = undefined;
  if (isAllowed || !isHeld(read(hash))) {
    place = read(location.hash);
    return;
  }
  wanted = hash;
  history.pushState(null, "", new URL(event.oldURL).hash || "#/");
});

window.addEventListener("beforeunload", (event) => {
  if (isHeld()) event.preventDefault();
});
