/** What the server has of a part of the settings: read at once, and again when somebody has changed it. */
import { untrack } from "svelte";
import { theDesk } from "../../state/desk.svelte";
import { newest } from "./newest";

export interface Source<T> {
  /** As it was read last; stays when reading again fails. */
  readonly value: T | undefined;
  /** What went wrong when it was read last. */
  readonly error: unknown;
  load(): Promise<void>;
}

export class Watched<T> implements Source<T> {
  value = $state.raw<T>();
  error = $state.raw<unknown>();
  readonly #read: () => Promise<T>;

  /** For the life of a component. `parts` are those of the socket's frame `settings`. */
  constructor(parts: readonly string[] | "all", read: () => Promise<T>) {
    this.#read = newest(read);
    $effect(() => {
      untrack(() => void this.load());
      return theDesk().live.on((happening) => {
        const isOurs = happening.type === "settings" && (parts === "all" || parts.includes(happening.what));
        if (isOurs || happening.type === "welcome") void this.load();
      });
    });
  }

  /** Over when what was asked for last is here. */
  async load(): Promise<void> {
    try {
      this.value = await this.#read();
      this.error = undefined;
    } catch (error) {
      this.error = error;
    }
  }
}

interface Page<R, C> {
  result: R[];
  next_cursor: C | null;
}

/** The first pages of a list, as many as were asked for. */
export class Paged<R, C> extends Watched<R[]> {
  hasMore = $state(false);
  #count = 1;

  constructor(parts: readonly string[] | "all", page: (cursor: C | undefined) => Promise<Page<R, C>>) {
    super(parts, async () => {
      const found: R[] = [];
      let cursor: C | null | undefined;
      for (let at = 0; at < this.#count && cursor !== null; at++) {
        const { result, next_cursor } = await page(cursor);
        found.push(...result);
        cursor = next_cursor;
      }
      this.hasMore = cursor !== null;
      return found;
    });
  }

  async more(): Promise<void> {
    this.#count++;
    await this.load();
  }

  /** Another list from now on: other filters. */
  async anew(): Promise<void> {
    this.#count = 1;
    await this.load();
  }
}
