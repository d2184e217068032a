/** How far a new installation is on the way to its first answered chat. */
import { api, type Schemas } from "../state/api";
import type { Desk } from "../state/desk.svelte";
import { read, write } from "../state/keep";

/** Of this browser: whoever is through is not asked again. */
const KEPT = "steps_done";
/** Of so many, one is answered. */
const LOOKED_AT = 20;
const TOGETHER_MS = 400;

type Listed = Schemas["ConversationRow"];

class Steps {
  #isKnown = $state(false);
  /** The newest of all; the first that an agent has. */
  newest = $state.raw<Listed>();
  hasAnswer = $state(false);
  isDone = $state(read<boolean>(KEPT) ?? false);
  #soon: ReturnType<typeof setTimeout> | undefined;

  /** Not before it is known. */
  readonly isOpen = $derived(this.#isKnown && !this.isDone);

  /** Looks now and whenever something happens, until it is through. */
  follow(desk: Desk): () => void {
    if (this.isDone) return () => undefined;
    void this.#look();
    const stop = desk.live.on(() => {
      if (this.isDone) return;
      this.#soon ??= setTimeout(() => {
        this.#soon = undefined;
        void this.#look();
      }, TOGETHER_MS);
    });
    return () => {
      stop();
      clearTimeout(this.#soon);
      this.#soon = undefined;
    };
  }

  /** What was reached stays so. */
  finish(): void {
    this.isDone = true;
    write(KEPT, true);
  }

  async #look(): Promise<void> {
    const list = (view: "all" | "closed") =>
      api.get("/console/conversations", { query: { view, limit: LOOKED_AT } });
    try {
      const [open, closed] = await Promise.all([list("all"), list("closed")]);
      const rows = [...open.result, ...closed.result];
      this.newest = rows[0];
      this.hasAnswer = rows.some(({ agent, last_message }) => agent && last_message?.sent_by === "AGENT");
      // Who was through when it was first looked at needs no greeting.
      if (!this.#isKnown && this.hasAnswer) this.finish();
      this.#isKnown = true;
    } catch {
      // The next happening asks again.
    }
  }
}

export const steps = new Steps();
