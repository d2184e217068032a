/** What the charts of a report draw. */
import { clockOf, numberOf, percentOf } from "../formats";
import { t } from "../texts.svelte";
import type { Chosen } from "./chosen";
import { isOneYear, nameOf, periodsOf, shortNameOf } from "./periods";
import { COUNTS, type Drawing, type Line, SHARES, TIMES } from "./plot";
import { agentName, happyOf, type Report, restOf, type Row, talkOf, waitOf } from "./rows";

/** More lines than these can't be told from each other. */
export const LINES_MAX = 6;

export interface Charts {
  volume: Drawing;
  wait: Drawing;
  talk: Drawing;
  ratings: Drawing;
  /** Of the places along the bottom, in full. */
  names: string[];
}

export function chartsOf(report: Report, chosen: Chosen): Charts {
  const { date_from, date_to, aggregate_by } = chosen;
  const all = seriesOf(report, chosen);
  const isOneDay = date_from === date_to;
  const places = all.map((series) => shortNameOf(series, aggregate_by, isOneDay));
  const names = all.map((series) => nameOf(series, aggregate_by, isOneYear(date_from, date_to)));
  const counts = { places, shown: numberOf, steps: COUNTS };
  const times = { kind: "lines", places, shown: clockOf, steps: TIMES } as const;

  if (chosen.is_by_agent) {
    const lines = (of: (row: Row) => number | null, none: number | null = null) =>
      linesOf(report, all, of, none);
    return {
      volume: { ...counts, kind: "lines", lines: lines((row) => row.answered, 0) },
      wait: { ...times, lines: lines(waitOf) },
      talk: { ...times, lines: lines(talkOf) },
      ratings: { kind: "lines", places, shown: percentOf, steps: SHARES, lines: lines(happyOf) },
      names,
    };
  }
  const rows = new Map(report.rows.map((row) => [row.series, row]));
  const of = (get: (row: Row) => number | null, none: number | null = null) =>
    all.map((series) => {
      const row = rows.get(series);
      return row ? get(row) : none;
    });
  const line = (
    label: string,
    colour: string,
    get: (row: Row) => number | null,
    none: number | null = null,
  ) => ({
    label,
    colour,
    values: of(get, none),
  });
  return {
    volume: {
      ...counts,
      kind: "bars",
      lines: [
        line(t("reports.answered"), "--plot-answered", (row) => row.answered, 0),
        line(t("reports.abandoned"), "--plot-abandoned", (row) => row.abandoned, 0),
        line(t("reports.rest"), "--plot-rest", restOf, 0),
      ],
    },
    wait: {
      ...times,
      lines: [
        line(t("reports.average"), "--plot-answered", (row) => waitOf(row)),
        line(t("reports.longest"), "--plot-rest", (row) => waitOf(row, "max")),
      ],
    },
    talk: {
      ...times,
      lines: [
        line(t("reports.average"), "--plot-answered", (row) => talkOf(row)),
        line(t("reports.longest"), "--plot-rest", (row) => talkOf(row, "max")),
      ],
    },
    ratings: {
      ...counts,
      kind: "bars",
      lines: [
        line(t("reports.happy"), "--plot-happy", (row) => row.rating.rate.happy, 0),
        line(t("reports.neutral"), "--plot-rest", (row) => row.rating.rate.neutral, 0),
        line(t("reports.sad"), "--plot-abandoned", (row) => row.rating.rate.sad, 0),
      ],
    },
    names,
  };
}

/** Periods in which nothing was have no row, but a place; of what is behind the last row of many nothing is known. */
function seriesOf({ rows, is_cut }: Report, { date_from, date_to, aggregate_by }: Chosen): string[] {
  const last = rows.at(-1)?.series ?? "";
  const all = periodsOf(date_from, date_to, aggregate_by);
  if (!all) return [...new Set(rows.map(({ series }) => series))];
  return is_cut ? all.filter((series) => series <= last) : all;
}

/** Of those who have answered most. */
function linesOf(
  report: Report,
  all: string[],
  of: (row: Row) => number | null,
  none: number | null,
): Line[] {
  const agents = report.agents
    .filter(({ user_name }) => user_name !== "")
    .sort((one, other) => other.answered - one.answered)
    .slice(0, LINES_MAX);
  return agents.map((agent, at) => {
    const own = report.rows.filter(({ user_name }) => user_name === agent.user_name);
    const rows = new Map(own.map((row) => [row.series, row]));
    const values = all.map((series) => {
      const row = rows.get(series);
      return row ? of(row) : none;
    });
    return { label: agentName(agent), colour: `--plot-${at + 1}`, values };
  });
}
