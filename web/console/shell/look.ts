import { MediaQuery } from "svelte/reactivity";
import type { Language } from "../texts.svelte";

export const THEMES = ["system", "light", "dark"] as const;

/** Each as it calls itself. */
export const LANGUAGE_NAMES: Record<Language, string> = { pl: "Polski", en: "English" };

/** The rail stands at the side; otherwise it is a bar below. */
export const isWide = new MediaQuery("min-width: 48rem");
