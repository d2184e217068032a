/** Where somebody is among conversations, and what can be done to the one that is open. */
import { getContext, setContext } from "svelte";
import { toast, toastFailure } from "../kit/toast.svelte";
import { go, here } from "../router.svelte";
import { api } from "../state/api";
import type { Desk } from "../state/desk.svelte";
import type { How } from "../state/outbox.svelte";
import { type View, VIEWS } from "../state/rows.svelte";
import { session } from "../state/session.svelte";
import { Sheet } from "../state/sheet.svelte";
import { t } from "../texts.svelte";

export type Asking = "transfer" | "close" | "label" | "assign" | "block" | "mail";

/** What the editor of an open conversation can be asked for from outside of it. */
export interface Editor {
  write(how: How): void;
}

export class Room {
  /** The dialog that is open. */
  asking = $state<Asking>();
  /** The customer, where there is no room for a third column. */
  isCustomerOpen = $state(false);
  queue = $state<number>();
  sheet = $state.raw<Sheet>();
  editor = $state.raw<Editor>();
  /** The editor of the next conversation is where the focus goes. */
  wantsEditor = false;
  isBusy = $state(false);

  constructor(readonly desk: Desk) {}

  readonly view = $derived.by<View>(() => VIEWS.find((view) => view === here().path[0]) ?? "mine");
  readonly id = $derived(here().path[1]);
  /** The message that somebody was led to; another object each time, be it the same one. */
  readonly wanted = $derived.by(() => {
    const seq = Number(here().query.get("seq"));
    return Number.isSafeInteger(seq) && seq > 0 ? { seq } : undefined;
  });
  readonly row = $derived.by(() =>
    this.id === undefined ? undefined : this.desk.live.rows.map.get(this.id),
  );
  readonly known = $derived(this.sheet?.conversation === this.id ? this.sheet?.known : undefined);
  readonly isOpen = $derived(this.row?.isOpen ?? this.known?.status !== "CLOSED");
  readonly isMine = $derived.by(() => this.row?.agentId === this.desk.who.agent_id);
  readonly client = $derived(this.row?.client || this.known?.client.shown_name || t("nameless"));
  readonly isSupervisor = $derived(session.is("supervisor"));
  /** Where a supervisor may say something to the agent alone. */
  readonly canWhisper = $derived(
    this.isSupervisor && this.isOpen && !this.isMine && (this.row?.agentId ?? null) !== null,
  );

  /** Follows the address: to be called in an effect, of the address alone. */
  enter(id: string | undefined): () => void {
    this.desk.live.show(id);
    if (id === undefined) return () => undefined;
    const sheet = new Sheet(id, this.desk.live, api);
    this.sheet = sheet;
    this.desk.notify.opened(id);
    return () => {
      sheet.end();
      this.asking = undefined;
      this.isCustomerOpen = false;
    };
  }

  open(id: string | undefined, view: View = this.view): void {
    go(id === undefined ? [view] : [view, id]);
  }

  /** The next or the one before among mine, in the order in which they stand. */
  step(by: 1 | -1): void {
    const ids = this.desk.live.rows.list("mine");
    if (!ids.length) return;
    const at = this.id === undefined ? -1 : ids.indexOf(this.id);
    const next = at < 0 ? (by > 0 ? 0 : ids.length - 1) : (at + by + ids.length) % ids.length;
    this.open(ids[next], "mine");
  }

  /** Takes the one that waits longest. */
  async takeNext(): Promise<void> {
    const [id] = this.desk.live.rows.list("waiting", this.queue);
    if (id === undefined) return toast(t("talk.nobody_waits"));
    await this.take(id);
  }

  async take(id: string): Promise<void> {
    if (!(await this.#do(() => api.post("/console/conversations/{id}/claim", { path: { id } })))) return;
    // An editor that is there already is none of the next.
    if (this.id === id) this.#begin();
    else this.wantsEditor = true;
    this.open(id, "mine");
  }

  async takeOver(id: string): Promise<void> {
    const path = { id };
    if (await this.#do(() => api.post("/console/conversations/{id}/take_over", { path }))) this.#begin();
  }

  async reopen(id: string): Promise<void> {
    const path = { id };
    if (await this.#do(() => api.post("/console/conversations/{id}/reopen", { path, body: {} })))
      this.#begin();
  }

  /** The button that was pressed goes, and the focus with it: on to what it was pressed for. */
  #begin(): void {
    // A finger would bring up a keyboard over half of the thread.
    if (!matchMedia("(pointer: coarse)").matches) this.editor?.write("reply");
  }

  /** Whether it is done; when not, it is said why. */
  async #do(call: () => Promise<unknown>): Promise<boolean> {
    if (this.isBusy) return false;
    this.isBusy = true;
    try {
      await call();
      this.sheet?.loadSoon();
      return true;
    } catch (error) {
      toastFailure(error);
      return false;
    } finally {
      this.isBusy = false;
    }
  }
}

const ROOM = Symbol("room");

export function provideRoom(room: Room): Room {
  return setContext(ROOM, room);
}

export function theRoom(): Room {
  return getContext<Room>(ROOM);
}
