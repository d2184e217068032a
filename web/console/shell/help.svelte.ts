let isShown = $state(false);

export function openHelp(): void {
  isShown = true;
}

export function closeHelp(): void {
  isShown = false;
}

export function isHelpShown(): boolean {
  return isShown;
}
