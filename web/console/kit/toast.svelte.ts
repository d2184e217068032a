import { t } from "../texts.svelte";

/** A word on what has just happened, that goes away by itself. */
export interface Toast {
  id: number;
  text: string;
  kind: "plain" | "good" | "danger";
  action?: { label: string; run: () => void };
}

type Options = Partial<Pick<Toast, "kind" | "action">>;

const LASTS_MS = 5_000;
/** With something to press, or to read again, there is more time. */
const LASTS_LONGER_MS = 10_000;
const AT_ONCE = 3;

let next = 0;
let all = $state.raw<Toast[]>([]);

export function toasts(): Toast[] {
  return all;
}

export function toast(text: string, { kind = "plain", action }: Options = {}): void {
  const one: Toast = { id: next++, text, kind, ...(action && { action }) };
  all = [...all.filter((it) => it.text !== text), one].slice(-AT_ONCE);
  setTimeout(() => dismiss(one.id), action || kind === "danger" ? LASTS_LONGER_MS : LASTS_MS);
}

/** Of a call that has failed: what the server says, else that it can't be reached. */
export function toastFailure(error: unknown): void {
  const isWorded = error instanceof Error && "errors" in error && error.message !== "";
  toast(isWorded ? error.message : t("unreachable"), { kind: "danger" });
}

export function dismiss(id: number): void {
  all = all.filter((one) => one.id !== id);
}
