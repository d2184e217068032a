/** The canned answers of a queue, read when they are first wanted and again when they have changed. */
import { api } from "../state/api";
import type { Live } from "../state/live.svelte";
import type { Canned } from "./canned";

class Shelf {
  readonly #of = new Map<number, Canned[]>();
  all = $state.raw<readonly Canned[]>([]);
  isLoading = $state(false);
  #queue: number | undefined;
  #live: Live | undefined;

  async open(queue: number, live: Live): Promise<void> {
    if (this.#live !== live) {
      this.#live = live;
      this.#of.clear();
      live.on((happening) => {
        if (happening.type === "settings" && happening.what === "canned_answers") this.#of.clear();
      });
    }
    this.#queue = queue;
    this.all = this.#of.get(queue) ?? [];
    if (this.#of.has(queue) || this.isLoading) return;
    this.isLoading = true;
    try {
      const found = await api.get("/console/canned_answers", { query: { chat_queue_id: queue } });
      this.#of.set(queue, found);
      if (this.#queue === queue) this.all = found;
    } catch {
      // The next slash asks again.
    } finally {
      this.isLoading = false;
    }
  }
}

export const shelf = new Shelf();
