/** What agents have said and the server has not acknowledged yet: kept over reloads, sent in its order, stored once. */
import { newId } from "../../shared/id";
import type { FileShown, FromAgent, Refusal } from "../../shared/protocol";
import { ApiError, isPassing } from "./api";
import { forget, names, readIf, write } from "./keep";

/** A reply goes to the client; notes and whispers are for agents alone. */
export type How = "reply" | "note" | "whisper";

export interface Unsent {
  id: string;
  conversation: string;
  how: How;
  text: string;
  at: number;
  files: FileShown[];
  /** Why it was refused for good: it is not said again by itself. What has waited for too long has failed without. */
  why?: string;
}

export interface Pending extends Unsent {
  state: "sending" | "sent" | "failed";
}

export interface Ways {
  isOpen(): boolean;
  /** Whether it went out. */
  send(frame: FromAgent): boolean;
  expectAnswer(): void;
  /** Notes and whispers. */
  post(how: Exclude<How, "reply">, unsent: Unsent): Promise<void>;
  /** Whether the conversation's events come: then what is acknowledged stays until it is in the log. */
  isWatched(conversation: string): boolean;
}

const RETRY_MS = 1_000;
/** What was right to say then may be wrong by now: who has said it decides. */
const SAID_WITHIN_MS = 3_600_000;
const HOWS: unknown[] = ["reply", "note", "whisper"] satisfies How[];
/** Replies and notes go different ways and do not wait for each other. */
const lane = ({ conversation, how }: Unsent) => `${conversation} ${how === "reply" ? "reply" : "note"}`;

const isOld = ({ at }: Unsent) => Date.now() - at > SAID_WITHIN_MS;

/** As this page writes it: others may have been here, of other versions, too. */
function isUnsent({ id, conversation, how, text, at, files, why }: Partial<Unsent>): boolean {
  return (
    [id, conversation, text].every((it) => typeof it === "string") &&
    HOWS.includes(how) &&
    Number.isFinite(at) &&
    Array.isArray(files) &&
    files.every((file: Partial<FileShown> | null) => typeof file?.file_id === "string") &&
    ["undefined", "string"].includes(typeof why)
  );
}

export class Outbox {
  /** By conversation, in the order in which it was said. */
  #pending = $state<Record<string, Pending[]>>({});
  readonly #conversationOf = new Map<string, string>();
  /** By lane: one at a time, so that what was said first is stored first, also when something in between is refused. */
  readonly #inFlight = new Map<string, string>();
  readonly #resume = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #prefix: string;
  #isOver = false;

  constructor(
    agent: number,
    private readonly ways: Ways,
  ) {
    this.#prefix = `unsent.${agent}.`;
    const known = names(this.#prefix).map((name) =>
      readIf<Unsent>(name, (it) => isUnsent(it) && this.#prefix + it.id === name),
    );
    const unsent = known.filter((it) => it !== undefined);
    unsent.sort((a, b) => a.at - b.at);
    for (const one of unsent)
      this.#add({ ...one, state: one.why === undefined && !isOld(one) ? "sending" : "failed" });
  }

  of(conversation: string): readonly Pending[] {
    return this.#pending[conversation] ?? [];
  }

  /** Whether leaving the page would leave something unsaid. */
  get isEmpty(): boolean {
    return this.#conversationOf.size === 0;
  }

  say(conversation: string, how: How, text: string, files: FileShown[] = []): string {
    const unsent: Unsent = { id: newId(), conversation, how, text, at: Date.now(), files };
    this.#keep(unsent);
    this.#add({ ...unsent, state: "sending" });
    this.#flush(conversation);
    return unsent.id;
  }

  again(id: string): void {
    const one = this.#find(id);
    if (!one) return;
    one.state = "sending";
    one.at = Date.now();
    delete one.why;
    this.#keep(one);
    this.#flush(one.conversation);
  }

  discard(id: string): void {
    forget(this.#prefix + id);
    const conversation = this.#conversationOf.get(id);
    if (conversation === undefined) return;
    this.#conversationOf.delete(id);
    const rest = this.of(conversation).filter((it) => it.id !== id);
    if (rest.length) this.#pending[conversation] = rest;
    else delete this.#pending[conversation];
  }

  /** It is in the log. */
  arrived(id: string): void {
    const one = this.#find(id);
    if (!one) return;
    this.#release(one);
    this.discard(id);
    this.#flush(one.conversation);
  }

  acknowledged(id: string): void {
    const one = this.#find(id);
    if (!one) return;
    this.#release(one);
    forget(this.#prefix + id);
    if (this.ways.isWatched(one.conversation)) one.state = "sent";
    else this.discard(id);
    this.#flush(one.conversation);
  }

  refused(id: string, errors: readonly Refusal[], retryAfterSeconds: number | undefined): void {
    const one = this.#find(id);
    if (!one) return;
    this.#release(one);
    if (retryAfterSeconds !== undefined) return this.#later(one, retryAfterSeconds * 1000 || RETRY_MS);
    one.state = "failed";
    one.why = errors.map(({ message }) => message).join(" ");
    this.#keep(one);
    this.#flush(one.conversation);
  }

  /** The conversation is gone, and what was to be said in it. */
  forgetAll(conversation: string): void {
    for (const { id } of this.of(conversation)) this.discard(id);
  }

  /** Acknowledged, and the conversation is not looked at any more: the log will not say so. */
  unwatched(conversation: string): void {
    for (const { id, state } of this.of(conversation)) if (state === "sent") this.discard(id);
  }

  /** The line is back. */
  opened(): void {
    for (const conversation of Object.keys(this.#pending)) this.#flush(conversation);
  }

  /** What was on its way may have been lost. */
  lost(): void {
    for (const [name, id] of this.#inFlight) {
      const how = this.#find(id)?.how ?? "reply";
      if (how === "reply") this.#inFlight.delete(name);
    }
    // What was acknowledged comes with the log, unless a backup has undone it: said again, it is the same.
    for (const all of Object.values(this.#pending)) {
      for (const one of all) if (one.state === "sent") one.state = "sending";
    }
  }

  end(): void {
    this.#isOver = true;
    for (const timer of this.#resume.values()) clearTimeout(timer);
  }

  #keep({ id, conversation, how, text, at, files, why }: Unsent): void {
    const unsent = { id, conversation, how, text, at, files, ...(why !== undefined && { why }) };
    write(this.#prefix + id, $state.snapshot(unsent));
  }

  #find(id: string): Pending | undefined {
    const conversation = this.#conversationOf.get(id);
    return conversation === undefined ? undefined : this.#pending[conversation]?.find((it) => it.id === id);
  }

  #add(pending: Pending): void {
    this.#conversationOf.set(pending.id, pending.conversation);
    // As a new array: one that is put in and added to at once would be another than the one that is watched.
    this.#pending[pending.conversation] = [...this.of(pending.conversation), pending];
  }

  #release(one: Pending): void {
    if (this.#inFlight.get(lane(one)) === one.id) this.#inFlight.delete(lane(one));
  }

  /** What was said after it waits, too: the order stays. */
  #later(one: Pending, afterMs: number): void {
    clearTimeout(this.#resume.get(lane(one)));
    const again = () => {
      this.#resume.delete(lane(one));
      this.#flush(one.conversation);
    };
    this.#resume.set(lane(one), setTimeout(again, afterMs));
  }

  #flush(conversation: string): void {
    if (this.#isOver || !this.ways.isOpen()) return;
    const tried = new Set<string>();
    for (const one of this.of(conversation)) {
      const name = lane(one);
      const isBusy = tried.has(name) || this.#inFlight.has(name) || this.#resume.has(name);
      if (one.state !== "sending" || isBusy) continue;
      if (isOld(one)) {
        one.state = "failed";
        continue;
      }
      tried.add(name);
      if (one.how === "reply") this.#reply(one);
      else void this.#post(one, one.how);
    }
  }

  #reply(one: Pending): void {
    const { id, conversation, text, files } = one;
    const withFiles = files.length ? { file_ids: files.map((file) => file.file_id) } : {};
    if (!this.ways.send({ type: "message", conversation, id, text, ...withFiles })) return;
    this.#inFlight.set(lane(one), id);
    this.ways.expectAnswer();
  }

  async #post(one: Pending, how: Exclude<How, "reply">): Promise<void> {
    this.#inFlight.set(lane(one), one.id);
    try {
      await this.ways.post(how, $state.snapshot(one));
      this.acknowledged(one.id);
    } catch (error) {
      if (isPassing(error)) {
        const { retry_after } = error instanceof ApiError ? error : { retry_after: undefined };
        this.refused(one.id, [], retry_after ?? 0);
      } else {
        this.refused(one.id, error instanceof ApiError ? error.errors : [], undefined);
      }
    }
  }
}
