/** The built server, with a throw-away folder of its own, as operators run it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clause, Look, Texts } from "../widget/chat/door";
import { until } from "./until";

export const PROGRAM =
  process.env.ROZMOWA ?? fileURLToPath(new URL("../../target/debug/rozmowa", import.meta.url));
/** Everybody's. */
export const PASSWORD = "a password of tests";
const API_USER = "tests";
/** What everybody in these tests is told to answer, whoever they are. */
export const QUEUE = 3;

interface Span {
  from_minute: number;
  until_minute: number;
}

export interface Hours {
  week: Span[][];
  time_zone?: string;
}

/** What an administrator may set; see `docs/API.md`. */
export interface QueueSettings {
  welcome_when?: "never" | "creation" | "assignment";
  welcome?: Texts;
  hours?: Hours;
  origins?: string[];
  takes_unverified?: boolean;
  has_text_preview?: boolean;
  takes_files?: boolean;
  no_answer_seconds?: number;
  answer_goal_seconds?: number;
  mail_after_seconds?: number;
  opens_per_hour?: number;
  clauses?: string[];
  external_chatbot_id?: string;
  enabled?: boolean;
  widget?: Partial<Omit<Look, "ink">>;
}

export interface Options {
  /** Keys of the configuration, as `visitors.messages_per_minute`. */
  config?: Record<string, string | number>;
  /** How every queue looks that does not say otherwise. */
  look?: QueueSettings["widget"];
}

/** An answer that is none of success. */
export class Failed extends Error {
  constructor(
    readonly status: number,
    method: string,
    path: string,
    answer: string,
  ) {
    super(`${method} ${path}: ${status} ${answer}`);
  }
}

export interface Person {
  login: string;
  name: string;
  surname: string;
  role?: "agent" | "supervisor" | "administrator";
}

export const ANNA: Person = { login: "anowak", name: "Anna", surname: "Nowak" };
export const JAN: Person = { login: "jkowalski", name: "Jan", surname: "Kowalski" };
export const ADMINISTRATOR: Person = { login: "szef", name: "Ewa", surname: "Wójcik", role: "administrator" };

export class Server {
  readonly #folder: string;
  readonly #config: Record<string, string | number>;
  #process: ChildProcess | undefined;
  #guard: ChildProcess | undefined;
  #queues = 100;
  #bearer: { cookie: string; csrf: string } | undefined;

  private constructor(
    folder: string,
    readonly port: number,
    config: Record<string, string | number>,
    private readonly look: NonNullable<Options["look"]>,
  ) {
    this.#folder = folder;
    this.#config = config;
  }

  /** Serves a queue that nobody answers yet, and knows Anna, Jan and an administrator. */
  static async start({ config = {}, look = {} }: Options = {}): Promise<Server> {
    const port = await freePort();
    const server = new Server(newFolder(), port, { public_url: `http://127.0.0.1:${port}`, ...config }, look);
    server.#run("queue", "add", "Sklep", "--id", `${QUEUE}`);
    server.#run("api-user", "add", API_USER, "--methods", "*");
    for (const person of [ANNA, JAN, ADMINISTRATOR]) server.#addAgent(person);
    for (const person of [ANNA, JAN]) server.#run("queue", "assign", `${QUEUE}`, person.login);
    await server.again();
    return server;
  }

  /** As it is on its first day: nobody is known, nothing is set. */
  static async empty(): Promise<Server> {
    const server = new Server(newFolder(), await freePort(), {}, {});
    await server.again();
    return server;
  }

  /** By its number; `localhost` is another name of the same, and so another origin. */
  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Of the process that serves. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Where shops load the widget from. */
  loader(query = `queue=${QUEUE}`): string {
    return `${this.origin}/widget.js${query && `?${query}`}`;
  }

  /** The same data, the same port. */
  async again(): Promise<void> {
    const log = openSync(join(this.#folder, "log"), "a");
    const from = this.log().length;
    const child = spawn(PROGRAM, ["serve", "--data", this.#folder], {
      env: this.#environment(),
      stdio: ["ignore", log, log],
    });
    this.#process = child;
    this.#guard = guard(child.pid ?? 0, this.#folder);
    await until("the server to serve", () => {
      if (child.exitCode !== null) throw new Error(`the server has ended:\n${this.log()}`);
      return this.log().slice(from).includes('"message":"serving"');
    });
  }

  /** As an operator stops it. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** As a power cut does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it, and leaves nothing behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  log(): string {
    const path = join(this.#folder, "log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** As integrators call. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const basic = Buffer.from(`${API_USER}:${PASSWORD}`).toString("base64");
    return this.#call(method, `/api/${path}`, { Authorization: `Basic ${basic}` }, body);
  }

  /** As the pages of administrators call. */
  async administer<T>(method: string, path: string, body?: unknown): Promise<T> {
    this.#bearer ??= await this.signIn(ADMINISTRATOR.login);
    try {
      return await this.asAgent<T>(this.#bearer, method, path, body);
    } catch (error) {
      // Of many sessions the oldest end.
      if (!(error instanceof Failed && error.status === 401)) throw error;
      this.#bearer = await this.signIn(ADMINISTRATOR.login);
      return this.asAgent<T>(this.#bearer, method, path, body);
    }
  }

  /** As somebody with a session does. */
  async asAgent<T>(session: Session, method: string, path: string, body?: unknown): Promise<T> {
    const headers = { Cookie: session.cookie, "X-CSRF-Token": session.csrf };
    return this.#call(method, `/console/${path}`, headers, body);
  }

  async asVisitor<T>(token: string, method: string, path: string, body?: unknown): Promise<T> {
    return this.#call(method, `/visitor/${path}`, { Authorization: `Bearer ${token}` }, body);
  }

  /** Somebody of a test's own, with the password of all: invited, as an administrator does it. */
  async hire(person: Person, capacity = 3): Promise<Person> {
    const { role = "agent", ...about } = person;
    await this.administer("POST", "agents", { ...about, roles: [role], capacity });
    const { link } = await this.administer<{ link: string }>("POST", `agents/${person.login}/invitation`, {});
    const nobody = { cookie: "", csrf: "" };
    await this.asAgent(nobody, "POST", "password", { token: link.split("#")[1], password: PASSWORD });
    return person;
  }

  async signIn(login: string): Promise<Session> {
    const answer = await fetch(`${this.origin}/console/session`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Origin: this.origin },
      body: JSON.stringify({ login, password: PASSWORD }),
    });
    if (!answer.ok) throw new Failed(answer.status, "POST", "/console/session", await answer.text());
    const { csrf_token } = (await answer.json()) as { csrf_token: string };
    const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    return { cookie, csrf: csrf_token };
  }

  /** A queue of its own for a test; Anna answers it. */
  async queue(settings: QueueSettings = {}, name?: string, people = [ANNA]): Promise<number> {
    const id = ++this.#queues;
    await this.api("POST", "chats/queues", { id, name: name ?? `Sklep ${id}` });
    for (const { login } of people) await this.api("PUT", `chats/queues/${id}/agents/${login}`, {});
    // All of a test's visitors come from one address.
    const widget = { ...this.look, ...settings.widget };
    await this.set(id, { opens_per_hour: 100_000, no_answer_seconds: 0, ...settings, widget });
    return id;
  }

  set(queue: number, settings: QueueSettings): Promise<void> {
    return this.api("PUT", `chats/queues/${queue}`, settings);
  }

  /** Writes a clause, or its next version. */
  clause(
    name: string,
    texts: Texts,
    kind: Clause["kind"] = "information",
    required = false,
  ): Promise<Clause & { name: string }> {
    const { pl, en } = texts;
    return this.administer("POST", "clauses", { kind, name, required, text_pl: pl, text_en: en });
  }

  /** The one conversation of a queue, as soon as it is there. */
  async conversationOf(queue: number): Promise<string> {
    return until(`a conversation of queue ${queue}`, async () => {
      const query = new URLSearchParams({ chat_queue_id: `${queue}`, limit: "1" });
      const found = await this.api<{ result: { conversation_id: string }[] }>("GET", `chats?${query}`);
      return found.result[0]?.conversation_id;
    });
  }

  /** What an integrator sends to the customer for whom it started a conversation. */
  async link(conversation: string): Promise<{ token: string; link: string }> {
    return this.api("POST", `chat_conversations/${conversation}/visitor_token`, {});
  }

  async #call<T>(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<T> {
    const init: RequestInit = { method, headers };
    if (body instanceof Uint8Array) {
      init.body = body as Uint8Array<ArrayBuffer>;
      init.headers = { ...headers, "Content-Type": "application/octet-stream" };
    } else if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { ...headers, "Content-Type": "application/json" };
    }
    const answer = await fetch(this.origin + path, init);
    const text = await answer.text();
    if (!answer.ok) throw new Failed(answer.status, method, path, text);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  #addAgent({ login, name, surname, role = "agent" }: Person): void {
    const about = ["--name", name, "--surname", surname, "--role", role, "--capacity", "1000"];
    this.#run("agent", "add", login, ...about);
  }

  /** A command of the command line, which asks for a password on its standard input. */
  #run(...arguments_: string[]): void {
    execFileSync(PROGRAM, [...arguments_, "--data", this.#folder], {
      env: this.#environment(),
      input: PASSWORD,
      stdio: ["pipe", "ignore", "pipe"],
    });
  }

  #environment(): NodeJS.ProcessEnv {
    const all = Object.entries(process.env).filter(([name]) => !name.startsWith("ROZMOWA"));
    const config = {
      listen: `127.0.0.1:${this.port}`,
      "visitors.calls_per_minute": 1_000_000,
      "log.level": "debug",
      ...this.#config,
    };
    for (const [key, value] of Object.entries(config)) {
      all.push([`ROZMOWA_${key.toUpperCase().replaceAll(".", "_")}`, `${value}`]);
    }
    return Object.fromEntries(all);
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await ended;
    }
    this.#guard?.kill("SIGKILL");
  }
}

export interface Session {
  cookie: string;
  csrf: string;
}

function newFolder(): string {
  if (!existsSync(PROGRAM))
    throw new Error(`no ${PROGRAM}: \`make debug\` builds it, or name another in ROZMOWA`);
  return mkdtempSync(join(tmpdir(), "rozmowa-test-"));
}

/**
 * Ends a server when this process is gone, however it went: the end of its input is told by the system. Its folder
 * goes with it.
 */
export function guard(pid: number, folder: string): ChildProcess {
  const script = 'read -r _; kill -9 "$0"; rm -rf "$1"';
  return spawn("sh", ["-c", script, `${pid}`, folder], { stdio: ["pipe", "ignore", "ignore"] });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
