import type { Words } from "../state/notify.svelte";
import { t } from "../texts.svelte";

/** What notifications say. */
export const notificationWords: Words = {
  somebody: () => t("nameless"),
  isYours: () => t("notify_yours"),
  waits: (queue) => t("notify_waits", { queue }),
};
