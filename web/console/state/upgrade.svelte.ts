/** Whether the page is of before an upgrade of the server: parts of it that are not loaded yet are not to be had any more. */
const PAGE = "/console/";
/** Something in between may answer in the server's place: this is of our page alone. */
const OURS = 'id="console"';

const entry = document.querySelector<HTMLScriptElement>("script[type=module][src]");

let isOld = $state(false);

export function isOutdated(): boolean {
  return isOld;
}

/** Looks whether the server gives another page by now. Without an answer nothing is known. */
export async function lookForUpgrade(): Promise<void> {
  if (!entry) return;
  const answer = await fetch(PAGE, { cache: "no-cache" }).catch(() => undefined);
  const page = answer?.ok ? await answer.text().catch(() => "") : "";
  if (page.includes(OURS)) isOld = !page.includes(new URL(entry.src).pathname);
}
