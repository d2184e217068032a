import { describe, expect, test } from "vitest";
import { endsNextDay, overlap, spanOf, timeOf, typed } from "./spans";

const span = (from: string, until: string) => ({ from, until });

describe("working hours", () => {
  test.each([
    ["9", "09:00"],
    ["17", "17:00"],
    ["930", "09:30"],
    ["1730", "17:30"],
    ["9:05", "09:05"],
    ["9.30", "09:30"],
    ["5 pm", "17:00"],
    ["12am", "00:00"],
    ["24", "00:00"],
    ["24:01", ""],
    ["25", ""],
    ["9:60", ""],
    ["", ""],
    ["noon", ""],
  ])("%j is taken as %j", (text, time) => {
    expect(timeOf(text)).toBe(time);
  });

  test("end with the day, or on the next one", () => {
    expect(spanOf(span("22:00", "00:00"))).toEqual({ from_minute: 1320, until_minute: 1440 });
    expect(spanOf(span("22:00", "06:00"))).toEqual({ from_minute: 1320, until_minute: 360 });
    expect(typed({ from_minute: 0, until_minute: 1440 })).toEqual(span("00:00", "00:00"));
    expect([span("22:00", "06:00"), span("22:00", "00:00"), span("09:00", "17:00")].map(endsNextDay)).toEqual(
      [true, false, false],
    );
  });

  test("may touch, and not overlap", () => {
    expect(overlap([span("09:00", "12:00"), span("12:00", "17:00")])).toBe(false);
    expect(overlap([span("12:00", "17:00"), span("09:00", "12:30")])).toBe(true);
    expect(overlap([span("20:00", "04:00"), span("22:00", "23:00")])).toBe(true);
  });
});
