#!/usr/bin/env python3
"""A thief who has a ward's node.key and card.json, and reads FORMAT.md: what any bytes that the key can sign do to honest nodes.

Everything is written here from FORMAT.md alone, and goes by card; 渋谷 and 足立 are honest nodes of the release. Held: what the law of a
collection does not admit has no effect; what is not signed is not taken, in whatever cutting; two histories are proven and end
alike; authors beyond the certificate are nobody; no number ends a process or makes a request fail; and what honest nodes write
afterwards still reaches the others.
"""
import base64
import hashlib
import json
import os
import sqlite3
import struct
import time
import urllib.error

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from story import Node, check, main, until

LANES = {"control": 0, "life": 1, "supply": 2, "registry": 3}
FAR = (1 << 63) - 1


def blake(data, size=32):
    return hashlib.blake2b(data, digest_size=size).digest()


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def zigzag(number):
    return varint((number << 1 ^ number >> 63) & (1 << 64) - 1)


def text(content):
    raw = content.encode()
    return varint(len(raw) << 1) + raw


# Section 4: what an edit of a row says.
def integer(field, number):
    return varint(field << 3 | 1) + zigzag(number)


def words(field, content):
    return varint(field << 3 | 2) + text(content)


def count(field, number):
    return varint(field << 3 | 4) + zigzag(number)


def raw(field, content):
    return varint(field << 3 | 7) + b"\x01" + varint(len(content)) + content


def receive(field, number):
    return varint(field << 3 | 7) + b"\x03" + varint(number)


def hand_over(field, number, author):
    return varint(field << 3 | 7) + b"\x05" + varint(number) + varint(author)


def add(field, content):
    return varint(field << 3 | 5) + b"\x02" + text(content)


def edit(collection, row, author, *fields, previous=0):
    """`row` as it lies in a table: positive when an author made it."""
    if row < 0:
        return varint(collection << 3 | 2 << 1) + struct.pack(">q", row) + varint(len(fields)) + b"".join(fields)
    maker, counter = row >> 33, row & (1 << 33) - 1
    if maker == author:
        head = varint(collection << 3) + zigzag(counter - previous)
    else:
        head = varint(collection << 3 | 1 << 1) + varint(maker) + varint(counter)
    return head + varint(len(fields)) + b"".join(fields)


def deletion(collection, row):
    return varint(collection << 3 | 2 << 1 | 1) + struct.pack(">q", row) + b"\x00"


class Log:
    """One author's log in one lane, from its first change set on."""

    def __init__(self, thief, lane, author, entries=(), milliseconds=0):
        self.thief, self.lane, self.author = thief, lane, author
        self.entries, self.milliseconds, self.previous = list(entries), milliseconds, bytes(32)
        for number, entry in enumerate(self.entries):
            self.previous = self.chained(entry, number + 1)

    def context(self, sequence):
        return (self.thief.federation + self.thief.public
                + struct.pack(">IBQ", self.author, self.lane, sequence) + self.previous)

    def content(self, unsigned, sequence):
        return blake(b"renkei change set 2" + self.context(sequence) + blake(b"renkei body 2" + unsigned))

    def chained(self, entry, sequence):
        return blake(b"renkei chain 2" + self.content(entry[:-64], sequence) + entry[-64:])

    def write(self, *edits, ahead=1, sign=True, clock=b"\x00"):
        unsigned = b"\x20" + varint(ahead if self.milliseconds else int(time.time() * 1000)) + b"\x00" + clock
        self.milliseconds = self.milliseconds or int(time.time() * 1000)
        section = varint(len(edits)) + b"".join(edits)
        unsigned += b"\x01" + varint(0) + varint(len(section)) + section
        sequence = len(self.entries) + 1
        signature = self.thief.key.sign(self.content(unsigned, sequence)) if sign else os.urandom(64)
        self.entries.append(unsigned + signature)
        self.previous = self.chained(self.entries[-1], sequence)
        return self

    def run(self, first=1):
        blobs = self.entries[first - 1:]
        return (b"\x05" + bytes([self.lane]) + varint(self.author) + varint(first) + varint(len(blobs))
                + b"".join(varint(len(blob)) + blob for blob in blobs))


class Thief:
    def __init__(self, data):
        with open(os.path.join(data, "node.key")) as file:
            self.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(file.read().strip()))
        with open(os.path.join(data, "card.json")) as file:
            card = json.load(file)
        certificate = bytes.fromhex(card["certificate"])
        check(certificate[:4] == b"RKC2", "a certificate of format 2")
        ward, serial, self.last_epoch = struct.unpack(">HHH", certificate[36:42])
        self.federation, self.public = blake(base64.b64decode(card["genesis"])), certificate[42:74]
        self.ward, self.author = ward, ward << 20 | serial << 10

    def log(self, lane, epoch=0):
        return Log(self, LANES[lane], self.author | epoch)

    def row(self, counter, epoch=0):
        return (self.author | epoch) << 33 | counter

    def card(self, path, *logs):
        """A card (section 9) with whole logs."""
        with open(path, "wb") as file:
            file.write(b"RKB1" + self.federation)
            for log in logs:
                run = log.run()
                file.write(struct.pack(">I", len(run)) + run)
        return path


def table(node, sql, *arguments):
    """The node's own file, past its program."""
    with sqlite3.connect(f"file:{node.data}/replica.sqlite?mode=ro", uri=True) as db:
        return db.execute(sql, arguments).fetchall()


def give(node, path):
    return node.command("bundle", "import", path, ok=(0, 1))


def story(binary, folder):
    shibuya, adachi, lost = [Node(binary, folder, ward) for ward in ("13113", "13121", "13108")]
    shibuya.start()
    adachi.start([shibuya])
    # 江東 joined once, so that its key is known.
    lost.start([shibuya])
    until("江東 is known", lambda: len({n.digest() for n in (shibuya, adachi, lost)}) == 1)
    lost.stop()
    thief = Thief(lost.data)
    shelter = shibuya.request("POST", "/api/v1/shelters", {"name": "見本小学校", "ward": "13113", "status": "open"})["id"]
    item = table(shibuya, "SELECT id FROM items ORDER BY id LIMIT 1")[0][0] if table(shibuya, "SELECT 1 FROM items") else None
    lot = shibuya.request("POST", "/api/v1/lots", {"item": str(item), "amount": 500})["id"] if item else None
    stays = [shibuya.request("POST", f"/api/v1/shelters/{shelter}/stays", {"name": name})["id"] for name in ("甲野 一郎", "乙山 二子")]
    token = table(shibuya, "SELECT id, hash FROM tokens WHERE id = ?", int(shibuya.token_row))[0]
    owner = int(shelter) >> 33
    shibuya_author = owner

    def both(name, *logs):
        path = thief.card(os.path.join(folder, name + ".bundle"), *logs)
        for node in (shibuya, adachi):
            give(node, path)

    # In another ward's name, by number, by key, by pair: all of life's attacks in one log.
    life = thief.log("life")
    made = 0

    def own():
        nonlocal made
        made += 1
        return thief.row(made)

    life.write(edit(66, own(), thief.author, words(1, "13113"), words(2, "避難指示(渋谷区)"), words(3, "千代田区へ移動"), integer(4, int(time.time() * 1000))))
    life.write(edit(56, own(), thief.author, words(1, "偽の災害"), integer(2, 1), words(5, "13113")))
    life.write(edit(10, own(), thief.author, words(2, "偽の避難所"), words(1, "13113"), words(16, "開設")))
    life.write(edit(10, int(shelter), thief.author, words(16, "閉鎖"), words(2, "偽名"), count(18, -10 ** 15)))
    low, high = sorted(int(stay) for stay in stays)
    for guess in (-(1 << 62), -1, -(1 << 63) + (thief.ward << 53) + (thief.ward << 43)):
        life.write(edit(54, guess, thief.author, integer(1, low), integer(2, high), words(3, "同一人物")))
    life.write(edit(51, own(), thief.author, integer(1, int(shelter)), words(2, time.strftime("%Y-%m-%d")), integer(3, FAR), words(17, "13113"), integer(15, FAR)))
    life.write(edit(57, -5, thief.author, words(1, "13113"), words(2, "13104"), words(3, "通行止め"), integer(5, FAR)))
    supply = thief.log("supply")
    goods = own()
    supply.write(edit(71, goods, thief.author, integer(1, item or 1), words(2, "13108"), receive(7, FAR), hand_over(7, FAR, shibuya_author), hand_over(7, FAR, shibuya_author + 1)))
    supply.write(edit(71, goods, thief.author, receive(7, FAR)))
    if lot:
        supply.write(edit(71, int(lot), thief.author, receive(7, FAR), hand_over(7, FAR, shibuya_author)))
        supply.write(deletion(70, item) if item < 0 else edit(70, item, thief.author, words(1, "偽")))
    supply.write(edit(73, -(1 << 63) + (12 << 53) + (12 << 43) + 7, thief.author, integer(10, 1), integer(12, 1), integer(13, 0), words(14, "全数不良")))
    registry = thief.log("registry")
    registry.write(edit(44, own(), thief.author, words(1, "偽のサービス"), words(6, "13113")))
    both("life", life, supply, registry)
    check(shibuya.healthy() and adachi.healthy(), "both go on")
    counter = shibuya.open("GET", "/counter").read().decode()
    before = counter[:counter.index("避難指示(渋谷区)")]
    check("江東区" in before[before.rindex("<section"):], f"a notice at the residents' counter stands under the name of the ward whose key signed it: {before[-300:]}")
    check(table(shibuya, "SELECT DISTINCT ward FROM shelters WHERE name = '偽の避難所'") == [("13108",)], "a shelter is of the ward whose key made it, whatever it says")
    seen = shibuya.shelter(shelter)
    check(seen["name"] == "見本小学校" and seen["status"] == "開設", f"a shelter is its ward's: {seen['name']} {seen['status']}")
    for node in (shibuya, adachi):
        for name in ("shelters", "disasters", "notices", "shelter_reports", "services"):
            rows = table(node, f"SELECT id FROM {name} WHERE ward = '13113' AND id >> 53 <> 12")
            check(not rows, f"{name}: rows of another key say that they are 渋谷's: {rows}")
        check(not table(node, "SELECT id FROM stay_verdicts"), "no verdict on two of 渋谷's by another's key")
        check(not table(node, "SELECT id FROM allocations"), "no allocation of two other wards")
    if lot:
        check(table(shibuya, "SELECT amount FROM lots WHERE id = ?", int(lot))[0][0] == 500, "goods of another ward's lot stay as they are")
        check(table(shibuya, "SELECT 1 FROM items WHERE id = ?", item), "nobody deletes an item of the catalogue")
    print("in another ward's name: no effect, on either node", flush=True)

    # Numbers at the ends of their range, in what is the thief's own; then every page and list.
    paths = [line[2:].rstrip(":\n") for line in shibuya.open("GET", "/openapi.yaml").read().decode().splitlines() if line.startswith("  /")]
    asked = 0
    for node in (shibuya, adachi):
        for path in [p for p in paths if "{" not in p] + [f"/api/v1/shelters/{shelter}", f"/api/v1/lots/{goods}"]:
            if path in ("/events", "/api/v1/changes"):
                continue
            try:
                node.open("GET", path, timeout=30).read()
            except urllib.error.HTTPError as error:
                check(error.code < 500, f"{path}: {error.code} {error.read()[:200]}")
            asked += 1
    check(shibuya.healthy() and adachi.healthy(), "both go on")
    print(f"extremes in every kind of number: {asked} reads, none failed", flush=True)

    # Sign-in: somebody else's login and token.
    control = Log(thief, 0, thief.author, *control_of(adachi, thief))
    for number in range(8):
        control.write(edit(8, own(), thief.author, words(1, "desk"), words(2, "偽"), add(3, "administrator")))
    control.write(edit(12, own(), thief.author, words(1, "偽"), add(2, "administrator"), raw(5, token[1])))
    # A key for nobody, where a later one would have to stand.
    control.write(edit(3, -12345, thief.author, integer(1, (1 << 29) | 12 << 4 | 1), integer(2, shibuya_author), raw(3, os.urandom(80)), words(5, "x")))
    both("control", control)
    check(shibuya.request("GET", "/api/v1/status")["rows"] is not None, "the token still opens its own node")
    print("logins, tokens and keys of others: no effect", flush=True)

    # What is not signed, in every cutting; and what comes after it.
    mute = Log(thief, 1, thief.author, list(life.entries), life.milliseconds)
    good = len(mute.entries)
    mute.write(edit(66, own(), thief.author, words(2, "騒音")), sign=False).write(edit(66, own(), thief.author, words(2, "後")))
    both("noise", mute)
    for node in (shibuya, adachi):
        logged = table(node, "SELECT logged FROM logs WHERE lane = 1 AND author = ?", thief.author)[0][0]
        check(logged == good, f"one bad signature, and nothing after it: {logged}, not {good}")
    shibuya.change(shelter, note="この後も届く")
    until("what an honest node writes reaches the others", lambda: shibuya.digest() == adachi.digest())
    print("noise for a signature, with a good one after it: refused where it stands, and nobody is silenced", flush=True)

    # Two histories, one to each side of a cut.
    adachi.command("links", "cut")
    for node, said in ((shibuya, "毛布だけ"), (adachi, "おむつだけ")):
        side = Log(thief, 1, thief.author, list(life.entries), life.milliseconds)
        side.write(edit(66, thief.row(900), thief.author, words(1, "13108"), words(2, said)))
        give(node, thief.card(os.path.join(folder, node.ward + ".bundle"), side))
    check(shibuya.digest() != adachi.digest(), "each side has its own history")
    adachi.command("links", "heal")
    until("the histories are proven, and end alike on both", lambda: shibuya.digest() == adachi.digest())
    for node in (shibuya, adachi):
        problems = [p["code"] for p in node.request("GET", "/api/v1/status")["problems"]]
        check("fork" in problems, f"and it is said: {problems}")
        check(not table(node, "SELECT 1 FROM notices WHERE title IN ('毛布だけ', 'おむつだけ')"), "neither stands")
    print("two histories: proven, ended alike, and told", flush=True)

    # More authors than the certificate gives.
    beyond = [Log(thief, 1, thief.author | epoch).write(edit(66, thief.row(1, epoch), thief.author | epoch, words(2, "世代")))
              for epoch in range(thief.last_epoch - 1, thief.last_epoch + 40)]
    both("epochs", *beyond)
    for node in (shibuya, adachi):
        known = [a & 1023 for (a,) in table(node, "SELECT DISTINCT author FROM logs WHERE author >> 10 = ?", thief.author >> 10)]
        check(max(known) <= thief.last_epoch, f"an epoch beyond the certificate's: {max(known)}")
    shibuya.change(shelter, note="まだ書ける")
    until("they agree", lambda: shibuya.digest() == adachi.digest())
    for node in (shibuya, adachi):
        node.stop()
        check(node.command("verify")["sound"], f"{node.ward} is sound")
    print("epochs beyond the certificate: nobody's; both files verify", flush=True)


def control_of(node, thief):
    """The thief's control log as an honest node has it."""
    entries = [bytes(b) for (b,) in table(node, "SELECT bytes FROM entries WHERE id BETWEEN ? AND ? ORDER BY id",
                                          thief.author << 31 | 1, thief.author << 31 | (1 << 31) - 1)]
    milliseconds = 0
    for entry in entries:
        shift, place = 0, 1
        while True:
            milliseconds += (entry[place] & 0x7F) << shift
            shift, place = shift + 7, place + 1
            if entry[place - 1] < 0x80:
                break
    return entries, milliseconds


if __name__ == "__main__":
    main(__doc__, story)
