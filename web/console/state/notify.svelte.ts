/** That a chat is there, for who looks elsewhere: a notification, a ring until it is opened, a number in the title. */
import type { Duty } from "./duty.svelte";
import type { Live } from "./live.svelte";
import { prefs } from "./prefs.svelte";
import { beep, ring, ringOnce, stopRinging } from "./ring";
import type { Row } from "./row.svelte";

/** What notifications say, in the language of the page. */
export interface Words {
  /** Nobody knows the client's name. */
  somebody(): string;
  isYours(): string;
  waits(queue: string): string;
}

const WORKER = "/console/sw.js";
const PREVIEW_CHARACTERS = 120;

export class Notify {
  permission = $state<NotificationPermission | "unsupported">("unsupported");
  /** Chats that ring until they are opened. */
  ringing = $state.raw<readonly string[]>([]);
  #registration: Promise<ServiceWorkerRegistration | undefined> | undefined;
  readonly #stop: () => void;

  constructor(
    private readonly live: Live,
    private readonly duty: Duty,
    private readonly words: Words,
  ) {
    if ("Notification" in globalThis) this.permission = Notification.permission;
    this.#stop = live.on((happening) => {
      switch (happening.type) {
        case "mine":
          return this.#came(happening.row, words.isYours());
        case "waiting":
          // Who has no room, or is not on duty, can't help.
          if (duty.status === "free" && duty.hasRoom && !happening.row.botId)
            this.#came(happening.row, words.waits(happening.row.queue));
          return;
        case "left":
          if (!this.live.rows.has("mine", happening.row.id)) this.opened(happening.row.id);
          return;
        case "message":
          if (happening.event.by === "client") this.#said(happening.row, happening.event.text ?? "");
      }
    });
  }

  /** To be called by a click: browsers ask for nothing otherwise. Plays the sound once, so that it is known. */
  async ask(): Promise<void> {
    if (prefs.hasSound) ringOnce();
    if (!("Notification" in globalThis)) return;
    this.permission = await Notification.requestPermission();
    void this.#worker();
  }

  /** Somebody looks at it, or it is nothing to look at any more. */
  opened(conversation: string): void {
    void this.#close(conversation);
    if (!this.ringing.includes(conversation)) return;
    this.ringing = this.ringing.filter((id) => id !== conversation);
    if (!this.ringing.length) stopRinging();
  }

  /** Mute. */
  quiet(): void {
    this.ringing = [];
    stopRinging();
  }

  /** Of mine, those that have something unread: for the title. */
  get count(): number {
    let count = 0;
    for (const id of this.live.rows.members("mine")) {
      const row = this.live.rows.map.get(id);
      if (row?.unread || this.ringing.includes(id)) count++;
    }
    return count;
  }

  end(): void {
    this.#stop();
    this.quiet();
  }

  #isSeen(conversation: string): boolean {
    return this.live.shown === conversation && !document.hidden && document.hasFocus();
  }

  #came(row: Row, what: string): void {
    if (this.#isSeen(row.id)) return;
    if (!this.ringing.includes(row.id)) this.ringing = [...this.ringing, row.id];
    if (prefs.hasSound) ring();
    void this.#show(row, what);
  }

  #said(row: Row, text: string): void {
    if (row.agentId !== this.live.agent || this.#isSeen(row.id)) return;
    if (prefs.hasSound && !this.ringing.length) beep();
    if (document.hidden || !document.hasFocus()) void this.#show(row, text);
  }

  async #show(row: Row, text: string): Promise<void> {
    if (this.permission !== "granted") return;
    const worker = await this.#worker();
    const view = row.agentId === this.live.agent ? "mine" : "waiting";
    const body = [...text].slice(0, PREVIEW_CHARACTERS).join("");
    const options = { body, tag: row.id, renotify: true, data: { path: `#/${view}/${row.id}` } };
    await worker?.showNotification(row.client || this.words.somebody(), options).catch(() => undefined);
  }

  async #close(conversation: string): Promise<void> {
    if (this.permission !== "granted") return;
    const worker = await this.#worker();
    for (const shown of (await worker?.getNotifications({ tag: conversation })) ?? []) shown.close();
  }

  /** Android shows nothing of a page itself. */
  #worker(): Promise<ServiceWorkerRegistration | undefined> {
    if (!("serviceWorker" in navigator)) return Promise.resolve(undefined);
    this.#registration ??= navigator.serviceWorker
      .register(WORKER, { scope: "/console/" })
      .then(() => navigator.serviceWorker.ready)
      .catch(() => undefined);
    return this.#registration;
  }
}
