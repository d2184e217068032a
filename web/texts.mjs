// The catalogue of the server, for pages: `texts:pl` and `texts:en` are the section `chat` of each language;
// `texts:console-pl` is what the console says at first, as `queues.title` for `title` in `console_queues`, and
// `texts:later-pl` what it says in views that are opened later.
import { readFileSync } from "node:fs";

const SCHEME = "texts:";
const CONSOLE = "console-";
const LATER = "later-";
/** Where somebody is who has just signed in; of the other views there is the title alone. */
const FIRST = /^(?!\w+\.)|^(?:entry|talk)\.|\.title$/;

export function catalogue(language) {
  return JSON.parse(readFileSync(pathOf(language), "utf8"));
}

export function textsOfConsole(sections) {
  const all = {};
  for (const [section, texts] of Object.entries(sections)) {
    const found = /^console(?:_(\w+))?$/.exec(section);
    if (!found) continue;
    const prefix = found[1] ? `${found[1]}.` : "";
    for (const [key, text] of Object.entries(texts)) all[prefix + key] = text;
  }
  return all;
}

function pathOf(language) {
  return new URL(`../locales/${language}.json`, import.meta.url).pathname;
}

export function texts() {
  return {
    name: "texts",
    resolveId: (id) => (id.startsWith(SCHEME) ? `\0${id}` : undefined),
    load(id) {
      if (!id.startsWith(`\0${SCHEME}`)) return undefined;
      const wanted = id.slice(SCHEME.length + 1);
      const [, part = "", language = ""] = /^(\w+-)?(\w+)$/.exec(wanted) ?? [];
      this.addWatchFile(pathOf(language));
      const sections = catalogue(language);
      if (part !== CONSOLE && part !== LATER) return `export default ${JSON.stringify(sections.chat)}`;
      const said = Object.entries(textsOfConsole(sections));
      const found = said.filter(([key]) => FIRST.test(key) === (part === CONSOLE));
      return `export default ${JSON.stringify(Object.fromEntries(found))}`;
    },
  };
}
