/** A shop's afternoon, for pictures: some have been helped, four are being helped, three wait, and everything is set. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as after } from "node:timers/promises";
import { Agent } from "./agent";
import { AFTERNOONS, type Afternoon } from "./afternoon-words";
import { picture } from "./files";
import { sign } from "./identity";
import { Receiver } from "./receiver";
import { ADMINISTRATOR, ANNA, JAN, type Person, QUEUE, type Session } from "./server";
import { CLAUSES } from "./scenes";
import type { Stage } from "./stage";
import type { Language } from "./words";

/** Who is looked over the shoulder. */
export const EWA = ADMINISTRATOR;
const ZOFIA: Person = { login: "zlewandowska", name: "Zofia", surname: "Lewandowska", role: "supervisor" };
const TOMASZ: Person = { login: "tzajac", name: "Tomasz", surname: "Zając" };
const KATARZYNA: Person = { login: "kwisniewska", name: "Katarzyna", surname: "Wiśniewska-Dąbrowska" };

const SITE = "https://shop.example.org";
const BROWSER =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** Receivers and systems of the company are on this machine, and the installation has a name. */
export const CONFIG = {
  public_url: "https://chat.example.org",
  "webhooks.allowed_networks": "127.0.0.0/8",
  "smtp.host": "mail.example.org",
  "smtp.port": 587,
  "smtp.user": "chat@example.org",
  "smtp.password": "secret",
  "smtp.from": "chat@example.org",
  "smtp.from_name": "Example Shop",
};

export interface Day {
  hero: string;
  /** Whispers are only said to somebody else. */
  others: string;
  waiting: string;
  closed: string;
  webhook: string;
  apiUser: number;
  invitation: string;
  words: Afternoon;
  /** Of what passes: a customer who is typing. */
  types(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Named {
  id: number;
  name: string;
}

interface Opened {
  conversation_id: string;
  token: string;
}

/** Takes some minutes, as people do; `pace` 0 takes none, and all has happened just now. */
export async function afternoon(stage: Stage, language: Language, pace = 1): Promise<Day> {
  const { server } = stage;
  const words = AFTERNOONS[language];
  const admin = <T = void>(method: string, path: string, body?: object) =>
    server.administer<T>(method, path, body);
  const pass = (seconds: number) => after(seconds * 1000 * pace);

  for (const person of [ZOFIA, TOMASZ, KATARZYNA]) await server.hire(person, 4);
  const returns = await server.queue({ takes_files: true, answer_goal_seconds: 90 }, words.queues.returns, [
    EWA,
    JAN,
  ]);
  const payments = await server.queue({ answer_goal_seconds: 120 }, words.queues.payments, [
    JAN,
    TOMASZ,
    ZOFIA,
  ]);
  const trade = await server.queue({}, words.queues.trade, [KATARZYNA]);
  await admin("PUT", `queues/${trade}`, {
    hours: { week: [[], [], [], [], [], [], []], time_zone: "Europe/Warsaw", has_polish_holidays: true },
  });
  const secret = await settings(stage, words);
  const systems = await theirSystems(words);
  await admin("PUT", "settings/lookup", { url: systems.address, secret: "shared" });
  const told = await Receiver.start();
  const webhook = await admin<{ id: string }>("POST", "webhooks", {
    subscription_url: told.address.replace("/hook", "/crm/chats"),
    actions: ["CHAT_CONVERSATION_CREATED", "CHAT_CONVERSATION_CLOSED", "CHAT_MESSAGE_CREATED"],
    format: "json",
    signing: true,
  });
  const busy = await Receiver.start();
  busy.status = 503;
  await admin("POST", "webhooks", {
    subscription_url: busy.address.replace("/hook", "/statistics"),
    actions: ["CHAT_CONVERSATION_RATED"],
  });
  const apiUser = await admin<{ id: number }>("POST", "api_users", {
    name: "shop",
    methods: ["POST chat_conversations/*", "GET chats"],
  });
  await admin("POST", "api_users", { name: "mobile-app", methods: ["POST chat_conversations/start"] });

  const opens = async (
    queue: number,
    { name, email, text }: { name: string; email: string; text: string },
    more: object = {},
  ): Promise<Opened> => {
    const answer = await fetch(`${server.origin}/visitor/conversations`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "User-Agent": BROWSER },
      body: JSON.stringify({
        chat_queue_id: queue,
        ...(name && { name, email }),
        text,
        client_key: crypto.randomUUID(),
        language,
        page_url: `${SITE}/help`,
        page_title: "Example Shop",
        ...more,
      }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as Opened;
  };
  const says = (token: string, text: string) =>
    server.asVisitor(token, "POST", "conversation/messages", { text });

  const sign_in = (person: Person) => Agent.signIn(server, person);
  const { anna } = stage;
  const [ewa, jan, zofia, tomasz] = await Promise.all([EWA, JAN, ZOFIA, TOMASZ].map(sign_in));
  if (!ewa || !jan || !zofia || !tomasz) throw new Error("somebody has not come to work");
  for (const agent of [ewa, jan, zofia, tomasz]) await agent.is("paused");
  // Of many sessions the oldest end, and with them the duty.
  const sessions = new Map<string, Promise<Session>>();
  const as = async <T = void>({ login }: Person, method: string, path: string, body?: object): Promise<T> => {
    const session = sessions.get(login) ?? server.signIn(login);
    sessions.set(login, session);
    return server.asAgent<T>(await session, method, path, body);
  };
  const labels = await as<{ topics: Named[]; tags: Named[] }>(EWA, "GET", "directory");

  /** Whoever was helped: each a while, many at a time; one was not waited for. */
  const past = words.past.map(async (client, at) => {
    await pass(at * 3);
    const queue = [QUEUE, QUEUE, returns, payments][at % 4] ?? QUEUE;
    const { conversation_id, token } = await opens(queue, client);
    await pass(8 + ((at * 17) % 40));
    if (at === 5) return server.asVisitor<void>(token, "POST", "conversation/close", {});
    const agent = [ewa, anna, jan, tomasz][at % 4] ?? ewa;
    await agent.claim(conversation_id);
    await agent.say(conversation_id, words.greeting);
    await pass(20);
    await says(token, client.text);
    await agent.say(conversation_id, words.goodbye);
    const topic_id = labels.topics[at % labels.topics.length]?.id;
    const path = `conversations/${conversation_id}/label`;
    await as(EWA, "POST", path, { topic_id, tag_ids: [] });
    await agent.close(conversation_id);
    const rating = at % 7 === 4 ? "neutral" : "happy";
    const said = at % 3 === 0 ? { text: words.praise } : {};
    if (at % 5 !== 2) await server.asVisitor(token, "POST", "conversation/rating", { rating, ...said });
    return conversation_id;
  });

  const { hero } = words;
  const identity = sign(secret, { identifier: "20418", name: hero.name, email: hero.email });
  const before = await opens(QUEUE, hero, { identity });
  await anna.claim(before.conversation_id);
  await anna.say(before.conversation_id, words.greeting);
  await anna.close(before.conversation_id);

  const story = async () => {
    const again = sign(secret, { identifier: "20418", name: hero.name, email: hero.email });
    const { conversation_id: id, token } = await opens(QUEUE, hero, {
      identity: again,
      page_url: `${SITE}/shoes/trail-42`,
      page_title: hero.page,
      referrer: `${SITE}/orders/58213`,
    });
    await server.asVisitor(token, "POST", "conversation/page", {
      url: `${SITE}/shoes/trail-42`,
      title: hero.page,
    });
    await pass(12);
    await ewa.claim(id);
    await ewa.say(id, hero.hello);
    await ewa.say(id, hero.checking);
    const [firstName = "", surname = ""] = hero.name.split(" ");
    const card = { name: firstName, surname, email: hero.email, identifier: "20418" };
    await as(EWA, "POST", `conversations/${id}/customer`, card);
    await pass(25);
    await as(ZOFIA, "POST", `conversations/${id}/note`, { text: hero.note });
    await pass(15);
    const name = encodeURIComponent(language === "pl" ? "etykieta.png" : "label.png");
    const file = await server.asVisitor<{ file_id: string }>(
      token,
      "POST",
      `conversation/files?name=${name}`,
      picture("label.png").buffer,
    );
    await server.asVisitor(token, "POST", "conversation/messages", {
      text: hero.label,
      file_ids: [file.file_id],
    });
    await pass(30);
    await ewa.say(id, hero.left);
    await pass(10);
    await as(ZOFIA, "POST", `conversations/${id}/whisper`, { text: hero.whisper });
    await pass(12);
    await ewa.say(id, hero.offer);
    await pass(20);
    await says(token, hero.thanks);
    await ewa.hears(id, hero.thanks);
    ewa.reads(id);
    const topic_id = labels.topics.find(({ name }) => name === hero.topic)?.id;
    const tag_ids = labels.tags.filter(({ name }) => name === hero.tag).map((tag) => tag.id);
    await as(EWA, "POST", `conversations/${id}/label`, { topic_id, tag_ids });
    return { id, token };
  };

  const helped = async (agent: Agent, queue: number, client: Afternoon["mine"][number], at: number) => {
    await pass(10 + at * 22);
    const { conversation_id: id } = await opens(queue, client);
    await pass(6);
    await agent.claim(id);
    if (client.answer) {
      await agent.say(id, client.answer);
      agent.reads(id);
    }
    return id;
  };
  const [told_story, , theirs] = await Promise.all([
    story(),
    Promise.all(words.mine.map((client, at) => helped(ewa, QUEUE, client, at))),
    Promise.all(words.annas.map((client, at) => helped(anna, QUEUE, client, at))),
    Promise.all(
      words.jans.map((client, at) => helped(jan, [returns, payments][at % 2] ?? returns, client, at)),
    ),
    Promise.all(
      words.waiting.map(async (client, at) => {
        await pass(30 + at * 38);
        return opens(returns, client);
      }),
    ),
    Promise.all(past),
  ]).then(async ([story, mine, annas, , waiting, past]) => {
    await limits(stage);
    const lunch = (await as<{ pauses: { id: number }[] }>(EWA, "GET", "directory")).pauses[1];
    await as(TOMASZ, "PUT", "duty", { status: "paused", pause_id: lunch?.id });
    for (const agent of [ewa, anna, jan, zofia]) await agent.is("free");
    return [story, mine, { others: annas[0] ?? "", waiting, past }] as const;
  });

  const person: Person = { login: "mkowal", name: "Maja", surname: "Kowal" };
  await admin("POST", "agents", {
    ...person,

    roles: ["agent"],
    capacity: 3,
  });
  const { link } = await admin<{ link: string }>("POST", `agents/${person.login}/invitation`, {});
  const closed = theirs.past.find((id) => typeof id === "string") ?? "";
  return {
    hero: told_story.id,
    others: theirs.others,
    waiting: theirs.waiting[0]?.conversation_id ?? "",
    closed,
    webhook: webhook.id,
    apiUser: apiUser.id,
    invitation: link.split("#")[1] ?? "",
    words,
    types: () =>
      server.asVisitor(told_story.token, "POST", "conversation/typing", {
        is_typing: true,
        text: hero.types,
      }),
    [Symbol.asyncDispose]: async () => {
      for (const agent of [ewa, jan, zofia, tomasz]) agent.leave();
      await Promise.all([told[Symbol.asyncDispose](), busy[Symbol.asyncDispose](), systems.end()]);
    },
  };
}

/** What an administrator has set in the first week; gives the secret of the shop's queue. */
async function settings(stage: Stage, words: Afternoon): Promise<string> {
  const { server } = stage;
  const admin = <T = void>(method: string, path: string, body?: object) =>
    server.administer<T>(method, path, body);
  for (const [clause, kind] of [
    ["rodo", "information"],
    ["kept", "consent"],
    ["news", "consent"],
  ] as const) {
    await server.clause(clause, CLAUSES[clause], kind);
  }
  await server.clause("rodo", CLAUSES.rodo, "information");
  await admin("PUT", `queues/${QUEUE}`, {
    name: words.queues.shop,
    answer_goal_seconds: 60,
    no_answer_seconds: 0,
    takes_files: true,
    has_text_preview: true,
    opens_per_hour: 100_000,
    origins: [SITE],
    clauses: ["rodo", "news"],
    welcome_when: "assignment",
    welcome: { pl: "Dzień dobry! Już czytamy wiadomość.", en: "Hello! We are reading your message." },
    widget: {
      greeting: {
        pl: "Pomożemy wybrać rozmiar, sprawdzić przesyłkę albo zwrócić zakup.",
        en: "We help you to find your size, to track a parcel or to send something back.",
      },
      title: { pl: "Zapytaj sklep", en: "Ask the shop" },
      color: "#0f766e",
    },
    hours: {
      // Always open, so that it is whenever pictures are taken.
      week: Array.from({ length: 7 }, () => [{ from_minute: 0, until_minute: 1440 }]),
      time_zone: "Europe/Warsaw",
      has_polish_holidays: false,
      special_days: [
        { date: "2030-12-31", name: "Sylwester", spans: [{ from_minute: 480, until_minute: 840 }] },
      ],
    },
  });
  await admin("PUT", `queues/${QUEUE}/agents/${EWA.login}`, { priority: 2 });
  for (const name of words.pauses) await admin("POST", "pauses", { name });
  for (const name of words.topics) await admin("POST", "topics", { name });
  for (const name of words.tags) await admin("POST", "tags", { name });
  for (const [shortcut, text] of words.canned) await admin("POST", "canned_answers", { shortcut, text });
  const [insults, adverts] = words.blocked;
  await admin("POST", "blocks", { email: "troll@example.net", reason: insults });
  await admin("POST", "blocks", { address: "203.0.113.7", reason: adverts, expires_in_seconds: 604_800 });
  const bot = await server.api<{ external_chatbot_id: string }>("POST", "bots", { name: "Paczkobot" });
  await server.api("PUT", `bots/${bot.external_chatbot_id}`, { enabled: false }).catch(() => undefined);
  const path = `queues/${QUEUE}/identity_secret`;
  return (await admin<{ identity_secret: string }>("POST", path)).identity_secret;
}

/** How many conversations each may have: now that they have them. */
async function limits({ server }: Stage): Promise<void> {
  for (const [{ login }, capacity] of [
    [EWA, 4],
    [ANNA, 3],
    [JAN, 3],
  ] as const) {
    await server.administer("PUT", `agents/${login}`, { capacity });
  }
}

/** Their own systems, which know the customer. */
async function theirSystems({ lookup }: Afternoon) {
  const systems = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(lookup));
  });
  await new Promise<void>((done) => systems.listen(0, "127.0.0.1", done));
  return {
    address: `http://127.0.0.1:${(systems.address() as AddressInfo).port}/customers`,
    async end() {
      systems.closeAllConnections();
      await new Promise((done) => systems.close(done));
    },
  };
}
