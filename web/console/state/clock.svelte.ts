/** One clock for everything that ticks, by the server's time. */

const TICK_MS = 1_000;

class Clock {
  /** Moves every second while somebody looks at it. */
  #now = $state(Date.now());
  #aheadMs = 0;

  constructor() {
    if (typeof window === "undefined") return;
    setInterval(() => {
      if (!document.hidden) this.#now = Date.now();
    }, TICK_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#now = Date.now();
    });
  }

  /** The server's time. Who reads it is told every second. */
  get now(): number {
    return this.#now - this.#aheadMs;
  }

  /** The server's time, asked once. */
  read(): number {
    return Date.now() - this.#aheadMs;
  }

  set(serverTime: number): void {
    this.#aheadMs = Date.now() - serverTime;
    this.#now = Date.now();
  }
}

export const clock = new Clock();
