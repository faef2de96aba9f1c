#!/usr/bin/env python3
"""Lines of which nobody has said what they carry: radio, an old modem, a satellite. Bytes pass at the line's rate after its
delay, and wait in it without end, as in a deep modem. Times are told as a share of what the line itself needs."""
import asyncio
import os
import random
import threading
import time

from story import Node, check, free_port, main, until

# Bits a second, seconds of delay each way, bytes that wait: the table of OPERATIONS.md, E1, and E3.
TABLE = [(9_600, 0.08, 200_000), (8_000, 0.08, 200_000), (4_800, 0.08, 200_000), (2_400, 0.25, 30_000), (2_400, 2.0, 30_000)]
SHORT = [(4_800, 2.0, 10_000)]


class Line:
    """A serial line before a node's port for peers, in a thread of its own."""

    def __init__(self, ward, target, bits, delay, loss=0.0, seed=1):
        self.ward, self.target, self.delay, self.loss = ward, target, delay, loss
        self.bits, self.gossip = bits, free_port()
        self.carried, self.cuts, self.random = [0, 0], 0, random.Random(seed)
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        ready.wait(10)

    async def serve(self, ready):
        self.server = await asyncio.start_server(self.take, "127.0.0.1", self.gossip)
        ready.set()
        await self.server.serve_forever()

    async def take(self, reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return writer.close()
        ways = [asyncio.create_task(self.carry(reader, there[1], 0)), asyncio.create_task(self.carry(there[0], writer, 1))]
        if self.loss:
            ways.append(asyncio.create_task(self.cut()))
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, there[1]):
            end.close()

    async def cut(self):
        """Every ten seconds the link breaks with the line's chance."""
        while True:
            await asyncio.sleep(10)
            if self.random.random() < self.loss:
                self.cuts += 1
                return

    async def carry(self, reader, writer, way):
        waiting = asyncio.Queue()

        async def swallow():
            busy = 0.0
            while data := await reader.read(65_536):
                for start in range(0, len(data), 64):
                    piece = data[start:start + 64]
                    busy = max(busy, time.monotonic()) + len(piece) * 8 / self.bits
                    waiting.put_nowait((busy + self.delay, piece))
            waiting.put_nowait(None)

        task = asyncio.create_task(swallow())
        try:
            while item := await waiting.get():
                at, piece = item
                await asyncio.sleep(max(0.0, at - time.monotonic()))
                writer.write(piece)
                await writer.drain()
                self.carried[way] += len(piece)
        except (ConnectionError, OSError):
            pass
        finally:
            task.cancel()


class Pair:
    def __init__(self, binary, folder, bits, delay, loss=0.0):
        self.there, self.here = Node(binary, folder, "13113"), Node(binary, folder, "13121")
        self.line = Line("13121", self.here.gossip, bits, delay, loss)
        self.here.start()
        self.there.start([self.line])

    def arrived(self):
        return self.here.request("GET", "/api/v1/status")["rows"]["drill_records"]

    def told(self):
        """What the sender says of the link; nothing before it has heard of the other at all."""
        return next((l for l in self.there.request("GET", "/api/v1/links")["links"] if l["ward"] == "13121"), {"state": "unknown"})

    def end(self):
        for node in (self.there, self.here):
            node.stop(9)


def backlog(binary, folder, bits, delay, size, loss=0.0):
    """How long a backlog takes, as a share of what the line needs for its bytes."""
    pair = Pair(binary, folder, bits, delay, loss)
    try:
        up = until("the link comes up", lambda: pair.told()["state"] == "up", 150)
        until("what they had before is there", lambda: pair.told().get("lacks") == 0, 300)
        records = pair.there.command("drill", "--bytes", str(size))["records"]
        start, before = time.monotonic(), list(pair.line.carried)
        # As signed: what the line has to carry at least.
        size = pair.told()["lacksBytes"]
        right = size * 8 / bits
        claims = 0
        while pair.arrived() < records:
            check(time.monotonic() - start < right * (4 if loss else 2) + 30, f"{pair.arrived()} of {records} after {time.monotonic() - start:.0f} s: {pair.told()}")
            told = pair.told()
            if told["state"] == "up" and told.get("lacks") == 0 and pair.arrived() < records:
                claims += 1
            time.sleep(0.2)
        took = time.monotonic() - start
        check(claims == 0, f"the sender said {claims} times that nothing is lacking")
        told = pair.told()
        print(f"▸ {bits} bit/s, {delay} s{f', links broken {pair.line.cuts} times' if loss else ''}: up after {up:.1f} s; {size} bytes in {took:.0f} s, "
              f"× {took / right:.2f} of the line's own {right:.0f} s; {(pair.line.carried[0] - before[0]) / size:.2f} bytes there and {(pair.line.carried[1] - before[1]) / size:.2f} back for each; "
              f"measured {(told.get('bytesPerSecondMeasured') or 0) * 8} bit/s", flush=True)
        # A few turns of the line until the other end has asked for what it lacks; they weigh little in a long backlog.
        check(loss or took <= right * 1.5 + (20 * delay if size < 20_000 else 0), f"× {took / right:.2f}")
    finally:
        pair.end()


def urgent(binary, folder):
    """A shelter's change behind 1 MB in `registry`: nobody has typed a rate."""
    pair = Pair(binary, folder, 9_600, 0.08)
    try:
        until("the link comes up", lambda: pair.told()["state"] == "up")
        row = pair.there.request("POST", "/api/v1/shelters", {"name": "第一小学校", "ward": "13113"})["id"]
        pair.there.command("drill", "--bytes", "1000000")
        until("the backlog moves", lambda: pair.arrived() >= 2)
        waits = []
        for crowding in ["空き", "混雑", "定員一杯", "不明", "空き"]:
            time.sleep(1)
            start = time.monotonic()
            pair.there.change(row, crowding=crowding)
            until("the change arrives", lambda: pair.here.shelter(row).get("crowding") == crowding, 60)
            waits.append(time.monotonic() - start)
        own = 1_536 * 8 / 9_600
        print(f"▸ 9,600 bit/s, 1 MB before it: a shelter's change arrives after {', '.join(f'{w:.2f}' for w in waits)} s; "
              f"the window alone takes the line {own:.2f} s", flush=True)
        check(max(waits) <= 3, f"{max(waits):.2f} s")
    finally:
        pair.end()


def lines(binary, folder, full):
    for number, (bits, delay, size) in enumerate(TABLE if full else SHORT):
        backlog(binary, os.path.join(folder, str(number)), bits, delay, size)
    if full:
        backlog(binary, os.path.join(folder, "lossy"), 9_600, 0.08, 100_000, loss=0.2)
    urgent(binary, os.path.join(folder, "urgent"))


if __name__ == "__main__":
    # --full tells the whole table: 20 minutes.
    main(__doc__, lines, language="en", full=False)
