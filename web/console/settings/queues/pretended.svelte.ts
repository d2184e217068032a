/** A chat that is there to be looked at: what its parts ask of one, without a door behind it. */
import type { LogEvent } from "../../../shared/protocol";
import type { Chat } from "../../../widget/chat/chat.svelte";
import type { Conversation } from "../../../widget/chat/conversation.svelte";
import type { Queue } from "../../../widget/chat/door";
import { chosen, t } from "../../../widget/chat/words.svelte";

export type Scene = "form" | "away" | "talk" | "bubble";

interface Shown {
  readonly queue: Queue;
  readonly scene: Scene;
  /** Said by themselves before anybody else says anything. */
  readonly welcome: { pl: string; en: string };
  readonly agent: string;
  readonly says: { client: string; agent: string };
}

const nothing = () => undefined;

export function pretendChat(shown: Shown): Chat {
  const host = {
    user: {},
    wantsTicket: false,
    isFramed: true,
    isContained: false,
    isOpen: true,
    tell: nothing,
  };
  const chat = {
    host,
    isMuted: false,
    isSeen: false,
    isPage: false,
    draft: "",
    notice: "",
    get queue() {
      return shown.queue;
    },
    get queues() {
      return [shown.queue];
    },
    get look() {
      return shown.queue.widget;
    },
    get title() {
      return chosen(shown.queue.widget.title) || shown.queue.name || t("title");
    },
    get screen() {
      return shown.scene === "talk" ? "talk" : "form";
    },
    get conversation() {
      return pretendConversation(shown);
    },
    knows: () => false,
    known: () => ({ name: "", email: "", consents: [], asked: [] }),
    keepDraft: nothing,
    mute: nothing,
  };
  return chat as unknown as Chat;
}

export function pretendConversation(shown: Shown): Conversation {
  const conversation = {
    failure: "",
    pending: [],
    uploads: [],
    unread: 0,
    agentRead: 9,
    isAgentTyping: false,
    isClosed: false,
    isWaiting: false,
    get agent() {
      return shown.agent;
    },
    get opened() {
      const { takes_files, has_text_preview } = shown.queue;
      return { takes_files, has_text_preview };
    },
    get events() {
      const { client, agent } = shown.says;
      const said = [
        { by: "client", text: client },
        { by: "system", text: chosen(shown.welcome) },
        { by: "agent", text: agent, name: shown.agent },
      ].filter(({ text }) => text);
      const at = Date.now();
      return said.map((one, seq) => ({ kind: "message", at, seq: seq + 1, ...one }) as LogEvent);
    },
    type: nothing,
    see: nothing,
  };
  return conversation as unknown as Conversation;
}
