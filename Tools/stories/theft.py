#!/usr/bin/env python3
"""A laptop is stolen, on five real nodes: what the thief can read, what it can write, and what the wards keep.

渋谷's second node is stolen with its disk and runs on beside 江東, which is cut off from everybody. 渋谷 revokes it with its
authority's card; a courier brings that to 江東 on a memory card; the links heal. Exit 0 when all held, 1 when not.
"""
import os
import subprocess
import time

from story import Node, SAMPLE, check, free_port, main, until

SECRET = "秘匿山"


class Second(Node):
    """A ward's second node, in a folder of its own."""

    def __init__(self, binary, folder, ward, name):
        self.binary, self.ward, self.data = binary, ward, os.path.join(folder, name)
        self.http, self.gossip, self.process = free_port(), free_port(), None
        self.make(folder)


def disk(node):
    """All that lies in a node's folder."""
    content = b""
    for place, _, names in os.walk(node.data):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    content += file.read()
    return content


def up(node):
    return sum(peer["state"] == "up" for peer in node.request("GET", "/api/v1/links")["links"])


def story(binary, folder):
    steps = iter(range(1, 100))

    def step(text):
        print(f"{next(steps):2}. {text}", flush=True)

    desk, adachi, koto = nodes = [Node(binary, folder, ward) for ward in ("13113", "13121", "13108")]
    laptop = Second(binary, folder, "13113", "laptop")
    everybody = nodes + [laptop]
    thief = None
    try:
        for node in everybody:
            node.start([other for other in everybody if other is not node])
        for node in nodes:
            node.command("import", SAMPLE)
        desk.request("POST", "/api/v1/residents", {"familyName": SECRET + "渋谷", "givenName": "花子"})
        adachi.request("POST", "/api/v1/residents", {"familyName": SECRET + "足立", "givenName": "太郎"})
        until("all agree", lambda: len({node.digest() for node in everybody}) == 1 and koto.rows() == 120)
        rows = [s["id"] for s in desk.request("GET", "/api/v1/shelters?ward=13113")["shelters"][:8]]
        laptop.change(rows[0], status="開設")
        until("the laptop's honest word is everywhere", lambda: all(n.shelter(rows[0])["status"] == "開設" for n in nodes))
        step("four nodes, 120 shelters, a resident in two wards; 渋谷's laptop opened a shelter")

        laptop.stop()
        content = disk(laptop)
        check((SECRET + "足立").encode() not in content, "足立's resident lies on the stolen disk")
        check((SECRET + "渋谷").encode() in content, "(the probe finds what the laptop's own ward wrote)")
        step("stolen: nothing of another ward's residents is on its disk, byte by byte")

        for node in nodes:
            node.stop()
        desk.start([adachi])
        adachi.start([desk])
        koto.start([laptop])
        thief = laptop
        thief.start([koto])
        until("the thief is linked to 江東", lambda: up(koto) == 1)
        for row in rows:
            thief.change(row, status="閉鎖", crowding="定員一杯")
        until("江東 believes it", lambda: all(koto.shelter(row)["status"] == "閉鎖" for row in rows))
        koto.change(rows[1], addNeeds=["江東の毛布"])
        step(f"the thief speaks to 江東, cut off from the rest: {len(rows)} shelters closed there")

        federation = os.path.join(folder, "federation")
        result = desk.command("revoke", "--yes", "--federation", federation, "--node", "13113-2", "--reason", "盗難")
        check(result["setAside"] == 0, f"nothing void was at 渋谷: {result}")
        until("足立 has the revocation", lambda: desk.digest() == adachi.digest())
        step("渋谷 revokes it with its authority's card; 足立 hears it over the link")

        card = os.path.join(folder, "card.bundle")
        adachi.command("bundle", "export", card)
        koto.command("bundle", "import", card)
        status = {koto.shelter(row)["status"] for row in rows}
        check("閉鎖" not in status, f"江東 still believes the thief: {status}")
        check(koto.shelter(rows[0])["status"] == "開設", "what the laptop wrote before the cut holds")
        aside = koto.command("set-aside")["branches"]
        check(sum(b["changeSets"] for b in aside) >= len(rows) and all(b["revoked"] for b in aside), f"kept apart: {aside}")
        step(f"a courier brings it to 江東, which runs: the shelters are open again, {sum(b['changeSets'] for b in aside)} change sets kept apart")

        until("江東 has dropped the thief", lambda: up(koto) == 0)
        thief.change(rows[2], status="閉鎖", note="まだ書く")
        stolen = os.path.join(folder, "stolen.bundle")
        thief.command("bundle", "export", stolen)
        before = koto.digest()
        koto.command("bundle", "import", stolen)
        check(koto.digest() == before, "a card from the thief changed something")
        step("the thief writes on, by link and by card: nothing is taken")

        wrong = subprocess.run(
            [binary, "revoke", "--yes", "--data", desk.data, "--federation", federation, "--node", "13113-9", "--reason", "無い"],
            capture_output=True, text=True)
        check(wrong.returncode == 2 and "13113-9" in wrong.stderr, f"an unknown node: {wrong.returncode} {wrong.stderr}")
        thief.stop()
        koto.stop()
        koto.start([desk, adachi])
        until("all agree", lambda: len({node.digest() for node in nodes}) == 1)
        thief.start([desk, adachi, koto])
        late = time.monotonic() + 3
        while time.monotonic() < late:
            # The thief itself takes a link for up until the other side has closed it.
            check(all(up(node) <= 2 for node in nodes), "somebody speaks with the thief")
            time.sleep(0.1)
        check(all("江東の毛布" in node.shelter(rows[1])["needs"] for node in nodes), "江東's own word of that night is kept")
        for node in nodes:
            check(node.command("verify")["sound"], f"{node.ward} verifies")
        step("healed: equal tables on the three, all sound; 江東's own words are kept; nobody links with the thief")

        koto.command("set-aside", "adopt", "life", aside[0]["author"] if aside[0]["lane"] == "life" else "0.2.0")
        until("what 江東 adopted is everywhere", lambda: all(n.shelter(rows[3]).get("crowding") == "定員一杯" for n in nodes))
        check(all(n.shelter(rows[3]).get("status") != "閉鎖" for n in nodes), "but only 渋谷 closes its shelters")
        check(koto.command("set-aside")["branches"] == [b for b in aside if b["lane"] != "life"], "kept apart no longer")
        step("a person at 江東 finds them full indeed, and adopts it in one command: the crowding is 江東's word now; closing them is not 江東's to say")
    finally:
        for node in everybody:
            node.stop()


if __name__ == "__main__":
    main(__doc__, story)
