/** How many there are of each kind, in the order in which people read it. */
import type { Schemas } from "../../state/api";
import { t } from "../../texts.svelte";

type Count = keyof Schemas["PersonCounts"];

export const COUNTS = [
  "customers",
  "field_items",
  "feed_records",
  "conversations",
  "messages",
  "files",
  "consents",
  "ratings",
  "blocks",
  "mails",
  "audit_entries",
] as const satisfies Count[];

export function labelOf(count: (typeof COUNTS)[number]): string {
  return t(`settings.person_of_${count}`);
}
