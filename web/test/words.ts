/** The words that a page shows, in either language: what a person looks for on it. */
import english from "../../locales/en.json";
import polish from "../../locales/pl.json";

export type Language = "pl" | "en";
type Word = keyof typeof english.chat;

export const LANGUAGES: Language[] = ["pl", "en"];
export const LOCALES = { pl: "pl-PL", en: "en-GB" } as const;

/** The catalogue is read as a person does: what is not there is no word. */
const CATALOGUES: Record<Language, Record<string, Record<string, string>>> = { pl: polish, en: english };

export class Words {
  constructor(readonly language: Language) {}

  /** Of the chat. */
  t(word: Word, values: Record<string, string | number> = {}): string {
    return this.#text("chat", word, values);
  }

  /** Of the loader: the bubble and the frame. */
  loader(word: "open" | "close" | "frame" | "unread", values: Record<string, string | number> = {}): string {
    return this.#text("widget", word, values);
  }

  /** What the demo's script says. */
  script(word: "hello" | "hours" | "bye"): string {
    return this.#text("demo", word, {});
  }

  /** What stands before and after the first value that differs. */
  like(word: Word): RegExp {
    const text = CATALOGUES[this.language]["chat"]?.[word] ?? word;
    const plain = text.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(plain.join(".+"));
  }

  #text(section: string, word: string, values: Record<string, string | number>): string {
    const text = CATALOGUES[this.language][section]?.[word];
    if (text === undefined) throw new Error(`no word ${section}.${word}`);
    return text.replace(/\{(\w+)\}/g, (_, name: string) => `${values[name] ?? ""}`);
  }
}
