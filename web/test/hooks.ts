/** A stage for a file of tests, and a look at what a failed test has left. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { Options } from "./server";
import { Stage } from "./stage";

const FAILED = fileURLToPath(new URL("failed/", import.meta.url));

/** Gives the stage, as soon as the tests run. */
export function useStage(options: Options = {}): () => Stage {
  let stage: Stage | undefined;

  beforeAll(async () => {
    stage = await Stage.set(options);
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") {
      const name = task.name.replace(/[^\p{L}\d]+/gu, "-");
      const pages = stage?.contexts().flatMap((context) => context.pages()) ?? [];
      const take = (page: Page, at: number) =>
        page.screenshot({ path: join(FAILED, `${name}-${at + 1}.png`) });
      await Promise.allSettled(pages.map(take));
    }
    // The next test has the machine for itself.
    await stage?.everybodyLeaves();
    expect(stage?.faults.splice(0)).toEqual([]);
  });

  afterAll(() => stage?.[Symbol.asyncDispose]());

  return () => {
    if (!stage) throw new Error("there is no stage before the tests run");
    return stage;
  };
}
