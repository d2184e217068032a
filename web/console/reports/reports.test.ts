import { describe, expect, test } from "vitest";
import { addressOf, type Chosen, chosenOf } from "./chosen";
import { csvOf } from "./csv";
import { daysOf, periodsOf, presetOf, PRESETS } from "./periods";

const TODAY = "2026-03-01";

describe("what is chosen", () => {
  test("stands in the address and is read back", () => {
    const chosen: Chosen = {
      date_from: "2026-01-31",
      date_to: "2026-02-28",
      aggregate_by: "hour_of_day",
      chat_queue_ids: ["3", "12"],
      user_logins: ["anowak", "o,dd&%"],
      is_by_agent: true,
      response_threshold: 45,
    };
    const query = new URLSearchParams(addressOf(chosen));
    expect(chosenOf(new URLSearchParams(query.toString()), TODAY)).toEqual(chosen);
  });

  test("is the last seven days by day where the address says nothing that could be meant", () => {
    const usual = {
      date_from: "2026-02-23",
      date_to: "2026-03-01",
      aggregate_by: "day",
      chat_queue_ids: [],
      user_logins: [],
      is_by_agent: false,
      response_threshold: 20,
    };
    const nonsense =
      "date_from=2026-02-30&date_to=soon&aggregate_by=moon&chat_queue_ids=a,b&response_threshold=-1&by_agent=x";
    for (const query of ["", nonsense]) {
      expect(chosenOf(new URLSearchParams(query), TODAY)).toEqual(usual);
    }
  });
});

describe("periods", () => {
  test("have the days that their names say, and are known by them", () => {
    expect(PRESETS.map((preset) => daysOf(preset, TODAY).join(" "))).toEqual([
      "2026-03-01 2026-03-01",
      "2026-02-28 2026-02-28",
      "2026-02-23 2026-03-01",
      "2026-03-01 2026-03-01",
      "2026-02-01 2026-02-28",
      "2026-01-01 2026-03-01",
    ]);
    expect(presetOf("2026-02-01", "2026-02-28", TODAY)).toBe("last_month");
    expect(presetOf("2026-02-02", "2026-02-28", TODAY)).toBeUndefined();
  });

  test("are called as the server calls them, and none is left out", () => {
    expect(periodsOf("2026-02-27", "2026-03-01", "day")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
    // A week belongs to the year in which its Thursday is.
    expect(periodsOf("2020-12-31", "2021-01-10", "week")).toEqual(["2020-W53", "2021-W01"]);
    expect(periodsOf("2019-12-30", "2019-12-30", "week")).toEqual(["2020-W01"]);
    expect(periodsOf("2025-12-31", "2026-02-01", "month")).toEqual(["2025-12", "2026-01", "2026-02"]);
    expect(periodsOf("2025-12-31", "2026-02-01", "year")).toEqual(["2025", "2026"]);
    expect(periodsOf(TODAY, TODAY, "hour")?.slice(-2)).toEqual(["2026-03-01 22", "2026-03-01 23"]);
    expect(periodsOf(TODAY, TODAY, "minute")?.at(61)).toBe("2026-03-01 01:01");
    expect(periodsOf("2026-01-01", TODAY, "hour_of_day")).toHaveLength(24);
    expect(periodsOf("2026-01-01", "2026-12-31", "minute"), "more than can be shown").toBeUndefined();
  });
});

test("a file for spreadsheets says what is meant, and nothing in it is a formula", () => {
  const rows = [
    ["Nazwa", "Liczba"],
    ["=HYPERLINK(1)", 3],
    ["+48", -1],
    ['Anna "A"; Nowak\nBąk', 0],
    ["@", "-"],
  ];
  expect(csvOf(rows)).toBe(
    '\uFEFFNazwa;Liczba\r\n\'=HYPERLINK(1);3\r\n\'+48;-1\r\n"Anna ""A""; Nowak\nBąk";0\r\n\'@;\'-\r\n',
  );
});
