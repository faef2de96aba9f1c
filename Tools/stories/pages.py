#!/usr/bin/env python3
"""The pages in a real browser, on two real nodes: from an empty node to its first useful screen; a shelter's desk whose node goes
away and comes back; two wards at one record; strings that would be scripts; every page, size, theme and language looked over.

--shots DIR keeps a picture of every page; --axe FILE has axe-core (axe.min.js) look over every page as well. Exit 0 when all held, 1 when not.
"""
import collections
import http.client
import itertools
import json
import os
import subprocess
import time
import urllib.parse

from browser import Browser
from desk import Desk, PASSWORD, rules, send, sign_in
from story import SAMPLE, TOOLS, check, main, until, write_list

SCRIPTS = [
    "<script>window.hacked=1</script>", "\"><img src=x onerror=window.hacked=1>", "'><svg/onload=window.hacked=1>",
    "javascript:window.hacked=1", "</textarea><script>window.hacked=1</script>", "{{{title}}}<b>", "<a href=javascript:window.hacked=1>x",
    "\u202egnp.exe", "<iframe srcdoc='<script>parent.hacked=1</script>'>", "${window.hacked=1}", "</title><script>window.hacked=1</script>",
]


def stranger(node, address, **fields):
    """What somebody at an address says at the counter, and how it is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=10, source_address=(address, 0))
    try:
        connection.request("POST", "/api/v1/counter/reports", json.dumps(fields).encode(), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        check(answer.status != 429 or int(answer.getheader("Retry-After")) == 20, "told to wait, and not for how long")
        return answer.status
    finally:
        connection.close()


# What axe-core finds: rules of WCAG 2.0 to 2.2, A and AA, and its best practices.
AXE = """axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((result) =>
  result.violations.map((found) => `${found.id} (${found.impact}): ${found.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`))"""

# Pages of which /help has a picture.
PICTURES = ("situation", "desk", "people", "orders", "counter", "accounts")


def story(binary, folder, shots, axe):
    steps = iter(range(1, 100))

    def step(text):
        print(f"{next(steps):2}. {text}", flush=True)

    if shots:
        os.makedirs(shots, exist_ok=True)
    shibuya, adachi = nodes = [Desk(binary, folder, ward) for ward in ("13113", "13121")]
    browsers = []
    try:
        # First run: nothing is there.
        shibuya.start([adachi])
        adachi.start([shibuya])
        browser = Browser()
        browsers.append(browser)
        page = browser.page()
        began = time.monotonic()
        page.open(shibuya.url())
        check("管理者がいません" in page.text(), "an empty node does not explain itself")
        page.click("a[href='/setup']")
        page.until("location.pathname === '/setup'")
        for name, value in (("code", shibuya.code), ("name", "山田 花子"), ("login", "hanako"), ("password", PASSWORD)):
            page.fill(f"form.stack [name={name}]", value)
        page.submit("form.stack button")
        check(page.run("document.querySelectorAll('.map .ward').length") == 23, "no map of 23 wards")
        check("はじめに" in page.text("main"), "an empty node does not say what comes first")
        page.submit("form[action='/do/loadSample'] button")
        took = time.monotonic() - began
        shown = page.run("[...document.querySelectorAll('.figures dd:not(.hint)')].map(d => d.innerText)")
        check(shown[:2] == ["3", "688"], f"the sample does not show: {shown}")
        page.open(shibuya.url("/people?name=見本 花子"))
        check("花子" in page.text("#results"), "nobody of the sample is found")
        page.submit("#results a[href^='/person/']")
        check("太郎" in page.text("main"), "the sample's family is not together")
        page.open(shibuya.url("/do/loadSample?_back=/menu"))
        page.click("form.stack button")
        page.until("document.querySelector('main').innerText.includes('すでに入っています')", "the sample is taken twice")
        page.open(shibuya.url("/do/removeSample?_back=/"))
        page.submit("form.stack button")
        check("はじめに" in page.text("main") and shibuya.rows() == 0, "something of the sample stays")
        for path, word in (("/people?name=見本 花子", "見つかりません"), ("/orders?show=all", "ありません"), ("/goods", "在庫の登録がありません")):
            page.open(shibuya.url(path))
            check(word in page.text("main"), f"something of the sample stays at {path}: {page.text('main')[:200]}")
        step(f"an empty node, its code, its first screen with a map of 23 wards, sample data in it after {took:.1f} s; the sample removed without a trace")

        for node in nodes:
            node.command("import", SAMPLE)
            node.account("all", "渋谷 次郎" if node is shibuya else "足立 三郎")
        sign_in(page, shibuya, "all")
        page.open(shibuya.url("/do/tellDisaster?back=/"))
        page.fill("[name=name]", "首都直下地震(訓練)")
        page.run("document.querySelector('[type=datetime-local]').value = new Date(Date.now() + 9*3600e3 - 7200e3).toISOString().slice(0,16)")
        page.submit("form.stack button")
        page.open(shibuya.url())
        check("発災から" in page.text("main"), f"no phase clock: {page.text('main')[:200]}")
        row = shibuya.request("GET", "/api/v1/shelters?ward=13113&limit=1")["shelters"][0]["id"]
        page.open(shibuya.url(f"/shelters/{row}"))
        page.submit("a.button[href*=openShelter]")
        page.fill("[name=toilets]", "6")
        page.submit("form.stack button")
        check(page.run("!!document.querySelector('p.notice')"), "the shelter's opening was not said to be saved")
        page.until("navigator.serviceWorker.getRegistration().then((it) => it?.active != null)", "no service worker")
        for _ in range(3):
            page.click(".plus")
        page.click(".minus")
        until("the count is at the node", lambda: shibuya.shelter(row)["occupancy"] == 2)
        page.fill(".checkin [name=name]", "品川 一家")
        page.run("(b => { b.click(); b.click(); })(document.querySelector('.checkin button'))")
        until("the family is registered", lambda: len(shibuya.request("GET", f"/api/v1/shelters/{row}/stays")["stays"]) == 1)
        page.until("document.querySelector('.said.notice')?.innerText.includes('品川 一家')", "nothing says that the family is in")
        page.fill(".checkin [name=name]", "生年 不明")
        page.fill(".checkin [name=birth]", "いつか")
        page.click(".checkin button")
        page.until("document.querySelector('.said.error')?.innerText.includes('生年月日')", "what is refused is not told at its form")
        check(page.run("document.querySelector('.checkin [name=name]').value") == "生年 不明", "what was typed is not back")
        page.fill(".checkin [name=birth]", "昭和25年4月1日")
        page.click(".checkin button")
        until("both are registered, once", lambda: sorted(s["name"] for s in shibuya.request("GET", f"/api/v1/shelters/{row}/stays")["stays"]) == ["品川 一家", "生年 不明"])
        check(any(s.get("birth") == "1950-04-01" for s in shibuya.request("GET", f"/api/v1/shelters/{row}/stays")["stays"]), "the date is not as it was said")
        page.open(shibuya.url("/session"))
        page.fill("[name=pin]", "482957")
        page.fill("[action='/session/pin'] [name=password]", PASSWORD)
        page.submit("[action='/session/pin'] button")
        page.submit("[action='/session/lock'] button")
        check("暗証番号" in page.text("main"), "a left desk does not ask for the PIN")
        page.fill("form:has([value=all]) [name=pin]", "482957")
        page.submit("form:has([value=all]) button")
        check(page.run("location.pathname") == "/", f"the PIN does not go on: {page.text('main')[:200]}")
        page.open(shibuya.url("/session"))
        browsers.append(Browser())
        other = browsers[-1].page(768, 1024)
        sign_in(other, shibuya, "all")
        page.open(shibuya.url("/session"))
        check(page.run("document.querySelectorAll('form[action=\"/session/end\"]').length") >= 1, "the other device is not listed")
        page.submit("form[action='/session/end'] button")
        check(page.run("!!document.querySelector('p.notice')"), page.run("location.href") + page.text("main")[:800])
        other.open(shibuya.url("/"))
        check(other.run("location.pathname") == "/sign-in", f"a session that was ended goes on: {other.text()[:300]}")
        sign_in(other, shibuya, "all")
        other.open(shibuya.url("/do/registerResident?_back=/people"))
        other.fill("form.stack [name=familyName]", "時間切れ")
        other.fill("form.stack [name=note]", "二行の\n記録")
        page.open(shibuya.url("/session"))
        page.submit("form[action='/session/end'] button")
        other.submit("form.stack button")
        check("サインイン" in other.text("h1"), "a form of nobody is taken")
        other.fill("form.stack [name=login]", "all")
        other.fill("form.stack [name=password]", PASSWORD)
        other.submit("form.stack button")
        check("まだ保存されていません" in other.text() and other.run("document.querySelector('[name=note]').value") == "二行の\n記録",
              f"what was typed is gone: {other.text()[:300]}")
        other.submit("form.stack button")
        check(other.run("!!document.querySelector('p.notice')"), "not saved after signing in again")
        browsers.pop().close()
        step("the desk left and gone on with by PIN; another device seen and signed out; what was typed there outlived it")
        step("a disaster told, a shelter opened, 3 came and 1 went, a family checked in, all by pages")

        # The shelter's Wi-Fi goes. The tablet is restarted. The node restarts too: everybody has to sign in again.
        page.open(shibuya.url(f"/shelters/{row}"))
        page.until("navigator.serviceWorker.controller !== null", "the service worker does not hold the page")
        page.open(shibuya.url(f"/shelters/{row}"))
        profile = browser.profile
        browser.owned = False
        shibuya.stop()
        names = [f"圏外 {number}番" for number in range(1, 6)]
        for name in names[:3]:
            page.fill(".checkin [name=name]", name)
            page.click(".checkin button")
            page.until("document.querySelector('.checkin [name=name]').value === ''")
        page.until("document.getElementById('unsent').textContent.includes('3')", "three entries are not shown as unsent")
        browser.close()
        browsers.remove(browser)
        browser = Browser(profile)
        browser.owned = True
        browsers.append(browser)
        page = browser.page(768, 1024)
        page.open(shibuya.url(f"/shelters/{row}"))
        page.until("document.getElementById('unsent')?.textContent.includes('3')", "the restarted tablet forgot its entries")
        for name in names[3:]:
            page.fill(".checkin [name=name]", name)
            page.click(".checkin button")
            page.until("document.querySelector('.checkin [name=name]').value === ''")
        page.click("[data-tabs] a[href='#report']")
        page.fill("#report [name=people]", "57")
        page.fill("#report [name='ages.高齢者']", "20")
        page.click("#report form .buttons button")
        page.until("document.getElementById('unsent').textContent.includes('6')")
        if shots:
            page.shoot(os.path.join(shots, "offline-768-light-ja.png"))
        shibuya.start([adachi])
        page.until("document.getElementById('unsent').textContent.includes('サインイン')", "nothing says that one has to sign in again")
        page.open(shibuya.url("/sign-in"))
        page.until("document.getElementById('unsent').textContent.includes('6')", "the sign-in page does not say what waits")
        sign_in(page, shibuya, "all")
        def came():
            stays = shibuya.request("GET", f"/api/v1/shelters/{row}/stays")["stays"]
            return [s["name"] for s in sorted(stays, key=lambda s: int(s["id"])) if s["name"].startswith("圏外")]

        until("the entries were delivered", lambda: len(came()) >= len(names))
        page.until("document.getElementById('unsent').hidden", "what was delivered is shown as unsent")
        check(came() == names, f"delivered {came()}")
        reports = shibuya.request("GET", f"/api/v1/shelters/{row}/reports")["reports"]
        check(len(reports) == 1 and reports[0]["people"] == 57, f"the daily report did not come: {reports}")
        mark = {"Idempotency-Key": "0123456789abcdef-once"}
        for _ in range(2):
            with shibuya.open("POST", f"/api/v1/shelters/{row}/stays", json.dumps({"name": "一度だけ"}).encode(), headers=mark) as answer:
                once = json.load(answer)["id"]
        twice = [s for s in shibuya.request("GET", f"/api/v1/shelters/{row}/stays")["stays"] if s["name"] == "一度だけ"]
        check(len(twice) == 1 and twice[0]["id"] == once, "sent again, it was done again")
        step("node away, tablet closed and opened, node back, signed in again: 5 entries and a daily report delivered once and in order")

        # Two wards at one record.
        until("足立 has the shelter", lambda: adachi.shelter(row)["status"] == "開設")
        shibuya.command("links", "cut")
        until("cut", lambda: all(p["state"] != "up" for p in adachi.request("GET", "/api/v1/links")["links"]))
        shibuya.change(row, crowding="空き")
        adachi.change(row, crowding="定員一杯")
        shibuya.command("links", "heal")
        until("the conflict is known", lambda: shibuya.request("GET", "/api/v1/conflicts")["conflicts"])
        page.open(shibuya.url("/shelters"))
        check(page.run("document.querySelectorAll('a.badge').length") == 1, "no badge where a value has a sibling")
        page.open(shibuya.url("/conflicts"))
        text = page.text("main")
        check(all(word in text for word in ("空き", "定員一杯", "渋谷区", "足立区")), f"not both values and who: {text[:300]}")
        check(page.run("[...document.querySelectorAll('select[name=value] option')].map(o => o.value).join()") == ",混雑,不明", "what neither wrote offers what one of them did, or chooses beforehand")
        if shots:
            page.size(1280, 800)
            page.shoot(os.path.join(shots, "conflict-1280-light-ja.png"))
        full = page.run("[...document.querySelectorAll('.sides form')].findIndex(f => f.innerText.includes('定員一杯'))")
        page.submit(f".sides form:nth-child({full + 1}) button")
        until("settled in both wards", lambda: not adachi.request("GET", "/api/v1/conflicts")["conflicts"])
        check(adachi.shelter(row)["crowding"] == "定員一杯", "another value was chosen")
        step("two wards wrote different things: both shown with who, settled by one click, on both nodes")

        # Text that would be script: by a page, by the API, by gossip.
        naughty = list(SCRIPTS)
        blns = os.path.join(TOOLS, "..", "..", "shared", "data", "text", "blns.json")
        if os.path.exists(blns):
            with open(blns, encoding="utf-8") as file:
                naughty += [text for text in json.load(file) if text.strip() and len(text) < 110 and "\0" not in text]
        # More than anybody may look at in an hour.
        naughty += [f"{text}{n}" for n, text in zip(range(520 - len(naughty)), itertools.cycle(SCRIPTS))]
        taken = 0
        for text in naughty:
            for node, path, body in (
                    (shibuya, f"/api/v1/shelters/{row}/stays", {"name": text}), (adachi, "/api/v1/shelters", {"name": text, "ward": "13121", "address": text}),
                    (shibuya, "/api/v1/items", {"name": text[:60], "unit": "個"})):
                try:
                    node.request("POST", path, body)
                    taken += 1
                except OSError:
                    pass
        page.open(shibuya.url(f"/do/askToBeInformed?back=/people"))
        for field in page.run("[...document.querySelectorAll('form.stack [name]:not([type=hidden])')].filter(f => f.tagName !== 'SELECT' && f.type === 'text').map(f => f.name)"):
            page.fill(f"form.stack [name={field}]", SCRIPTS[0])
        page.click("form.stack button")
        until("gossip brought 足立's", lambda: shibuya.digest() == adachi.digest())
        paths = ["/shelters?ward=13121", f"/list/stays?_row={row}", "/list/items", "/goods", "/people?name=%3Cscript%3E", "/conflicts",
                 "/do/addLot?item=%22%3E%3Cscript%3E", "/counter?q=%3Cscript%3Ewindow.hacked%3D1", "/list/inquiriesToAnswer", "/shelters?q=script",
                 "/do/openShelter?back=//evil.example", "/list/lots?item=%27%3E"]
        for path in paths:
            page.open(shibuya.url(path))
            check(page.run("window.hacked === undefined && ![...document.scripts].some(s => !/^\\/app\\.[0-9a-f]+\\.js$/.test(new URL(s.src).pathname))"),
                  f"a script ran at {path}")
            check(not page.run("[...document.querySelectorAll('a, form')].some(e => (u => u.protocol !== 'tel:' && u.origin !== location.origin)(new URL(e.getAttribute('href') || e.getAttribute('action') || '/', location.href)))"),
                  f"a link leads away at {path}")
        step(f"{len(naughty)} strings that would be scripts, {taken} of them taken in: shown as text on {len(paths)} pages, 0 ran")

        # Nobody carries off a register by looking at it: more than 500 people in an hour, and another person has to say yes.
        more = "main .buttons a[href^='/list/stays?'][href*='after=']"

        def register():
            """How many entries the pages of the shelter's register show, one after the other, and the text of the last page."""
            page.open(shibuya.url(f"/list/stays?_row={row}"))
            rows = 0
            while True:
                rows += page.run("document.querySelectorAll('tbody tr').length")
                if not page.run(f'!!document.querySelector("{more}")'):
                    return rows, page.text("main")
                page.submit(more)
        rows, text = register()
        check(rows <= 500 and "500 人まで" in text and "管理者" in text, f"{rows} people were shown in one hour: {text[:200]}")
        shibuya.account("second", "渋谷 花子", ["administrator"])
        browsers.append(Browser())
        second = browsers[-1].page(1280, 900)
        sign_in(second, shibuya, "second")
        account = next(a["id"] for a in shibuya.request("GET", "/api/v1/accounts")["accounts"] if a["login"] == "all")
        send(second, shibuya.url(f"/do/allowLooks?_row={account}&back=/list/accounts"), hours="2")
        browsers.pop().close()
        rows, text = register()
        check(rows > 500, f"{rows} entries of the register were reached: {text[:200]}")
        step(f"500 people and no more can be looked at in an hour, and {rows} when another person has said yes")

        # A resident, without signing in.
        browsers.append(Browser())
        resident = browsers[-1].page(360, 640)
        resident.open(shibuya.url("/counter?say=ja&q=桜町"))
        check("開設" in resident.text("main"), "the open shelter is not found at the counter")
        # In every language, on a phone without scrolling: help is two presses and a place away.
        for say in ("ja", "easy", "en", "zh", "ko", "vi", "ne"):
            resident.open(shibuya.url(f"/counter?say={say}"))
            check(not resident.run(rules()), f"{say}: {resident.run(rules())}")
            seen = "(e => e && e.getBoundingClientRect().bottom <= innerHeight && e.getBoundingClientRect().top >= 0)"
            check(resident.run(f"{seen}(document.querySelector('.doors .danger'))"), f"{say}: the call for help is below the first screen")
            if shots:
                resident.shoot(os.path.join(shots, f"resident-360-{say}.png"))
            resident.submit(".doors .danger")
            check(resident.run(f"{seen}(document.querySelector('form.stack button'))"), f"{say}: the button is below the first screen")
            check(resident.run("document.activeElement.name") == "place", f"{say}: one has to look for where to write")
            check(not resident.run(rules()), f"{say}: {resident.run(rules())}")
            if shots:
                resident.shoot(os.path.join(shots, f"resident-help-360-{say}.png"))
        resident.open(shibuya.url("/counter?say=ja"))
        resident.submit(".doors .danger")
        resident.fill("form.stack [name=place]", "桜町 1-2-3 の 2 階")
        resident.fill("form.stack [name=name]", "窓口 めぐみ")
        resident.submit("form.stack button")
        receipt = resident.text(".notice .code")
        check("受け付けました" in resident.text("main") and len(receipt) == 7 and "めぐみ" not in resident.text("main"), "not taken, or shown to all")
        browsers.pop().close()
        # Another address sends and sends: little of it is taken, nothing of it goes to anybody, and the real call stands there.
        written = lambda: sum(lane["changeSets"] for lane in shibuya.request("GET", "/api/v1/status")["lanes"])
        before = written()
        answers = collections.Counter(stranger(shibuya, "127.0.0.9", state="助けが必要です", name=f"うそ {n}", place="どこか") for n in range(60))
        check(set(answers) == {201, 429} and answers[201] <= 8, f"a flood at the counter is answered {answers}")
        check(written() == before, "what nobody admitted went into a log")
        page.open(shibuya.url("/list/counterReports"))
        text = page.text("main")
        check("窓口 めぐみ" in text and receipt in text and text.count("うそ") == 3 and "127.0.0.9" in text, f"staff do not see who asks for help, or all of a flood: {text[:300]}")
        for _ in range(2):
            page.open(shibuya.url("/list/counterReports?from=127.0.0.9"))
            if "うそ" not in page.text("main"):
                break
            page.submit("a[href*=dismissCounterReport]")
            page.run("document.querySelector('form.stack [name=andOlder]').checked = true")
            page.submit("form.stack button")
        page.open(shibuya.url("/list/counterReports"))
        check("窓口 めぐみ" in page.text("main") and "うそ" not in page.text("main"), "a flood is not dismissed, or a call with it")
        page.open(shibuya.url("/"))
        check(page.text(".figures .alert dd") == "1", "a call for help is not announced on the first page")
        page.open(shibuya.url("/list/counterReports"))
        page.submit("a[href*=admitCounterReport]")
        page.fill("[name=note]", "消防団が救出")
        page.submit("form.stack button")
        check("窓口 めぐみ" not in page.text("main"), "what was dealt with stands there still")
        page.open(shibuya.url("/do/tellNotice?back=/counter"))
        page.fill("[name=title]", "給水を始めました")
        page.fill("[name=body]", "見本桜町スポーツセンターで配っています。")
        page.submit("form.stack button")
        check("給水を始めました" in page.text("main"), "the notice is not at the counter")
        step(f"a resident finds an open shelter and asks for help; {sum(answers.values())} reports of another address hide nothing; staff deal with it; a notice is told")

        # The headquarters' wall: nobody signs in there; its key only reads, and is no key for anything else.
        until_ms = int(time.time() * 1000) + 86_400_000
        keys = [shibuya.request("POST", "/api/v1/tokens", {"name": "壁", "roles": ["閲覧"], "readOnly": only, "until": until_ms})["token"] for only in (True, False)]
        browsers.append(Browser())
        wall = browsers[-1].page(1920, 1080)
        wall.open(shibuya.url("/board"))
        wall.fill("form.stack [name=key]", keys[1])
        wall.submit("form.stack button")
        check("閲覧のみ" in wall.text("main"), "a key that writes is taken for a display")
        wall.fill("form.stack [name=key]", keys[0])
        wall.submit("form.stack button")
        for view in ("", "?view=map"):
            wall.open(shibuya.url(f"/board{view}"))
            check("首都直下地震" in wall.text("main") and not wall.run(rules()), f"the board: {wall.run(rules())} {wall.text('main')[:200]}")
            fits = wall.run("[document.documentElement.scrollHeight, Math.min(...[...document.querySelectorAll('main *')].filter(e => !e.closest('svg') && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => parseFloat(getComputedStyle(e).fontSize)))]")
            check(fits[0] <= 1080 and fits[1] >= 24, f"the board{view} does not fit the wall, or is not read from five metres: {fits}")
            # It goes on by a header, which the browser keeps to itself, and stands still for whoever reads slowly.
            wall.until(f"location.search === '{'' if view else '?view=map'}'", "it does not go on by itself", 30)
            check(wall.run("document.scripts.length") == 0, "the board has a script")
            wall.open(shibuya.url(f"/board?{view[1:]}{'&' if view else ''}hold=1"))
            check(wall.run("fetch(location.href).then(answer => answer.headers.get('Refresh'))") is None, "a board that is held goes on")
            wall.open(shibuya.url(f"/board{view}"))
            if shots:
                wall.shoot(os.path.join(shots, f"board{'-map' if view else ''}-1920.png"))
        wall.open(shibuya.url("/shelters"))
        check(wall.run("location.pathname") == "/sign-in", "the display's key opens more than the board")
        browsers.pop().close()
        step("the headquarters' wall by a key that only reads: whole at 1920 by 1080, nothing smaller than 24 px, in turn with the map")

        # Looking for somebody is written down: not with every letter.
        page.open(shibuya.url("/people"))
        before = written()
        for typed in ("窓", "窓口", "窓口 め"):
            page.fill("form.filter [name=name]", typed)
            time.sleep(0.5)
        check(written() == before, "a look is noted with every letter")
        page.fill("form.filter [name=name]", "品川 一家")
        page.key("Enter")
        page.until("document.querySelector('#results')?.innerText.includes('品川 一家')", "nobody is found by Enter")
        check(written() > before, "a look is not noted")
        step("looking for somebody: nothing is asked before Enter")

        # The ward's own items, its checklist, a newcomer, who saw what.
        page.open(shibuya.url("/builder?collection=shelters"))
        for name, value in (("labelJa", "プールの水"), ("labelEn", "Water in the pool"), ("choices", "満水\n半分\nなし")):
            page.fill(f"form.stack [name={name}]", value)
        page.run("document.querySelector('form.stack [name=kind]').value = '選択'; document.querySelector('form.stack [name=phase]').value = '発災当日'")
        page.submit("form.stack button")
        check("プールの水" in page.text(".mapped section"), "the new item is not previewed")
        for name, value in (("labelJa", "井戸"), ("labelEn", "A well")):
            page.fill(f"form.stack [name={name}]", value)
        page.select("form.stack [name=kind]", "はい・いいえ")
        page.submit("form.stack button")
        page.open(shibuya.url(f"/own/shelters/{row}"))
        page.select("form.stack select", "半分")
        page.select("form.stack .control:nth-of-type(2) select", "いいえ")
        page.submit("form.stack button")
        check(page.run("!!document.querySelector('p.notice')") and page.run("[...document.querySelectorAll('form.stack select')].map(s => s.value).join()") == "半分,いいえ",
              f"own items are not shown as entered: {page.text('main')[:200]}")
        check(page.run("[...document.querySelector('form.stack select').options].map(o => o.value).join()") == ",満水,半分,なし", "the choices are in another order than they were entered")
        until("足立 has the value", lambda: "半分" in json.dumps(adachi.request("GET", f"/api/v1/own-values?collection=shelters&row={row}"), ensure_ascii=False))
        page.open(shibuya.url("/checklist"))
        check("プールの水" in page.text("main"), "the own item is not at its phase")
        before = page.text(".facts")
        page.submit(".tasks button")
        check(page.text(".facts") != before and "渋谷 次郎" in page.text(".tasks"), "a task is not ticked with who did it")
        task = page.text(".tasks li span").split(" ")[0]
        page.submit(".tasks a.button")
        check(task[:12] in page.text(".subject") and page.run("document.querySelector('[name=state]').value") == "完了", "a task's form does not say which, and how it stands")
        machine = os.path.join(folder, "newcomer")
        asked = os.path.join(folder, "newcomer.request")
        subprocess.run([binary, "enrol", "request", "--data", machine, asked], check=True, capture_output=True)
        page.open(shibuya.url("/nodes"))
        authority = os.path.join(folder, "federation", "authority-13113.json")
        for name, path in (("request", asked), ("card", authority)):
            page.choose(f"form.stack .control:has([name={name}]) [type=file]", path)
            page.until(f"document.querySelector('form.stack [name={name}]').value.length > 50", f"the file of the {name} is not read")
        page.submit("form.stack button")
        made = page.run("Promise.all([...document.querySelectorAll('a[download]')].map(a => fetch(a.href).then(r => r.text())))")
        check(len(made) == 2, f"not both cards: {page.text('main')[:300]}")
        for name, content in (("newcomer.card", made[0]), ("authority.json", made[1])):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(content)
        took_in = subprocess.run([binary, "enrol", "accept", "--data", machine, os.path.join(folder, "newcomer.card")], capture_output=True, text=True)
        check(took_in.returncode == 0, took_in.stderr)
        with open(authority, encoding="utf-8") as file:
            check(json.loads(made[1])["nextSerial"] > json.load(file)["nextSerial"], "the authority's count did not go on")
        page.open(shibuya.url("/list/audit?user=渋谷&action=checkIn"))
        check("受付する" in page.text("main") and "渋谷 次郎" in page.text("main"), f"the trail does not tell: {page.text('main')[:300]}")
        step("an item of the ward's own built, filled in and seen in 足立; a task ticked; a newcomer enrolled from the page; the audit trail searched")

        # Ten thousand rows.
        write_list(os.path.join(folder, "many.csv"), 10_000, "多数")
        koto = Desk(binary, folder, "13108")
        nodes.append(koto)
        koto.command("import", os.path.join(folder, "many.csv"))
        koto.account("all", "江東 四郎")
        adachi.command("bundle", "export", os.path.join(folder, "naughty.bundle"))
        koto.command("bundle", "import", os.path.join(folder, "naughty.bundle"))
        koto.start()
        # Cookies know no ports: another node on this machine needs a browser of its own.
        browsers.append(Browser())
        wide = browsers[-1].page()
        sign_in(wide, koto, "all")
        wide.open(koto.url("/shelters?ward=13121"))
        check(wide.run("document.querySelectorAll('tbody tr').length") >= len(SCRIPTS) - 2 and wide.run("window.hacked === undefined"),
              "a script ran that a card brought")
        wide.open(koto.url("/shelters?ward=13108"))
        seen = set()
        for _ in range(30):
            seen |= set(wide.run("[...document.querySelectorAll('tbody th a:first-child')].map(a => a.getAttribute('href'))"))
            if not wide.run("!!document.querySelector('main .buttons a[href*=after]')"):
                break
            wide.submit("main .buttons a[href*=after]")
        check(len(seen) == 10_000, f"{len(seen)} of 10,000 rows were reached")
        browsers.pop().close()
        step("a list of 10,000 shelters, page by page: each was reached; what a card brought of 足立's strings ran nowhere")
        times = {}
        for _ in range(60):
            for path in ("/shelters?ward=13108", "/healthz"):
                began = time.perf_counter()
                with koto.open("GET", path, headers={"Accept": "text/html"}) as answer:
                    size = len(answer.read())
                times.setdefault(path, []).append(time.perf_counter() - began)
        whole, bare = (sorted(times[path])[30] * 1000 for path in times)
        step(f"a page of 500 shelters: {whole:.1f} ms (median), a bare route of the same server {bare:.1f} ms, × {whole / bare:.1f}")

        # Every page, at every size, in both languages, light and dark.
        pages = {
            "situation": "/", "heard": "/?figure=heard", "shelters": "/shelters", "desk": f"/shelters/{row}", "people": "/people?name=品川",
            "goods": "/goods", "conflicts": "/conflicts", "network": "/network", "menu": "/menu", "accounts": "/list/accounts",
            "account": "/do/addAccount", "checklist": "/checklist", "orders": "/orders?show=all", "scan": "/scan", "builder": "/builder?collection=shelters", "ownvalues": f"/own/shelters/{row}", "nodes": "/nodes", "audit": "/list/audit", "doubles": "/doubles", "history": f"/history/shelters/{row}/crowding", "report": f"/do/reportShelter?_row={row}", "register": f"/list/stays?_row={row}",
            "plan": "/plan", "session": "/session", "import": "/import", "unsent": "/unsent", "counter": "/counter?q=渋谷", "signin": "/sign-in", "picture": f"/list/shelterPicture?_row={row}", "help": "/help/reception", "resident": "/counter?state=help", "declare": "/do/declare", "begin": "/begin", "paper": f"/paper/register/{row}", "paperreport": f"/paper/report/{row}", "find": "/find?q=桜町", "trust": "/trust", "board": "/board", "person": "/people", "own": "/do/addOwnField", "lots": "/list/lots", "missing": "/shelters/1",
        }
        check_page, findings, looked = rules(), [], 0
        page.open("data:text/html,<title></title><main><p style='color:%23999'>grey</p></main><input><table></table><h3>x</h3>")
        planted = page.run(check_page)
        for rule in ("1.3.1", "1.4.3", "2.4.2", "3.1.1", "3.3.2"):
            check(any(rule in finding for finding in planted), f"the rules do not see what is planted: {rule}, {planted}")
        program = ""
        if axe:
            with open(axe, encoding="utf-8") as file:
                program = file.read()
            page.run(program + ";1")
            planted = page.run(AXE, 300)
            for rule in ("color-contrast", "label", "html-has-lang", "document-title"):
                check(any(finding.startswith(rule) for finding in planted), f"axe does not see what is planted: {rule}, {planted}")
        page.problems()
        for name, path in pages.items():
            for language in ("ja", "en"):
                page.open(shibuya.url(path + ("&" if "?" in path else "?") + f"lang={language}"))
                if program:
                    page.run(program + ";1")
                for width, height in ((1280, 800), (768, 1024), (360, 640)):
                    for dark in (False, True):
                        page.size(width, height, dark)
                        check(path == "/sign-in" or not page.run("!!document.querySelector('form[action=\"/sign-in\"]')"), f"{name}: signed out")
                        found = page.run(check_page) + (page.run(AXE, 300) if program else [])
                        findings += [f"{name} {language} {width} {'dark' if dark else 'light'}: {f}" for f in found]
                        looked += 1
                        if shots:
                            page.shoot(os.path.join(shots, f"{name}-{width}-{'dark' if dark else 'light'}-{language}.png"), whole=False)
                            # What Sources/Shell/Site/Assets holds for /help.
                            if (width, dark, language) == (1280, False, "ja") and name in PICTURES:
                                page.shoot(os.path.join(shots, f"help_{name}.webp"), scale=0.5)
                # Text twice as large (1.4.4), at a width that a desk has.
                page.size(1280, 800)
                page.run("document.documentElement.style.fontSize = '200%'; 1")
                findings += [f"{name} {language} 200 %: {f}" for f in page.run(check_page) if "1.4.10" in f]
        problems = [p for p in page.problems() if "404" not in p and "fontSize" not in p and "inline style" not in p]
        check(not problems, f"the browser complained: {problems[:5]}")
        check(not findings, f"{len(findings)} findings:\n  " + "\n  ".join(sorted(set(findings))[:40]))
        step(f"{len(pages)} pages looked over {looked} times (3 sizes, 2 themes, 2 languages; text at 200 %{'; axe-core too' if program else ''}): 0 findings")

        # By keyboard alone: from the first screen to a checked-in family.
        page.open(shibuya.url(f"/shelters/{row}?lang=ja"))
        page.size(1280, 800)
        went = []
        for _ in range(80):
            page.key("Tab")
            went.append(page.run("document.activeElement.name || document.activeElement.textContent.trim().slice(0, 9)"))
            if page.run("document.activeElement.name === 'name'"):
                break
        check(page.run("document.activeElement.name === 'name' && getComputedStyle(document.activeElement).outlineStyle !== 'none'"),
              f"the name cannot be reached by Tab, or the focus is not seen: {went}")
        page.write("鍵盤 太郎")
        page.key("Enter")
        found = "/api/v1/people?name=" + urllib.parse.quote("鍵盤 太郎")
        until("the keyboard's family is registered", lambda: "鍵盤 太郎" in json.dumps(shibuya.request("GET", found), ensure_ascii=False))
        step("a family checked in by keyboard alone")

        # Without script everything goes by plain forms.
        page.call("Emulation.setScriptExecutionDisabled", {"value": True})
        page.open(shibuya.url(f"/shelters/{row}"))
        # Where more are in the register than were counted, the figure is the register's: what was counted stands beside it.
        counted = lambda: shibuya.request("GET", f"/api/v1/shelters/{row}")["occupancy"]
        before = counted()
        page.submit(".plus")
        check(counted() == before + 1 and page.run("!!document.querySelector('p.notice')"), "no count without script")
        check(int(page.text("#people")) >= before + 1 and (int(page.text("#people")) == before + 1 or f"数えた人数 {before + 1}" in page.text("#count")),
              f"the desk shows neither figure: {page.text('#people')} {page.text('#count')}")
        page.fill(".checkin [name=name]", "台本 無子")
        page.submit(".checkin button")
        page.open(shibuya.url("/people"))
        page.fill("form.filter [name=name]", "台本")
        page.submit("form.filter button")
        check("無子" in page.text("#results"), "nobody is found without script")
        page.open(shibuya.url("/scan"))
        check(not page.run("document.querySelector('[data-camera]').offsetParent"), "what only a script can do is offered without one")
        page.call("Emulation.setScriptExecutionDisabled", {"value": False})
        step("without script: counted, checked in, found")

        # Weight: nothing from elsewhere, little in all.
        page.call("Network.clearBrowserCache")
        browser.events.clear()
        page.open(shibuya.url("/"))
        page.until("performance.getEntriesByType('resource').length >= 2")
        loads = page.run("performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource')).map(e => [e.name, e.transferSize])")
        weight = sum(size for _, size in loads)
        check(all(name.startswith(shibuya.url("/")[:-1]) for name, _ in loads), f"a request left the origin: {loads}")
        check(weight < 60_000, f"the first page weighs {weight} bytes: {loads}")
        page.call("Emulation.setCPUThrottlingRate", {"rate": 4})
        ready = {}
        for name, path in (("first page", "/"), ("desk", f"/shelters/{row}"), ("500 shelters", "/shelters")):
            times = []
            for _ in range(9):
                page.open(shibuya.url(path))
                page.until("performance.getEntriesByName('ready').length > 0")
                # Interactive: the script is there, and no task of 50 ms or longer is under way (as Lighthouse has it).
                times.append(page.run("""new Promise(done => { const tasks = []; new PerformanceObserver(list => tasks.push(...list.getEntries()))
                    .observe({type: 'longtask', buffered: true}); setTimeout(() => done(Math.max(performance.getEntriesByName('ready')[0].startTime,
                    ...tasks.map(t => t.startTime + t.duration))), 300); })"""))
            ready[name] = sorted(times)[4]
        page.call("Emulation.setCPUThrottlingRate", {"rate": 1})
        step(f"the first page: {weight / 1000:.1f} kB in {len(loads)} requests, all of this node; interactive with a CPU four times slower after "
             + ", ".join(f"{took:.0f} ms ({name})" for name, took in ready.items()))
    finally:
        for browser in browsers:
            browser.close()
        for node in nodes:
            node.stop()


if __name__ == "__main__":
    main(__doc__, story, shots="", axe="")
