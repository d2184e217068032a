import { expect, test } from "vitest";
import type { AgentEvent } from "../../shared/protocol";
import { entries } from "./entries";

const NOON = new Date(2026, 5, 1, 12).getTime();
const AROUND = { readUpTo: 0, me: 7, isWhole: true };

function said(seq: number, by: "client" | "agent", at: number, kind = "message"): AgentEvent {
  return { seq, at, kind, by, text: `${seq}`, ...(by === "agent" && { agent_id: 7 }) };
}

test("days, and what one says in a row", () => {
  const shown = entries(
    [
      { seq: 1, at: NOON, kind: "started", by: "client" },
      said(2, "client", NOON),
      said(3, "client", NOON + 60_000),
      said(4, "agent", NOON + 120_000),
      said(5, "agent", NOON + 180_000, "note"),
      said(6, "client", NOON + 24 * 3_600_000),
    ],
    [],
    AROUND,
  );
  expect(shown.map(({ type }) => type)).toEqual([
    "day",
    "line",
    "saying",
    "saying",
    "saying",
    "saying",
    "day",
    "saying",
  ]);
  const sayings = shown.filter((it) => it.type === "saying");
  expect(sayings.map(({ isFirst, isLast }) => [isFirst, isLast])).toEqual([
    [true, false],
    [false, true],
    [true, true],
    [true, true],
    [true, true],
  ]);
});

test("what was unread when it was opened stands below a line, and what is on its way at the end", () => {
  const pending = { id: "p", conversation: "c", how: "reply" as const, text: "x", at: NOON, files: [] };
  const shown = entries(
    [said(2, "client", NOON), said(3, "client", NOON)],
    [{ ...pending, state: "sending" }],
    {
      ...AROUND,
      readUpTo: 2,
    },
  );
  expect(shown.map(({ key }) => key).slice(1)).toEqual(["2", "unread", "3", "p"]);
});
