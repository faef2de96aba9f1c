#!/usr/bin/env python3
"""A harness in the manner of Jepsen's Maelstrom, for when that is not at hand: real processes, a network that delays,
loses and cuts, nodes killed with SIGKILL and started again in the same folder; then peace, ten seconds, and a read of
every node. What was acknowledged must be there.

    Tools/checks/maelstrom.py --bin .build/release/renkei-sim --workload g-set --nodes 5 --seconds 20 --seed 1

Shares no code with what it tests. The protocol is described at https://github.com/jepsen-io/maelstrom/blob/main/doc/protocol.md
Exit codes: 0 it held, 1 it did not, 2 wrong usage.
"""
import argparse, heapq, json, os, random, shutil, signal, subprocess, sys, tempfile, threading, time


class Node:
    def __init__(self, harness, name):
        self.harness, self.name, self.process = harness, name, None

    def start(self):
        self.process = subprocess.Popen(
            [self.harness.args.bin, "maelstrom", "--data", self.harness.folder, "--workload", self.harness.args.workload],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.harness.log)
        threading.Thread(target=self.read, args=(self.process,), daemon=True).start()
        hello = {"type": "init", "node_id": self.name, "node_ids": self.harness.names}
        if self.harness.call(self.name, hello, 10) is None:
            raise SystemExit(f"{self.name} does not answer init; see {self.harness.folder}/stderr.log")

    def read(self, process):
        for line in process.stdout:
            self.harness.route(json.loads(line))

    def write(self, message):
        if self.process is None:
            return  # not there yet: the network loses what it is sent
        try:
            self.process.stdin.write((json.dumps(message) + "\n").encode())
            self.process.stdin.flush()
        except (BrokenPipeError, OSError, ValueError):
            pass

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Harness:
    def __init__(self, args):
        self.args = args
        self.random = random.Random(args.seed)
        self.names = [f"n{i}" for i in range(args.nodes)]
        self.folder = tempfile.mkdtemp(prefix="renkei-maelstrom-")
        self.log = open(os.path.join(self.folder, "stderr.log"), "wb")
        self.lock = threading.Condition()
        self.queue, self.order = [], 0
        self.groups = None  # node -> island; None: no partition
        self.faults = True
        self.waiting, self.answers, self.next_id = {}, {}, 1
        self.messages = 0
        self.stopped = False
        self.nodes = {name: Node(self, name) for name in self.names}
        threading.Thread(target=self.deliver, daemon=True).start()

    # The network
    def route(self, message):
        with self.lock:
            if message["dest"] not in self.nodes:
                self.answers[message["body"].get("in_reply_to")] = message["body"]
                self.lock.notify_all()
                return
            self.messages += 1
            if self.faults and self.random.random() < self.args.loss:
                return
            delay = self.random.expovariate(1 / self.args.latency)
            self.order += 1
            heapq.heappush(self.queue, (time.monotonic() + delay, self.order, message))
            self.lock.notify_all()

    def deliver(self):
        while not self.stopped:
            with self.lock:
                now = time.monotonic()
                due = []
                while self.queue and self.queue[0][0] <= now:
                    message = heapq.heappop(self.queue)[2]
                    a, b = message["src"], message["dest"]
                    if self.groups is None or self.groups[a] == self.groups[b]:
                        due.append(message)
                if not due:
                    self.lock.wait(min(0.05, self.queue[0][0] - now) if self.queue else 0.05)
            for message in due:
                self.nodes[message["dest"]].write(message)

    # Clients
    def call(self, node, body, timeout):
        with self.lock:
            number = self.next_id
            self.next_id += 1
        body = dict(body, msg_id=number)
        self.nodes[node].write({"src": "c1", "dest": node, "body": body})
        end = time.monotonic() + timeout
        with self.lock:
            while number not in self.answers:
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.lock.wait(left)
            return self.answers.pop(number)

    def operation(self, value):
        if self.args.workload == "broadcast":
            return {"type": "broadcast", "message": value}
        if self.args.workload == "g-set":
            return {"type": "add", "element": value}
        delta = self.random.randint(0, 5) if self.args.workload == "g-counter" else self.random.randint(-5, 5)
        return {"type": "add", "delta": delta}

    def run(self):
        for node in self.nodes.values():
            node.start()
        if self.args.workload == "broadcast":
            ring = {n: [self.names[i - 1], self.names[(i + 1) % len(self.names)]] for i, n in enumerate(self.names)}
            for name in self.names:
                assert self.call(name, {"type": "topology", "topology": ring}, 5)["type"] == "topology_ok"
        sure, unsure, kills, cuts, value = [], [], 0, 0, 0
        results = threading.Lock()
        end = time.monotonic() + self.args.seconds

        def client(number):
            nonlocal value
            while time.monotonic() < end:
                with results:
                    value += 1
                    body = self.operation(value)
                answer = self.call(self.names[(number + value) % len(self.names)], body, 1.0)
                what = body.get("message", body.get("element", body.get("delta")))
                with results:
                    if answer is not None and answer["type"].endswith("_ok"):
                        sure.append(what)
                    elif answer is None or answer.get("code") in (0, 13) or answer.get("code", 0) >= 1000:
                        unsure.append(what)
                time.sleep(1 / self.args.rate * self.args.clients)

        clients = [threading.Thread(target=client, args=(i,)) for i in range(self.args.clients)]
        for thread in clients:
            thread.start()
        while time.monotonic() < end:
            time.sleep(self.args.interval * (0.5 + self.random.random()))
            if self.random.random() < 0.5:
                with self.lock:
                    self.groups = None if self.groups else {n: self.random.randrange(2) for n in self.names}
                cuts += 1
            else:
                node = self.random.choice(list(self.nodes.values()))
                node.kill()
                kills += 1
                time.sleep(self.random.random() * 0.5)
                node.start()
        for thread in clients:
            thread.join()
        with self.lock:
            self.groups, self.faults = None, False
        time.sleep(10)
        reads = {name: self.call(name, {"type": "read"}, 10) for name in self.names}
        return self.judge(reads, sure, unsure, kills, cuts)

    def judge(self, reads, sure, unsure, kills, cuts):
        problems = []
        for name, body in reads.items():
            if body is None or body["type"] != "read_ok":
                problems.append(f"{name} did not answer the last read: {body}")
            elif self.args.workload in ("broadcast", "g-set"):
                key = "messages" if self.args.workload == "broadcast" else "value"
                if set(body) != {"type", "in_reply_to", key}:
                    problems.append(f"{name}: a read has other members than its schema: {sorted(body)}")
                seen = body[key]
                lost = set(sure) - set(seen)
                invented = set(seen) - set(sure) - set(unsure)
                if lost or invented or len(seen) != len(set(seen)):
                    problems.append(f"{name}: lost {sorted(lost)[:5]}, invented {sorted(invented)[:5]}")
            else:
                possible = {sum(sure)}
                for delta in unsure:
                    possible |= {total + delta for total in possible}
                if body["value"] not in possible:
                    problems.append(f"{name}: {body['value']} is not {sum(sure)} with any of {unsure}")
        values = [json.dumps(body.get("value"), sort_keys=True) if body else None for body in reads.values()]
        if len(set(values)) != 1:
            problems.append("the last reads differ")
        return {
            "workload": self.args.workload, "seed": self.args.seed, "nodes": self.args.nodes, "acknowledged": len(sure),
            "indeterminate": len(unsure), "kills": kills, "partitions": cuts, "messages": self.messages,
            "problems": problems}

    def stop(self):
        self.stopped = True
        for node in self.nodes.values():
            if node.process:
                node.process.kill()
                node.process.wait()
        self.log.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the renkei-sim to test")
    parser.add_argument("--workload", choices=["broadcast", "g-set", "g-counter", "pn-counter"], default="g-set")
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=50, help="operations a second")
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--latency", type=float, default=0.02, help="mean delay in seconds")
    parser.add_argument("--loss", type=float, default=0.05, help="share of messages between nodes that vanish")
    parser.add_argument("--interval", type=float, default=1.5, help="mean seconds between kills and partitions")
    args = parser.parse_args()
    harness = Harness(args)
    try:
        result = harness.run()
    finally:
        harness.stop()
    print(json.dumps(result))
    if result["problems"]:
        print(f"kept: {harness.folder}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(harness.folder)


if __name__ == "__main__":
    main()
