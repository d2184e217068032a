// Shows that a chat waits, and leads to it. It keeps no pages: after an upgrade none is old.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// `data.path` is where the notification leads, as `#/mine/ID`.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path ?? ""));
});

async function open(path) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const consoles = windows.filter(({ url }) => /^\/console\/?$/.test(new URL(url).pathname));
  const one = consoles.find(({ focused }) => focused) ?? consoles[0];
  if (!one) {
    await self.clients.openWindow(`/console/${path}`);
    return;
  }
  await one.focus().catch(() => undefined);
  // The page goes there by itself: what it has unsaved is asked about first.
  one.postMessage({ type: "go", path });
}
