#!/usr/bin/env python3
"""Nodes as released programs left them, started by this one: of the same format, the same tables to the last hash, sound, and going
on; of format 1, which is gone, refused with words and left alone, like what a newer program wrote. Tests/Releases has one drill's
node for each release (UPGRADE.md)."""
import glob
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile

from story import ALL_ROLES, Node, TOOLS, check, free_port, main, until

RELEASES = os.path.join(os.path.dirname(TOOLS), "Tests", "Releases")
TOPOLOGY = os.path.join(os.path.dirname(TOOLS), "Topology", "tokyo23.yaml")


FORMAT_1 = ["0.1"]


def refused(binary, data, name):
    """Nothing of it is read or touched, and it is said what to do."""
    os.chmod(data, 0o700)
    before = {f: open(os.path.join(data, f), "rb").read() for f in os.listdir(data) if f.endswith((".sqlite", ".json", ".key"))}
    for language, words in (("ja", "形式"), ("en", "format")):
        run = subprocess.run([binary, "status", "--data", data], capture_output=True, text=True, env={**os.environ, "RENKEI_LANG": language})
        check(run.returncode == 2 and words in run.stderr and "init" in run.stderr, f"{name}: {run.returncode} {run.stderr}")
    after = {f: open(os.path.join(data, f), "rb").read() for f in before}
    check(before == after, f"{name}: its files are as they were: {[f for f in before if before[f] != after[f]]}")
    print(f"{name}: refused, with what to do, and left alone", flush=True)


class Old(Node):
    """A node that an older program has left."""

    def __init__(self, binary, data):
        self.binary, self.ward, self.data, self.process = binary, "13113", data, None
        self.http, self.gossip = free_port(), free_port()

    def enter(self):
        import ssl
        token = self.command("token", "add", "--name", "upgrade", *ALL_ROLES)
        self.token, self.token_row = token["token"], token["id"]
        self.tls = ssl.create_default_context(cafile=os.path.join(self.data, "https", "ca.pem"))


def story(binary, folder):
    releases = sorted(glob.glob(os.path.join(RELEASES, "*.tar.gz")))
    check(releases, f"{RELEASES} has the releases")
    for release in releases:
        name = os.path.basename(release).removesuffix(".tar.gz")
        with tarfile.open(release) as archive:
            archive.extractall(folder)
        data = os.path.join(folder, name)
        shutil.copy(TOPOLOGY, os.path.join(data, "topology.yaml"))
        if name in FORMAT_1:
            refused(binary, data, name)
            continue
        with open(os.path.join(data, "expected.json")) as file:
            expected = json.load(file)
        before = os.path.join(folder, "before.sqlite")
        shutil.copy(os.path.join(data, "replica.sqlite"), before)
        node = Old(binary, data)
        node.enter()
        node.start()
        try:
            status = node.request("GET", "/api/v1/status?digest=1")
            tables = {t: h for t, h in status["tables"].items() if not t.startswith(("audit", "tokens"))}
            known = {t: h for t, h in expected["tables"].items() if not t.startswith(("audit", "tokens"))}
            check(all(tables.get(t) == h for t, h in known.items()), f"{name}: the same tables: {[t for t in known if tables.get(t) != known[t]]}")
            check(status["epoch"] == 0, "it goes on as who it was")
            row = node.request("POST", "/api/v1/shelters", {"name": "更新の後"})["id"]
            check(node.shelter(row)["updatedBy"] == "13113-1", "and what is new works")
        finally:
            node.stop()
        check(node.command("verify")["sound"], f"{name}: what was there and what came verifies")
        # Back again, as UPGRADE.md says: the copy from before, in a new epoch.
        check(node.command("restore", before)["epoch"] == 1, "the copy from before the upgrade can be put back")
        print(f"{name} ({expected['program']}): {len(known)} tables as they were, and back", flush=True)
    # What a newer program wrote.
    data = os.path.join(folder, "newer")
    subprocess.run([binary, "init", "--ward", "13113", "--data", data, "--federation", os.path.join(folder, "f"), "--drill"],
                   check=True, capture_output=True)
    subprocess.run([binary, "status", "--data", data], check=True, capture_output=True)
    with sqlite3.connect(os.path.join(data, "replica.sqlite")) as db:
        db.execute("INSERT INTO grdb_migrations VALUES ('9 of a newer program')")
    run = subprocess.run([binary, "status", "--data", data], capture_output=True, text=True)
    check(run.returncode == 2, f"a newer program's file is refused: {run.returncode} {run.stderr}")


if __name__ == "__main__":
    main(__doc__, story)
