/** How this browser's user likes it. */
import { read, write } from "./keep";

interface Kept {
  theme: "system" | "light" | "dark";
  /** Otherwise Ctrl+Enter does. */
  enterSends: boolean;
  /** Letters alone are commands while a list or a thread has the focus. */
  singleKeys: boolean;
  hasSound: boolean;
  isCustomerShown: boolean;
}

const SHIPPED: Kept = {
  theme: "system",
  enterSends: true,
  singleKeys: true,
  hasSound: true,
  isCustomerShown: true,
};

class Prefs {
  #kept = $state<Kept>({ ...SHIPPED, ...read<Partial<Kept>>("prefs") });

  constructor() {
    this.#dress();
  }

  get theme() {
    return this.#kept.theme;
  }
  set theme(theme) {
    this.#set({ theme });
    this.#dress();
  }

  get enterSends() {
    return this.#kept.enterSends;
  }
  set enterSends(enterSends) {
    this.#set({ enterSends });
  }

  get singleKeys() {
    return this.#kept.singleKeys;
  }
  set singleKeys(singleKeys) {
    this.#set({ singleKeys });
  }

  get hasSound() {
    return this.#kept.hasSound;
  }
  set hasSound(hasSound) {
    this.#set({ hasSound });
  }

  get isCustomerShown() {
    return this.#kept.isCustomerShown;
  }
  set isCustomerShown(isCustomerShown) {
    this.#set({ isCustomerShown });
  }

  #set(change: Partial<Kept>): void {
    Object.assign(this.#kept, change);
    write("prefs", $state.snapshot(this.#kept));
  }

  /** The sheet chooses by this, else by the system. */
  #dress(): void {
    const { theme } = this.#kept;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }
}

export const prefs = new Prefs();
