/** What is done by one press: it succeeds, or a word says why not. */
import { toast } from "../../kit/toast.svelte";
import { ApiError } from "../../state/api";
import { t } from "../../texts.svelte";

/** Whether it was done. */
export async function attempt(act: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await act();
  } catch (error) {
    const why = error instanceof ApiError ? error.message : "";
    toast(why || t("unreachable"), { kind: "danger" });
    return false;
  }
  if (done) toast(done, { kind: "good" });
  return true;
}

/** For a field: nothing any more. What is not given at all stays as it is. */
export const NONE = "" as unknown as number;
