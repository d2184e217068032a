/** What asks for somebody at once. */
import type { Wall } from "./board.svelte";

export interface Alarm {
  key: string;
  queue: number;
  /** A conversation that everybody on duty has missed; without it nobody answers the queue. */
  conversation?: { id: string; client: string };
}

export function alarmsOf(wall: Wall): Alarm[] {
  const { deserted_queue_ids, missed_conversation_ids } = wall.alarms;
  const waiting = new Map(wall.waiting.map((one) => [one.conversation_id, one]));
  const deserted = deserted_queue_ids.map((queue) => ({ key: `${queue}`, queue }));
  const missed = missed_conversation_ids.map((id) => {
    const { chat_queue_id: queue = 0, client_name: client = "" } = waiting.get(id) ?? {};
    return { key: id, queue, conversation: { id, client } };
  });
  return [...deserted, ...missed];
}
