import { expect, test } from "vitest";
import { type Canned, filled, found } from "./canned";

test("placeholders are filled in, and have something instead", () => {
  const values = { client_name: "Andrzej", agent_name: "Anna" };
  expect(filled("Dzień dobry, {client_name|Państwu}! Tu {agent_name}.", values)).toBe(
    "Dzień dobry, Andrzej! Tu Anna.",
  );
  const unknown = { client_name: "", agent_name: "Anna" };
  expect(filled("Dzień dobry{client_name}, {client_name|Państwu}: {0} {x}", unknown)).toBe(
    "Dzień dobry, Państwu: {0} {x}",
  );
});

test("the shortcut counts before the text, with or without accents", () => {
  const one = (id: number, shortcut: string, text: string): Canned => ({
    id,
    shortcut,
    text,
    chat_queue_id: null,
  });
  const all = [
    one(1, "zwrot", "a"),
    one(2, "adres zwrotu", "b"),
    one(3, "łódź", "o zwrocie"),
    one(4, "x", "y"),
  ];
  expect(found(all, "zwro").map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(found(all, "lodz").map(({ id }) => id)).toEqual([3]);
  expect(found(all, "").length).toBe(4);
});
