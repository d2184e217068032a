/**
 * The script of a shop's page: a bubble, and behind it a frame with the chat once somebody wants it. Touches nothing
 * of the page but one element of its own, and stays within 2 kB. Styles and shapes come by script, since the page's
 * Content-Security-Policy may refuse markup that carries them.
 */
import css from "./loader.css?inline";
import type { CommandName, FromChat, ToChat, User } from "./messages";

interface Texts {
  open: string;
  close: string;
  frame: string;
  unread: string;
}

interface Settings {
  queues: number[];
  color: string;
  ink: string;
  side: "left" | "right";
  /** Pixels. */
  x: number;
  y: number;
  hidden: boolean;
  /** Who may show the chat; nobody is named: everybody may. */
  origins: string[] | null;
  texts: { [language: string]: Texts; en: Texts };
}

/** What the page says by `_tc`: a command, and what it is about. */
type Said = ArrayLike<unknown> & Iterable<unknown>;

declare global {
  interface Window {
    /** The page's stub collects in `q` what is said before we come. */
    _tc?: ((...said: unknown[]) => void) & { q?: Said[] | { push(said: Said): void; map?: never } };
  }
  /** The server puts the queue's settings in its place. */
  const __ROZMOWA_SETTINGS__: Settings;
}

const TICK_MS = 1000;
/** What the page itself loads comes first. */
const COMES_BACK_AFTER_MS = 2000;
const BUBBLE_AND_GAP_PIXELS = 72;

const settings = __ROZMOWA_SETTINGS__;
// The prototype's own: a page's <img name="currentScript"> is in front of it.
const { origin } = new URL(
  (Reflect.get(Document.prototype, "currentScript", document) as HTMLScriptElement).src,
);

const ignore = (...what: unknown[]) => console.warn("Rozmowa ignores", ...what);

const start = () => {
  const early = window._tc?.q ?? [];
  if (!early.map) return ignore("itself");

  const texts = settings.texts[navigator.language.slice(0, 2)] ?? settings.texts.en;
  const listeners: ((event: string) => void)[] = [];

  let address = `${origin}/chat/${settings.queues}`;
  let user: User | undefined;
  let identity: string | undefined;
  let wanted: CommandName | undefined;
  /** How many, or nothing. */
  let unread = "";
  let isMuted: boolean | undefined;
  let isContained = false;
  let isOpen = false;
  /** The chat listens. */
  let isReady: boolean | undefined;
  let isKept: boolean | undefined;

  // What is seen.

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "closed" });
  const frame = document.createElement("iframe");
  const bubble = document.createElement("button");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    `*{${settings.side}:min(${settings.x}px,20%);bottom:min(${settings.y + BUBBLE_AND_GAP_PIXELS}px,20%)}` +
      `button{bottom:min(${settings.y}px,80%);background:${settings.color};color:${settings.ink}}${css}`,
  );
  root.adoptedStyleSheets = [sheet];
  root.append(bubble);
  bubble.hidden = settings.hidden;
  frame.title = texts.frame;
  frame.allow = "autoplay";

  const render = () => {
    frame.className = isOpen ? (isReady ? "open ready" : "open") : "";
    bubble.value = unread;
    bubble.ariaExpanded = isOpen as unknown as string;
    bubble.ariaLabel =
      (isOpen ? texts.close : texts.open) + (unread && `. ${texts.unread.replace("{count}", unread)}`);
  };

  const load = () => {
    if (isReady && frame.src === address) return;
    isReady = false;
    frame.src = address;
    // Out and in again, if it was there: another address in the old one would be a step for Back.
    root.prepend(frame);
  };

  /** What a phone's keyboard leaves to be seen. Two fingers that zoom are no keyboard. */
  const fit = () => {
    const { height, offsetTop, scale } = visualViewport!;
    if (scale < 1.01) frame.style = `--h:${height}px;--t:${offsetTop}px`;
  };

  // Once the chat is there: the title of a tab that nobody looks at, while something is unread, and where the page is.

  let theirs = "";
  let ours: string | undefined;
  /** Where the page was at the last tick, and at the one before. */
  let url: string | undefined;
  let older: string | undefined;
  let ticker: ReturnType<typeof setInterval> | undefined;

  const tick = () => {
    const { title, hidden } = document;
    if (title === ours) {
      document.title = theirs;
    } else if (hidden && unread && !isMuted) {
      theirs = title;
      // No space that the browser would trim from an empty title.
      document.title = ours = `(${unread})\xa0${theirs}`;
    }
    // A page's script changes the address first, the title a little later. Few browsers tell of either.
    if (older !== url) say("page");
    older = url;
    url = location.href;
  };

  // What the chat is told: in each message all there is to know of the page.

  const say = (rozmowa: ToChat["rozmowa"], name?: CommandName) => {
    if (!isReady) return;
    frame.contentWindow?.postMessage(
      {
        rozmowa,
        name,
        url: location.href,
        title: document.title,
        user,
        identity,
        is_open: isOpen,
        is_contained: isContained,
      } as ToChat,
      origin,
    );
  };

  // Opened and closed. On a phone the chat fills the screen, and Back closes it.

  /** The page's, when it got the step that Back takes. */
  let stepUrl = "";
  /** The step is being taken back by us, which takes a moment. */
  let isLeaving: boolean | undefined;

  const show = (is: boolean) => {
    isOpen = is;
    render();
    say("shown");
  };

  const open = () => {
    // Not in the body, which some frameworks replace, and which may be what "fixed" refers to.
    if (!host.isConnected) document.documentElement.append(host);
    if (isOpen) return;
    // One that never came up has another try.
    load();
    show(true);
    if (isContained) return;
    frame.focus();
    if (isLeaving || !matchMedia("(width<480px),(height<480px)").matches) return;
    history.pushState(history.state, "");
    stepUrl = location.href;
  };

  const close = () => {
    show(false);
    // Who is elsewhere in the page stays there.
    if (root.activeElement) bubble.focus();
    if (stepUrl === location.href) {
      isLeaving = true;
      history.back();
    }
    stepUrl = "";
  };

  addEventListener("popstate", () => {
    if (isLeaving) {
      isLeaving = false;
      if (isOpen) {
        // Opened again in the meantime: now with a step.
        isOpen = false;
        open();
      }
    } else if (stepUrl) {
      stepUrl = "";
      close();
    }
  });

  // What the chat says.

  const heard: { [Name in FromChat["rozmowa"]]: (message: FromChat & { rozmowa: Name }) => void } = {
    ready() {
      isReady = true;
      ticker ??= setInterval(tick, TICK_MS);
      render();
      // The focus that the frame was given before its page came is not that page's.
      if (root.activeElement === frame) frame.contentWindow!.focus();
      say("host");
      if (wanted) say("command", wanted);
    },
    close,
    unread({ count, is_muted }) {
      unread = (count || "") as string;
      isMuted = is_muted;
      render();
    },
    event({ name }) {
      listeners.map(async (listener) => listener(name));
    },
    kept({ is_kept }) {
      try {
        if ((isKept = is_kept)) localStorage.rozmowa = 1;
        else delete localStorage.rozmowa;
      } catch {
        // The page may not store: then the chat comes back when it is opened.
      }
    },
  };

  addEventListener("message", ({ source, origin: from, data }) => {
    if (source === frame.contentWindow && from === origin) heard[data.rozmowa as FromChat["rozmowa"]]?.(data);
  });

  // What the page says.

  const ask = (command: unknown) => {
    wanted = command as CommandName;
    open();
    say("command", wanted);
  };

  const commands: { [name: string]: (...said: unknown[]) => void } = {
    open,
    open_chat: open,
    open_chat_form: ask,
    open_email: ask,
    close,
    close_chat: close,
    minimalize: close,
    set_user(_, name, email, topic) {
      user = { name: `${name ?? ""}`, email: `${email ?? ""}` };
      const queue = (topic as number) >> 0;
      if (queue > 0 && !isKept) {
        address = `${origin}/chat/${queue}`;
        if (frame.src) load();
      }
      say("host");
    },
    set_identity(_, token) {
      identity = `${token ?? ""}`;
      say("host");
    },
    set_container(_, id) {
      // First, as nothing is changed when there is no such place.
      document.getElementById(id as string)!.append(host);
      isReady = false;
      isContained = true;
      bubble.remove();
      open();
    },
    event_listener(_, listener) {
      listeners.push(listener as (event: string) => void);
    },
  };

  // A promise keeps what goes wrong in one call from the next ones, and the console has it.
  const hear = async (said: Said) => (commands[said[0] as string] ?? ignore)(...said);

  // Begin.

  bubble.onclick = () => (isOpen ? close() : open());
  visualViewport!.addEventListener("resize", fit);
  visualViewport!.addEventListener("scroll", fit);

  render();
  document.documentElement.append(host);

  // A page may hold on to its stub, which goes on to fill the queue.
  ((window._tc = (...said) => hear(said)) as NonNullable<Window["_tc"]>).q = { push: hear };
  early.map(hear);

  try {
    if (localStorage.rozmowa) setTimeout(load, COMES_BACK_AFTER_MS);
  } catch {
    // As above.
  }
};

if (settings.origins?.concat(origin).includes(self.origin) === false) {
  ignore("origin", self.origin);
} else if (document.readyState === "loading") {
  addEventListener("DOMContentLoaded", start);
} else {
  start();
}
