/** Reads of the same thing that overtake one another. */

/** Of several on the way, only the one that was begun last counts: whoever waits for another waits for it. */
export function newest<T>(read: () => Promise<T>): () => Promise<T> {
  let last: Promise<T>;
  return () => {
    const its = read();
    const result = (): Promise<T> => (last === mine ? its : last);
    const mine: Promise<T> = its.then(result, result);
    last = mine;
    return mine;
  };
}
