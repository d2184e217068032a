/** Finds the web addresses in a text; nothing else is interpreted. */

export interface Part {
  text: string;
  href?: string;
}

/** Marks that turn the direction round would let an address look like another one. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;
/** What ends a sentence, and not an address. */
const TAIL = ".,:;!?…]";

export function parts(text: string): Part[] {
  const found: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    const href = hrefOf(address);
    if (!href) continue;
    if (match.index > done) found.push({ text: text.slice(done, match.index) });
    found.push({ text: address, href });
    done = match.index + address.length;
  }
  if (done < text.length || found.length === 0) found.push({ text: text.slice(done) });
  return found;
}

/** A bracket that closes one before the address is not part of it. */
function trimmed(address: string): string {
  let loose = address.split(")").length - address.split("(").length;
  let end = address.length;
  for (; end > 0; end--) {
    const last = address.charAt(end - 1);
    if (last === ")" ? loose-- <= 0 : !TAIL.includes(last)) break;
  }
  return address.slice(0, end);
}

function hrefOf(address: string): string | undefined {
  try {
    const url = new URL(address);
    return (url.protocol === "http:" || url.protocol === "https:") && url.hostname ? url.href : undefined;
  } catch {
    return undefined;
  }
}
