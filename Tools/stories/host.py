#!/usr/bin/env python3
"""A node on a machine that others use, too: whatever it makes is its owner's alone, at every moment; backups are sealed; a
federation is founded without anybody holding another ward's secret; what a person does with the node stands in the audit trail; and
the inspector ends. Exit 0 when all held, 1 when not."""
import glob
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
import time

from story import ALL_ROLES, Node, Required, SAMPLE, check, main

NAME = "封印 花子"


class Watch(threading.Thread):
    """Looks all the time for what others could read or enter."""

    def __init__(self, *folders):
        super().__init__(daemon=True)
        self.folders, self.found, self.seen, self.ends = folders, set(), set(), False

    def look(self, path):
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return
        self.seen.add(os.path.basename(path))
        if not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o077:
            self.found.add(f"{path} {stat.filemode(status.st_mode)}")

    def run(self):
        while not self.ends:
            for folder in self.folders:
                for path, folders, files in os.walk(folder):
                    for name in folders + files:
                        self.look(os.path.join(path, name))
            for path in glob.glob("/tmp/renkei-inspect*"):
                self.look(path)

    def stop(self):
        self.ends = True
        self.join()
        check(not self.found, f"readable or open to others at some moment: {sorted(self.found)[:10]}")


def run(*words, ok=(0,), stdin=None, timeout=60):
    done = subprocess.run(words, capture_output=True, text=True, input=stdin, timeout=timeout)
    check(done.returncode in ok, f"{' '.join(words[1:])}: exit {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}")
    return done


class Standing(Node):
    """A node whose folder was made beforehand, and stands open."""

    def make(self, folder):
        os.mkdir(self.data, 0o755)
        open(os.path.join(self.data, "old.txt"), "w").close()
        os.chmod(self.data, 0o755)
        made = subprocess.run(
            [self.binary, "init", "--ward", self.ward, "--federation", os.path.join(folder, "federation"), "--drill", "--data", self.data, "--json"],
            capture_output=True, text=True)
        check(made.returncode == 0 and "chmod 700" in made.stderr, f"closed with words: {made.stderr}")
        check("訓練" in made.stderr, f"init says that it is for drills: {made.stderr}")
        check(stat.S_IMODE(os.stat(self.data).st_mode) == 0o700, "the folder is closed")
        os.remove(os.path.join(self.data, "old.txt"))
        self.enter(json.loads(made.stdout)["httpsAuthority"])

    def enter(self, authority):
        import ssl
        token = self.command("token", "add", "--name", "story", *ALL_ROLES)
        self.token, self.token_row = token["token"], token["id"]
        self.tls = ssl.create_default_context(cafile=authority)


def story(binary, folder, inspect):
    # Whatever the account's own mask is: the program has its own.
    os.umask(0)
    out = os.path.join(folder, "out")
    os.mkdir(out)
    watch = None
    node = Standing(binary, folder, "13113")
    try:
        watch = Watch(node.data, os.path.join(folder, "federation"), out)
        watch.start()
        node.start()
        work(binary, folder, out, node)
        sweep(node)
        backups(binary, out, node)
        watch.stop()
        for name in ("replica.sqlite", "replica.sqlite-wal", "node.key", "control.sock", "card.rkb", "plain.sqlite", "acts"):
            check(name in watch.seen, f"the watch saw {name}: {sorted(watch.seen)}")
        check(any(name.endswith((".csv", ".sqlite-wal")) or len(name) == 36 for name in watch.seen), "and files of a moment")
        print("everything that was made is its owner's alone, at every moment; what killed processes leave is swept", flush=True)
        reader(node)
        far(binary, folder)
        founding(binary, folder)
        unit(binary, node)
        looking(binary, inspect, folder, node)
    finally:
        if watch:
            watch.ends = True
        node.stop(signal.SIGKILL)


def work(binary, folder, out, node):
    """All that makes files."""
    node.command("import", SAMPLE)
    node.request("POST", "/api/v1/residents", {"familyName": NAME.split()[0], "givenName": NAME.split()[1], "birth": "1950-01-01"})
    lines = [f"131130,{n},追加{n},東京都渋谷区追加{n}-1,35.66,139.70,{n % 500}\r\n" for n in range(3_000)]
    content = ("市区町村コード,NO,名称,住所,緯度,経度,想定収容人数\r\n" + "".join(lines)).encode()
    with node.open("POST", "/import?name=large.csv", content, timeout=60) as answer:
        check(answer.status == 200, "a list by the page")
    check(node.command("verify")["sound"], "verifies")
    card = os.path.join(out, "card.rkb")
    node.command("bundle", "export", card)
    node.command("bundle", "import", card)
    with node.open("GET", "/network/bundle", timeout=60) as answer:
        content = answer.read()
        check(len(content) == int(answer.headers["Content-Length"]) and content[:4] == b"RKB1", "a bundle by the page")
    with node.open("POST", "/network/bundle", content, timeout=60) as answer:
        check(answer.status == 200, "and back")
    node.command("export", os.path.join(out, "shelters.csv"))
    node.command("export", "--datasette", os.path.join(out, "analyst"))
    for name in ("second",):
        data = os.path.join(out, name)
        run(binary, "enrol", "request", "--data", data, os.path.join(out, "request"))
        run(binary, "enrol", "sign", "--federation", os.path.join(folder, "federation"), "--ward", "13113", os.path.join(out, "request"), os.path.join(out, "card"))
        run(binary, "enrol", "accept", "--data", data, os.path.join(out, "card"))
        run(binary, "status", "--data", data)
    run(binary, "authority", "make", "--ward", "13101", "--out", os.path.join(out, "authority-13101.json"), stdin="ながいながいあいことばをここにかきます\n")
    acts = node.request("GET", "/api/v1/audit?action=importShelters")["notes"]
    check({"端末の操作者", "story"} >= {a["user"] for a in acts} and len({a["user"] for a in acts}) == 2, f"who imported: {acts[:3]}")


def sweep(node):
    """A process that was killed leaves files; the next start takes them away."""
    node.stop(signal.SIGKILL)
    left = [os.path.join(node.data, "scratch", name) for name in ("A.sqlite", "A.sqlite-wal", "B")] + [node.data + "/node.key.writing"]
    for path in left:
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write("x")
    node.start()
    check(not any(os.path.exists(path) for path in left), f"swept: {os.listdir(node.data + '/scratch')}")


def backups(binary, out, node):
    sealed, plain = os.path.join(out, "b.rks"), os.path.join(out, "plain.sqlite")
    made = node.command("backup", sealed)
    check(made["sealedFor"] == ["13113 authority", "13113-1"], f"for whom: {made}")
    said = run(binary, "backup", "--data", node.data, "--plain", plain)
    check("封のない" in said.stdout, "who insists is told what it is")
    content = open(sealed, "rb").read()
    words = [NAME.split()[0].encode(), "見本".encode(), b"SQLite format", b"shelters"]
    check(any(word in open(plain, "rb").read() for word in words) and not any(word in content for word in words), "nothing of it can be read")
    check(content[:4] == b"RKS1" and b"renkei-node " in content[:64], "what it is, anybody can read")
    # The act waits for the next change set, then it is in the trail.
    before = node.digest()
    node.command("bundle", "export", os.path.join(out, "again.rkb"))
    check(node.digest() == before, "a card alone changes no table")
    node.request("POST", "/api/v1/shelters", {"name": "次の変更"})
    acts = {(a["action"], a["user"]) for a in node.request("GET", "/api/v1/audit?limit=500")["notes"]}
    for act in ("backUp", "exportBundle"):
        check((act, "端末の操作者") in acts, f"{act} is noted: {sorted(acts)}")
    rows = node.rows()
    node.stop()
    refused = os.path.join(out, "refused.rks")
    for name, broken, words, code in (
            ("a turned byte", content[:70_000] + bytes([content[70_000] ^ 1]) + content[70_001:], "バイト目", 1),
            ("a cut", content[:-100], "バイト目", 1),
            ("something behind it", content + b"x" * 70_000, "バイト目", 1),
            ("no backup at all", b"RKS1", "", 1)):
        with open(os.open(refused, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(broken)
        told = run(binary, "restore", "--data", node.data, refused, ok=(code, 2))
        check(words in told.stderr, f"{name}: {told.stderr}")
    check(node.command("status")["epoch"] == 0, "nothing was put back")
    check("別のノード" in run(binary, "restore", "--data", os.path.join(out, "second"), sealed, ok=(2,)).stderr, "another node's")
    check(node.command("restore", sealed)["epoch"] == 1, "by the node's own key")
    card = os.path.join(os.path.dirname(out), "federation", "authority-13113.json")
    check(node.command("restore", sealed, "--authority", card)["epoch"] == 1, "by the ward's authority")
    check(node.command("restore", plain)["epoch"] == 1, "and one that is not sealed")
    opened = os.path.join(out, "opened.sqlite")
    run(binary, "unseal", "--authority", card, sealed, opened)
    with sqlite3.connect(opened) as db:
        count = db.execute("SELECT count(*) FROM shelters").fetchone()[0]
    check(count == rows - 1, f"the same rows: {count}, {rows}")
    os.remove(opened)
    node.start()
    print(f"a backup of {len(content)} bytes, sealed for two; five ways to spoil it are told by the byte", flush=True)


def reader(node):
    """Somebody reads the database and does not stop; then does."""
    path = os.path.join(node.data, "replica.sqlite")
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    db.execute("BEGIN")
    db.execute("SELECT count(*) FROM shelters").fetchone()
    node.command("drill", "--bytes", "30000000")
    held = os.path.getsize(path + "-wal")
    metrics = node.request("GET", "/metrics", parse=False).decode()
    told = [int(line.split()[1]) for line in metrics.splitlines() if line.startswith("renkei_write_ahead_log_bytes ")]
    check(held > 20 << 20 and told and told[0] >= held, f"the log has grown, and the figures say so: {held}, {told}")
    db.execute("ROLLBACK")
    db.close()
    node.stop()
    left = os.path.getsize(path + "-wal") if os.path.exists(path + "-wal") else 0
    check(left == 0, f"a stopped node is one file: {left}")
    node.start()
    print(f"a reader held {held >> 20} MB of write-ahead log; a clean stop leaves none", flush=True)


def far(binary, folder):
    """A path too long for a socket's name: it lies in the node's folder all the same."""
    before = glob.glob("/tmp/renkei-*.sock")
    deep = os.path.join(folder, *["とても深いところ"] * 6)
    os.makedirs(deep)
    node = Node(binary, deep, "13121")
    check(len(node.data.encode()) > 108, "a long path")
    node.start()
    try:
        check(os.path.exists(os.path.join(node.data, "control.sock")), "its socket")
        check(node.command("status")["running"], "and it is reached by it")
        check(glob.glob("/tmp/renkei-*.sock") == before, "none in /tmp")
    finally:
        node.stop()
    print("a node far down has its socket in its own folder", flush=True)


def founding(binary, folder):
    """23 wards found a federation; nobody holds another's secret."""
    base = os.path.join(folder, "founding")
    os.makedirs(os.path.join(base, "all"))
    codes = [str(13101 + n) for n in range(23)]
    for code in codes:
        os.mkdir(os.path.join(base, code))
        card = os.path.join(base, code, f"authority-{code}.json")
        locked = code == "13113"
        run(binary, "authority", "make", "--ward", code, "--out", card, *([] if locked else ["--open"]), stdin="ながいながいあいことばをここにかきます\n" if locked else None)
        shutil.copy(card.replace(".json", ".public.json"), os.path.join(base, "all"))
    founded = os.path.join(base, "f")
    spare = os.path.join(base, "all", "authority-13107.public.json")
    os.rename(spare, spare + ".away")
    told = run(binary, "found", "--authorities", os.path.join(base, "all"), "--out", founded, ok=(2,))
    check("13107" in told.stderr, f"who is missing: {told.stderr}")
    os.rename(spare + ".away", spare)
    said = run(binary, "found", "--authorities", os.path.join(base, "all"), "--out", founded).stdout
    check(sorted(os.listdir(founded)) == sorted(["genesis.json"] + [f"federation-key-{c}.json" for c in codes]), f"{os.listdir(founded)}")
    ids = set()
    for code, words in (("13113", "ながいながいあいことばをここにかきます\n"), ("13121", None)):
        place = os.path.join(base, code)
        for name in ("genesis.json", f"federation-key-{code}.json"):
            shutil.copy(os.path.join(founded, name), place)
        joined = run(binary, "authority", "join", "--federation", place, "--ward", code, stdin=words).stdout
        ids.add(joined.split()[-1])
        data = os.path.join(base, f"node-{code}")
        run(binary, "enrol", "request", "--data", data, os.path.join(place, "request"))
        run(binary, "enrol", "sign", "--federation", place, "--ward", code, os.path.join(place, "request"), os.path.join(place, "card"), stdin=words)
        run(binary, "enrol", "accept", "--data", data, os.path.join(place, "card"))
        status = json.loads(run(binary, "status", "--data", data, "--json").stdout)
        check(status["ward"] == code and not status["drill"], f"a node of the real one: {status['ward']}")
    check(len(ids) == 1 and ids.pop() in said, "one federation")
    card = os.path.join(base, "card.rkb")
    run(binary, "bundle", "export", "--data", os.path.join(base, "node-13113"), card)
    taken = json.loads(run(binary, "bundle", "import", "--data", os.path.join(base, "node-13121"), card, "--json").stdout)
    check(taken["changeSets"] > 0 and not taken["refused"], f"they understand each other: {taken}")
    print("23 public keys made a federation; two wards joined, one of them with a locked card", flush=True)


def unit(binary, node):
    text = run(binary, "unit", "--data", node.data).stdout
    for line in ("NoNewPrivileges=yes", "UMask=0077", "LimitCORE=0", "ProtectSystem=strict", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX"):
        check(line in text.splitlines(), f"{line}: {text}")
    check(node.data in text and os.path.realpath(binary) in text, "the folder and the program")
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        return print("systemd-analyze is not here: the unit was not verified", flush=True)
    for data in (node.data, "/var/lib/renkei/node", "/srv/with blank/100%"):
        path = os.path.join(os.path.dirname(node.data), "renkei-story.service")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(run(binary, "unit", "--data", data).stdout)
        told = subprocess.run([analyze, "verify", path], capture_output=True, text=True)
        faults = [line for line in told.stderr.splitlines() if "renkei-story" in line]
        check(not faults, f"{data}: {faults}")
    print("the unit is what systemd takes", flush=True)


def looking(binary, inspect, folder, node):
    """The inspector follows links, refuses what is no file, and ends."""
    node.change(node.request("GET", "/api/v1/shelters?limit=1")["shelters"][0]["id"], note="書き込みログの中")
    node.stop(signal.SIGKILL)
    link = os.path.join(folder, "link.sqlite")
    os.symlink(os.path.join(node.data, "replica.sqlite"), link)
    def look(*words, ok=(0,), timeout=20):
        start = time.monotonic()
        done = run(inspect, *words, ok=ok, timeout=timeout)
        return done, time.monotonic() - start
    direct, linked = (json.loads(look("status", path, "--json", ok=(0, 1))[0].stdout) for path in (node.data, link))
    for answer in (direct, linked):
        answer["disk"].pop("free", None)
    for key in ("lanes", "disk"):
        check(direct[key] == linked[key], f"through a link: {direct[key]}, {linked[key]}")
    pipe = os.path.join(folder, "pipe.sqlite")
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero", "/dev/null"):
        done, seconds = look("status", path, ok=(2,))
        check(seconds < 5 and "普通のファイル" in done.stderr, f"{path}: {done.stderr}")
    endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
    done, seconds = look("query", node.data, endless, "--timeout", "2", ok=(2,))
    check(1.5 < seconds < 8 and "--timeout" in done.stderr, f"a question without end: {seconds:.1f} s, {done.stderr}")
    done, _ = look("query", node.data, endless, "--timeout", "1", "--json", ok=(2,))
    check("error" in json.loads(done.stdout.splitlines()[-1]), "said to a program, too")
    check(look("status", node.data, "--timeout", "0", ok=(2,))[0].stderr, "zero is no time")
    # Whoever pages through an answer is waited for, however long.
    _, seconds = look("log", node.data, "--json", timeout=60)
    limit = int(seconds) + 4
    reading = subprocess.Popen([inspect, "log", node.data, "--json", "--timeout", str(limit)], stdout=subprocess.PIPE)
    reading.stdout.readline()
    time.sleep(limit + 1)
    rest = sum(1 for _ in reading.stdout)
    check(reading.wait(20) == 0 and rest > 100, f"a reader that takes its time: exit {reading.returncode}, {rest} lines")
    sealed = os.path.join(folder, "out", "b.rks")
    said = look("status", sealed, ok=(2,))[0].stderr
    check("unseal" in said, f"a sealed backup says what it is: {said}")
    # In a folder of its own: other stories verify meanwhile.
    scratch = os.path.join(folder, "scratch")
    os.mkdir(scratch)
    check(look("verify", node.data, "--timeout", "120", "--scratch", scratch, timeout=120)[0].stdout, "verify")
    left = glob.glob(os.path.join(scratch, "*", "*"))
    check(not left, f"what it worked in is gone: {left}")
    print("the inspector follows links, refuses pipes and devices at once, and ends within its time", flush=True)


if __name__ == "__main__":
    main(__doc__, story, inspect=Required)
