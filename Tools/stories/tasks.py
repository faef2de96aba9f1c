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

    node = Desk(binary, folder, "13113")
    browsers = [Browser()]
    try:
        node.start()
        node.command("import", SAMPLE)
        node.account("all", "渋谷 次郎")
        page = browsers[0].page(1280, 900, Hand)
        sign_in(page, node, "all")
        shelters = node.request("GET", "/api/v1/shelters?ward=13113&limit=10")["shelters"]
        row = shelters[0]["id"]

        page.open(node.url("/"))
        page.begin()
        page.follow("nav a[href='/shelters']")
        page.follow(f"a[href='/shelters/{row}']")
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
    finally:
        for browser in browsers:
            browser.close()
        node.stop()
    print(f"{'task':44} {'actions':>7} {'keys':>5} {'seconds':>8}   aim; on 2026-11-27")
    for task, actions, keys, seconds, most, letters, was in table:
        aims = [f"{most} actions" if most else "", f"{letters} keys" if letters else ""]
        print(f"{task:44} {actions:7} {keys:5} {seconds:8.1f}   {', '.join(filter(None, aims)) or '–'}; {was}")


if __name__ == "__main__":
    main(__doc__, story, shots="")
