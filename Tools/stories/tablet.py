#!/usr/bin/env python3
"""A shelter's tablet in a real browser, when things go wrong: what the node refuses, storage that is full or not there, a
line that is slow or gone, another person at it, many tabs. Nothing that was entered is lost, done twice, or done in the name of
somebody else.

Exit 0 when all held, 1 when not.
"""
import json
import time

from browser import Browser
from desk import Desk, sign_in
from story import check, main, until

BROKEN = {
    "no database in the browser": "IDBFactory.prototype.open = () => { throw new Error('a policy'); };",
    "a database that opens never": "IDBFactory.prototype.open = () => ({});",
    "a disk that is full": "IDBObjectStore.prototype.add = IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };",
}


def story(binary, folder):
    steps = iter(range(1, 100))

    def step(text):
        print(f"{next(steps):2}. {text}", flush=True)

    node = Desk(binary, folder, "13113")
    browsers = []

    def fresh(login):
        browsers.append(Browser())
        page = browsers[-1].page(768, 1024)
        sign_in(page, node, login)
        return page

    def stays():
        return {stay["name"]: stay for stay in node.request("GET", f"/api/v1/shelters/{row}/stays")["stays"]}

    def slow(page, milliseconds, off=False):
        page.call("Network.setBypassServiceWorker", {"bypass": True})
        page.call("Network.emulateNetworkConditions", {"offline": off, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1})

    def queue(page):
        return page.run("queue.all()")

    def unsent(page):
        page.open(node.url("/unsent"))
        page.run("window.confirm = () => true; 1")
        page.until("document.getElementById('queue').children.length > 0 || !document.getElementById('queue-empty').hidden")
        return page.text("main")

    def check_in(page, name, **values):
        for field, value in {"name": name, **values}.items():
            page.fill(f".checkin [name={field}]", value)
        page.click(".checkin button")

    try:
        node.account("keiko", "受付 敬子", ["shelter"])
        node.account("hanako", "本部 花子", ["administrator", "headquarters", "shelter", "welfare"])
        node.start()
        row = node.request("POST", "/api/v1/shelters", {"name": "見本小学校", "ward": "13113"})["id"]
        node.request("POST", f"/api/v1/shelters/{row}/opening", {})
        desk = node.url(f"/shelters/{row}")

        # What the node refuses, while the next name is being typed.
        page = tablet = fresh("keiko")
        page.open(desk)
        page.until("person.now().then((it) => it?.account === words.account)", "the page does not know who works at it")
        slow(page, 700)
        check_in(page, "先客 太郎", birth="不明です")
        page.until("document.querySelector('.checkin [name=name]').value === ''")
        page.fill(".checkin [name=name]", "次客 花子")
        page.until("queue.all().then((all) => all.some((entry) => entry.refused))", "the refusal is nowhere")
        page.until("document.querySelector('.said.error')?.innerText.includes('先客 太郎')", "what is said does not say about whom")
        check(page.run("document.querySelector('.checkin [name=name]').value") == "次客 花子", "what was being typed is gone")
        check("要確認 1" in page.text("#unsent"), f"nothing is to be looked at: {page.text('#unsent')}")
        slow(page, 0)
        page.click(".checkin button")
        until("the next is in", lambda: "次客 花子" in stays())
        check("先客 太郎" in unsent(page) and "生年月日" in page.text("main"), f"neither who nor why: {page.text('main')}")
        page.click("#queue li button:last-of-type")
        page.until("!document.getElementById('queue-empty').hidden", "it is not discarded")
        step("refused while the next name was typed: kept with whom and why, until a person discarded it")

        # A browser that can keep nothing.
        for number, (what, script) in enumerate(BROKEN.items()):
            page = fresh("keiko")
            page.call("Page.addScriptToEvaluateOnNewDocument", {"source": script})
            page.open(desk)
            name = f"容量 {number}番"
            check_in(page, name)
            until(f"{what}: in all the same", lambda: name in stays(), 30)
            page.until("document.querySelector('.checkin [name=name]').value === ''", f"{what}: the form does not say so")
            people = node.shelter(row)["occupancy"]
            page.click(".plus")
            until(f"{what}: counted all the same", lambda: node.shelter(row)["occupancy"] == people + 1, 30)
            page.until(f"document.getElementById('people').textContent === '{people + 1}'", f"{what}: nor the answer")
            slow(page, 0, off=True)
            check_in(page, "圏外 容量なし")
            page.until("document.querySelector('.said.error')?.innerText.includes('圏外 容量なし')", f"{what}, and no line: nothing is said: {page.text('main')[-3000:]}", 40)
            check(page.run("document.querySelector('.checkin [name=name]').value") == "圏外 容量なし", "what was typed is gone")
            slow(page, 0)
            page.run("document.querySelector('.checkin [name=name]').value = '圏外 " + str(number) + "番'")
            page.click(".checkin button")
            until(f"{what}: the form is not dead", lambda: f"圏外 {number}番" in stays(), 30)
            browsers.pop().close()
        page = fresh("keiko")
        page.open(desk)
        page.call("Storage.overrideQuotaForOrigin", {"origin": node.url(""), "quotaSize": 1})
        check_in(page, "割当 なし")
        until("a quota of nothing: in all the same", lambda: "割当 なし" in stays(), 30)
        browsers.pop().close()
        step(f"{', '.join(BROKEN)}, no quota: sent at once; without a line besides, said aloud, and the form goes on")

        # One press, on any form.
        page = fresh("hanako")
        slow(page, 250)
        page.open(node.url("/do/registerResident?_back=/people"))
        page.fill("form.stack [name=familyName]", "二度")
        page.run("(b => { b.click(); setTimeout(() => b.click(), 120); })(document.querySelector('form.stack button'))")
        page.until("location.pathname.startsWith('/person/')", "not registered")
        check(len(node.request("GET", "/api/v1/residents?name=二度".replace("二度", "%E4%BA%8C%E5%BA%A6"))["residents"]) == 1, "two residents of one double press")
        # A form whose node is away keeps what was typed.
        page.open(node.url("/do/registerResident?_back=/people"))
        page.fill("form.stack [name=familyName]", "長文")
        slow(page, 0, off=True)
        page.click("form.stack button")
        page.until("!!document.querySelector('.said.error')", "nothing says that the node is away")
        check(page.run("document.querySelector('[name=familyName]').value") == "長文", "what was typed went with the page")
        slow(page, 0)
        page.submit("form.stack button")
        check(page.run("!!document.querySelector('p.notice')"), "the form is dead")
        browsers.pop().close()
        step("a double press is one entry; a form whose node is away keeps what was typed, and goes on")

        # What waited is of its own time.
        page = tablet
        page.open(desk)
        page.until("person.now().then((it) => it?.account === words.account)")
        slow(page, 0, off=True)
        before = time.time() * 1000
        check_in(page, "夜中 着")
        page.fill("form.row [name=people]", "12")
        page.click("form.row:has([name=people]) button")
        page.until("queue.all().then((all) => all.length === 2)")
        time.sleep(3)
        node.request("POST", f"/api/v1/shelters/{row}/headcount", {"people": 50})
        node.request("POST", f"/api/v1/shelters/{row}/headcount", {"change": 30})
        slow(page, 0)
        until("the entries came", lambda: "夜中 着" in stays())
        page.until("queue.all().then((all) => all.length === 1 && !!all[0].told)", "nothing tells that a newer count stands")
        check(node.shelter(row)["occupancy"] == 80, f"a count that waited overwrote a newer one: {node.shelter(row)['occupancy']}")
        check(abs(stays()["夜中 着"]["arrivedAt"] - before) < 2500, "arrived when it was delivered")
        check("12" in unsent(page) and "80" not in page.text("#queue") and "50人" in page.text("main"), f"what stands is not told: {page.text('main')}")
        page.click("#queue li button:last-of-type")
        check(any("12人" in note["text"] for note in node.shelter(row)["notes"]), "the count is in no note")
        step("a check-in and a count that waited: arrived when entered; the newer count stands, the older is noted, and it is told")

        # Another person at the same tablet; the node was away, and restarted.
        page.call("Network.setBypassServiceWorker", {"bypass": False})
        page.open(desk)
        page.until("navigator.serviceWorker.controller !== null", "the service worker does not hold the page")
        node.request("PATCH", f"/api/v1/shelters/{row}", {"note": "秘密 花子さんに電話"})
        page.open(desk)
        node.stop()
        check_in(page, "敬子の 一人目")
        page.until("queue.all().then((all) => all.length === 1)")
        # What the page's own console can put in.
        page.run("""queue.add({url: "/api/v1/accounts", fields: [["login", "intruder"], ["name", "x"], ["roles", "administrator"], ["password", "aaaabbbbcccc1"]],
            label: "x", mark: mark(), at: Date.now(), account: "1", name: "本部 花子", ticket: "x", seal: "00"})""")
        page.run("""queue.all().then(([own]) => { const {id, ...rest} = own; return queue.add({...rest, url: "/do/addAccount", mark: mark()}); })""")
        page.run(f"""queue.all().then(([own]) => {{ const {{id, ...rest}} = own; return queue.add({{...rest, mark: mark(), fields: [["_row", "{row}"], ["name", "偽の 名"]]}}); }})""")
        page.run(f"""queue.add({{url: "/do/checkIn", fields: [["_row", "{row}"], ["name", "無名 の人"]], label: "受付", mark: mark(), at: Date.now(), name: "だれか"}})""")
        node.start()
        sign_in(page, node, "hanako")
        until("the entry came", lambda: "敬子の 一人目" in stays())
        check(stays()["敬子の 一人目"]["enteredBy"] == "受付 敬子", f"entered by {stays()['敬子の 一人目']['enteredBy']}")
        trail = json.dumps(node.request("GET", "/api/v1/audit?action=checkIn")["notes"], ensure_ascii=False)
        check("受付 敬子 [送信: 本部 花子" in trail, "the trail does not say who delivered it")
        page.until("queue.all().then((all) => all.filter((entry) => entry.refused).length === 3)", "what is not the desk's is not held")
        check("intruder" not in json.dumps(node.request("GET", "/api/v1/accounts")), "a page's console made an account")
        check(not {"偽の 名", "無名 の人"} & set(stays()), "an entry of nobody's was sent in somebody's name")
        until("whose they are is said", lambda: "受付 敬子さんの未送信" in unsent(page) and "だれかさんの未送信" in page.text("main"))
        page.run("[...document.querySelectorAll('#queue li')].find((item) => item.innerText.includes('無名')).querySelector('button').click()")
        until("a person sent it as their own", lambda: stays().get("無名 の人", {}).get("enteredBy") == "本部 花子")
        step("kept by one, delivered under another: in the first's name; what the console put in was held, and sent by a person's own hand alone")

        # Signed out: nobody's pages; what waits stays.
        page.open(node.url(f"/shelters/{row}"))
        page.open(node.url(f"/shelters/{row}"))
        page.open(node.url("/session"))
        page.submit("form[action='/sign-out'] button")
        page.until("caches.open('renkei-2').then((it) => it.keys()).then((all) => all.every((one) => !one.url.includes('/shelters/')))", "the desk's page is kept")
        node.stop()
        page.open(desk)
        shown = page.text()
        check("秘密" not in shown and "本部" not in shown and "偽の" not in shown, f"a signed-out tablet shows {shown[:300]}")
        check(len(queue(page)) >= 3, "what was not sent went with the session")
        node.start()
        step("signed out, the node away: nothing of what was shown is left, and all that was not sent is")
        browsers.pop().close()

        # Tabs.
        page = fresh("hanako")
        tabs = [page] + [browsers[-1].page(768, 1024) for _ in range(7)]
        for tab in tabs:
            check(not tab.open(desk), "a tab does not load")
        before = node.shelter(row)["occupancy"]
        tabs[0].click(".plus")
        until("a press in the first of eight tabs arrives", lambda: node.shelter(row)["occupancy"] == before + 1, 15)
        for tab in tabs:
            tab.until(f"document.getElementById('people').textContent === '{before + 1}'", "a tab hears of nothing", 15)
            check("自動更新中" in tab.text("#live"), "a tab does not know that it is up to date")
        held = tabs[0].run("navigator.locks.query().then((it) => it.held.filter((one) => one.name === 'renkei-events').length)")
        check(held == 1, f"{held} tabs listen")
        # The one that listens goes; another takes its place.
        tabs[0].open(node.url("/network"))
        tabs.pop(0).close()
        node.request("POST", f"/api/v1/shelters/{row}/headcount", {"change": 5})
        for tab in tabs:
            tab.until(f"document.getElementById('people').textContent === '{before + 6}'", "when the listening tab goes, nobody listens", 20)
        step("eight tabs of one browser: all load, all are up to date, one listens, and the next when it goes")
    finally:
        for browser in browsers:
            browser.close()
        node.stop()


if __name__ == "__main__":
    main(__doc__, story)
