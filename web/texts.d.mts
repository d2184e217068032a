import type { Plugin } from "vite";

type Sections = Record<string, Record<string, string>>;

export function catalogue(language: string): Sections;
export function textsOfConsole(sections: Sections): Record<string, string>;
export function texts(): Plugin;
