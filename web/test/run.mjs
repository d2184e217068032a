// Runs one of the scripts beside it that are no tests: `node test/run.mjs NAME ARGUMENTS`.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const [, , name, ...given] = process.argv;
const path = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
// For a Node that has no `using` yet.
const oxc = { target: "node20" };
const { module } = await runnerImport(path, { configFile: false, logLevel: "warn", oxc });
process.exitCode = await module.main(given);
