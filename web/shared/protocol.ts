/** What is said on a visitor's socket. `docs/PROTOCOL.md` is the contract. */

export const VERSION = 1;

export type Speaker = "client" | "agent" | "bot" | "system";
export type Rating = "sad" | "neutral" | "happy";

export interface FileShown {
  file_id: string;
  name: string;
  size: number;
  content_type: string;
}

/** Of what the reader does not see there is nothing but `seq`. */
export interface LogEvent {
  seq: number;
  at?: number;
  kind?: string;
  by?: Speaker;
  name?: string;
  text?: string;
  data?: { files?: FileShown[]; rating?: Rating };
  id?: string;
}

export interface Opened {
  conversation: string;
  status: "CREATED" | "IN_PROGRESS" | "CLOSED";
  queue: string;
  chat_queue_id: number;
  seq: number;
  visitor_read: number;
  agent_read: number;
  has_text_preview: boolean;
  takes_files: boolean;
  /** Answers that are not read here come by e-mail. */
  is_mailed: boolean;
}

export interface Refusal {
  message: string;
  code: number;
}

export type FromServer =
  | { type: "welcome"; v: number; server_time: number; ping_seconds: number; conversation: Opened }
  | { type: "events"; conversation: string; events: LogEvent[] }
  | { type: "ack"; id: string; conversation: string; seq: number; at: number }
  | { type: "refused"; id?: string; errors: Refusal[]; retry_after_seconds?: number }
  | { type: "typing"; by: "agent"; is_typing: boolean }
  | { type: "read"; by: "agent" | "client"; seq: number }
  | { type: "position"; place: number; wait_seconds: number | null }
  | { type: "pong" };

export type FromVisitor =
  | { type: "hello"; v: number; token: string; after: number; language: string }
  | { type: "message"; id: string; text: string; file_ids?: string[] }
  | { type: "read"; seq: number }
  | { type: "typing"; is_typing: boolean; text?: string }
  | { type: "page"; url: string; title?: string }
  | { type: "ping" };

/** Whether a client that was closed so may come back. */
export function mayReconnect(code: number): boolean {
  return code < 4010 || code > 4013;
}

/** The session that has opened the socket is over. */
export const SESSION_OVER = 4011;

/** The server says that this many seconds pass first. */
export const TOO_MANY_FRAMES = 4005;
export const TOO_MANY_FRAMES_WAIT_MS = 30_000;

/** An event, as agents see it. */
export interface AgentEvent extends LogEvent {
  agent_id?: number;
  bot_id?: string;
  data?: LogEvent["data"] & { topic_id?: number | null; tag_ids?: number[] };
}

export type Status = Opened["status"];

/** What a conversation in an agent's lists has become. */
export interface Turn {
  type: "conversation";
  conversation: string;
  seq: number;
  at: number;
  kind: string;
  by: Speaker;
  status: Status;
  chat_queue_id: number;
  agent_id: number | null;
  preview?: string;
}

/** What an agent does now. */
export interface AgentStatus {
  agent_id: number;
  status: "free" | "paused" | "off";
  pause_id?: number | null;
  since?: number | null;
  open_chats: number;
  capacity: number;
}

export type ToAgent =
  | { type: "welcome"; v: number; server_time: number; ping_seconds: number; agent_id?: number }
  | { type: "events"; conversation: string; events: AgentEvent[] }
  | { type: "ack"; id: string; conversation: string; seq: number; at: number }
  | {
      type: "refused";
      id?: string;
      conversation?: string;
      errors: Refusal[];
      retry_after_seconds?: number;
    }
  | Turn
  | {
      type: "typing";
      conversation: string;
      by: Speaker;
      agent_id?: number;
      is_typing: boolean;
      text?: string;
    }
  | { type: "read"; conversation: string; by: "client" | "agent"; seq: number }
  | { type: "page"; conversation: string; is_open: boolean; url?: string; title?: string }
  | { type: "looking"; conversation: string; agent_id: number; is_looking: boolean }
  | ({ type: "agent_status" } & AgentStatus)
  | { type: "alarm"; chat_queue_id: number; conversation?: string }
  | { type: "settings"; what: string }
  | { type: "pong" };

export type FromAgent =
  | { type: "hello"; v: number; watch: Record<string, number>; language: string }
  | { type: "watch"; conversation: string; after: number }
  | { type: "unwatch"; conversation: string }
  | { type: "message"; conversation: string; id: string; text: string; file_ids?: string[] }
  | { type: "read"; conversation: string; seq: number }
  | { type: "typing"; conversation: string; is_typing: boolean }
  | { type: "ping" };
