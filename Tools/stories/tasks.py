#!/usr/bin/env python3
"""What an officer, a clerk and a resident do, measured in a real browser: actions (clicks, choices, Enter that sends), keys as they are
pressed, Japanese by an input method, and the seconds that both take at five keys a second beside what the pages themselves take.

The aims are those of actions and keys, which no machine's load changes. Exit 0 when all were met, 1 when not.
"""
import json
import os
import time

from browser import Browser, Page
from desk import Desk, PASSWORD, sign_in
from story import SAMPLE, Failure, check, main, until

KEYS_A_SECOND = 5


class Hand(Page):
    """A page used as by hand: everything pressed is counted."""

    def begin(self):
        self.actions = self.keys = 0
        self.began = time.monotonic()

    def press(self, selector):
        """A click at what can be seen: what would have to be looked for first counts as another action."""
        self.actions += 1
        self.click(selector)

    def follow(self, selector):
        self.actions += 1
        self.submit(selector)

    def choose_in(self, selector, value):
        self.actions += 1
        self.select(selector, value)

    def tab(self, times=1):
        for _ in range(times):
            self.keys += 1
            self.key("Tab")

    def type(self, text):
        """Letters and digits as they are."""
        for letter in text:
            self.keys += 1
            self.key(letter, letter)

    def japanese(self, letters, reading, written):
        """By an input method: the reading in letters, converted by the space bar, taken by Enter."""
        self.keys += len(letters) + 2
        for length in range(1, len(reading) + 1):
            self.call("Input.imeSetComposition", {"text": reading[:length], "selectionStart": length, "selectionEnd": length})
        self.call("Input.imeSetComposition", {"text": written, "selectionStart": len(written), "selectionEnd": len(written)})
        self.write(written)

    def enter(self):
        self.actions += 1
        self.keys += 1
        self.key("Enter")

    def value(self, name, form=".checkin[data-family]"):
        return self.run(f"document.querySelector({json.dumps(form)}).elements[{json.dumps(name)}].value")

    def done(self):
        return self.actions, self.keys, time.monotonic() - self.began + self.keys / KEYS_A_SECOND


def story(binary, folder, shots):
    table = []

    def told(task, page, actions=None, keys=None, was=""):
        made = page.done()
        table.append((task, *made, actions, keys, was))
        check(actions is None or made[0] <= actions, f"{task}: {made[0]} actions, not {actions}")
        check(keys is None or made[1] <= keys, f"{task}: {made[1]} keys, not {keys}")

    node, other = nodes = [Desk(binary, folder, ward) for ward in ("13113", "13121")]
    browsers = [Browser()]
    try:
        node.start([other])
        other.start([node])
        for one in nodes:
            one.command("import", SAMPLE)
            one.account("all", "渋谷 次郎" if one is node else "足立 三郎")
        page = browsers[0].page(1280, 900, Hand)
        sign_in(page, node, "all")
        shelters = node.request("GET", "/api/v1/shelters?ward=13113&limit=10")["shelters"]
        row = shelters[0]["id"]

        page.open(node.url("/"))
        page.begin()
        page.follow("nav a[href='/shelters']")
        page.follow(f"tbody a[href='/shelters/{row}']")
        page.follow("form[action='/do/openShelter'] button")
        told("open a shelter, from anywhere", page, actions=3, was="4 actions")
        check(node.shelter(row)["status"] == "開設", "it is not open")

        page.open(node.url(f"/shelters/{row}"))
        page.begin()
        page.run("document.querySelector('[data-family] [name=familyName]').focus()")
        page.actions += 1
        family = [("ichirou", "いちろう", "一郎", "45"), ("misaki", "みさき", "美咲", "42"), ("yuuto", "ゆうと", "悠斗", "12"),
                  ("hana", "はな", "花", "8")]
        page.japanese("kobayashi", "こばやし", "小林")
        page.tab()
        for number, (letters, reading, written, age) in enumerate(family):
            page.japanese(letters, reading, written)
            # Past the readings, which the input method has given.
            page.tab(3)
            page.type(age)
            if number == 0:
                check((page.value("familyKana"), page.value("kana")) == ("コバヤシ", "イチロウ"), f"the reading is {page.value('kana')}")
                page.run("document.querySelector('[data-family] [name=address]').focus()")
                page.actions += 1
                page.japanese("ebisu", "えびす", "恵比寿")
                page.type("1-2-3")
            before = page.text("#people")
            page.enter()
            page.until(f"document.getElementById('people').textContent === '{number + 1}'", f"the count does not go up with it: {before}")
            page.until("document.activeElement.name === 'name' && document.activeElement.value === ''", "the next person's name is not next")
        told("a family of four, all fields", page, keys=100, was="325 keys, 63.2 s")
        def stays():
            return node.request("GET", f"/api/v1/shelters/{row}/stays")["stays"]
        until("all four are in the register", lambda: len(stays()) == 4)
        check(sorted(s["name"] for s in stays()) == ["小林 一郎", "小林 悠斗", "小林 美咲", "小林 花"], f"{[s['name'] for s in stays()]}")
        check(all(s["address"] == "恵比寿1-2-3" and s["homeWard"] == "13113" for s in stays()), "the address does not go along")
        check(len({s["party"] for s in stays()[1:]}) == 1, f"they are no household: {[s.get('party') for s in stays()]}")
        check(node.shelter(row)["people"] == 4 and node.shelter(row)["occupancy"] == 4, "the head count did not go up with them")
        if shots:
            page.shoot(os.path.join(shots, "family-1280.png"))

        # A reader of identity cards types what is on one; no number of it is kept.
        page.click("[data-next]")
        page.begin()
        page.run("document.querySelector('[data-reader] input').focus()")
        page.actions += 1
        for line in ("氏名：吉田　恵子", "フリガナ:ヨシダ ケイコ", "生年月日:昭和45年3月12日", "住所:東京都足立区千住1-2-3", "個人番号:123456789012"):
            page.write(line)
            page.key("Enter")
        page.until("document.activeElement.tagName === 'BUTTON' && document.querySelector('[data-family] [name=familyName]').value === '吉田'", "the card is not in the form")
        read = [page.value(name) for name in ("familyName", "name", "familyKana", "kana", "birth", "homeWard", "address")]
        check(read == ["吉田", "恵子", "ヨシダ", "ケイコ", "昭和45年3月12日", "13121", "東京都足立区千住1-2-3"], f"read as {read}")
        check("123456789012" not in page.run("[...document.querySelectorAll('input')].map(i => i.value).join()"), "a My Number is kept")
        page.enter()
        page.until("document.getElementById('people').textContent === '5'", "who was read is not counted")
        told("a person by a reader of cards", page, actions=2, was="none")
        page.begin()
        page.run("window.confirm = () => true; 1")
        page.click("#entered li button")
        try:
            page.until("document.getElementById('people').textContent === '4' && document.querySelectorAll('#entered li').length === 4", "who was read cannot be cancelled", 8)
        except Failure:
            print(page.text("#people"), page.text("#entered"), page.text(".said"), page.run("queue.all()"), page.problems())
            raise
        until("nor is in the register", lambda: len(stays()) == 4)

        # A slip of the pen, seen among those who were entered last.
        page.begin()
        page.follow("#entered li a")
        page.fill("form.stack [name=name]", "小林 華")
        page.follow("form.stack button")
        told("mend a name just entered", page, actions=2, was="3 actions, 29 fields")
        until("the name is mended", lambda: "小林 華" in [s["name"] for s in stays()])
        page.begin()
        page.run("window.confirm = () => true; 1")
        page.until("document.querySelectorAll('#entered li').length === 3", "who was entered last is not there")
        page.press("#entered li button")
        page.until("document.getElementById('people').textContent === '3'", "the count stays up with who never came")
        told("cancel a check-in", page, actions=2, was="none")
        check(len(stays()) == 3, "who never came is in the register")

        page.open(node.url("/"))
        page.begin()
        page.follow("nav a[href='/shelters']")
        boxes = page.run("document.querySelectorAll('.tick input').length")
        check(boxes >= 5, f"{boxes} shelters can be ticked")
        page.press("tr:nth-of-type(3) .tick input")
        page.actions += 1
        page.run("document.querySelector('tr:nth-of-type(7) .tick input').dispatchEvent(new MouseEvent('click', { bubbles: true, shiftKey: true })); 1")
        page.follow("#ticked button")
        check("5 か所: 開設しました" in page.text(".notice"), page.text("main")[:200])
        told("open five shelters", page, actions=4, was="19 actions")

        # 500 blankets, from anywhere.
        node.request("POST", "/api/v1/items/standard", {})
        blanket = next(i["id"] for i in node.request("GET", "/api/v1/items")["items"] if i["name"] == "毛布")
        node.request("POST", "/api/v1/lots", {"item": blanket, "amount": 3, "place": "倉庫"})
        page.open(node.url("/"))
        page.begin()
        page.follow("nav a[href='/goods']")
        page.follow(f"a[href*='requestGoods?item={blanket}']")
        page.choose_in("form.stack [name=shelter]", row)
        page.run("document.querySelector('form.stack [name=quantity]').select(); document.querySelector('form.stack [name=quantity]').focus()")
        page.type("500")
        page.actions += 1
        page.keys += 1
        page.submit("form.stack button")
        told("ask for 500 blankets, from anywhere", page, actions=4, was="6 actions")
        asked = node.request("GET", "/api/v1/requests")["requests"]
        check(len(asked) == 1 and asked[0]["quantity"] == 500, f"{asked}")
        page.open(node.url(f"/shelters/{row}#goods"))
        check("毛布" in page.text("#goods") and "承認" in page.text("#goods"), "the desk does not see what became of it")

        # Three wards share what they know of people; nobody is asked for what.
        until("足立 hears of it", lambda: other.request("GET", "/api/v1/requests")["requests"])
        with open(os.path.join(folder, "federation", "authority-13113.json"), encoding="utf-8") as file:
            card = file.read()
        node.request("POST", "/api/v1/declarations", {"title": "首都直下地震", "purposes": ["安否確認"], "until": int(time.time() * 1000) + 86_400_000, "reason": "本部設置", "card": card, "aloneBecause": "訓練・試験"})
        page.open(node.url("/"))
        page.begin()
        page.follow("nav a[href='/people']")
        page.run("document.querySelector('.filter [name=name]').focus()")
        page.actions += 1
        page.japanese("kobayashi", "こばやし", "小林")
        page.run("window.isOld = true")
        page.enter()
        page.until("!window.isOld && document.readyState === 'complete'", "nothing is looked for")
        check("小林" in page.text("#results") and not page.run("!!document.querySelector('main > .error')"), f"an error first: {page.text('main')[:200]}")
        check("避難所で確認" in page.text("#results") and "未確認" not in page.text("#results"), f"who is present is not seen: {page.text('#results')}")
        told("find a person while wards share", page, actions=3, was="3 actions, an error first")
        page.submit("#results tbody a")
        check("安否を報告する" in page.text("main"), f"nothing can be said of who has no ID: {page.text('main')[:200]}")

        for one in (node, other):
            one.command("links", "cut")
        until("cut", lambda: all(p["state"] != "up" for p in other.request("GET", "/api/v1/links")["links"]))
        node.change(row, crowding="空き")
        other.change(row, crowding="定員一杯")
        for one in (node, other):
            one.command("links", "heal")
        until("what disagrees is known", lambda: node.request("GET", "/api/v1/conflicts")["conflicts"])
        page.open(node.url("/"))
        page.begin()
        page.follow(".todo a[href='/conflicts']")
        check("避難者 / 定員" in page.text("main") and "このままにする" in page.text("main"), f"one has to guess: {page.text('main')[:300]}")
        page.follow(".sides form:not(.shown) button")
        told("settle what two wards wrote", page, actions=2, was="2 actions")
        until("settled", lambda: not node.request("GET", "/api/v1/conflicts")["conflicts"])

        for one in (node, other):
            one.command("links", "cut")
        node.change(row, remarks="カードで運ばれた")
        page.open(node.url("/"))
        page.begin()
        page.follow("nav a[href='/network']")
        page.actions += 1
        bundle = os.path.join(folder, "card.bundle")
        with open(bundle, "wb") as file, node.open("GET", page.run("document.querySelector('a[href*=bundle]').getAttribute('href')")) as answer:
            file.write(answer.read())
        browsers.append(Browser())
        there = browsers[-1].page(1280, 900, Hand)
        sign_in(there, other, "all")
        there.open(other.url("/"))
        there.begin()
        there.follow("nav a[href='/network']")
        there.actions += 1
        there.choose("[data-upload] [type=file]", bundle)
        there.press("[data-upload] button")
        there.until("document.getElementById('upload').textContent.includes('読み込みました')", "the card is not taken in")
        page.actions += there.actions
        told("a card to the next ward, both sides", page, actions=5, was="7 actions")
        until("it is there", lambda: other.shelter(row).get("remarks") == "カードで運ばれた")

        browsers.append(Browser())
        resident = browsers[-1].page(360, 640, Hand)
        resident.open(node.url("/counter?say=ja"))
        resident.begin()
        resident.follow(".doors .danger")
        resident.japanese("ebisu", "えびす", "恵比寿")
        resident.type("1-2-3")
        resident.run("window.isOld = true")
        resident.enter()
        resident.until("!window.isOld && document.readyState === 'complete'", "the form leads nowhere")
        check(resident.text(".notice .code"), f"the call is not taken: {resident.run('location.href')} {resident.text('main')[:300]}")
        check(resident.run("scrollY") == 0, "one has to scroll")
        told("a resident calls for help", resident, actions=4, was="15 screens down")

        node.command("account", "add", "--login", "keiko", "--name", "受付 敬子", "--role", "shelter", f"--shelter={row}", given=PASSWORD + "\n")
        clerk = browsers[0].page(768, 1024, Hand)
        clerk.open(node.url("/sign-in"))
        clerk.fill("form.stack [name=login]", "keiko")
        clerk.fill("form.stack [name=password]", PASSWORD)
        clerk.submit("form.stack button")
        clerk.begin()
        check(clerk.run("location.pathname") == f"/shelters/{row}", f"a clerk begins at {clerk.run('location.pathname')}")
        told("a clerk's own desk, after signing in", clerk, actions=0, was="2 actions")
        # A drill's link: looked at, it is not used; pressed, it is, once.
        path = node.command("account", "link", "--login", "keiko")["path"]
        browsers.append(Browser())
        fresh = browsers[-1].page(768, 1024, Hand)
        for _ in range(2):
            fresh.open(node.url(path))
        fresh.submit("main form button")
        check(fresh.run("location.pathname") == f"/shelters/{row}", f"the link leads to {fresh.run('location.pathname')}")
        browsers.append(Browser())
        again = browsers[-1].page(768, 1024)
        again.open(node.url(path))
        check("使用済み" in again.text("main") and not again.run("!!document.querySelector('main form')"), "a link signs in twice")
    finally:
        for browser in browsers:
            browser.close()
        for one in nodes:
            one.stop()
    print(f"{'task':44} {'actions':>7} {'keys':>5} {'seconds':>8}   aim; on 2026-11-27")
    for task, actions, keys, seconds, most, letters, was in table:
        aims = [f"{most} actions" if most is not None else "", f"{letters} keys" if letters else ""]
        print(f"{task:44} {actions:7} {keys:5} {seconds:8.1f}   {', '.join(filter(None, aims)) or '–'}; {was}")


if __name__ == "__main__":
    main(__doc__, story, shots="")
