/** Parts of a card that come in pages. */
import { untrack } from "svelte";
import { type Page, Results } from "../search/results.svelte";
import { theDesk } from "../state/desk.svelte";

const PAGE = 10;

interface Query {
  limit: number;
  cursor?: string;
}

/** For the life of a component. Whoever comes back from a lost line reads again. */
export function paged<T>(page: (query: Query, signal: AbortSignal) => Promise<Page<T>>): Results<T> {
  const results = new Results<T>();
  const begin = () =>
    void results.begin((cursor, signal) => page({ limit: PAGE, ...(cursor && { cursor }) }, signal));
  $effect(() => {
    untrack(begin);
    const stop = theDesk().live.on((happening) => {
      if (happening.type === "welcome") begin();
    });
    return () => {
      stop();
      results.clear();
    };
  });
  return results;
}
