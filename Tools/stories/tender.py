#!/usr/bin/env python3
"""A tender of three wards, by pages alone: opening cards, a programme with two wards' demands, published; two suppliers seal with
renkei-bid and hand in at two wards; closed, called; one ward is cut off at the opening, and the two others open; awarded; each ward
signs its own contract. renkei-inspect proves the opening from a node's folder, offline; a folder without the shares proves none.

Each task's actions and keys, and the seconds that a person takes for them (1.5 an action, 0.2 a key), beside the aims of the
design. Exit 0 when all were met, 1 when not.
"""
import json
import os
import subprocess
import time

from browser import Browser
from desk import Desk, sign_in, working
from officer import Officer, Tasks
from story import Required, check, main, until

SUPPLIERS = (("見本商事", "5835678256246", 1_700_000, 248), ("見本紙業", "7000012050002", 1_650_000, 113))
# From publishing to the closing: suppliers seal and hand in meanwhile.
OPEN_FOR = 75


class Buyer(Officer):
    def opened(self, node, tender):
        self.open(node.url(f"/list/tenderOpening?_row={tender}"))
        return self.text("#results")


def story(binary, folder, inspect, bid, shots):
    tasks = Tasks()
    told = tasks.told
    nodes = lead, other, far = [Desk(binary, folder, ward) for ward in ("13113", "13121", "13122")]
    browsers = [Browser() for _ in nodes]

    def program(*words, ok=0, **options):
        done = subprocess.run(words, capture_output=True, text=True, **options)
        check(done.returncode == ok, f"{' '.join(words)}: exit {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}")
        return done.stdout

    def agree():
        until("all three agree", lambda: len({n.digest() for n in nodes}) == 1, 60)

    with working(nodes, browsers):
        lead.start([other, far])
        other.start([lead, far])
        far.start([lead, other])
        pages = []
        for node, browser in zip(nodes, browsers):
            node.account("keiyaku", "契約 一郎")
            page = browser.page(1280, 900, Buyer)
            sign_in(page, node, "keiyaku")
            pages.append(page)
        chief, second, third = pages
        agree()

        # Each ward's opening card: shown once, and kept off the node.
        cards = []
        for node, page in zip(nodes, pages):
            page.open(node.url("/do/makeOpeningCard?_back=/list/openingKeys"))
            page.begin()
            page.pick_file("card", os.path.join(folder, "federation", f"authority-{node.ward}.json"))
            page.follow("form.stack .buttons button:not([type=button])")
            text = page.run("[...document.querySelectorAll('dl.members dd')].map(d => d.textContent).find(t => t.includes('renkei-opening-card'))")
            check(text, page.text("main")[:400])
            path = os.path.join(folder, f"opening-{node.ward}.json")
            with open(path, "w") as file:
                file.write(text)
            cards.append(path)
        told("an opening card", chief, 60)

        chief.open(lead.url("/do/planProgramme?_back=/list/programmes"))
        chief.begin()
        chief.enter_in("title", "コピー用紙")
        chief.send_form()
        told("a programme", chief, 60)
        agree()
        programme = lead.request("GET", "/api/v1/programmes")["programmes"][0]["id"]
        for node, page in zip(nodes[:2], pages):
            page.open(node.url(f"/do/tellDemand?_row={programme}&_back=/list/demands"))
            page.begin()
            page.enter_in("quantity", "1200")
            page.enter_in("pattern", "A4 500枚")
            page.send_form()
        told("a ward's demand", second, 60)
        agree()

        # Suppliers register where they are, with the number that their own program told.
        for number, (name, corporate, _, _) in enumerate(SUPPLIERS):
            key = os.path.join(folder, f"key-{number}.json")
            public = program(bid, "key", "--out", key).strip()
            chief.open(lead.url("/do/addSupplier?_back=/list/suppliers"))
            chief.begin()
            chief.enter_in("name", name)
            chief.enter_in("corporateNumber", corporate)
            chief.send_form()
            chief.open(lead.url("/do/registerBidKey?_back=/list/bidKeys"))
            chief.pick_called("supplier", name)
            chief.enter_in("key", public)
            chief.keys -= len(public)
            chief.actions += 1
            chief.send_form()
        told("a supplier and its signing key, from a file", chief, 60)

        chief.open(lead.url(f"/do/publishTender?_row={programme}&_back=/list/tenders"))
        chief.begin()
        closes = time.time() + OPEN_FOR
        at = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(closes + 9 * 3600))
        closes = time.mktime(time.strptime(at, "%Y-%m-%dT%H:%M")) - time.mktime(time.gmtime(0)) - 9 * 3600
        chief.enter_in("title", "コピー用紙の共同調達")
        chief.enter_in("closesAt", at)
        chief.enter_in("opensAt", at)
        chief.enter_in("receivers", "13113\n13121")
        chief.enter_in("trustees", "13113\n13121\n13122")
        chief.send_form()
        told("a tender published", chief, 120)
        agree()
        published = other.request("GET", "/api/v1/published-tenders")["tenders"][0]
        tender, path = published["id"], os.path.join(folder, "tender.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(published["file"])
        check("コピー用紙の共同調達" in program(bid, "show", "--tender", path), "the file tells no title")

        sealed = []
        for number, (name, corporate, amount, lottery) in enumerate(SUPPLIERS):
            out = os.path.join(folder, f"bid-{number}.json")
            words = [bid, "seal", "--tender", path, "--key", os.path.join(folder, f"key-{number}.json"), "--supplier", corporate,
                     "--amount", str(amount), "--lottery", str(lottery), "--out", out]
            program(*words)
            # A file that is there is not written over.
            program(*words, ok=2)
            with open(out, encoding="utf-8") as file:
                check(str(amount) not in file.read(), "the price stands in the file")
            sealed.append(out)
        for node, page, out in ((lead, chief, sealed[0]), (other, second, sealed[1])):
            page.open(node.url(f"/do/receiveBid?_row={tender}&_back=/list/bidReceipts"))
            page.begin()
            page.pick_file("bid", out)
            page.send_form()
        told("a bid taken in", second, 20)
        damaged = os.path.join(folder, "damaged.json")
        with open(sealed[0], encoding="utf-8") as file:
            content = json.load(file)
        content["lot"] = 1
        content["envelope"] = content["envelope"][:-2] + ("00" if content["envelope"][-2:] != "00" else "11")
        with open(damaged, "w", encoding="utf-8") as file:
            json.dump(content, file)
        chief.open(lead.url(f"/do/receiveBid?_row={tender}&_back=/list/bidReceipts"))
        chief.pick_file("bid", damaged)
        chief.follow("form.stack .buttons button:not([type=button])")
        check("署名が合いません" in chief.text("main"), chief.text("main")[:300])
        agree()

        # Closed by the rows, not by a clock: each receiving ward's own list.
        time.sleep(max(0.0, closes - time.time()) + 1)
        for node, page in ((lead, chief), (other, second)):
            page.open(node.url(f"/do/closeTender?_row={tender}&_back=/list/closings"))
            page.begin()
            page.follow("form.stack .buttons button:not([type=button])")
            check(page.run("location.pathname") == "/list/closings", page.text("main")[:300])
        agree()
        chief.open(lead.url(f"/do/callOpening?_row={tender}&_back=/list/closings"))
        chief.begin()
        chief.send_form()
        told("the opening called", chief, 60)
        agree()
        # From here on one ward is cut off; two of three are enough.
        far.command("links", "cut")
        for node, page, card in ((lead, chief, cards[0]), (other, second, cards[1])):
            page.open(node.url(f"/do/releaseShares?_row={tender}&_back=/list/openingShares"))
            page.begin()
            page.pick_file("openingCard", card)
            page.send_form()
            if node is lead:
                seen = chief.opened(lead, tender)
                check("開札待ち 1/2" in seen and "1,650,000" not in seen, seen)
        told("a ward's shares released", second, 60)
        until("both agree", lambda: lead.digest() == other.digest(), 60)
        seen = chief.opened(lead, tender)
        check("開札済" in seen and "1,650,000" in seen and "落札候補" in seen, seen)
        if shots:
            os.makedirs(shots, exist_ok=True)
            chief.shoot(os.path.join(shots, "tender-opening.png"))
        check("1,650,000" not in third.opened(far, tender), "the ward that is cut off reads a price")
        program(inspect, "opening", far.data, tender, ok=1)

        chief.open(lead.url(f"/do/awardTender?_row={tender}&_back=/list/awards"))
        chief.begin()
        chief.enter_in("lot", "1")
        chief.send_form()
        told("a lot awarded", chief, 60)
        award = lead.request("GET", "/api/v1/awards")["awards"][0]
        check(award["amount"] == 1_650_000 and award["contractPrice"] == 1_815_000, f"{award}")
        far.command("links", "heal")
        agree()
        second.open(other.url(f"/do/contractByAward?_row={award['id']}&_back=/list/contracts"))
        second.begin()
        second.enter_in("number", "契-8-12")
        second.pick("kind", "単価契約")
        second.send_form()
        told("a ward's own contract with the winner", second, 60)
        check("見本紙業" in second.text("#results"), second.text("#results"))
        # The ward that was cut off reads the same now, and proves it with its node at rest.
        seen = third.opened(far, tender)
        check("開札済" in seen and "判定のとおり" in seen, seen)
        far.stop()
        proof = json.loads(program(inspect, "opening", far.data, tender, "--json"))
        check([b["amount"] for b in sorted(proof["bids"], key=lambda b: b["rank"])] == [1_650_000, 1_700_000], f"{proof}")
        print(program(inspect, "opening", far.data, tender).rstrip())
        problems = [problem for page in pages for problem in page.problems() if "400" not in problem and "422" not in problem]
        check(not problems, f"{problems}")
    tasks.end()


if __name__ == "__main__":
    main(__doc__, story, inspect=Required, bid=Required, shots="")
