/**
 * A socket that comes back by itself. Who uses it says where to resume from at every opening; nothing else is kept here.
 */
import { mayReconnect, TOO_MANY_FRAMES, TOO_MANY_FRAMES_WAIT_MS } from "./protocol";

export type LineState = "connecting" | "open" | "waiting" | "over";

export interface Handlers<In, Out> {
  /** The first frame of every socket. */
  hello(): Out;
  heard(frame: In): void;
  /** `code` is there when it is over. */
  changed(state: LineState, code?: number): void;
  /** What stands against going on with who has answered: the code that it is over with. */
  against?(welcome: In): number | undefined;
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 30_000;
/** A socket that has lived so long counts as a success. */
const SETTLED_MS = 30_000;
/** No answer to a question for so long: the line is dead, whatever the browser says. */
const ANSWER_WITHIN_MS = 10_000;
/** Away for so long: the line may have died unnoticed. */
const AWAY_MS = 60_000;

export class Line<In extends { type: string }, Out extends { type: string }> {
  #socket: WebSocket | undefined;
  #tries = 0;
  #openedAt = 0;
  #heardAt = 0;
  #hiddenAt = 0;
  #again: ReturnType<typeof setTimeout> | undefined;
  #pulse: ReturnType<typeof setInterval> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  readonly #listening = new AbortController();

  constructor(
    private readonly address: string,
    private readonly handlers: Handlers<In, Out>,
  ) {
    const { signal } = this.#listening;
    addEventListener("online", () => this.#connect(), { signal });
    addEventListener("offline", () => this.#lose(), { signal });
    // A page that comes back out of the browser's cache has no socket any more.
    addEventListener("pageshow", (event) => event.persisted && this.#lose(), { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    this.#connect();
  }

  /** Whether it went out; what counts is said again when it was not acknowledged. */
  send(frame: Out): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** To be said after something that will be answered. */
  expectAnswer(): void {
    this.#deadline ??= setTimeout(() => this.#lose(), ANSWER_WITHIN_MS);
  }

  /** Leaves, and comes back from where `hello` says. */
  restart(): void {
    this.#drop();
    this.#connect();
  }

  end(code = 1000): void {
    this.#isOver = true;
    this.#drop();
    this.#listening.abort();
    this.handlers.changed("over", code);
  }

  #connect(): void {
    if (this.#isOver || this.#socket) return;
    clearTimeout(this.#again);
    this.#again = undefined;
    const socket = new WebSocket(this.address, "rozmowa.v1");
    this.#socket = socket;
    this.#openedAt = 0;
    this.handlers.changed("connecting");
    this.expectAnswer();
    socket.onopen = () => {
      this.#openedAt = Date.now();
      socket.send(JSON.stringify(this.handlers.hello()));
    };
    socket.onmessage = (message) => {
      this.#heardAt = Date.now();
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
      const frame = JSON.parse(message.data as string) as In;
      if (frame.type === "welcome") {
        const against = this.handlers.against?.(frame);
        if (against !== undefined) return this.end(against);
        const { ping_seconds } = frame as unknown as { ping_seconds: number };
        this.#beat(ping_seconds * 1000);
        this.handlers.changed("open");
      }
      this.handlers.heard(frame);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      if (mayReconnect(code)) this.#lose(code);
      else this.end(code);
    };
  }

  /** Asks now and then whether anybody is there: the server's own pings are not shown to pages. */
  #beat(everyMs: number): void {
    clearInterval(this.#pulse);
    this.#pulse = setInterval(() => {
      // A clock may be set back.
      if (Math.abs(Date.now() - this.#heardAt) < everyMs / 2) return;
      if (this.send({ type: "ping" } as Out)) this.expectAnswer();
    }, everyMs);
  }

  #look(): void {
    if (document.hidden) {
      this.#hiddenAt = Date.now();
    } else if (!this.#socket) {
      this.#connect();
    } else if (this.#hiddenAt && Math.abs(Date.now() - this.#hiddenAt) > AWAY_MS) {
      if (this.send({ type: "ping" } as Out)) this.expectAnswer();
    }
  }

  #lose(code = 1006): void {
    if (this.#isOver || this.#again) return;
    if (this.#openedAt && Date.now() - this.#openedAt > SETTLED_MS) this.#tries = 0;
    this.#drop();
    this.handlers.changed("waiting");
    const most = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** this.#tries++);
    const least = code === TOO_MANY_FRAMES ? TOO_MANY_FRAMES_WAIT_MS : 0;
    // Anywhere in between, so that a restart of the server is not followed by everybody at once.
    this.#again = setTimeout(
      () => {
        this.#again = undefined;
        this.#connect();
      },
      least + Math.random() * most,
    );
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearInterval(this.#pulse);
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    clearTimeout(this.#again);
    this.#again = undefined;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }
}
