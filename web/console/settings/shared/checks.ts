/** What fields of the settings want. */
import { t } from "../../texts.svelte";

export function isWebAddress(value: string): string | undefined {
  const isOne = value === "" || (/^https?:\/\/\S+$/i.test(value) && URL.canParse(value));
  return isOne ? undefined : t("settings.not_web_address");
}

export function isLogin(value: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9._@+-]*$/.test(value) ? undefined : t("settings.not_login");
}

/** As it stands in an address. */
export function isId(part: string): boolean {
  return /^[1-9]\d{0,14}$/.test(part);
}
