/** What the console says: in the language of the account, else in that of the browser; changeable at any time. */
import { read, write } from "./state/keep";

type Catalogue = typeof import("../../locales/en.json");
type Section<S> = S extends keyof Catalogue ? keyof Catalogue[S] & string : never;
type Rooms = keyof Catalogue extends infer Name
  ? Name extends `console_${infer Room}`
    ? Room
    : never
  : never;

export type Language = "pl" | "en";
/** Of the section `console` as it is, of `console_queues` as `queues.key`. */
export type Key = Section<"console"> | { [R in Rooms]: `${R}.${Section<`console_${R}`>}` }[Rooms];
/** What has a form for each number: `key_one`, `key_few`, `key_many`, `key_other`. */
export type CountedKey = Key extends infer K ? (K extends `${infer Base}_other` ? Base : never) : never;
export type Values = Record<string, string | number>;

export const LANGUAGES: readonly Language[] = ["pl", "en"];
/** The chat keeps its own under another name: a widget may be shown in this same browser. */
const KEPT = "console.language";

const load = {
  pl: () => import("texts:console-pl"),
  en: () => import("texts:console-en"),
};
/** Of the views that are opened later. */
const loadLater = {
  pl: () => import("texts:later-pl"),
  en: () => import("texts:later-en"),
};

let texts = $state.raw<Record<string, string>>({});
let language = $state<Language>("en");

/** Before anybody has signed in: what was spoken here last, else what the browser prefers. */
export function preferred(): Language {
  const kept = read<string>(KEPT);
  const wanted = [kept, ...navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())];
  return LANGUAGES.find((one) => one === wanted.find((it) => it === "pl" || it === "en")) ?? "en";
}

let isAll = false;
let rest: Promise<void> | undefined;

/** To be awaited before anything is shown. */
export async function speak(wanted: Language = preferred()): Promise<void> {
  const first = (await load[wanted]()).default;
  // Whoever reads the rest already goes on reading it.
  const later = isAll ? (await loadLater[wanted]()).default : {};
  texts = { ...first, ...later };
  language = wanted;
  rest = undefined;
  write(KEPT, wanted);
  document.documentElement.lang = wanted;
}

/** To be awaited before a view is shown that is not the first. */
export function speakAll(): Promise<void> {
  const wanted = language;
  rest ??= loadLater[wanted]().then(
    ({ default: later }) => {
      isAll = true;
      if (wanted === language) texts = { ...texts, ...later };
    },
    (error: unknown) => {
      rest = undefined;
      throw error;
    },
  );
  return rest;
}

export function spoken(): Language {
  return language;
}

export function t(key: Key, values: Values = {}): string {
  return fill(texts[key] ?? key, values);
}

/** In the form that the number takes: 1 rozmowa, 2 rozmowy, 5 rozmów. The text may show the number as `{count}`. */
export function counted(key: CountedKey, count: number, values: Values = {}): string {
  const form = new Intl.PluralRules(language).select(count);
  const text = texts[`${key}_${form}`] ?? texts[`${key}_other`] ?? key;
  return fill(text, { count: new Intl.NumberFormat(language).format(count), ...values });
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
