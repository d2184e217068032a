/** Forms of what others may change meanwhile. */
import { untrack } from "svelte";
import type { Form } from "../../kit/form.svelte";

/**
 * What was read anew is shown, except for what is being changed here. Whoever saves reads again before that is done. For
 * the life of a component.
 */
export function follow<V extends object>(form: Form<V>, read: () => V | undefined): void {
  const values = $derived(read());
  let merged: V | undefined;
  $effect(() => {
    const newer = values;
    const { isSaving } = form;
    // When reading again fails, what was read before saving is no news.
    if (!newer || newer === merged || isSaving) return;
    merged = newer;
    untrack(() => form.merge(newer));
  });
}
