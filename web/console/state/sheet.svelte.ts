/** All that is known of the conversation that is open. */
import { type Api, ApiError, isPassing, type Schemas } from "./api";
import type { Live } from "./live.svelte";

export type Known = Schemas["ConversationSheet"];

const TOGETHER_MS = 150;
const AGAIN_MS = 3_000;
/** Events after which more is different than the event says. */
const CHANGES = [
  "assigned",
  "unassigned",
  "transferred",
  "handed_over",
  "given_to_bot",
  "closed",
  "reopened",
];
const FACTS = ["linked", "labelled", "rated", "erased"];

export class Sheet {
  known = $state.raw<Known>();
  /** It can't be opened: why. */
  refusal = $state.raw<ApiError>();
  hasFailed = $state(false);
  #soon: ReturnType<typeof setTimeout> | undefined;
  readonly #stop: () => void;
  #isOver = false;

  constructor(
    readonly conversation: string,
    private readonly live: Live,
    private readonly api: Api,
  ) {
    this.#stop = live.on((happening) => {
      if (happening.type === "welcome") return this.loadSoon();
      if (happening.type !== "events" || happening.conversation !== conversation) return;
      const kinds = [...CHANGES, ...FACTS];
      if (happening.events.some(({ kind }) => kinds.includes(kind ?? ""))) this.loadSoon();
    });
    void this.load();
  }

  async load(): Promise<void> {
    const stood = this.live.log(this.conversation)?.cursor ?? 0;
    const path = { id: this.conversation };
    try {
      const known = await this.api.get("/console/conversations/{id}", { path });
      if (this.#isOver) return;
      this.#show(known, stood);
    } catch (error) {
      if (this.#isOver) return;
      if (error instanceof ApiError && error.status < 500 && !isPassing(error)) this.refusal = error;
      else {
        this.hasFailed = true;
        this.loadSoon(AGAIN_MS);
      }
    }
  }

  #show(known: Known, stood: number): void {
    this.known = known;
    this.hasFailed = false;
    this.refusal = undefined;
    if (known.seq < stood) this.live.restored(this.conversation, known.seq);
    this.live.rows.showSheet(known);
    // It may not be in any list.
    if (this.live.shown === this.conversation) this.live.show(this.conversation, known.seq);
    const log = this.live.log(this.conversation, known.seq);
    if (!log) return;
    log.clientRead = Math.max(log.clientRead, known.client_read_seq);
    log.agentRead = Math.max(log.agentRead, known.agent_read_seq);
  }

  loadSoon(afterMs = TOGETHER_MS): void {
    if (this.#isOver) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.load();
    }, afterMs);
  }

  end(): void {
    this.#isOver = true;
    clearTimeout(this.#soon);
    this.#stop();
  }
}
