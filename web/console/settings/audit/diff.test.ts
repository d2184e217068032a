import { expect, test } from "vitest";
import { differences } from "./diff";

test("what stayed is left out, and what is within is told by its place", () => {
  const was = { name: "Sklep", widget: { color: "#123456", side: "right" }, clauses: ["one"] };
  const becomes = { name: "Sklep", widget: { color: "#654321", side: "right" }, clauses: ["one", "two"] };
  expect(differences(was, becomes)).toEqual([
    { place: ["widget", "color"], was: "#123456", becomes: "#654321" },
    { place: ["clauses"], was: ["one"], becomes: ["one", "two"] },
  ]);
});

test("of what is new, what is in it; of what is nothing, nothing", () => {
  expect(differences(null, { id: 1, text: "", hours: null })).toEqual([
    { place: ["id"], was: undefined, becomes: 1 },
  ]);
  expect(differences({ hours: { week: [] } }, { hours: null })).toEqual([
    { place: ["hours", "week"], was: [], becomes: undefined },
  ]);
  expect(differences(false, true)).toEqual([{ place: [], was: false, becomes: true }]);
});
