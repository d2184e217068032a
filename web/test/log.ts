/** The log of a conversation, as the server has it, held against what a page shows of it. */
import { expect } from "vitest";
import type { LogEvent } from "../shared/protocol";
import type { Server } from "./server";
import { Visitor } from "./visitor";

/** All that a visitor may see of it, by a link of its own. */
export async function logOf(server: Server, conversation: string): Promise<LogEvent[]> {
  const { token } = await server.link(conversation);
  const events: LogEvent[] = [];
  for (;;) {
    const path = `conversation/events?after=${events.at(-1)?.seq ?? 0}`;
    const page = await server.asVisitor<{ events: LogEvent[] }>(token, "GET", path);
    events.push(...page.events);
    if (page.events.length === 0) return events;
  }
}

/** The messages of it, in its order. */
export async function messagesOf(server: Server, conversation: string): Promise<LogEvent[]> {
  return (await logOf(server, conversation)).filter(({ kind }) => kind === "message");
}

/** What programs are told of it, by the API. */
export async function apiMessagesOf(server: Server, conversation: string): Promise<string[]> {
  const path = `chats/${conversation}?include_messages=true`;
  const shown = await server.api<{ messages: { text: string }[] }>("GET", path);
  return shown.messages.map(({ text }) => text);
}

/**
 * What the visitor sees is the log: every text and every file once, in its order, and nothing else. Waits until it is.
 */
export async function expectSame(
  server: Server,
  conversation: string,
  visitors: Visitor[],
): Promise<LogEvent[]> {
  const messages = await messagesOf(server, conversation);
  const seqs = messages.map(({ seq }) => seq);
  expect(seqs, "the log has an order").toEqual([...new Set(seqs)].sort((a, b) => a - b));
  const ids = messages.map(({ id }) => id).filter(Boolean);
  expect(ids, "nothing was stored twice").toHaveLength(new Set(ids).size);
  expect(await apiMessagesOf(server, conversation)).toEqual(messages.map(({ text }) => text ?? ""));
  for (const visitor of visitors) {
    await expect.poll(() => visitor.messages(), { timeout: 15_000 }).toEqual(Visitor.shown(messages));
  }
  return messages;
}
