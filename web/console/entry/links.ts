/** Links that lead in: their secret is behind the `#`, where no server and no log sees it. */
export const LEAST_PASSWORD = 8;

export function secret(): string {
  return location.hash.slice(1);
}

/** To the console, and away from the link, which is used up: the way back does not lead to it. */
export function enter(): void {
  location.replace("/console/");
}
