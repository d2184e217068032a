import { describe, expect, test } from "vitest";
import { payloadOf } from "./payload";

describe("what another system tells", () => {
  test("is shown by its members", () => {
    expect(payloadOf('{"number": "Z-77", "amount": 12.5, "paid": false, "note": null}')).toEqual([
      { key: "number", value: "Z-77" },
      { key: "amount", value: "12.5" },
      { key: "paid", value: "false" },
      { key: "note", value: "—" },
    ]);
    expect(payloadOf('{"lines": ["a", "b"], "to": {"city": "Łódź"}}')).toEqual([
      { key: "lines", value: "a, b" },
      { key: "to", value: '{\n  "city": "Łódź"\n}' },
    ]);
  });

  test("is shown as it is when it has none", () => {
    expect(payloadOf('"paid"')).toBe("paid");
    expect(payloadOf("[1, 2]")).toBe("1, 2");
    expect(payloadOf("null")).toBe("—");
    expect(payloadOf("{")).toBe("{");
    expect(payloadOf("{}")).toBe("{}");
  });
});
