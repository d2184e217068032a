/** What axe-core finds wrong, in words. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Frame, Page } from "playwright-core";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Colours are what they will be. */
async function settled(): Promise<void> {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  const turning = document.getAnimations().filter((it) => it instanceof CSSTransition);
  await Promise.allSettled(turning.map(({ finished }) => finished));
}

/** Of all rules, or of some. */
export async function violations(where: Frame | Page, rules: string[] = []): Promise<string[]> {
  // As a debugger does it: the page's policy lets no script in but its own.
  if (!(await where.evaluate(() => "axe" in window))) await where.evaluate(SOURCE);
  await where.evaluate(settled);
  const runOnly = rules.length > 0 ? { type: "rule", values: rules } : { type: "tag", values: TAGS };
  const found = await where.evaluate(async (runOnly) => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return (await axe.run({ runOnly, resultTypes: ["violations"] })).violations;
  }, runOnly);
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ html, failureSummary }) => `${id}: ${help}\n  ${html.slice(0, 200)}\n  ${failureSummary ?? ""}`,
    ),
  );
}
