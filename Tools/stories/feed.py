#!/usr/bin/env python3
"""The analysts' copy: a node's tables in a PostgreSQL of its own, started here. Copied whole, then kept up to date; killed again and again
in the middle, run twice at once, the server killed, the node's tables made anew: each time the copy is what the node has, row for row and
column for column, and nothing about people is in it. The rate stands beside PostgreSQL's own COPY of the same rows in the same run.

Exit 0 when all held, 1 when not.
"""
import hashlib
import os
import pwd
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from story import SAMPLE, Node, check, free_port, main, until

BINARIES = sorted(os.path.join(path, "bin") for path in (os.path.join("/usr/lib/postgresql", name) for name in (os.listdir("/usr/lib/postgresql") if os.path.isdir("/usr/lib/postgresql") else [])))
ROWS = 20_000
PEOPLE = ("residents", "stays", "safety_reports", "consents", "cases", "credentials", "tokens", "assistance")


class Server:
    """A PostgreSQL cluster in a folder of its own: it does not run as root."""

    def __init__(self):
        self.folder, self.port, self.process = tempfile.mkdtemp(prefix="renkei-pg-"), free_port(), None
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        subprocess.run([os.path.join(BINARIES[-1], "initdb"), "-D", self.data, "-U", "analyst", "-A", "trust", "-E", "UTF8", "--locale", "C"],
                       check=True, capture_output=True, **self.identity())
        self.start()

    data = property(lambda self: os.path.join(self.folder, "data"))
    target = property(lambda self: f"postgresql://analyst@127.0.0.1:{self.port}/postgres")

    def identity(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}

    def start(self):
        self.process = subprocess.Popen([os.path.join(BINARIES[-1], "postgres"), "-D", self.data, "-p", str(self.port), "-k", self.folder, "-h", "127.0.0.1"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.identity())
        until("PostgreSQL answers", lambda: subprocess.run(["psql", self.target, "-c", "SELECT 1"], capture_output=True).returncode == 0)

    def kill(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def ask(self, sql):
        run = subprocess.run(["psql", self.target, "-At", "-c", sql], capture_output=True, text=True)
        check(run.returncode == 0, run.stderr)
        return run.stdout.strip()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def copy(node, server, ok=(0,)):
    run = subprocess.run([node.binary, "feed", "--once", "--to", server.target, "--data", node.data, "--json"], capture_output=True, text=True)
    check(run.returncode in ok, f"feed: {run.returncode} {run.stderr[-300:]}")
    return run


def shown(value):
    if value is None:
        return "∅"
    if isinstance(value, float):
        return repr(value)
    return str(value)


def compare(node, server):
    """Every table of the copy against the node's file."""
    kinds = {}
    for line in server.ask("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'renkei' AND table_name <> 'renkei_feed' ORDER BY table_name, ordinal_position").split("\n"):
        table, column, kind = line.split("|")
        kinds.setdefault(table, {})[column] = kind
    tables = sorted(kinds)
    check(len(tables) > 40 and not set(tables) & set(PEOPLE), f"tables: {tables}")
    counts = dict(line.split("|") for line in server.ask(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM renkei.\"{table}\"" for table in tables)).split("\n"))
    source = sqlite3.connect(f"file:{node.data}/replica.sqlite?mode=ro", uri=True)
    count = 0
    for table in tables:
        if counts[table] == "0":
            check(source.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] == 0, f"{table} is empty")
            continue
        plain = [column for column, kind in kinds[table].items() if kind not in ("jsonb", "bytea", "double precision")]
        names = ", ".join(f'"{column}"' for column in plain)
        ours = hashlib.sha256()
        rows = 0
        for row in source.execute(f'SELECT {names} FROM "{table}" ORDER BY id'):
            ours.update(("\x1f".join(shown(value) for value in row) + "\x1e").encode())
            rows += 1
        theirs = hashlib.sha256()
        text = ", ".join(f'coalesce("{column}"::text, \'∅\')' for column in plain)
        run = subprocess.run(["psql", server.target, "-At", "-R", "\x1e", "-F", "\x1f", "-c", f'SELECT {text} FROM renkei."{table}" ORDER BY id'], capture_output=True, text=True)
        for row in filter(None, run.stdout.rstrip("\n").split("\x1e")):
            theirs.update((row + "\x1e").encode())
        check(ours.hexdigest() == theirs.hexdigest(), f"{table} is not the same")
        count += rows
    source.close()
    return count, len(tables)


def story(binary, folder):
    check(BINARIES, "PostgreSQL is not installed")
    server = Server()
    node = Node(binary, folder, "13113")
    rng = random.Random(7)
    try:
        node.start([])
        node.command("import", SAMPLE)
        # People, who are not to be there.
        node.request("POST", "/api/v1/residents", {"familyName": "秘密", "givenName": "太郎", "address": "円山町"})
        supplier = node.request("POST", "/api/v1/suppliers", {"name": "タブ\tと\\と'引用'"})["id"]
        lines = "商品コード,品名,単価\n" + "".join(f"C{n},品 {n} \\N,{n % 997 + 1}\n" for n in range(10_000))
        for turn in range(ROWS // 10_000 + 1):
            row = node.request("POST", "/api/v1/suppliers", {"name": f"店 {turn}"})["id"]
            node.request("POST", "/api/v1/catalogue-lines", {"supplier": row, "csv": lines[: max(1, len(lines) if turn < ROWS // 10_000 else len(lines) // 2)].rsplit("\n", 1)[0] + "\n"})
        begun = time.monotonic()
        copy(node, server)
        took = time.monotonic() - begun
        rows, tables = compare(node, server)
        subprocess.run(["psql", server.target, "-c", "CREATE TABLE plain (LIKE renkei.catalogue_lines INCLUDING ALL)"], check=True, capture_output=True)
        dump = subprocess.run(["psql", server.target, "-c", "COPY renkei.catalogue_lines TO STDOUT"], check=True, capture_output=True).stdout
        begun = time.monotonic()
        subprocess.run(["psql", server.target, "-c", "COPY plain FROM STDIN"], input=dump, check=True, capture_output=True)
        floor = time.monotonic() - begun
        each, least = took / rows, floor / dump.count(b"\n")
        print(f"{rows:,} rows in {tables} tables copied in {took:.1f} s, equal by their hashes; {each / least:.1f} times COPY of the same rows from a ready text")
        check(server.ask("SELECT count(*) FROM renkei.suppliers WHERE name LIKE '%秘密%'") == "0", "somebody is there")

        def change(count):
            for _ in range(count):
                n = rng.random()
                if n < 0.6:
                    node.request("PATCH", f"/api/v1/suppliers/{supplier}", {"address": f"見本町{rng.randrange(1000)}"})
                elif n < 0.8:
                    node.request("POST", "/api/v1/lessons", {"title": f"題 {rng.randrange(1000)}", "phase": "仕様", "text": "改行\nと\tタブ"})
                else:
                    order = node.request("POST", "/api/v1/purchase-orders", {"title": "緊急", "isEmergency": True})["id"]
                    line = node.request("POST", f"/api/v1/purchase-orders/{order}/lines", {"title": "水", "price": "100", "quantity": 5})["id"]
                    node.request("POST", f"/api/v1/purchase-order-lines/{line}/removal", {}, parse=False)

        for turn in range(4):
            change(12)
            feeds = [subprocess.Popen([node.binary, "feed", "--once", "--to", server.target, "--data", node.data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
            time.sleep(rng.random() * 0.3)
            if turn % 2 == 0:
                feeds[0].kill()
            if turn == 2:
                server.kill()
                server.start()
            for feed in feeds:
                feed.wait()
            copy(node, server)
            compare(node, server)
        print("four rounds of changes and deletions, two feeds at once, one killed, the server killed once: equal after each")
        node.stop()
        node.command("rebuild")
        result = copy(node, server).stdout
        check('"isSnapshot":true' in result, f"after a rebuild: {result}")
        compare(node, server)
        other = Node(binary, folder, "13121")
        check(copy(other, server, ok=(2,)).returncode == 2, "another node's copy was written over")
        print("after a rebuild everything is copied anew; another node's tables are refused")
    finally:
        node.stop()
        server.close()


if __name__ == "__main__":
    main(__doc__, story)
