import type { Component } from "svelte";

/** One of a list to choose from. */
export interface Choice {
  value: string;
  label: string;
  /** Smaller, below. */
  hint?: string;
  isOff?: boolean;
  icon?: Component<{ size?: number | string }>;
}

/** Without case and accents, as people search. */
export function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("ł", "l").replaceAll("Ł", "L").toLowerCase();
}
