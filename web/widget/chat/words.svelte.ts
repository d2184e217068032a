/** Texts in the visitor's language, chosen by the browser and changeable by hand. */
import type { Texts } from "./door";
import { read, write } from "./keep";

export type Language = "pl" | "en";
export type Word = keyof (typeof import("../../../locales/en.json"))["chat"];
type Forms<W> = W extends `${infer Base}_other` ? Base : never;

let language = $state<Language>(preferred());
let texts = $state.raw<Record<string, string>>({});

function preferred(): Language {
  const kept = read<Language>("language");
  if (kept === "pl" || kept === "en") return kept;
  const first = navigator.languages
    .map((tag) => tag.slice(0, 2).toLowerCase())
    .find((it) => it === "pl" || it === "en");
  return (first as Language | undefined) ?? "en";
}

const load = {
  pl: () => import("texts:pl"),
  en: () => import("texts:en"),
};

/** To be awaited before anything is shown. */
export async function speak(wanted: Language = language): Promise<void> {
  texts = (await load[wanted]()).default;
  language = wanted;
  document.documentElement.lang = wanted;
}

export async function speakByHand(wanted: Language): Promise<void> {
  write("language", wanted);
  // Of a page from before an upgrade parts are missing.
  await speak(wanted).catch(() => location.reload());
}

export function spoken(): Language {
  return language;
}

export function t(word: Word, values: Record<string, string | number> = {}): string {
  return fill(texts[word] ?? word, values);
}

/** The form that a number takes: 1 czat, 2 czaty, 5 czatów. */
export function counted(word: Forms<Word>, count: number, type: Intl.PluralRuleType = "cardinal"): string {
  const form = new Intl.PluralRules(language, { type }).select(count);
  const text = texts[`${word}_${form}`] ?? texts[`${word}_other`] ?? word;
  return fill(text, { count: new Intl.NumberFormat(language).format(count) });
}

/** What the company has written: in the visitor's language, else in the other one. */
export function chosen({ pl, en }: Texts): string {
  return language === "pl" ? pl || en : en || pl;
}

function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** As people write it where the browser is from: 14:05 in London, 2:05 PM in Boston. */
export function timeOf(at: number): string {
  const tag = navigator.languages.find((it) => it.startsWith(language)) ?? language;
  return new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit" }).format(at);
}

/** The day and the time, as shortly as they are clear. */
export function whenOf(at: number): string {
  const day = new Date(at).toDateString();
  const time = timeOf(at);
  const now = Date.now();
  if (day === new Date(now).toDateString()) return t("today", { time });
  if (day === new Date(now + 86_400_000).toDateString()) return t("tomorrow", { time });
  const name = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" }).format(
    at,
  );
  return t("on_day", { day: name, time });
}
