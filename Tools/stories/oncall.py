#!/usr/bin/env python3
"""The engineer on call: seventeen situations, and what the first word of `status` is in each, with what it says to do. Five
nodes of a federation of 23 (OPERATIONS.md, section 1)."""
import glob
import json
import os
import shutil
import sqlite3
import subprocess
import time

from story import Node, Required, SAMPLE, check, free_port, main, until

LEVELS = {"sound": "●", "behind": "●", "attention": "!", "broken": "✗"}


class Desk:
    """What is asked, and what was told."""

    def __init__(self, inspect):
        self.inspect, self.told = inspect, []

    def ask(self, *words, ok=(0, 1), environment={}):
        run = subprocess.run([self.inspect, *words], capture_output=True, text=True, env={**os.environ, **environment})
        check(run.returncode in ok, f"{' '.join(words)}: exit {run.returncode}: {run.stderr[-300:]}{run.stdout[-300:]}")
        return run.stdout

    def status(self, source):
        return json.loads(self.ask("status", source, "--json"))["verdict"]

    def text(self, source):
        return self.ask("status", source, "--lang", "en")

    def situation(self, name, first, does):
        self.told.append(name)
        print(f"{len(self.told):2} {name}: {first} → {does.removeprefix('→ ')}", flush=True)


def codes(verdict):
    return [reason["code"] for reason in verdict["reasons"]]


def until_code(desk, source, code, what, timeout=60):
    until(what, lambda: code in codes(desk.status(source)), timeout)
    verdict = desk.status(source)
    text = desk.text(source)
    first = text.splitlines()[0]
    steps = [line.strip() for line in text.splitlines() if line.strip().startswith("→")]
    check(first[0] in "●!✗", f"a first word: {first}")
    return verdict, first, steps


def story(binary, folder, inspect):
    desk = Desk(inspect)
    began = time.monotonic()
    nodes = [Node(binary, folder, ward) for ward in ("13113", "13121", "13108", "13104", "13109")]
    a, b, c, d, e = nodes
    took = (time.monotonic() - began) / 5
    a.start([b, c])
    b.start([c])
    c.start([])
    d.start([])
    e.start([])
    a.command("import", SAMPLE)
    until("three agree", lambda: len({n.digest() for n in (a, b, c)}) == 1)
    until("nobody lacks anything", lambda: desk.status(a.data)["level"] in ("sound", "behind") and "peersBehind" not in codes(desk.status(a.data)))
    verdict = desk.status(a.data)
    check(verdict["level"] == "sound", f"a sound node: {verdict}")
    desk.situation("five nodes set up", desk.text(a.data).splitlines()[0], f"{took:.1f} s each")

    # 2, 3: cuts, and a busy net that is equal.
    a.command("links", "cut", "13121")
    shelter = a.request("POST", "/api/v1/shelters", {"name": "当直小学校"})["id"]
    verdict, first, steps = until_code(desk, a.data, "cut", "the cut is told where it was made")
    there, _, _ = until_code(desk, b.data, "cutThere", "and at the other end")
    desk.situation("who lacks what after a cut", first, steps[0] if steps else "")
    a.command("links", "heal", "13121")
    for number in range(15):
        for node in (a, b, c):
            node.request("POST", f"/api/v1/shelters/{shelter}/headcount", {"change": 1}) if node is a else node.change(shelter, note=f"{number}")
    until("equal nodes know that they are", lambda: len({n.digest() for n in (a, b, c)}) == 1 and all("peersBehind" not in codes(desk.status(n.data)) for n in (a, b, c)), 20)
    desk.situation("a busy net, all equal", desk.text(a.data).splitlines()[0], "nothing")

    # 4: who changed it, and what they did not know.
    a.command("links", "cut")
    a.change(shelter, crowding="空き")
    b.change(shelter, crowding="混雑")
    a.command("links", "heal")
    until("both have both", lambda: len(b.request("GET", "/api/v1/conflicts")["conflicts"]) == 2)
    trace = json.loads(desk.ask("trace", b.data, "shelters", shelter, "crowding", "--json"))
    check(all(event["person"] == "story" and event["action"] == "changeShelter" for event in trace["events"]), f"persons: {trace['events']}")
    check(any(event["unseen"] for event in trace["events"]), "what one did not know")
    desk.situation("who changed a shelter, and what each knew", desk.ask("trace", b.data, "shelters", shelter, "crowding", "--lang", "en").splitlines()[1].strip(), "")
    winner = next(v["value"] for v in b.request("GET", "/api/v1/conflicts")["conflicts"] if v["shown"])
    a.request("POST", "/api/v1/conflicts/settlement", {"collection": "shelters", "row": shelter, "field": "crowding", "value": winner})

    # 5: a slow peer, told by what was measured.
    b.command("links", "throttle", "13108", "9600")
    b.command("drill", "--bytes", "60000")
    until("the slow peer lacks something", lambda: any(p.get("lacks") for p in b.request("GET", "/api/v1/links")["links"] if p["ward"] == "13108"))
    peers = json.loads(desk.ask("status", b.data, "--json"))["peers"]
    slow = next(p for p in peers if p["ward"] == "13108")
    check(slow["seconds"] > 5 and slow["live"]["lacks"] > 0, f"how long: {slow}")
    desk.situation("a slow peer", desk.text(b.data).splitlines()[0], f"{slow['live']['lacks']} to go, {slow['seconds']:.0f} s")
    b.command("links", "throttle", "13108", "0")

    # 6, 7: clocks.
    clocks(desk, binary, folder, a, b, c)

    # 8: a full disk.
    full(desk, binary, folder)

    # 9, 10: flipped bytes, a changed table.
    c.stop()
    flipped(desk, c)
    changed(desk, a, c, shelter)

    # 11: a lost database.
    d.stop()
    d.start([a])
    until("新宿 has it all", lambda: d.digest() == a.digest(), 60)
    d.request("POST", "/api/v1/shelters", {"name": "失う前"})
    until("品川 has it too", lambda: d.digest() == a.digest())
    d.stop()
    for file in glob.glob(os.path.join(d.data, "replica.sqlite*")):
        os.rename(file, file + ".lost")
    begin = time.monotonic()
    d.start([a])
    def is_back():
        try:
            return d.digest() == a.digest()
        except OSError:
            # Its tokens come back with the rest.
            return False
    until("a lost database comes back", is_back, 60)
    _, first, steps = until_code(desk, d.data, "newEpoch", "and says so")
    desk.situation("a lost database", first, f"back after {time.monotonic() - begin:.1f} s")

    # 12: backup and restore.
    backup = os.path.join(folder, "backup.sqlite")
    d.command("backup", "--plain", backup)
    run = subprocess.run([binary, "restore", "--data", a.data, backup], capture_output=True, text=True)
    check(run.returncode == 2, "a running node, and another's backup, are refused")
    check("13104" in desk.ask("status", backup, "--keys", d.data, "--lang", "en") or "新宿" in desk.ask("status", backup, "--keys", d.data), "whose backup")
    desk.situation("backup and restore", desk.text(backup).splitlines()[0], "refused on another node")

    # 13: a fork: a copy of a node that ran twice.
    forked(desk, binary, folder, a, e)

    # 14: a revoked node.
    run = subprocess.run([binary, "revoke", "--yes", "--node", "13104-1", "--reason", "盗難", "--federation", os.path.join(folder, "federation"),
                          "--data", a.data], capture_output=True, text=True)
    check(run.returncode == 0, f"revoked: {run.stderr}")
    # By the revocation itself when it came before the last word, else by the word of whoever closed the link.
    def is_told():
        reasons = desk.status(d.data)["reasons"]
        return any(r["code"] == "ownRevoked" or r["code"] == "refusedThere" and "revoked" in r["detail"]["en"] for r in reasons)
    until("the revoked machine is told", is_told, 30)
    verdict, first, steps = until_code(desk, d.data, codes(desk.status(d.data))[0], "and what to do")
    check(codes(verdict)[0] in ("ownRevoked", "refusedThere"), f"before all else, the fork too: {codes(verdict)}")
    until_code(desk, a.data, "revokedPeer", "and the others do")
    desk.situation("a revoked node", first, steps[0] if steps else "")

    # 15: a bundle by hand, with its receipt.
    cards(desk, a, e)

    # 16: an upgrade: which program runs where.
    fleet = json.loads(desk.ask("fleet", a.data, b.data, c.data, d.data, "--json"))["nodes"]
    check([n["level"] for n in fleet] == sorted((n["level"] for n in fleet), key=["broken", "attention", "behind", "sound"].index)
          and fleet[0]["level"] in ("broken", "attention"), f"the worst first: {fleet}")
    live = json.loads(desk.ask("fleet", f"https://127.0.0.1:{a.http}", "--json", environment={
        "RENKEI_TOKEN": a.token, "RENKEI_CA": os.path.join(a.data, "https", "ca.pem")}))["nodes"][0]
    links = a.request("GET", "/api/v1/links")["links"]
    check(live["program"] and all(p["program"].startswith("renkei-node ") for p in links if p["state"] == "up"), f"versions: {live}, {links}")
    newer = os.path.join(folder, "newer.sqlite")
    subprocess.run([binary, "backup", "--plain", "--data", b.data, newer], check=True, capture_output=True)
    with sqlite3.connect(newer) as db:
        db.execute("INSERT INTO grdb_migrations VALUES ('9 of a newer program')")
    verdict = desk.status(newer)
    check("newerFile" in codes(verdict), f"a newer program's file: {verdict}")
    desk.situation("an upgrade", desk.text(newer).splitlines()[0], f"peers run {links[0].get('program') or live['program']}")

    # 17: watch is looked at by the inspector's own story, in a real terminal.
    desk.situation("watch, 80×24 and 200×50", "the first line is the same", "keys: the inspector's story")
    check(len(desk.told) == 17, f"{len(desk.told)} situations")
    run = subprocess.run([desk.inspect, "statsu", "x"], capture_output=True, text=True)
    check(run.returncode == 2 and "status" in run.stderr, f"a word that there is not: {run.stderr}")
    run = subprocess.run([desk.inspect, "status", f"https://127.0.0.1:{a.http}", "--lang", "en"], capture_output=True, text=True)
    check(run.returncode == 2 and "RENKEI_CA" in run.stderr, f"an authority that is not trusted: {run.stderr}")
    run = subprocess.run([binary, "run", "--data", d.data, "--http", f"127.0.0.1:{a.http}"], capture_output=True, text=True)
    check(run.returncode == 2, f"a port that is taken, or a node that runs: {run.stderr}")
    for node in nodes:
        node.stop()


def clocks(desk, binary, folder, a, b, c):
    """One of four machines has a clock of its own: the others say whose, and the machine itself says that it is its own."""
    late = Node(binary, folder, "13101")
    words = ["--http", f"127.0.0.1:{late.http}", "--gossip", f"127.0.0.1:{late.gossip}"]
    for peer in (a, b, c):
        words += ["--peer", f"{peer.ward}@127.0.0.1:{peer.gossip}"]
    for shift, name in (("-3h", "a clock three hours late"), ("+3d", "a clock three days ahead")):
        log = open(late.data + ".log", "a")
        late.process = subprocess.Popen(["faketime", "-f", shift, binary, "run", "--data", late.data, *words], stdout=log, stderr=log)
        # The node says by itself what it knows: `status` there would run by this machine's clock.
        until(f"{name}: it serves", late.healthy, 30)
        until(f"{name}: told at home", lambda: "ownClock" in [p["code"] for p in late.request("GET", "/api/v1/links")["problems"]], 100)
        told = next(p for p in late.request("GET", "/api/v1/links")["problems"] if p["code"] == "ownClock")
        way = "slow" if shift[0] == "-" else "fast"
        until(f"{name}: told elsewhere", lambda: any(r["code"] == "clockAhead" and way in r["detail"]["en"] for r in desk.status(a.data)["reasons"]), 100)
        verdict, first, steps = until_code(desk, a.data, "clockAhead", name)
        check("ownClock" not in codes(verdict), f"nobody else is accused: {verdict}")
        desk.situation(name, first, f"at home: this node's clock is wrong, {told['detail']['en']}")
        # faketime waits for the node as its child.
        subprocess.run(["pkill", "-TERM", "-f", f"^{binary} run --data {late.data} "])
        late.process.wait(10)
        late.process = None
    until("once it is gone, so is the word", lambda: "clockAhead" not in codes(desk.status(a.data)))


def full(desk, binary, folder):
    """A disk of its own, filled up."""
    place = os.path.join(folder, "small")
    os.makedirs(place)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", place], capture_output=True).returncode == 0
    if not mounted:
        desk.situation("a full disk", "not tried: no right to mount here", "")
        return
    try:
        node = Node(binary, folder, "13102")
        shutil.copytree(node.data, os.path.join(place, "13102"))
        node.data = os.path.join(place, "13102")
        node.start()
        with open(os.path.join(place, "filler"), "wb") as filler:
            try:
                while True:
                    filler.write(b"\0" * 65536)
                    filler.flush()
            except OSError:
                pass
        refused = False
        for number in range(40):
            try:
                node.request("POST", "/api/v1/shelters", {"name": "満" * 100 + str(number)})
            except OSError:
                refused = True
                break
        check(refused, "a full disk refuses")
        verdict, first, steps = until_code(desk, node.data, "noSpace", "a full disk is told")
        check(verdict["level"] == "broken" and "noSpace" == codes(verdict)[0], f"{verdict}")
        desk.situation("a full disk", first, steps[0])
        os.remove(os.path.join(place, "filler"))
        node.request("POST", "/api/v1/shelters", {"name": "空いた"})
        node.stop()
    finally:
        subprocess.run(["pkill", "-9", "-f", place])
        time.sleep(0.2)
        subprocess.run(["umount", place])


def flipped(desk, node):
    """A byte turned in the log, found with what it was."""
    path = os.path.join(node.data, "replica.sqlite")
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        blob = bytes(db.execute("SELECT bytes FROM entries ORDER BY length(bytes) DESC LIMIT 1").fetchone()[0])
    content = bytearray(open(path, "rb").read())
    at = content.find(blob[:40]) + 30
    check(at >= 30, "the change set lies in one piece")
    content[at] ^= 1
    with open(path, "wb") as file:
        file.write(content)
    found = json.loads(desk.ask("verify", node.data, "--json"))
    check(not found["sound"] and found["damage"], f"found: {str(found)[:200]}")
    text = desk.ask("verify", node.data, "--lang", "en")
    content[at] ^= 1
    with open(path, "wb") as file:
        file.write(content)
    desk.situation("a flipped byte", next(line.strip() for line in text.splitlines() if "byte" in line)[:120], "put back: sound")
    check(json.loads(desk.ask("verify", node.data, "--json"))["sound"], "put back")


def changed(desk, a, c, shelter):
    """Somebody writes into a table: the log is sound, and so is the file, but both nodes say that they do not hold the same."""
    path = os.path.join(c.data, "replica.sqlite")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE shelters SET crowding = '満員' WHERE id = ?", (int(shelter),))
    c.start([])
    _, first, steps = until_code(desk, c.data, "tablesDiffer", "the changed one says so", 150)
    verdict, _, _ = until_code(desk, a.data, "tablesDiffer", "and so does the other", 150)
    check(any(reason["subject"].endswith("13108-1") for reason in verdict["reasons"] if reason["code"] == "tablesDiffer"), f"whose: {verdict}")
    c.stop()
    check(not json.loads(desk.ask("verify", c.data, "--json"))["sound"], "verify finds it")
    c.command("rebuild")
    check(json.loads(desk.ask("verify", c.data, "--json"))["sound"], "made anew")
    c.start([])
    desk.situation("a changed table", first, steps[0])


def forked(desk, binary, folder, a, e):
    """A machine is copied, and both run: the proof reaches whoever meets both."""
    e.stop()
    copy = os.path.join(folder, "copy")
    shutil.copytree(e.data, copy)
    twin = Node.__new__(Node)
    twin.__dict__.update(e.__dict__)
    twin.data, twin.http, twin.gossip, twin.process = copy, free_port(), free_port(), None
    e.start()
    e.request("POST", "/api/v1/shelters", {"name": "本物"})
    e.stop()
    twin.start()
    twin.request("POST", "/api/v1/shelters", {"name": "複製"})
    twin.stop()
    for node in (e, twin):
        card = os.path.join(folder, "card.rkb")
        node.command("bundle", "export", card)
        a.command("bundle", "import", card, ok=(0, 1))
        os.remove(card)
    verdict, first, steps = until_code(desk, a.data, "fork", "the fork is told")
    desk.situation("a fork, met by card", first, steps[0] if steps else "")


def cards(desk, a, e):
    """A card there, and an empty one back, which is its receipt."""
    there, back = a.data + ".there.rkb", a.data + ".back.rkb"
    sent = a.command("bundle", "export", there, "--for", "13109")
    check(json.loads(desk.ask("status", there, "--json"))["lanes"][1]["changeSets"] <= sent["changeSets"], "a bundle's figures are its own")
    e.command("bundle", "import", there, ok=(0, 1))
    e.command("bundle", "export", back, "--for", "13113")
    taken = a.command("bundle", "import", back, ok=(0, 1))
    check(taken["maker"].startswith("13109-1"), f"who made the card: {taken}")
    again = a.command("bundle", "export", there, "--for", "13109")
    check(again["changeSets"] == 0, f"after the receipt nothing is left to carry: {again}")
    desk.situation("a bundle by hand", f"{sent['changeSets']} change sets there", f"the card back is the receipt: {again['changeSets']} left")
    for path in (there, back):
        os.remove(path)


if __name__ == "__main__":
    main(__doc__, story, inspect=Required)
