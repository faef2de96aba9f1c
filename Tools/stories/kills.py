#!/usr/bin/env python3
"""A node is killed again and again (SIGKILL) while clerks write to it: every write that was acknowledged is there after.

--kills N times, at a random moment (the seed is printed); after each start the node must serve, and at the end its file
must hold each acknowledged note once and verify. Exit 0 when all held, 1 when not.
"""
import random
import signal
import sqlite3
import threading
import time
import urllib.error

from story import Node, check, main


class Clerk(threading.Thread):
    """Writes notes, each its own, until the node does not answer any more."""

    def __init__(self, node, row, name, acknowledged):
        super().__init__(daemon=True)
        self.node, self.row, self.name_, self.acknowledged = node, row, name, acknowledged
        self.fault = None

    def run(self):
        number = 0
        while True:
            note = f"{self.name_}-{number}"
            try:
                self.node.change(self.row, note=note)
            except urllib.error.HTTPError as error:
                self.fault = f"{error.code}: {error.read()[:200]!r}"
                return
            except (OSError, ValueError, EOFError):
                return
            except Exception as error:  # http.client's own
                if type(error).__module__ != "http.client":
                    self.fault = repr(error)
                return
            self.acknowledged.append(note)
            number += 1


def kept(node):
    with sqlite3.connect(f"file:{node.data}/replica.sqlite?mode=ro", uri=True) as file:
        return [value for (value,) in file.execute("SELECT value FROM shelters_notes")]


def story(binary, folder, kills, seed):
    chance = random.Random(seed)
    node = Node(binary, folder, "13113")
    acknowledged, start = [], time.monotonic()
    try:
        node.start()
        row = node.request("POST", "/api/v1/shelters", {"name": "試験所", "ward": "13113"})["id"]
        for kill in range(kills):
            clerks = [Clerk(node, row, f"{kill}-{one}", acknowledged) for one in range(3)]
            for clerk in clerks:
                clerk.start()
            time.sleep(chance.uniform(0.0, 0.25))
            node.process.send_signal(signal.SIGKILL)
            node.process.wait(10)
            for clerk in clerks:
                clerk.join(20)
                check(clerk.fault is None, f"kill {kill}: {clerk.fault}")
            node.start()
            if kill % 100 == 99:
                print(f"… {kill + 1} kills, {len(acknowledged)} acknowledged, {time.monotonic() - start:.0f} s", flush=True)
        node.stop()
        there = kept(node)
        lost = set(acknowledged) - set(there)
        check(not lost, f"{len(lost)} acknowledged writes are lost, such as {sorted(lost)[:3]}")
        check(len(there) == len(set(there)), "a note is there twice")
        check(node.command("verify")["sound"], "the file does not verify")
        print(f"{kills} kills, {len(acknowledged)} writes acknowledged, {len(lost)} lost, "
              f"{len(there) - len(acknowledged)} more that were under way are there; seed {seed}")
    finally:
        node.stop(signal.SIGKILL)


if __name__ == "__main__":
    main(__doc__, story, kills=25, seed=1)
