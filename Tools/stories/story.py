"""What every story is told with: nodes as real processes, waiting, checking, and the one `main`."""
import argparse
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SAMPLE = os.path.join(TOOLS, "sample", "shelters.csv")
WARDS = ["13113", "13121", "13108"]
TIMEOUT = 60
ROLES = ["administrator", "headquarters", "shelter", "welfare", "supply", "engineer", "viewer"]
ALL_ROLES = [word for role in ROLES for word in ("--role", role)]


class Failure(Exception):
    pass


def check(holds, what):
    if not holds:
        raise Failure(what)


def until(what, probe, timeout=TIMEOUT):
    """Asks again until the answer is true; returns the seconds that it took."""
    start = time.monotonic()
    while True:
        if probe():
            return time.monotonic() - start
        if time.monotonic() - start > timeout:
            raise Failure(f"not within {timeout} s: {what}")
        time.sleep(0.02)


claims = []


def free_port():
    """A port that nothing listens on and no other story has claimed: two begin in the same second, and what the kernel calls free it
    gives to the next outgoing call. So it lies below those, and is claimed for as long as this process lives."""
    folder = os.path.join(tempfile.gettempdir(), f"renkei-ports-{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        end = int(file.read().split()[0])
    # Where the kernel gives out all of them, any will do.
    for port in random.sample(range(end - 20_000, end) if end > 22_000 else range(12_000, 32_000), 2_000):
        claim = open(os.path.join(folder, str(port)), "w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        claims.append(claim)
        return port
    raise Failure("no port is free")


def record(method, path, sent, answer, content):
    """Writes down what was said, for `Tools/checks/traffic.py`, where the folder RENKEI_TRAFFIC names is there."""
    folder = os.environ.get("RENKEI_TRAFFIC")
    if not folder or len(content) > 1 << 20:
        return
    line = {"method": method.upper(), "path": path, "sent": sent, "status": answer.status,
            "type": answer.headers.get("Content-Type"), "content": content.decode(errors="replace")}
    with open(os.path.join(folder, f"{os.getpid()}.jsonl"), "a") as file:
        file.write(json.dumps(line, ensure_ascii=True) + "\n")


class Node:
    def __init__(self, binary, folder, ward):
        self.binary, self.ward = binary, ward
        self.data = os.path.join(folder, ward)
        self.http, self.gossip = free_port(), free_port()
        self.process = None
        self.make(folder)

    def make(self, folder):
        """The node's folder, and a token that may do everything."""
        made = self.command("init", "--ward", self.ward, "--federation", os.path.join(folder, "federation"), "--drill")
        self.code = made["firstAdministratorCode"]
        token = self.command("token", "add", "--name", "story", *ALL_ROLES)
        self.token, self.token_row = token["token"], token["id"]
        self.tls = ssl.create_default_context(cafile=made["httpsAuthority"])

    def command(self, *words, ok=(0,), given=None):
        run = subprocess.run([self.binary, *words, "--data", self.data, "--json"], input=given, capture_output=True, text=True)
        check(run.returncode in ok, f"{' '.join(words)}: exit {run.returncode}: {run.stderr.strip()[-300:]}")
        return json.loads(run.stdout) if run.stdout.strip() else None

    def start(self, peers=(), options=()):
        words = [*options, "--http", f"127.0.0.1:{self.http}", "--gossip", f"127.0.0.1:{self.gossip}"]
        for peer in peers:
            words += ["--peer", f"{peer.ward}@127.0.0.1:{peer.gossip}"]
        log = open(self.data + ".log", "a")
        self.process = subprocess.Popen([self.binary, "run", "--data", self.data, *words], stdout=log, stderr=log)
        until(f"{self.ward} serves", self.healthy, 20)

    def healthy(self):
        check(self.process.poll() is None, f"{self.ward} ended: see {self.data}.log")
        try:
            return self.request("GET", "/healthz", parse=False) == b"ok\n"
        except OSError:
            return False

    def stop(self, sig=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(10)
        return self.process.returncode if self.process else None

    def open(self, method, path, data=None, token=None, timeout=10, headers={}):
        """The answer, to be read; `token` instead of the one that may do everything."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token or self.token}", **headers}
        request = urllib.request.Request(f"https://127.0.0.1:{self.http}{path}", data, headers, method=method)
        return urllib.request.urlopen(request, timeout=timeout, context=self.tls)

    def request(self, method, path, body=None, parse=True):
        try:
            with self.open(method, path, None if body is None else json.dumps(body).encode()) as answer:
                content = answer.read()
                record(method, path, body, answer, content)
        except urllib.error.HTTPError as error:
            content = error.read()
            record(method, path, body, error, content)
            # The reason goes with it to whoever reads the failure.
            error.msg += f": {method} {path}: {content.decode()[:300]}"
            raise
        return json.loads(content) if parse else content

    def shelter(self, row):
        return self.request("GET", f"/api/v1/shelters/{row}")

    def change(self, row, **patch):
        return self.request("PATCH", f"/api/v1/shelters/{row}", patch)

    def digest(self):
        return self.request("GET", "/api/v1/status?digest=1")["digest"]

    def rows(self):
        return self.request("GET", "/api/v1/status")["rows"]["shelters"]


def write_list(path, count, prefix):
    with open(path, "w", encoding="utf-8") as f:
        f.write("市区町村コード,NO,名称,住所,緯度,経度,想定収容人数\r\n")
        for n in range(count):
            f.write(f"131083,{n},{prefix}{n},東京都江東区{prefix}{n}-1,35.67,139.81,{n % 500}\r\n")


class Required:
    """An option that has no default: the path of a program."""


def main(description, story, language="ja", **options):
    """A story's `main`, which ends the process itself: exit 0 when it held, 1 when not; then the nodes' files and logs are kept.

    `story(node, folder, **options)` gets the path of `renkei-node`, a folder of its own and the options, whose defaults
    say what they are: `Required` a path, False a switch, anything else a value of the default's type.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--node", required=True, help="the renkei-node executable")
    for name, default in options.items():
        if default is Required:
            parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
        elif default is False:
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name}", type=type(default), default=default)
    given = vars(parser.parse_args())
    node = os.path.abspath(given.pop("node"))
    os.environ["RENKEI_LANG"] = language
    folder = tempfile.mkdtemp(prefix="renkei-story-")
    start = time.monotonic()
    try:
        story(node, folder, **given)
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"✗ {type(failure).__name__}: {failure}\n  the nodes' files and logs: {folder}", file=sys.stderr)
        sys.exit(1)
    finally:
        # Whatever a story that failed left running.
        subprocess.run(["pkill", "-9", "-f", folder])
    shutil.rmtree(folder, ignore_errors=True)
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    print(f"{name}: held, {time.monotonic() - start:.1f} s")
    sys.exit(0)
