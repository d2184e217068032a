/** What the chat as a whole is about: which conversation, which queue, and what is shown of it. */
import { newId } from "../../shared/id";
import { type LogEvent } from "../../shared/protocol";
import type { Conversation } from "./conversation.svelte";
import {
  type Asks,
  type Clause,
  CODE,
  type Look,
  open,
  type Opening,
  type Queue,
  Refused,
  showQueue,
  Unreached,
} from "./door";
import { Host } from "./host.svelte";
import { forget, isKept, type Kept, type KnownVisitor, onChange, read, write } from "./keep";
import { chosen, speak, spoken, t } from "./words.svelte";

export interface Fields {
  name: string;
  email: string;
  consents: number[];
}

type Screen = "loading" | "unavailable" | "form" | "talk" | "blocked" | "link_over" | "old_page";

const SHIPPED: Look = {
  color: "#1f5fd6",
  ink: "#ffffff",
  side: "right",
  offset_x_pixels: 20,
  offset_y_pixels: 20,
  is_launcher_hidden: false,
  asks_name: "optional",
  asks_email: "optional",
  title: { pl: "", en: "" },
  greeting: { pl: "", en: "" },
  away: { pl: "", en: "" },
};

type Parts = typeof import("./talk");

/** Closed for so long: who comes back has something new to say. */
const CLOSED_KEPT_MS = 3_600_000;
/** A file that was pasted is no message. */
export const DRAFT_CHARACTERS_MOST = 65_536;
const READY_ASKED_EVERY_MS = 60_000;
const QUEUES_MOST = 10;
const OLD_VERSION = 4013;

export class Chat {
  screen = $state<Screen>("loading");
  /** There are words to show anything with. */
  isSpoken = $state(false);
  /** What a conversation needs; it comes while the form is filled in. */
  parts = $state.raw<Parts>();
  queues = $state.raw<Queue[]>([]);
  queueId = $state<number>();
  conversation = $state.raw<Conversation>();
  isMuted = $state(read<boolean>("muted") === true);
  /** What was written and not said. */
  draft = $state("");
  /** Above the form. */
  notice = $state("");
  /** Why the chat is not available. */
  why = $state("");
  isVisible = $state(!document.hidden);
  readonly host = new Host();
  /** A page of our own, by its link. */
  readonly isPage = location.pathname.startsWith("/c/");
  /** Where the conversation is, when the page offers another queue: it was transferred. */
  #elsewhere = $state.raw<Queue>();
  /** What the page or this browser knows of the visitor is not taken. */
  #isDoubted = $state(false);
  #attempt: { said: string; key: string } | undefined;

  readonly queue = $derived(
    [...this.queues, this.#elsewhere].find((it) => it?.chat_queue_id === this.queueId) ?? this.queues[0],
  );
  readonly look = $derived(this.queue?.widget ?? SHIPPED);
  /** What the chat is called. */
  readonly title = $derived(
    chosen(this.look.title) || this.queue?.name || this.conversation?.opened?.queue || t("title"),
  );
  /** Somebody has it before the eyes. */
  readonly isSeen = $derived(this.isVisible && this.host.isOpen);

  constructor() {
    document.addEventListener("visibilitychange", () => (this.isVisible = !document.hidden));
    onChange((name) => {
      if (name === "conversation") this.#keptChanged();
      // Who types has the last word.
      else if (name === this.#draftName && !this.isVisible) this.#takeDraft();
    });
    setInterval(() => this.#askWhetherReady(), READY_ASKED_EVERY_MS);
  }

  async begin(): Promise<void> {
    try {
      await speak();
      this.isSpoken = true;
      document.querySelector("#loading")?.remove();
      this.#takeDraft();
      const [, place, rest] = location.pathname.split("/");
      if (place === "c") return await this.#enter({ token: decodeURIComponent(rest ?? "") });
      const ids = (rest ?? "").split(",").map(Number).slice(0, QUEUES_MOST);
      const kept = read<Kept>("conversation");
      if (kept) await this.#enter(kept);
      await this.#load(ids);
      if (!this.conversation && this.queues.length) this.screen = "form";
      void this.#getParts().catch(() => undefined);
    } catch {
      // A part of ours could not be loaded.
      this.why = t("unreached");
      this.screen = "unavailable";
    }
  }

  async #getParts(): Promise<Parts> {
    try {
      return (this.parts ??= await import("./talk"));
    } catch {
      throw new Unreached();
    }
  }

  async #load(ids: number[]): Promise<void> {
    try {
      const found = await Promise.allSettled(ids.map((id) => showQueue(id, spoken())));
      this.queues = found.filter((it) => it.status === "fulfilled").map((it) => it.value);
      const failed = found.find((it) => it.status === "rejected");
      if (!this.queues.length && failed) throw failed.reason;
    } catch (error) {
      if (this.conversation) return;
      const isBusy = error instanceof Refused && error.retryAfterSeconds !== undefined;
      this.why = error instanceof Unreached ? t("unreached") : isBusy ? error.message : t("unavailable");
      this.screen = "unavailable";
    }
  }

  /** Goes on with a conversation. */
  async #enter(kept: Kept): Promise<void> {
    const { Conversation } = await this.#getParts();
    this.conversation?.leave();
    this.conversation = new Conversation(kept, {
      event: (event) => this.#happened(event),
      over: (code) => this.#over(code),
    });
    this.#takeDraft();
    this.screen = "talk";
    this.host.tell({ rozmowa: "kept", is_kept: isKept });
  }

  /** The conversation is known, and with it its queue. */
  async welcomed(queueId: number): Promise<void> {
    this.host.tell({ rozmowa: "kept", is_kept: isKept });
    this.queueId = queueId;
    if (this.queue?.chat_queue_id === queueId) return;
    const queue = await showQueue(queueId, spoken()).catch(() => undefined);
    if (queue && this.isPage) this.queues = [queue];
    else if (queue) this.#elsewhere = queue;
  }

  /** A kept conversation that ended long ago, and of which everything was read, is over. */
  isLongOver(): boolean {
    const { conversation } = this;
    if (this.isPage || !conversation?.isClosed || conversation.unread) return false;
    return conversation.closedForMs() > CLOSED_KEPT_MS;
  }

  /** The page may name somebody else than the one whose conversation this browser has kept. */
  named(): void {
    const whom = this.host.whom();
    const kept = this.isPage ? undefined : read<Kept>("conversation");
    if (!whom || !kept || kept.token !== this.conversation?.token) return;
    if (!kept.whom) return write("conversation", { ...kept, whom });
    if (kept.whom === whom) return;
    forget("visitor");
    this.#leave();
    this.startNew();
  }

  #happened(event: LogEvent): void {
    if (event.kind === "closed") this.host.tell({ rozmowa: "event", name: "conversation_finished" });
    const isNews = event.kind === "message" && event.by !== "client" && event.by !== "system";
    if (isNews && !this.isMuted && !(this.isSeen && document.hasFocus())) this.parts?.beep();
  }

  #over(code: number): void {
    if (code === OLD_VERSION) {
      this.screen = "old_page";
    } else if (this.isPage) {
      this.screen = "link_over";
    } else {
      this.notice = t("conversation_gone");
      this.startNew();
    }
  }

  /** Another tab has opened a conversation, or a newer one. */
  #keptChanged(): void {
    if (this.isPage) return;
    const kept = read<Kept>("conversation");
    if (kept && kept.token !== this.conversation?.token) void this.#enter(kept);
  }

  startNew(): void {
    const { conversation } = this;
    const unsaid = (conversation?.pending ?? []).map((it) => it.text);
    const draft = [...unsaid, this.draft].filter(Boolean).join("\n");
    this.#leave();
    this.keepDraft(draft);
    if (!this.queues.some((it) => it.chat_queue_id === this.queueId)) this.queueId = undefined;
    this.screen = this.queues.length ? "form" : "unavailable";
    if (!this.queues.length) this.why = t("unavailable");
  }

  /** Forgets the conversation, and what of it is here. */
  #leave(): void {
    const { conversation } = this;
    for (const { id } of conversation?.pending ?? []) conversation?.discard(id);
    this.keepDraft("");
    conversation?.leave();
    if (!this.isPage && read<Kept>("conversation")?.token === conversation?.token) forget("conversation");
    this.conversation = undefined;
    this.host.tell({ rozmowa: "kept", is_kept: false });
  }

  keepDraft(text: string): void {
    this.draft = text.slice(0, DRAFT_CHARACTERS_MOST);
    if (text) write(this.#draftName, this.draft);
    else forget(this.#draftName);
  }

  /** Each conversation has its own: with two links open, none gets what was meant for the other. */
  get #draftName(): string {
    return `draft.${this.conversation?.token.slice(0, 12) ?? "new"}`;
  }

  #takeDraft(): void {
    this.draft = (read<string>(this.#draftName) ?? "").slice(0, DRAFT_CHARACTERS_MOST);
  }

  /** There is nothing left to ask: the company knows the visitor, or this browser does. */
  knows(queue: Queue): boolean {
    const { asks_name, asks_email } = queue.widget;
    const { name, email, consents, asked } = this.known();
    const wasAsked = this.#remembered() !== undefined;
    if (this.#isDoubted) return false;
    const isMet = (asks: Asks, value: string) =>
      asks === "no" || value !== "" || (asks === "optional" && wasAsked);
    const isNamed = this.host.identity !== undefined || (isMet(asks_name, name) && isMet(asks_email, email));
    const isSettled = (clause: Clause) =>
      clause.kind === "information" || (clause.is_required ? consents : asked).includes(versionOf(clause));
    return this.queues.length === 1 && isNamed && queue.clauses.every(isSettled);
  }

  /** What this browser knows, of the one whom the page names now. */
  #remembered(): KnownVisitor | undefined {
    const kept = read<KnownVisitor>("visitor");
    return kept && kept.whom === this.host.whom() ? kept : undefined;
  }

  /** As far as the page or this browser knows. */
  known(): KnownVisitor {
    const kept = this.#remembered();
    return {
      name: this.host.user.name ?? kept?.name ?? "",
      email: this.host.user.email ?? kept?.email ?? "",
      consents: kept?.consents ?? [],
      asked: kept?.asked ?? [],
    };
  }

  /** What is agreed to again without being asked again. */
  agreed(queue: Queue): number[] {
    const { consents } = this.known();
    return queue.clauses
      .filter((it) => it.kind === "consent" && consents.includes(versionOf(it)))
      .map((it) => it.clause_id);
  }

  /** Opens a conversation. What went wrong, in words; nothing when all is well. */
  async open(queue: Queue, fields: Fields, text: string): Promise<string> {
    const { host } = this;
    const optional = {
      name: fields.name.trim(),
      email: fields.email.trim(),
      page_url: host.url,
      page_title: host.title,
      identity: host.identity,
    };
    const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value));
    const what = {
      chat_queue_id: queue.chat_queue_id,
      language: spoken(),
      consents: fields.consents,
      text,
      ...given,
    };
    // The same attempt again is the same conversation.
    const said = JSON.stringify(what);
    if (this.#attempt?.said !== said) this.#attempt = { said, key: newId() };
    const { key } = this.#attempt;
    try {
      await this.#getParts();
      if (await this.#isOpenElsewhere(text)) return "";
      const opened = await open({ ...what, client_key: key } as Opening, key);
      this.#attempt = undefined;
      const asked = queue.clauses.map(versionOf);
      const consents = queue.clauses.filter((it) => fields.consents.includes(it.clause_id)).map(versionOf);
      const whom = host.whom();
      const [name, email] = [fields.name.trim(), fields.email.trim()];
      write("visitor", { whom, name, email, consents, asked } satisfies KnownVisitor);
      await this.#opened({ token: opened.token, whom });
      return "";
    } catch (error) {
      return this.#notOpened(error, queue);
    }
  }

  /** Another tab was quicker: what is said here is said there. */
  async #isOpenElsewhere(text: string): Promise<boolean> {
    const kept = this.isPage ? undefined : read<Kept>("conversation");
    if (!kept) return false;
    this.keepDraft("");
    if (kept.token !== this.conversation?.token) await this.#enter(kept);
    this.conversation?.say(text);
    return true;
  }

  async #opened(kept: Kept): Promise<void> {
    this.notice = "";
    this.keepDraft("");
    if (this.isPage) history.replaceState(null, "", `/c/${kept.token}`);
    else write("conversation", kept);
    await this.#enter(kept);
    const name = this.host.wantsTicket ? "ticket_created" : "conversation_created";
    this.host.wantsTicket = false;
    this.host.tell({ rozmowa: "event", name });
  }

  async #notOpened(error: unknown, queue: Queue): Promise<string> {
    if (error instanceof Unreached) return t("unreached");
    if (!(error instanceof Refused)) return t("failed_call");
    this.#isDoubted = error.status === 400;
    if (error.has(CODE.blocked)) {
      this.screen = "blocked";
    } else if (error.has(CODE.identityNeeded)) {
      this.why = t("identity_needed");
      this.screen = "unavailable";
    } else if (error.has(CODE.clauseChanged)) {
      await this.#load(this.queues.map((it) => it.chat_queue_id));
      this.queueId = queue.chat_queue_id;
      return t("clause_changed");
    }
    return error.errors.map((it) => it.message).join(" ") || t("failed_call");
  }

  /** Hours begin and end, people come and go. */
  async #askWhetherReady(): Promise<void> {
    const { queue } = this;
    const isWaited = this.screen === "form" || this.conversation?.isWaiting;
    if (!queue || !isWaited || !this.isSeen) return;
    const fresh = await showQueue(queue.chat_queue_id, spoken()).catch(() => undefined);
    if (fresh && queue === this.#elsewhere) this.#elsewhere = fresh;
    else if (fresh) this.queues = this.queues.map((it) => (it === queue ? fresh : it));
  }

  mute(isMuted: boolean): void {
    this.isMuted = isMuted;
    write("muted", isMuted);
  }
}

function versionOf(clause: Clause): string {
  return `${clause.clause_id}:${clause.version}`;
}
