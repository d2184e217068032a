import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { texts } from "./texts.mjs";

export default defineConfig({
  plugins: [texts(), svelte({ configFile: false })],
  resolve: { conditions: ["browser"] },
  test: {
    include: ["{shared,widget,console,test}/**/*.test.ts"],
    // A server and a browser each; for two cores, as half of the time they wait.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes when it can, on a machine that has other work, too.
    expect: { poll: { timeout: 20_000 } },
  },
});
