/** What passes: who types, who looks, which page is open. Nothing of it is kept. */
import { SvelteMap } from "svelte/reactivity";
import type { ToAgent } from "../../shared/protocol";

type Frame<T> = Extract<ToAgent, { type: T }>;

export interface Typing {
  by: "client" | "agent" | "bot" | "system";
  agent_id: number | undefined;
  /** What stands there so far, where the queue shows it. */
  text: string;
}

export interface OpenPage {
  is_open: boolean;
  url: string | undefined;
  title: string | undefined;
}

/** Who types says so every few seconds. */
const TYPING_BELIEVED_MS = 6_000;

export class Passing {
  /** By conversation: the client. */
  readonly typing = new SvelteMap<string, Typing>();
  /** By conversation: a colleague who writes to the client. */
  readonly colleagueTyping = new SvelteMap<string, Typing>();
  readonly pages = new SvelteMap<string, OpenPage>();
  readonly looking = new SvelteMap<string, readonly number[]>();
  readonly #over = new Map<string, ReturnType<typeof setTimeout>>();

  heardTyping({ conversation, by, agent_id, is_typing, text }: Frame<"typing">): void {
    const [map, name] =
      by === "agent" ? [this.colleagueTyping, `${conversation} agent`] : [this.typing, conversation];
    clearTimeout(this.#over.get(name));
    this.#over.delete(name);
    if (!is_typing) {
      map.delete(conversation);
      return;
    }
    map.set(conversation, { by, agent_id, text: text ?? "" });
    const over = () => {
      map.delete(conversation);
      this.#over.delete(name);
    };
    this.#over.set(name, setTimeout(over, TYPING_BELIEVED_MS));
  }

  /** Who has spoken types no more. */
  spoke(conversation: string, by: "client" | "agent"): void {
    const [map, name] =
      by === "agent" ? [this.colleagueTyping, `${conversation} agent`] : [this.typing, conversation];
    if (!map.delete(conversation)) return;
    clearTimeout(this.#over.get(name));
    this.#over.delete(name);
  }

  heardPage({ conversation, is_open, url, title }: Frame<"page">): void {
    const known = this.pages.get(conversation);
    this.pages.set(conversation, { is_open, url: url ?? known?.url, title: url ? title : known?.title });
  }

  /** Whether it is news. */
  heardLooking({ conversation, agent_id, is_looking }: Frame<"looking">): boolean {
    const there = this.looking.get(conversation) ?? [];
    if (there.includes(agent_id) === is_looking) return false;
    const now = is_looking ? [...there, agent_id] : there.filter((id) => id !== agent_id);
    if (now.length) this.looking.set(conversation, now);
    else this.looking.delete(conversation);
    return true;
  }

  /** Its conversation is not looked at any more. */
  forget(conversation: string): void {
    this.spoke(conversation, "client");
    this.spoke(conversation, "agent");
    this.pages.delete(conversation);
    this.looking.delete(conversation);
  }

  clear(): void {
    for (const timer of this.#over.values()) clearTimeout(timer);
    this.#over.clear();
    this.typing.clear();
    this.colleagueTyping.clear();
    this.looking.clear();
    this.pages.clear();
  }
}
