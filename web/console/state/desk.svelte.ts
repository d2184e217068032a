/** All that a person who is signed in works with. One at a time, from the sign-in to the end of the session. */
import { SESSION_OVER } from "../../shared/protocol";
import { api } from "./api";
import { Directory } from "./directory.svelte";
import { Drafts } from "./drafts";
import { Duty } from "./duty.svelte";
import { Live } from "./live.svelte";
import { Notify, type Words } from "./notify.svelte";
import { session, type Who } from "./session.svelte";

/** A version that is not spoken any more: the page is of before an upgrade. */
const OTHER_VERSION = 4013;

export class Desk {
  readonly directory = new Directory(api);
  readonly duty = new Duty(api);
  readonly live: Live;
  readonly drafts: Drafts;
  readonly notify: Notify;

  constructor(
    readonly who: Who,
    words: Words,
  ) {
    this.live = new Live(who.agent_id, api, (id) => this.directory.queueName(id));
    this.drafts = new Drafts(who.agent_id);
    this.notify = new Notify(this.live, this.duty, words);
    this.live.on((happening) => {
      switch (happening.type) {
        case "welcome":
          this.directory.loadSoon(0);
          return this.duty.loadSoon();
        case "settings":
          this.directory.loadSoon();
          return this.duty.loadSoon();
        case "agent_status":
          this.directory.heard(happening);
          if (happening.agent_id === who.agent_id) this.duty.heard(happening);
          return;
        case "mine":
        case "left":
          return this.duty.loadSoon();
      }
    });
  }

  /** Whether the page is of before an upgrade of the server. */
  get isOutdated(): boolean {
    return this.live.overCode === OTHER_VERSION;
  }

  get isSessionOver(): boolean {
    return this.live.overCode === SESSION_OVER;
  }

  end(): void {
    this.notify.end();
    this.live.end();
    this.directory.end();
    this.duty.end();
  }
}

let desk = $state.raw<Desk>();

/** Opens the desk of who is signed in, in place of the one before. */
export function openDesk(words: Words): Desk {
  if (!session.who) throw new Error("nobody is signed in");
  desk?.end();
  desk = new Desk(session.who, words);
  return desk;
}

export function closeDesk(): void {
  desk?.end();
  desk = undefined;
}

/** Whoever is shown only with a desk may ask for it. */
export function theDesk(): Desk {
  if (!desk) throw new Error("there is no desk");
  return desk;
}
