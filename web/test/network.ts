/** Takes the network of a page away, and gives it back. */
import type { CDPSession, Frame, Page } from "playwright-core";
import type { Visitor } from "./visitor";

/** Whoever looks at a page, or at a frame in it. */
type Looker = Pick<Visitor, "page" | "isFramed" | "frame">;

export interface Line {
  offline?: boolean;
  /** Of a way there and back. */
  latencyMs?: number;
  downBytesPerSecond?: number;
  upBytesPerSecond?: number;
}

const kept = new WeakMap<Page | Frame, CDPSession>();

/** A frame of another site has a process of its own, and with it a network of its own. */
async function sessionOf(target: Page | Frame, page: Page): Promise<CDPSession> {
  const known = kept.get(target);
  if (known) return known;
  const session = await page.context().newCDPSession(target);
  await session.send("Network.enable");
  kept.set(target, session);
  return session;
}

export async function emulate(visitor: Looker, line: Line): Promise<void> {
  const frame = visitor.isFramed ? visitor.frame() : undefined;
  for (const target of [visitor.page, ...(frame ? [frame] : [])]) {
    const session = await sessionOf(target, visitor.page);
    await session.send("Network.emulateNetworkConditions", {
      offline: line.offline ?? false,
      latency: line.latencyMs ?? 0,
      downloadThroughput: line.downBytesPerSecond ?? -1,
      uploadThroughput: line.upBytesPerSecond ?? -1,
    });
  }
}

export async function offline(visitor: Looker, isOffline: boolean): Promise<void> {
  await emulate(visitor, { offline: isOffline });
}
