/** Pictures of the console, to be looked at: every view on a desk, the key ones on smaller screens, in both languages and themes. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afternoon, CONFIG, EWA } from "./afternoon";
import { ConsolePage } from "./console";
import { doorsOf, type View, viewsOf } from "./console-views";
import { Stage } from "./stage";
import { type Language, LANGUAGES } from "./words";

const DESK = { width: 1440, height: 900 };
const SMALLER = [
  { width: 1024, height: 768 },
  { width: 390, height: 844 },
];
const THEMES = ["light", "dark"] as const;
/** Without motion there is nothing to wait for. */
const STILL = { reducedMotion: "reduce" as const, permissions: ["notifications"] };

/** Into the folder that is given; what comes after it chooses views by name, or a language. */
export async function main([folder, ...chosen]: string[]): Promise<number> {
  if (!folder) {
    console.error("Into which folder? npm run pictures:console -- FOLDER [en|pl] [VIEW…]");
    return 2;
  }
  await mkdir(folder, { recursive: true });
  const pictures = new Pictures(
    folder,
    chosen.filter((name) => !LANGUAGES.includes(name as Language)),
  );
  const languages = LANGUAGES.filter((language) => chosen.includes(language));
  for (const language of languages.length ? languages : LANGUAGES) await pictures.of(language);
  console.log(`${pictures.taken} pictures in ${folder}`);
  return pictures.failed ? 1 : 0;
}

class Pictures {
  taken = 0;
  failed = 0;

  constructor(
    private readonly folder: string,
    private readonly chosen: string[],
  ) {}

  async of(language: Language): Promise<void> {
    await using stage = await Stage.set({ config: CONFIG }, { isSample: true });
    await using day = await afternoon(stage, language, Number(process.env.PACE ?? 1));
    for (const viewport of [DESK, ...SMALLER]) {
      const isWanted = ({ name, isKey }: { name: string; isKey?: boolean }) =>
        this.chosen.length ? this.chosen.includes(name) : viewport === DESK || isKey;
      const doors = doorsOf(day).filter(isWanted);
      const views = viewsOf(day).filter(isWanted);
      const browser = { ...STILL, viewport };
      for (const { name, path } of doors) {
        const person = await ConsolePage.door(stage, EWA, path, { language, browser });
        await person.page.getByRole("heading", { level: 1 }).waitFor();
        await this.#take(person, name);
        await person.page.close();
      }
      if (views.length) await this.#views(stage, language, views, browser);
      await stage.everybodyLeaves();
    }
  }

  async #views(
    stage: Stage,
    language: Language,
    views: View[],
    browser: typeof STILL & { viewport: typeof DESK },
  ): Promise<void> {
    const person = await ConsolePage.open(stage, EWA, { language, browser });
    person.page.on("console", (message) => message.type() === "error" && console.error(message.text()));
    for (const { name, at, set, unset } of views) {
      try {
        await person.goes(at);
        await set?.(person);
        await this.#take(person, name);
        await unset?.(person);
      } catch (error) {
        this.failed++;
        console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        await this.#take(person, `${name}-failed`);
        await person.page.reload();
      }
    }
  }

  async #take(person: ConsolePage, name: string): Promise<void> {
    const { width } = person.page.viewportSize() ?? DESK;
    for (const theme of THEMES) {
      await person.wantTheme(theme);
      // What has the focus is wherever the last step has left it.
      const path = join(this.folder, `${name}-${width}-${person.language}-${theme}.png`);
      await person.page.screenshot({ path, caret: "initial" });
      this.taken++;
    }
    await person.wantTheme("light");
  }
}
