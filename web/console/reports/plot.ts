/** Charts as they are drawn. What they show stands in a table beside them. */
import uPlot from "uplot";

export interface Line {
  label: string;
  /** One for each place along the bottom; null is a gap. */
  values: (number | null)[];
  /** A token. */
  colour: string;
}

export interface Drawing {
  kind: "bars" | "lines";
  lines: Line[];
  /** Along the bottom. */
  places: string[];
  /** What a value is in words. */
  shown: (value: number) => string;
  /** Steps at which it may be marked. */
  steps: number[];
}

export const COUNTS = powers([1, 2, 5], 8);
/** Milliseconds: what a clock is divided by. */
export const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800]
  .concat([43_200, ...powers([1, 2, 5], 5).map((days) => days * 86_400)])
  .map((seconds) => seconds * 1_000);
export const SHARES = [0.1, 0.2, 0.25, 0.5, 1];

function powers(of: number[], to: number): number[] {
  return Array.from({ length: to }, (_, power) => of.map((one) => one * 10 ** power)).flat();
}

/** A token of the page may have two sides: the browser says which one counts here. */
function colourOf(token: string, place: HTMLElement): string {
  place.style.color = `var(${token})`;
  const { color } = getComputedStyle(place);
  place.style.color = "";
  return color;
}

/** Bars stand on each other: the whole of them is drawn first, then what stands below. */
function stacked(lines: Line[]): (number | null)[][] {
  return lines.map((_, at) =>
    (lines[0]?.values ?? []).map((_, place) =>
      lines.slice(0, at + 1).reduce((sum, { values }) => sum + (values[place] ?? 0), 0),
    ),
  );
}

export interface Pointed {
  place: number;
  /** Pixels from the left. */
  left: number;
}

const LETTER = 7;
const BARS = { size: [0.72, 44] as [number, number] };

/** Gives what takes it away again. */
export function draw(
  place: HTMLElement,
  drawing: Drawing,
  height: number,
  point: (pointed: Pointed | undefined) => void,
): () => void {
  const { kind, lines, places, shown, steps } = drawing;
  const [ink, grid] = [colourOf("--color-muted", place), colourOf("--color-line", place)];
  const font = `12px ${getComputedStyle(place).fontFamily}`;
  const isBars = kind === "bars";
  const order = lines.map((line, at) => ({ line, at }));
  if (isBars) order.reverse();
  const sums = isBars ? stacked(lines) : lines.map(({ values }) => values);
  const axis = { stroke: ink, font, ticks: { show: false }, border: { show: false } };
  const last = Math.max(places.length - 0.5, 0.5);
  const plot = new uPlot(
    {
      width: Math.max(place.clientWidth, 1),
      height,
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        points: { show: !isBars },
      },
      scales: {
        x: { time: false, range: () => [-0.5, last] },
        y: { range: (_, __, most) => [0, (most || steps[0] || 1) * 1.08] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          space: Math.max(40, ...places.map(({ length }) => length * LETTER + 16)),
          incrs: COUNTS,
          values: (_, splits) => splits.map((at) => places[at] ?? ""),
        },
        {
          ...axis,
          grid: { stroke: grid, width: 1 },
          incrs: steps,
          space: 44,
          values: (_, splits) => splits.map(shown),
          size: (_, values) => 16 + LETTER * Math.max(1, ...(values ?? []).map(({ length }) => length)),
        },
      ],
      series: [
        {},
        ...order.map(({ line }) => {
          const colour = colourOf(line.colour, place);
          if (isBars)
            return { fill: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars!(BARS) };
          return { stroke: colour, width: 2, points: { size: 6, fill: colour } };
        }),
      ],
      hooks: {
        setCursor: [
          ({ cursor: { idx, left = -1 }, bbox }) => {
            const isInside = idx !== null && idx !== undefined && left >= 0;
            point(isInside ? { place: idx, left: left + bbox.left / devicePixelRatio } : undefined);
          },
        ],
      },
    },
    [places.map((_, at) => at), ...order.map(({ at }) => sums[at] ?? [])],
    place,
  );
  const watcher = new ResizeObserver(() => {
    if (place.clientWidth > 0) plot.setSize({ width: place.clientWidth, height });
  });
  watcher.observe(place);
  return () => {
    watcher.disconnect();
    plot.destroy();
  };
}
