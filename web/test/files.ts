/** Files as people have them, and the ways in which they give them to a page. */
import type { Locator } from "playwright-core";

export interface Given {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** A parcel's label, 160 × 120 pixels. */
const LABEL = [
  "iVBORw0KGgoAAAANSUhEUgAAAKAAAAB4CAIAAAD6wG44AAABO0lEQVR42u3aMQqDQBRFUVdiYeWaBitXNqXLsnQBVjZaCHYi6Azo",
  "eC6PEMKvchoDqZZ5soJX+QoAG2ADbIANsAE2wIDtJ8CrXh9gwIABC7AAC7AACzBgwICvgeu62V+PN2efO3hyABgwYMCAAQMGjAew",
  "A8AOAAMGDBgwYMCA8QB2ANgBYMCAAQMGDBgwYMB4ADsA7AAwYH9898d3wIAFWIAFWIAFGDBgwIABC7C+CxxCb8cAAwYMGDBgwIA9",
  "RXuKBgxYgAVYgAUYcA7gGAdLMsCAAQMGDBgwYPmZJMACLMACDBgw4JJ+B+f+useuTTjAgAEDBgwY8C+BBRgwYMCAAQMGDBgwYMAC",
  "DBgwYMCAAQMGDBgwYAEWYMCAdSvAgAEDFmABFmABVjpg+/oAAzbABtgAG2ADbIABWzHbAAwTl6N2NVJjAAAAAElFTkSuQmCC",
].join("");

export function picture(name: string): Given {
  return { name, mimeType: "image/png", buffer: Buffer.from(LABEL, "base64") };
}

export function paper(name: string, text = "Faktura 7/2026"): Given {
  return { name, mimeType: "text/plain", buffer: Buffer.from(text) };
}

/** With the button that opens the system's own dialog. */
export async function choose(button: Locator, files: Given[]): Promise<void> {
  const [dialog] = await Promise.all([button.page().waitForEvent("filechooser"), button.click()]);
  await dialog.setFiles(files);
}

export function paste(into: Locator, file: Given): Promise<void> {
  return into.evaluate(give, { ...plain(file), kinds: ["paste"] });
}

export function drop(onto: Locator, file: Given): Promise<void> {
  return onto.evaluate(give, { ...plain(file), kinds: ["dragenter", "dragover", "drop"] });
}

/** Over the page, and not let go yet. */
export function drag(over: Locator, file: Given): Promise<void> {
  return over.evaluate(give, { ...plain(file), kinds: ["dragenter", "dragover"] });
}

function plain({ name, mimeType, buffer }: Given) {
  return { name, mimeType, bytes: [...buffer] };
}

/** Runs in the page. */
function give(
  element: Element,
  { name, mimeType, bytes, kinds }: { name: string; mimeType: string; bytes: number[]; kinds: string[] },
): void {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, { type: mimeType }));
  const init = { bubbles: true, cancelable: true, composed: true };
  for (const kind of kinds) {
    const event =
      kind === "paste"
        ? new ClipboardEvent(kind, { ...init, clipboardData: data })
        : new DragEvent(kind, { ...init, dataTransfer: data });
    element.dispatchEvent(event);
  }
}
