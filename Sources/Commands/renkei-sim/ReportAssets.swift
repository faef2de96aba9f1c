/// The page of a report. Its data takes the place of `/*DATA*/null`.
enum ReportAssets {
  static let page = #"""
    <!doctype html>
    <html lang="ja">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>連携 シミュレーション</title>
    <style>
    :root { color-scheme: light dark; --ink: #1a1a1c; --soft: #626264; --line: #d8d8db; --page: #fff; --card: #f8f8fb;
      --land: #eceef2; --border: #b9bdc6; --good: #197a4b; --late: #c16800; --bad: #ce0000; --off: #8e8e93; --accent: #0031d8;
      --fibre: #0031d8; --leased: #7c3aed; --mobile: #00838f; --satellite: #b06a00; --radio: #ad1457; --wifi: #4b5563; }
    @media (prefers-color-scheme: dark) { :root { --ink: #f1f1f4; --soft: #a9a9b2; --line: #3a3a42; --page: #131318;
      --card: #1d1d24; --land: #26262e; --border: #4a4a56; --good: #51b883; --late: #ffa64d; --bad: #ff7171; --off: #77777f;
      --accent: #7096f8; --fibre: #7096f8; --leased: #b39dff; --mobile: #4dd0e1; --satellite: #ffb74d; --radio: #f48fb1; --wifi: #9ca3af; } }
    * { box-sizing: border-box; }
    body { margin: 0; font: 16px/1.6 "Noto Sans JP", "Noto Sans CJK JP", "Hiragino Sans", sans-serif; color: var(--ink); background: var(--page); }
    header, main { max-width: 1280px; margin: 0 auto; padding: 1rem 1.25rem; }
    header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; padding-bottom: 0; }
    h1 { font-size: 1.6rem; margin: 0; }
    h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
    header .verdict { font-weight: 700; padding: .1rem .75rem; border-radius: 1rem; color: #fff; background: var(--good); }
    header .verdict.bad { background: var(--bad); }
    header button { margin-left: auto; }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .75rem; margin: 1rem 0; padding: 0; }
    .figures div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; }
    .figures dt { color: var(--soft); font-size: .8rem; }
    .figures dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; font-weight: 600; }
    .figures small { font-size: .8rem; font-weight: 400; color: var(--soft); }
    .time { position: sticky; top: 0; z-index: 2; background: var(--page); border-bottom: 1px solid var(--line); padding: .5rem 0; display: flex; gap: .75rem; align-items: center; }
    .time input { flex: 1; min-width: 6rem; height: 2.75rem; accent-color: var(--accent); }
    .time output { font-size: 1.3rem; font-variant-numeric: tabular-nums; min-width: 8.5rem; text-align: right; font-weight: 600; }
    button { font: inherit; min-height: 2.75rem; min-width: 2.75rem; padding: 0 .9rem; border: 1px solid var(--accent); border-radius: .5rem; background: var(--page); color: var(--accent); cursor: pointer; font-weight: 600; }
    button:focus-visible, input:focus-visible, li:focus-visible { outline: 3px solid var(--late); outline-offset: 2px; }
    .cards { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem; margin-top: 1rem; }
    @media (max-width: 860px) { .cards { grid-template-columns: minmax(0, 1fr); } }
    section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .9rem; min-width: 0; }
    svg { display: block; width: 100%; height: auto; }
    .legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; font-size: .85rem; color: var(--soft); margin: .5rem 0 0; }
    .legend span::before { content: ""; display: inline-block; width: .9em; height: .9em; margin-right: .35em; vertical-align: -.1em; border-radius: 50%; background: var(--c); }
    .legend span.l::before { border-radius: 0; height: .25em; vertical-align: .25em; width: 1.4em; }
    .events { list-style: none; margin: 0; padding: 0; height: 41rem; overflow-y: auto; font-size: .88rem; }
    .events li { padding: .2rem .5rem; border-left: 4px solid transparent; cursor: pointer; display: flex; gap: .75rem; }
    .events time { color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; }
    .events li.now { background: var(--land); border-left-color: var(--accent); }
    .events li.broken { color: var(--bad); font-weight: 700; }
    .breaks button { display: block; width: 100%; text-align: left; border-color: var(--bad); color: var(--bad); margin: .25rem 0; }
    .headline { font-weight: 700; margin: .5rem 0 0; } .headline.bad { color: var(--bad); }
    table { border-collapse: collapse; width: 100%; font-size: .88rem; }
    th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid var(--line); }
    td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
    .bar { background: var(--accent); height: .6rem; border-radius: .3rem; min-width: 2px; }
    .note { color: var(--soft); font-size: .85rem; margin: .5rem 0 0; }
    text { fill: var(--ink); font-size: 11px; }
    #map text { paint-order: stroke; stroke: var(--land); stroke-width: 3px; font-size: 12px; font-weight: 600; pointer-events: none; }
    .wide { grid-column: 1 / -1; }
    .axis { stroke: var(--line); } .curve { fill: none; stroke-width: 1.8; }
    </style>
    </head>
    <body>
    <header><h1 id="title"></h1><span id="verdict" class="verdict"></span><button id="lang" type="button">English</button></header>
    <main>
    <dl class="figures" id="figures"></dl>
    <p class="headline" id="headline"></p><div class="breaks" id="breaks"></div>
    <div class="time">
    <button type="button" id="play">▶</button>
    <button type="button" id="back" title="←">‹</button><button type="button" id="next" title="→">›</button>
    <input type="range" id="slider" min="0" value="0" step="1" aria-label="時刻 / time"><output id="clock"></output>
    </div>
    <div class="cards">
    <section><h2 data-t="map"></h2><svg id="map" viewBox="0 0 640 610" role="img"></svg><p class="legend" id="maplegend"></p></section>
    <section><h2 data-t="events"></h2><ol class="events" id="events"></ol><p class="note" id="left"></p></section>
    <section><h2 data-t="up"></h2><svg id="up" viewBox="0 0 640 230"></svg></section>
    <section><h2 data-t="lacks"></h2><svg id="lacks" viewBox="0 0 640 230"></svg><p class="note" data-t="lacksnote"></p></section>
    <section class="wide"><h2 data-t="stale"></h2><svg id="stale" viewBox="0 0 1200 390"></svg><p class="note" data-t="stalenote"></p></section>
    <section class="wide"><h2 data-t="broken"></h2><div id="broken"></div></section>
    </div>
    <section style="margin-top:1rem"><h2 data-t="bytes"></h2><div style="overflow-x:auto"><table id="bytes"></table></div></section>
    <p class="note" id="command"></p>
    </main>
    <script>
    "use strict";
    const D = /*DATA*/null, R = D.result, S = R.samples;
    const T = { ja: { map: "地図", events: "出来事", lacks: "届いていない変更の数", up: "つながっている回線の割合", stale: "各ノードの知識の古さ", broken: "破れた約束",
      bytes: "回線ごとの通信量", ok: "すべて成立", bad: "不成立", nodes: "ノード", edits: "入力", merged: "取り込み", agreed: "復旧から一致まで", copies: "1件あたりの受信",
      speed: "実行速度", times: "倍", crashes: "電源断", bundles: "カード", lost: "失われた通信", none: "なし", fresh: "最新", behind: "遅れている", stale2: "1時間以上遅れ", down: "停止中",
      lacksnote: "どこかで保存されたのに、まだ届いていない変更の数。太線は全ノードの平均、細線は最も遅れたノード。", stalenote: "白いほど新しく、濃いほど古い（目盛は対数）。斜線は停止中。", link: "回線", kind: "種類", sent: "通信量", sets: "変更", rate: "速度",
      more: n => `ほか ${n} 件は省略`, seconds: "秒", again: "同じ実行：", held: n => `保存した入力 ${n} 件は、すべて届くべき所に届きました`, heldBut: (n, v, w) => `保存した入力 ${n} 件のうち ${v} 件は無効：${w}。ほかは、すべて届くべき所に届きました`, broke: n => `${n} 件の約束が破れました`, void: "無効になった入力", kinds: { fibre: "光回線", leased: "専用線", mobile: "携帯回線", satellite: "衛星回線", radio: "無線" } },
     en: { map: "Map", events: "Events", lacks: "Changes that have not arrived", up: "Share of links that are up", stale: "How old each node's knowledge is", broken: "Broken promises",
      bytes: "Bytes per link", ok: "All held", bad: "Did not hold", nodes: "nodes", edits: "edits", merged: "merged", agreed: "from heal to agreement", copies: "copies of each change",
      speed: "speed", times: "times", crashes: "power cuts", bundles: "cards", lost: "frames lost", none: "none", fresh: "up to date", behind: "behind", stale2: "behind by over an hour", down: "down",
      lacksnote: "Saved somewhere, not here yet. Bold: the mean of all nodes; thin: the one that lacks most.", stalenote: "Paler is newer, darker is older, on a log scale. Hatched: down.", link: "link", kind: "kind", sent: "bytes", sets: "change sets", rate: "rate",
      more: n => `${n} more are left out`, seconds: "s", again: "The same run: ", held: n => `${n} change sets were acknowledged, and all came to whom they are for`, heldBut: (n, v, w) => `of ${n} acknowledged change sets ${v} are void: ${w}; all others came to whom they are for`, broke: n => `${n} promises were broken`, void: "void", kinds: {} } };
    let lang = (navigator.language || "ja").startsWith("ja") ? "ja" : "en", at = 0, timer = null;
    const $ = id => document.getElementById(id), NS = "http://www.w3.org/2000/svg";
    const el = (name, attributes, parent, text) => { const e = document.createElementNS(NS, name);
      for (const k in attributes) e.setAttribute(k, attributes[k]); if (text !== undefined) e.textContent = text; if (parent) parent.append(e); return e; };
    const tag = (name, parent, text, cls) => { const e = document.createElement(name); if (text !== undefined) e.textContent = text; if (cls) e.className = cls; if (parent) parent.append(e); return e; };
    const two = n => String(n).padStart(2, "0");
    const clock = s => { const d = Math.floor(s / 86400); return (d ? (lang === "ja" ? d + "日 " : d + "d ") : "") + two(Math.floor(s / 3600) % 24) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(Math.floor(s) % 60); };
    const bytes = n => n > 1e6 ? (n / 1e6).toFixed(1) + " MB" : n > 1e3 ? (n / 1e3).toFixed(1) + " kB" : n + " B";
    const bits = n => n >= 1e9 ? n / 1e9 + " Gbit/s" : n >= 1e6 ? n / 1e6 + " Mbit/s" : n / 1e3 + " kbit/s";
    const css = name => `var(--${name})`;

    // Where each road and node stands at a time: happenings in order, from the last one before.
    function stateAt(t) {
      const up = D.roadUp.slice(), on = D.there.slice();
      for (const h of R.happenings) { if (h.at / 1e6 > t) break;
        if (h.kind === "cut") up[h.place] = false; else if (h.kind === "heal") up[h.place] = true;
        else if (h.kind === "down") on[h.place] = false; else if (h.kind === "up") on[h.place] = true; }
      return { up, on };
    }
    function sampleAt(t) { let i = 0; while (i + 1 < S.length && S[i + 1].at / 1e6 <= t) i++; return S[i]; }

    // Map
    const map = $("map"), roadLines = [], nodeDots = [];
    for (const w of D.wards) for (const ring of w.rings)
      el("path", { d: "M" + ring.map(p => p.join(" ")).join("L") + "Z", fill: css("land"), stroke: css("border"), "stroke-width": .8 }, map);
    const perPair = {};
    D.roadEnds.forEach((ends, i) => { const a = D.nodes[ends[0]], b = D.nodes[ends[1]], key = ends.join(), n = perPair[key] = (perPair[key] || 0) + 1;
      const dx = b.x - a.x, dy = b.y - a.y, len = Math.hypot(dx, dy) || 1, off = (n - 1) * 7 * (n % 2 ? 1 : -1);
      const mx = (a.x + b.x) / 2 - dy / len * off * 2, my = (a.y + b.y) / 2 + dx / len * off * 2;
      roadLines.push(el("path", { d: `M${a.x} ${a.y}Q${mx} ${my} ${b.x} ${b.y}`, fill: "none", stroke: css(R.roads[i].kind), "stroke-width": D.nodes.length > 60 ? .6 : 1.4, opacity: .75 }, map)); });
    D.nodes.forEach((n, i) => { const g = el("g", {}, map); const big = D.nodes.length <= 60;
      const dot = el("circle", { cx: n.x, cy: n.y, r: big ? 7 : 2.5, stroke: css("page"), "stroke-width": big ? 1.5 : .4 }, g);
      el("title", {}, dot, n.name); if (big) el("text", { x: n.x, y: n.y + 19, "text-anchor": "middle" }, g, n.name); nodeDots.push(dot); });
    function color(lack, stale) { return lack < 0 ? css("off") : lack === 0 ? css("good") : stale >= 3600 ? css("bad") : css("late"); }
    function drawMap() { const s = stateAt(at), p = sampleAt(at);
      roadLines.forEach((l, i) => { l.setAttribute("stroke-dasharray", s.up[i] ? "" : "2 5"); l.setAttribute("opacity", s.up[i] ? .8 : .18); });
      nodeDots.forEach((d, i) => d.setAttribute("fill", s.on[i] ? color(Math.max(p.lacks[i] ?? 0, 0), p.staleness[i] ?? 0) : css("off"))); }

    // Curves
    const W = 640, SW = 1200, L = 46, end = D.ends || 1, X = t => L + (W - L - 8) * t / end;
    function axes(svg, h, top, format) { for (let i = 0; i <= 4; i++) { const y = 10 + (h - 40) * i / 4;
        el("line", { x1: L, x2: W - 8, y1: y, y2: y, class: "axis" }, svg); el("text", { x: L - 5, y: y + 4, "text-anchor": "end" }, svg, format(top * (4 - i) / 4)); }
      timeAxis(svg, h); }
    function timeAxis(svg, h) { const step = [60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800].find(s => end / s <= 8) || 345600;
      for (let t = 0; t <= end; t += step) el("text", { x: X(t), y: h - 10, "text-anchor": t === 0 ? "start" : X(t) > W - 24 ? "end" : "middle" }, svg, step >= 86400 ? Math.round(t / 86400) + (lang === "ja" ? "日" : "d") : two(Math.floor(t / 3600)) + ":" + two(Math.floor(t / 60) % 60));
      el("line", { x1: X(D.healsAt), x2: X(D.healsAt), y1: 10, y2: h - 26, stroke: css("good"), "stroke-dasharray": "3 3" }, svg);
      for (const v of R.violations) if (v.at !== undefined) el("line", { x1: X(v.at / 1e6), x2: X(v.at / 1e6), y1: 10, y2: h - 26, stroke: css("bad"), "stroke-width": 1.5 }, svg);
      el("line", { class: "cursor", y1: 6, y2: h - 26, stroke: css("accent"), "stroke-width": 1.5 }, svg); }
    const line = (svg, values, top, h, stroke, width) => el("path", { class: "curve", stroke: css(stroke), "stroke-width": width,
      d: "M" + S.map((s, i) => `${X(s.at / 1e6).toFixed(1)} ${(10 + (h - 40) * (1 - values[i] / top)).toFixed(1)}`).join("L") }, svg);
    const nice = n => { const p = 10 ** Math.floor(Math.log10(Math.max(n, 1))); return Math.ceil(n / p) * p; };
    function drawCurves() {
      for (const id of ["lacks", "stale", "up"]) $(id).replaceChildren();
      const alive = s => s.lacks.filter(n => n >= 0), mean = S.map(s => { const a = alive(s); return a.length ? a.reduce((x, y) => x + y, 0) / a.length : 0; });
      const most = S.map(s => Math.max(0, ...s.lacks)), top = nice(Math.max(4, ...most));
      axes($("lacks"), 230, top, v => Math.round(v)); line($("lacks"), most, top, 230, "late", 1); line($("lacks"), mean, top, 230, "accent", 2.4);
      axes($("up"), 230, 1, v => Math.round(v * 100) + "%"); line($("up"), S.map(s => s.roadsUp / (R.roads.length || 1)), 1, 230, "good", 2.2);
      const svg = $("stale"), rows = D.nodes.length, h = 350 / rows, w = (SW - 96) / S.length;
      const defs = el("defs", {}, svg), hatch = el("pattern", { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, defs);
      el("rect", { width: 2, height: 5, fill: css("off") }, hatch);
      D.nodes.forEach((n, i) => { if (rows <= 30) el("text", { x: 82, y: 8 + h * (i + .5) + 3, "text-anchor": "end", style: `font-size:${Math.min(13, h * .9)}px` }, svg, n.name); });
      // Runs of one shade are one rectangle.
      D.nodes.forEach((_, i) => { let from = 0; const shade = k => S[k].lacks[i] < 0 ? -1 : Math.min(8, Math.round(Math.log10(1 + S[k].staleness[i]) * 1.6));
        for (let k = 1; k <= S.length; k++) if (k === S.length || shade(k) !== shade(from)) { const v = shade(from);
          if (v !== 0) el("rect", { x: 88 + w * from, y: 4 + h * i, width: w * (k - from) + .3, height: Math.max(h - .6, .5), fill: v < 0 ? "url(#hatch)" : css("bad"), opacity: v < 0 ? .6 : .08 + v * .115 }, svg); from = k; } });
      el("rect", { x: 88, y: 4, width: SW - 96, height: 350, fill: "none", stroke: css("line") }, svg);
      for (let k = 0; k <= 8; k++) { const t = end * k / 8; el("text", { x: 88 + (SW - 96) * k / 8, y: 374, "text-anchor": k === 0 ? "start" : k === 8 ? "end" : "middle" }, svg, clock(t).replace(/:\d\d$/, "")); }
      el("line", { class: "cursor", y1: 2, y2: 356, stroke: css("accent"), "stroke-width": 1.5, "data-left": 88 }, svg);
    }
    function drawCursor() { for (const c of document.querySelectorAll(".cursor")) { const left = c.dataset.left; const x = left ? 88 + (SW - 96) * at / end : X(at); c.setAttribute("x1", x); c.setAttribute("x2", x); } }

    // Events
    const list = $("events"), items = D.notes.map((n, i) => { const li = document.createElement("li"); li.tabIndex = i ? -1 : 0; if (n.en.startsWith("✗")) li.className = "broken";
      const t = document.createElement("time"); li.append(t, document.createElement("span")); li.addEventListener("click", () => go(n.at, i)); list.append(li); return li; });
    let shown = -1;
    function markEvent(index) { if (shown >= 0) items[shown].classList.remove("now"); shown = index; if (index < 0) return;
      items[index].classList.add("now"); const top = items[index].offsetTop - list.offsetTop; if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 40) list.scrollTop = top - list.clientHeight / 2; }
    function go(t, index) { at = Math.max(0, Math.min(end, t)); $("slider").value = at; $("clock").textContent = clock(at);
      if (index === undefined) { let low = 0, high = D.notes.length; while (low < high) { const m = low + high >> 1; if (D.notes[m].at <= at) low = m + 1; else high = m; } index = low - 1; }
      markEvent(index); drawMap(); drawCursor(); }
    function step(by) { const index = Math.max(0, Math.min(D.notes.length - 1, shown + by)); if (D.notes[index]) go(D.notes[index].at, index); }
    $("slider").max = end; $("slider").addEventListener("input", e => go(+e.target.value));
    $("back").addEventListener("click", () => step(-1)); $("next").addEventListener("click", () => step(1));
    $("play").addEventListener("click", () => { if (timer) { clearInterval(timer); timer = null; $("play").textContent = "▶"; return; }
      if (at >= end) go(0); $("play").textContent = "❚❚"; timer = setInterval(() => { go(at + end / 400); if (at >= end) $("play").click(); }, 60); });
    document.addEventListener("keydown", e => { if (e.target.tagName === "INPUT") return; if (e.key === "ArrowRight") step(1); else if (e.key === "ArrowLeft") step(-1); else if (e.key === " " && e.target.tagName !== "BUTTON") { e.preventDefault(); $("play").click(); } });

    function words() { const t = T[lang]; document.documentElement.lang = lang; $("lang").textContent = lang === "ja" ? "English" : "日本語";
      document.querySelectorAll("[data-t]").forEach(e => e.textContent = t[e.dataset.t]);
      $("title").textContent = D.name[lang === "ja" ? 0 : 1]; document.title = D.name[lang === "ja" ? 0 : 1] + " – Renkei";
      $("verdict").textContent = R.violations.length ? t.bad : t.ok; $("verdict").className = "verdict" + (R.violations.length ? " bad" : "");
      const f = $("figures"); f.replaceChildren(); const c = R.counts;
      const figure = (name, value, unit) => { const d = tag("div", f); tag("dt", d, name); const v = tag("dd", d, value); if (unit) { v.append(" "); tag("small", v, unit); } };
      figure(t.nodes, D.nodes.length); figure(t.edits, c.writes.toLocaleString()); figure(t.merged, c.merged.toLocaleString());
      figure(t.agreed, R.convergedSeconds === undefined ? "—" : R.convergedSeconds.toFixed(1), t.seconds); figure(t.copies, R.copies.toFixed(3));
      if (c.void) figure(t.void, c.void.toLocaleString()); figure(t.crashes, c.crashes); figure(t.bundles, c.bundles); figure(t.speed, Math.round(R.simulatedSeconds / Math.max(D.wallSeconds, 1)).toLocaleString(), t.times);
      $("left").textContent = D.left ? t.more(D.left) : ""; $("command").textContent = t.again + D.command + " (" + D.version + ")";
      const acknowledged = c.writes, whose = Object.entries(R.voidOf).map(([n, k]) => n + " " + k).join(", ");
      $("headline").textContent = R.violations.length ? t.broke(R.violations.length) : c.void ? t.heldBut(acknowledged, c.void, whose) : t.held(acknowledged); $("headline").className = "headline" + (R.violations.length ? " bad" : "");
      $("breaks").replaceChildren(); for (const v of R.violations.slice(0, 5)) { const b = tag("button", $("breaks"), (v.at === undefined ? "" : clock(v.at / 1e6) + "  ") + v.detail); b.type = "button"; b.addEventListener("click", () => go((v.at ?? 0) / 1e6)); }
      $("maplegend").replaceChildren(); for (const [k, v] of [["good", t.fresh], ["late", t.behind], ["bad", t.stale2], ["off", t.down]]) { const s = tag("span", $("maplegend"), v); s.style.setProperty("--c", css(k)); }
      for (const k of [...new Set(R.roads.map(r => r.kind))]) { const s = tag("span", $("maplegend"), t.kinds[k] || k, "l"); s.style.setProperty("--c", css(k)); }
      const b = $("broken"); b.replaceChildren(); if (!R.violations.length) tag("p", b, t.none); else for (const v of R.violations) tag("p", b, `${v.at === undefined ? "" : clock(v.at / 1e6) + " "}${v.checker}: ${v.detail}`);
      const table = $("bytes"); table.replaceChildren(); const head = tag("tr", tag("thead", table)); [t.link, t.kind, t.rate, t.sets, t.sent, ""].forEach((x, i) => tag("th", head, x, i > 1 && i < 5 ? "n" : ""));
      const body = tag("tbody", table), sorted = R.roads.slice().sort((x, y) => y.bytes - x.bytes), most = sorted.length ? sorted[0].bytes || 1 : 1;
      for (const r of sorted.slice(0, 60)) { const row = tag("tr", body); tag("td", row, r.ends.join(" – ")); tag("td", row, t.kinds[r.kind] || r.kind); tag("td", row, bits(r.bitsPerSecond), "n"); tag("td", row, r.changeSets.toLocaleString(), "n"); tag("td", row, bytes(r.bytes), "n");
        const cell = tag("td", row); cell.style.width = "30%"; const bar = tag("div", cell, undefined, "bar"); bar.style.width = (100 * r.bytes / most) + "%"; bar.style.background = css(r.kind); }
      if (sorted.length > 60) { const row = tag("tr", body); const cell = tag("td", row, t.more(sorted.length - 60)); cell.colSpan = 6; }
      items.forEach((li, i) => { li.firstChild.textContent = clock(D.notes[i].at); li.lastChild.textContent = D.notes[i][lang]; }); drawCurves(); go(at, shown >= 0 ? shown : undefined); }
    $("lang").addEventListener("click", () => { lang = lang === "ja" ? "en" : "ja"; words(); });
    words(); go(R.violations.length && R.violations[0].at !== undefined ? R.violations[0].at / 1e6 : 0);
    </script>
    </body>
    </html>
    """#
}
