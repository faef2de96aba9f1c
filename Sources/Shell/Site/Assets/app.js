"use strict";
// What a page does beyond plain forms: it stays up to date, and goes on taking entries while the node cannot be reached.

// MARK: What the browser itself keeps

// However long a browser's own database may take before it counts as one that does not work, and how long it then does.
const patience = 4000;
const pause = 60000;
let brokenUntil = 0;

const silence = new Error("no answer");

function within(promise, milliseconds) {
  let late;
  const limit = new Promise((_, reject) => { late = setTimeout(() => reject(silence), milliseconds); });
  return Promise.race([promise, limit]).finally(() => clearTimeout(late));
}

// When a question to the node has taken too long, where the browser can say so.
const end = (milliseconds) => AbortSignal.timeout?.(milliseconds);

// One table of a database of the browser. It may not be there (a private window, a policy) or be full: then what is asked of
// it fails, each time anew, and whoever asked does without.
function table(name, options) {
  let opened = null;
  const open = () => new Promise((resolve, reject) => {
    const request = indexedDB.open(`renkei${name === "queue" ? "" : `-${name}`}`, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(name, options);
    request.onsuccess = () => {
      request.result.onclose = () => { opened = null; };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return async (mode, work) => {
    if (performance.now() < brokenUntil) throw new Error("no database");
    try {
      opened ??= open();
      const database = await within(opened, patience);
      return await within(new Promise((resolve, reject) => {
        // Strict: on the disk before anybody is told that it is kept.
        const transaction = database.transaction(name, mode, { durability: "strict" });
        const request = work(transaction.objectStore(name));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      }), patience);
    } catch (error) {
      opened = null;
      if (error === silence) brokenUntil = performance.now() + pause;
      throw error;
    }
  };
}

const words = document.body.dataset;
const told = (text) => text?.[document.documentElement.lang] || text?.ja;

function hexadecimal(bytes) { return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""); }

function mark() { return hexadecimal(crypto.getRandomValues(new Uint8Array(16))); }

// MARK: Who works here. With the session comes a ticket, and a secret that seals entries under it: kept as long as that person
// works at this device and no longer, in a form that no script can read. Nobody who comes later can enter anything in their name.

const desk = table("desk", { keyPath: "name" });

const person = {
  now: () => desk("readonly", (rows) => rows.get("person")).catch(() => undefined),
  forget: () => desk("readwrite", (rows) => rows.delete("person")).catch(() => {}),
  async learn(session) {
    if (session.state !== "open" || !session.ticket || !crypto.subtle) return;
    const secret = Uint8Array.from(session.ticket.secret.match(/../g), (pair) => parseInt(pair, 16));
    const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    await desk("readwrite", (rows) => rows.put({ name: "person", account: session.account, ticket: session.ticket.text, key })).catch(() => {});
  },
};

async function session() {
  const answer = await fetch("/api/v1/session", { cache: "no-store", headers: { "X-Renkei-Refresh": "1" }, signal: end(10000) });
  const session = await answer.json();
  await person.learn(session);
  return session;
}

// Binds an entry to whoever works here, where that is whom the page was made for; otherwise it stays nobody's.
async function seal(entry) {
  let here = await person.now();
  if (here?.account !== entry.account) {
    await within(session(), 3000).catch(() => {});
    here = await person.now();
  }
  if (!here || here.account !== entry.account) return false;
  const content = new TextEncoder().encode(`${entry.url}\n${entry.mark}\n${new URLSearchParams(entry.fields)}`);
  entry.seal = hexadecimal(new Uint8Array(await crypto.subtle.sign("HMAC", here.key, content)));
  entry.ticket = here.ticket;
  return true;
}

// MARK: The queue. Entries lie in the browser's own database until the node has said that it has them, or a person discards
// them. Each bears a random mark: sent again after a lost answer, it is not done twice.

const entries = table("queue", { keyPath: "id", autoIncrement: true });

const queue = {
  add: (entry) => entries("readwrite", (rows) => rows.add(entry)),
  all: () => entries("readonly", (rows) => rows.getAll()),
  put: (entry) => entries("readwrite", (rows) => rows.put(entry)),
  drop: (id) => entries("readwrite", (rows) => rows.delete(id)),
};

let delivery = null;
let isLocked = false;

function deliver() {
  delivery ??= send().finally(() => { delivery = null; });
  return delivery;
}

// What a node says to an entry: `done`, with what there is to be told; `refused`, with why; or `away`, when it said nothing.
async function post(entry, headers, csrf) {
  const body = `${new URLSearchParams(entry.fields)}`;
  const answer = await fetch(entry.url, {
    method: "POST", body: csrf ? `${body}&_csrf=${encodeURIComponent(csrf)}` : body, signal: end(30000),
    headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": entry.mark, ...headers },
  });
  const type = answer.headers.get("Content-Type") ?? "";
  const said = type.includes("json") ? await answer.json().catch(() => null) : null;
  // A page instead of an answer is somebody else's: a sign-in, a hotspot's.
  if (answer.ok) return said ? { state: "done", told: told(said.told), said } : { state: "away" };
  if ([401, 408, 425, 429].includes(answer.status) || answer.status >= 500 || said?.error === "csrf") return { state: "away" };
  // The node has understood it and says no, or something before it does: a person decides.
  return { state: "refused", why: told(said) || `${words.strange} (${answer.status})`, error: said?.error };
}

// What a desk's form made, and nothing else that may lie in the browser's database.
function isWhole(entry) {
  return /^\/do\/\w+$/.test(entry.url) && /^[0-9a-f]{32}$/.test(entry.mark) && /^[\w.+-]+$/.test(entry.ticket) && /^[0-9a-f]+$/.test(entry.seal)
    && Number.isSafeInteger(entry.at) && entry.at > 0 && entry.at < 8e12 && Array.isArray(entry.fields)
    && entry.fields.every((field) => Array.isArray(field) && field.length === 2 && field.every((text) => typeof text === "string"));
}

async function send() {
  try {
    // What bears nobody's ticket is not sent in the name of whoever is signed in: a person looks at it.
    const waiting = (await queue.all()).filter((entry) => !entry.refused && !entry.told && entry.ticket);
    if (waiting.length === 0) return;
    const here = await session();
    isLocked = here.state !== "open";
    if (isLocked) return;
    let sent = 0;
    for (const entry of waiting) {
      if (!isWhole(entry)) {
        await queue.put({ ...entry, refused: words.strange }).catch(() => {});
        continue;
      }
      // This device's clock may be wrong: what counts is how long ago it was.
      const at = new Date(entry.at + here.now - Date.now());
      const outcome = await post(entry, {
        "X-CSRF-Token": here.csrf, "Queue-Ticket": entry.ticket, "Queue-Seal": entry.seal, "Entered-At": at.toISOString(),
      });
      if (outcome.state === "away") break;
      if (outcome.state === "done") { sent += 1; came(entry, outcome.said); }
      // Where the browser cannot write it down, the same is asked and answered again; the others go on.
      if (outcome.state === "refused") await queue.put({ ...entry, refused: outcome.why, error: outcome.error }).catch(() => {});
      else if (outcome.told) await queue.put({ ...entry, told: outcome.told }).catch(() => {});
      else await queue.drop(entry.id).catch(() => {});
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
  return [...new FormData(form, button)].filter(([name]) => name !== "_csrf" && name !== "_mark").map(([name, text]) =>
    [name, name === "day" && text === form.elements.day.defaultValue ? new Date(Date.now() + 9 * 3600e3).toISOString().slice(0, 10) : text]);
}

// About whom or what an entry is.
function about(entry) {
  return entry.fields.filter(([name, text]) => ["familyName", "name", "card", "people", "change", "crowding", "needs", "day", "quantity"].includes(name) && text !== "")
    .map(([, text]) => text).join(" · ");
}

// Refused entries whose form has them back to be mended.
const mended = new WeakMap();

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
  const entry = {
    url: form.getAttribute("action"), fields: fields(form, button), label: form.dataset.label, mark: mark(), at: Date.now(),
    account: words.account, name: words.user,
  };
  try {
    await enter(entry, form, button, isCount);
  } catch (error) {
    say(form, `${words.lost} ${about(entry)}`, "error");
  } finally {
    // Whatever came of it, the form goes on working.
    delete form.dataset.keeping;
  }
});

async function enter(entry, form, button, isCount) {
  const typed = [...form.elements].map((control) => [control, control.value, control.checked]);
  const isSealed = await seal(entry).catch(() => false);
  let id = isSealed ? await queue.add(entry).catch(() => null) : null;
  let why = null;
  if (id === null) {
    // Nothing can be kept here, or not in anybody's name: the node may be there all the same.
    const here = await session().catch(() => null);
    const outcome = here?.account && here.account === entry.account
      ? await post(entry, {}, here.csrf).catch(() => ({ state: "away" })) : { state: "away" };
    if (outcome.state === "away") id = await queue.add(entry).catch(() => null);
    if (outcome.state === "refused") why = outcome.why;
    else if (outcome.state === "away" && id === null) why = words.lost;
    else if (outcome.told) alert(outcome.told);
    if (why) return say(form, `${about(entry)}: ${why}`, "error");
    if (id === null) { came(entry, outcome.said); plan(0); }
  }
  if (button && button.dataset.shows) document.getElementById(button.dataset.shows).textContent = button.textContent;
  if (!isCount) {
    if ("family" in form.dataset) carryOn(form);
    form.reset();
    const first = form.classList.contains("checkin")
      && (form.querySelector("[data-kana=kana]") ?? form.querySelector("input:not([type=hidden]), select, textarea"));
    if (first) first.focus();
    remember();
    if (id !== null) say(form, `${words.kept} ${about(entry)}`, "kept");
  }
  delete form.dataset.keeping;
  const before = mended.get(form);
  mended.delete(form);
  // The same person's again, mended: the refused one is replaced by it.
  if (id !== null && before && before.about === about(entry)) await queue.drop(before.id).catch(() => {});
  await showQueue();
  if (id !== null) {
    // Twice: a delivery that was under way did not know of this one.
    await deliver();
    await deliver();
  }
  const left = (await queue.all().catch(() => [])).find((one) => one.id === id);
  if (left && left.refused && form.isConnected && !isCount) {
    // The node says no. It stays among what is not sent; and where nothing was typed since, it is back to be mended.
    if (![...form.elements].some(isChanged)) {
      for (const [control, value, checked] of typed) { control.value = value; control.checked = checked; }
      mended.set(form, { id, about: about(left) });
    }
    say(form, `${words.held}: ${about(left)}: ${left.refused}`, "error");
  } else if (!left && !isCount) {
    say(form, `${words.done} ${about(entry)}`, "notice");
  }
}

// MARK: A family at the desk: what the members have in common stays, what was typed by an input method is its own reading, and
// who was entered last can be mended.

// What is carried on counts as untouched: it is nobody's half-done entry.
function keep(control) {
  if (control.tagName === "SELECT") for (const option of control.options) option.defaultSelected = option.selected;
  else control.defaultValue = control.value;
}

function carryOn(form) {
  const family = form.elements.familyName;
  const party = form.elements.party;
  const whole = family.value.trim() || form.elements.name.value.trim().split(/\s/)[0];
  if (party && !party.value && whole) {
    party.value = `${whole} ${new Date().toLocaleTimeString("ja", { hour: "2-digit", minute: "2-digit" })}`;
  }
  for (const control of form.querySelectorAll("[data-stays]")) keep(control);
  form.querySelector("[data-next]").hidden = false;
}

document.addEventListener("click", (event) => {
  const next = event.target.closest("[data-next]");
  if (!next) return;
  const form = next.form;
  for (const control of form.querySelectorAll("input[data-stays]")) control.defaultValue = "";
  form.reset();
  next.hidden = true;
  remember();
  form.elements.familyName.focus();
});

// A box that a device is to remember: how it counts is the shelter's habit, and not the clerk's.
function remember() {
  for (const box of document.querySelectorAll("[data-habit]")) {
    try { const kept = localStorage.getItem(box.dataset.habit); if (kept !== null) box.checked = box.defaultChecked = kept === "1"; } catch {}
  }
}

document.addEventListener("change", (event) => {
  const box = event.target.closest("input[data-habit]");
  if (box) try { localStorage.setItem(box.dataset.habit, box.checked ? "1" : "0"); } catch {}
  const asking = event.target.closest("form[data-asked]");
  if (!asking || event.target.name !== "item") return;
  const asked = JSON.parse(asking.dataset.asked)[event.target.value];
  if (asked) say(asking, `${asking.dataset.askedlabel}${asked}`, "warning"); else asking.querySelector(".said")?.remove();
});

const isKana = (text) => /^[ぁ-ゖァ-ヺー・\s　]+$/.test(text);
const katakana = (text) => text.replace(/[ぁ-ゖ]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0x60));
let reading = "";

document.addEventListener("compositionstart", () => { reading = ""; });
document.addEventListener("compositionupdate", (event) => { if (event.data && isKana(event.data)) reading = event.data; });
document.addEventListener("compositionend", (event) => {
  const kana = event.target.dataset?.kana && event.target.form?.elements[event.target.dataset.kana];
  if (!kana || !reading || !event.data || kana.dataset.typed === kana.value && kana.value !== "") return;
  // A name that is typed anew has another reading.
  const begun = event.target.value.trim() === event.data.trim() ? "" : kana.value;
  kana.value = `${begun}${begun && /[\s　]/.test(event.target.value.trim()) && !/\s$/.test(begun) ? " " : ""}${katakana(reading)}`;
  reading = "";
});
document.addEventListener("input", (event) => {
  // Whoever mends the reading by hand knows it.
  if (["kana", "familyKana"].includes(event.target.name) && !event.isComposing) event.target.dataset.typed = event.target.value;
  const kana = event.target.dataset?.kana && event.target.form?.elements[event.target.dataset.kana];
  if (kana && event.target.value === "") kana.value = "";
});

// What came of entries since this page's figures were made, and which: until one is out of the queue, it is in both.
let arrivals = 0;
const arrived = new Set();
const lastEntered = (row) => `entered-${words.account}-${row}`;

function came(entry, said) {
  arrivals += 1;
  arrived.add(entry.mark);
  const given = Object.fromEntries(entry.fields);
  const people = document.getElementById("people");
  if (people?.dataset.counts === given._row) {
    const heads = entry.url === "/do/checkIn" ? 1 : entry.url === "/do/checkInFamily" ? (said?.stays?.length ?? 0) : 0;
    if (Number.isSafeInteger(said?.occupancy) && entry.url === "/do/countHeads") people.dataset.counter = said.occupancy;
    else if (given.counted) people.dataset.counter = Number(people.dataset.counter) + heads;
    people.dataset.register = Number(people.dataset.register) + heads;
  }
  if (entry.url !== "/do/checkIn" || !said?.id) return;
  const line = { mark: entry.mark, row: said.id, name: said.name || said.kana || given.name, birth: said.birth ?? "", doubted: (said.doubles ?? []).length > 0, counted: !!given.counted };
  try {
    const before = JSON.parse(sessionStorage.getItem(lastEntered(given._row)) ?? "[]");
    sessionStorage.setItem(lastEntered(given._row), JSON.stringify([line, ...before].slice(0, 8)));
  } catch {}
}

function showEntered(waiting) {
  const box = document.getElementById("entered");
  if (!box) return;
  const entered = enteredLast(box);
  const mine = waiting.filter((entry) => entry.url === "/do/checkIn" && entry.account === words.account && Object.fromEntries(entry.fields)._row === box.dataset.row);
  box.hidden = entered.length + mine.length === 0;
  const line = (name, note, ...parts) => {
    const item = document.createElement("li");
    item.className = "row";
    const who = Object.assign(document.createElement("strong"), { textContent: name });
    item.append(who, Object.assign(document.createElement("small"), { textContent: note }), ...parts);
    return item;
  };
  box.querySelector("ol").replaceChildren(
    ...mine.reverse().slice(0, 8).map((entry) => line(about(entry), box.dataset.waits, button(box.dataset.cancel, async () => {
      // It may be on its way: then the node has it, and is asked to take it back.
      await delivery;
      const isWaiting = (await queue.all().catch(() => [])).some((one) => one.id === entry.id);
      if (isWaiting) await queue.drop(entry.id).catch(() => {});
      await showQueue();
      const one = isWaiting ? null : enteredLast(box).find((line) => line.mark === entry.mark);
      if (one) await uncheckIn(box, one);
    }))),
    ...entered.map((one) => {
      const change = Object.assign(document.createElement("a"), {
        className: "button quiet", href: `/do/changeStay?_row=${one.row}&_back=/shelters/${box.dataset.row}`, textContent: box.dataset.change,
      });
      // Once mended it is the register's: what this page remembers is not what stands there.
      change.addEventListener("click", () => forgetEntered(box, one));
      const doubt = Object.assign(document.createElement("a"), { className: "mark", href: "/doubles", textContent: box.dataset.doubted });
      return line(one.name, one.birth.replace(/\(.*/, ""), ...(one.doubted ? [doubt] : []), change, button(box.dataset.cancel, () => uncheckIn(box, one)));
    }));
}

function enteredLast(box) {
  try { return JSON.parse(sessionStorage.getItem(lastEntered(box.dataset.row)) ?? "[]"); } catch { return []; }
}

function forgetEntered(box, one) {
  try {
    const rest = enteredLast(box).filter((other) => other.row !== one.row);
    sessionStorage.setItem(lastEntered(box.dataset.row), JSON.stringify(rest));
  } catch {}
}

// Takes an entry back that was a slip: by the node alone, which has it.
async function uncheckIn(box, one) {
  if (!confirm(box.dataset.sure.replace("{}", one.name))) return;
  const form = box.parentElement.querySelector("[data-family]");
  try {
    const here = await session();
    const outcome = await post({ url: "/do/cancelStay", fields: [["_row", one.row]], mark: mark() }, {}, here.csrf);
    if (outcome.state !== "done") throw new Error(outcome.why ?? words.unreached);
    forgetEntered(box, one);
    const people = document.getElementById("people");
    if (one.counted) people.dataset.counter = Number(people.dataset.counter) - 1;
    people.dataset.register = Number(people.dataset.register) - 1;
    arrivals += 1;
    say(form, box.dataset.cancelled.replace("{}", one.name), "notice");
    await showQueue();
    plan(0);
  } catch (error) { say(form, error.message, "error"); }
}

// MARK: A reader of identity cards that types what is on a card, as such readers do: labelled lines, or bare parts between tabs
// or commas. Numbers of a card are none of ours: twelve digits, a My Number's or a licence's, are dropped before anything else.

const labelled = { name: /^(氏名|名前|name)/i, kana: /^(氏名カナ|カナ|かな|フリガナ|ふりがな|kana)/i, birth: /^(生年月日|birth)/i, address: /^(住所|address)/i, sex: /^(性別|sex)/i };

function cardOf(text) {
  const card = {};
  const parts = text.normalize("NFKC").replace(/\d[\d\s-]{10,}\d/g, (number) => number.replace(/\D/g, "").length >= 11 ? "" : number)
    .split(/[\n\t;,]+/).map((part) => part.trim()).filter((part) => part && !/^\d{9,}$/.test(part));
  for (const part of parts) {
    const [, key, value] = part.match(/^([^:=]{1,10})[:=]\s*(.+)$/) ?? [];
    const known = key && Object.keys(labelled).reverse().find((name) => labelled[name].test(key));
    if (known) card[known] ??= value.trim();
    else if (/^(男|女)(性)?$/.test(part)) card.sex ??= part[0];
    else if (/^(19|20)\d{6}$|^\d{4}[-\/.年]\d|^([MTSHR]|明治|大正|昭和|平成|令和)\s*(\d|元)/i.test(part)) card.birth ??= part;
    else if (/[都道府県市区町村]/.test(part) && (/\d/.test(part) || part.length > 8)) card.address ??= part;
    else if (isKana(part)) card.kana ??= part;
    else if (!/\d/.test(part) && part.length <= 30) card.name ??= part;
  }
  return card.name || card.kana ? card : null;
}

// Into the form, to be looked over: nothing is entered that nobody has seen.
function fillIn(form, card) {
  const split = (text) => (text ?? "").trim().split(/\s+/);
  const put = (name, value) => { if (value && form.elements[name]) form.elements[name].value = value; };
  const [family, ...given] = split(card.name);
  const [familyKana, ...givenKana] = split(card.kana && katakana(card.kana));
  if (given.length > 0) put("familyName", family);
  put("name", given.length > 0 ? given.join(" ") : family);
  if (givenKana.length > 0) put("familyKana", familyKana);
  put("kana", givenKana.length > 0 ? givenKana.join(" ") : familyKana);
  put("birth", card.birth);
  put("address", card.address);
  for (const option of form.elements.sex?.options ?? []) if (card.sex && option.value === card.sex) option.selected = true;
  for (const option of form.elements.homeWard?.options ?? []) if (card.address?.includes(option.text) && option.text) option.selected = true;
  form.querySelector(".buttons button").focus();
}

let readLines = [];
let readDone = null;

document.addEventListener("keydown", (event) => {
  const reader = event.target.closest?.("[data-reader] input");
  if (!reader || event.key !== "Enter" || event.isComposing) return;
  // A reader ends each line so: what it types is over when it has been silent for a moment.
  event.preventDefault();
  readLines.push(reader.value);
  reader.value = "";
  clearTimeout(readDone);
  readDone = setTimeout(() => {
    const card = cardOf(readLines.join("\n"));
    readLines = [];
    if (card) fillIn(reader.form, card); else say(reader.form, words.unread, "error");
  }, 400);
});

// MARK: The desk's parts, one at a time where there is a script

function showTab() {
  const tabs = document.querySelector("[data-tabs]");
  if (!tabs) return;
  const parts = [...document.querySelectorAll("[data-tab]")];
  const wanted = parts.find((part) => `#${part.id}` === location.hash) ?? parts[0];
  for (const part of parts) part.hidden = part !== wanted;
  for (const link of tabs.querySelectorAll("a")) {
    if (link.hash === `#${wanted.id}`) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
  }
}

addEventListener("hashchange", showTab);

// Any other form: what was typed stays where it is when the node does not answer, instead of being lost with the page.
const reached = new WeakSet();
const asking = new WeakSet();
// Forms that are about to be sent: the page under them must stay.
let sending = 0;

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post" || "queue" in form.dataset || "upload" in form.dataset || reached.delete(form)) return;
  event.preventDefault();
  if (asking.has(form)) return;
  asking.add(form);
  sending += 1;
  const button = event.submitter;
  try {
    await fetch("/healthz", { cache: "no-store", signal: end(10000) });
    reached.add(form);
    form.requestSubmit(button);
  } catch {
    say(form, words.unreached, "error");
  } finally {
    asking.delete(form);
    sending -= 1;
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
    headers: {
      "Content-Type": "application/octet-stream", "X-CSRF-Token": form.elements._csrf.value, "Idempotency-Key": form.elements._mark.value,
    },
  }).catch(() => null);
  said.textContent = answer ? (await answer.text()) : words.stale;
});

// MARK: Keys, where nobody is typing

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.target.closest("input, select, textarea, dialog")) return;
  const press = { "+": ".plus", ";": ".plus", "-": ".minus" }[event.key];
  const go = { "/": ".find input", n: "[data-family] [name=name]" }[event.key];
  if (press) document.querySelector(press)?.click();
  if (go) {
    const field = document.querySelector(go);
    if (!field) return;
    event.preventDefault();
    field.focus();
  }
  if (event.key === "?" && words.keys) {
    const sheet = document.createElement("dialog");
    sheet.append(Object.assign(document.createElement("h2"), { textContent: words.keyslabel }));
    for (const line of words.keys.split("\n")) sheet.append(Object.assign(document.createElement("p"), { textContent: line }));
    sheet.addEventListener("click", () => sheet.close());
    sheet.addEventListener("close", () => sheet.remove());
    document.body.append(sheet);
    sheet.showModal();
  }
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

// MARK: Lists: in another order by a press at a column's head, and several rows at once

function sortable() {
  for (const head of document.querySelectorAll("table[data-sortable] thead th")) {
    if (head.querySelector("button") || !head.textContent.trim() || head.querySelector(".hidden")) continue;
    const press = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: head.textContent });
    head.replaceChildren(press);
  }
}

// Numbers by what they are, everything else as it is read.
function key(cell) {
  const text = cell?.textContent.trim() ?? "";
  const number = parseFloat(text.replace(/[,%]/g, ""));
  return text === "" || text === "–" ? [2, 0, ""] : Number.isNaN(number) ? [1, 0, text] : [0, number, text];
}

let sorted = null;

function sort(table, index, isDown) {
  const rows = [...table.tBodies[0].rows].map((row) => [key(row.cells[index]), row]);
  const order = isDown ? -1 : 1;
  rows.sort(([a], [b]) => a[0] - b[0] || order * (a[1] - b[1] || a[2].localeCompare(b[2], "ja")));
  table.tBodies[0].append(...rows.map(([, row]) => row));
  for (const [number, head] of [...table.tHead.rows[0].cells].entries()) {
    if (number === index) head.setAttribute("aria-sort", isDown ? "descending" : "ascending"); else head.removeAttribute("aria-sort");
  }
}

document.addEventListener("click", (event) => {
  const head = event.target.closest("table[data-sortable] thead th button")?.parentElement;
  if (head) {
    // Numbers from the most, words from the first.
    const first = head.classList.contains("number") ? "descending" : "ascending";
    const was = head.getAttribute("aria-sort");
    const isDown = was ? was === "ascending" : first === "descending";
    sorted = { path: location.pathname, index: head.cellIndex, isDown };
    sort(head.closest("table"), head.cellIndex, isDown);
  }
  const box = event.target.closest(".tick input");
  if (box) {
    const all = [...document.querySelectorAll(".tick input")];
    const [from, to] = [all.indexOf(lastTicked), all.indexOf(box)];
    if (event.shiftKey && from >= 0) for (const one of all.slice(Math.min(from, to), Math.max(from, to) + 1)) one.checked = box.checked;
    lastTicked = box;
    showTicks();
  }
  const whole = event.target.closest("[data-all] input");
  if (whole) {
    for (const one of document.querySelectorAll(".tick input")) one.checked = whole.checked;
    showTicks();
  }
  const near = event.target.closest("[data-near]");
  if (near) navigator.geolocation.getCurrentPosition(({ coords }) => {
    const place = new URL(near.dataset.near, location.href);
    for (const [name, value] of new FormData(near.form ?? undefined)) if (value && !name.startsWith("_")) place.searchParams.set(name, value);
    place.searchParams.set("near", `${coords.latitude.toFixed(4)},${coords.longitude.toFixed(4)}`);
    location.href = place;
  }, () => { near.hidden = true; }, { timeout: 10000, maximumAge: 60000 });
});

let lastTicked = null;

function showTicks() {
  const count = document.querySelectorAll(".tick input:checked").length;
  for (const shown of document.querySelectorAll("[data-count]")) shown.textContent = count > 0 ? ` (${count})` : "";
}

// MARK: Maps of places: nearer and farther, and pushed about

function zoom(svg, by, at = { x: 0.5, y: 0.5 }) {
  const { x, y, width, height } = svg.viewBox.baseVal;
  svg.dataset.whole ??= width;
  const factor = Math.min(Math.max(by, svg.dataset.whole / 40 / width), svg.dataset.whole / width);
  svg.setAttribute("viewBox", `${x + width * (1 - factor) * at.x} ${y + height * (1 - factor) * at.y} ${width * factor} ${height * factor}`);
  const scale = Math.max(width, height) * factor / 60;
  for (const dot of svg.querySelectorAll(".dot > g")) dot.setAttribute("transform", `scale(${scale})`);
}

document.addEventListener("click", (event) => {
  const press = event.target.closest("[data-by]");
  if (press) zoom(press.closest("[data-dots]").querySelector("svg"), Number(press.dataset.by));
});

document.addEventListener("wheel", (event) => {
  const svg = event.target.closest("[data-dots] svg");
  if (!svg || !event.ctrlKey) return;
  event.preventDefault();
  const box = svg.getBoundingClientRect();
  zoom(svg, event.deltaY < 0 ? 0.8 : 1.25, { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
}, { passive: false });

document.addEventListener("pointerdown", (event) => {
  const svg = event.target.closest("[data-dots] svg");
  if (!svg || event.button !== 0) return;
  const from = { x: event.clientX, y: event.clientY };
  const { x, y, width, height } = svg.viewBox.baseVal;
  let isMoved = false;
  const move = (to) => {
    if (!isMoved && Math.hypot(to.clientX - from.x, to.clientY - from.y) < 6) return;
    isMoved = true;
    const unit = width / svg.getBoundingClientRect().width;
    svg.setAttribute("viewBox", `${x - (to.clientX - from.x) * unit} ${y - (to.clientY - from.y) * unit} ${width} ${height}`);
  };
  const stop = () => {
    removeEventListener("pointermove", move);
    // What was pushed was not meant to be opened.
    if (isMoved) addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true });
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", stop, { once: true });
});

// MARK: A place in a form: pressed on the map, or pasted as two numbers

function showSpot() {
  const [map, form] = [document.querySelector("[data-pick]"), document.querySelector("form.stack")];
  if (!map || !form?.elements.latitude) return;
  const [north, east] = ["latitude", "longitude"].map((name) => Number(form.elements[name].value));
  const mark = map.querySelector("[data-mark]");
  mark.toggleAttribute("hidden", !north || !east);
  const { west, north: top, across, up } = map.dataset;
  mark.setAttribute("transform", `translate(${(east - west) * across} ${(top - north) * up})`);
}

document.addEventListener("click", (event) => {
  const svg = event.target.closest("[data-pick] svg");
  if (!svg || event.defaultPrevented) return;
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const { west, north, across, up } = svg.closest("[data-pick]").dataset;
  const form = document.querySelector("form.stack");
  form.elements.latitude.value = (north - at.y / up).toFixed(5);
  form.elements.longitude.value = (Number(west) + at.x / across).toFixed(5);
  showSpot();
});

document.addEventListener("paste", (event) => {
  if (!["latitude", "longitude"].includes(event.target.name)) return;
  const both = event.clipboardData.getData("text").normalize("NFKC").match(/(\d{2}\.\d+)\D+(\d{3}\.\d+)/);
  if (!both) return;
  event.preventDefault();
  [, event.target.form.elements.latitude.value, event.target.form.elements.longitude.value] = both;
  showSpot();
});

document.addEventListener("dragstart", (event) => { if (event.target.closest?.("[data-dots]")) event.preventDefault(); });

// What only a script can do is shown by it, in a page and in what takes its place.
function wake() {
  for (const printer of document.querySelectorAll("[data-print]")) printer.hidden = false;
  for (const camera of document.querySelectorAll("[data-camera]")) camera.hidden = !canRead;
  for (const hint of document.querySelectorAll("[data-nocamera]")) hint.hidden = canRead;
  for (const label of document.querySelectorAll("[data-file]:not(:has([type=file]))")) {
    const text = label.querySelector("textarea");
    const file = Object.assign(document.createElement("input"), { type: "file" });
    // A list of a spreadsheet is often no UTF-8, and says so nowhere.
    file.addEventListener("change", async () => {
      const bytes = await file.files[0]?.arrayBuffer() ?? new ArrayBuffer(0);
      try { text.value = new TextDecoder("utf-8", { fatal: true }).decode(bytes); }
      catch { text.value = new TextDecoder("shift_jis").decode(bytes); }
    });
    text.setAttribute("aria-label", label.firstChild.textContent.trim());
    file.required = text.required;
    text.required = false;
    text.hidden = true;
    text.before(file);
  }
  for (const part of document.querySelectorAll("[data-zoom], [data-all], [data-reader], [data-pick]")) part.hidden = false;
  showSpot();
  for (const near of document.querySelectorAll("[data-near]")) near.hidden = !navigator.geolocation || !window.isSecureContext;
  remember();
  showTab();
  sortable();
  const table = document.querySelector("table[data-sortable]");
  if (table && sorted?.path === location.pathname) sort(table, sorted.index, sorted.isDown);
}

// Each page has a mark of its own, which nobody sees.
const seenOf = (content) => content.innerHTML.replace(/name="_mark" value="[^"]*"/g, "");
let lastShown = seenOf(document.getElementById("content"));

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
    wake();
    history.replaceState(null, "", url);
  }, 300);
});

// MARK: What is not sent yet

// The node's number, and what was counted here since: as on the node, the higher of counter and register.
function showPeople(all) {
  const people = document.getElementById("people");
  if (!people) return;
  let count = Number(people.dataset.counter);
  let register = Number(people.dataset.register);
  for (const entry of all) {
    const given = Object.fromEntries(entry.fields);
    if (entry.refused || entry.told || arrived.has(entry.mark) || given._row !== people.dataset.counts) continue;
    const heads = entry.url === "/do/checkIn" ? 1 : entry.url === "/do/checkInFamily" ? given.card.split(".").length : 0;
    register += heads;
    if (given.counted) count += heads;
    if (entry.url === "/do/countHeads") count = "people" in given ? Number(given.people) : count + Number(given.change ?? 0);
  }
  people.textContent = Math.max(0, count, register).toLocaleString("en");
}

async function showQueue() {
  const badge = document.getElementById("unsent");
  let all;
  try { all = await queue.all(); } catch { return showPeople([]); }
  showPeople(all);
  showEntered(all);
  const held = all.filter((entry) => entry.refused || entry.told || !entry.ticket).length;
  if (badge) {
    badge.hidden = all.length === 0;
    badge.textContent = `${words.unsent} ${all.length}${held > 0 ? ` · ${words.look} ${held}` : ""}${isLocked ? " · " + words.locked : ""}`;
  }
  const list = document.getElementById("queue");
  if (!list) return;
  document.getElementById("queue-empty").hidden = all.length > 0;
  // What was entered is for whoever works here, and not for a device that somebody has left.
  const here = await person.now();
  const mine = words.account ?? here?.account;
  if (!mine) return list.replaceChildren(Object.assign(document.createElement("li"), { textContent: `${words.unsent} ${all.length} · ${words.locked}` }));
  const refused = all.filter((entry) => entry.refused && entry.ticket);
  const again = refused.length > 1 ? [button(list.dataset.all, async () => {
    for (const entry of refused) { delete entry.refused; await queue.put(entry); }
    deliver();
  })] : [];
  list.replaceChildren(...again, ...all.map((entry) => item(entry, list.dataset, mine)));
}

function item(entry, labels, mine) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date(entry.at).toLocaleString(document.documentElement.lang);
  const text = document.createElement("span");
  const values = entry.fields.filter(([name, text]) => !name.startsWith("_") && !["counted", "homeWard", "purpose", "party"].includes(name) && text !== "").map(([, text]) => text);
  text.textContent = `${entry.label}: ${values.join(" · ")}`;
  item.append(time, text);
  if (!entry.ticket || entry.account !== mine) {
    const whose = document.createElement("strong");
    whose.textContent = ` ${labels.of.replace("{}", entry.name || labels.nobody)} `;
    item.append(whose);
  }
  const discard = button(labels.drop, async () => { if (entry.told || confirm(labels.sure)) { await queue.drop(entry.id); showQueue(); } });
  if (entry.told || entry.refused || !entry.ticket) {
    const why = document.createElement("strong");
    why.className = entry.told ? "" : "short";
    why.textContent = ` ${entry.told || entry.refused || labels.unowned} `;
    item.append(why);
    if (entry.refused && entry.ticket) item.append(button(labels.again, async () => { delete entry.refused; await queue.put(entry); deliver(); }));
    // Whoever looks at it may enter it in their own name. Nothing does so by itself.
    if (!entry.told && (!entry.ticket || ["no-ticket", "account-ended", "forbidden"].includes(entry.error))) {
      item.append(button(labels.claim, async () => {
        if (!confirm(labels.claims)) return;
        const claimed = { ...entry, account: mine, name: words.user };
        for (const name of ["refused", "error", "ticket", "seal"]) delete claimed[name];
        if (await seal(claimed).catch(() => false)) await queue.put(claimed);
        await showQueue();
        deliver();
      }));
    }
    item.append(discard);
  }
  return item;
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

function show(isLive, why) {
  if (!live) return;
  live.textContent = isLive ? words.live : why ?? words.stale;
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
  if (sending > 0) return true;
  const focused = document.activeElement;
  if (focused && focused.closest("form") && focused.tagName !== "BUTTON" || document.querySelector("[data-view]:not([hidden])")) return true;
  return Array.from(document.querySelectorAll("main form[method=post]")).some((form) => Array.from(form.elements).some(isChanged));
}

async function refresh() {
  due = null;
  if ("still" in document.getElementById("content").dataset) return showQueue();
  // Nothing is taken from under somebody's eyes that was just said.
  if (document.querySelector(".notice") && performance.now() < 8000) { plan(8000 - performance.now()); return; }
  const before = arrivals;
  try {
    const answer = await fetch(location.href, { headers: { "X-Renkei-Refresh": "1" }, signal: end(20000) });
    if (answer.redirected) { show(false, words.ended); plan(10000); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const content = page.getElementById("content");
    if (!content) throw new Error("no content");
    // What was delivered meanwhile is not in it: what is on the screen is newer.
    if (before !== arrivals) { plan(0); return; }
    for (const message of content.querySelectorAll(".notice")) message.remove();
    if (isBusy()) {
      // Nothing is taken from under somebody's hands: the figures alone are brought up to date.
      for (const figure of content.querySelectorAll("[data-figure]")) {
        const shown = document.getElementById(figure.id);
        if (shown) { shown.textContent = figure.textContent; Object.assign(shown.dataset, figure.dataset); }
      }
      await showQueue();
      plan(3000);
      return;
    }
    const shown = document.getElementById("content");
    const seen = seenOf(content);
    if (lastShown !== seen) {
      lastShown = seen;
      // Who goes by keyboard stays where they are.
      const reachable = (part) => [...part.querySelectorAll("a, button, input, select, textarea, [tabindex]")];
      const place = reachable(shown).indexOf(document.activeElement);
      const open = new Set([...shown.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent));
      const said = [...shown.querySelectorAll("form > .said")].map((message) => [message, message.parentElement.dataset.label]);
      const carried = [...shown.querySelectorAll("[data-stays]")].map((control) => [control.name, control.value]);
      const isFamily = shown.querySelector("[data-next]")?.hidden === false;
      shown.replaceWith(content);
      for (const [name, value] of carried) {
        const control = content.querySelector(`[data-stays][name="${name}"]`);
        if (control && isFamily) { control.value = value; keep(control); }
      }
      for (const next of content.querySelectorAll("[data-next]")) next.hidden = !isFamily;
      for (const summary of content.querySelectorAll("summary")) summary.parentElement.open = open.has(summary.textContent);
      for (const [message, label] of said) content.querySelector(`form[data-label="${CSS.escape(label)}"]`)?.prepend(message);
      wake();
      if (place >= 0) reachable(content)[place]?.focus({ preventScroll: true });
    }
    await showQueue();
  } catch {
    show(false);
    plan(5000);
  }
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

if (document.getElementById("away")) document.getElementById("away").hidden = location.pathname === "/unsent";

if (!live) {
  // Nobody has signed in: what waits says so; and whoever worked here does so no longer.
  isLocked = true;
  if (location.pathname === "/sign-in") {
    person.forget();
    try { sessionStorage.clear(); } catch {}
  }
  showQueue();
  // The page that is shown without contact gives way to the real one.
  if (document.getElementById("queue")) setInterval(() => session().then((here) => { if (here.state === "open") location.reload(); }, () => {}), 5000);
}

// MARK: What happens at the node. One tab of a browser listens for all of them, since a browser has six connections to a node;
// when it goes, the next takes its place.

function listen() {
  const channel = "BroadcastChannel" in window && navigator.locks ? new BroadcastChannel("renkei-events") : null;
  let state = null;
  let silent = null;
  const heard = (what) => {
    clearTimeout(silent);
    // The node says something every ten seconds: who hears nothing for longer has no contact, whatever the connection looks like.
    silent = setTimeout(() => show(false), 25000);
    if (what === "live" || what === "beat") {
      if (live.classList.contains("stale")) plan(0);
      show(true);
      deliver();
    }
    if (what === "stale") show(false);
    if (what === "rows") plan(1000);
    if (what === "links") plan(300);
  };
  const tell = (what) => {
    if (what === "live" || what === "stale") state = what;
    heard(what);
    channel?.postMessage(what);
  };
  let events = null;
  const open = () => {
    events = new EventSource("/events");
    events.onopen = () => tell("live");
    // A browser tries again by itself, unless the node refused it.
    events.onerror = () => { tell("stale"); if (events?.readyState === EventSource.CLOSED) setTimeout(() => events && open(), 5000); };
    events.addEventListener("beat", () => tell("beat"));
    events.addEventListener("rows", () => tell("rows"));
    events.addEventListener("links", () => tell("links"));
  };
  const close = () => { events?.close(); events = state = null; };
  if (!channel) {
    // Whoever cannot share listens while somebody looks.
    const look = () => document.hidden ? close() : events ?? open();
    document.addEventListener("visibilitychange", look);
    return look();
  }
  channel.onmessage = ({ data }) => data === "ask" ? state && channel.postMessage(state) : heard(data);
  const join = () => {
    const left = new AbortController();
    addEventListener("pagehide", () => { left.abort(); close(); }, { once: true });
    navigator.locks.request("renkei-events", { signal: left.signal }, () => new Promise((resolve) => {
      if (left.signal.aborted) return resolve();
      left.signal.addEventListener("abort", resolve);
      open();
    })).catch(() => {});
    channel.postMessage("ask");
  };
  addEventListener("pageshow", (event) => { if (event.persisted) join(); });
  join();
}

if (live) {
  session().catch(() => {});
  // What waits here is not to go when the device needs room.
  navigator.storage?.persist?.().catch(() => {});
  listen();
  setInterval(() => plan(0), 30000);
  setInterval(deliver, 5000);
  addEventListener("online", deliver);
  showQueue().then(deliver);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js").catch(() => {});
}
