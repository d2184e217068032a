/** The deliveries of a webhook, as they happen. Nothing tells of them: they are asked for while somebody looks. */
import { api, type Schemas } from "../../state/api";
import { Paged, Watched } from "../shared/watched.svelte";
import type { Attempt } from "./webhook";

export type Waiting = Schemas["PendingDelivery"];

const EVERY_MS = 2_500;
const PAGE = 50;
const SHOWN_WAITING = 100;

export class DeliveryLog {
  readonly attempts: Paged<Attempt, string>;
  readonly pending: Watched<Waiting[]>;

  /** For the life of a component. */
  constructor(readonly id: number) {
    const path = { id };
    this.attempts = new Paged(["webhooks"], (cursor) =>
      api.get("/console/webhooks/{id}/attempts", { path, query: { limit: PAGE, ...(cursor && { cursor }) } }),
    );
    this.pending = new Watched(["webhooks"], async () => {
      const query = { limit: SHOWN_WAITING };
      return (await api.get("/console/webhooks/{id}/pending", { path, query })).result;
    });
    $effect(() => {
      const timer = setInterval(() => {
        if (!document.hidden) void this.load();
      }, EVERY_MS);
      return () => clearInterval(timer);
    });
  }

  async load(): Promise<void> {
    await Promise.all([this.attempts.load(), this.pending.load()]);
  }

  async again(delivery_id: string): Promise<void> {
    await api.post("/console/webhooks/{id}/redeliver", { path: { id: this.id }, body: { delivery_id } });
    await this.load();
  }

  /** What was given up since then; tells how many those are. */
  async recover(from: number): Promise<number> {
    let all = 0;
    for (;;) {
      const path = { id: this.id };
      const { count } = await api.post("/console/webhooks/{id}/recover", { path, body: { from } });
      if (count === 0) break;
      all += count;
    }
    await this.load();
    return all;
  }
}
