/** What the console says is said in both languages, and nothing is there that nobody says. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { catalogue, textsOfConsole } from "../texts.mjs";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const PLURAL = /_(one|two|few|many|other)$/;

const english = textsOfConsole(catalogue("en"));
const polish = textsOfConsole(catalogue("pl"));

const sources = readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(svelte|ts)$/.test(name) && !name.endsWith(".test.ts"))
  .map((name) => ({ name, text: readFileSync(join(FOLDER, name), "utf8") }));

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** What stands in quotes, and templates like `unit_${one}` as what they may become. */
const literals = new Set<string>();
const templates: RegExp[] = [];
for (const { text } of sources) {
  for (const [, literal = ""] of text.matchAll(/["']([a-z_]\w*(?:\.\w+)?)["']/g)) literals.add(literal);
  for (const [, template = ""] of text.matchAll(/`([a-z_][\w.]*(?:\$\{[^`}]+\}[\w.]*)+)`/g)) {
    const parts = template.split(/\$\{[^}]+\}/).map(escaped);
    templates.push(new RegExp(`^${parts.join("\\w+")}$`));
  }
}

function isUsed(key: string): boolean {
  return [key, key.replace(PLURAL, "")].some(
    (name) => literals.has(name) || templates.some((template) => template.test(name)),
  );
}

const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

describe("what the console says", () => {
  test("is there in both languages", () => {
    expect(Object.keys(polish).sort()).toEqual(Object.keys(english).sort());
  });

  test("is filled in with the same values in both", () => {
    for (const [key, text] of Object.entries(english)) {
      // One is a word in some languages and a number in others.
      if (PLURAL.test(key)) continue;
      expect([key, placeholders(polish[key] ?? "")]).toEqual([key, placeholders(text)]);
    }
  });

  test("has all forms of a number", () => {
    for (const key of Object.keys(english).filter((it) => it.endsWith("_other"))) {
      const base = key.replace(PLURAL, "");
      for (const form of ["one", "few", "many"]) expect(english).toHaveProperty([`${base}_${form}`]);
    }
  });

  test("is there where it is asked for", () => {
    const missing = sources.flatMap(({ name, text }) =>
      [...text.matchAll(/(?<![\w.])(t|counted)\(\s*"([\w.]+)"/g)]
        .map(([, how, key = ""]) => (how === "counted" ? `${key}_other` : key))
        .filter((key) => !(key in english))
        .map((key) => `${name}: ${key}`),
    );
    expect(missing).toEqual([]);
  });

  test("is asked for somewhere", () => {
    expect(Object.keys(english).filter((key) => !isUsed(key))).toEqual([]);
  });
});
