/** A queue while its settings are open: as it is stored, and what somebody else makes of it meanwhile. */
import { untrack } from "svelte";
import { Form, type Options } from "../../kit/form.svelte";
import { api, ApiError, type Fault, type Schemas } from "../../state/api";
import { theDesk } from "../../state/desk.svelte";
import { newest } from "../shared/newest";

export type Texts = Required<Schemas["Texts"]>;
export type Span = Schemas["Span"];
export type SpecialDay = Required<Schemas["SpecialDay"]>;
export type Hours = Required<Omit<Schemas["Hours"], "special_days">> & { special_days: SpecialDay[] };
export type Widget = Required<Omit<Schemas["Widget"], "title" | "greeting" | "away">> &
  Record<"title" | "greeting" | "away", Texts>;
export type Queue = Required<Omit<Schemas["QueueShown"], "widget" | "welcome" | "hours">> & {
  widget: Widget;
  welcome: Texts;
  hours: Hours | null;
};
/** What is not in it stays. That there is nothing is said by an empty text or list. */
export type Change = { [K in keyof Omit<Queue, "id">]?: Queue[K] | "" };

const TOGETHER_MS = 300;

export class QueueStore {
  queue = $state.raw<Queue>();
  /** Why it is not here. */
  error = $state.raw<unknown>();
  #saves = 0;
  #saving: Promise<unknown> = Promise.resolve();
  #soon: ReturnType<typeof setTimeout> | undefined;
  readonly #stop: () => void;
  readonly #read = newest(
    async () => (await api.get("/console/queues/{id}", { path: { id: this.id } })) as Queue,
  );

  constructor(readonly id: number) {
    this.#stop = theDesk().live.on((happening) => {
      if (happening.type !== "settings" && happening.type !== "welcome") return;
      clearTimeout(this.#soon);
      this.#soon = setTimeout(() => void this.#look(), TOGETHER_MS);
    });
    void this.load();
  }

  async load(): Promise<void> {
    try {
      this.error = undefined;
      await this.fresh();
    } catch (error) {
      this.error = error;
    }
  }

  /** As it is stored now. */
  async fresh(): Promise<Queue> {
    await this.#saving;
    const saves = this.#saves;
    const found = await this.#read();
    // What was read meanwhile may be of before that.
    if (saves !== this.#saves) return this.fresh();
    if (!isSame(found, this.queue)) this.queue = found;
    return found;
  }

  /** Sends what is different. Throws what the server says is wrong. */
  async save(wanted: Change): Promise<void> {
    const known = this.queue as Record<string, unknown> | undefined;
    const changed = Object.entries(wanted).filter(([name, value]) => !isSame(value, known?.[name]));
    if (!changed.length) return;
    this.#saves++;
    const body = Object.fromEntries(changed) as Schemas["ChangeChatQueue"];
    const call = api.put("/console/queues/{id}", { path: { id: this.id }, body });
    this.#saving = call.catch(() => undefined);
    this.queue = (await call) as Queue;
  }

  end(): void {
    clearTimeout(this.#soon);
    this.#stop();
  }

  /** Something was changed somewhere; it may have been this, and it may have been us. */
  async #look(): Promise<void> {
    // The line may be cut as well: when it is back, all is asked anew.
    if (this.queue) await this.fresh().catch(() => undefined);
  }
}

interface Part<V> extends Pick<Options<V>, "checks" | "together"> {
  /** What the form shows of a queue. */
  read: (queue: Queue) => V;
  /** What is stored of it, in a queue that is read anew: what holds other things, too, keeps those. */
  write: (values: V, queue: Queue) => Change;
  fieldOf: FieldOf;
}

/** A form of a part of the queue, which others may change at the same time. */
export function formOf<V extends object>(
  store: QueueStore,
  { read, write, fieldOf, ...rest }: Part<V>,
): Form<V> {
  return new Form<V>({
    ...rest,
    initial: untrack(() => read(store.queue!)),
    fresh: async () => read(await store.fresh()),
    save: async (values) => {
      try {
        await store.save(write(values, store.queue!));
      } catch (error) {
        throw refused(error, fieldOf);
      }
    },
  });
}

/** Whatever the order of the members. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === "" || (Array.isArray(one) && !one.length)) one = null;
  if (other === "" || (Array.isArray(other) && !other.length)) other = null;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return one === other;
  const [ours, theirs] = [one, other] as Record<string, unknown>[];
  const names = Object.keys(ours!);
  if (names.length !== Object.keys(theirs!).length) return false;
  return names.every((name) => isSame(ours![name], theirs![name]));
}

type FieldOf = (parts: string[], code: number) => string | undefined;

/** A refusal as the form has its fields: `widget[title][pl]` is `title_pl`. */
export function refused(error: unknown, fieldOf: FieldOf): unknown {
  if (!(error instanceof ApiError)) return error;
  const errors = error.errors.map((fault): Fault => {
    const parts = (fault.parameter ?? "").split(/[[\].]+/).filter(Boolean);
    const { parameter: _, ...rest } = fault;
    const parameter = fieldOf(parts, fault.code);
    return parameter ? { ...rest, parameter } : rest;
  });
  return new ApiError(error.status, errors, error.retry_after);
}
