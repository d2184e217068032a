import { describe, expect, test } from "vitest";
import { easter, polishHolidays } from "./holidays";

describe("Poland's public holidays", () => {
  // The same years as the server's own test.
  test.each([
    "2000-04-23",
    "2008-03-23",
    "2011-04-24",
    "2024-03-31",
    "2025-04-20",
    "2026-04-05",
    "2038-04-25",
    "2285-03-22",
  ])("Easter is on %s", (date) => {
    expect(easter(Number(date.slice(0, 4)))).toBe(date);
  });

  test("are thirteen, and fourteen since Christmas Eve is one", () => {
    expect(polishHolidays(2024)).toHaveLength(13);
    expect(polishHolidays(2026).map(({ date }) => date.slice(5))).toEqual([
      "01-01",
      "01-06",
      "04-05",
      "04-06",
      "05-01",
      "05-03",
      "05-24",
      "06-04",
      "08-15",
      "11-01",
      "11-11",
      "12-24",
      "12-25",
      "12-26",
    ]);
  });
});
