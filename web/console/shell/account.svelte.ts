/** What somebody does about the own account, from wherever. */
import { confirm, type Question } from "../kit/confirm.svelte";
import { toastFailure } from "../kit/toast.svelte";
import { isHeld } from "../router.svelte";
import { api } from "../state/api";
import { theDesk } from "../state/desk.svelte";
import { session } from "../state/session.svelte";
import { type Language, speak, t } from "../texts.svelte";
import { leaveDuty } from "./duty.svelte";

/** Here at once; of the account as soon as the server knows it. */
export async function changeLanguage(language: Language): Promise<void> {
  try {
    await speak(language);
    await api.put("/console/account", { body: { language } });
    if (session.who) session.who = { ...session.who, language };
  } catch (error) {
    toastFailure(error);
  }
}

/** Nobody leaves for good while chats still come, nor with something unsaved that they don't know of. */
export async function signOut(): Promise<void> {
  if (session.state === "in" && isHeld() && !(await confirm(leaving()))) return;
  if (session.state === "in" && theDesk().duty.status !== "off" && !(await leaveDuty())) return;
  const { drafts } = theDesk();
  try {
    await session.signOut();
    drafts.forgetAll();
  } catch (error) {
    toastFailure(error);
  }
}

function leaving(): Question {
  return { title: t("leave_title"), text: t("leave_text"), action: t("leave"), cancel: t("stay") };
}
