/** Codes of refusals that a page treats in its own way. */
export const WRONG_SIGN_IN = 200150;
export const CODE_NEEDED = 200151;
export const UNKNOWN_LINK = 300150;
export const HAS_ADMINISTRATOR = 400150;
export const MAIL_OFF = 400191;
