/** One conversation, as the visitor sees it: a copy of its log, and what is on its way there. */
import { newId } from "../../shared/id";
import { Line, type LineState } from "../../shared/line";
import {
  type FileShown,
  type FromServer,
  type FromVisitor,
  type LogEvent,
  type Opened,
  type Refusal,
  VERSION,
} from "../../shared/protocol";
import { CODE } from "./door";
import { forget, type Kept, names, read, type Unsent, write } from "./keep";
import { save } from "./save";
import { Door } from "./token-door";
import { spoken, t } from "./words.svelte";

/** A message that is not in the log yet. */
export interface Pending extends Unsent {
  state: "sending" | "sent" | "failed";
  why?: string;
}

/** A file that goes out with the next message. */
export interface Upload {
  id: string;
  name: string;
  size: number;
  type: string;
  preview: string | undefined;
  /** From 0 to 1. */
  share: number;
  fileId: string | undefined;
  stop: AbortController;
}

export interface Position {
  place: number;
  wait_seconds: number | null;
}

/** Who types says so every few seconds. */
const TYPING_TOLD_EVERY_MS = 3_000;
const PREVIEW_TOLD_EVERY_MS = 700;
const TYPING_BELIEVED_MS = 6_000;
const PREVIEW_CHARACTERS_MOST = 1_000;
const ACK_RETRY_MS = 1_000;

export class Conversation {
  /** What there is to see of the log, in its order. */
  events = $state.raw<LogEvent[]>([]);
  pending = $state<Pending[]>([]);
  lineState = $state<LineState>("connecting");
  opened = $state.raw<Opened>();
  agentRead = $state(0);
  visitorRead = $state(0);
  isAgentTyping = $state(false);
  position = $state.raw<Position>();
  isBlocked = $state(false);
  uploads = $state<Upload[]>([]);
  /** What could not be done, in words. */
  failure = $state("");

  readonly door: Door;
  readonly token: string;
  readonly #line: Line<FromServer, FromVisitor>;
  /** Up to where the log is known here. */
  #cursor = 0;
  /** Erasures up to here were there when the copy began. */
  #copiedUpTo = 0;
  #inFlight: string | undefined;
  /** Of the visitor's clock, which may be any. */
  #clockAheadMs = 0;
  #resume: ReturnType<typeof setTimeout> | undefined;
  #typingOver: ReturnType<typeof setTimeout> | undefined;
  #typingToldAt = 0;
  #typingLater: ReturnType<typeof setTimeout> | undefined;
  #isTyping = false;
  #page: { url: string; title: string | undefined } | undefined;

  constructor(
    kept: Kept,
    private readonly happened: { event(event: LogEvent): void; over(code: number): void },
  ) {
    this.token = kept.token;
    this.door = new Door(kept.token, spoken);
    this.#takeUnsent();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.#line = new Line<FromServer, FromVisitor>(`${scheme}://${location.host}/visitor/socket`, {
      hello: () => ({
        type: "hello",
        v: VERSION,
        token: this.token,
        after: this.#cursor,
        language: spoken(),
      }),
      heard: (frame) => this.#hear(frame),
      changed: (state, code) => this.#changed(state, code),
    });
  }

  readonly isClosed = $derived.by(() => {
    const last = this.events.findLast(({ kind }) => kind === "closed" || kind === "reopened");
    return last ? last.kind === "closed" : this.opened?.status === "CLOSED";
  });

  /** First name of the agent whose it is. */
  readonly agent = $derived.by(() => {
    const leaving = ["unassigned", "transferred", "handed_over", "assigned"];
    const last = this.events.findLast(({ kind }) => leaving.includes(kind ?? ""));
    return last?.kind === "assigned" ? (last.name ?? "") : undefined;
  });

  readonly isWaiting = $derived(!this.isClosed && this.agent === undefined && !this.#hasBot());

  readonly rating = $derived(this.events.findLast(({ kind }) => kind === "rated")?.data?.rating);

  readonly unread = $derived(
    this.events.filter((it) => it.kind === "message" && it.by !== "client" && it.seq > this.visitorRead)
      .length,
  );

  #hasBot(): boolean {
    const last = this.events.findLast(
      ({ kind, by }) => kind === "handed_over" || (kind === "message" && by === "bot"),
    );
    return last?.kind === "message";
  }

  say(text: string, files: FileShown[] = []): void {
    const unsent: Unsent = { id: newId(), text, at: Date.now(), files };
    this.pending.push({ ...unsent, state: "sending" });
    write(this.#unsentName(unsent.id), unsent);
    clearTimeout(this.#typingLater);
    this.#isTyping = false;
    this.#typingToldAt = 0;
    this.#flush();
  }

  sayAgain(id: string): void {
    const one = this.pending.find((it) => it.id === id);
    if (!one) return;
    one.state = "sending";
    delete one.why;
    this.#flush();
  }

  discard(id: string): void {
    this.pending = this.pending.filter((it) => it.id !== id);
    forget(this.#unsentName(id));
  }

  type(text: string): void {
    clearTimeout(this.#typingLater);
    const isTyping = text.trim() !== "";
    const hasPreview = this.opened?.has_text_preview === true;
    const everyMs = hasPreview ? PREVIEW_TOLD_EVERY_MS : TYPING_TOLD_EVERY_MS;
    const isNews = isTyping !== this.#isTyping;
    if (!isNews && !isTyping) return;
    const waitMs = Math.min(everyMs, this.#typingToldAt + everyMs - Date.now());
    if (!isNews && waitMs > 0) {
      // What stands there in the end is seen, too.
      if (hasPreview) this.#typingLater = setTimeout(() => this.type(text), waitMs);
      return;
    }
    this.#isTyping = isTyping;
    this.#typingToldAt = Date.now();
    const preview =
      hasPreview && isTyping ? { text: [...text].slice(0, PREVIEW_CHARACTERS_MOST).join("") } : {};
    this.#line.send({ type: "typing", is_typing: isTyping, ...preview });
  }

  /** A person has seen everything that is here. */
  see(): void {
    const last = this.events.findLast((it) => it.kind === "message" && it.by !== "client")?.seq ?? 0;
    if (last <= this.visitorRead) return;
    this.visitorRead = last;
    this.#line.send({ type: "read", seq: last });
  }

  turnPage(url: string, title: string | undefined): void {
    this.#page = { url, title };
    this.#tellPage();
  }

  /** To keep. */
  async saveTranscript(title: string): Promise<void> {
    try {
      save(await this.door.transcript(), `${title}.txt`);
    } catch {
      this.failure = t("failed_call");
    }
  }

  /** For how long it has been over, by the server's clock. */
  closedForMs(): number {
    const { at } = this.events.findLast(({ kind }) => kind === "closed") ?? {};
    return at === undefined ? 0 : Date.now() - this.#clockAheadMs - at;
  }

  leave(): void {
    clearTimeout(this.#resume);
    clearTimeout(this.#typingLater);
    for (const { stop } of this.uploads) stop.abort();
    this.#line.end();
  }

  #tellPage(): void {
    if (this.#page) {
      const { url, title } = this.#page;
      this.#line.send({ type: "page", url, ...(title && { title }) });
    }
  }

  #changed(state: LineState, code?: number): void {
    this.lineState = state;
    if (state === "open") return;
    this.#inFlight = undefined;
    this.isAgentTyping = false;
    if (state === "over" && code !== undefined && code !== 1000) this.happened.over(code);
  }

  #hear(frame: FromServer): void {
    switch (frame.type) {
      case "welcome":
        this.#clockAheadMs = Date.now() - frame.server_time;
        return this.#welcome(frame.conversation);
      case "events":
        return this.#take(frame.events);
      case "ack":
        return this.#acknowledged(frame.id);
      case "refused":
        if (frame.id) this.#refused(frame.id, frame.errors, frame.retry_after_seconds);
        return;
      case "typing":
        clearTimeout(this.#typingOver);
        this.isAgentTyping = frame.is_typing;
        this.#typingOver = setTimeout(() => (this.isAgentTyping = false), TYPING_BELIEVED_MS);
        return;
      case "read":
        if (frame.by === "agent") this.agentRead = Math.max(this.agentRead, frame.seq);
        else this.visitorRead = Math.max(this.visitorRead, frame.seq);
        return;
      case "position":
        this.position = { place: frame.place, wait_seconds: frame.wait_seconds };
    }
  }

  #welcome(opened: Opened): void {
    // The server was restored from a backup: our copy is of another past.
    if (opened.seq < this.#cursor) return this.#begin();
    if (this.#cursor === 0) this.#copiedUpTo = opened.seq;
    this.opened = opened;
    this.agentRead = opened.agent_read;
    this.visitorRead = Math.max(this.visitorRead, opened.visitor_read);
    if (this.visitorRead > opened.visitor_read) this.#line.send({ type: "read", seq: this.visitorRead });
    this.#tellPage();
    this.#flush();
  }

  /** Forgets the copy and gets it anew. */
  #begin(): void {
    this.#cursor = 0;
    this.#copiedUpTo = 0;
    this.events = [];
    this.visitorRead = 0;
    this.#line.restart();
  }

  #take(events: LogEvent[]): void {
    const seen: LogEvent[] = [];
    for (const event of events) {
      if (event.seq <= this.#cursor) continue;
      // A gap: the log has the rest.
      if (event.seq > this.#cursor + 1) {
        this.#show(seen);
        return this.#line.restart();
      }
      this.#cursor = event.seq;
      if (event.kind === "erased" && event.seq > this.#copiedUpTo) return this.#begin();
      if (event.kind) seen.push(event);
    }
    this.#show(seen);
  }

  #show(seen: LogEvent[]): void {
    if (!seen.length) return;
    this.events = [...this.events, ...seen];
    for (const event of seen) {
      if (event.id) this.#arrived(event.id);
      if (event.kind === "message" && event.by !== "client") this.isAgentTyping = false;
      if (event.kind === "assigned") this.position = undefined;
      if (event.seq > this.#copiedUpTo) this.happened.event(event);
    }
    // Another queue has other rules, of previews and files: the next welcome says which.
    if (seen.some((it) => it.kind === "transferred" && it.seq > this.#copiedUpTo)) this.#line.restart();
  }

  /** It is in the log. */
  #arrived(id: string): void {
    this.discard(id);
    if (this.#inFlight === id) {
      this.#inFlight = undefined;
      this.#flush();
    }
  }

  #acknowledged(id: string): void {
    const one = this.pending.find((it) => it.id === id);
    if (one) one.state = "sent";
    forget(this.#unsentName(id));
    if (this.#inFlight === id) this.#inFlight = undefined;
    this.#flush();
  }

  #refused(id: string, errors: Refusal[], retryAfterSeconds: number | undefined): void {
    if (this.#inFlight === id) this.#inFlight = undefined;
    if (retryAfterSeconds !== undefined) {
      // What was said after it waits, too: the order stays.
      clearTimeout(this.#resume);
      this.#resume = setTimeout(
        () => {
          this.#resume = undefined;
          this.#flush();
        },
        retryAfterSeconds * 1000 || ACK_RETRY_MS,
      );
      return;
    }
    if (errors.some((error) => error.code === CODE.blocked)) this.isBlocked = true;
    const one = this.pending.find((it) => it.id === id);
    if (one) {
      one.state = "failed";
      one.why = errors.map((error) => error.message).join(" ");
    }
    this.#flush();
  }

  /** One at a time: what was said first is stored first, also when something in between is refused. */
  #flush(): void {
    if (this.#inFlight || this.#resume || this.lineState !== "open") return;
    const next = this.pending.find((it) => it.state === "sending");
    if (!next) return;
    const { id, text, files } = next;
    const withFiles = files.length ? { file_ids: files.map((file) => file.file_id) } : {};
    if (this.#line.send({ type: "message", id, text, ...withFiles })) {
      this.#inFlight = id;
      this.#line.expectAnswer();
    }
  }

  #unsentName(id: string): string {
    return `${this.#unsentPrefix()}${id}`;
  }

  /** Enough of the token to tell conversations apart, and too little to open one. */
  #unsentPrefix(): string {
    return `unsent.${this.token.slice(0, 12)}.`;
  }

  #takeUnsent(): void {
    const unsent = names(this.#unsentPrefix()).map((name) => read<Unsent>(name));
    const known = unsent.filter((it): it is Unsent => typeof it?.id === "string");
    known.sort((a, b) => a.at - b.at);
    this.pending = known.map((it) => ({ ...it, files: it.files ?? [], state: "sending" as const }));
  }
}
