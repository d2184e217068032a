/** What the company's own server does: says who its customer is, by a JWT under the queue's secret. */
import { createHmac, randomUUID } from "node:crypto";

export interface Claims {
  identifier?: string;
  name?: string;
  email?: string;
}

export function sign(secret: string, claims: Claims): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 600;
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ exp, jti: randomUUID(), ...claims })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
