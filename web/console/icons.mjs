// Draws the icons that systems want as pictures from `public/icons/icon.svg`: `node console/icons.mjs`, after a change of it.
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const FOLDER = new URL("public/icons/", import.meta.url);
const svg = await readFile(new URL("icon.svg", FOLDER), "utf8");
// Systems cut what is maskable into their own shape: the colour goes to the edge.
const whole = svg.replace(/ rx="\d+"/, "");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
for (const [name, size, drawing] of [
  ["icon-192.png", 192, svg],
  ["icon-512.png", 512, svg],
  ["maskable-512.png", 512, whole],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body{margin:0}svg{display:block;width:100%}</style>${drawing}`);
  await page.screenshot({ path: new URL(name, FOLDER).pathname, omitBackground: true });
  await page.close();
}
await browser.close();
