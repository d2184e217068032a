/** Canned answers: found by what is typed after a slash, and filled in. */
import { folded } from "../kit/choices";
import type { Schemas } from "../state/api";

export type Canned = Schemas["CannedAnswer"];

/** `{client_name|Państwu}`: what is known, else what stands behind the bar. */
export function filled(text: string, values: { client_name: string; agent_name: string }): string {
  return text.replace(
    /\{(client_name|agent_name)(?:\|([^{}\n]*))?\}/g,
    (_, name: keyof typeof values, instead: string | undefined) => values[name] || (instead ?? ""),
  );
}

/** What begins so comes first, then what has it somewhere. */
export function found(all: readonly Canned[], typed: string): Canned[] {
  const wanted = folded(typed);
  const rank = ({ shortcut, text }: Canned) => {
    const name = folded(shortcut);
    if (name.startsWith(wanted)) return 0;
    if (name.includes(wanted)) return 1;
    return folded(text).includes(wanted) ? 2 : 3;
  };
  const ranked = all.map((one) => ({ one, place: rank(one) })).filter(({ place }) => place < 3);
  ranked.sort((a, b) => a.place - b.place || a.one.shortcut.localeCompare(b.one.shortcut));
  return ranked.map(({ one }) => one);
}
