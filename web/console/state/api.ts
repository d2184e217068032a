/** The console's door over HTTP, typed by `docs/openapi-people.json`. */
import type { components, paths } from "../../shared/people";
import { newId } from "../../shared/id";

export type Schemas = components["schemas"];

type Method = "get" | "post" | "put" | "delete";
type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Body<O> = O extends { requestBody?: infer B }
  ? [NonNullable<B>] extends [never]
    ? never
    : NonNullable<B> extends { content: { "application/json": infer J } }
      ? J
      : never
  : never;
type Result<O> = O extends { responses: { 200: { content: { "application/json": infer J } } } } ? J : void;
type PathParameters<O> = O extends { parameters: { path: infer V } } ? V : never;
type Query<O> = O extends { parameters: { query?: infer V } } ? NonNullable<V> : never;

type Given<O> = ([PathParameters<O>] extends [never] ? unknown : { path: PathParameters<O> }) &
  ([Query<O>] extends [never] ? unknown : { query?: Query<O> }) &
  ([Body<O>] extends [never] ? unknown : { body: Body<O> }) & { signal?: AbortSignal; withinMs?: number };
/** Nothing need be given where nothing can be missing. */
type Rest<O> = unknown extends ([PathParameters<O>] extends [never] ? unknown : never) &
  ([Body<O>] extends [never] ? unknown : never)
  ? [given?: Given<O>]
  : [given: Given<O>];

export interface Fault {
  message: string;
  code: number;
  /** The field that it is about. */
  parameter?: string;
}

/** An answer that is no success. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly errors: Fault[],
    readonly retry_after: number | undefined,
  ) {
    super(errors.map(({ message }) => message).join(" "));
  }

  has(code: number): boolean {
    return this.errors.some((error) => error.code === code);
  }
}

/** Nobody answered: no network, no server, or not in time. */
export class Unreached extends Error {}

const ANSWER_WITHIN_MS = 20_000;
const UPLOAD_WITHIN_MS = 10 * 60_000;
/** Others with the status 401 say that a password or a code is wrong. */
const NOT_SIGNED_IN = 200120;
/** The cookie is of another session than what the page knows. */
const OTHER_SESSION = 200121;

/** Nobody is signed in any more. */
export const isSignedOut = (error: unknown) => error instanceof ApiError && error.has(NOT_SIGNED_IN);
/** Somebody has signed in elsewhere in this browser. */
export const isOfOther = (error: unknown) => error instanceof ApiError && error.has(OTHER_SESSION);

/** May succeed when it is tried again, be it after a sign-in. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Unreached || isSignedOut(error) || isOfOther(error)) return true;
  return error instanceof ApiError && [429, 502, 503, 504].includes(error.status);
}

const SESSION = "/console/session";

interface Options {
  method: string;
  body?: BodyInit;
  json?: unknown;
  signal?: AbortSignal | undefined;
  /** What takes long by its nature is waited for. */
  withinMs?: number | undefined;
}

export class Api {
  csrf = "";
  /** Called when an answer says that nobody is signed in any more. */
  onLost: () => void = () => undefined;
  /** Called when an answer says that the cookie is of another session. */
  onOther: () => void = () => undefined;
  /** Nothing but the session is asked for: the cookie may be somebody else's by now. */
  isBarred = false;

  get<P extends PathOf<"get">>(
    path: P,
    ...[given]: Rest<Operation<P, "get">>
  ): Promise<Result<Operation<P, "get">>> {
    return this.#typed("GET", path, given);
  }

  post<P extends PathOf<"post">>(
    path: P,
    ...[given]: Rest<Operation<P, "post">>
  ): Promise<Result<Operation<P, "post">>> {
    return this.#typed("POST", path, given);
  }

  put<P extends PathOf<"put">>(
    path: P,
    ...[given]: Rest<Operation<P, "put">>
  ): Promise<Result<Operation<P, "put">>> {
    return this.#typed("PUT", path, given);
  }

  delete<P extends PathOf<"delete">>(
    path: P,
    ...[given]: Rest<Operation<P, "delete">>
  ): Promise<Result<Operation<P, "delete">>> {
    return this.#typed("DELETE", path, given);
  }

  /** Of texts that the server words: the page's. */
  get language(): string {
    return document.documentElement.lang || "en";
  }

  /** A file that only who is signed in gets. */
  async blob(address: string, signal?: AbortSignal): Promise<Blob> {
    return (await this.#fetch(address, { method: "GET", signal })).blob();
  }

  /** Tells how much of it is there, from 0 to 1. `fetch` can't. */
  upload(conversation: string, file: File, told: (share: number) => void, signal: AbortSignal) {
    if (this.isBarred) return Promise.reject(new Unreached());
    const request = new XMLHttpRequest();
    const name = encodeURIComponent(file.name);
    request.open("POST", `/console/conversations/${conversation}/files?name=${name}`);
    request.timeout = UPLOAD_WITHIN_MS;
    for (const [header, value] of Object.entries(this.#headers("POST")))
      request.setRequestHeader(header, value);
    return new Promise<Schemas["FileOfMessage"]>((done, failed) => {
      request.upload.onprogress = ({ loaded, total }) => told(total ? loaded / total : 0);
      request.onerror = request.ontimeout = () => failed(new Unreached());
      request.onabort = () => failed(new DOMException("stopped", "AbortError"));
      request.onload = () => {
        if (request.status < 300) return done(JSON.parse(request.responseText));
        failed(this.#error(request.status, request.responseText, request.getResponseHeader("Retry-After")));
      };
      signal.addEventListener("abort", () => request.abort());
      request.send(file);
    });
  }

  async #typed<T>(method: string, template: string, given: unknown): Promise<T> {
    const { path, query, body, signal, withinMs } = (given ?? {}) as {
      path?: Record<string, string | number>;
      query?: Record<string, unknown>;
      body?: unknown;
      signal?: AbortSignal;
      withinMs?: number;
    };
    const filled = template.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(String(path?.[name])),
    );
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      if (Array.isArray(value)) for (const one of value) search.append(`${name}[]`, String(one));
      else if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
    }
    const address = search.size ? `${filled}?${search}` : filled;
    const response = await this.#fetch(address, { method, json: body, signal, withinMs });
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async #fetch(
    address: string,
    { method, json, signal, withinMs = ANSWER_WITHIN_MS }: Options,
  ): Promise<Response> {
    if (this.isBarred && address !== SESSION) throw new Unreached();
    const within = AbortSignal.timeout(withinMs);
    const init: RequestInit = {
      method,
      headers: this.#headers(method, address),
      signal: signal ? AbortSignal.any([signal, within]) : within,
      credentials: "same-origin",
      cache: "no-store",
    };
    if (json !== undefined) {
      init.body = JSON.stringify(json);
      init.headers = { ...init.headers, "Content-Type": "application/json" };
    }
    let response: Response;
    try {
      response = await fetch(address, init);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Unreached();
    }
    if (!response.ok) {
      throw this.#error(response.status, await response.text(), response.headers.get("Retry-After"));
    }
    return response;
  }

  #headers(method: string, address = ""): Record<string, string> {
    return {
      "Accept-Language": this.language,
      // Nothing of another session is read either; whose it is may be asked at any time.
      ...(this.csrf && !(method === "GET" && address === SESSION) && { "X-CSRF-Token": this.csrf }),
      ...(method === "POST" && { "Idempotency-Key": newId() }),
    };
  }

  #error(status: number, text: string, retryAfter: string | null): ApiError {
    let errors: Fault[] = [];
    try {
      // It may be a proxy's page.
      errors = (JSON.parse(text) as { errors?: Fault[] }).errors ?? [];
    } catch {
      // Then there is nothing to say but the status.
    }
    const error = new ApiError(status, errors, retryAfter ? Number(retryAfter) : undefined);
    // Who is not signed in yet has nothing to lose.
    if (isSignedOut(error) && this.csrf) this.onLost();
    if (isOfOther(error) && this.csrf) this.onOther();
    return error;
  }
}

export const api = new Api();
