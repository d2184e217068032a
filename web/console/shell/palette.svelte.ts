/** Search and commands. Views add what can be done in them: `$effect(() => provide(() => [ … ]))`. */
import { type Component, untrack } from "svelte";
import { toastFailure } from "../kit/toast.svelte";
import { speakAll } from "../texts.svelte";

export interface Command {
  id: string;
  label: string;
  icon?: Component<{ size?: number | string }> | undefined;
  keys?: string | undefined;
  /** What else people may look for. */
  words?: string[] | undefined;
  run: () => void;
}

const providers = $state.raw(new Set<() => Command[]>());
let version = $state(0);

/** Gives what takes them away again. */
export function provide(commands: () => Command[]): () => void {
  // Whoever provides in an effect does not wait for what others provide.
  const told = () => untrack(() => version++);
  providers.add(commands);
  told();
  return () => {
    providers.delete(commands);
    told();
  };
}

/** Of the views that are open. */
export function provided(): Command[] {
  void version;
  return [...providers].flatMap((commands) => commands());
}

class LazyPalette {
  component = $state.raw<Component>();
  isOpen = $state(false);

  async toggle(): Promise<void> {
    this.isOpen = !this.isOpen;
    if (this.component) return;
    try {
      const [{ default: component }] = await Promise.all([import("./Palette.svelte"), speakAll()]);
      this.component = component;
    } catch (error) {
      this.isOpen = false;
      toastFailure(error);
    }
  }

  close(): void {
    this.isOpen = false;
  }
}

export const lazyPalette = new LazyPalette();
