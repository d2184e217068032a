// Builds what browsers get into dist/, which the server embeds.
import { copyFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { build } from "vite";
import { texts } from "./texts.mjs";

const DIST = new URL("dist/", import.meta.url).pathname;
const ROOT = new URL(".", import.meta.url).pathname;
/** Smaller files gain nothing from compression. */
const COMPRESSED_FROM_BYTES = 1024;
/** What the server writes into the loader. */
const SETTINGS_BYTES = 140;
/** Gzip bytes: what a visitor waits for on a slow line, and an agent from signing in to the conversations. */
const LIMITS = {
  loader: 2 * 1024 - SETTINGS_BYTES,
  chat: 30 * 1024,
  console: 180 * 1024,
  reference: 8 * 1024,
};

/** The oldest that know the page's tools: sheets made by script, ARIA as properties, the height a phone leaves. */
const LOADER_BROWSERS = ["chrome108", "firefox119", "safari16.4"];

/** The console is for people at work, whose browsers are kept up to date. */
const CONSOLE_BROWSERS = ["chrome123", "firefox128", "safari17.5"];

const common = { root: ROOT, configFile: false, logLevel: "warn", publicDir: false };

/** What bundlers and frameworks bring along for uses that are not ours, and what stands in its place. */
const UNUSED = [
  // Parts that are loaded later bring no styles of their own.
  [/^\0vite\/preload-helper/, "export const __vitePreload = (load) => load();"],
  [
    /svelte\/src\/internal\/client\/dom\/elements\/custom-element\.js$/,
    "export const create_custom_element = undefined;",
  ],
];

const withoutUnused = {
  name: "without-unused",
  enforce: "pre",
  load: (id) => UNUSED.find(([known]) => known.test(id))?.[1],
};

/** The folder itself stays: it is in the repository, so that the server builds without Node. */
async function empty() {
  for (const name of await readdir(DIST)) {
    if (name !== ".gitignore") await rm(join(DIST, name), { recursive: true });
  }
}

/** A block keeps names to itself as well as a function does, in fewer bytes. */
const inBlock = {
  name: "in-block",
  generateBundle(_, bundle) {
    const chunk = bundle["widget.js"];
    const [, body] = /^\(function\(\)\{var ([^]*)\}\)\(\);\s*$/.exec(chunk.code);
    chunk.code = `{let ${body}}`;
  },
};

async function buildLoader() {
  await build({
    ...common,
    plugins: [inBlock],
    build: {
      outDir: DIST,
      emptyOutDir: false,
      target: "es2022",
      cssTarget: LOADER_BROWSERS,
      lib: { entry: "widget/loader.ts", formats: ["iife"], name: "_", fileName: () => "widget.js" },
    },
  });
}

async function buildChat() {
  await build({
    ...common,
    plugins: [withoutUnused, texts(), svelte({ configFile: false })],
    build: {
      outDir: DIST,
      emptyOutDir: false,
      target: "es2022",
      modulePreload: false,
      assetsInlineLimit: 0,
      rollupOptions: { input: "widget/chat.html" },
    },
  });
  await copyFile(join(DIST, "widget/chat.html"), join(DIST, "chat.html"));
  await rm(join(DIST, "widget"), { recursive: true });
}

/** Components of bits-ui that carry a style in their markup, which the page's policy refuses. */
const withoutInlineStyles = {
  name: "without-inline-styles",
  enforce: "pre",
  transform(code, id) {
    if (!/\/bits-ui\/.*\.svelte$/.test(id)) return undefined;
    return { code: code.replaceAll('style="display: contents;"', 'class="contents"'), map: null };
  },
};

/** Gives what the bundler has made, to be measured. */
async function buildConsole() {
  const { output } = await build({
    ...common,
    plugins: [withoutInlineStyles, texts(), tailwindcss(), svelte({ configFile: false })],
    build: {
      outDir: DIST,
      emptyOutDir: false,
      target: CONSOLE_BROWSERS,
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 1000,
      rollupOptions: {
        input: "console/console.html",
        output: {
          entryFileNames: "assets/console-[name]-[hash].js",
          chunkFileNames: "assets/console-[name]-[hash].js",
          assetFileNames: "assets/console-[name]-[hash][extname]",
        },
      },
    },
  });
  await rename(join(DIST, "console/console.html"), join(DIST, "console.html"));
  await cp(join(ROOT, "console/public"), join(DIST, "console"), { recursive: true });
  return output;
}

/** What the server writes the reference into, and what it looks like. Gives what the bundler has made. */
async function buildReference() {
  const { output } = await build({
    ...common,
    build: {
      outDir: DIST,
      emptyOutDir: false,
      target: CONSOLE_BROWSERS,
      modulePreload: false,
      rollupOptions: {
        input: "reference/reference.html",
        output: {
          entryFileNames: "assets/reference-[hash].js",
          assetFileNames: "assets/reference-[hash][extname]",
        },
      },
    },
  });
  await rename(join(DIST, "reference/reference.html"), join(DIST, "reference.html"));
  await rm(join(DIST, "reference"), { recursive: true });
  return output;
}

async function copyRest() {
  await mkdir(join(DIST, "demo"));
  for (const name of await readdir(join(ROOT, "demo"))) {
    await copyFile(join(ROOT, "demo", name), join(DIST, "demo", name));
  }
  await copyFile(join(ROOT, "widget/favicon.svg"), join(DIST, "favicon.svg"));
}

async function files(folder = DIST) {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
}

async function compress() {
  for (const path of await files()) {
    // The server writes its settings into the loader.
    if (!/\.(html|js|css|svg|webmanifest)$/.test(path) || path.endsWith("/widget.js")) continue;
    const content = await readFile(path);
    if (content.length < COMPRESSED_FROM_BYTES) continue;
    await writeFile(`${path}.gz`, gzipSync(content, { level: 9 }));
    const quality = { [constants.BROTLI_PARAM_QUALITY]: 11 };
    await writeFile(`${path}.br`, brotliCompressSync(content, { params: quality }));
  }
}

async function gzip(path) {
  return gzipSync(await readFile(path), { level: 9 }).length;
}

/** Gzip bytes of what the first open of the chat loads, up to a form that can be filled in, in one language. */
async function sizes() {
  const assets = (await files(join(DIST, "assets"))).filter(
    (path) => /\.(js|css)$/.test(path) && !/\/(console|reference)-/.test(path),
  );
  const isLater = (path) => /\/talk-/.test(path);
  const isOfLanguage = (path) => /texts_(pl|en)-/.test(path);
  let chat = await gzip(join(DIST, "chat.html"));
  for (const path of assets) if (!isLater(path) && !isOfLanguage(path)) chat += await gzip(path);
  chat += Math.max(...(await Promise.all(assets.filter(isOfLanguage).map(gzip))));
  return { loader: await gzip(join(DIST, "widget.js")), chat };
}

/** Gzip bytes of what the console loads from signing in until the conversations are there, in one language. */
async function sizeOfConsole(output) {
  const chunks = new Map(output.filter((it) => it.type === "chunk").map((it) => [it.fileName, it]));
  const of = (wanted) =>
    [...chunks.values()].filter(({ facadeModuleId }) => wanted.test(facadeModuleId ?? ""));
  const needed = new Set();
  const need = ({ fileName, imports, viteMetadata }) => {
    if (needed.has(fileName)) return;
    needed.add(fileName);
    for (const css of viteMetadata.importedCss) needed.add(css);
    for (const name of imports) need(chunks.get(name));
  };
  for (const chunk of of(/console\.html$|\/Desk\.svelte$|\/Talk\.svelte$/)) need(chunk);
  let bytes = await gzip(join(DIST, "console.html"));
  for (const name of needed) bytes += await gzip(join(DIST, name));
  return (
    bytes + Math.max(...(await Promise.all(of(/texts:console-/).map((it) => gzip(join(DIST, it.fileName))))))
  );
}

/** Gzip bytes of all that a bundler has made. */
async function sizeOf(output) {
  const made = output.filter(({ fileName }) => !fileName.endsWith(".html"));
  const each = await Promise.all(made.map(({ fileName }) => gzip(join(DIST, fileName))));
  return each.reduce((all, bytes) => all + bytes, 0);
}

await empty();
await buildLoader();
await buildChat();
const output = await buildConsole();
const reference = await buildReference();
await copyRest();
await compress();
const measured = {
  ...(await sizes()),
  console: await sizeOfConsole(output),
  reference: await sizeOf(reference),
};
for (const [name, bytes] of Object.entries(measured)) {
  console.log(`${name}: ${bytes} bytes gzip, at most ${LIMITS[name]}`);
  if (bytes > LIMITS[name]) process.exitCode = 1;
}
