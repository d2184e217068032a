/** What was begun and not sent, by conversation: kept over reloads, and not for ever. */
import { forget, names, readIf, write } from "./keep";

export interface Draft {
  reply: string;
  note: string;
  whisper: string;
  at: number;
}

export type Texts = Omit<Draft, "at">;

const NONE: Draft = { reply: "", note: "", whisper: "", at: 0 };
const isDraft = ({ reply, note, whisper, at }: Partial<Draft>) =>
  [reply, note, whisper].every((it) => typeof it === "string") && Number.isFinite(at);

const KEPT_MOST = 200;
const KEPT_MS = 30 * 24 * 3_600_000;

export class Drafts {
  readonly #prefix: string;
  #isOver = false;

  constructor(agent: number) {
    this.#prefix = `draft.${agent}.`;
    this.#tidy();
  }

  read(conversation: string): Draft {
    return readIf(this.#prefix + conversation, isDraft) ?? NONE;
  }

  /** What was typed here. The rest stays as it is: it may have been typed in another tab. */
  write(conversation: string, typed: Partial<Texts>): void {
    if (this.#isOver) return;
    const name = this.#prefix + conversation;
    const texts = { ...this.read(conversation), ...typed };
    const isEmpty = !texts.reply.trim() && !texts.note.trim() && !texts.whisper.trim();
    if (isEmpty) forget(name);
    else write(name, { ...texts, at: Date.now() });
  }

  /** Who leaves for good leaves nothing half-said to the next at this browser. */
  forgetAll(): void {
    this.#isOver = true;
    for (const name of names(this.#prefix)) forget(name);
  }

  #tidy(): void {
    const kept = names(this.#prefix).map((name) => ({ name, at: readIf(name, isDraft)?.at ?? 0 }));
    kept.sort((a, b) => b.at - a.at);
    kept.forEach(({ name, at }, place) => {
      if (place >= KEPT_MOST || Date.now() - at > KEPT_MS) forget(name);
    });
  }
}
