"use strict";
// Keeps the shelter desk's own pages, so that a tablet without Wi-Fi can open them again. A desk's page names no evacuee: what
// lies here is what the ward publishes about its shelters. Everything else comes from the node alone.
const kept = "renkei-1";
const shell = ["/style.css", "/app.js", "/unsent"];

function isKept(url) {
  return url.origin === location.origin && !url.search && (shell.includes(url.pathname) || /^\/shelters\/-?\d+$/.test(url.pathname));
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(kept).then((cache) => Promise.allSettled(shell.map((path) => cache.add(path)))));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((name) => name !== kept).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (!isKept(url)) {
    // A page that is not kept: without contact, the one that says what waits, and leads back.
    if (event.request.mode === "navigate") {
      event.respondWith(fetch(event.request).catch(async () => (await caches.open(kept)).match("/unsent")));
    }
    return;
  }
  event.respondWith((async () => {
    const cache = await caches.open(kept);
    try {
      const answer = await fetch(event.request);
      if (answer.ok && !answer.redirected) await cache.put(url.pathname, answer.clone());
      return answer;
    } catch (error) {
      // What is on the screen counts what was entered since: it is not put back to how it was.
      if (event.request.headers.has("X-Renkei-Refresh")) throw error;
      const known = await cache.match(url.pathname);
      if (known) return known;
      throw error;
    }
  })());
});
