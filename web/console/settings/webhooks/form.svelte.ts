/** The form of a webhook: of one that is new, and of one that is there. */
import { type Checks, needed } from "../../kit/form.svelte";
import { t } from "../../texts.svelte";
import { isWebAddress } from "../shared/checks";
import type { Action, Webhook } from "./webhook";

export interface Values {
  subscription_url: string;
  actions: Action[];
  format: "form" | "json";
  signing: boolean;
  has_credentials: boolean;
  http_auth_user: string;
  http_auth_password: string;
}

export const NEW: Values = {
  subscription_url: "",
  actions: [],
  format: "form",
  signing: false,
  has_credentials: false,
  http_auth_user: "",
  http_auth_password: "",
};

export const CHECKS: Checks<Values> = {
  subscription_url: (value) => needed(value) ?? isWebAddress(value),
  actions: needed,
  http_auth_user: (value, { has_credentials }) => {
    if (!has_credentials) return undefined;
    return needed(value) ?? (value.includes(":") ? t("settings.no_colon") : undefined);
  },
};

export function valuesOf(webhook: Webhook): Values {
  const { subscription_url, actions, format, signing, http_auth_user } = webhook;
  return {
    subscription_url,
    actions: actions as Action[],
    format: format === "json" ? "json" : "form",
    signing,
    has_credentials: http_auth_user !== "",
    http_auth_user,
    http_auth_password: "",
  };
}

export type Body = Omit<Values, "has_credentials" | "http_auth_password"> & { http_auth_password?: string };

/** A password that is not given stays; without a user none is sent any more. */
export function bodyOf({ has_credentials, http_auth_user, http_auth_password, ...rest }: Values): Body {
  if (!has_credentials) return { ...rest, http_auth_user: "" };
  return { ...rest, http_auth_user, ...(http_auth_password && { http_auth_password }) };
}
