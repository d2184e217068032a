/** Where the keyboard is when what it was on has gone. */
import { tick } from "svelte";

const EDITORS = ".composer textarea, .ended, main form input:not([hidden]), main form textarea";

/** A keyboard that springs up hides half of a phone's page: there it is the title, which says where one is. */
export async function settle(): Promise<void> {
  await tick();
  const isNowhere = !document.activeElement || document.activeElement === document.body;
  if (!isNowhere || !document.hasFocus()) return;
  const editor = matchMedia("(pointer: coarse)").matches
    ? null
    : document.querySelector<HTMLElement>(EDITORS);
  (editor ?? document.querySelector<HTMLElement>("main button, h1"))?.focus({ preventScroll: true });
}
