/** What the chat says where nothing else is set: its own texts, in both languages. */
import type { Texts } from "./queue.svelte";

type Catalogue = Record<string, string>;

let texts = $state.raw<Record<"pl" | "en", Catalogue>>({ pl: {}, en: {} });

async function load() {
  const [pl, en] = await Promise.all([import("texts:pl"), import("texts:en")]);
  texts = { pl: pl.default, en: en.default };
}

// Without them only a placeholder is missing.
load().catch(() => undefined);

export function shipped(key: string): Texts {
  return { pl: texts.pl[key] ?? "", en: texts.en[key] ?? "" };
}
