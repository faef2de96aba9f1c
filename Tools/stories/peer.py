#!/usr/bin/env python3
"""The developer of a peer system: typed clients in two languages, made from the description of a running node, and the four
small programs that such a developer writes first. Then HTTP as others speak it: what is refused, kept, packed and ended.
"""
import inspect
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from story import Node, TOOLS, check, main, until, write_list

# MARK: The four programs, with the generated client


def map_of(client, seconds):
    """Shelters as GeoJSON, kept fresh by events: the features by id, while `seconds` run."""
    features = {f["id"]: f for f in client.shelters_geojson(status_="open")["features"]}
    place = client.changes()["next"]
    end = time.monotonic() + seconds
    for kind, change, _ in client.follow_changes(place, table="shelters"):
        if kind == "change" and change["isDeleted"]:
            features.pop(change["id"], None)
        elif kind == "change":
            shelter = client.shelter(change["id"])
            features[change["id"]] = {"type": "Feature", "id": shelter["id"], "properties": shelter, "geometry": None}
        yield features
        if time.monotonic() > end:
            return


def register(client, shelter, people):
    """People checked in over a line that breaks: each once."""
    return [client.check_in(shelter, {"name": name})["id"] for name in people]


def pages(client):
    """Every shelter that the node knows."""
    return list(client.each_shelters(limit_=1000))


def react(client, worse):
    """Settles what two desks said of crowding at once, by the worse of the two."""
    settled = 0
    fields = {}
    for conflict in client.each_conflicts():
        if conflict["field"] == "crowding":
            fields.setdefault(conflict["row"], []).append(conflict["value"])
    for row, words in fields.items():
        client.settle_conflict({"collection": "shelters", "row": row, "field": "crowding", "value": max(words, key=worse.index)})
        settled += 1
    return settled


TYPESCRIPT = """
import { Client, Refused } from "./renkei.js";
declare const process: { argv: string[]; exit(code: number): never };
const [base, token, shelter] = process.argv.slice(2);
const client = new Client(base, token);
const me = await client.me();
if (me.kind !== "token" || me.ward !== "13113") throw new Error("who I am");
let count = 0;
for await (const row of client.eachShelters({ limit: 100 })) {
  if (row.name === undefined) throw new Error("a shelter has a name");
  count += 1;
}
const opened = await client.openShelter(shelter, { area: 330 });
if (opened.statusCode !== "open") throw new Error("a code beside the word");
try {
  await client.addShelter({ name: "x", capacity: "many" as unknown as number });
} catch (error) {
  if (!(error instanceof Refused) || error.problem.field !== "capacity") throw error;
}
const { next } = await client.changes();
const changes = client.followChanges(next);
await client.countHeads(shelter, { people: 12 });
for await (const { kind, data } of changes) {
  if (kind === "change" && (data as { id: string }).id === shelter) break;
}
console.log(JSON.stringify({ count }));
process.exit(0);
"""


class Flaky(threading.Thread):
    """A line that breaks every third connection: before anything is sent, or once the node has it and before it answers."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.count = target, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.start()

    def run(self):
        while True:
            client, _ = self.server.accept()
            self.count += 1
            threading.Thread(target=self.carry, args=(client, self.count), daemon=True).start()

    def carry(self, client, number):
        if number % 6 == 0:
            return client.close()
        node = socket.create_connection(("127.0.0.1", self.target))
        breaks = number % 6 == 3
        def up():
            try:
                while data := client.recv(65536):
                    node.sendall(data)
            except OSError:
                pass
            if not breaks:
                try:
                    node.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
        threading.Thread(target=up, daemon=True).start()
        got = 0
        try:
            while data := node.recv(65536):
                got += len(data)
                # The handshake is through, the answer to the request is not.
                if breaks and got > 3000:
                    break
                client.sendall(data)
        except OSError:
            pass
        for end in (client, node):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


def clients(binary, folder, node):
    """The generated clients' module, and how the TypeScript one fared at the compiler."""
    description = os.path.join(folder, "openapi.yaml")
    with open(description, "wb") as file:
        file.write(node.request("GET", "/openapi.yaml", parse=False))
    if os.environ.get("RENKEI_TRAFFIC"):
        shutil.copy(description, os.environ["RENKEI_TRAFFIC"])
    made = os.path.join(folder, "clients")
    os.makedirs(made)
    run = subprocess.run([sys.executable, os.path.join(TOOLS, "client"), "--description", description, "--python",
                          os.path.join(made, "renkei.py"), "--typescript", os.path.join(made, "renkei.ts")], capture_output=True, text=True)
    check(run.returncode == 0, f"the clients are made: {run.stderr[-400:]}")
    with open(os.path.join(made, "program.ts"), "w") as file:
        file.write(TYPESCRIPT)
    with open(os.path.join(made, "package.json"), "w") as file:
        file.write('{"type": "module"}')
    run = subprocess.run(["tsc", "--strict", "--noUnusedLocals", "--target", "es2022", "--module", "es2022", "--moduleResolution", "node",
                          "--lib", "es2022,dom,dom.iterable", "program.ts"], cwd=made, capture_output=True, text=True)
    check(run.returncode == 0, f"TypeScript takes the client and the program: {run.stdout[-600:]}")
    sys.path.insert(0, made)
    import renkei
    return renkei, made


def answer(node, method, path, body=None, headers={}, token=None):
    """Status, headers and content, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with node.open(method, path, data, token=token, headers=headers) as got:
            return got.status, got.headers, got.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def manners(node, shelter):
    """What HTTP says of refusing, asking again and keeping (A7, A9 to A12)."""
    status, headers, content = answer(node, "DELETE", "/api/v1/shelters")
    check((status, headers["Allow"]) == (405, "GET, HEAD, POST"), f"a wrong method: {status}, {headers['Allow']}")
    check(headers["Content-Type"].startswith("application/problem+json") and json.loads(content)["type"] == "urn:renkei:problem:wrong-method", "RFC 9457")
    status, headers, content = answer(node, "GET", "/api/v1/nothing")
    check(status == 404 and json.loads(content)["error"] == "not-found", "a path that leads nowhere")
    status, headers, content = answer(node, "HEAD", "/api/v1/shelters?limit=1")
    check(status == 200 and content == b"" and int(headers["Content-Length"]) > 100, "HEAD")
    check(answer(node, "OPTIONS", "/api/v1/shelters")[0] == 405, "OPTIONS without an origin that may")
    status, _, content = answer(node, "POST", "/api/v1/shelters", {"nmae": "x", "capacity": "many", "latitude": 99})
    problem = json.loads(content)
    check(status == 400 and {p["field"] for p in problem["errors"]} == {"nmae", "name", "capacity", "latitude"}, f"all at once: {problem['errors']}")
    for path in ("/api/v1/shelters?limt=5", "/api/v1/lots?colour=red", "/api/v1/status?x=1", "/api/v1/links?x=1", "/api/v1/conflicts?x=1",
                 "/api/v1/shelters.geojson?x=1", "/api/v1/shelters?status=open&status=close", "/api/v1/status?digest=AAA"):
        check(answer(node, "GET", path)[0] == 400, f"{path} is refused")
    check(answer(node, "GET", "/api/v1/shelters/999/stays?purpose=x")[0] in (400, 404), "stays of no shelter")
    check(answer(node, "GET", "/api/v1/shelters/999/reports")[0] == 404, "reports of no shelter")
    check(answer(node, "POST", f"/api/v1/shelters/{shelter}/opening", None, {"Content-Type": "application/json"})[0] in (200, 409), "a body left out")

    key = {"Idempotency-Key": "0123456789abcdef-peer"}
    first = answer(node, "POST", "/api/v1/shelters", {"name": "一度だけ"}, key)
    again = answer(node, "POST", "/api/v1/shelters", {"name": "一度だけ"}, key)
    other = answer(node, "POST", "/api/v1/shelters", {"name": "別の内容"}, key)
    check(first[0] == again[0] == 201 and first[2] == again[2] and again[1]["Idempotency-Replayed"] == "true" and first[1]["Idempotency-Replayed"] is None,
          "sent again: done once, answered alike, and said so")
    check(other[0] == 422 and json.loads(other[2])["error"] == "reused", f"another content under one key: {other[0]}")

    status, headers, plain = answer(node, "GET", "/api/v1/shelters?limit=200")
    tag = headers["ETag"]
    packed = answer(node, "GET", "/api/v1/shelters?limit=200", headers={"Accept-Encoding": "gzip"})
    import gzip
    check(packed[1]["Content-Encoding"] == "gzip" and gzip.decompress(packed[2]) == plain, "gzip says the same")
    kept = answer(node, "GET", "/api/v1/shelters?limit=200", headers={"If-None-Match": tag})
    check(kept[0] == 304 and kept[2] == b"" and kept[1]["ETag"] == tag, f"what is as it was is not sent: {kept[0]}")
    node.request("POST", f"/api/v1/shelters/{shelter}/headcount", {"change": 1})
    check(answer(node, "GET", "/api/v1/shelters?limit=200", headers={"If-None-Match": tag})[0] == 200, "what changed is")
    print(f"200 shelters: {len(plain)} bytes, packed {len(packed[2])}, kept 0", flush=True)


def following(node, shelter):
    """What changed since, asked, waited for and streamed; a stream ends with its token (A7, A8, A10)."""
    place = node.request("GET", "/api/v1/changes")["next"]
    check(node.request("GET", f"/api/v1/changes?since={place}")["changes"] == [], "nothing yet")
    timer = threading.Timer(0.7, lambda: node.request("POST", f"/api/v1/shelters/{shelter}/headcount", {"change": 2}))
    timer.start()
    begin = time.monotonic()
    told = node.request("GET", f"/api/v1/changes?since={place}&wait=8")
    took = time.monotonic() - begin
    check([c["id"] for c in told["changes"]] == [shelter] and 0.6 < took < 5, f"waited for, {took:.1f} s: {told}")
    check(told["changes"][0]["updatedBy"] == "13113-1" and told["changes"][0]["table"] == "shelters", f"who and where: {told['changes'][0]}")
    check(node.request("GET", "/api/v1/changes?since=7-7")["isReset"], "a place of another history")
    gone = node.request("POST", "/api/v1/shelters", {"name": "消える避難所"})["id"]
    answer(node, "DELETE", f"/api/v1/shelters/{gone}")
    after = node.request("GET", f"/api/v1/changes?since={told['next']}")["changes"]
    check([(c["id"], c["isDeleted"]) for c in after] == [(gone, True)], f"made and gone, told once: {after}")

    made = node.command("token", "add", "--name", "stream", "--role", "viewer")
    ended = []
    def listen(path, headers):
        try:
            with node.open("GET", path, token=made["token"], timeout=40, headers=headers) as stream:
                for _ in stream:
                    pass
            ended.append(path)
        except OSError as error:
            ended.append(f"{path}: {error}")
    paths = [("/events", {}), ("/api/v1/changes", {"Accept": "text/event-stream"})]
    for path, headers in paths:
        threading.Thread(target=listen, args=(path, headers), daemon=True).start()
    time.sleep(1.5)
    check(not ended, "streams are open")
    node.command("token", "end", made["id"])
    def poked():
        node.request("POST", f"/api/v1/shelters/{shelter}/headcount", {"change": 1})
        time.sleep(0.4)
        return sorted(ended) == sorted(p for p, _ in paths)
    took = until("streams end with their token", poked, 20)
    print(f"streams ended {took:.1f} s after their token", flush=True)


def conflicts(node, other, client, shelter):
    """Two desks say at once how crowded a shelter is; the program settles it by the worse word."""
    until("the other ward knows the shelter", lambda: answer(other, "GET", f"/api/v1/shelters/{shelter}")[0] == 200)
    node.command("links", "cut", other.ward)
    node.change(shelter, crowding="空き")
    other.change(shelter, crowding="定員一杯")
    node.command("links", "heal", other.ward)
    until("the two are in conflict", lambda: any(c["field"] == "crowding" for c in client.each_conflicts()))
    settled = react(client, ["不明", "空き", "混雑", "定員一杯"])
    check(settled == 1 and client.shelter(shelter)["crowdingCode"] == "full", f"settled by the worse word: {settled}")
    return until("the other ward sees it", lambda: other.shelter(shelter)["crowdingCode"] == "full" and not other.request("GET", "/api/v1/conflicts")["conflicts"])


def open_data(node):
    """A node that publishes, and a web site whose pages may use the API (A14)."""
    row = node.request("POST", "/api/v1/shelters", {"name": "公開小学校", "latitude": 35.77, "longitude": 139.8, "phone": "03-0000-0000"})["id"]
    def bare(path):
        with urllib.request.urlopen(f"https://127.0.0.1:{node.http}{path}", context=node.tls) as got:
            return got.headers, got.read().decode()
    headers, text = bare("/open/shelters.geojson")
    feature = next(f for f in json.loads(text)["features"] if f["id"] == row)
    check(feature["geometry"]["coordinates"] == [139.8, 35.77] and headers["Access-Control-Allow-Origin"] == "*", "open, for any site")
    check("phone" not in feature["properties"] and "needs" not in feature["properties"] and "03-0000" not in text, "what is not published is not there")
    check("公開小学校" in bare("/open/shelters.csv")[1] and len(json.loads(bare("/open/wards.geojson")[1])["features"]) == 23, "as a table; the wards")
    origin = {"Origin": "https://www.city.example.jp"}
    status, headers, _ = answer(node, "OPTIONS", "/api/v1/shelters", headers={**origin, "Access-Control-Request-Method": "PATCH"})
    check(status == 204 and "Authorization" in headers["Access-Control-Allow-Headers"], f"a preflight: {status}")
    status, headers, _ = answer(node, "PATCH", f"/api/v1/shelters/{row}", {"remarks": "サイトから"}, {**origin, "Sec-Fetch-Site": "cross-site"})
    check(status == 200 and headers["Access-Control-Allow-Origin"] == origin["Origin"], f"a write from an allowed site, with a token: {status}")
    other = {"Origin": "https://evil.example"}
    check(answer(node, "PATCH", f"/api/v1/shelters/{row}", {"remarks": "x"}, {**other, "Sec-Fetch-Site": "cross-site"})[0] == 403, "and from no other")
    check(answer(node, "GET", "/api/v1/shelters", headers=other)[1]["Access-Control-Allow-Origin"] is None, "nor is anything shown to another")
    status, headers, _ = answer(node, "GET", "/api/v1/shelters/999", headers=origin)
    check(status == 404 and headers["Access-Control-Allow-Origin"] == origin["Origin"], "a refusal is shown to an allowed site too")
    check(headers["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in headers["Content-Security-Policy"], "and bears what protects browsers")


def lots(node):
    """Not one lot is left out of a list, however many there are (A5)."""
    node.request("POST", "/api/v1/items/standard", {})
    item = node.request("GET", "/api/v1/items")["items"][0]["id"]
    for number in range(120):
        node.request("POST", "/api/v1/lots", {"item": item, "amount": 1, "place": f"倉庫 {number}"})
    seen, after = [], ""
    while after is not None:
        page = node.request("GET", f"/api/v1/lots?limit=50{after}")
        seen += [lot["id"] for lot in page["lots"]]
        after = page["next"] and f"&after={page['next']}"
    check(len(seen) == len(set(seen)) == 120, f"{len(seen)} lots in pages")


def story(binary, folder, shelters):
    node, other = Node(binary, folder, "13113"), Node(binary, folder, "13121")
    node.start()
    try:
        path = os.path.join(folder, "list.csv")
        write_list(path, shelters, "見本")
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("131083", "131130").replace("江東区", "渋谷区").replace("35.67,139.81", "35.66,139.70")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        node.command("import", path)
        renkei, made = clients(binary, folder, node)
        check(answer(node, "GET", "/open/shelters.geojson")[0] in (401, 404), "what is not published is not there")
        base, authority = f"https://127.0.0.1:{node.http}", os.path.join(node.data, "https", "ca.pem")
        client = renkei.Client(base, node.token, authority)
        lines = lambda program: len(inspect.getsource(program).splitlines())

        start = time.monotonic()
        rows = pages(client)
        check(len(rows) == len({r["id"] for r in rows}) == shelters, f"{len(rows)} shelters, none twice")
        print(f"pages: {lines(pages)} lines; {len(rows)} shelters in {time.monotonic() - start:.2f} s", flush=True)
        check(all(r["crowdingCode"] == "full" for r in client.each_shelters(crowding_="full")), "a filter filters")

        shelter = rows[0]["id"]
        client.open_shelter(shelter, {})
        flaky = Flaky(node.http)
        broken = renkei.Client(f"https://127.0.0.1:{flaky.port}", node.token, authority)
        ids = register(broken, shelter, [f"見本 {n}" for n in range(50)])
        stays = list(client.each_stays(shelter))
        check(len(set(ids)) == 50 and {s["id"] for s in stays} == set(ids), f"50 people, {len(set(ids))} ids, {len(stays)} rows")
        print(f"register: {lines(register)} lines; 50 people over {flaky.count} connections, a third of which broke: 50 ids, 50 rows", flush=True)

        seen = []
        def watch():
            for features in map_of(client, 3):
                seen.append(features.get(shelter, {}).get("properties", {}).get("occupancy"))
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        time.sleep(1)
        begin = time.monotonic()
        client.count_heads(shelter, {"people": 77})
        took = until("the map is fresh", lambda: 77 in seen, 10)
        client.count_heads(shelter, {"people": 78})
        print(f"map: {lines(map_of)} lines; fresh after {took:.2f} s", flush=True)

        other.start([node], ["--public", "--allow-origin", "https://www.city.example.jp"])
        took = conflicts(node, other, client, shelter)
        print(f"react: {lines(react)} lines; settled on both nodes, the other {took:.2f} s later", flush=True)

        run = subprocess.run(["node", "program.js", base, node.token, rows[1]["id"]], cwd=made, capture_output=True, text=True, timeout=60,
                             env={**os.environ, "NODE_EXTRA_CA_CERTS": authority})
        check(run.returncode == 0 and json.loads(run.stdout)["count"] == shelters, f"the TypeScript program: {run.stdout[-300:]}{run.stderr[-600:]}")
        print(f"TypeScript: {len(TYPESCRIPT.splitlines())} lines: {run.stdout.strip()}", flush=True)

        version = client.version()
        check(version["version"] and version["commit"], f"which program: {version}")
        manners(node, shelter)
        following(node, shelter)
        open_data(other)
        lots(node)
    finally:
        node.stop()
        other.stop()


if __name__ == "__main__":
    main(__doc__, story, shelters=1600)
