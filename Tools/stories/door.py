#!/usr/bin/env python3
"""The node's door: what one caller can take from the others, and what a wrong clock can.

Silent connections, half requests over TLS and event streams in their thousands from one address each, a crowd's phones, half
handshakes at the peers' door, wrong passwords at a shelter's router: whoever calls from another address, or from the machine
itself, is answered within --limit seconds. A clock of the year 2000 costs no certificate, and the node's authority signs for
nobody else. What happened at the door stands in the log, and no password does.
"""
import concurrent.futures
import glob
import http.client
import json
import os
import resource
import socket
import ssl
import subprocess
import time

from story import Node, check, main, until

FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + [None])[0]
PASSWORD = "川底 三毛猫 鉛筆立て"


def call(node, source, method="GET", path="/healthz", body=None, headers={}, timeout=30):
    """One request over a connection of its own from an address of this machine: status, headers, content, seconds."""
    start = time.monotonic()
    connection = http.client.HTTPSConnection("127.0.0.1", node.http, timeout=timeout, source_address=(source, 0), context=node.tls)
    try:
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, answer.headers, content, time.monotonic() - start
    finally:
        connection.close()


def answered(node, limit, what):
    """A clerk elsewhere and a program on the machine itself, each with what they want of the node."""
    worst = 0.0
    for source in ("127.0.0.3", "127.0.0.1"):
        for _ in range(5):
            status, _, _, seconds = call(node, source, path="/api/v1/shelters?limit=1", headers={"Authorization": f"Bearer {node.token}"})
            check(status == 200 and seconds <= limit, f"{what}: {source} was answered {status} after {seconds:.2f} s")
            worst = max(worst, seconds)
    print(f"{what:52} others were answered within {worst * 1e3:5.0f} ms", flush=True)


def connect(port, source):
    try:
        return socket.create_connection(("127.0.0.1", port), 5, (source, 0))
    except OSError:
        return None


def alive(link):
    """Whether the other side still holds it; nothing was asked, so nothing but its end can come."""
    try:
        link.setblocking(False)
        return bool(link.recv(1 << 16))
    except BlockingIOError:
        return True
    except OSError:
        return False


def silent(node, limit):
    links = [link for link in (connect(node.http, "127.0.0.2") for _ in range(2240)) if link]
    answered(node, limit, "2,240 silent connections of one address")
    held = sum(map(alive, links))
    check(0 < held <= 64, f"of one address 64 are held: {held}")
    took = until("a handshake that does not come ends the connection", lambda: not any(map(alive, links)), 10)
    print(f"{'':52} and the silent ones were closed {took:.1f} s later", flush=True)
    for link in links:
        link.close()


def slow(node, limit):
    """A head that never ends, a byte at a time, over TLS."""
    def begin(_):
        link = connect(node.http, "127.0.0.4")
        try:
            link = node.tls.wrap_socket(link, server_hostname="127.0.0.1")
            link.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
            return link
        except (OSError, AttributeError):
            return None
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        links = [link for link in pool.map(begin, range(2000)) if link]
        answered(node, limit, "2,000 slow heads over TLS of one address")
    def drip(link):
        try:
            link.settimeout(1)
            link.sendall(b"x")
            link.recv(1)
            return False
        except (TimeoutError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        took = until("a head that does not end ends the connection", lambda: not any(pool.map(drip, links)), 20)
    print(f"{'':52} and the slow ones were closed {took:.1f} s later", flush=True)


def ended(connection, answer):
    """Whether a stream is over: what it had told is read, and then it says that nothing comes."""
    connection.sock.settimeout(0.05)
    try:
        while answer.read1(4096):
            pass
        return True
    except (TimeoutError, ssl.SSLWantReadError):
        return False
    except (OSError, http.client.HTTPException):
        return True


def streams(node, limit):
    """Event streams by one token, as many as it gets."""
    token = node.command("token", "add", "--name", "viewer", "--role", "viewer", "--read-only")["token"]
    held = []
    def begin(_):
        connection = http.client.HTTPSConnection("127.0.0.1", node.http, timeout=10, source_address=("127.0.0.5", 0), context=node.tls)
        try:
            connection.request("GET", "/events", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            held.append((connection, answer))
            return answer.status
        except (OSError, http.client.HTTPException):
            return None
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        told = list(pool.map(begin, range(2000)))
    answered(node, limit, "2,000 event streams of one token")
    # Past what one address may connect, nothing is answered; of the others none is refused, and the newest stay.
    check(set(told) <= {200, None} and told.count(200) >= 100, f"who has a connection is served: {told.count(200)} of {len(told)}, {set(told)}")
    going = sum(not ended(*stream) for stream in held)
    check(going == 16, f"one token keeps sixteen streams: {going}")
    for connection, _ in held:
        connection.close()


def phones(node, limit):
    """A crowd looks once at the counter, each phone from an address of its own, and keeps its connection."""
    def look(number):
        connection = http.client.HTTPSConnection("127.0.0.1", node.http, timeout=20, context=node.tls,
                                                 source_address=(f"127.1.{number >> 8}.{number & 255}", 0))
        try:
            connection.request("GET", "/counter", headers={"Accept": "text/html"})
            connection.getresponse().read()
            return connection
        except (OSError, http.client.HTTPException):
            return None
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        held = [link for link in pool.map(look, range(1, 2100)) if link]
    status, _, _, seconds = call(node, "127.2.0.1", path="/counter", headers={"Accept": "text/html"})
    check(status == 200 and seconds <= limit, f"the next phone: {status} after {seconds:.2f} s")
    answered(node, limit, f"{len(held):,} phones that looked once")
    for connection in held:
        connection.close()


def handshakes(node, peer):
    """Half handshakes from ten addresses at the peers' door; the peer, which was linked before, comes back and links up."""
    until("the two are linked", lambda: linked(peer, node.ward))
    peer.stop()
    links = [link for link in (connect(node.gossip, f"127.0.3.{number % 10 + 1}") for number in range(400)) if link]
    for link in links:
        link.sendall(b"\x16\x03\x01\x02\x00\x01")
    peer.start([node])
    took = until("the peer links up", lambda: linked(peer, node.ward), 15)
    print(f"{'400 half handshakes at the peers door':52} a known peer was linked after {took:.1f} s", flush=True)
    for link in links:
        link.close()


def linked(node, ward):
    return any(peer["ward"] == ward and peer["state"] == "up" for peer in node.request("GET", "/api/v1/links")["links"])


def guesses(node):
    """Strangers guess at a shelter's router; the tablet there, which has signed its clerk in before, does so again."""
    made = node.request("POST", "/api/v1/accounts", {"login": "hanako", "name": "見本 花子", "roles": ["viewer"], "password": PASSWORD})
    def sign_in(login, password, cookie=""):
        return call(node, "127.0.0.6", "POST", "/api/v1/session", {"login": login, "password": password}, {"Cookie": cookie})
    status, headers, content, _ = sign_in("Ｈａｎａｋｏ　", PASSWORD)
    check(status == 200, f"signed in, as a Japanese keyboard writes it: {status}")
    cookies = [text.split(";")[0] for text in headers.get_all("Set-Cookie")]
    device = next(cookie for cookie in cookies if "-device=" in cookie)
    refused = 0
    for number in range(40):
        status, headers, _, _ = sign_in("hanako" if number % 2 else f"invented{number}", f"wrong wrong {number}")
        check(status in (401, 429), f"a wrong password: {status}")
        check(status == 401 or headers["Retry-After"], "who has to wait is told how long")
        refused += status == 429
    check(refused > 0, "a stranger's guesses are slowed")
    check(sign_in("hanako", PASSWORD)[0] == 429, "a new device there has to wait")
    check(sign_in("hanako", PASSWORD, device)[0] == 200, "the tablet that she works at does not")
    session = next(cookie for cookie in cookies if "-device=" not in cookie)
    check(call(node, "127.0.0.6", path="/api/v1/accounts", headers={"Cookie": session})[0] == 403, "what is not hers is refused")
    check(call(node, "127.0.0.6", "DELETE", "/api/v1/session", headers={"Cookie": session})[0] == 204, "signed out")
    node.request("POST", f"/api/v1/accounts/{made['id']}/end", {})
    with open(node.data + ".log") as file:
        log = file.read()
    for event in ("addAccount", "endAccount", "signed-in", "signed-out", "refused", "no-room"):
        check(any(f"event={event}" in line for line in log.splitlines()), f"the log has a line of its own for {event}")
    for secret in (PASSWORD, "wrong wrong", device.split("=")[1], session.split("=")[1], node.token):
        check(secret not in log, "nothing that proves anybody stands in the log")
    print(f"{'strangers guess at a router':52} {refused} of 40 had to wait, the clerk's tablet did not", flush=True)


def certificates(node, folder):
    """What the node's authority may sign, and what a clock of the year 2000 does."""
    https = os.path.join(node.data, "https")
    forged = os.path.join(folder, "forged")
    for name, holds in (("www.example.com", False), ("shelter.local", True)):
        text = os.path.join(folder, "names")
        with open(text, "w") as file:
            file.write(f"subjectAltName=DNS:{name}\n")
        run = lambda *words: subprocess.run(["openssl", *words], capture_output=True, text=True)
        run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", forged + ".key", "-out", forged + ".csr", "-subj", "/CN=x")
        made = run("x509", "-req", "-in", forged + ".csr", "-CA", https + "/ca.pem", "-CAkey", https + "/ca.key", "-out", forged + ".pem",
                   "-days", "30", "-extfile", text)
        check(made.returncode == 0, made.stderr)
        told = run("verify", "-CAfile", https + "/ca.pem", "-verify_hostname", name, forged + ".pem")
        check((told.returncode == 0) == holds, f"{name} under the node's authority: {told.stdout}{told.stderr}")
    if not FAKETIME:
        return print("clocks: not tried without libfaketime", flush=True)
    with open(https + "/server.pem") as file:
        before = file.read()
    node.stop()
    words = ["--http", f"127.0.0.1:{node.http}", "--gossip", f"127.0.0.1:{node.gossip}"]
    environment = dict(os.environ, LD_PRELOAD=FAKETIME, FAKETIME="@2000-01-01 00:00:00", FAKETIME_DONT_FAKE_MONOTONIC="1")
    log = open(node.data + ".log", "a")
    # Through a shell: Swift finds its arguments beside the environment, which libfaketime moves when a shell has not.
    node.process = subprocess.Popen(["sh", "-c", 'exec "$@"', "sh", node.binary, "run", "--data", node.data, *words],
                                    stdout=log, stderr=log, env=environment)
    # This client's clock is right, and it trusts nothing but the node's authority.
    until("a node with a dead clock serves who trusts it", node.healthy, 20)
    with open(https + "/server.pem") as file:
        check(file.read() == before, "the certificate is the one before")
    with open(node.data + ".log") as file:
        check("the clock is wrong" in file.read(), "the log says that the clock is wrong")
    problems = [problem["code"] for problem in node.request("GET", "/api/v1/links")["problems"]]
    check("ownClock" in problems, f"and so do reports: {problems}")
    print(f"{'a clock of the year 2000':52} the certificate was kept, and the pages tell", flush=True)


def story(binary, folder, limit):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384), most))
    node, peer = Node(binary, folder, "13113"), Node(binary, folder, "13121")
    node.start()
    peer.start([node])
    answered(node, limit, "nobody else")
    silent(node, limit)
    slow(node, limit)
    streams(node, limit)
    phones(node, limit)
    handshakes(node, peer)
    guesses(node)
    certificates(node, folder)
    for each in (node, peer):
        check(each.stop() == 0, f"{each.ward} stops cleanly")


if __name__ == "__main__":
    # How long an answer may take, in seconds.
    main(__doc__, story, limit=1.0)
