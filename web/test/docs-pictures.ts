/** The pictures that README and the guide show, taken anew: into `docs/pictures`, or into another folder that is given. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afternoon, CONFIG, type Day, EWA } from "./afternoon";
import { ConsolePage } from "./console";
import { viewsOf } from "./console-views";
import { small } from "./png";
import { Stage } from "./stage";
import { type Language, LANGUAGES } from "./words";

const PICTURES = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
/** Around phones, and between them. */
const GAP_PIXELS = 32;
/** A picture is loaded by everybody who reads the page. */
const BYTES_MOST = 150_000;

type Theme = "light" | "dark";

/** Of a desk: a view in a language and a theme. */
const DESKS: { file: string; view: string; language: Language; theme: Theme }[] = [
  { file: "console", view: "thread", language: "en", theme: "light" },
  { file: "console-pl", view: "thread", language: "pl", theme: "dark" },
  { file: "wall", view: "wall", language: "en", theme: "light" },
  { file: "queue", view: "queue-widget", language: "en", theme: "light" },
];
/** Side by side, in one picture. */
const PHONES: { view: string; theme: Theme }[] = [
  { view: "list", theme: "light" },
  { view: "thread", theme: "light" },
  { view: "wall", theme: "dark" },
];

export async function main([folder = PICTURES]: string[]): Promise<number> {
  await mkdir(folder, { recursive: true });
  const sizes = await Promise.all(LANGUAGES.map((language) => take(language, folder)));
  return Math.max(...sizes.flat()) > BYTES_MOST ? 1 : 0;
}

async function take(language: Language, folder: string): Promise<number[]> {
  await using stage = await Stage.set({ config: CONFIG }, { isSample: true });
  await using day = await afternoon(stage, language, Number(process.env.PACE ?? 1));
  const keep = async (file: string, picture: Buffer) => {
    const data = small(picture);
    await writeFile(join(folder, `${file}.png`), data);
    console.log(`${file}.png: ${data.length} bytes`);
    return data.length;
  };
  const sizes: number[] = [];
  const desk = await open(stage, language, DESK);
  for (const { file, view, theme } of DESKS.filter((it) => it.language === language)) {
    sizes.push(await keep(file, await shot(desk, day, view, theme)));
  }
  if (language === "pl") return sizes;
  const phone = await open(stage, language, PHONE);
  const shots: Buffer[] = [];
  for (const { view, theme } of PHONES) shots.push(await shot(phone, day, view, theme));
  sizes.push(await keep("console-phone", await beside(stage, shots)));
  return sizes;
}

function open(stage: Stage, language: Language, viewport: typeof DESK): Promise<ConsolePage> {
  const browser = { viewport, reducedMotion: "reduce" as const, permissions: ["notifications"] };
  return ConsolePage.open(stage, EWA, { language, browser });
}

async function shot(person: ConsolePage, day: Day, name: string, theme: Theme): Promise<Buffer> {
  const view = viewsOf(day).find((it) => it.name === name);
  if (!view) throw new Error(`no view ${name}`);
  await person.goes(view.at);
  await person.wantTheme(theme);
  await view.set?.(person);
  return person.page.screenshot();
}

async function beside(stage: Stage, shots: Buffer[]): Promise<Buffer> {
  const page = await (await stage.person()).newPage();
  const width = shots.length * (PHONE.width + GAP_PIXELS) + GAP_PIXELS;
  await page.setViewportSize({ width, height: PHONE.height + 2 * GAP_PIXELS });
  const images = shots.map((it) => `<img src="data:image/png;base64,${it.toString("base64")}">`);
  await page.setContent(`<style>
    body { margin: ${GAP_PIXELS}px; display: flex; gap: ${GAP_PIXELS}px; background: #e4e7ed }
    img { width: ${PHONE.width}px; border-radius: 16px }
  </style>${images.join("")}`);
  return page.screenshot();
}
