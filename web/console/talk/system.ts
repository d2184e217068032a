/** What happened, in words, for the quiet lines of a thread. */
import type { AgentEvent } from "../../shared/protocol";
import { listOf } from "../formats";
import type { Directory } from "../state/directory.svelte";
import { t } from "../texts.svelte";

interface Data {
  because?: string;
  to_agent_id?: number;
  to_agent_login?: string;
  to_chat_queue?: string;
  rating?: "sad" | "neutral" | "happy";
  participant?: string;
  topic_id?: number | null;
  tag_ids?: number[];
  customer_id?: number | null;
}

/** Undefined for what nobody needs to read. */
export function happened(event: AgentEvent, directory: Directory): string | undefined {
  const data = (event.data ?? {}) as Data;
  const name = directory.nameOf(event.agent_id) ?? event.name ?? "";
  switch (event.kind) {
    case "started":
      return t("talk.started");
    case "assigned":
      return t("talk.assigned", { name });
    case "unassigned":
      return t(UNASSIGNED[data.because ?? ""] ?? "talk.unassigned", { name });
    case "transferred": {
      const to = data.to_chat_queue ?? directory.nameOf(data.to_agent_id) ?? data.to_agent_login ?? "";
      return t(data.to_chat_queue ? "talk.transferred_queue" : "talk.transferred", { name, to });
    }
    case "handed_over":
      return t("talk.handed_over");
    case "given_to_bot":
      return t("talk.given_to_bot");
    case "closed":
      if (event.by === "client") return t("talk.closed_client");
      return name ? t("talk.closed_agent", { name }) : t("talk.closed");
    case "reopened":
      return name ? t("talk.reopened_agent", { name }) : t("talk.reopened");
    case "rated":
      return t(RATED[data.rating ?? "neutral"]) + (event.text ? ` „${event.text}”` : "");
    case "erased":
      return t(data.participant === "agent" ? "talk.erased_agent" : "talk.erased_client");
    case "linked":
      return t(data.customer_id === null ? "talk.unlinked" : "talk.linked");
    case "labelled": {
      const topic = directory.topics.get(data.topic_id ?? 0)?.name;
      const tags = (data.tag_ids ?? []).flatMap((id) => directory.tags.get(id)?.name ?? []);
      const labels = [...(topic ? [topic] : []), ...tags];
      return labels.length ? t("talk.labelled", { labels: listOf(labels) }) : t("talk.unlabelled");
    }
    default:
      return undefined;
  }
}

const UNASSIGNED = {
  no_answer: "talk.unassigned_no_answer",
  absent: "talk.unassigned_absent",
  left: "talk.unassigned_left",
} as Record<
  string,
  "talk.unassigned_no_answer" | "talk.unassigned_absent" | "talk.unassigned_left" | undefined
>;

const RATED = { sad: "talk.rated_sad", neutral: "talk.rated_neutral", happy: "talk.rated_happy" } as const;
