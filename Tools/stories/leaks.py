#!/usr/bin/env python3
"""A thousand marked secrets in personal fields of one ward: none of them anywhere else, byte by byte.

渋谷 enters people, their plans, stays, reports and inquiries, and makes accounts and tokens; 足立 and 江東 carry all of it.
Searched: the others' databases with their write-ahead logs, their logs, their processes' memory (gcore), captured bundles,
all that the inspector says of them, and what their API answers. Passwords and tokens lie nowhere at all, and no log holds
anything of it. Exit 0 when nothing was found, 1 when something was.
"""
import json
import os
import random
import re
import subprocess
import urllib.error

from story import Failure, Node, Required, check, main, until

# A mark is letters only, so that every form normalises it to itself.
MARK = re.compile(rb"zq[b-k]{14}|" + rb"z\x00q\x00(?:[b-k]\x00){14}|" + rb"\x00z\x00q(?:\x00[b-k]){14}")


class Secrets:
    def __init__(self, seed):
        self.random, self.personal, self.proofs = random.Random(seed), set(), set()

    def make(self, kept=True):
        text = "zq" + "".join(self.random.choices("bcdefghijk", k=14))
        (self.personal if kept else self.proofs).add(text)
        return text

    def found(self, content):
        """Which of the marks stand in some bytes, in UTF-8 or UTF-16."""
        plain = {match.replace(b"\0", b"").decode() for match in MARK.findall(content)}
        return plain & (self.personal | self.proofs)


def folder_bytes(folder, names):
    content = b""
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                content += file.read()
    return content


def memory(node, folder):
    """The whole memory of a running node."""
    prefix = os.path.join(folder, f"core-{node.ward}")
    run = subprocess.run(["gcore", "-a", "-o", prefix, str(node.process.pid)], capture_output=True, text=True)
    path = f"{prefix}.{node.process.pid}"
    check(os.path.exists(path), f"gcore: {run.stdout[-200:]} {run.stderr[-200:]}")
    found, size, rest = b"", 0, b""
    with open(path, "rb") as file:
        while piece := file.read(1 << 24):
            size += len(piece)
            # Only what looks like a mark is kept, with an overlap of one mark.
            found += b"\n".join(MARK.findall(rest + piece)) + b"\n"
            rest = piece[-40:]
    os.remove(path)
    return found, size


def plant(node, secrets):
    """People, in every personal field that a form has."""
    s = secrets.make
    shelter = node.request("POST", "/api/v1/shelters", {"name": "見本避難所", "ward": node.ward, "facility": "避難所"})["id"]
    post = lambda path, **body: node.request("POST", "/api/v1" + path, body)
    post(f"/shelters/{shelter}/opening", area=700)
    while len(secrets.personal) < 1000:
        guarded = secrets.random.random() < 0.2
        person = post("/residents", familyName=s(), givenName=s(), familyKana=s(), givenKana=s(), address=s(), phone=s(),
                      language=s(), note=s(), guarded=guarded)
        post(f"/residents/{person['id']}/assistance", grounds=["要介護"], plan=s(), supporters=[s(), s()], contact=s(),
             transport=s(), equipment=[s()])
        post(f"/shelters/{shelter}/stays", resident=person["id"], note=s(), allergies=[s()], party=s())
        post(f"/shelters/{shelter}/stays", name=s(), kana=s(), address=s(), phone=s(), guarded=guarded)
        post("/safety", resident=person["id"], status="無事", source="本人", reporter=s(), place=s(), message=s())
        post("/inquiries", resident=person["id"], asker=s(), contact=s(), relation=s())
        post("/counter/reports", state="無事です", name=s(), kana=s(), place=s(), phone=s(), message=s())


def proofs(node, secrets):
    """What people and programs prove themselves with."""
    for number in range(8):
        password = secrets.make(kept=False) + " 三毛猫"
        node.request("POST", "/api/v1/accounts", {"login": f"clerk{number}", "name": "見本 職員", "roles": ["viewer"], "password": password})
        with node.open("POST", "/api/v1/session", json.dumps({"login": f"clerk{number}", "password": password}).encode(),
                       headers={"Authorization": ""}) as answer:
            check(answer.status == 200, "signed in")
        wrong = secrets.make(kept=False)
        try:
            node.open("POST", "/api/v1/session", json.dumps({"login": f"clerk{number}", "password": wrong}).encode(),
                      headers={"Authorization": ""})
            raise Failure("a wrong password signed in")
        except urllib.error.HTTPError as error:
            check(error.code == 401, f"a wrong password: {error.code}")


def told(inspect, node):
    """Everything that the inspector says of a node's folder."""
    content = b""
    environment = dict(os.environ, RENKEI_LANG="en")
    def look(*words):
        run = subprocess.run([inspect, *words], capture_output=True, env=environment)
        return run.stdout + run.stderr
    names = re.findall(r'"([A-Za-z_]+)"', look(
        "query", node.data, "select name from sqlite_master where type = 'table'", "--json").decode())
    check("residents" in names, "the inspector tells the tables")
    for words in ["status"], ["log"], ["log", "--json"], ["conflicts"], ["members"], ["keys"], ["forks"]:
        content += look(words[0], node.data, *words[1:])
    for name in sorted(set(names)):
        content += look("export", node.data, name, "--json")
    return content


def story(binary, folder, inspect, seed):
    secrets = Secrets(seed)
    shibuya, adachi, koto = nodes = [Node(binary, folder, ward) for ward in ("13113", "13121", "13108")]
    for node in nodes:
        node.start([other for other in nodes if other is not node])
    plant(shibuya, secrets)
    proofs(shibuya, secrets)
    until("all carry everything", lambda: len({node.digest() for node in nodes}) == 1, 120)
    print(f"planted: {len(secrets.personal)} in personal fields of 渋谷, {len(secrets.proofs)} passwords; seed {seed}", flush=True)

    places = []
    captured = os.path.join(folder, "captured.bundle")
    shibuya.command("bundle", "export", captured)
    places.append(("a bundle that 渋谷 made for anyone", folder_bytes(folder, ["captured.bundle"])))
    files = ["replica.sqlite", "replica.sqlite-wal", "replica.sqlite-shm", "high-water", "card.json"]
    for node in (adachi, koto):
        answers = b""
        for path in ("/residents?name=zq", "/people?name=zq", "/conflicts", "/shelters", "/stays/elsewhere", "/stays/doubles",
                     "/status", "/links", "/inspect/heads", "/accounts", "/tokens"):
            try:
                answers += node.open("GET", "/api/v1" + path).read()
            except urllib.error.HTTPError as error:
                answers += error.read()
        places.append((f"{node.ward}: answers of its API", answers))
        found, size = memory(node, folder)
        places.append((f"{node.ward}: memory of its process, {size >> 20} MiB", found))
        places.append((f"{node.ward}: database and write-ahead log", folder_bytes(node.data, files)))
        other = os.path.join(folder, f"from-{node.ward}.bundle")
        node.command("bundle", "export", other)
        places.append((f"{node.ward}: a bundle that it made", folder_bytes(folder, [os.path.basename(other)])))
        places.append((f"{node.ward}: its log", folder_bytes(folder, [node.ward + ".log"])))
        places.append((f"{node.ward}: what the inspector says", told(inspect, node)))
    places.append(("渋谷's own log", folder_bytes(folder, ["13113.log"])))
    own = secrets.found(folder_bytes(shibuya.data, files))
    check(len(own & secrets.personal) > 900, f"(the probe finds {len(own & secrets.personal)} where they may be)")
    check(not own & secrets.proofs, "a password lies in 渋谷's own database")
    own_memory, _ = memory(shibuya, folder)
    check(len(secrets.found(own_memory) & secrets.personal) > 100, "(the probe finds them in the memory where they may be)")
    total = 0
    for place, content in places:
        found = secrets.found(content)
        total += len(found)
        print(f"  {place}, {len(content):,} bytes looked at: {len(found)} found", flush=True)
    for node in nodes:
        check(node.stop() == 0, f"{node.ward} stops cleanly")
    check(total == 0, f"{total} secrets are where they must not be")
    print(f"{len(secrets.personal) + len(secrets.proofs)} secrets, 0 found outside their ward; {len(own & secrets.personal)} in its own database")


if __name__ == "__main__":
    main(__doc__, story, inspect=Required, seed=1)
