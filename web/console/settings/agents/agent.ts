/** What an agent's forms have in common. */
import { isEmail, needed, within, type Checks } from "../../kit/form.svelte";
import type { Schemas } from "../../state/api";
import type { Role } from "../../state/session.svelte";
import type { Language } from "../../texts.svelte";

export type Account = Schemas["AgentShown"];

export interface About {
  name: string;
  surname: string;
  email: string;
  language: Language;
  role: Role;
  capacity: number | null;
}

/**
 * Who was just added here, and is to be invited. Not in the address: whoever follows a link to it, or comes back to it,
 * does not want that.
 */
let toInvite: string | undefined;

export function inviteNext(login: string): void {
  toInvite = login;
}

/** Once. */
export function isToInvite(login: string): boolean {
  const isSo = toInvite === login;
  toInvite = undefined;
  return isSo;
}

const CAPACITY_MOST = 1_000_000;
export const NEW: About = { name: "", surname: "", email: "", language: "pl", role: "agent", capacity: 3 };

export const CHECKS: Checks<About> = {
  name: needed,
  surname: needed,
  email: isEmail,
  capacity: within(1, CAPACITY_MOST),
};

/** The highest of the roles counts. */
export function roleOf({ roles = [] }: Account): Role {
  return (["administrator", "supervisor"] as const).find((role) => roles.includes(role)) ?? "agent";
}

export function aboutOf(account: Account): About {
  const { name, surname, email, language, capacity = 1 } = account;
  return { name, surname, email, language: language as Language, role: roleOf(account), capacity };
}

/** As calls take it. */
export function bodyOf({ role, capacity, ...rest }: About) {
  return { ...rest, roles: [role], capacity: capacity ?? 1 };
}
