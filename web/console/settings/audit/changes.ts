/** What is written into the audit log, in words. */
import type { Key } from "../../texts.svelte";

const CHANGES = [
  "agent.add",
  "agent.change",
  "agent.invite",
  "agent.second_factor",
  "agent.duty",
  "api_user.add",
  "api_user.change",
  "api_user.password",
  "api_user.remove",
  "api_user.rotate",
  "block.add",
  "block.erase",
  "block.lift",
  "bot.add",
  "bot.change",
  "bot.remove",
  "canned.add",
  "canned.change",
  "canned.remove",
  "clause.enable",
  "clause.write",
  "conversation.delete",
  "conversation.erase",
  "custom_field.add",
  "custom_field.change",
  "field_group.add",
  "lookup.change",
  "pause.add",
  "pause.change",
  "person.erase",
  "person.erased",
  "person.export",
  "queue.add",
  "queue.agent.add",
  "queue.agent.change",
  "queue.agent.remove",
  "queue.change",
  "queue.identity_secret",
  "setting.change",
  "tag.add",
  "tag.change",
  "topic.add",
  "topic.change",
  "webhook.add",
  "webhook.change",
  "webhook.remove",
  "webhook.rotate_secret",
  "webhook.switch_off",
] as const;

type Dashed<C extends string> = C extends `${infer A}.${infer B}` ? `${A}_${Dashed<B>}` : C;

/** For a change of a newer server there are no words. */
export function wordsOf(change: string): Key | undefined {
  const known = CHANGES.find((one) => one === change);
  return known && `settings.audit_${known.replaceAll(".", "_") as Dashed<typeof known>}`;
}
