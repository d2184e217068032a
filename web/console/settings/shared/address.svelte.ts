/** Where others reach the installation, which need not be the address that this page was opened by. */
import { api } from "../../state/api";
import { Watched } from "./watched.svelte";

/** For the life of a component. Until somebody has said where it is, what leads here leads others here, too. */
export class PublicAddress {
  readonly #read = new Watched(["installation"], () => api.get("/console/settings/installation"));

  get current(): string {
    return this.#read.value?.public_url?.replace(/\/+$/, "") || location.origin;
  }
}
