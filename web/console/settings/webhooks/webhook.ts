/** What a webhook's pages have in common. */
import type { Schemas } from "../../state/api";
import type { Key } from "../../texts.svelte";

export type Webhook = Schemas["Webhook"];
export type Action = Schemas["AddWebhook"]["actions"][number];
export type Attempt = Schemas["WebhookAttempt"];

/** Those of the vendor's contract, and ours. */
export const DOCUMENTED: readonly Action[] = [
  "CHAT_CONVERSATION_CREATED",
  "CHAT_AGENT_ASSIGNED",
  "CHAT_CONVERSATION_CLOSED",
  "CUSTOMER_CREATED",
  "CUSTOMER_UPDATED",
];
export const OURS: readonly Action[] = [
  "CHAT_MESSAGE_CREATED",
  "CHAT_AGENT_UNASSIGNED",
  "CHAT_CONVERSATION_TRANSFERRED",
  "CHAT_CONVERSATION_REOPENED",
  "CHAT_CONVERSATION_RATED",
  "CHAT_CONVERSATION_HANDED_OVER",
  "CHAT_BOT_ASSIGNED",
  "CHAT_NOTE_CREATED",
  "CHAT_CONTENT_ERASED",
  "CHAT_CONVERSATION_DELETED",
];

const KNOWN = new Set<string>([...DOCUMENTED, ...OURS, "WEBHOOK_TEST"]);

/** What happened, in words; for one of a newer server none. */
export function wordsOf(action: string): Key | undefined {
  return KNOWN.has(action) ? (`settings.action_${action as Action | "WEBHOOK_TEST"}` as const) : undefined;
}

export type State = "on" | "failing" | "failed" | "gone" | "off";

export function stateOf({ enabled, failing_since, off_because }: Webhook): State {
  if (enabled) return failing_since === null ? "on" : "failing";
  if (off_because === "GONE") return "gone";
  return off_because === "FAILING" ? "failed" : "off";
}
