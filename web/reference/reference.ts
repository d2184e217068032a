/**
 * What the reference does beyond being read: tabs for the languages of examples, copying, searching, and where one is. Without it
 * every example is there, each behind its own line.
 */

/** Where the language of examples is remembered. */
const TOOL = "rozmowa.reference.tool";
/** How long a button says that it has copied. */
const COPIED_MS = 2_000;

function remembered(): string | null {
  // A browser that keeps nothing for a page refuses with an error.
  try {
    return localStorage.getItem(TOOL);
  } catch {
    return null;
  }
}

function remember(tool: string): void {
  try {
    localStorage.setItem(TOOL, tool);
  } catch {
    // Then it holds as long as the page.
  }
}

const all = <E extends HTMLElement>(selector: string, within: ParentNode = document) => [
  ...within.querySelectorAll<E>(selector),
];

/** The tabs of one method's examples. */
class Tabs {
  readonly #tabs: HTMLButtonElement[] = [];
  readonly #panels: HTMLElement[] = [];

  constructor(examples: HTMLElement, at: number, onChoice: (tool: string, from: HTMLElement) => void) {
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", examples.dataset.label ?? "");
    for (const details of all<HTMLDetailsElement>("details", examples)) {
      const tool = details.dataset.tool ?? "";
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = `tab-${at}-${tool}`;
      tab.dataset.tool = tool;
      tab.textContent = details.querySelector("summary")?.textContent ?? "";
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", `panel-${at}-${tool}`);
      tab.addEventListener("click", () => onChoice(tool, tab));
      const panel = document.createElement("div");
      panel.id = `panel-${at}-${tool}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      panel.append(...all("pre", details), copier(examples.dataset, panel));
      this.#tabs.push(tab);
      this.#panels.push(panel);
    }
    list.append(...this.#tabs);
    list.addEventListener("keydown", (event) => this.#turn(event));
    examples.replaceChildren(list, ...this.#panels);
  }

  /** What was never there is as good as the first. */
  choose(tool: string): void {
    const is = this.#tabs.some((tab) => tab.dataset.tool === tool);
    const chosen = is ? tool : this.#tabs[0]?.dataset.tool;
    this.#tabs.forEach((tab, at) => {
      const isChosen = tab.dataset.tool === chosen;
      tab.setAttribute("aria-selected", `${isChosen}`);
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = this.#panels[at];
      if (panel) panel.hidden = !isChosen;
    });
  }

  #turn(event: KeyboardEvent): void {
    const at = this.#tabs.indexOf(event.target as HTMLButtonElement);
    const last = this.#tabs.length - 1;
    const next = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    }[event.key];
    const tab = next === undefined ? undefined : this.#tabs[next];
    if (at < 0 || !tab || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    tab.focus();
    tab.click();
  }
}

function copier({ copy = "", copied = "" }: DOMStringMap, panel: HTMLElement): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = copy;
  // What it says is announced when it changes.
  button.setAttribute("aria-live", "polite");
  let back: ReturnType<typeof setTimeout> | undefined;
  button.addEventListener("click", async () => {
    const code = panel.querySelector("code");
    if (!code || !(await put(code))) return;
    button.textContent = copied;
    clearTimeout(back);
    back = setTimeout(() => (button.textContent = copy), COPIED_MS);
  });
  return button;
}

/** Into the clipboard. Where the page came without TLS there is only the old way. */
async function put(code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(`${code.textContent}\n`);
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return document.execCommand("copy");
  }
}

function setUpExamples(): void {
  const sets: Tabs[] = [];
  const chooseAll = (tool: string) => sets.forEach((tabs) => tabs.choose(tool));
  const onChoice = (tool: string, from: HTMLElement) => {
    // Examples above have other lengths in another language: what was pressed stays where it is.
    const before = from.getBoundingClientRect().top;
    chooseAll(tool);
    scrollBy({ top: from.getBoundingClientRect().top - before, behavior: "instant" });
    remember(tool);
  };
  all(".examples").forEach((examples, at) => sets.push(new Tabs(examples, at, onChoice)));
  chooseAll(remembered() ?? "curl");
}

/** Of case and accents nobody thinks who searches. */
function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replace(/ł/g, "l").replace(/Ł/g, "L").toLowerCase();
}

function setUpSearch(): void {
  const field = document.querySelector<HTMLInputElement>("#search");
  const found = document.querySelector<HTMLElement>(".found");
  if (!field || !found) return;
  field.closest("[hidden]")?.removeAttribute("hidden");
  const methods = all(".method").map((method) => {
    const link = document.querySelector(`.contents a[href="#${method.id}"]`)?.closest<HTMLElement>("li");
    const told = all("h3, .call, .call ~ p, .members dt code", method).map((it) => it.textContent);
    return { parts: link ? [method, link] : [method], text: folded(`${method.id} ${told.join(" ")}`) };
  });
  const groups = all(".subject:has(.method), .contents li:has(li)");
  const beside = all("#basics, #codes, .contents li:has(> a[href='#basics'], > a[href='#codes'])");
  const search = () => {
    const words = folded(field.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { parts, text } of methods) {
      const fits = words.every((word) => text.includes(word));
      count += Number(fits);
      for (const part of parts) part.hidden = !fits;
    }
    for (const group of groups)
      group.hidden = !group.querySelector(".method:not([hidden]), li:not([hidden])");
    for (const part of beside) part.hidden = words.length > 0;
    const { none = "", found: some = "" } = found.dataset;
    found.textContent = words.length === 0 ? "" : count ? some.replace("{count}", `${count}`) : none;
  };
  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !field.value) return;
    field.value = "";
    search();
  });
  // A browser that goes back fills the field in again.
  if (field.value) search();
  // An address leads to what it names, whatever is searched for.
  addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.closest("[hidden]")) return;
    field.value = "";
    search();
    target.scrollIntoView();
  });
}

/** The contents follow the reader. */
function followReader(): void {
  const links = new Map(all<HTMLAnchorElement>(".contents a").map((link) => [link.hash.slice(1), link]));
  const contents = document.querySelector<HTMLElement>(".contents");
  let current: HTMLAnchorElement | undefined;
  const seen = new Set<string>();
  const order = all("[id]")
    .map((it) => it.id)
    .filter((id) => links.has(id));
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) seen.add(target.id);
        else seen.delete(target.id);
      }
      // The innermost of those at the top: a method, rather than the subject that it is of.
      const now = links.get(order.findLast((id) => seen.has(id)) ?? "");
      if (now === current) return;
      current?.removeAttribute("aria-current");
      current = now;
      if (!now || !contents) return;
      now.setAttribute("aria-current", "location");
      const { top, bottom } = now.getBoundingClientRect();
      const frame = contents.getBoundingClientRect();
      if (contents.scrollHeight > contents.clientHeight && (top < frame.top || bottom > frame.bottom)) {
        contents.scrollBy({ top: top - frame.top - frame.height / 3, behavior: "instant" });
      }
    },
    { rootMargin: "-80px 0px -75% 0px" },
  );
  for (const id of order) {
    const part = document.getElementById(id);
    if (part) observer.observe(part);
  }
}

/** In the other language at the same place. */
function keepPlace(): void {
  for (const link of all<HTMLAnchorElement>(".languages a")) {
    link.addEventListener("click", () => (link.hash = location.hash));
  }
}

setUpExamples();
setUpSearch();
followReader();
keepPlace();
