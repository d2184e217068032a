/** Pictures of a screen, made small: few colours say as much as many. */
import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS_MOST = 256;
/** Of a channel's 8 bits, those that tell colours apart while they are counted. */
const KEPT_BITS = 5;

/** With a palette of the colours that are there most; takes what browsers give: 8 bits, not interlaced. */
export function small(png: Buffer): Buffer {
  const parts = chunks(png);
  const header = parts.find(({ type }) => type === "IHDR")!.data;
  const [width, height, channels] = [
    header.readUInt32BE(0),
    header.readUInt32BE(4),
    header[9] === 6 ? 4 : 3,
  ] as const;
  const data = Buffer.concat(parts.filter(({ type }) => type === "IDAT").map(({ data }) => data));
  const pixels = unfiltered(inflateSync(data), width * channels, height, channels);

  const counts = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += channels) {
    const colour = pixels.readUIntBE(at, 3);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const palette = chosen(counts);
  const places = new Map(palette.map((colour, place) => [colour, place]));
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += channels) {
      const colour = pixels.readUIntBE(at, 3);
      let place = places.get(colour);
      if (place === undefined) places.set(colour, (place = nearest(palette, colour)));
      rows[y * (width + 1) + 1 + x] = place;
    }
  }
  const head = Buffer.from(header);
  // 8 bits, by a palette.
  head.set([8, 3], 8);
  const colours = Buffer.alloc(palette.length * 3);
  palette.forEach((colour, place) => colours.writeUIntBE(colour, place * 3, 3));
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", head),
    chunk("PLTE", colours),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The most frequent of each neighbourhood, and then of those the most frequent. */
function chosen(counts: Map<number, number>): number[] {
  const all = [...counts].sort(([, one], [, other]) => other - one);
  if (all.length <= COLOURS_MOST) return all.map(([colour]) => colour);
  const mask = ((0xff << (8 - KEPT_BITS)) & 0xff) * 0x010101;
  const blocks = new Map<number, { colour: number; count: number }>();
  for (const [colour, count] of all) {
    const block = blocks.get(colour & mask);
    if (block) block.count += count;
    else blocks.set(colour & mask, { colour, count });
  }
  // Large surfaces stay exactly what they are.
  const exact = all.slice(0, COLOURS_MOST / 4).map(([colour]) => colour);
  const others = [...blocks.values()].sort((one, other) => other.count - one.count);
  return [...new Set([...exact, ...others.map(({ colour }) => colour)])].slice(0, COLOURS_MOST);
}

function nearest(palette: number[], colour: number): number {
  let best = 0;
  let least = Infinity;
  palette.forEach((known, place) => {
    const far = [16, 8, 0].reduce(
      (sum, by) => sum + (((known >> by) & 255) - ((colour >> by) & 255)) ** 2,
      0,
    );
    if (far < least) [best, least] = [place, far];
  });
  return best;
}

interface Chunk {
  type: string;
  data: Buffer;
}

function chunks(png: Buffer): Chunk[] {
  const found: Chunk[] = [];
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    found.push({ type, data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return found;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(checksum(body), body.length + 4);
  return whole;
}

/** CRC-32, which this Node's zlib does not have yet. */
function checksum(bytes: Buffer): number {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

/** Lines say how they differ from those above and from what is on their left. */
function unfiltered(data: Buffer, stride: number, height: number, step: number): Buffer {
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const kind = data[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x < step ? 0 : out[at - step]!;
      const up = y === 0 ? 0 : out[at - stride]!;
      const corner = x < step || y === 0 ? 0 : out[at - stride - step]!;
      const guess =
        kind === 1
          ? left
          : kind === 2
            ? up
            : kind === 3
              ? (left + up) >> 1
              : kind === 4
                ? paeth(left, up, corner)
                : 0;
      out[at] = data[y * (stride + 1) + 1 + x]! + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [byLeft, byUp, byCorner] = [left, up, corner].map((it) => Math.abs(guess - it)) as [
    number,
    number,
    number,
  ];
  if (byLeft <= byUp && byLeft <= byCorner) return left;
  return byUp <= byCorner ? up : corner;
}
