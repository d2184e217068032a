/** Keeps the screen on while the page is seen, until the answer is called. */
export function awake(): () => void {
  let lock: WakeLockSentinel | undefined;
  let isOver = false;
  const ask = async () => {
    if (document.hidden || !("wakeLock" in navigator)) return;
    // Refused where the battery is low: then it is as it would have been.
    const given = await navigator.wakeLock.request("screen").catch(() => undefined);
    if (isOver) void given?.release();
    else lock = given;
  };
  // Who is not seen any more loses it.
  document.addEventListener("visibilitychange", ask);
  void ask();
  return () => {
    isOver = true;
    document.removeEventListener("visibilitychange", ask);
    void lock?.release();
  };
}
