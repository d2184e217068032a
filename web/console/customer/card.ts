/** A customer's card: what is known of one, as forms have it and as calls send it. */
import { NONE } from "../settings/shared/attempt";
import type { Schemas } from "../state/api";
import { t } from "../texts.svelte";

export type Card = Schemas["CustomerCard"];
export type Body = Schemas["ChangeCustomer"];
export type Found = Schemas["CustomerFound"];
export type OwnField = Pick<Card["custom_fields"][number], "name" | "kind" | "options" | "read_only">;

export const ADDRESSES = ["address", "invoice_address", "mail_drop_address"] as const;
export const PARTS = ["street", "building", "flat", "postcode", "city", "country"] as const;

interface Named {
  name: string;
  surname: string;
  identifier?: string | null;
}

/** First name and surname, else whatever there is to call one by. */
export function titleOf(one: Named, ...others: (string | null | undefined)[]): string {
  const called = [`${one.name} ${one.surname}`.trim(), ...others, one.identifier];
  return called.find(Boolean) ?? t("customers.nameless");
}

/** Only what is an address of the web is one to press. */
export const isWeb = (address: string) => /^https?:\/\//i.test(address);

// ---- Who it is.

export interface About {
  name: string;
  surname: string;
  identifier: string;
  type: string;
  group: string;
  account_manager: string;
  vip: boolean;
  /** The number, or nothing. */
  company_id: string;
  gender: string;
  birthdate: string;
  pesel: string;
  job: string;
  job_title: string;
  nip: string;
}

export function aboutOf(card: Card): About {
  const { name, surname, identifier, type, group, account_manager, vip, company } = card;
  const { gender, birthdate, pesel, job, job_title, nip } = card;
  return {
    name,
    surname,
    identifier,
    type,
    group,
    account_manager,
    vip,
    company_id: `${company?.company_id ?? ""}`,
    gender,
    birthdate,
    pesel,
    job,
    job_title,
    nip,
  };
}

export const bodyOfAbout = ({ company_id, ...rest }: About): Body => ({
  ...rest,
  company_id: company_id === "" ? NONE : Number(company_id),
});

// ---- How to reach them.

export interface Contact {
  email: string[];
  phone_number: string[];
  homepage: string;
}

export const contactOf = ({ emails, phone_numbers, homepage }: Card): Contact => ({
  email: emails,
  phone_number: phone_numbers,
  homepage,
});

const said = (all: string[]) => all.map((one) => one.trim()).filter(Boolean);

export const bodyOfContact = ({ email, phone_number, homepage }: Contact): Body => ({
  email: said(email),
  phone_number: said(phone_number),
  homepage: homepage.trim(),
});

// ---- Addresses: a field is called as a fault of the server calls it.

export type Flat = Record<string, string>;

export const partKey = (address: string, part: string) => `${address}[${part}]`;

export function addressesOf(card: Card): Flat {
  const all = ADDRESSES.flatMap((kind) =>
    PARTS.map((part) => [partKey(kind, part), card[kind][part] ?? ""] as const),
  );
  return Object.fromEntries(all);
}

export function bodyOfAddresses(values: Flat): Body {
  const of = (kind: string) =>
    Object.fromEntries(PARTS.map((part) => [part, (values[partKey(kind, part)] ?? "").trim()]));
  return Object.fromEntries(ADDRESSES.map((kind) => [kind, of(kind)]));
}

// ---- Custom fields.

export type OwnValues = Record<string, string | string[]>;

export const fieldKey = (name: string) => `custom_fields[${name}]`;

export function ownOf({ custom_fields }: { custom_fields: Card["custom_fields"] }): OwnValues {
  return Object.fromEntries(
    custom_fields.map(({ name, kind, values }) => [
      fieldKey(name),
      kind === "list" ? values : (values[0] ?? ""),
    ]),
  );
}

/** What is different alone: fields that other programs write are not to be touched. */
export function bodyOfOwn(fields: readonly OwnField[], values: OwnValues, was: OwnValues): Body {
  const isChanged = ({ name }: OwnField) =>
    JSON.stringify(values[fieldKey(name)]) !== JSON.stringify(was[fieldKey(name)]);
  const changed = fields.filter((field) => !field.read_only && isChanged(field));
  if (changed.length === 0) return {};
  return {
    custom_fields: Object.fromEntries(changed.map(({ name }) => [name, values[fieldKey(name)] ?? ""])),
  };
}
