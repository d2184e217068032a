import { ApiError } from "../state/api";

const UNAUTHORIZED = 401;

/** The server says only that something is wrong: said of the field that was to prove who it is. */
export function wrongAt(parameter: string | undefined, message: string) {
  return (error: unknown): never => {
    if (!(error instanceof ApiError && error.status === UNAUTHORIZED)) throw error;
    const faults = error.errors.map(({ code }) => ({ code, message, ...(parameter && { parameter }) }));
    throw new ApiError(error.status, faults, undefined);
  };
}
