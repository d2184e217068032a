/** Files that go out with the next message. */
import { api, ApiError } from "../state/api";
import type { FileShown } from "../../shared/protocol";
import { newId } from "../../shared/id";
import { sizeOf } from "../formats";
import { t } from "../texts.svelte";

export interface Upload {
  id: string;
  name: string;
  size: number;
  /** Of a picture. */
  preview: string | undefined;
  /** From 0 to 1. */
  share: number;
  file: FileShown | undefined;
  fault: string;
}

export const FILES_MOST = 10;

export class Uploads {
  all = $state<Upload[]>([]);
  readonly #stops = new Map<string, AbortController>();

  readonly isBusy = $derived(this.all.some(({ file, fault }) => !file && !fault));
  readonly files = $derived(this.all.flatMap(({ file }) => (file ? [$state.snapshot(file)] : [])));

  add(conversation: string, files: Iterable<File>, bytesMost: number): void {
    for (const file of files) {
      if (this.all.length >= FILES_MOST) return;
      const isPicture = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type);
      const isTooLarge = file.size > bytesMost;
      const one: Upload = {
        id: newId(),
        name: file.name,
        size: file.size,
        preview: isPicture && !isTooLarge ? URL.createObjectURL(file) : undefined,
        share: 0,
        file: undefined,
        fault: isTooLarge ? t("talk.file_too_large", { size: sizeOf(bytesMost) }) : "",
      };
      this.all.push(one);
      if (!isTooLarge) void this.#send(conversation, one.id, file);
    }
  }

  async #send(conversation: string, id: string, file: File): Promise<void> {
    const stop = new AbortController();
    this.#stops.set(id, stop);
    const change = (now: Partial<Upload>) => {
      const one = this.all.find((it) => it.id === id);
      if (one) Object.assign(one, now);
    };
    try {
      const stored = await api.upload(conversation, file, (share) => change({ share }), stop.signal);
      change({ file: stored, share: 1 });
    } catch (error) {
      if (!stop.signal.aborted) {
        change({ fault: (error instanceof ApiError && error.message) || t("talk.file_failed") });
      }
    } finally {
      this.#stops.delete(id);
    }
  }

  remove(id: string): void {
    this.#stops.get(id)?.abort();
    const one = this.all.find((it) => it.id === id);
    if (one?.preview) URL.revokeObjectURL(one.preview);
    this.all = this.all.filter((it) => it.id !== id);
  }

  /** They were sent, or nobody wants to send them any more. */
  clear(): void {
    for (const { id } of this.all) this.remove(id);
  }
}
