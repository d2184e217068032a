/** What everybody needs who looks at the chat: a server, a browser, shops, and Anna who answers. */
import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { Agent } from "./agent";
import { newPerson, startBrowser } from "./browser";
import { type HostPage, Shop, STUB } from "./host";
import { ANNA, JAN, type Options, type Person, type QueueSettings, Server } from "./server";
import { Visitor } from "./visitor";
import { type Language, LOCALES } from "./words";

/** The zone of the installation, and of its visitors. */
const ZONE = "Europe/Warsaw";

interface Where {
  language?: Language;
  /** A browser that is there already. */
  context?: BrowserContext;
  browser?: BrowserContextOptions;
}

export class Stage {
  /** What went wrong in scripts, and what policies have refused: nothing ever should. */
  readonly faults: string[] = [];
  #contexts: BrowserContext[] = [];
  #pages = 0;
  readonly #named = new Map<string, number>();

  private constructor(
    readonly server: Server,
    readonly browser: Browser,
    readonly shop: Shop,
    /** There, and yet nothing comes by itself: who tells the story says when. */
    readonly anna: Agent,
    /** What every shop's page has that does not say otherwise. */
    private readonly page: HostPage,
  ) {}

  static async set(options: Options = {}, page: HostPage = {}): Promise<Stage> {
    const [server, browser, shop] = await Promise.all([Server.start(options), startBrowser(), Shop.start()]);
    const anna = await Agent.signIn(server, ANNA);
    await anna.is("paused");
    return new Stage(server, browser, shop, anna, page);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.anna.leave();
    await this.browser.close();
    await this.shop[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }

  /** A browser of somebody who was never here. */
  async person(language: Language = "en", options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const about = { locale: LOCALES[language], timezoneId: ZONE, ...options };
    const context = await newPerson(this.browser, about);
    context.on("weberror", (error) => this.faults.push(`${error.page()?.url()}: ${error.error().stack}`));
    context.on("console", (message) => {
      // A line that is cut is an error to browsers; what a policy has refused is one to us.
      if (message.type() === "error" && message.text().includes("Content Security Policy")) {
        this.faults.push(message.text());
      }
    });
    this.#contexts.push(context);
    return context;
  }

  contexts(): BrowserContext[] {
    return [...this.#contexts];
  }

  async everybodyLeaves(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
  }

  /** Somebody in a shop's page with the widget of some queues. */
  async inShop(
    queue: number | number[],
    { language = "en", context, browser, ...page }: Where & HostPage = {},
  ) {
    const loader = this.server.loader(`queue=${[queue].flat().join()}`);
    const address = this.shop.page(`/${++this.#pages}`, { loader, script: STUB, ...this.page, ...page });
    return Visitor.inShop(context ?? (await this.person(language, browser)), address, language);
  }

  /** A conversation that a program has started, and its customer at the link. */
  async atLink(queue: number, { language = "en", context, browser }: Where = {}) {
    const path = `chat_conversations/start?chat_queue_id=${queue}&client_name=Andrzej`;
    const { conversation_id: conversation } = await this.server.api<{ conversation_id: string }>(
      "POST",
      path,
    );
    const { link } = await this.server.link(conversation);
    const visitor = await Visitor.at(context ?? (await this.person(language, browser)), link, language);
    return { visitor, conversation };
  }

  /** A visitor who has opened a conversation, and Anna in it. */
  async talking(settings: QueueSettings = {}, where: Where & HostPage = {}, text = "Dzień dobry") {
    const queue = await this.queue(settings);
    const visitor = await this.inShop(queue, where);
    await visitor.open();
    await visitor.start({ text });
    const conversation = await this.server.conversationOf(queue);
    await this.anna.claim(conversation);
    await visitor.sees(visitor.t("talks_to", { name: "Anna" }));
    return { queue, visitor, conversation };
  }

  /** A queue of its own, that Anna answers, who is there. */
  queue(settings: QueueSettings = {}, name?: string): Promise<number> {
    return this.server.queue(settings, name, [ANNA]);
  }

  /** One that is called so, for all who look at it. */
  async queueNamed(name: string): Promise<number> {
    const known = this.#named.get(name) ?? (await this.queue({}, name));
    this.#named.set(name, known);
    return known;
  }

  /** One that only Jan answers, who is not. */
  queueOfNobody(settings: QueueSettings = {}, name?: string, people: Person[] = [JAN]): Promise<number> {
    return this.server.queue(settings, name, people);
  }
}
