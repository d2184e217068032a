/** A visitor at a browser: finds things as a person does, by what they are and what they are called. */
import type { BrowserContext, CDPSession, Frame, Locator, Page } from "playwright-core";
import type { LogEvent } from "../shared/protocol";
import { until } from "./until";
import { type Language, Words } from "./words";

export interface Answers {
  name?: string;
  email?: string;
  text: string;
  /** Consents to tick, by a part of their text. */
  consents?: string[];
}

/** What the shop's page shows of us while the chat is shut, as assistive technology finds it. */
export interface Bubble {
  name: string;
  isExpanded: boolean;
  isFocused: boolean;
  box: { x: number; y: number; width: number; height: number };
}

export class Visitor {
  readonly words: Words;
  #session: Promise<CDPSession> | undefined;

  private constructor(
    readonly page: Page,
    language: Language,
    readonly isFramed: boolean,
  ) {
    this.words = new Words(language);
    // Who listens gets the system's dialogs from now on: asked for later, the first might be missed.
    page.on("filechooser", () => undefined);
  }

  /** In a shop's page with the widget. */
  static async inShop(
    context: BrowserContext,
    address: string,
    language: Language = "en",
    tab?: Page,
  ): Promise<Visitor> {
    const page = tab ?? (await context.newPage());
    await page.goto(address);
    return new Visitor(page, language, true);
  }

  /** At a page of our own. */
  static async at(context: BrowserContext, address: string, language: Language = "en"): Promise<Visitor> {
    const page = await context.newPage();
    await page.goto(address);
    return Visitor.on(page, language);
  }

  /** At a page of our own that is open already. */
  static on(page: Page, language: Language = "en"): Visitor {
    return new Visitor(page, language, false);
  }

  /** Where the chat is: the frame in the shop's page, or the page. */
  get chat(): Frame | Page {
    if (!this.isFramed) return this.page;
    const frame = this.frame();
    if (!frame) throw new Error("the chat is not there");
    return frame;
  }

  frame(): Frame | undefined {
    return this.page.frames().find((it) => it.parentFrame() && /^https?:\/\/[^/]+\/chat\//.test(it.url()));
  }

  t(...args: Parameters<Words["t"]>): string {
    return this.words.t(...args);
  }

  // ---- The bubble. Its shadow root is closed to scripts, not to people.

  async bubble(): Promise<Bubble | undefined> {
    const node = await this.#bubble();
    if (!node) return undefined;
    const is = (name: string) =>
      node.properties?.some((it) => it.name === name && it.value.value === true) ?? false;
    const { model } = await (
      await this.#cdp()
    ).send("DOM.getBoxModel", { backendNodeId: node.backendDOMNodeId ?? 0 });
    const [x = 0, y = 0] = model.border;
    return {
      name: String(node.name?.value),
      isExpanded: is("expanded"),
      isFocused: is("focused"),
      box: { x, y, width: model.width, height: model.height },
    };
  }

  async #bubble() {
    const { nodes } = await (await this.#cdp()).send("Accessibility.getFullAXTree");
    const names = [this.words.loader("open"), this.words.loader("close")];
    return nodes.find(
      ({ role, name, ignored }) =>
        !ignored && role?.value === "button" && names.some((it) => String(name?.value).startsWith(it)),
    );
  }

  #cdp(): Promise<CDPSession> {
    this.#session ??= this.page.context().newCDPSession(this.page);
    return this.#session;
  }

  async clickBubble(): Promise<void> {
    const { box } = await until("the bubble", () => this.bubble());
    await this.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  }

  /** Opens the chat, and waits until it is there. */
  async open(): Promise<void> {
    if (this.isFramed) {
      await this.clickBubble();
      await until("the frame", () => this.frame());
    }
    await this.chat.getByRole("heading", { level: 1 }).waitFor();
  }

  /** Puts it away by its own button. */
  async minimise(): Promise<void> {
    await this.button("minimise").click();
  }

  // ---- What is there to see.

  sees(text: string | RegExp): Promise<void> {
    return this.chat.getByText(text).first().waitFor();
  }

  seesNot(text: string | RegExp): Promise<void> {
    return this.chat.getByText(text).first().waitFor({ state: "hidden" });
  }

  button(word: Parameters<Words["t"]>[0]): Locator {
    return this.chat.getByRole("button", { name: this.t(word), exact: true });
  }

  field(word: "name" | "email"): Locator {
    return this.chat.getByRole("textbox", { name: this.t(word) });
  }

  get editor(): Locator {
    return this.chat.getByRole("textbox", { name: this.t("message") });
  }

  get log(): Locator {
    return this.chat.getByRole("log", { name: this.t("log") });
  }

  /** What was said and sent, from above to below: texts, and names of files. */
  messages(): Promise<string[]> {
    return this.log.evaluate((log) =>
      [...log.querySelectorAll("[dir=auto]")].map((it) => it.textContent ?? ""),
    );
  }

  /** The last message is the log's last, and has this fate. */
  async seesFate(word: "sending" | "sent" | "delivered" | "read"): Promise<void> {
    await this.log.getByText(this.t(word), { exact: true }).last().waitFor();
  }

  /** What of an event there is to see. */
  static shown(events: LogEvent[]): string[] {
    return events
      .filter(({ kind }) => kind === "message")
      .flatMap(({ text, data }) => [...(text ? [text] : []), ...(data?.files ?? []).map(({ name }) => name)]);
  }

  /** Waits until it is drawn so, in the frame too. */
  async wantTheme(colorScheme: "light" | "dark"): Promise<void> {
    await this.page.emulateMedia({ colorScheme });
    const isSo = (scheme: string) => matchMedia(`(prefers-color-scheme: ${scheme})`).matches;
    await until(`${colorScheme} colours`, () => this.chat.evaluate(isSo, colorScheme));
    const drawn = () =>
      new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))).then(
        () => undefined,
      );
    await this.chat.evaluate(drawn);
  }

  // ---- What is done.

  async fill({ name, email, text, consents = [] }: Answers): Promise<void> {
    if (name) await this.field("name").fill(name);
    if (email) await this.field("email").fill(email);
    await this.editor.fill(text);
    for (const part of consents) await this.chat.getByRole("checkbox", { name: part }).check();
  }

  /** Opens a conversation with the form. */
  async start(answers: Answers): Promise<void> {
    await this.fill(answers);
    await this.chat
      .getByRole("button", { name: new RegExp(`^(${this.t("start")}|${this.t("leave_message")})$`) })
      .click();
    await this.log.waitFor();
  }

  /** Opens a conversation where nothing is asked: the visitor is known. */
  async startKnown(text: string): Promise<void> {
    await this.button("send").waitFor();
    if (await this.button("start").count()) throw new Error("there is a form");
    await this.say(text);
    await this.log.waitFor();
  }

  async say(text: string): Promise<void> {
    await this.editor.fill(text);
    await this.button("send").click();
  }

  async choose(word: Parameters<Words["t"]>[0]): Promise<void> {
    await this.button("menu").click();
    await this.button(word).first().click();
  }

  /** Ends the conversation, and means it. */
  async end(): Promise<void> {
    await this.choose("end");
    const asked = this.chat.getByRole("dialog", { name: this.t("end_question") });
    await asked.getByRole("button", { name: this.t("end"), exact: true }).click();
    await this.button("start_new").waitFor();
  }

  async rate(word: "rate_sad" | "rate_neutral" | "rate_happy", text = ""): Promise<void> {
    await this.chat.getByRole("radio", { name: this.t(word) }).check();
    if (text) await this.chat.getByRole("textbox", { name: this.t("rate_word") }).fill(text);
    await this.button("rate_send").click();
    await this.sees(this.t("rated"));
  }
}
