/** What there is in this installation: queues, colleagues, and what can be chosen. */
import type { AgentStatus } from "../../shared/protocol";
import type { Api, Schemas } from "./api";

export type Known = Schemas["Directory"];
export type Queue = Known["queues"][number];
export type Colleague = Known["agents"][number];

/** What changes at once is asked for once. */
const TOGETHER_MS = 300;
const AGAIN_MS = 5_000;

export class Directory {
  known = $state.raw<Known>();
  hasFailed = $state(false);
  #soon: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(private readonly api: Api) {}

  readonly queues = $derived(new Map(this.known?.queues.map((queue) => [queue.id, queue])));
  readonly agents = $derived(new Map(this.known?.agents.map((agent) => [agent.agent_id, agent])));
  readonly topics = $derived(new Map(this.known?.topics.map((topic) => [topic.id, topic])));
  readonly tags = $derived(new Map(this.known?.tags.map((tag) => [tag.id, tag])));
  readonly pauses = $derived(new Map(this.known?.pauses.map((pause) => [pause.id, pause])));

  /** First name and surname, else the login. */
  nameOf(agent: number | null | undefined): string | undefined {
    const found = this.agents.get(agent ?? 0);
    return found && (`${found.name} ${found.surname}`.trim() || found.login);
  }

  queueName(id: number): string | undefined {
    return this.queues.get(id)?.name;
  }

  /** Throws when nobody answers. */
  async load(): Promise<void> {
    try {
      this.known = await this.api.get("/console/directory");
      this.hasFailed = false;
    } catch (error) {
      this.hasFailed = true;
      throw error;
    }
  }

  /** Something in it has changed. */
  loadSoon(afterMs = TOGETHER_MS): void {
    if (this.#isOver) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.load().catch(() => this.loadSoon(AGAIN_MS));
    }, afterMs);
  }

  heard(now: AgentStatus): void {
    const { known } = this;
    if (!known) return;
    if (!this.agents.has(now.agent_id)) return this.loadSoon();
    const { status, pause_id = null, since = null, open_chats, capacity } = now;
    const agents = known.agents.map((agent) =>
      agent.agent_id === now.agent_id ? { ...agent, status, pause_id, since, open_chats, capacity } : agent,
    );
    this.known = { ...known, agents };
  }

  end(): void {
    this.#isOver = true;
    clearTimeout(this.#soon);
  }
}
