/** Sounds, made here: nothing is loaded for them. */

const RING_EVERY_MS = 4_000;
const LOUDNESS = 0.12;
/** Two notes up, twice: somebody waits. */
const RING = [
  [659, 0],
  [880, 0.16],
  [659, 0.5],
  [880, 0.66],
] as const;
/** One soft note: somebody said something. */
const MESSAGE = [[784, 0]] as const;
const NOTE_SECONDS = 0.14;

let context: AudioContext | undefined;
let ringing: ReturnType<typeof setInterval> | undefined;

/** Browsers allow sound once the page was touched: to be called while it is. */
export function wakeSound(): void {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
}

function play(notes: readonly (readonly [number, number])[], loudness: number): void {
  wakeSound();
  if (!context) return;
  for (const [hz, at] of notes) {
    const from = context.currentTime + at;
    const note = context.createOscillator();
    const gain = context.createGain();
    note.frequency.value = hz;
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(loudness, from + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, from + NOTE_SECONDS * 2);
    note.connect(gain).connect(context.destination);
    note.start(from);
    note.stop(from + NOTE_SECONDS * 2);
  }
}

export function ringOnce(): void {
  play(RING, LOUDNESS);
}

export function beep(): void {
  play(MESSAGE, LOUDNESS / 2);
}

/** Until it is stopped. */
export function ring(): void {
  if (ringing) return;
  ringOnce();
  ringing = setInterval(ringOnce, RING_EVERY_MS);
}

export function stopRinging(): void {
  clearInterval(ringing);
  ringing = undefined;
}
