/** Every state that a visitor's chat can be in, set up as it comes about: for those who look at them all. */
import type { Hours, QueueSettings } from "./server";
import { paper, paste, picture } from "./files";
import type { Stage } from "./stage";
import { until } from "./until";
import type { Visitor } from "./visitor";
import type { Language } from "./words";
import type { BrowserContextOptions } from "playwright-core";

export interface Scene {
  /** As a file would be called. */
  name: string;
  /** Worth a picture on larger screens, too. */
  isKey?: boolean;
  set(stage: Stage, language: Language, browser: BrowserContextOptions): Promise<Visitor>;
}

/** The settings of the configuration that some of them need. */
export const CONFIG = {
  "smtp.host": "127.0.0.1",
  "smtp.port": 9,
  "smtp.encryption": "none",
  "smtp.from": "chat@example.org",
};

export const CLAUSES = {
  rodo: {
    pl: "Administratorem danych jest Sklep z Butami sp. z o.o. Jak je przetwarzamy: https://shop.example.org/prywatnosc",
    en: "The controller of your data is Shoe Shop Ltd. How we use them: https://shop.example.org/privacy",
  },
  kept: { pl: "Zgadzam się na zapisanie rozmowy.", en: "I agree that the conversation is kept." },
  news: {
    pl: "Proszę o e-maile o promocjach (https://shop.example.org/promocje).",
    en: "Please e-mail me about bargains (https://shop.example.org/bargains).",
  },
};
const GREETING = {
  pl: "Dzień dobry! Pomożemy wybrać rozmiar, sprawdzić przesyłkę albo zwrócić zakup.",
  en: "Hello! We help you to find your size, to track a parcel or to send something back.",
};
const ASK = { pl: "Dzień dobry, gdzie jest moja paczka?", en: "Hello, where is my parcel?" };
const AWAY = { pl: "W weekend odpowiadamy wolniej.", en: "At weekends we are slower." };

export async function writeClauses(stage: Stage): Promise<string[]> {
  await stage.server.clause("rodo", CLAUSES.rodo);
  await stage.server.clause("zapis", CLAUSES.kept, "consent", true);
  await stage.server.clause("promocje", CLAUSES.news, "consent");
  return ["rodo", "zapis", "promocje"];
}

/** Closed now, and open again within the day. */
export function closedNow(now = new Date()): { hours: Hours; opensAt: Date } {
  const opensAt = new Date(now.getTime() + 2 * 3_600_000);
  opensAt.setUTCSeconds(0, 0);
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: "Europe/Warsaw",
    hour: "2-digit",
    minute: "2-digit",
  });
  const [hour = 0, minute = 0] = clock.format(opensAt).split(":").map(Number);
  const from_minute = hour * 60 + minute;
  const span = { from_minute, until_minute: (from_minute + 60) % 1440 };
  return { hours: { week: Array.from({ length: 7 }, () => [span]), time_zone: "Europe/Warsaw" }, opensAt };
}

async function opened(
  stage: Stage,
  queue: number | number[],
  language: Language,
  browser: BrowserContextOptions,
) {
  const visitor = await stage.inShop(queue, { language, browser });
  await visitor.open();
  return visitor;
}

async function talking(
  stage: Stage,
  language: Language,
  browser: BrowserContextOptions,
  settings: QueueSettings = {},
) {
  return stage.talking(settings, { language, browser }, ASK[language]);
}

/** A page of our own, at a link that is good no more. */
async function linkOver(stage: Stage, language: Language, browser: BrowserContextOptions): Promise<Visitor> {
  const { visitor, conversation } = await stage.atLink(await stage.queue(), { language, browser });
  await visitor.log.waitFor();
  await stage.server.api("DELETE", `chat_conversations/${conversation}/visitor_token`);
  await visitor.sees(visitor.t("link_over"));
  return visitor;
}

export const SCENES: Scene[] = [
  {
    name: "form",
    isKey: true,
    set: async (stage, language, browser) => {
      const clauses = await writeClauses(stage);
      return opened(stage, await stage.queue({ clauses, widget: { greeting: GREETING } }), language, browser);
    },
  },
  {
    name: "form-faults",
    set: async (stage, language, browser) => {
      const clauses = await writeClauses(stage);
      const widget = { asks_name: "required", asks_email: "required" } as const;
      const visitor = await opened(stage, await stage.queue({ clauses, widget }), language, browser);
      await visitor.button("start").click();
      await visitor.sees(visitor.t("consent_needed"));
      return visitor;
    },
  },
  {
    name: "form-queues",
    set: async (stage, language, browser) => {
      const queues = [await stage.queueNamed("Zakupy"), await stage.queueNamed("Reklamacje i zwroty")];
      return opened(stage, queues, language, browser);
    },
  },
  {
    name: "closed-form",
    isKey: true,
    set: async (stage, language, browser) => {
      const { hours } = closedNow();
      const visitor = await opened(
        stage,
        await stage.queue({ hours, widget: { away: AWAY } }),
        language,
        browser,
      );
      await visitor.sees(visitor.t("closed_now"));
      return visitor;
    },
  },
  {
    name: "nobody-form",
    set: async (stage, language, browser) => {
      const queue = await stage.queueOfNobody({ mail_after_seconds: 0 });
      const visitor = await opened(stage, queue, language, browser);
      await visitor.sees(visitor.t("nobody_now"));
      return visitor;
    },
  },
  {
    name: "nobody-waiting",
    set: async (stage, language, browser) => {
      const visitor = await opened(stage, await stage.queueOfNobody(), language, browser);
      await visitor.start({ text: ASK[language], email: "jan@example.org" });
      await visitor.sees(visitor.t("answer_will_email"));
      return visitor;
    },
  },
  {
    name: "waiting",
    isKey: true,
    set: async (stage, language, browser) => {
      const queue = await stage.queue();
      await stage.server.api("POST", `chat_conversations/start?chat_queue_id=${queue}`);
      const visitor = await opened(stage, queue, language, browser);
      await visitor.start({ text: ASK[language] });
      await visitor.sees(visitor.t("place_two", { count: 2 }));
      return visitor;
    },
  },
  {
    name: "talking",
    isKey: true,
    set: async (stage, language, browser) => {
      const { anna } = stage;
      const { visitor, conversation } = await talking(stage, language, browser);
      const isPolish = language === "pl";
      await anna.say(conversation, isPolish ? "Dzień dobry! Już sprawdzam." : "Hello! Let me look.");
      await anna.say(conversation, isPolish ? "Jaki to numer zamówienia?" : "Which order is it?");
      await visitor.sees(isPolish ? "Jaki to numer zamówienia?" : "Which order is it?");
      await paste(visitor.editor, picture(isPolish ? "etykieta.png" : "label.png"));
      await until("the file", () => visitor.button("send").isEnabled());
      await visitor.say("2026/11/0147 https://shop.example.org/orders/147");
      await anna.finds(conversation, "the number", (it) => it.text?.startsWith("2026"));
      const id = await anna.upload(conversation, "potwierdzenie-nadania-przesyłki.pdf", paper("").buffer);
      await anna.say(conversation, isPolish ? "Paczka jest w drodze, będzie jutro." : "It is on its way.", [
        id,
      ]);
      anna.reads(conversation);
      anna.types(conversation);
      await visitor.sees(visitor.t("is_typing", { name: "Anna" }));
      return visitor;
    },
  },
  ...(["#ffe600", "#101418"] as const).map((color) => ({
    name: `color-${color.slice(1)}`,
    set: async (stage: Stage, language: Language, browser: BrowserContextOptions) => {
      const { visitor, conversation } = await talking(stage, language, browser, { widget: { color } });
      await visitor.say("https://shop.example.org/orders/147");
      await stage.anna.finds(conversation, "the link", (it) => it.text?.startsWith("https"));
      await visitor.end();
      await visitor.chat.getByRole("radio", { name: visitor.t("rate_happy") }).check();
      await visitor.button("rate_send").waitFor();
      return visitor;
    },
  })),
  {
    name: "files-to-send",
    set: async (stage, language, browser) => {
      const { visitor } = await talking(stage, language, browser);
      await paste(visitor.editor, picture("a-picture-with-a-rather-long-name-indeed.png"));
      await paste(visitor.editor, paper("faktura.txt"));
      await until("the files", () => visitor.button("send").isEnabled());
      return visitor;
    },
  },
  {
    name: "menu",
    set: async (stage, language, browser) => {
      const { visitor } = await talking(stage, language, browser);
      await visitor.button("menu").click();
      await visitor.button("save_transcript").waitFor();
      return visitor;
    },
  },
  {
    name: "ending",
    set: async (stage, language, browser) => {
      const { visitor } = await talking(stage, language, browser);
      await visitor.choose("end");
      await visitor.chat.getByRole("dialog").waitFor();
      return visitor;
    },
  },
  {
    name: "ended",
    isKey: true,
    set: async (stage, language, browser) => {
      const { visitor } = await talking(stage, language, browser);
      await visitor.end();
      await visitor.chat.getByRole("radio", { name: visitor.t("rate_happy") }).check();
      await visitor.button("rate_send").waitFor();
      return visitor;
    },
  },
  {
    name: "rated",
    set: async (stage, language, browser) => {
      const { visitor } = await talking(stage, language, browser);
      await visitor.end();
      await visitor.rate("rate_neutral");
      return visitor;
    },
  },
  {
    name: "closed-while-typing",
    set: async (stage, language, browser) => {
      const { visitor, conversation } = await talking(stage, language, browser);
      await visitor.editor.fill(ASK[language]);
      await stage.anna.close(conversation);
      await visitor.sees(visitor.t("kept_text"));
      return visitor;
    },
  },
  {
    name: "transferred",
    set: async (stage, language, browser) => {
      const { visitor, conversation } = await talking(stage, language, browser);
      const chat_queue_id = await stage.queueNamed("Reklamacje");
      await stage.anna.transfer(conversation, { chat_queue_id });
      await visitor.sees(visitor.t("transferred"));
      return visitor;
    },
  },
  {
    name: "bot",
    set: async (stage, language, browser) => {
      const { visitor } = await withBot(stage, language, browser);
      return visitor;
    },
  },
  {
    name: "not-sent",
    set: async (stage, language, browser) => {
      const { visitor } = await notSent(stage, language, browser);
      return visitor;
    },
  },
  {
    name: "blocked",
    set: async (stage, language, browser) => {
      const queue = await stage.queue();
      const visitor = await opened(stage, queue, language, browser);
      await visitor.start({ text: ASK[language], email: `blocked.${queue}@example.org` });
      await stage.server.conversationOf(queue);
      await block(stage, `blocked.${queue}@example.org`);
      await visitor.say(ASK[language]);
      await visitor.sees(visitor.t("blocked"));
      return visitor;
    },
  },
  { name: "link-over", isKey: true, set: linkOver },
  {
    name: "identity-needed",
    set: async (stage, language, browser) => {
      const visitor = await opened(stage, await stage.queue({ takes_unverified: false }), language, browser);
      await needsIdentity(visitor);
      return visitor;
    },
  },
  {
    name: "not-kept",
    set: async (stage, language, browser) => {
      const context = await stage.person(language, browser);
      await refuseStorage(context);
      const { visitor } = await stage.talking({}, { language, context }, ASK[language]);
      await visitor.sees(visitor.t("not_stored"));
      return visitor;
    },
  },
  {
    name: "known",
    set: async (stage, language, browser) => {
      const { visitor } = await talking(stage, language, browser);
      await visitor.end();
      await visitor.button("start_new").click();
      await visitor.button("send").waitFor();
      return visitor;
    },
  },
  {
    name: "page",
    isKey: true,
    set: async (stage, language, browser) => {
      const { visitor, conversation } = await stage.atLink(await stage.queue(), { language, browser });
      await visitor.say(ASK[language]);
      await stage.anna.claim(conversation);
      await stage.anna.say(
        conversation,
        language === "pl" ? "Dzień dobry! Już sprawdzam." : "Hello! Let me look.",
      );
      await visitor.sees(visitor.t("talks_to", { name: "Anna" }));
      await until("both", async () => (await visitor.messages()).length === 2);
      return visitor;
    },
  },
];

/** A bot answers first, and then gives the conversation to people. */
export async function withBot(stage: Stage, language: Language, browser: BrowserContextOptions = {}) {
  const { server } = stage;
  const name = `Ada ${crypto.randomUUID()}`;
  const bot = await server.api<{ external_chatbot_id: string }>("POST", "bots", { name });
  const { external_chatbot_id } = bot;
  const queue = await stage.queue({ external_chatbot_id });
  const visitor = await opened(stage, queue, language, browser);
  await visitor.start({ text: ASK[language] });
  const conversation = await server.conversationOf(queue);
  const text =
    language === "pl" ? "Jestem automatem. Łączę z człowiekiem." : "I am a program. Wait for a person.";
  await server.api("POST", `chat_conversations/${conversation}/message`, { text, external_chatbot_id });
  await visitor.sees(text);
  await server.api("POST", `chat_conversations/${conversation}/hand_over`, { external_chatbot_id });
  await visitor.sees(visitor.t("handed_over"));
  return { visitor, conversation, text };
}

/** A file that the queue takes no more when it is sent. */
export async function notSent(stage: Stage, language: Language, browser: BrowserContextOptions = {}) {
  const { queue, visitor, conversation } = await talking(stage, language, browser);
  await paste(visitor.editor, paper("faktura.txt"));
  await until("the file", () => visitor.button("send").isEnabled());
  await stage.server.set(queue, { takes_files: false });
  await visitor.say(ASK[language]);
  await visitor.button("retry").waitFor();
  return { queue, visitor, conversation };
}

export async function block(stage: Stage, email: string): Promise<number> {
  return (await stage.server.administer<{ id: number }>("POST", "blocks", { email, reason: "a test" })).id;
}

/** Says so at once, or as soon as somebody tries. */
export async function needsIdentity(visitor: Visitor): Promise<void> {
  const start = visitor.chat.getByRole("button", { name: visitor.t("start"), exact: true });
  const told = visitor.chat.getByText(visitor.t("identity_needed"));
  await start.or(told).first().waitFor();
  if (await start.count()) await visitor.fill({ text: "Dzień dobry" }).then(() => start.click());
  await told.first().waitFor();
}

/** As a browser does that was told to keep nothing for others. */
export function refuseStorage(context: Awaited<ReturnType<Stage["person"]>>): Promise<unknown> {
  return context.addInitScript(() => {
    for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException("The operation is insecure.", "SecurityError");
        },
      });
    }
  });
}
