/** Pages of what was found, one after the other; what is asked for anew takes the place of what was. */
export interface Page<T> {
  result: T[];
  next_cursor?: string | null | undefined;
}

/** A page may have nothing and go on all the same: so many in a row are asked for unseen. */
const EMPTY_AT_MOST = 20;

export class Results<T> {
  items = $state.raw<T[]>([]);
  isLoading = $state(false);
  fault = $state.raw<unknown>();
  /** The first page is there. */
  isReady = $state(false);
  #cursor = $state<string | null>(null);
  #stop = new AbortController();
  #ask: ((cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>) | undefined;

  readonly hasMore = $derived(this.#cursor !== null);

  /** What was there stays until the new is. */
  async begin(ask: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>): Promise<void> {
    this.#ask = ask;
    await this.#load(undefined, []);
  }

  async more(): Promise<void> {
    if (this.#cursor !== null && !this.isLoading) await this.#load(this.#cursor, this.items);
  }

  async again(): Promise<void> {
    await this.#load(this.#cursor ?? undefined, this.#cursor === null ? [] : this.items);
  }

  clear(): void {
    this.#stop.abort();
    this.items = [];
    this.isReady = this.isLoading = false;
    this.fault = undefined;
    this.#cursor = null;
  }

  async #load(cursor: string | undefined, before: T[]): Promise<void> {
    this.#stop.abort();
    const { signal } = (this.#stop = new AbortController());
    this.isLoading = true;
    this.fault = undefined;
    try {
      let found: T[] = [];
      let next: string | null | undefined = cursor;
      for (let tries = 0; tries < EMPTY_AT_MOST && found.length === 0; tries++) {
        const page: Page<T> | undefined = await this.#ask?.(next ?? undefined, signal);
        if (signal.aborted) return;
        found = page?.result ?? [];
        next = page?.next_cursor;
        if (!next) break;
      }
      this.items = [...before, ...found];
      this.#cursor = next ?? null;
      this.isReady = true;
    } catch (error) {
      if (signal.aborted) return;
      this.fault = error;
      if (before.length === 0) this.items = [];
    }
    this.isLoading = false;
  }
}
