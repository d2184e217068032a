/** Every view of the settings, for everybody: in both languages and themes, on wide and narrow screens. */
import { describe, expect, test } from "vitest";
import { violations } from "./axe";
import { useStage } from "./hooks";
import { Section } from "./section";
import { ANNA } from "./server";

const stage = useStage();

const VIEWS = [
  "agents",
  "agents/+",
  `agents/${ANNA.login}`,
  "pauses",
  "routing",
  "canned",
  "topics",
  "tags",
  "clauses",
  "clauses/+",
  "clauses/information",
  "blocks",
  "custom-fields",
  "api-users",
  "api-users/+",
  "api-users/1",
  "webhooks",
  "webhooks/+",
  "lookup",
  "email",
  "installation",
  "person",
  "audit",
];

describe("for everybody", () => {
  for (const [language, colorScheme, width] of [
    ["en", "light", 1440],
    ["pl", "dark", 1024],
    ["pl", "light", 320],
  ] as const) {
    test(`nothing is in the way, in ${language}, ${colorScheme}, at ${width} pixels`, async () => {
      const { server } = stage();
      await server.clause("information", { pl: "Informacja", en: "Information" });
      await server.administer("POST", "tags", { name: `pilne ${width}` });
      const browser = { colorScheme, viewport: { width, height: 800 } };
      const one = await Section.open(stage(), "agents", { language, browser });
      for (const view of VIEWS) {
        await one.go(view);
        await one.at.isWhole();
        expect(await violations(one.page), view).toEqual([]);
        const over = await one.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(over, `${view} is wider than the window`).toBeLessThanOrEqual(0);
      }
    });
  }
});
