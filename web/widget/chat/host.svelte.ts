/**
 * The page that we stand in, through its loader. It hears what it needs to draw its bubble, and never what is said.
 * As a page of our own there is none.
 */

import type { FromChat, ToChat, User } from "../messages";
import { EMAIL } from "./email";

/** Characters, as the server takes them. */
const NAME_MOST = 255;
const URL_MOST = 2_000;

/** A page may say anything: only texts are taken, of letters, and no long ones. */
function text(value: unknown, most = NAME_MOST): string | undefined {
  if (typeof value !== "string") return undefined;
  const letters = [...value.slice(0, most * 2)].slice(0, most).join("");
  return letters.replace(/[\p{Cc}\p{Cs}]+/gu, " ").trim() || undefined;
}

export class Host {
  isOpen = $state(true);
  isContained = $state(false);
  url = $state<string>();
  title = $state<string>();
  user = $state<Partial<User>>({});
  identity = $state<string>();
  /** The visitor was led here to leave a message. */
  wantsTicket = $state(false);
  readonly isFramed = parent !== window;
  #origin: string | undefined;

  constructor() {
    if (!this.isFramed) return;
    this.isOpen = false;
    addEventListener("message", (message: MessageEvent) => {
      if (message.source !== parent || typeof message.data?.rozmowa !== "string") return;
      this.#origin ??= message.origin;
      if (message.origin === this.#origin) this.#hear(message.data as ToChat);
    });
    // Nothing is in it that anybody may not read.
    parent.postMessage({ rozmowa: "ready" }, "*");
  }

  /** A page without an origin, of a file or in a sandbox, hears it, too: nothing in it is a secret. */
  tell(said: FromChat): void {
    if (this.#origin) parent.postMessage(said, this.#origin === "null" ? "*" : this.#origin);
  }

  /** Who the page says is there. */
  whom(): string | undefined {
    try {
      const payload = this.identity?.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/");
      if (payload) {
        const { identifier, email, name } = JSON.parse(atob(payload)) as Record<string, unknown>;
        return text(identifier) ?? text(email) ?? text(name);
      }
    } catch {
      // The server will say so.
    }
    return this.user.email ?? this.user.name;
  }

  #hear(said: ToChat): void {
    switch (said.rozmowa) {
      case "host": {
        this.isOpen = said.is_open === true;
        this.isContained = said.is_contained === true;
        const { name, email } = (said.user ?? {}) as { [name: string]: unknown };
        const address = text(email);
        const entries = Object.entries({
          name: text(name),
          email: address && EMAIL.test(address) && address,
        });
        this.user = Object.fromEntries(entries.filter(([, value]) => value)) as Partial<User>;
        this.identity = typeof said.identity === "string" ? said.identity : undefined;
        this.#turn(said.url, said.title);
        break;
      }
      case "shown":
        this.isOpen = said.is_open === true;
        if (!this.isOpen) this.wantsTicket = false;
        break;
      case "page":
        this.#turn(said.url, said.title);
        break;
      case "command":
        this.wantsTicket = said.name === "open_email";
    }
  }

  #turn(url: unknown, title: unknown): void {
    // What stands behind # is between the page and its visitor.
    this.url = text(url, URL_MOST)?.split("#")[0];
    this.title = text(title);
  }
}
