#!/usr/bin/env python3
"""The whole story on real processes, told step by step with its figures. Exit 0 when all held, 1 when not.

Three wards on loopback, TLS between them; an import; a cut; edits on both sides; the heal; a bundle for a node without
a link; a kill in the middle of an import; a life change that overtakes a backlog on a 9,600 bit/s link.
"""
import contextlib
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import time
import urllib.error

from story import Failure, Node, SAMPLE, WARDS, check, main, until, write_list


def read_terminal(terminal):
    """What was written since; nothing once nobody can write any more."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


class Story:
    def __init__(self, binary, folder, full):
        self.folder, self.step_number, self.full, self.courier = folder, 0, full, None
        self.nodes = [Node(binary, folder, ward) for ward in WARDS]
        self.shibuya, self.adachi, self.koto = self.nodes

    def step(self, text):
        self.step_number += 1
        print(f"{self.step_number:2}. {text}", flush=True)

    def converged(self, nodes=None):
        return until("equal digests", lambda: len({n.digest() for n in nodes or self.nodes}) == 1)

    def tell(self):
        a, b, c = self.shibuya, self.adachi, self.koto
        for node in self.nodes:
            node.start([other for other in self.nodes if other is not node])
        took = until("links up", lambda: all(
            sum(p["state"] == "up" for p in n.request("GET", "/api/v1/links")["links"]) == 2 for n in self.nodes))
        self.step(f"three nodes run, linked by TLS 1.3 ({took:.2f} s after the last one served)")

        events = b.open("GET", "/events", timeout=20)
        start = time.monotonic()
        for node in self.nodes:
            result = node.command("import", SAMPLE)
            check(result["imported"] == 40 and result["ofOthers"] == 80 and result["refused"] == 0, f"import: {result}")
        self.converged()
        check(all(n.rows() == 120 for n in self.nodes), "120 shelters everywhere")
        while not events.readline().startswith(b"event: rows"):
            pass
        events.close()
        self.step(f"each ward imports its own 40 of 120 shelters; all three agree {time.monotonic() - start:.2f} s after the first command, and 足立区's event stream told of it")
        check(a.command("import", SAMPLE)["unchanged"] == 40, "a second import changes nothing")

        row = a.request("GET", "/api/v1/shelters?ward=13113&limit=1")["shelters"][0]["id"]
        b.command("links", "cut")
        until("the cut is seen", lambda: all(
            p["state"] != "up" for n in (a, c) for p in n.request("GET", "/api/v1/links")["links"] if p["ward"] == "13121"))
        self.step("the links to 足立区 are cut")

        a.change(row, status="開設", crowding="空き", occupancyChange=40, addNeeds=["水", "毛布"], note="体育館を開けた")
        b.change(row, crowding="定員一杯", occupancyChange=7, addNeeds=["おむつ"], removeNeeds=["水"], note="橋が通れない")
        for n in range(20):
            other = f"{n}"
            a.request("POST", "/api/v1/shelters", {"name": f"臨時避難所{other}", "ward": "13113", "status": "open"})
            b.request("POST", "/api/v1/shelters", {"name": f"臨時避難所{other}", "ward": "13121", "status": "open"})
        check(b.shelter(row)["crowding"] == "定員一杯" and a.shelter(row)["crowding"] == "空き", "each side sees its own")
        try:
            b.change(row, status="閉鎖")
            raise Failure("足立区 closed a shelter of 渋谷区")
        except urllib.error.HTTPError as error:
            check(error.code == 403, f"a ward closes its own shelters only: {error}")
        until("渋谷区 and 江東区 agree meanwhile", lambda: c.shelter(row)["status"] == "開設")
        self.step("both sides write 21 changes each, one field at once, and keep answering")

        b.command("links", "heal")
        took = self.converged()
        self.step(f"healed; all digests equal {took:.2f} s later (digest {a.digest()[:16]}…)")
        for node in self.nodes:
            conflicts = [k for k in node.request("GET", "/api/v1/conflicts")["conflicts"] if k["row"] == row]
            values = sorted(k["value"] for k in conflicts)
            check({k["field"] for k in conflicts} == {"crowding"} and values == sorted(["定員一杯", "空き"]), f"{node.ward}: {conflicts}")
            seen = node.shelter(row)
            check(seen["occupancy"] == 47, f"counted once: {seen['occupancy']}")
            check(seen["needs"] == ["おむつ", "毛布", "水"], f"the add wins: {seen['needs']}")
            check(len(seen["notes"]) == 2 and seen["conflicts"] == ["crowding"] and seen["status"] == "開設", "both notes, one conflict")
        self.step("the field shows as one conflict with both values (空き, 定員一杯) on all three; 40 + 7 = 47 people; both notes")
        c.request("POST", "/api/v1/conflicts/settlement", {"collection": "shelters", "row": row, "field": "crowding", "value": "空き"})
        self.converged()
        check(all(not n.request("GET", "/api/v1/conflicts")["conflicts"] for n in self.nodes), "settled everywhere")
        self.step("江東区 settles it; the conflict is gone on all three")
        self.carry(a, b, c)
        self.kill(a, c)
        self.narrow(a, b, c)
        for node in self.nodes:
            check(node.command("verify")["sound"], f"{node.ward} verifies")
        self.analyse(a)
        codes = [node.stop() for node in self.nodes]
        check(codes == [0, 0, 0], f"clean stops: {codes}")
        self.step("every node's chains, signatures and tables verify; all stop cleanly")

    def carry(self, a, b, c):
        courier = self.courier = Node(a.binary, self.folder, "13123")
        courier.start()
        card = os.path.join(self.folder, "card.rkb")
        out = a.command("bundle", "export", card)
        taken = courier.command("bundle", "import", card)
        check(taken["changeSets"] == out["changeSets"] and not taken["refused"], f"bundle: {taken}")
        check(courier.rows() == a.rows(), "the same rows by card")
        courier.request("POST", "/api/v1/shelters", {"name": "江戸川区の臨時避難所", "ward": "13123"})
        back = os.path.join(self.folder, "back.rkb")
        returned = courier.command("bundle", "export", back, "--for", "13113")
        a.command("bundle", "import", back)
        took = self.converged()
        until("江戸川区's shelter came back", lambda: b.request("GET", "/api/v1/shelters?ward=13123")["shelters"])
        digests = {n.digest() for n in [*self.nodes, courier]}
        check(len(digests) == 1, "the card brought 江戸川区 to the same tables")
        courier.stop()
        self.step(f"a card of {out['bytes']} bytes brings 江戸川区, which has no link, {taken['changeSets']} change sets; "
                  f"its answer of {returned['bytes']} bytes reaches all three in {took:.2f} s")

    def analyse(self, node):
        """The analyst's file: every shelter; no table of people, nor one that points at them."""
        folder = os.path.join(self.folder, "analyst")
        node.command("export", "--datasette", folder)
        described = json.load(open(os.path.join(folder, "metadata.json")))["databases"]["renkei"]["tables"]
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "renkei.sqlite"))) as db:
            tables = {name for name, in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
            shelters = db.execute("SELECT count(*) FROM shelters").fetchone()[0]
        people = {"residents", "stays", "safety_reports", "assistance", "accounts", "audit_life", "identity_links", "stay_verdicts"}
        check(shelters == node.rows() and not tables & people, f"{shelters} shelters; {tables & people}")
        check(described and set(described) <= tables, f"what is described is there: {set(described) - tables}")

    def kill(self, a, c):
        path = os.path.join(self.folder, "large.csv")
        write_list(path, 20_000, "大規模")
        before = c.rows()
        # Progress is told to a terminal alone.
        terminal, end = pty.openpty()
        run = subprocess.Popen([c.binary, "import", "--data", c.data, "--json", path], stderr=end, stdout=subprocess.DEVNULL)
        os.close(end)
        acknowledged, said, killed = 0, b"", False
        while part := read_terminal(terminal):
            said += part
            acknowledged = max([int(n) for n in re.findall(rb"(\d+)/20000", said)] or [0])
            if acknowledged >= 3_000 and not killed:
                c.process.send_signal(signal.SIGKILL)
                killed = True
        os.close(terminal)
        check(killed, f"the import told how far it was: {said[-200:]}")
        run.wait(10)
        c.process.wait(10)
        check(acknowledged < 20_000, "killed in the middle")
        c.start([n for n in self.nodes if n is not c])
        kept = c.rows() - before
        check(kept >= acknowledged, f"{kept} rows kept of {acknowledged} acknowledged")
        result = c.command("import", path)
        check(result["imported"] + result["unchanged"] == 20_000 and result["unchanged"] >= acknowledged, f"again: {result}")
        took = self.converged()
        self.step(f"江東区 is killed (-9) in an import of 20,000: {acknowledged} rows acknowledged, {kept} kept; "
                  f"done again in {result['seconds']:.1f} s, all agree {took:.1f} s later")

    def narrow(self, a, b, c):
        """江東区 has only 渋谷区, over 9,600 bit/s; 1 MB waits in one lane; then somebody opens a shelter."""
        b.command("links", "cut", "13108")
        a.command("links", "throttle", "13108", "9600")
        row = a.request("GET", "/api/v1/shelters?ward=13113&limit=1")["shelters"][0]["id"]
        before = c.request("GET", "/api/v1/status")["rows"]["drill_records"]
        records = a.command("drill", "--bytes", "1000000")["records"]
        start = time.monotonic()
        arrived = lambda: c.request("GET", "/api/v1/status")["rows"]["drill_records"] - before
        until("the backlog moves", lambda: arrived() >= 2)
        a.change(row, status="open", crowding="full", note="満員")
        life = until("the life change arrives", lambda: c.shelter(row).get("crowding") == "定員一杯")
        moved, seconds = arrived(), time.monotonic() - start
        check(moved < records / 2, "the backlog was still there")
        if self.full:
            until("the backlog is through", lambda: arrived() == records, 3600)
            registry = f"the backlog's last record arrives after {time.monotonic() - start:.0f} s"
        else:
            registry = f"by then {moved} of {records} records of the backlog had come in {seconds:.1f} s: the last would need about {records / max(moved, 1) * seconds:.0f} s (--full waits for it)"
        self.step(f"on 9,600 bit/s behind 1 MB in `registry`, a `life` change arrives in {life:.2f} s; {registry}")
        a.command("links", "throttle", "13108", "0")
        b.command("links", "heal", "13108")
        self.converged()

    def end(self):
        for node in [*self.nodes, *([self.courier] if self.courier else [])]:
            if node.process and node.process.poll() is None:
                node.process.kill()


def smoke(node, folder, full):
    story = Story(node, folder, full)
    try:
        story.tell()
    finally:
        story.end()


if __name__ == "__main__":
    # --full waits for the whole backlog on the narrow link (15 minutes).
    main(__doc__, smoke, language="en", full=False)
