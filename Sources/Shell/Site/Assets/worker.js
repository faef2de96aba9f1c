"use strict";
// Keeps the shelter desk's own pages, so that a tablet without Wi-Fi can open them again: for whoever works there, and for
// nobody after them, since a desk's notes may name people. Everything else comes from the node alone.
const kept = "renkei-2";
const shell = ["/style.css", "/app.js", "/unsent"];
// What changes who works here.
const changes = ["/sign-in", "/sign-out", "/setup", "/session/lock", "/session/switch", "/api/v1/session", "/api/v1/session/lock", "/api/v1/session/switch"];

// The list of shelters goes with them: with it a tablet finds its desk again.
const isDesk = (path) => /^\/shelters(\/-?\d+)?$/.test(path);

function isKept(url) {
  return url.origin === location.origin && !url.search && (shell.includes(url.pathname) || isDesk(url.pathname));
}

// Who works here, as `app.js` knows them.
function desk(mode, work) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("renkei-desk", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("desk", { keyPath: "name" });
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const asked = work(request.result.transaction("desk", mode).objectStore("desk"));
      asked.onsuccess = () => { request.result.close(); resolve(asked.result); };
      asked.onerror = () => { request.result.close(); reject(asked.error); };
    };
  });
}

async function forget() {
  await desk("readwrite", (rows) => rows.delete("person")).catch(() => {});
  const cache = await caches.open(kept);
  const pages = (await cache.keys()).filter((page) => isDesk(new URL(page.url).pathname));
  await Promise.all(pages.map((page) => cache.delete(page)));
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  // Without anybody's session: what is kept of them is nobody's.
  event.waitUntil(caches.open(kept).then((cache) => Promise.allSettled(
    shell.map((path) => cache.add(new Request(path, { credentials: "omit", cache: "reload" }))))));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((name) => name !== kept).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});

// What is kept of a page, where it may be shown.
async function known(path) {
  const page = await (await caches.open(kept)).match(path);
  if (!page || !isDesk(path)) return page;
  const person = await desk("readonly", (rows) => rows.get("person")).catch(() => undefined);
  return person && page.headers.get("X-Renkei-Account") === person.account ? page : undefined;
}

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method !== "GET") {
    if (changes.includes(url.pathname)) event.waitUntil(forget());
    return;
  }
  if (request.mode === "navigate" && url.pathname === "/sign-in") event.waitUntil(forget());
  if (!isKept(url)) {
    // A page that is not kept: without contact, the one that says what waits, and leads back.
    const start = ["/", "/start"].includes(url.pathname) ? "/shelters" : "/unsent";
    if (request.mode === "navigate") event.respondWith(fetch(request).catch(async (error) => await known(start) ?? await known("/unsent") ?? Promise.reject(error)));
    return;
  }
  event.respondWith((async () => {
    try {
      const answer = await fetch(request);
      // Of what waits, nobody's page is kept: the node's own shows who is signed in.
      if (answer.ok && !answer.redirected && url.pathname !== "/unsent") await (await caches.open(kept)).put(url.pathname, answer.clone());
      return answer;
    } catch (error) {
      // What is on the screen counts what was entered since: it is not put back to how it was.
      if (request.headers.has("X-Renkei-Refresh")) throw error;
      const page = await known(url.pathname) ?? (request.mode === "navigate" ? await known("/unsent") : undefined);
      if (page) return page;
      throw error;
    }
  })());
});
