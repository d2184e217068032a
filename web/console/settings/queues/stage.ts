/** A page with the chat on it, as the loader would put it there: its elements, its rules, the chat's own styles. */
import base from "../../../widget/chat/base.css?inline";
import form from "../../../widget/chat/form.css?inline";
import media from "../../../widget/chat/media.css?inline";
import talk from "../../../widget/chat/talk.css?inline";
import loader from "../../../widget/loader.css?inline";
import type { Look } from "../../../widget/chat/door";

const BUBBLE_AND_GAP_PIXELS = 72;

/** Without it a frame is drawn by the rules of the last century. */
export const EMPTY = "<!doctype html><html><head></head><body></body></html>";

const PAGE = `
:root { color-scheme: light dark; }
body { margin: 0; padding: 40px; background: light-dark(#fff, #101318); }
i { display: block; height: 14px; margin: 0 0 14px; border-radius: 4px; background: light-dark(#eceff3, #1d222b); }
i:first-child { width: 55%; height: 30px; margin-bottom: 26px; }
i:nth-child(3n) { width: 82%; margin-bottom: 34px; }`;
const LINES = 21;

export class Stage {
  readonly #bubble: HTMLButtonElement;
  readonly #frame: HTMLIFrameElement;
  readonly #rules: CSSStyleSheet;
  #sheets: CSSStyleSheet[] = [];

  /** In the frame of a page that has loaded. `onchat` gets the chat's body, each time that there is one. */
  constructor(
    private readonly page: Document,
    title: string,
    onchat: (body: HTMLElement) => void,
  ) {
    this.#dress(page, PAGE);
    for (let line = 0; line < LINES; line++) page.body.append(page.createElement("i"));
    page.body.inert = true;
    const host = page.createElement("div");
    const root = host.attachShadow({ mode: "open" });
    this.#rules = this.#sheet(page, "");
    root.adoptedStyleSheets = [this.#rules];
    this.#bubble = page.createElement("button");
    this.#frame = page.createElement("iframe");
    this.#frame.title = title;
    this.#frame.addEventListener("load", () => {
      const chat = this.#frame.contentDocument;
      if (!chat) return;
      this.#dress(chat, base + form + talk + media);
      chat.body.inert = true;
      onchat(chat.body);
    });
    this.#frame.srcdoc = EMPTY;
    root.append(this.#frame, this.#bubble);
    page.documentElement.append(host);
  }

  show(look: Look, isOpen: boolean): void {
    const { side, offset_x_pixels: x, offset_y_pixels: y, color, ink } = look;
    this.#rules.replaceSync(
      `*{${side}:min(${x}px,20%);bottom:min(${y + BUBBLE_AND_GAP_PIXELS}px,20%)}` +
        `button{bottom:min(${y}px,80%);background:${color};color:${ink}}${loader}`,
    );
    this.#bubble.hidden = look.is_launcher_hidden;
    this.#frame.className = isOpen ? "open ready" : "";
    for (const { style } of this.#roots()) {
      style.setProperty("--accent", color);
      style.setProperty("--ink", ink);
    }
  }

  speak(language: string): void {
    for (const root of this.#roots()) root.lang = language;
  }

  /** The browser's own wish is the console's; here it is what was chosen. */
  light(isDark: boolean): void {
    for (const { style } of this.#roots()) style.colorScheme = isDark ? "dark" : "light";
    for (const rule of this.#sheets.flatMap((sheet) => [...sheet.cssRules])) {
      // Of another window: no `instanceof`.
      const { media } = rule as CSSMediaRule;
      if (!media || !/prefers-color-scheme: dark|^not all$|^all$/.test(media.mediaText)) continue;
      media.mediaText = isDark ? "all" : "not all";
    }
  }

  /** Of the page, and of the chat: a frame that is being loaded has none, and is told all of it when it has. */
  #roots(): HTMLElement[] {
    const documents = [this.page, this.#frame.contentDocument];
    return documents.flatMap((it) => (it?.documentElement as HTMLElement | null | undefined) ?? []);
  }

  #dress(document: Document, css: string): void {
    const sheet = this.#sheet(document, css);
    this.#sheets.push(sheet);
    document.adoptedStyleSheets = [sheet];
  }

  #sheet(document: Document, css: string): CSSStyleSheet {
    // Each document takes only those that it has made itself.
    const window = document.defaultView as Window & typeof globalThis;
    const sheet = new window.CSSStyleSheet();
    sheet.replaceSync(css);
    return sheet;
  }
}
