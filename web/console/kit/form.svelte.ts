/** What a form is while it is filled in: its values, what is wrong with them, and what became of saving them. */
import { getContext, setContext, tick } from "svelte";
import { guard, type Place } from "../router.svelte";
import { t } from "../texts.svelte";

export type Checks<V> = { [K in keyof V]?: (value: V[K], all: V) => string | undefined | false };

export interface Options<V> {
  initial: V;
  /** Of each field: what is wrong with it. */
  checks?: Checks<V>;
  /** Throws what the server says is wrong. Gets plain copies: of what is there, and of what was before. */
  save: (values: V, was: V) => Promise<unknown>;
  /** What is stored now: read before saving, so that what somebody else has done a moment ago is not undone. */
  fresh?: () => Promise<V>;
  /** Fields that mean something only together: who touches one, touches them all. */
  together?: readonly (readonly (keyof V & string)[])[];
}

/** What a server's refusal has; others are told as they are. */
interface Refusal {
  errors: { message: string; parameter?: string | null }[];
}

/** By the server, and the value that it was said of. */
type Refused = Record<string, { message: string; value: string }>;

function isRefusal(error: unknown): error is Refusal {
  return (
    error instanceof Error && "errors" in error && Array.isArray(error.errors) && error.errors.length > 0
  );
}

export class Form<V extends object> {
  values = $state() as V;
  /** `saved` until something is changed again. */
  state = $state<"idle" | "saving" | "saved" | "failed">("idle");
  /** What went wrong that belongs to no field. */
  fault = $state("");
  /** The fields that have been left once; others aren't complained about yet. */
  #left = $state.raw<ReadonlySet<string>>(new Set());
  #isTried = $state(false);
  #refused = $state.raw<Refused>({});
  /** What is stored, as far as it is known here. */
  #base = $state.raw() as V;
  /** The fields that somebody else has changed, too. */
  #contested = $state.raw<readonly string[]>([]);
  readonly #checks: Checks<V>;
  readonly #save: Options<V>["save"];
  readonly #fresh: Options<V>["fresh"];
  readonly #together: readonly (readonly string[])[];

  constructor({ initial, checks = {}, save, fresh, together = [] }: Options<V>) {
    this.#checks = checks;
    this.#save = save;
    this.#fresh = fresh;
    this.#together = together;
    this.reset(initial);
  }

  readonly isDirty = $derived.by(() =>
    Object.keys({ ...this.#base, ...this.values }).some((name) => this.#isTouched(name)),
  );
  readonly isSaving = $derived(this.state === "saving");
  /** Saving would undo what somebody else has just saved. */
  readonly isContested = $derived.by(() => this.#contested.some((name) => this.#isTouched(name)));

  /** Begins anew with these. */
  reset(values: V): void {
    this.#base = structuredClone($state.snapshot(values)) as V;
    this.values = structuredClone(this.#base);
    this.#contested = [];
    this.#left = new Set();
    this.#refused = {};
    this.#isTried = false;
    this.fault = "";
    this.state = "idle";
  }

  /** Back to what was there before. */
  revert(): void {
    this.reset(this.#base);
  }

  /**
   * Somebody else may have saved these: they are taken where nothing was touched here. Whether saving would now undo
   * something that was not known before.
   */
  merge(newer: V): boolean {
    const next = structuredClone($state.snapshot(newer)) as V;
    const [base, theirs, values] = [this.#base, next, this.values] as Record<string, unknown>[];
    const contested = new Set<string>();
    const names = Object.keys({ ...base, ...theirs });
    const touched = new Set(names.filter((name) => this.#isTouched(name)));
    for (const group of this.#together) {
      if (group.some((name) => touched.has(name))) group.forEach((name) => touched.add(name));
    }
    for (const name of names) {
      if (isSame(base![name], theirs![name])) continue;
      // What is not there any more can't be kept either.
      if (!Object.hasOwn(theirs!, name)) delete values![name];
      else if (!touched.has(name)) values![name] = structuredClone(theirs![name]);
      else if (!isSame(values![name], theirs![name])) contested.add(name);
    }
    this.#base = next;
    this.#contested = [...new Set([...this.#contested, ...contested])];
    return contested.size > 0;
  }

  leave(name: string): void {
    if (!this.#left.has(name)) this.#left = new Set([...this.#left, name]);
  }

  /** What is wrong with a field, as far as it is to be shown. */
  errorOf(name: string): string | undefined {
    const refused = own(this.#refused, name);
    if (refused && refused.value === this.#textOf(name)) return refused.message;
    if (!this.#isTried && !this.#left.has(name)) return undefined;
    return this.#wrong(name);
  }

  /** Whether it was stored. */
  async submit(): Promise<boolean> {
    if (this.isSaving) return false;
    this.#isTried = true;
    this.fault = "";
    if (this.#isWrong()) {
      this.state = "failed";
      return false;
    }
    this.state = "saving";
    let sent: V;
    try {
      // What is contested since a moment ago is shown first.
      if (this.#fresh && (this.merge(await this.#fresh()) || this.#isWrong())) {
        this.state = "failed";
        return false;
      }
      sent = $state.snapshot(this.values) as V;
      await this.#save(sent, structuredClone(this.#base));
    } catch (error) {
      this.#refuse(error);
      return false;
    }
    this.#base = sent;
    this.#contested = [];
    this.#isTried = false;
    this.#left = new Set();
    this.#refused = {};
    this.state = "saved";
    return true;
  }

  #refuse(error: unknown): void {
    this.state = "failed";
    if (!isRefusal(error)) {
      this.fault = t("unreachable");
      return;
    }
    const refused: Refused = {};
    const rest: string[] = [];
    for (const { message, parameter } of error.errors) {
      // `widget.color` is said of the field of that name, else of `widget`.
      const known = [parameter, parameter?.split(/[.[]/)[0]].find(
        (name) => name && Object.hasOwn(this.values, name),
      );
      if (known) refused[known] = { message, value: this.#textOf(known) };
      else rest.push(message);
    }
    this.#refused = refused;
    this.fault = rest.join(" ");
  }

  #wrong(name: string): string | undefined {
    const key = name as keyof V & string;
    return own(this.#checks, key)?.(this.values[key], this.values) || undefined;
  }

  #isWrong(): boolean {
    return Object.keys(this.#checks).some((name) => this.#wrong(name));
  }

  #textOf(name: string): string {
    return JSON.stringify(this.values[name as keyof V]) ?? "";
  }

  #isTouched(name: string): boolean {
    return !isSame(this.values[name as keyof V], this.#base[name as keyof V]);
  }
}

/** Fields may be called as something that every object has: `constructor`. */
function own<R extends object, N extends keyof R>(record: R, name: N): R[N] | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Of a call's body only what is different: what is not given stays, whoever changes it meanwhile. */
export function changes<B extends object>(was: NoInfer<B>, is: B): Partial<B> {
  const before = was as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(is).filter(([name, it]) => !isSame(it, before[name])),
  ) as Partial<B>;
}

// A form of any values, as its fields know it.
export type AnyForm = Pick<Form<Record<string, unknown>>, "errorOf" | "leave">;

const FORM = Symbol("form");

export function provideForm(form: AnyForm): void {
  setContext(FORM, form);
}

export function formAround(): AnyForm | undefined {
  return getContext<AnyForm | undefined>(FORM);
}

/** Whoever leaves with something unsaved is asked, unless the form `stays` there. */
export function guardForm(
  form: { readonly isDirty: boolean; readonly isSaving: boolean },
  stays: (to: Place) => boolean = () => false,
): void {
  $effect(() => guard((to) => (form.isDirty || form.isSaving) && !(to && stays(to))));
}

/** To where something has to be mended. */
export async function focusFault(element: HTMLElement | undefined): Promise<void> {
  await tick();
  element?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
}

// What many fields want.

export function needed(value: unknown): string | undefined {
  const isThere = Array.isArray(value) ? value.length > 0 : String(value ?? "").trim() !== "";
  return isThere ? undefined : t("needed");
}

export function isEmail(value: string): string | undefined {
  return value === "" || /^[^\s@]+@[^\s@]+$/.test(value) ? undefined : t("not_email");
}

/** At least so many characters, as people count them. */
export function longEnough(least: number) {
  return (value: string) => ([...value].length < least ? t("too_short", { least }) : undefined);
}

export function within(least: number, most: number) {
  return (value: number | null) =>
    value !== null && Number.isInteger(value) && value >= least && value <= most
      ? undefined
      : t("not_within", { least, most });
}
