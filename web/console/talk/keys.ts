/** What keys do among conversations. Never Ctrl+Alt, which is AltGr: ą ć ę ł ń ó ś ź ż live there. */
import { openHelp } from "../shell/help.svelte";
import { prefs } from "../state/prefs.svelte";
import type { Room } from "./room.svelte";

export function pressed(event: KeyboardEvent, room: Room): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.getModifierState("AltGraph")) return;
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest("[role=dialog], [role=menu]")) return;
  if (event.altKey) {
    if (event.shiftKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    // From one editor to the next; who stands in the list stays there.
    room.wantsEditor = !target?.closest("[data-region=list]");
    return room.step(event.key === "ArrowDown" ? 1 : -1);
  }
  if (!prefs.singleKeys || !target?.closest("[data-region]")) return;
  if (target.closest("input, textarea, select, [contenteditable]")) return;
  const act = COMMANDS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act(room);
}

const COMMANDS: Record<string, (room: Room) => void> = {
  r: (room) => room.editor?.write("reply"),
  i: (room) => room.editor?.write("note"),
  t: (room) => {
    if (room.id !== undefined && room.isOpen) room.asking = "transfer";
  },
  e: (room) => {
    if (room.id !== undefined && room.isOpen) room.asking = "close";
  },
  n: (room) => void room.takeNext(),
  "?": () => openHelp(),
};
