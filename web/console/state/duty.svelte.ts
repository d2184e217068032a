/** Whether the agent is on duty, and how full the hands are. */
import type { AgentStatus } from "../../shared/protocol";
import type { Api, Schemas } from "./api";

type Shown = Schemas["DutyShown"];
export type DutyStatus = "free" | "paused" | "off";

const TOGETHER_MS = 300;

export class Duty {
  shown = $state.raw<Shown>();
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly api: Api) {}

  get status(): DutyStatus {
    return (this.shown?.status ?? "off") as DutyStatus;
  }

  get open(): number {
    return this.shown?.open_chats ?? 0;
  }

  get capacity(): number {
    return this.shown?.capacity ?? 0;
  }

  get hasRoom(): boolean {
    return this.open < this.capacity;
  }

  async load(): Promise<void> {
    this.shown = await this.api.get("/console/duty");
  }

  loadSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      // What was known stays; the next change asks again.
      this.load().catch(() => undefined);
    }, TOGETHER_MS);
  }

  async set(wanted: Schemas["SetDuty"]): Promise<void> {
    this.shown = await this.api.put("/console/duty", { body: wanted });
  }

  heard({ status, pause_id = null, since = null, open_chats, capacity }: AgentStatus): void {
    if (this.shown) this.shown = { ...this.shown, status, pause_id, since, open_chats, capacity };
    else this.loadSoon();
  }

  end(): void {
    clearTimeout(this.#soon);
  }
}
