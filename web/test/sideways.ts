/** What is wider than its place. */
import type { Frame, Page } from "playwright-core";

/** The page itself, and what in it can be scrolled sideways: nothing should. */
export function wideIn(where: Frame | Page): Promise<string[]> {
  return where.evaluate(() => {
    const wide = [...document.querySelectorAll("*")].filter((it) => {
      if (it.scrollWidth <= it.clientWidth) return false;
      const { overflowX } = getComputedStyle(it);
      return it === document.documentElement || overflowX === "auto" || overflowX === "scroll";
    });
    return wide.map((it) => it.outerHTML.slice(0, 240));
  });
}
