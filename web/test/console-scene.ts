/** An installation that is in use, with names that are long, and a conversation in which everything has happened. */
import { Agent } from "./agent";
import { knowCustomer } from "./customers";
import { picture } from "./files";
import type { Person } from "./server";
import type { Stage } from "./stage";

export const BOSS: Person = { login: "mbak", name: "Małgorzata", surname: "Bąk", role: "administrator" };
export const OTHER: Person = { login: "kwrona", name: "Konstanty", surname: "Wrona-Brzęczyszczykiewicz" };
/** Nothing of theirs. */
export const NEW: Person = { login: "nowy", name: "Nowy", surname: "Człowiek" };

export const CLIENT = "Przemysława Brzęczyszczykiewicz-Chrząszczewska";
const LONG = "Konstantynopolitańczykowianeczka".repeat(3);
const CLIENT_TEXT = `Gdzie jest moja paczka? ${LONG} https://example.org/${LONG}`;

export interface Scene {
  /** The administrator's own, in which everything has happened. */
  mine: string;
  /** Somebody else's. */
  others: string;
  waiting: string;
  closed: string;
  queue: number;
  webhook: string;
  apiUser: number;
  clause: string;
  customer: number;
}

interface Opened {
  conversation_id: string;
  token: string;
}

export async function furnish(stage: Stage): Promise<Scene> {
  const { server } = stage;
  for (const person of [BOSS, OTHER, NEW]) await server.hire(person);
  const queue = await server.queue({ takes_files: true }, "Dział obsługi klientów korporacyjnych", [
    BOSS,
    OTHER,
  ]);
  const admin = <T>(path: string, body: object) => server.administer<T>("POST", path, body);
  const topic = await admin<{ id: number }>("topics", { name: "Niezadowolenie z niedostarczenia przesyłki" });
  const tag = await admin<{ id: number }>("tags", { name: "najpilniejsze" });
  await admin("pauses", { name: "Przerwa śniadaniowa" });
  for (const shortcut of ["witaj", "zwrot"]) {
    await admin("canned_answers", { shortcut, text: `Dzień dobry, {client_name}! ${LONG}` });
  }
  await admin("blocks", { email: "natret@example.org", reason: `Obraźliwy ${LONG}` });
  const clause = "Informacja";
  await server.clause(clause, {
    pl: "Administratorem danych jest sklep.",
    en: "The shop.",
  });
  const webhook = await admin<{ id: string }>("webhooks", {
    subscription_url: `https://crm.example.org/${LONG}`,
    actions: ["CHAT_CONVERSATION_CREATED"],
  });
  const apiUser = await admin<{ id: number }>("api_users", { name: "integrator", methods: ["*"] });

  const opens = (name: string, text: string) =>
    server.asVisitor<Opened>("", "POST", "conversations", {
      chat_queue_id: queue,
      name,
      email: "p.brzeczyszczykiewicz-chrzaszczewska@poczta.example.org",
      text,
      page_url: `https://sklep.example.org/${LONG}`,
      page_title: "Buty",
      client_key: crypto.randomUUID(),
    });

  const boss = await Agent.signIn(server, BOSS);
  const other = await Agent.signIn(server, OTHER);
  for (const agent of [boss, other]) await agent.is("paused");

  const first = await opens("Wacława", "To wszystko, dziękuję.");
  await other.claim(first.conversation_id);
  await other.close(first.conversation_id);
  const rating = { rating: "happy", text: "Szybko!" };
  await server.asVisitor(first.token, "POST", "conversation/rating", rating);

  const { conversation_id: mine, token } = await opens(CLIENT, CLIENT_TEXT);
  await other.claim(mine);
  await other.say(mine, "Dzień dobry, już sprawdzam.");
  await other.note(mine, `Dzwoniła już wczoraj. ${LONG}`);
  await other.transfer(mine, { user_login: BOSS.login });
  await boss.watch(mine);
  const file = await boss.upload(mine, "etykieta.png", picture("etykieta.png").buffer);
  const paper = await boss.upload(mine, `${LONG}.txt`, Buffer.from("Faktura"));
  await boss.say(mine, "", [file, paper]);
  await boss.close(mine);
  await boss.reopen(mine);
  await boss.claim(mine).catch(() => undefined);
  const session = await server.signIn(BOSS.login);
  const about = { topic_id: topic.id, tag_ids: [tag.id] };
  await server.asAgent(session, "POST", `conversations/${mine}/label`, about);
  await server.asVisitor(token, "POST", "conversation/messages", { text: "Halo?" });

  const { conversation_id: others } = await opens("Grzegorz", "Proszę o fakturę.");
  await other.claim(others);
  await server.asAgent(session, "POST", `conversations/${others}/whisper`, { text: "Proszę dać rabat." });
  const { conversation_id: waiting } = await opens("", "Jest tam kto?");
  for (const agent of [boss, other]) agent.leave();
  const { customer } = await knowCustomer(server, [first.conversation_id]);
  return {
    mine,
    others,
    waiting,
    closed: first.conversation_id,
    queue,
    webhook: webhook.id,
    apiUser: apiUser.id,
    clause,
    customer,
  };
}
