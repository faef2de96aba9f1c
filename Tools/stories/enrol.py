#!/usr/bin/env python3
"""Enrolling without any server to ask, by files alone, on real nodes: a newcomer with a card and one reachable peer becomes a
full replica; a locked card; a renewal; a laptop that moves to another ward; a ward's card stolen and replaced by the others.
Exit 0 when all held, 1 when not.
"""
import json
import os
import shutil
import ssl
import subprocess

from story import ALL_ROLES, Node, SAMPLE, check, free_port, main, until

PASSPHRASE = "三毛猫と 青い鉛筆と 夕立の匂い"


def run(binary, *words, given="", ok=0):
    """A command of the node's program, with its standard input; what it printed."""
    done = subprocess.run([binary, *words], input=given, capture_output=True, text=True)
    check(done.returncode == ok, f"{' '.join(words)}: exit {done.returncode}, not {ok}: {done.stderr.strip()[-300:]}")
    return done.stdout + done.stderr


class Newcomer(Node):
    """A node that is enrolled by request, signature and card, with its authority elsewhere."""

    def __init__(self, binary, folder, ward, name, passphrase="", years=None):
        self.binary, self.ward, self.data = binary, ward, os.path.join(folder, name)
        self.federation = os.path.join(folder, "federation")
        self.http, self.gossip, self.process = free_port(), free_port(), None
        self.enrol(passphrase, years)
        self.token = self.command("token", "add", "--name", "story", *ALL_ROLES)["token"]
        self.tls = ssl.create_default_context(cafile=os.path.join(self.data, "https", "ca.pem"))

    def enrol(self, passphrase="", years=None):
        request, card = self.data + ".request", self.data + ".card"
        run(self.binary, "enrol", "request", "--data", self.data, request)
        until_years = ["--years", str(years)] if years else []
        run(self.binary, "enrol", "sign", "--federation", self.federation, "--ward", self.ward, *until_years, request, card,
            given=passphrase)
        run(self.binary, "enrol", "accept", "--data", self.data, card)


def up(node):
    return sum(peer["state"] == "up" for peer in node.request("GET", "/api/v1/links")["links"])


def story(binary, folder):
    steps = iter(range(1, 100))

    def step(text):
        print(f"{next(steps):2}. {text}", flush=True)

    papers = os.path.join(folder, "federation")
    desk = Node(binary, folder, "13113")
    everybody = [desk]
    try:
        desk.command("import", SAMPLE)
        desk.start()
        adachi_card = os.path.join(papers, "authority-13121.json")
        run(binary, "authority", "lock", "--federation", papers, "--ward", "13121", given="短い\n", ok=2)
        run(binary, "authority", "lock", "--federation", papers, "--ward", "13121", given=PASSPHRASE + "\n")
        check('"seed"' not in open(adachi_card, encoding="utf-8").read(), "the locked card shows its seed")
        step("足立's card is locked by a passphrase; a short one is refused")

        request = os.path.join(folder, "probe.request")
        run(binary, "enrol", "request", "--data", os.path.join(folder, "probe"), request)
        run(binary, "enrol", "sign", "--federation", papers, "--ward", "13121", request, request + ".card",
            given="ちがう合い言葉をここに入れてみる\n", ok=2)
        adachi = Newcomer(binary, folder, "13121", "adachi", PASSPHRASE + "\n", years=1)
        everybody.append(adachi)
        adachi.start([desk])
        until("the newcomer has everything", lambda: adachi.digest() == desk.digest() and adachi.rows() > 0)
        check(len(adachi.request("GET", "/api/v1/status")["lanes"]) > 0, "lanes")
        step(f"a newcomer with its card and one peer is a full replica: {adachi.rows()} shelters, equal digests")

        second = Newcomer(binary, folder, "13121", "second", PASSPHRASE + "\n")
        everybody.append(second)
        bundle = os.path.join(folder, "all.bundle")
        adachi.command("bundle", "export", bundle)
        second.command("bundle", "import", bundle)
        second.start()
        check(second.rows() == desk.rows(), "the bundle brought all shelters")
        step("a second node of 足立 that nobody can reach became one by a memory card alone")

        early = adachi.request("POST", "/api/v1/residents", {"familyName": "前沢", "givenName": "花子"})["id"]
        second.stop()
        second.start([adachi])
        until("both agree", lambda: second.digest() == adachi.digest() and up(second) == 1)
        before = adachi.command("status")["keyGeneration"]
        # The laptop, whose last word is passed on, moves to 渋谷: another node there, and no node here any more.
        second.stop()
        serial = json.loads(run(binary, "status", "--data", second.data, "--json"))["node"].split(".")[1]
        run(binary, "revoke", "--yes", "--data", adachi.data, "--federation", papers, "--node", f"13121-{serial}", "--reason", "移管",
            given=PASSPHRASE + "\n")
        moved = Newcomer(binary, folder, "13113", "moved")
        everybody.append(moved)
        moved.start([desk])
        until("the moved laptop is a node of 渋谷", lambda: moved.digest() == desk.digest())
        check(adachi.command("status")["keyGeneration"] == before + 1, "the ward's keys were not made anew")
        step("the laptop moved to 渋谷: a node there; in 足立 revoked, and 足立's keys made anew")

        late = Newcomer(binary, folder, "13121", "late", PASSPHRASE + "\n")
        everybody.append(late)
        late.start([adachi])
        later = adachi.request("POST", "/api/v1/residents", {"familyName": "後沢", "givenName": "太郎"})["id"]
        until("it agrees", lambda: late.digest() == adachi.digest())
        for row, name in ((early, "前沢"), (later, "後沢")):
            check(late.request("GET", f"/api/v1/residents/{row}")["familyName"] == name, f"{name} cannot be read")
        step("a node that 足立 enrols afterwards reads what the old keys sealed, and the new")

        end = adachi.command("status")["certificateUntil"]
        adachi.stop()
        adachi.enrol(PASSPHRASE + "\n", years=3)
        adachi.start([desk])
        until("the renewal arrived", lambda: up(adachi) >= 1 and adachi.digest() == desk.digest())
        check(adachi.command("status")["certificateUntil"] > end + 365 * 86_400_000, "the certificate was not renewed")
        step("足立's certificate was renewed by the same three commands")

        # 渋谷's card is stolen. Twelve of 23 sign.
        proposal = os.path.join(folder, "proposal")
        stolen = shutil.copytree(papers, os.path.join(folder, "thief"))
        run(binary, "authority", "replace", "propose", "--data", desk.data, "--federation", papers, proposal)
        wards = sorted(name[10:15] for name in os.listdir(papers) if name.startswith("authority-") and name.endswith(".json"))
        signing = [ward for ward in wards if ward not in ("13113", "13121")]
        for count, ward in enumerate(signing[:12], 1):
            if count == 12:
                run(binary, "authority", "replace", "publish", "--data", desk.data, "--federation", papers, "--reason", "盗難",
                    proposal, ok=2)
            run(binary, "authority", "replace", "sign", "--federation", papers, "--ward", ward, proposal)
        run(binary, "authority", "replace", "publish", "--data", desk.data, "--federation", papers, "--reason", "盗難", proposal)
        run(binary, "authority", "renew-keys", "--data", desk.data, "--federation", papers)
        until("all agree", lambda: len({node.digest() for node in (desk, adachi, moved)}) == 1)
        step("渋谷's card was stolen: 11 signatures are refused, 12 of 23 make another authority")

        thief = Newcomer.__new__(Newcomer)
        thief.binary, thief.ward, thief.data, thief.federation = binary, "13113", os.path.join(folder, "false"), stolen
        thief.http, thief.gossip, thief.process = free_port(), free_port(), None
        thief.enrol()
        thief.token = thief.command("token", "add", "--name", "story", *ALL_ROLES)["token"]
        thief.tls = ssl.create_default_context(cafile=os.path.join(thief.data, "https", "ca.pem"))
        members = desk.request("GET", "/api/v1/status")["members"]
        false = os.path.join(folder, "false.bundle")
        thief.command("bundle", "export", false)
        refused = desk.command("bundle", "import", false, ok=(0, 1))
        check(refused["changeSets"] == 0 and refused["refused"], f"the thief's node was taken up: {refused}")
        check(desk.request("GET", "/api/v1/status")["members"] == members, "the thief's node is a member")
        honest = Newcomer(binary, folder, "13113", "honest")
        everybody.append(honest)
        honest.start([adachi])
        until("the new authority's node is a full replica", lambda: honest.digest() == desk.digest())
        step("whom the thief enrols, nobody takes up; whom the new authority enrols, everybody")
    finally:
        for node in everybody:
            node.stop()


if __name__ == "__main__":
    main(__doc__, story)
