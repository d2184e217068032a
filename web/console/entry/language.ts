/** The language that was chosen by hand before signing in. */
import { type Language, speak } from "../texts.svelte";

let chosen: Language | undefined;

export function choose(language: Language): void {
  chosen = language;
  void speak(language);
}

export function chosenLanguage(): Language | undefined {
  return chosen;
}
