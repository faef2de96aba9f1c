/// What a browser is given beside data: compiled in, so that a node is one file.
enum Assets {
  static let statusPage = """
    <!doctype html>
    <html lang="{{lang}}">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{{title}}</title>
    <link rel="stylesheet" href="/style.css">
    <noscript><meta http-equiv="refresh" content="15"></noscript>
    <script src="/page.js" defer></script>
    </head>
    <body data-live="{{words.live}}" data-stale="{{words.stale}}">
    <header>
    <h1>{{ward}}{{#drill}} <span class="drill">{{words.drill}}</span>{{/drill}}</h1>
    <p id="live" role="status"></p>
    <a href="{{other}}">{{words.other}}</a>
    <form method="post" action="/sign-out" class="out"><button>{{user}} · {{words.signOut}}</button></form>
    </header>
    <main id="content">
    <section aria-labelledby="node">
    <h2 id="node">{{words.node}}</h2>
    <dl class="figures">
    <div><dt>{{words.changeSets}}</dt><dd>{{changeSets}}</dd></div>
    <div><dt>{{words.waiting}}</dt><dd>{{waiting}}</dd></div>
    <div{{#hasConflicts}} class="alert"{{/hasConflicts}}><dt>{{words.conflicts}}</dt><dd>{{conflicts}}</dd></div>
    </dl>
    </section>
    <section aria-labelledby="links">
    <h2 id="links">{{words.links}}</h2>
    {{#hasLinks}}
    <table>
    <thead><tr><th scope="col">{{words.peer}}</th><th scope="col">{{words.state}}</th><th scope="col">{{words.heard}}</th><th scope="col" class="number">{{words.lacks}}</th></tr></thead>
    <tbody>
    {{#links}}
    <tr><th scope="row">{{ward}}</th><td><span class="state {{state}}">{{stateLabel}}</span></td><td>{{heard}}</td><td class="number">{{lacks}}</td></tr>
    {{/links}}
    </tbody>
    </table>
    {{/hasLinks}}
    {{^hasLinks}}<p>{{words.noLinks}}</p>{{/hasLinks}}
    </section>
    <section aria-labelledby="summary">
    <h2 id="summary">{{words.summary}}</h2>
    <table>
    <thead><tr><th scope="col">{{words.ward}}</th><th scope="col" class="number">{{words.shelters}}</th><th scope="col" class="number">{{words.open}}</th><th scope="col" class="number">{{words.people}}</th></tr></thead>
    <tbody>
    {{#totals}}
    <tr><th scope="row">{{ward}}</th><td class="number">{{shelters}}</td><td class="number">{{open}}</td><td class="number">{{people}}</td></tr>
    {{/totals}}
    </tbody>
    </table>
    </section>
    <section aria-labelledby="shelters">
    <h2 id="shelters">{{words.shelters}}</h2>
    <form method="get">
    <input type="hidden" name="lang" value="{{lang}}">
    <label>{{words.ward}} <select name="ward"><option value="">{{words.all}}</option>{{#wards}}<option value="{{code}}"{{#selected}} selected{{/selected}}>{{label}}</option>{{/wards}}</select></label>
    <label>{{words.search}} <input name="q" value="{{q}}"></label>
    <button>{{words.show}}</button>
    </form>
    {{#hasShelters}}
    <div class="wide">
    <table class="shelters">
    <thead><tr><th scope="col">{{words.name}}</th><th scope="col">{{words.status}}</th><th scope="col">{{words.crowding}}</th><th scope="col" class="number">{{words.people}}</th><th scope="col" class="number">{{words.capacity}}</th><th scope="col">{{words.needs}}</th><th scope="col">{{words.ward}}</th><th scope="col">{{words.address}}</th></tr></thead>
    <tbody>
    {{#shelters}}
    <tr><th scope="row">{{name}}{{#conflict}} <span class="badge">{{words.conflictMark}}</span>{{/conflict}}</th><td><span class="state {{statusCode}}">{{status}}</span></td><td>{{crowding}}</td><td class="number">{{people}}</td><td class="number">{{capacity}}</td><td>{{needs}}</td><td>{{ward}}</td><td>{{address}}</td></tr>
    {{/shelters}}
    </tbody>
    </table>
    </div>
    {{#hasNext}}<p><a href="{{next}}">{{words.next}}</a></p>{{/hasNext}}
    {{/hasShelters}}
    {{^hasShelters}}<p>{{words.none}}</p>{{/hasShelters}}
    </section>
    </main>
    </body>
    </html>
    """

  static let style = """
    :root { color-scheme: light dark; --ink: #1a1a1c; --paper: #fff; --line: #b4b4bb; --soft: #f1f1f4; --blue: #0031d8; --green: #197a4b; --red: #c3000b; --amber: #8a5a00; }
    @media (prefers-color-scheme: dark) { :root { --ink: #f1f1f4; --paper: #16161a; --line: #5a5a63; --soft: #26262c; --blue: #9db7ff; --green: #71c598; --red: #ff9690; --amber: #ffc75c; } }
    * { box-sizing: border-box; }
    body { margin: 0; font: 1.125rem/1.6 "Noto Sans CJK JP", "Noto Sans JP", "Hiragino Sans", "BIZ UDPGothic", sans-serif; color: var(--ink); background: var(--paper); }
    header, main { max-width: 78rem; margin: 0 auto; padding: 0 1rem; }
    header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; border-bottom: 2px solid var(--ink); }
    header p { margin: 0 0 0 auto; color: var(--green); }
    header p.stale { color: var(--red); font-weight: bold; }
    h1 { font-size: 1.75rem; margin: .5rem 0; }
    h2 { font-size: 1.25rem; margin: 1.5rem 0 .5rem; }
    a { color: var(--blue); display: inline-block; padding: .5rem 0; }
    .drill { background: var(--amber); color: var(--paper); padding: 0 .5rem; font-size: 1rem; }
    .figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0; }
    .figures div { border: 1px solid var(--line); padding: .25rem 1rem; min-width: 8rem; }
    .figures .alert { border: 3px solid var(--red); }
    dt { font-size: 1rem; } dd { margin: 0; font-size: 1.5rem; font-weight: bold; }
    table { border-collapse: collapse; width: 100%; }
    th, td { text-align: left; padding: .5rem .75rem; border-bottom: 1px solid var(--line); vertical-align: top; }
    thead th { background: var(--soft); white-space: nowrap; }
    tbody th { font-weight: bold; }
    .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
    .wide { overflow-x: auto; }
    .shelters td:nth-child(2), .shelters td:nth-child(3), .shelters td:nth-child(7) { white-space: nowrap; }
    .shelters tbody th { min-width: 10rem; } .shelters td:last-child { min-width: 14rem; }
    .state { font-weight: bold; } .state.open, .state.up, .state.permanent { color: var(--green); }
    .state.down, .state.cut { color: var(--red); }
    .badge { background: var(--red); color: var(--paper); padding: 0 .5rem; font-size: 1rem; white-space: nowrap; }
    form.stack { flex-direction: column; align-items: stretch; max-width: 28rem; } form.stack label { display: flex; flex-direction: column; }
    .error { border: 3px solid var(--red); padding: .5rem 1rem; }
    .out { margin: 0; } .out button { background: none; color: var(--blue); padding: .5rem 0; min-width: 0; }
    form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; margin-bottom: .75rem; }
    input, select, button { font: inherit; padding: .5rem .75rem; min-height: 3rem; border: 1px solid var(--ink); background: var(--paper); color: inherit; }
    button { background: var(--blue); color: var(--paper); border: 0; font-weight: bold; min-width: 6rem; }
    :focus-visible { outline: 4px solid var(--amber); outline-offset: 2px; }
    """

  /// Fetches the page anew when something changed, at most once a second, and keeps what the person is typing.
  static let script = """
    "use strict";
    const live = document.getElementById("live");
    const words = document.body.dataset;
    let due = null;
    async function refresh() {
      due = null;
      const focused = document.activeElement;
      if (focused && focused.closest("form")) { plan(3000); return; }
      try {
        const answer = await fetch(location.href);
        if (!answer.ok) throw new Error(answer.status);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const content = page.getElementById("content");
        if (!content) throw new Error("no content");
        document.getElementById("content").replaceWith(content);
        show(true);
      } catch { show(false); plan(3000); }
    }
    function plan(after) { if (due === null) due = setTimeout(refresh, after); }
    function show(isLive) { live.textContent = isLive ? words.live : words.stale; live.className = isLive ? "" : "stale"; }
    const events = new EventSource("/events");
    events.onopen = () => { show(true); plan(0); };
    events.onerror = () => show(false);
    events.addEventListener("rows", () => plan(1000));
    events.addEventListener("links", () => plan(200));
    setInterval(() => plan(0), 30000);
    """
}
