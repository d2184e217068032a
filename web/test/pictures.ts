/** Pictures of every state, to be looked at: on a phone, and the key ones on larger screens, in both languages and themes. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { CONFIG, SCENES } from "./scenes";
import { Stage } from "./stage";
import { LANGUAGES } from "./words";

const PHONE = { width: 360, height: 740 };
const LARGER = [
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
];
const THEMES = ["light", "dark"] as const;

/** Into the folder that is given; what comes after it chooses states by name. */
export async function main([folder, ...chosen]: string[]): Promise<number> {
  if (!folder) {
    console.error("Into which folder? npm run pictures -- FOLDER [STATE…]");
    return 2;
  }
  await mkdir(folder, { recursive: true });
  const scenes = SCENES.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  const title = { pl: "Glina", en: "Glina" };
  await using stage = await Stage.set({ config: CONFIG, look: { title } }, { isSample: true });
  let taken = 0;
  for (const { name, isKey, set } of scenes) {
    for (const language of LANGUAGES) {
      for (const viewport of isKey ? [PHONE, ...LARGER] : [PHONE]) {
        const isPhone = viewport === PHONE;
        // Without motion there is nothing to wait for, and two runs give the same pictures.
        const browser = {
          viewport,
          reducedMotion: "reduce" as const,
          ...(isPhone && { deviceScaleFactor: 2 }),
        };
        const visitor = await set(stage, language, browser);
        for (const colorScheme of THEMES) {
          await visitor.wantTheme(colorScheme);
          const file = `${name}-${viewport.width}-${language}-${colorScheme}.png`;
          await visitor.page.screenshot({ path: join(folder, file) });
          taken++;
        }
        await stage.everybodyLeaves();
      }
    }
    console.log(name);
  }
  console.log(`${taken} pictures in ${folder}`);
  return 0;
}
