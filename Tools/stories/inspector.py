#!/usr/bin/env python3
"""The inspector on three real nodes: linked, cut, killed and healed. Exit 0 when all held, 1 when not.

--show prints what each command printed.
"""
import fcntl
import hashlib
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

from story import Node, Required, SAMPLE, TOOLS, check, main, until

SHOW = False
DOCUMENTED = set(re.findall(r"`([A-Za-z]+)`", open(os.path.join(TOOLS, "..", "Sources", "Commands", "renkei-inspect", "OUTPUT.md"), encoding="utf-8").read()))
DOCUMENTED.add("hex")


class Inspector:
    def __init__(self, binary):
        self.binary = binary

    def text(self, *words, ok=(0,), show=True):
        run = subprocess.run([self.binary, *words], capture_output=True, text=True)
        check(run.returncode in ok, f"{' '.join(words)}: exit {run.returncode}: {run.stdout[:600]}{run.stderr[-300:]}")
        if SHOW and show:
            print(f"\n$ renkei-inspect {' '.join(words)}   (exit {run.returncode})\n{run.stdout.rstrip()[:4000]}")
        return run.stdout

    def json(self, *words, ok=(0,)):
        return self.documented(json.loads(self.text(*words, "--json", ok=ok, show=False)))

    def lines(self, *words):
        return [self.documented(json.loads(line)) for line in self.text(*words, "--json", show=False).splitlines()]

    def documented(self, value):
        """Every key that is printed stands in OUTPUT.md."""
        for part in value if isinstance(value, list) else value.values() if isinstance(value, dict) else []:
            self.documented(part)
        for key in value if isinstance(value, dict) else []:
            check(key in DOCUMENTED, f"{key} is not in OUTPUT.md")
        return value


def fingerprint(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            found[name] = hashlib.sha256(open(path, "rb").read()).hexdigest()
    return found


def step(text):
    print(f"▸ {text}", flush=True)


def watch(binary, data):
    """Runs `watch` on a terminal of its own, resizes it, and ends it with Ctrl-C."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(follower)

    def own_terminal():
        os.setsid()
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [binary, "watch", data, "--every", "0.3"], stdin=follower, stdout=follower, stderr=follower, preexec_fn=own_terminal)
    screen = b""

    def read_until(mark):
        nonlocal screen
        deadline = time.monotonic() + 20
        os.set_blocking(leader, False)
        while mark not in screen:
            check(time.monotonic() < deadline, f"watch did not show {mark!r}: {screen[-200:]!r}")
            try:
                screen += os.read(leader, 65536)
            except BlockingIOError:
                time.sleep(0.02)

    read_until("渋谷区".encode())
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    os.kill(process.pid, signal.SIGWINCH)
    screen = b""
    read_until(b"\x1b[H")
    # Arrows, pages, a mouse, a window that comes to the front, something pasted: none of them ends it.
    for key in (b"\x1b[A", b"\x1b[B", b"\x1b[6~", b"\x1b[5~", b"\x1bOA", b"\x1b[<0;10;5M", b"\x1b[I", b"\x1b[200~x\x1b[201~"):
        screen = b""
        os.write(leader, key)
        read_until(b"\x1b[H")
        check(process.poll() is None, f"watch ended at {key!r}")
    screen = b""
    os.write(leader, b"\x03")
    read_until(b"\x1b[?1049l")
    check(process.wait(10) == 0, "watch ends with exit code 0")
    check(b"\x1b[?25h" in screen, "the cursor is back")
    after = termios.tcgetattr(follower)
    check(before == after, "the terminal is as it was")
    os.close(leader)
    os.close(follower)


def story(node, folder, inspect, show):
    global SHOW
    SHOW = show
    nodes = [Node(node, folder, ward) for ward in ["13113", "13121", "13108"]]
    shibuya, adachi, koto = nodes
    try:
        step("three nodes, linked, with the sample shelters")
        for node in nodes:
            node.command("import", SAMPLE)
        for one in nodes:
            one.start([other for other in nodes if other is not one])
        until("all agree", lambda: len({one.digest() for one in nodes}) == 1 and koto.rows() == 120)
        look = Inspector(inspect)
        for command in [["status", shibuya.data], ["status", shibuya.data, "--clock"], ["log", adachi.data, "--limit", "2"],
                        ["verify", koto.data], ["members", koto.data], ["keys", koto.data], ["conflicts", koto.data],
                        ["forks", shibuya.data, "--with", koto.data], ["graph", shibuya.data], ["plan", shibuya.data],
                        ["diff", shibuya.data, koto.data],
                        ["query", koto.data, "select name, status, occupancy from shelters order by name limit 3"]]:
            look.text(*command)
        for words in [["members"], ["keys"], ["conflicts"], ["forks"], ["graph"], ["plan"], ["verify"]]:
            look.json(words[0], shibuya.data, *words[1:])
        check(look.json("status", shibuya.data)["source"]["running"], "status knows that the node runs")
        peers = look.json("status", shibuya.data)["peers"]
        check([peer["live"]["state"] for peer in peers] == ["up", "up"], "both peers are up")
        check(look.json("diff", shibuya.data, koto.data)["equal"], "two nodes in agreement do not differ")

        step("the runbook: every code that is listed, and every command that it names")
        for line in look.text("explain", show=False).splitlines():
            for one in look.json("explain", line.split()[0])["steps"]:
                words = (one.get("command") or "").split()
                program = {"renkei-node": shibuya.binary, "renkei-inspect": inspect}.get(words[0] if words else "")
                if not program or words[1].startswith("-"):
                    continue
                called = [word for word in words[1:] if word.islower() and not word.startswith("-")]
                check(subprocess.run([program, *called, "--help"], capture_output=True).returncode == 0, f"no such command: {one['command']}")
                known = subprocess.run([program, *called, "--help"], capture_output=True, text=True).stdout
                for option in () if "SUBCOMMANDS:" in known else (word for word in words if word.startswith("--")):
                    check(option in known, f"{' '.join(called)} has no {option}")

        step("渋谷 cut off from both; three edits there, two here, one row on both sides")
        shibuya.command("links", "cut")
        rows = [row["id"] for row in shibuya.request("GET", "/api/v1/shelters?ward=13113&limit=5")["shelters"]]
        for row in rows[:3]:
            shibuya.change(row, crowding="空き")
        for row in rows[2:4]:
            koto.change(row, crowding="定員一杯")
        until("the linked two agree", lambda: adachi.digest() == koto.digest())
        text = look.text("status", shibuya.data)
        check("遮断" in text and "遅れあり" in text, "status says that it is cut and behind")
        status = look.json("status", shibuya.data)
        # A bound from above: a peer that got something elsewhere says so with its next summary, within half a minute.
        check(all(peer["lacksAtMost"] >= 3 for peer in status["peers"]), "each lacks three change sets at least")
        look.text("graph", shibuya.data)
        look.text("plan", shibuya.data)
        look.text("missing", shibuya.data, "--peer", "13108", "--rate", "2400")
        exact = look.json("missing", shibuya.data, "--peer", "13108", "--has", koto.data)
        check(exact["changeSets"] == 3, "koto lacks three change sets, by its own file")
        look.text("diff", shibuya.data, koto.data, ok=(1,))
        difference = look.json("diff", shibuya.data, koto.data, ok=(1,))
        differing = {table: {row["row"] for row in difference["rows"] if row["table"] == table} for table in ("shelters", "audit_life")}
        # Each side's note of who changed what is a row of its own.
        check(differing["shelters"] == set(rows[:4]) and len(differing["audit_life"]) == 2 and len(difference["rows"]) == 6,
              f"diff names exactly the rows that differ: {difference['rows']}")
        check(all(row["explainedBy"] for row in difference["rows"]), "and what explains each")
        check((difference["onlyA"], difference["onlyB"]) == (3, 2), "three change sets here, two there")

        step("the same of a live node's address, and of a bundle")
        address = f"https://127.0.0.1:{koto.http}"
        os.environ["RENKEI_TOKEN"], os.environ["RENKEI_CA"] = koto.token, os.path.join(koto.data, "https", "ca.pem")
        look.text("status", address)
        remote = look.json("diff", shibuya.data, address, ok=(1,))
        check({row["row"] for row in remote["rows"]} == {row["row"] for row in difference["rows"]}, "by address, diff names the same rows")
        check({table["table"] for table in remote["tables"]} == {"shelters", "audit_life"}, "by its hash, the table differs")
        check(look.json("verify", address, "--keys", shibuya.data)["changeSets"] > 3, "a live node's log verifies")
        card = os.path.join(folder, "card.rkb")
        shibuya.command("bundle", "export", "--for", "13108", card)
        size = look.json("missing", shibuya.data, "--peer", "13108")["bundleBytes"]
        look.text("diff", koto.data, card, ok=(1,))
        bundle = look.json("diff", koto.data, card, ok=(1,))
        check(bundle["onlyB"] == 3, "the bundle brings three change sets")
        check(os.path.getsize(card) <= size + 4096 and look.lines("log", card, "--base", koto.data), "and can be read")

        step("followed while it is written to")
        follower = subprocess.Popen(
            [inspect, "log", koto.data, "--follow", "--json", "--lane", "life"], stdout=subprocess.PIPE, text=True,
            # A shell's background job ignores Ctrl-C, and whatever it starts does too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        koto.change(rows[4], crowding="空き")
        found = ""
        while "空き" not in found or rows[4] not in found:
            found = follower.stdout.readline()
            check(found != "", "the follower goes on")
        follower.send_signal(signal.SIGINT)
        follower.wait(10)

        step("killed: its write-ahead log is read, nothing is changed, nothing is made")
        until("adachi has it", lambda: adachi.digest() == koto.digest())
        koto.stop(signal.SIGKILL)
        before = fingerprint(koto.data)
        look.text("status", koto.data)
        check(look.json("verify", koto.data)["sound"], "a killed node's database verifies")
        check(look.json("diff", adachi.data, koto.data)["equal"], "and holds all that it acknowledged")
        look.text("export", koto.data, "shelters", "--csv", show=False)
        refused = subprocess.run([inspect, "query", koto.data, "delete from shelters"], capture_output=True)
        check(refused.returncode == 2, "query only reads")
        check(fingerprint(koto.data) == before, "the folder is as it was, to the byte")

        step("watched, resized, ended with Ctrl-C")
        watch(inspect, shibuya.data)

        step("healed: the same to the byte, with one conflict; then settled")
        koto.start([shibuya, adachi])
        shibuya.command("links", "heal")
        until("all agree", lambda: len({one.digest() for one in nodes}) == 1)
        look.text("diff", shibuya.data, koto.data)
        look.text("status", shibuya.data)
        conflicts = look.json("conflicts", adachi.data)["conflicts"]
        check([(c["row"], c["field"]) for c in conflicts] == [(rows[2], "crowding")], "one conflict, in the row of both sides")
        look.text("conflicts", adachi.data)
        trace = look.json("trace", adachi.data, "shelters", rows[2], "crowding")
        check(trace["events"][-1]["beside"], "its trace shows two values side by side")
        adachi.request("POST", "/api/v1/conflicts/settlement", {"collection": "shelters", "row": rows[2], "field": "crowding", "value": "定員一杯"})
        look.text("trace", adachi.data, "shelters", rows[2], "crowding")
        trace = look.json("trace", adachi.data, "shelters", rows[2], "crowding")
        check(trace["events"][-1]["settled"], "and who settled it")
        page = os.path.join(folder, "trace.html")
        look.text("trace", adachi.data, "shelters", rows[2], "crowding", "--format", "html", "-o", page)
        check("<svg" in open(page, encoding="utf-8").read(), "the page holds a picture")
        for one in nodes:
            check(one.stop() == 0, "a node stops cleanly")
        check(look.json("verify", shibuya.data)["sound"], "at rest it verifies")
        check(look.json("status", shibuya.data)["peers"][0]["lastHeard"], "and says when it last heard of its peers")
    finally:
        for one in nodes:
            one.stop(signal.SIGKILL)


if __name__ == "__main__":
    main(__doc__, story, inspect=Required, show=False)
