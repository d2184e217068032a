/** Signing in, step by step: login and password, then a code where there is a second factor. */
import { Form, needed } from "../kit/form.svelte";
import { ApiError } from "../state/api";
import { session } from "../state/session.svelte";
import { t } from "../texts.svelte";
import { chosenLanguage } from "./language";
import { CODE_NEEDED, WRONG_SIGN_IN } from "./codes";

const TOO_MANY = 429;
const SECOND = 1_000;

export class SignInState {
  /** A code is asked for. */
  step = $state<"password" | "code">("password");
  /** Until when nothing more is tried. */
  #until = $state(0);
  #now = $state(0);
  readonly form: Form<{ login: string; password: string; code: string }>;

  constructor(login: string) {
    this.form = new Form({
      initial: { login, password: "", code: "" },
      checks: {
        login: needed,
        password: needed,
        code: (code) => (this.step === "code" ? needed(code) : undefined),
      },
      save: async ({ login, password, code }) => {
        try {
          await session.signIn(
            login.trim(),
            password,
            this.step === "code" ? code.replace(/\s/g, "") : undefined,
            chosenLanguage(),
          );
        } catch (error) {
          this.#refused(error);
        }
      },
    });
  }

  /** How long there is still to wait. */
  readonly waitMs = $derived(Math.max(0, this.#until - this.#now));

  tick(): () => void {
    this.#now = Date.now();
    const timer = setInterval(() => (this.#now = Date.now()), SECOND);
    return () => clearInterval(timer);
  }

  /** From the code back to the beginning. */
  again(): void {
    this.form.reset({ login: this.form.values.login, password: "", code: "" });
    this.step = "password";
  }

  #refused(error: unknown): never {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === TOO_MANY && error.retry_after) {
      this.#now = Date.now();
      this.#until = this.#now + error.retry_after * SECOND;
      throw new ApiError(error.status, [], error.retry_after);
    }
    if (error.has(CODE_NEEDED)) {
      this.step = "code";
      throw new ApiError(error.status, [], undefined);
    }
    if (error.has(WRONG_SIGN_IN)) {
      const isCode = this.step === "code";
      const [parameter, message] = isCode ? ["code", t("entry.code_wrong")] : [undefined, t("entry.wrong")];
      const fault = { code: WRONG_SIGN_IN, message, ...(parameter && { parameter }) };
      throw new ApiError(error.status, [fault], undefined);
    }
    throw error;
  }
}
