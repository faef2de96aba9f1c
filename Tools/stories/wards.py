#!/usr/bin/env python3
"""A disaster told through pages alone: people, IDs, shelters, stock and orders on three nodes with a cut. What the API would
also do is done here with a keyboard, a button and a printed code, in three real browsers.

--shots DIR keeps pictures on the way; --keyboard tells the same by Tab, letters, arrows, Space and Enter. Exit 0 when all held, 1 when not. Needs Chromium and zbarimg (Debian: zbar-tools).
"""
import base64
import os
import subprocess
import time

from browser import Browser, KeyboardPage, Page
from desk import PASSWORD, Desk, rules, send, sign_in
from story import SAMPLE, check, main, until

NAMES = {"13113": "渋谷", "13121": "足立", "13108": "江東"}


def read_code(page, selector, folder, shots=None):
    """What a scanner reads off the page as it would be printed."""
    page.size(1280, 800, print_media=True)
    picture = os.path.join(shots or folder, selector.strip(".") + "-print.png")
    page.shoot(picture)
    page.size(1280, 800)
    read = subprocess.run(["zbarimg", "-q", "--raw", picture], capture_output=True, text=True)
    check(read.returncode == 0, f"a scanner reads nothing off {picture}")
    return read.stdout.strip()


class Wards:
    def __init__(self, binary, folder, shots, keyboard):
        self.kind = KeyboardPage if keyboard else Page
        self.folder, self.shots, self.number, self.rules, self.looked = folder, shots, 0, rules(), 0
        self.nodes = [Desk(binary, folder, ward) for ward in NAMES]
        self.browsers, self.pages = [], []

    def step(self, text):
        self.number += 1
        print(f"{self.number:2}. {text}", flush=True)

    def look(self, page, name):
        """Looks a page over at every size and in both themes, as it is in the middle of the story."""
        findings = []
        for width, height in ((360, 640), (768, 1024), (1280, 800)):
            for dark in (True, False):
                page.size(width, height, dark)
                findings += [f"{name} {width} {'dark' if dark else 'light'}: {finding}" for finding in page.run(self.rules)]
                if self.shots:
                    page.shoot(os.path.join(self.shots, f"wards-{name}-{width}-{'dark' if dark else 'light'}.png"))
        self.looked += 6
        check(not findings, "\n".join(findings[:10]))

    def card(self, node):
        return os.path.join(self.folder, "federation", f"authority-{node.ward}.json")

    def option(self, page, name, text):
        """The value of a choice by what a person reads."""
        value = page.run(f"[...document.querySelector('form.stack [name=\"{name}\"]').options].find(o => o.text.includes('{text}'))?.value ?? ''")
        check(value, f"no choice {text} for {name}")
        return value

    def row(self, page, node, name):
        page.open(node.url(f"/shelters?q={name}&ward={node.ward}"))
        return page.run("document.querySelector('tbody th a').getAttribute('href').split('/').pop()")

    def tell(self):
        a, b, c = self.nodes
        for node in self.nodes:
            node.start([peer for peer in self.nodes if peer is not node])
            node.account("all", f"{NAMES[node.ward]} 職員")
            node.account("tachiai", f"{NAMES[node.ward]} 立会い")
            node.command("import", SAMPLE)
        for node in self.nodes:
            self.browsers.append(Browser())
            self.pages.append(self.browsers[-1].page(kind=self.kind))
            sign_in(self.pages[-1], node, "all")
        self.before()
        self.quake()
        self.apart()
        self.heal()

    def before(self):
        (a, b, c), (pa, pb, pc) = self.nodes, self.pages
        # A family of three gets IDs and a card; one of them had an ID in 足立 before.
        ids = []
        for given, kana, birth in (("一郎", "イチロウ", "1950-04-01"), ("花子", "ハナコ", "1952-08-15"), ("健", "ケン", "1985-01-20")):
            send(pa, a.url("/do/registerResident?_back=/people"), familyName="髙橋", givenName=given, familyKana="タカハシ", givenKana=kana,
                 birth=birth, address="東京都渋谷区桜町1-2-3", household="髙橋-桜町")
        send(pb, b.url("/do/registerResident?_back=/people"), familyName="高橋", givenName="花子", familyKana="タカハシ", givenKana="ハナコ", birth="1952-08-15", address="東京都足立区見本1-1")
        pa.open(a.url("/people?name=髙橋 花子"))
        check("花子" in pa.text("#results"), pa.text("main"))
        pa.submit("#results a[href^='/person/']")
        ids = pa.run("[...document.querySelectorAll('tbody th a')].map(a => decodeURIComponent(a.getAttribute('href').split('/').pop().split('?')[0]))")
        check(len(ids) == 3, f"the family is not together: {pa.text('main')[:300]}")
        self.hanako = next(i for i in ids if i in pa.run("location.pathname"))
        self.look(pa, "family")
        pa.submit("a[href^='/cards/']")
        self.look(pa, "cards")
        self.family = read_code(pa, ".cards", self.folder, self.shots)
        check(self.family.startswith("RENKEI:R:") and all(i in self.family for i in ids) and "花子" not in self.family, f"the card says {self.family}")
        self.step(f"a family registered in 渋谷, its card printed and read by a scanner: {self.family}")

        send(pa, a.url("/do/installCatalogue?_back=/goods"))
        until("all have the items", lambda: len({n.digest() for n in self.nodes}) == 1)
        for page, node, amount, place in ((pa, a, 6000, "渋谷備蓄倉庫"), (pc, c, 900, "江東備蓄倉庫")):
            page.open(node.url("/do/addLot?_back=/goods"))
            send(page, node.url("/do/addLot?_back=/goods"), item=self.option(page, "item", "水"), amount=str(amount), place=place, expires="2031-03-31")
        until("all know the stock", lambda: len({n.digest() for n in self.nodes}) == 1)
        self.step("standard items and stock entered")

    def quake(self):
        for node, page in zip(self.nodes, self.pages):
            page.open(node.url("/network"))
            while page.run("!!document.querySelector('button[name=what][value=cut]')"):
                page.submit("button[name=what][value=cut]")
        until("cut", lambda: all(p["state"] != "up" for n in self.nodes for p in n.request("GET", "/api/v1/links")["links"]))
        for node, page in zip(self.nodes, self.pages):
            local = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 9 * 3600 - 3600))
            until_local = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 9 * 3600 + 5 * 86400))
            send(page, node.url("/do/tellDisaster?_back=/"), name=f"首都直下地震({NAMES[node.ward]})", quakeAt=local)
            page.open(node.url("/do/declare?_back=/"))
            page.tick("[name=purposes][value=安否確認]")
            for name, value in (("title", "首都直下地震"), ("until", until_local), ("reason", "災害対策本部設置"),
                                ("secondLogin", "tachiai"), ("secondPassword", PASSWORD)):
                page.fill(f"form.stack [name={name}]", value)
            page.choose("form.stack [type=file]", self.card(node))
            page.until("document.querySelector('form.stack [name=card]').value.length > 100", "the card's file is not read")
            page.submit("form.stack button")
            check(page.run("!!document.querySelector('p.notice')") and "発災から" in page.text("main"), f"{node.ward}: {page.text('main')[:300]}")
        self.step("every link cut from the pages; each ward tells of the disaster and declares it with its authority's card")

    def apart(self):
        (a, b, c), (pa, pb, pc) = self.nodes, self.pages
        self.shelters = {}
        for node, page in zip(self.nodes, self.pages):
            page.open(node.url(f"/shelters?ward={node.ward}"))
            row = page.run("document.querySelector('tbody th a').getAttribute('href').split('/').pop()")
            self.shelters[node.ward] = row
            page.open(node.url(f"/shelters/{row}"))
            page.submit("a.button[href*=openShelter]")
            page.fill("form.stack [name=area]", "700")
            page.submit("form.stack button")
            check(page.run("!!document.querySelector('p.notice')"), "not opened")

        # A family by its card: typed by the scanner, Enter at its end.
        began = time.monotonic()
        pa.open(a.url(f"/shelters/{self.shelters[a.ward]}"))
        pa.fill("[name=card]", self.family)
        pa.key("Enter")
        until("the family is in", lambda: len(a.request("GET", f"/api/v1/shelters/{self.shelters[a.ward]}/stays")["stays"]) == 3)
        took = time.monotonic() - began
        check({s["name"] for s in a.request("GET", f"/api/v1/shelters/{self.shelters[a.ward]}/stays")["stays"]} == {"髙橋 一郎", "髙橋 花子", "髙橋 健"}, "their names")
        pa.fill("[name=card]", self.family)
        pa.key("Enter")
        pa.until("document.querySelector('.said.error')?.innerText.includes('受付済み')", "a card read twice is not told where it is read")
        check(pa.run("document.querySelector('[name=card]').value") == self.family and "要確認 1" in pa.text("#unsent"), "what was refused is not back in its form, and kept")
        # Hanako is entered in 足立 too: neither knows of the other.
        pb.open(b.url(f"/shelters/{self.shelters[b.ward]}"))
        pb.fill("[name=card]", self.hanako)
        pb.key("Enter")
        until("hanako is in 足立", lambda: len(b.request("GET", f"/api/v1/shelters/{self.shelters[b.ward]}/stays")["stays"]) == 1)
        for _ in range(3):
            pb.click(".plus")
        self.step(f"shelters opened; a family of three checked in by one scan in {took:.1f} s, the same card twice told, not entered; one of them also in 足立")

        # Reports that differ.
        for node, page, status, source in ((a, pa, "重傷", "伝聞"), (b, pb, "無事", "避難所")):
            send(page, node.url(f"/do/reportSafety?resident={self.hanako}&_back=/people"), status=status, source=source)

        # 足立 asks; the request travels by card; both answer.
        pb.open(b.url("/do/requestGoods?_back=/orders"))
        send(pb, b.url(f"/do/requestGoods?shelter={self.shelters[b.ward]}&_back=/orders"), item=self.option(pb, "item", "水"), quantity="800", urgency="緊急",
             neededBy=time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 15 * 3600)))
        check("希望: " in pb.text("main"), "when it is needed is asked and not shown")
        check("承認する" in pb.text("main"), "whose turn it is is not said")
        self.look(pb, "orders")
        pb.submit(".peers h2 a")
        self.order = pb.run("location.pathname.split('/').pop()")
        pb.submit("form[action='/do/decideRequest'] button")
        check(pb.run("!!document.querySelector('p.notice')"), "not approved")
        card = os.path.join(self.folder, "by-courier.bundle")
        data = pb.run("fetch('/network/bundle').then(r => r.arrayBuffer()).then(b => btoa(Array.from(new Uint8Array(b), c => String.fromCharCode(c)).join('')))")
        with open(card, "wb") as file:
            file.write(base64.b64decode(data))
        for page, node in ((pa, a), (pc, c)):
            page.open(node.url("/network"))
            page.choose("input[type=file]", card)
            page.click("form[action='/network/bundle'] button")
            page.until("document.getElementById('upload').textContent.length > 2")
            page.open(node.url("/orders?show=open"))
            check("緊急" in page.text("main") and "足立" in page.text("main"), f"the request did not come by card: {page.text('main')[:200]}")
            page.submit(".peers h2 a")
            self.look(page, "order-" + node.ward)
            page.submit("form[action='/do/allocate'] button:last-of-type")
            check(page.run("!!document.querySelector('p.notice')") and "引当済" in page.text("main"), f"not set aside: {page.text('main')[:300]}")
        pa.submit("a.button[href*=shipAllocation]")
        pa.fill("[name=shipped]", "780")
        pa.fill("[name=carrier]", "見本運輸")
        pa.submit("form.stack button")
        pa.submit("a[href^='/slip/']")
        self.look(pa, "slip")
        self.slip = read_code(pa, ".slip", self.folder, self.shots)
        check(self.slip.startswith("RENKEI:A:"), self.slip)
        self.step("足立 asks for 800 bottles; by card to 渋谷 and 江東, which both set 800 aside; 渋谷 ships 780 with a slip")

        # How full one shelter is, seen differently by two wards.
        pa.open(a.url(f"/shelters/{self.shelters[a.ward]}"))
        pa.click("button[data-shows][value=空き]")
        pa.until("document.getElementById('crowding').textContent === '空き'")
        until("渋谷's desk says so", lambda: a.shelter(self.shelters[a.ward]).get("crowding") == "空き")
        b.change(self.shelters[a.ward], crowding="定員一杯")

    def heal(self):
        (a, b, c), (pa, pb, pc) = self.nodes, self.pages
        for node, page in zip(self.nodes, self.pages):
            page.open(node.url("/network"))
            while page.run("!!document.querySelector('button[name=what][value=heal]')"):
                page.submit("button[name=what][value=heal]")
        until("equal tables", lambda: len({n.digest() for n in self.nodes}) == 1)
        self.step("healed from the pages: equal tables")

        # The double entry, side by side.
        pa.open(a.url("/doubles?purpose=安否確認"))
        text = pa.text("main")
        check("髙橋 花子" in text and text.count("花子") >= 2 and "違い" in text, f"no pair side by side: {text[:300]}")
        self.look(pa, "doubles")
        pa.submit("form[action='/do/settleDouble'] button[value=同一人物]")
        check("ありません" in pa.text("main"), "the pair is not settled")
        pb.open(b.url("/doubles?purpose=安否確認"))
        pb.until("document.querySelector('main').innerText.includes('ありません') || !location.reload()", "not settled at 足立")
        # Her two IDs are linked.
        pa.open(a.url(f"/person/{self.hanako}?purpose=安否確認"))
        text = pa.text("main")
        check("無事" in text and "重傷" in text, f"not both reports: {text[:400]}")
        self.look(pa, "person")
        # That a page is left open is no new look at a person: nothing is asked again, and nothing noted.
        changes = sum(lane["changeSets"] for lane in a.request("GET", "/api/v1/status")["lanes"])
        asked = pa.run("refresh().then(() => performance.getEntriesByType('resource').filter(e => e.name.includes('/person/')).length)")
        check(asked == 0 and changes == sum(lane["changeSets"] for lane in a.request("GET", "/api/v1/status")["lanes"]), "an open page looks again and again")
        pa.select("[name=evidence]", "本人確認書類")
        pa.submit("form[action='/do/linkResidents'] button[value=同一人物]")
        check("13121-" in pa.text("main"), f"the linked ID is not shown: {pa.run('location.href')} {pa.text()[:300]}")
        self.step("the double entry and the two IDs side by side, each settled by one click; the trustworthy report shown, the other beside it")

        # Too much was promised; the goods arrive.
        pc.open(c.url("/orders?show=oversupplied"))
        pc.submit(".peers h2 a")
        pc.submit("a.button[href*=cancelAllocation]")
        pc.fill("[name=reason]", "渋谷区が先に発送")
        pc.submit("form.stack button")
        check("取消" in pc.text("main"), "not called off")
        pb.open(b.url("/scan"))
        pb.until("document.activeElement.name === 'code'", "the scanner's field is not ready")
        pb.write(self.slip)
        pb.run("window.isOld = true")
        pb.key("Enter")
        pb.until("!window.isOld && location.pathname.startsWith('/orders/')", "the slip does not open its delivery")
        pb.submit("a.button[href*=confirmArrival]")
        pb.submit("form.stack button")
        pb.submit("a.button[href*=inspectAllocation]")
        pb.fill("[name=accepted]", "770")
        pb.fill("[name=fault]", "破損 10")
        pb.submit("form.stack button")
        check("検収済" in pb.text("main") and "破損 10" in pb.text("main"), pb.text("main")[:300])
        self.look(pb, "inspected")
        pb.open(b.url(f"/shelters/{self.shelters[b.ward]}#goods"))
        check("770" in pb.text("main"), "the goods are not in the shelter's stock")
        until("江東's stock is whole again", lambda: any(l["amount"] == 900 for l in c.request("GET", "/api/v1/lots?ward=13108")["lots"]))
        self.step("the surplus called off and back in stock; the slip scanned at the shelter, arrival and inspection entered, 770 in its stock")

        # Merge, take back, and who knew what.
        pa.open(a.url("/conflicts"))
        text = pa.text("main")
        check("空き" in text and "定員一杯" in text and "渋谷 職員" in text, f"not both values and who wrote them: {text[:300]}")
        self.look(pa, "conflict")
        shown = a.shelter(self.shelters[a.ward])["crowding"]
        history = pa.run("document.querySelector('a[href^=\"/history/shelters/\"]').getAttribute('href')")
        pa.select("select[name=value]", "混雑")
        pa.submit("form:has(select[name=value]) button")
        check(a.shelter(self.shelters[a.ward])["crowding"] == "混雑", "not merged")
        check("確認が必要な記録はありません" in pa.text("main"), "the conflict stands")
        pa.submit("main form button.quiet")
        check(a.shelter(self.shelters[a.ward])["crowding"] == shown, "not taken back")
        pa.open(a.url(history))
        check("知らずに書かれた" in pa.text("main") and "知っていた値" in pa.text("main"), pa.text("main")[:300])
        self.look(pa, "history")
        merged = pa.run("[...document.querySelectorAll('section.card')].findIndex(s => s.innerText.startsWith('混雑'))")
        pa.submit(f"section.card:nth-of-type({merged + 1}) button")
        check(a.shelter(self.shelters[a.ward])["crowding"] == "混雑", "the merged value is not back")
        self.step("two values merged into a third, taken back, put back from the field's story, which says who had known what")

        self.two_officers()
        until("equal tables", lambda: len({n.digest() for n in self.nodes}) == 1)
        self.step(f"all three nodes hold the same; on the way pages were looked over {self.looked} times, 0 findings")

    def two_officers(self):
        """One shelter, two officers of one ward, each with a browser."""
        a, pa = self.nodes[0], self.pages[0]
        a.account("second", "渋谷 第二")
        self.browsers.append(Browser())
        second = self.browsers[-1].page(768, 1024, self.kind)
        sign_in(second, a, "second")
        row = self.shelters[a.ward]
        pa.open(a.url(f"/shelters/{row}"))
        second.open(a.url(f"/shelters/{row}"))
        pa.fill(".checkin:not(details *) [name=name]", "書きかけ 太郎")
        # The register may be ahead of the counter: what is shown is the higher.
        before = a.shelter(row)
        people = max(before["occupancy"] + 3, before["registered"])
        check(int(second.text("#people")) == before["people"] == max(before["occupancy"], before["registered"]), f"what is shown: {before}")
        for _ in range(3):
            second.click(".plus")
        # What the desk shows as counted is kept; before that, leaving the page would leave the press.
        second.until(f"Number(document.getElementById('people').textContent) === {people}", "three presses are not counted")
        send(second, a.url(f"/do/reportShelter?_row={row}&_back=/shelters/{row}"), people="8")
        check(pa.run("document.querySelector('.checkin [name=name]').value") == "書きかけ 太郎", "what one types is taken by what another enters")
        pa.click(".checkin button")
        until("both are there", lambda: any(s["name"] == "書きかけ 太郎" for s in a.request("GET", f"/api/v1/shelters/{row}/stays")["stays"]))
        pa.run("document.activeElement.blur()")
        pa.until(f"Number(document.getElementById('people').textContent) >= {people}", "the second officer's count does not appear by itself")
        # Both change the same field of the same record, one after the other, without reloading: whoever is later is shown what was
        # entered since, and saves again; that stands, and the earlier is in the story.
        for page, text in ((pa, "一人目"), (second, "二人目")):
            page.open(a.url(f"/do/changeResident?_row={self.hanako}&_back=/people"))
        for page, text in ((pa, "090-0000-0001"), (second, "090-0000-0002")):
            page.fill("form.stack [name=phone]", text)
            page.submit("form.stack button")
            if page is second:
                check("090-0000-0001" in page.text("main"), f"the later is shown what was entered since: {page.text('main')[:200]}")
                page.submit("form.stack button")
            check(page.run("!!document.querySelector('p.notice')"), page.text("main")[:200])
        check(a.request("GET", f"/api/v1/residents/{self.hanako}")["phone"] == "090-0000-0002", "the later does not stand")
        check(a.request("GET", f"/api/v1/residents/{self.hanako}")["givenName"] == "花子", "a form of one field changed another")
        self.step("two officers at one record: nothing typed is lost, counts add up by themselves, the later of two values stands")

    def close(self):
        for browser in self.browsers:
            browser.close()
        for node in self.nodes:
            node.stop()


def story(binary, folder, shots, keyboard):
    if shots:
        os.makedirs(shots, exist_ok=True)
    wards = Wards(binary, folder, shots, bool(keyboard))
    try:
        wards.tell()
    finally:
        wards.close()


if __name__ == "__main__":
    main(__doc__, story, shots="", keyboard=False)
