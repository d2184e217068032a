/** The visitor door over HTTP, up to the conversation. */
import type { Refusal } from "../../shared/protocol";

export interface Texts {
  pl: string;
  en: string;
}

export type Asks = "no" | "optional" | "required";

/** How a queue's chat looks and what it asks. */
export interface Look {
  color: string;
  ink: string;
  side: "left" | "right";
  offset_x_pixels: number;
  offset_y_pixels: number;
  is_launcher_hidden: boolean;
  asks_name: Asks;
  asks_email: Asks;
  title: Texts;
  greeting: Texts;
  away: Texts;
}

export interface Clause {
  clause_id: number;
  kind: "information" | "consent";
  version: number;
  is_required: boolean;
  text_pl: string;
  text_en: string;
}

export interface Readiness {
  is_open: boolean;
  next_opening_at: number | null;
  is_attended: boolean;
}

export interface Queue extends Readiness {
  chat_queue_id: number;
  name: string;
  has_text_preview: boolean;
  takes_files: boolean;
  takes_unverified: boolean;
  answers_by_email: boolean;
  file_bytes_max: number;
  clauses: Clause[];
  widget: Look;
}

export interface Opening {
  chat_queue_id: number;
  name?: string;
  email?: string;
  language: string;
  page_url?: string;
  page_title?: string;
  referrer?: string;
  consents: number[];
  identity?: string;
  text: string;
  client_key: string;
}

export interface OpenedConversation {
  conversation_id: string;
  token: string;
  is_verified: boolean;
}

/** Codes of `docs/API.md` that a page has an own answer to. */
export const CODE = {
  badToken: 200130,
  blocked: 200131,
  identityNeeded: 200133,
  clauseChanged: 400173,
} as const;

/** An answer that is no success. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly errors: Refusal[],
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(errors[0]?.message ?? "");
  }

  has(code: number): boolean {
    return this.errors.some((error) => error.code === code);
  }
}

/** Nobody answered. */
export class Unreached extends Error {}

const ANSWER_WITHIN_MS = 20_000;

export async function call(
  method: string,
  path: string,
  language: string,
  headers: Record<string, string> = {},
  body?: unknown,
): Promise<Response> {
  const init: RequestInit = {
    method,
    headers: { ...headers, "Accept-Language": language },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    credentials: "omit",
  };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, "Content-Type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(`/visitor/${path}`, init);
  } catch {
    throw new Unreached();
  }
  if (!response.ok)
    throw refused(response.status, await response.text(), response.headers.get("Retry-After"));
  return response;
}

export function refused(status: number, text: string, retryAfter: string | null): Refused {
  // It may be a proxy's page.
  const errors = parsed<{ errors?: Refusal[] }>(text)?.errors ?? [];
  return new Refused(status, errors, retryAfter ? Number(retryAfter) : undefined);
}

export function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

export async function showQueue(id: number, language: string): Promise<Queue> {
  return (await call("GET", `queues/${id}`, language)).json();
}

/** The same `key` opens one conversation, however often it is said. */
export async function open(opening: Opening, key: string): Promise<OpenedConversation> {
  const headers = { "Idempotency-Key": key };
  return (await call("POST", "conversations", opening.language, headers, opening)).json();
}
