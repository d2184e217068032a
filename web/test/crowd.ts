/** Many conversations of one agent, in which clients write all the time. */
import { randomUUID } from "node:crypto";
import type { Person, Server, Session } from "./server";

interface Talk {
  conversation: string;
  token: string;
}

/** So many calls are on their way at once. */
const AT_ONCE = 16;
const TICK_MS = 20;
/** As people write: some a word, some more. */
const TEXTS = [
  "Dzień dobry",
  "Kiedy dotrze moja paczka? Zamówiłem ją w poniedziałek i miała być wczoraj.",
  "tak",
  "Numer zamówienia to 2026/11/4711, na nazwisko Brzęczyszczykiewicz. Płaciłam kartą, a potwierdzenie nie przyszło do dzisiaj.",
  "ok, dziękuję",
  "A czy mogę to jeszcze zmienić?",
];

export const CONFIG = { "visitors.messages_per_minute": 100_000 };

/** Does it for each, some at once. */
async function each<T>(all: Iterable<T>, what: (one: T) => Promise<void>): Promise<void> {
  const rest = all[Symbol.iterator]();
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await what(next.value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

export class Crowd {
  readonly #talks: Talk[] = [];
  #said = 0;
  #opened = 0;
  #isOver = false;
  #timers: ReturnType<typeof setInterval>[] = [];
  #fault: unknown;

  private constructor(
    private readonly server: Server,
    private readonly queue: number,
    private readonly session: Session,
  ) {}

  /** All of them wait in a queue that one agent answers, who is on duty. */
  static async gather(server: Server, agent: Person, count: number, messages: number): Promise<Crowd> {
    const queue = await server.queue({}, "Infolinia", [agent]);
    const crowd = new Crowd(server, queue, await server.signIn(agent.login));
    await each(Array(count).keys(), async () => {
      const talk = await crowd.#open();
      for (let at = 0; at < messages; at++) await crowd.#say(talk);
    });
    return crowd;
  }

  get said(): number {
    return this.#said;
  }

  /** So many messages a second, in one conversation after the other. */
  write(aSecond: number): void {
    const from = Date.now();
    let sent = 0;
    let at = 0;
    this.#every(TICK_MS, async () => {
      const due = Math.floor(((Date.now() - from) / 1000) * aSecond) - sent;
      sent += due;
      const talks = Array.from({ length: due }, () => this.#talks[at++ % this.#talks.length]);
      await Promise.all(talks.map((talk) => talk && this.#say(talk)));
    });
  }

  /** The oldest ends and a new one comes, so many times a second. */
  change(aSecond: number): void {
    this.#every(1000 / aSecond, async () => {
      const oldest = this.#talks.shift();
      await this.#open();
      if (!oldest) return;
      const path = `conversations/${oldest.conversation}/close`;
      await this.server.asAgent(this.session, "POST", path, {});
    });
  }

  /** Throws what went wrong meanwhile. */
  leave(): void {
    this.#isOver = true;
    this.#timers.forEach(clearInterval);
    if (this.#fault) throw this.#fault;
  }

  #every(ms: number, what: () => Promise<void>): void {
    const timer = setInterval(() => {
      what().catch((error: unknown) => {
        if (!this.#isOver) this.#fault ??= error;
      });
    }, ms);
    this.#timers.push(timer);
  }

  async #open(): Promise<Talk> {
    const name = `Klient ${++this.#opened}`;
    const query = new URLSearchParams({ chat_queue_id: `${this.queue}`, client_name: name });
    const path = `chat_conversations/start?${query}`;
    const { conversation_id } = await this.server.api<{ conversation_id: string }>("POST", path);
    const { token } = await this.server.link(conversation_id);
    const talk = { conversation: conversation_id, token };
    await this.#say(talk);
    this.#talks.push(talk);
    return talk;
  }

  async #say({ token }: Talk): Promise<void> {
    const text = `${TEXTS[this.#said % TEXTS.length]} (${++this.#said})`;
    const message = { text, client_key: randomUUID() };
    try {
      await this.server.asVisitor(token, "POST", "conversation/messages", message);
    } catch (error) {
      // It was closed while this was on its way.
      if (!String(error).includes("400102")) throw error;
    }
  }
}
