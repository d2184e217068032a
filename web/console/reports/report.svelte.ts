/** The report that is shown: what was there stays until the new one is. */
import { type Api, isPassing } from "../state/api";
import { type Chosen, parametersOf } from "./chosen";
import type { Report } from "./rows";

/** The server itself gives up before that, and says so. */
const ANSWER_WITHIN_MS = 60_000;
/** Whoever chooses goes on choosing. */
const ASK_AFTER_MS = 150;

export class Reported {
  report = $state.raw<Report>();
  /** What `report` is of. */
  of = $state.raw<Chosen>();
  fault = $state.raw<unknown>();
  isLoading = $state(false);

  constructor(private readonly api: Api) {}

  /** Gives what ends it. */
  ask(chosen: Chosen, isFirst = !this.report): () => void {
    const stop = new AbortController();
    this.isLoading = true;
    const timer = setTimeout(() => void this.#read(chosen, stop.signal), isFirst ? 0 : ASK_AFTER_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }

  async #read(chosen: Chosen, signal: AbortSignal): Promise<void> {
    try {
      const report = await this.api.get("/console/reports/summary", {
        query: parametersOf(chosen),
        signal,
        withinMs: ANSWER_WITHIN_MS,
      });
      if (signal.aborted) return;
      this.report = report;
      this.of = chosen;
      this.fault = undefined;
    } catch (error) {
      if (signal.aborted) return;
      this.fault = error;
      // What was refused is not what stands below.
      if (!isPassing(error)) this.report = this.of = undefined;
    }
    this.isLoading = false;
  }
}
