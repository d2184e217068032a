/** Two soft notes, made here: nothing is loaded for them. */

const NOTES_HZ = [660, 880];
const NOTE_SECONDS = 0.12;
const LOUDNESS = 0.08;

let context: AudioContext | undefined;

/** Browsers allow it once the visitor has touched the page; before that it stays silent. */
export function beep(): void {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
  NOTES_HZ.forEach((hz, at) => {
    if (!context) return;
    const from = context.currentTime + at * NOTE_SECONDS;
    const note = context.createOscillator();
    const gain = context.createGain();
    note.frequency.value = hz;
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(LOUDNESS, from + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, from + NOTE_SECONDS * 2);
    note.connect(gain).connect(context.destination);
    note.start(from);
    note.stop(from + NOTE_SECONDS * 2);
  });
}
