/** The alarm's sound, and whether it is wanted at this screen. */
import { read, write } from "../state/keep";
import { ringOnce } from "../state/ring";

const KEPT = "wall.muted";
const AGAIN_MS = 30_000;

export function isMuted(): boolean {
  return read<boolean>(KEPT) ?? false;
}

export function mute(isMuted: boolean): void {
  write(KEPT, isMuted);
}

/** Whether the browser lets the page be heard. */
export function isHeard(): boolean {
  return navigator.userActivation?.hasBeenActive ?? true;
}

/** Now and again, until the answer is called. */
export function sound(isAtOnce: boolean): () => void {
  if (isAtOnce) ringOnce();
  const again = setInterval(ringOnce, AGAIN_MS);
  return () => clearInterval(again);
}
