/** Who is signed in. */
import { api, ApiError, isOfOther, type Schemas } from "./api";
import type { Language } from "../texts.svelte";
import { write } from "./keep";

export type Who = Schemas["SessionShown"];
export type Role = "agent" | "supervisor" | "administrator";

const RANK: Record<Role, number> = { agent: 0, supervisor: 1, administrator: 2 };
const UNAUTHORIZED = 401;
/** When somebody has signed in last, for other tabs to hear. */
const SIGNED_IN = "signed-in";

export class Session {
  who = $state.raw<Who>();
  /** `asking` until it is known; `lost` when it ended while the page was open. */
  state = $state<"asking" | "out" | "in" | "lost">("asking");

  constructor() {
    api.onLost = () => this.lose();
    api.onOther = () => void this.check().catch(() => undefined);
  }

  /** Throws when nobody answers. */
  async find(): Promise<void> {
    try {
      this.#enter(await api.get("/console/session"));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === UNAUTHORIZED)) throw error;
      this.#leave();
    }
  }

  /**
   * Whether the browser is signed in as who is here: another tab may have changed that, and if so in a new session, which is
   * ours then. Throws when nobody answers, or nobody is signed in.
   */
  async check(): Promise<boolean> {
    const who = await api.get("/console/session");
    const isSame = who.agent_id === this.who?.agent_id;
    if (isSame) this.#enter(who);
    else this.lose();
    return isSame;
  }

  /** In a language that was chosen on the way, which is the account's from then on. */
  async signIn(login: string, password: string, code?: string, language?: Language): Promise<void> {
    const who = await api.post("/console/session", { body: { login, password, ...(code && { code }) } });
    const isOther = language !== undefined && language !== who.language;
    this.#enter(isOther ? { ...who, language } : who);
    if (isOther) api.put("/console/account", { body: { language } }).catch(() => undefined);
    // Other tabs of the same agent go on.
    write(SIGNED_IN, Date.now());
  }

  /** Calls when another tab has signed in, or somebody looks here again: as long as it is not known who is. */
  watch(look: () => void): () => void {
    const heard = ({ key }: StorageEvent) => key?.endsWith(SIGNED_IN) && look();
    const seen = () => !document.hidden && look();
    addEventListener("storage", heard);
    addEventListener("focus", seen);
    return () => {
      removeEventListener("storage", heard);
      removeEventListener("focus", seen);
    };
  }

  async signOut(): Promise<void> {
    const end = () => api.delete("/console/session");
    try {
      await end().catch(async (error: unknown) => {
        if (!isOfOther(error)) throw error;
        // Somebody else's session is not for us to end.
        if (await this.check()) await end();
      });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === UNAUTHORIZED)) throw error;
    }
    this.#leave();
  }

  /** Until who is here signs in again, nothing of theirs is said and nothing is read: it might be another's. */
  lose(): void {
    if (this.state !== "in") return;
    this.state = "lost";
    api.isBarred = true;
  }

  is(least: Role): boolean {
    return RANK[(this.who?.role ?? "agent") as Role] >= RANK[least];
  }

  #enter(who: Who): void {
    api.csrf = who.csrf_token;
    api.isBarred = false;
    this.who = who;
    this.state = "in";
  }

  #leave(): void {
    api.csrf = "";
    api.isBarred = false;
    this.who = undefined;
    this.state = "out";
  }
}

export const session = new Session();
