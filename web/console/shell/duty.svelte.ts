/** Coming on duty, pausing and leaving, from wherever it is asked for. */
import { toastFailure } from "../kit/toast.svelte";
import type { Schemas } from "../state/api";
import { theDesk } from "../state/desk.svelte";
import { counted, t } from "../texts.svelte";

let answer = $state.raw<(wanted: Schemas["SetDuty"] | undefined) => void>();

/** Has to be called by a press: only then do browsers ask whether notifications may be shown, and play a sound. */
export async function comeOnDuty(): Promise<void> {
  void theDesk().notify.ask();
  await set({ status: "free" });
}

export async function pause(reason?: number): Promise<void> {
  await set({ status: "paused", ...(reason !== undefined && { pause_id: reason }) });
}

/** Asks what becomes of open conversations. Whether it was left. */
export async function leaveDuty(): Promise<boolean> {
  const wanted = theDesk().duty.open > 0 ? await ask() : { status: "off" as const };
  return wanted !== undefined && (await set(wanted));
}

export function isLeavingAsked(): boolean {
  return answer !== undefined;
}

export function answerLeaving(wanted?: Schemas["SetDuty"]): void {
  answer?.(wanted);
  answer = undefined;
}

/** Why no chat comes, or that one may. */
export function whyNoChat(): string {
  const { duty, directory } = theDesk();
  if (duty.status === "off") return t("why_off");
  if (duty.status === "paused") return t("why_paused");
  const mine = directory.known?.queues.filter(({ is_mine, enabled }) => is_mine && enabled);
  if (mine?.length === 0) return t("why_no_queue");
  if (!duty.hasRoom) return t("why_full");
  return mine?.some(({ is_open }) => is_open) === false ? t("why_closed") : t("why_room");
}

/** What a pause is called where one is chosen; a reason may be no more than the word itself. */
export function pauseLabel(reason: string): string {
  return reason.toLowerCase() === t("pause").toLowerCase() ? reason : t("pause_for", { reason });
}

/** In a word, with the reason of a pause. */
export function dutyWord(): string {
  const { duty, directory } = theDesk();
  const reason = directory.pauses.get(duty.shown?.pause_id ?? 0)?.name;
  if (duty.status === "paused" && reason) return reason;
  return t(`duty_${duty.status}`);
}

export function openChats(): string {
  return counted("you_have", theDesk().duty.open);
}

function ask(): Promise<Schemas["SetDuty"] | undefined> {
  answer?.(undefined);
  return new Promise((resolve) => (answer = resolve));
}

async function set(wanted: Schemas["SetDuty"]): Promise<boolean> {
  try {
    await theDesk().duty.set(wanted);
    return true;
  } catch (error) {
    toastFailure(error);
    return false;
  }
}
