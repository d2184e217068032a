/** The lists of conversations: pages from the server, and what frames say of them since. */
import { SvelteMap, SvelteSet } from "svelte/reactivity";
import type { Turn } from "../../shared/protocol";
import { type Api, ApiError, type Schemas } from "./api";
import { type Log, told } from "./log.svelte";
import { order } from "./order";
import { Row } from "./row.svelte";

export type View = "mine" | "waiting" | "all" | "closed";

export const VIEWS: readonly View[] = ["mine", "waiting", "all", "closed"];

/** How far a list is here. */
class Place {
  /** Where the next page begins; null when all is here, undefined when nothing is. */
  next = $state<string | null>();
  isLoading = $state(false);
  hasFailed = $state(false);
  /** Of what comes after this conversation nothing is known. */
  bound = $state("");
}

const PAGE = 100;
/** Mine and those that wait are here as a whole, up to so many pages. */
const PAGES_MOST = 10;
const TOGETHER_MS = 200;
const AGAIN_MS = 3_000;
const SHEETS_AT_ONCE = 4;
/** Enough of a log to tell what was said last. */
const TAIL = 30;

const FORBIDDEN = 403;
const NOT_FOUND = 404;

export class Rows {
  readonly map = new SvelteMap<string, Row>();
  readonly #members: Record<View, SvelteSet<string>> = {
    mine: new SvelteSet(),
    waiting: new SvelteSet(),
    all: new SvelteSet(),
    closed: new SvelteSet(),
  };
  readonly #places = new Map<string, Place>();
  /** The lists have been here once. */
  isReady = $state(false);
  /** Of the line: what an older one told may be out of date. */
  age = 0;
  /** Conversations about which the server is to be asked, and how many times it was. */
  readonly #asked = new Set<string>();
  #soon: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(
    private readonly agent: number,
    private readonly api: Api,
    private readonly tell: {
      /** One has become mine. */
      became(row: Row, view: "mine" | "waiting"): void;
      left(row: Row, view: "mine" | "waiting"): void;
      queueName(id: number): string | undefined;
      logOf(conversation: string): Log | undefined;
      isShown(conversation: string): boolean;
    },
  ) {}

  count(view: View): number {
    return this.#members[view].size;
  }

  has(view: View, id: string): boolean {
    return this.#members[view].has(id);
  }

  /** Whose they are here, whatever the order. */
  members(view: View): Iterable<string> {
    return this.#members[view];
  }

  /** In the order of the view. */
  list(view: View, queue?: number): string[] {
    const found: Row[] = [];
    const { bound } = this.place(view, queue);
    const isBound = view === "all" || view === "closed";
    for (const id of this.#members[view]) {
      const row = this.map.get(id);
      if (!row || (queue !== undefined && row.queueId !== queue) || (isBound && id < bound)) continue;
      found.push(row);
    }
    if (view === "mine") found.sort(order);
    else if (view === "waiting") found.sort((a, b) => (a.waitingSince ?? 0) - (b.waitingSince ?? 0));
    else found.sort((a, b) => (a.id < b.id ? 1 : -1));
    return found.map(({ id }) => id);
  }

  place(view: View, queue?: number): Place {
    const name = `${view} ${queue ?? ""}`;
    let place = this.#places.get(name);
    if (!place) this.#places.set(name, (place = new Place()));
    return place;
  }

  /** The next page, or the first one. */
  async more(view: View, queue?: number): Promise<void> {
    const place = this.place(view, queue);
    if (place.isLoading || place.next === null) return;
    place.isLoading = true;
    place.hasFailed = false;
    try {
      await this.#page(place, view, queue, place.next);
    } catch {
      place.hasFailed = true;
    } finally {
      place.isLoading = false;
    }
  }

  async #page(
    place: Place,
    view: View,
    queue: number | undefined,
    cursor: string | undefined,
  ): Promise<string[]> {
    const { age } = this;
    const query = {
      view,
      limit: PAGE,
      ...(queue && { chat_queue_id: queue }),
      ...(cursor && { cursor }),
    };
    const { result, next_cursor } = await this.api.get("/console/conversations", { query });
    if (this.#isOver || age !== this.age) return [];
    for (const row of result) this.#take(row);
    place.next = next_cursor;
    place.bound = next_cursor === null ? "" : (result.at(-1)?.conversation_id ?? place.bound);
    return result.map((row) => row.conversation_id);
  }

  /** One list anew, as far as it is here. Throws when nobody answers. */
  async reread(view: View, queue?: number): Promise<string[]> {
    const { age } = this;
    const place = this.place(view, queue);
    const { bound } = place;
    const isWhole = view === "mine" || view === "waiting";
    const seen: string[] = [];
    let next: string | null | undefined;
    for (let pages = 0; pages < PAGES_MOST && next !== null; pages++) {
      if (pages > 0 && !isWhole && place.bound <= bound) break;
      seen.push(...(await this.#page(place, view, queue, next)));
      if (age !== this.age) break;
      next = place.next;
    }
    return seen;
  }

  /** The line is there: all lists anew, for nobody told what happened meanwhile. Throws when nobody answers. */
  async refresh(): Promise<void> {
    const { age } = this;
    const seen = new Set<string>();
    const loaded = [...this.#places].filter(([, { next }]) => next !== undefined).map(([name]) => name);
    const shown = new Set(["mine ", "waiting ", ...loaded]);
    for (const name of shown) {
      const [view, queue] = name.split(" ") as [View, string];
      for (const id of await this.reread(view, queue ? Number(queue) : undefined)) seen.add(id);
      if (age !== this.age) return;
    }
    for (const row of this.map.values()) {
      if (row.age === age || seen.has(row.id) || !row.isOpen) continue;
      if (this.tell.isShown(row.id)) this.ask(row.id);
      else this.forget(row.id);
    }
    this.isReady = true;
  }

  turn(turn: Turn): void {
    if (turn.kind === "deleted") return this.forget(turn.conversation);
    const row = this.map.get(turn.conversation);
    if (!row) return this.ask(turn.conversation);
    const { isNews, isPartial } = row.turn(turn, this.age, this.tell.queueName(turn.chat_queue_id));
    if (isNews) this.#settle(row);
    if (isPartial) this.ask(row.id);
  }

  /** Whatever is known of it from elsewhere. */
  showSheet(sheet: Schemas["ConversationSheet"]): Row {
    const row = this.#row(sheet.conversation_id);
    row.showSheet(sheet, this.age);
    this.#settle(row);
    return row;
  }

  missed(id: string): void {
    const row = this.map.get(id);
    if (row) row.isMissed = true;
  }

  forget(id: string): void {
    const row = this.map.get(id);
    if (!row) return;
    for (const view of VIEWS) this.#put(row, view, false);
    this.map.delete(id);
  }

  /** Has the server say what it is now; many at once are one call. */
  ask(id: string): void {
    this.#asked.add(id);
    this.#soon ??= setTimeout(() => void this.#answer(), TOGETHER_MS);
  }

  end(): void {
    this.#isOver = true;
    clearTimeout(this.#soon);
  }

  async #answer(): Promise<void> {
    const asked = [...this.#asked];
    this.#asked.clear();
    const { age } = this;
    const unknown = asked.filter((id) => !this.map.has(id));
    let againMs = TOGETHER_MS;
    try {
      if (unknown.length) {
        // New ones are on the first page of all.
        const query = { view: "all" as const, limit: PAGE };
        const { result } = await this.api.get("/console/conversations", { query });
        if (this.#isOver) return;
        if (age === this.age) for (const row of result) this.#take(row);
      }
      const rest = asked.filter((id) => !unknown.includes(id) || !this.map.has(id));
      for (let at = 0; at < rest.length; at += SHEETS_AT_ONCE) {
        await Promise.all(rest.slice(at, at + SHEETS_AT_ONCE).map((id) => this.#askOne(id)));
      }
    } catch {
      for (const id of asked) this.#asked.add(id);
      againMs = AGAIN_MS;
    }
    this.#soon = undefined;
    if (this.#asked.size && !this.#isOver) this.#soon = setTimeout(() => void this.#answer(), againMs);
  }

  async #askOne(id: string): Promise<void> {
    const { age } = this;
    try {
      const sheet = await this.api.get("/console/conversations/{id}", { path: { id } });
      if (this.#isOver) return;
      // The line was cut meanwhile: this may be older than what was told since.
      if (age !== this.age) return this.ask(id);
      const isNew = !this.map.has(id);
      const row = this.showSheet(sheet);
      if (!isNew) return;
      const query = { after: Math.max(0, sheet.seq - TAIL), limit: TAIL };
      const { events } = await this.api.get("/console/conversations/{id}/events", { path: { id }, query });
      for (const { kind, seq, at, by, text } of events.map(told)) {
        if (kind === "message") row.say({ seq, at: at ?? 0, by: by ?? "system", text: text ?? null });
      }
    } catch (error) {
      if (!(error instanceof ApiError) || error.status >= 500) throw error;
      // It is nothing of ours any more.
      if (error.status === FORBIDDEN || error.status === NOT_FOUND) this.forget(id);
    }
  }

  #row(id: string): Row {
    let row = this.map.get(id);
    if (!row) this.map.set(id, (row = new Row(id)));
    return row;
  }

  #take(shown: Schemas["ConversationRow"]): void {
    const row = this.#row(shown.conversation_id);
    row.show(shown, this.age);
    const log = this.tell.logOf(row.id);
    if (log) row.settle(log);
    this.#settle(row);
  }

  /** Puts it into the lists that it is in now. */
  #settle(row: Row): void {
    const isMine = row.isOpen && row.agentId === this.agent;
    this.#put(row, "all", row.isOpen);
    this.#put(row, "closed", !row.isOpen);
    this.#put(row, "waiting", row.isWaiting);
    this.#put(row, "mine", isMine);
  }

  #put(row: Row, view: View, isIn: boolean): void {
    const members = this.#members[view];
    if (members.has(row.id) === isIn) return;
    if (isIn) members.add(row.id);
    else members.delete(row.id);
    if (view !== "mine" && view !== "waiting") return;
    if (isIn) this.tell.became(row, view);
    else this.tell.left(row, view);
  }
}
