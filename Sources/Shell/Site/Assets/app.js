"use strict";
// What a page does beyond plain forms: it stays up to date, and goes on taking entries while the node cannot be reached.

// MARK: The queue. Entries lie in the browser's own database until the node has said that it has them. Each bears a random
// mark: sent again after a lost answer, it is not done twice.

const opened = new Promise((resolve, reject) => {
  const request = indexedDB.open("renkei", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("queue", { keyPath: "id", autoIncrement: true });
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function store(mode, work) {
  const database = await opened;
  return new Promise((resolve, reject) => {
    // Strict: on the disk before anybody is told that it is kept.
    const transaction = database.transaction("queue", mode, { durability: "strict" });
    const request = work(transaction.objectStore("queue"));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

const queue = {
  add: (entry) => store("readwrite", (entries) => entries.add(entry)),
  all: () => store("readonly", (entries) => entries.getAll()),
  put: (entry) => store("readwrite", (entries) => entries.put(entry)),
  drop: (id) => store("readwrite", (entries) => entries.delete(id)),
};

function mark() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

let delivery = null;
let isLocked = false;

function deliver() {
  delivery ??= send().finally(() => { delivery = null; });
  return delivery;
}

async function send() {
  try {
    const entries = (await queue.all()).filter((entry) => !entry.refused);
    if (entries.length === 0) return;
    const session = await (await fetch("/api/v1/session", { cache: "no-store", headers: { "X-Renkei-Refresh": "1" } })).json();
    isLocked = session.state !== "open";
    if (isLocked) return;
    let sent = 0;
    for (const entry of entries) {
      const answer = await fetch(entry.url, {
        method: "POST", headers: { Accept: "application/json", "Idempotency-Key": entry.mark },
        body: new URLSearchParams([...entry.fields, ["_csrf", session.csrf]]),
      });
      // A page instead of an answer is somebody else's: a sign-in, a hotspot's.
      if (answer.ok && answer.status !== 204 && !(answer.headers.get("Content-Type") ?? "").startsWith("application/json")) break;
      if (answer.ok) {
        await queue.drop(entry.id);
        sent += 1;
      } else if ([401, 408, 429].includes(answer.status) || answer.status >= 500) {
        break;
      } else {
        // The node has understood it and says no: a person decides.
        const fault = await answer.json().catch(() => ({}));
        entry.refused = fault[document.documentElement.lang] || fault.ja || String(answer.status);
        await queue.put(entry);
      }
    }
    if (sent > 0) plan(0);
  } catch {
    // No contact: everything stays, and is tried again.
  } finally {
    await showQueue();
  }
}

// MARK: Forms

// A form as the browser itself sends it: what it means is the node's to say. A page that was kept for the time without
// contact may be of another day.
function fields(form, button) {
  return [...new FormData(form, button)].filter(([name]) => name !== "_csrf").map(([name, text]) =>
    [name, name === "day" && text === form.elements.day.defaultValue ? new Date(Date.now() + 9 * 3600e3).toISOString().slice(0, 10) : text]);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("queue" in form.dataset)) return;
  event.preventDefault();
  const button = event.submitter;
  const isCount = form.classList.contains("count");
  // A second press before the first is kept is the same press, and so is one of a form that has just been emptied; each
  // press of a count counts.
  const isEmpty = !(button && button.name) && ![...form.elements].some((control) => control.type !== "hidden"
    && control.type !== "submit" && control.type !== "button" && (control.type === "checkbox" ? control.checked : control.value && isChanged(control)));
  if (!isCount && ("keeping" in form.dataset || isEmpty)) return;
  form.dataset.keeping = "";
  const typed = [...form.elements].map((control) => [control, control.value, control.checked]);
  const id = await queue.add({
    url: form.getAttribute("action"), fields: fields(form, button), label: form.dataset.label, mark: mark(), at: Date.now(),
  });
  if (button && button.dataset.shows) document.getElementById(button.dataset.shows).textContent = button.textContent;
  if (!isCount) {
    form.reset();
    const first = form.classList.contains("checkin") && form.querySelector("input:not([type=hidden]), select, textarea");
    if (first) first.focus();
  }
  delete form.dataset.keeping;
  await showQueue();
  // Twice: a delivery that was under way did not know of this one.
  await deliver();
  await deliver();
  const left = (await queue.all()).find((entry) => entry.id === id);
  if (left && left.refused && form.isConnected && !isCount) {
    // The node says no, and somebody is there to mend it: what was typed is back, and why stands with it.
    await queue.drop(id);
    if (![...form.elements].some(isChanged)) {
      for (const [control, value, checked] of typed) { control.value = value; control.checked = checked; }
    }
    say(form, left.refused, "error");
    await showQueue();
  } else if (!left && !isCount) {
    const name = typed.find(([control]) => ["name", "card", "people", "needs"].includes(control.name));
    say(form, `${document.body.dataset.done} ${name ? name[1] : ""}`, "notice");
  }
});

// What came of a form, said where it is.
function say(form, text, kind) {
  form.querySelector(".said")?.remove();
  const said = document.createElement("p");
  said.className = `said ${kind}`;
  said.setAttribute("role", kind === "error" ? "alert" : "status");
  said.textContent = text;
  form.prepend(said);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("upload" in form.dataset)) return;
  event.preventDefault();
  const said = document.getElementById("upload");
  const file = form.elements.file.files[0];
  if (!file) return;
  said.textContent = "…";
  const answer = await fetch(`${form.getAttribute("action")}?name=${encodeURIComponent(file.name)}`, {
    method: "POST", body: file,
    headers: { "Content-Type": "application/octet-stream", "X-CSRF-Token": form.elements._csrf.value },
  }).catch(() => null);
  said.textContent = answer ? (await answer.text()) : document.body.dataset.stale;
});

// MARK: Paper

document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });

// MARK: Printed codes. A scanner types them; where the browser can read pictures, so can the tablet's camera.

const canRead = "BarcodeDetector" in window && !!navigator.mediaDevices;

async function readByCamera(form, view) {
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  try {
    view.srcObject = stream;
    view.hidden = false;
    await view.play();
    while (view.isConnected && !view.hidden) {
      const [found] = await detector.detect(view);
      if (found) {
        view.hidden = true;
        form.querySelector("input:not([type=hidden])").value = found.rawValue;
        form.requestSubmit();
      }
      await new Promise(requestAnimationFrame);
    }
  } finally {
    view.hidden = true;
    for (const track of stream.getTracks()) track.stop();
  }
}

document.addEventListener("click", (event) => {
  const camera = event.target.closest("[data-camera]");
  if (!camera) return;
  readByCamera(document.querySelector("[data-scan]"), document.querySelector("[data-view]")).catch(() => { camera.hidden = true; });
});

// What only a script can do is shown by it, in a page and in what takes its place.
function wake() {
  for (const printer of document.querySelectorAll("[data-print]")) printer.hidden = false;
  for (const camera of document.querySelectorAll("[data-camera]")) camera.hidden = !canRead;
  for (const hint of document.querySelectorAll("[data-nocamera]")) hint.hidden = canRead;
}

wake();

// MARK: Searching as one types

let typed = null;

document.addEventListener("input", (event) => {
  const form = event.target.closest("form.filter");
  // Where each look is written down, one looks on purpose: by Enter or the button, not with every letter.
  if (!form || !document.getElementById("results") || "still" in document.getElementById("content").dataset) return;
  clearTimeout(typed);
  typed = setTimeout(async () => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, text]) => text !== ""));
    const url = `${form.getAttribute("action")}?${query}`;
    const answer = await fetch(url, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("results");
    if (!found) return;
    // Not what was found for something else: why nothing was.
    const error = page.querySelector("main > .error");
    if (error) found.replaceChildren(error);
    document.getElementById("results").replaceWith(found);
    history.replaceState(null, "", url);
  }, 300);
});

// MARK: What is not sent yet

// The node's number, and what was counted here since.
function showPeople(entries) {
  const people = document.getElementById("people");
  if (!people) return;
  people.dataset.base ??= people.textContent.replace(/\D/g, "");
  let count = Number(people.dataset.base);
  for (const entry of entries) {
    const given = Object.fromEntries(entry.fields);
    if (entry.refused || entry.url !== "/do/countHeads" || given._row !== people.dataset.counts) continue;
    count = "people" in given ? Number(given.people) : count + Number(given.change ?? 0);
  }
  people.textContent = count.toLocaleString("en");
}

async function showQueue() {
  const badge = document.getElementById("unsent");
  const words = document.body.dataset;
  let entries;
  try { entries = await queue.all(); } catch { return; }
  showPeople(entries);
  if (badge) {
    badge.hidden = entries.length === 0;
    badge.textContent = `${words.unsent} ${entries.length}${isLocked ? " · " + words.locked : ""}`;
  }
  const list = document.getElementById("queue");
  if (!list) return;
  document.getElementById("queue-empty").hidden = entries.length > 0;
  list.replaceChildren(...entries.map((entry) => {
    const item = document.createElement("li");
    const time = document.createElement("time");
    time.textContent = new Date(entry.at).toLocaleString(document.documentElement.lang);
    const text = document.createElement("span");
    const values = entry.fields.filter(([name, text]) => !name.startsWith("_") && text !== "").map(([, text]) => text);
    text.textContent = `${entry.label}: ${values.join(" · ")}`;
    item.append(time, text);
    if (entry.refused) {
      const why = document.createElement("strong");
      why.className = "short";
      why.textContent = ` ${entry.refused} `;
      item.append(why, button(list.dataset.again, async () => { delete entry.refused; await queue.put(entry); deliver(); }),
        button(list.dataset.drop, async () => { if (confirm(list.dataset.sure)) { await queue.drop(entry.id); showQueue(); } }));
    }
    return item;
  }));
}

function button(label, action) {
  const made = document.createElement("button");
  made.className = "quiet";
  made.textContent = label;
  made.addEventListener("click", action);
  return made;
}

// MARK: Staying up to date

const live = document.getElementById("live");
let due = null;
let lastShown = null;

function show(isLive, why) {
  if (!live) return;
  live.textContent = isLive ? document.body.dataset.live : why ?? document.body.dataset.stale;
  live.classList.toggle("stale", !isLive);
}

function isChanged(control) {
  if (control.type === "hidden") return false;
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  if (control.tagName === "SELECT") {
    // Where nothing was chosen beforehand, a browser shows the first.
    const first = Math.max(0, Array.from(control.options).findIndex((option) => option.defaultSelected));
    return control.selectedIndex !== first;
  }
  return control.defaultValue !== undefined && control.value !== control.defaultValue;
}

function isBusy() {
  const focused = document.activeElement;
  if (focused && focused.closest("form") && focused.tagName !== "BUTTON" || document.querySelector("[data-view]:not([hidden])")) return true;
  return Array.from(document.querySelectorAll("main form[method=post]")).some((form) => Array.from(form.elements).some(isChanged));
}

async function refresh() {
  due = null;
  if ("still" in document.getElementById("content").dataset) return showQueue();
  // Nothing is taken from under somebody's eyes that was just said.
  if (document.querySelector(".notice") && performance.now() < 8000) { plan(8000 - performance.now()); return; }
  try {
    const answer = await fetch(location.href, { headers: { "X-Renkei-Refresh": "1" } });
    if (answer.redirected) { show(false, document.body.dataset.ended); plan(10000); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const content = page.getElementById("content");
    if (!content) throw new Error("no content");
    for (const message of content.querySelectorAll(".notice")) message.remove();
    if (isBusy()) {
      // Nothing is taken from under somebody's hands: the figures alone are brought up to date.
      for (const figure of content.querySelectorAll("[data-figure]")) {
        const shown = document.getElementById(figure.id);
        if (shown) { shown.textContent = figure.textContent; delete shown.dataset.base; }
      }
      await showQueue();
      plan(3000);
      return;
    }
    const shown = document.getElementById("content");
    if (lastShown !== content.innerHTML) {
      lastShown = content.innerHTML;
      // Who goes by keyboard stays where they are.
      const reachable = (part) => [...part.querySelectorAll("a, button, input, select, textarea, [tabindex]")];
      const place = reachable(shown).indexOf(document.activeElement);
      const open = new Set([...shown.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent));
      const said = [...shown.querySelectorAll("form > .said")].map((message) => [message, message.parentElement.dataset.label]);
      shown.replaceWith(content);
      for (const summary of content.querySelectorAll("summary")) summary.parentElement.open = open.has(summary.textContent);
      for (const [message, label] of said) content.querySelector(`form[data-label="${CSS.escape(label)}"]`)?.prepend(message);
      wake();
      if (place >= 0) reachable(content)[place]?.focus({ preventScroll: true });
    }
    await showQueue();
  } catch { plan(5000); }
}

function plan(after) { if (due === null) due = setTimeout(refresh, after); }

// Said once: a page that is loaded again has nothing new to tell.
const here = new URL(location.href);
if (here.searchParams.has("done")) {
  here.searchParams.delete("done");
  history.replaceState(null, "", here);
}

// From here on the page answers whatever somebody does.
performance.mark("ready");

if (!live) {
  // Nobody has signed in: what waits says so.
  isLocked = true;
  showQueue();
}

if (live) {
  const events = new EventSource("/events");
  events.onopen = () => { show(true); deliver(); };
  events.onerror = () => show(false);
  events.addEventListener("rows", () => plan(1000));
  events.addEventListener("links", () => plan(300));
  setInterval(() => plan(0), 30000);
  setInterval(deliver, 5000);
  addEventListener("online", deliver);
  showQueue().then(deliver);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js").catch(() => {});
}
