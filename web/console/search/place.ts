import { t } from "../texts.svelte";

/** In which list a conversation is opened. */
export function placeOf(status: string): "closed" | "all" {
  return status === "CLOSED" ? "closed" : "all";
}

export function statusWord(status: string): string {
  if (status === "CLOSED") return t("search.is_closed");
  return t(status === "CREATED" ? "search.is_created" : "search.is_in_progress");
}
