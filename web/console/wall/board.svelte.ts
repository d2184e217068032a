/** What the wall shows: read anew soon after something has happened, and every half minute anyway. */
import type { AgentStatus } from "../../shared/protocol";
import type { Api, Schemas } from "../state/api";
import { clock } from "../state/clock.svelte";
import type { Live } from "../state/live.svelte";

export type Wall = Schemas["Wall"];
export type WallQueue = Wall["queues"][number];
export type WallAgent = Wall["agents"][number];
export type Waiting = Wall["waiting"][number];
export type Day = Wall["total"];

/** What happens together is read together. */
const TOGETHER_MS = 250;
const AT_MOST_EVERY_MS = 2_000;
const ANYWAY_EVERY_MS = 30_000;
/** Older figures are not of now any more. */
const STALE_AFTER_MS = 2 * ANYWAY_EVERY_MS;

interface Heard extends AgentStatus {
  heardAt: number;
}

export class Board {
  wall = $state.raw<Wall>();
  /** Why the last read has failed. */
  fault = $state.raw<unknown>();
  /** What agents have become since the wall was read. */
  #heard = $state.raw<ReadonlyMap<number, Heard>>(new Map());
  #changedAt = 0;
  #readAt = 0;
  #isReading = false;
  #isOver = false;
  #next: { at: number; timer: ReturnType<typeof setTimeout> } | undefined;

  constructor(
    private readonly api: Api,
    private readonly live: Live,
  ) {}

  readonly queues = $derived(new Map(this.wall?.queues.map((queue) => [queue.id, queue])));

  readonly agents: WallAgent[] = $derived.by(() => {
    const { wall } = this;
    if (!wall) return [];
    return wall.agents.map((agent) => {
      const heard = this.#heard.get(agent.agent_id);
      if (!heard || heard.heardAt <= wall.at) return agent;
      const { status, pause_id = null, since = null, open_chats, capacity } = heard;
      return { ...agent, status, pause_id, since, open_chats, capacity };
    });
  });

  /** Conversations that wait, in all queues. */
  readonly waiting = $derived(this.wall?.queues.reduce((sum, { waiting }) => sum + waiting, 0) ?? 0);

  /** Who has waited longest. */
  readonly first = $derived(this.wall?.waiting[0]);

  get isStale(): boolean {
    const { wall } = this;
    return wall !== undefined && (this.fault !== undefined || clock.now - wall.at > STALE_AFTER_MS);
  }

  goalOf(queue: number): number {
    return this.queues.get(queue)?.answer_goal_seconds ?? 0;
  }

  /** Reads until the answer is called. */
  start(): () => void {
    const stop = this.live.on((happening) => {
      switch (happening.type) {
        case "agent_status":
          this.#heard = new Map(this.#heard).set(happening.agent_id, { ...happening, heardAt: clock.read() });
          return this.#change();
        case "welcome":
        case "turn":
        case "alarm":
        case "settings":
          return this.#change();
      }
    });
    // Of what has happened before, nobody tells.
    this.#changedAt = clock.read();
    void this.read();
    return () => {
      this.#isOver = true;
      stop();
      clearTimeout(this.#next?.timer);
    };
  }

  async read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#readAt = Date.now();
    try {
      const wall = await this.api.get("/console/wall");
      if (this.#isOver) return;
      this.wall = wall;
      this.fault = undefined;
      this.#forget(wall.at);
    } catch (error) {
      this.fault = error;
    } finally {
      this.#isReading = false;
    }
    // The server remembers what it has read for a moment: that may be from before.
    const isBehind = this.fault !== undefined || (this.wall?.at ?? 0) < this.#changedAt;
    this.#plan(this.#readAt + (isBehind ? AT_MOST_EVERY_MS : ANYWAY_EVERY_MS));
  }

  #change(): void {
    this.#changedAt = clock.read();
    if (!this.#isReading) this.#plan(Math.max(Date.now() + TOGETHER_MS, this.#readAt + AT_MOST_EVERY_MS));
  }

  #plan(at: number): void {
    if (this.#isOver || (this.#next && this.#next.at <= at)) return;
    clearTimeout(this.#next?.timer);
    const read = () => {
      this.#next = undefined;
      void this.read();
    };
    this.#next = { at, timer: setTimeout(read, at - Date.now()) };
  }

  #forget(before: number): void {
    const rest = [...this.#heard].filter(([, { heardAt }]) => heardAt > before);
    if (rest.length < this.#heard.size) this.#heard = new Map(rest);
  }
}
