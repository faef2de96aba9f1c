#!/usr/bin/env python3
"""A hostile node at full speed beside an honest one: what the honest ward's desk notices of it.

渋谷 and 足立 are linked; 江東's key is in bad hands, which speak TLS and the protocol themselves. For each way of being hostile
the API's 50th and 99th percentile stand beside those of the same run without it. Held: no request fails, what 足立 writes
arrives, who breaks the protocol is banned with reason and end, and the 99th percentile is at most --limit times the quiet one.
"""
import json
import os
import select
import socket
import ssl
import struct
import threading
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from story import Node, SAMPLE, check, main, until

def der(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x80 + (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + content


def shown(key, certificate):
    """The X.509 certificate of a link: the node's Ed25519 key, and in an extension what its authority signed."""
    ed25519 = der(0x30, der(0x06, b"\x2b\x65\x70"))
    arc, digits = 5904683217245903177, []
    while arc or not digits:
        digits.insert(0, arc & 0x7F | (0x80 if digits else 0))
        arc >>= 7
    extension = der(0x30, der(0x06, bytes([2 * 40 + 25] + digits)), der(0x04, certificate))
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    validity = der(0x30, der(0x18, b"20200101000000Z"), der(0x18, b"99991231235959Z"))
    tbs = der(0x30, der(0xA0, der(0x02, b"\x02")), der(0x02, b"\x01"), ed25519, der(0x30), validity, der(0x30),
              der(0x30, ed25519, der(0x03, b"\0" + public)), der(0xA3, der(0x30, extension)))
    return der(0x30, tbs, ed25519, der(0x03, b"\0" + key.sign(tbs)))


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


class Hostile:
    """Who has a node's folder, and no scruples."""

    def __init__(self, data, target):
        with open(os.path.join(data, "node.key")) as file:
            key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(file.read().strip()))
        with open(os.path.join(data, "card.json")) as file:
            certificate = bytes.fromhex(json.load(file)["certificate"])
        pem = os.path.join(data, "hostile.pem")
        with open(pem, "wb") as file:
            file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            file.write(ssl.DER_cert_to_PEM_cert(shown(key, certificate)).encode())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.load_cert_chain(pem)
        self.target, self.sent, self.links = target, 0, 0

    def connect(self):
        link = self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.target.gossip), 5))
        self.links += 1
        return link

    def hello(self, federation, author):
        return self.frame(b"\x01\x03" + federation + varint(author) + b"\x00")

    @staticmethod
    def frame(content):
        return struct.pack(">I", len(content)) + content

    def flood(self, greeting, content, stop):
        """One link, as fast as it takes it, read beside; again when it is closed. One thread has the link: OpenSSL's is for one."""
        block = content * max(1, (1 << 16) // len(content))
        while not stop.is_set():
            try:
                with self.connect() as link:
                    link.setblocking(False)
                    self.pour(link, greeting, block, stop)
            except OSError:
                time.sleep(0.01)

    def pour(self, link, greeting, block, stop):
        """Writes what fits and reads what came, until the other side closes. A refused write is tried again with the same bytes."""
        waiting, first = memoryview(greeting), True
        while not stop.is_set():
            wants, moved = [], False
            try:
                if not link.recv(1 << 16):
                    return
                moved = True
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                written = link.send(waiting)
                moved, waiting = True, waiting[written:]
                if not first:
                    self.sent += written
                if not waiting:
                    waiting, first = memoryview(block), False
            except ssl.SSLWantWriteError:
                wants = [link]
            except ssl.SSLWantReadError:
                pass
            if not moved:
                select.select([link], wants, [], 0.1)

    def knock(self, stop):
        """Handshakes that are begun and left."""
        held = []
        while not stop.is_set():
            try:
                held.append(socket.create_connection(("127.0.0.1", self.target.gossip), 1))
                held[-1].sendall(b"\x16\x03\x01\x02\x00\x01")
                self.links += 1
                if len(held) > 400:
                    held.pop(0).close()
            except OSError:
                time.sleep(0.01)
        for link in held:
            link.close()


def measure(node, row, seconds, writer, other):
    """Reads and writes one after another, as a desk does; 足立 writes beside it."""
    times, end, number = [], time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        start = time.monotonic()
        if number % 4:
            node.request("GET", "/api/v1/shelters?limit=20")
        else:
            node.request("POST", f"/api/v1/shelters/{row}/headcount", {"people": number})
        times.append(time.monotonic() - start)
        if number % 50 == 0:
            writer.request("PATCH", f"/api/v1/shelters/{other}", {"note": f"足立 {number}"})
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)], len(times)


def story(binary, folder, seconds, limit):
    honest, friend, thief = [Node(binary, folder, ward) for ward in ("13113", "13121", "13108")]
    honest.start([friend])
    friend.start([honest])
    row = honest.request("POST", "/api/v1/shelters", {"name": "見本小学校", "ward": "13113", "status": "open"})["id"]
    other = friend.request("POST", "/api/v1/shelters", {"name": "見本足立小学校", "ward": "13121"})["id"]
    honest.command("import", SAMPLE)
    until("they agree", lambda: honest.digest() == friend.digest())
    # 江東 joins once, so that its key is known; then it is stolen.
    thief.start([honest])
    until("江東 is known", lambda: len({n.digest() for n in (honest, friend, thief)}) == 1)
    heads = thief.request("GET", "/api/v1/inspect/heads")
    federation, author = bytes.fromhex(heads["federation"]), heads["node"]
    thief.stop()
    hostile = Hostile(thief.data, honest)
    greeting = hostile.hello(federation, author)
    log = lambda lane, name: bytes([lane]) + varint(name)
    lanes = sorted({head["author"] for head in heads["logs"]})
    # A change set as a link brings it, to be sent again and again; and the same with a byte turned.
    bundle = honest.open("GET", f"/api/v1/inspect/log?lane=life&author={[h['author'] for h in heads['logs'] if h['lane'] == 'life'][0]}&from=1").read()
    size = struct.unpack(">I", bundle[36:40])[0]
    replay = bundle[40:40 + size]
    check(replay[0] == 5, "the first frame of a bundle is a run")
    spoilt = replay[:-1] + bytes([replay[-1] ^ 1])
    many = b"\x03\x01" + varint(2000) + b"".join(varint(a) + varint(7) + os.urandom(16) for a in range(1 << 20, (1 << 20) + 2000))
    ways = [
        ("pings", lambda stop: hostile.flood(greeting, hostile.frame(b"\x07" + b"\0" * 8), stop)),
        ("heads of 2,000 logs that are not there", lambda stop: hostile.flood(greeting, hostile.frame(many), stop)),
        ("the same change sets again", lambda stop: hostile.flood(greeting, hostile.frame(replay), stop)),
        ("change sets with a turned bit", lambda stop: hostile.flood(greeting, hostile.frame(spoilt), stop)),
        ("asks for everything from the start", lambda stop: hostile.flood(
            greeting, b"".join(hostile.frame(b"\x04" + log(lane, a) + b"\x01\x00") for lane in range(4) for a in lanes), stop)),
        ("handshakes that are begun and left", lambda stop: hostile.knock(stop)),
        ("noise", lambda stop: hostile.flood(greeting, hostile.frame(os.urandom(900)), stop)),
    ]
    quiet = measure(honest, row, seconds, friend, other)
    print(f"{'nobody hostile':42} p50 {quiet[0] * 1e3:6.1f} ms  p99 {quiet[1] * 1e3:6.1f} ms  {quiet[2]} requests", flush=True)
    worst = 0.0
    for name, attack in ways:
        stop = threading.Event()
        hostile.sent = hostile.links = 0
        thread = threading.Thread(target=attack, args=(stop,), daemon=True)
        thread.start()
        time.sleep(0.5)
        p50, p99, count = measure(honest, row, seconds, friend, other)
        stop.set()
        thread.join(10)
        ratio = p99 / quiet[1]
        worst = max(worst, ratio)
        print(f"{name:42} p50 {p50 * 1e3:6.1f} ms  p99 {p99 * 1e3:6.1f} ms  {count} requests; × {ratio:.2f}; "
              f"{hostile.sent / 1e6:.1f} MB, {hostile.links} links", flush=True)
        until("足立's notes arrive", lambda: honest.digest() == friend.digest())
    peer = next(p for p in honest.request("GET", "/api/v1/links")["links"] if p["ward"] == "13108")
    check(peer["state"] == "banned" and peer["banReason"] and peer["bannedUntil"], f"who broke the protocol is banned: {peer}")
    check("Version" not in peer["banReason"], f"what it said was the protocol's own: {peer['banReason']}")
    print(f"banned until {time.strftime('%H:%M:%S', time.localtime(peer['bannedUntil'] / 1000))}: {peer['banReason']}")
    again = measure(honest, row, seconds, friend, other)
    print(f"{'nobody hostile, after it all':42} p50 {again[0] * 1e3:6.1f} ms  p99 {again[1] * 1e3:6.1f} ms")
    memory = [int(line.split()[1]) // 1024 for line in open(f"/proc/{honest.process.pid}/status") if line.startswith("VmRSS")][0]
    print(f"memory of 渋谷's node after it all: {memory} MiB")
    for node in (honest, friend):
        check(node.stop() == 0, f"{node.ward} stops cleanly")
    check(worst <= limit, f"the 99th percentile became {worst:.1f} times as long: more than {limit}")
    print(f"held: the 99th percentile was at most {worst:.2f} times the quiet one")


if __name__ == "__main__":
    # For each way so many seconds; how many times the quiet 99th percentile is still borne.
    main(__doc__, story, seconds=5.0, limit=20.0)
