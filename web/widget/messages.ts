/**
 * What the loader, in the shop's page, and the chat, in a frame of our origin, say to each other. Nothing that was
 * said in a conversation and no token is among it: the page belongs to somebody else.
 */

export type FromChat =
  | { rozmowa: "ready" }
  /** The visitor has put the chat away. */
  | { rozmowa: "close" }
  | { rozmowa: "unread"; count: number; is_muted: boolean }
  | { rozmowa: "event"; name: "conversation_created" | "conversation_finished" | "ticket_created" }
  /** Whether there is a conversation to come back to. */
  | { rozmowa: "kept"; is_kept: boolean };

export interface User {
  name: string;
  email: string;
}

export interface Page {
  url: string;
  title: string;
}

/** Answers `ready`, and comes again when something in it has changed. */
export interface Host extends Page {
  rozmowa: "host";
  user?: User | undefined;
  /** A signed one. */
  identity?: string | undefined;
  is_open: boolean;
  /** The chat stands in an element of the page, and can't be put away. */
  is_contained: boolean;
}

export type CommandName = "open_chat_form" | "open_email";

export type ToChat =
  | Host
  | { rozmowa: "shown"; is_open: boolean }
  | ({ rozmowa: "page" } & Page)
  | { rozmowa: "command"; name: CommandName };
