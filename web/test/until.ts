/** Waiting for the thing itself, with a deadline: no test sleeps. */

/** Enough for a machine that has other work; a test that waits so long has failed. */
export const WAIT_AT_MOST_MS = 15_000;
const LOOK_AGAIN_MS = 20;

/** Resolves with the first answer that is neither nothing nor false. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  atMostMs = WAIT_AT_MOST_MS,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = Date.now() + atMostMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) {
      return seen as Exclude<T, undefined | null | false>;
    }
    if (Date.now() > deadline) throw new Error(`in ${atMostMs} ms there was not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
