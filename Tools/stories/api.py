#!/usr/bin/env python3
"""Right, nearly right and wrong input at every endpoint that /openapi.yaml describes, on a running node of its own.

Every answer must be below 500; every refusal must say what is wrong in both languages; a request with one wrong field must
be answered with that field's name. Rows that earlier answers made are used again, so that the rules behind the forms are
reached. Exit 0 when all held, 1 when not. The seed is printed; --seed replays.
"""
import collections
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

from story import Node, check, main, record

NASTY = ["", " ", "\u0000", "'; DROP TABLE residents;--", "<script>alert(1)</script>", "\u202eabc", "𠮷野家" * 40, "A" * 5000, "%00", "../../etc/passwd",
         "NaN", "-0", "1e999", "🏳️‍🌈", "\ud7ff", "null", "true", "０１２", "6214-9832-0257", "\u0301" * 50, "\n\t", "{}", "[]"]


class Fuzzer:
    def __init__(self, node, seed):
        self.node, self.random = node, random.Random(seed)
        self.description = yaml.safe_load(node.request("GET", "/openapi.yaml", parse=False))
        self.rows = collections.defaultdict(list)
        self.statuses = collections.Counter()
        self.reached = set()
        # What each operation answers, as the description says it.
        self.answers = {}
        # What was answered in another form than JSON alone.
        self.formats = {}
        # Where an answer was not what the description says.
        self.strays = {}

    def resolve(self, part):
        while "$ref" in part:
            found = self.description
            for name in part["$ref"].lstrip("#/").split("/"):
                found = found[name]
            part = found
        return part

    # MARK: Values

    @staticmethod
    def kind(schema):
        """The type, null apart."""
        kind = schema.get("type")
        return kind[0] if isinstance(kind, list) else kind

    def right(self, schema):
        r, schema = self.random, self.resolve(schema)
        if isinstance(schema.get("type"), list) and r.random() < 0.05:
            return None
        if "oneOf" in schema:
            return self.right(r.choice(schema["oneOf"]))
        kind = self.kind(schema)
        if "enum" in schema:
            return r.choice(schema["enum"])
        if "x-collection" in schema:
            rows = self.rows.get(schema["x-collection"]) or sum(self.rows.values(), [])
            return r.choice(rows) if rows and r.random() < 0.95 else str(r.randrange(-2**62, 2**62))
        if kind == "string":
            pattern = schema.get("pattern", "")
            if schema.get("format") == "date-time":
                return f"2026-{r.randint(1, 12):02}-{r.randint(1, 28):02}T0{r.randint(0, 9)}:00:00+09:00"
            if pattern.startswith("^[0-9]{4}("):
                return r.choice(["2026-11-24", "1950-04", "1931"])
            if pattern == "^[0-9]{5}$":
                return r.choice(["13113", "13121", "13108", "13101"])
            if pattern.startswith("^-?[0-9]"):
                rows = sum(self.rows.values(), [])
                return r.choice(rows) if rows else "1"
            if pattern.startswith("^p-"):
                return "p-" + "".join(r.choice("0123456789abcdef") for _ in range(32))
            return "".join(r.choice("水毛布あアｱ高髙abc 123") for _ in range(r.randint(1, min(12, schema.get("maxLength", 12)))))
        if kind == "integer":
            low, high = schema.get("minimum", 0), schema.get("maximum", 1000)
            return r.choice([low, high, r.randint(low, min(high, low + 500))])
        if kind == "number":
            return r.uniform(schema.get("minimum", 0), min(schema.get("maximum", 100), 1000))
        if kind == "boolean":
            return r.random() < 0.5
        if kind == "array":
            return [self.right(schema["items"]) for _ in range(r.randint(1, 3))]
        if kind == "object":
            names = list(schema.get("properties", {}))
            return {n: self.right(schema["properties"][n]) for n in names if n in schema.get("required", []) or r.random() < 0.4}
        return None

    def wrong(self, schema):
        """A value that this schema does not allow; None when hardly any is wrong."""
        r, schema = self.random, self.resolve(schema)
        if "oneOf" in schema:
            return r.choice(["gestern", -5, [], {}])
        kind = self.kind(schema)
        if "enum" in schema:
            return r.choice(["選択肢にない", 5, [], {"a": 1}])
        if kind == "string":
            limit = schema.get("maxLength")
            choices = [5, True, ["x"], {"x": 1}]
            if "pattern" in schema:
                choices = ["ちがう", "1; DROP", "99999x", {"x": 1}, True]
            elif limit:
                choices.append("長" * (limit + 1))
            return r.choice(choices)
        if kind == "integer":
            return r.choice(["五", 1.5, schema.get("maximum", 10**15) + 1, schema.get("minimum", 0) - 1, [], True])
        if kind == "number":
            return r.choice(["1,5", schema.get("maximum", 1e300) * 2 + 1e9, [], {}])
        if kind == "boolean":
            return r.choice(["はい", 2, []])
        if kind == "array":
            return r.choice([5, {"a": 1}, [[]], [{"x": 1}]])
        return r.choice([5, []])

    # MARK: Asking

    def operations(self):
        for path, methods in sorted(self.description["paths"].items()):
            shared = methods.get("parameters", [])
            for method, operation in sorted(methods.items()):
                # What never ends, and what only a node that publishes has.
                if method == "parameters" or operation["operationId"] == "events" or path.startswith("/open/"):
                    continue
                parameters = [self.resolve(p) for p in shared + operation.get("parameters", [])]
                answers = [answer for status, answer in operation["responses"].items() if status in ("200", "201")]
                self.answers[operation["operationId"]] = next(
                    (a["content"]["application/json"]["schema"] for a in answers if "application/json" in a.get("content", {})), None)
                body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
                yield path, method, operation["operationId"], parameters, body and self.resolve(body)

    def send(self, method, path, body, raw=None, repeated=0):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode("utf-8", "surrogatepass")
        try:
            with self.node.open(method.upper(), path, data, timeout=30) as answer:
                content = answer.read()
                record(method, path, body if raw is None else None, answer, content)
                return answer.status, content
        except urllib.error.HTTPError as error:
            wait = float(error.headers["Retry-After"] or 0)
            # Told to slow down, as any client: not to wait a minute for another wrong password.
            if error.code == 429 and 0 < wait <= 1 and repeated < 3:
                time.sleep(wait)
                return self.send(method, path, body, raw, repeated + 1)
            content = error.read()
            record(method, path, None, error, content)
            return error.code, content

    def case(self, path, method, name, parameters, body):
        r = self.random
        mode = r.random()
        broken = None
        texts, filled = {}, path
        for parameter in parameters:
            if parameter["in"] == "path":
                collection = parameter["schema"].get("x-collection")
                known = self.rows.get(collection) or sum(self.rows.values(), [])
                value = r.choice(known) if known and r.random() < 0.9 else self.right(parameter["schema"])
                if mode > 0.97:
                    value = r.choice(NASTY) or "x"
                filled = filled.replace("{%s}" % parameter["name"], urllib.parse.quote(str(value), safe=""))
            elif parameter["in"] == "query" and parameter["name"] != "wait" and (parameter.get("required") or r.random() < 0.5):
                texts[parameter["name"]] = self.right(parameter["schema"])
        raw = sent = None
        if body is not None:
            sent = self.right(body)
            if mode < 0.4 and body.get("properties") and body.get("additionalProperties") is False:
                broken = r.choice(sorted(body["properties"]))
                sent[broken] = self.wrong(body["properties"][broken])
            elif mode < 0.5 and isinstance(sent, dict) and sent:
                sent[r.choice(sorted(sent))] = r.choice(NASTY)
            elif mode < 0.53:
                raw = r.choice([b"", b"{", b"[1,2]", b"\xff\xfe", b'{"a":' * 2000, b"x" * 70_000, b"null", b'"text"'])
        elif mode < 0.3 and texts:
            broken = r.choice(sorted(texts))
            texts[broken] = r.choice(NASTY)
            broken = None
        query = "?" + urllib.parse.urlencode(texts, errors="surrogatepass") if texts else ""
        try:
            status, content = self.send(method, filled + query, sent, raw)
        except (UnicodeEncodeError, ConnectionError):
            return
        where = f"{method.upper()} {filled}{query} {json.dumps(sent, ensure_ascii=True)[:300]} → {status} {content[:300]!r}"
        self.statuses[status] += 1
        check(status < 500, f"{name}: a server error: {where}")
        if status >= 400:
            check(content, f"{name}: an empty refusal: {where}")
            refusal = json.loads(content)
            check(refusal.get("ja") and refusal.get("en") and refusal.get("error"), f"{name}: a refusal without words: {where}")
            if broken is not None and status == 400:
                others = set(sent) - {broken}
                check(refusal.get("field") in {broken} | others, f"{name}: a refusal that names no field that was sent: {where}")
        else:
            check(broken is None, f"{name}: took {broken} = {json.dumps(sent.get(broken) if broken else None)[:80]}: {where}")
            self.reached.add(name)
            self.learn(name, content)

    def learn(self, name, content):
        """The answer is what the description says, member by member; rows that it shows are used again."""
        schema = self.answers[name]
        if content and schema is not None:
            self.compare(name, json.loads(content), schema, "")
        elif content and content[:1] in b"{[":
            self.formats[name] = json.loads(content)

    def parts(self, schema):
        """All schemas that one is made of."""
        schema = self.resolve(schema)
        several = schema.get("allOf", []) + schema.get("anyOf", [])
        return [part for one in several for part in self.parts(one)] if several else [schema]

    def compare(self, name, value, schema, where):
        parts = self.parts(schema)
        properties = {key: part for one in parts for key, part in one.get("properties", {}).items()}
        collection = schema.get("$ref", schema.get("allOf", [{}])[0].get("$ref", "")).rsplit("/", 1)[-1]
        schema = self.resolve(schema)
        # A dictionary's values have no names.
        if isinstance(value, dict) and "additionalProperties" in schema and not properties:
            properties = {key: schema["additionalProperties"] for key in value if isinstance(schema["additionalProperties"], dict)}
        kinds = schema.get("type", parts[0].get("type", "object"))
        kinds = kinds if isinstance(kinds, list) else [kinds]
        is_one = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
        if not any(isinstance(value, (int, float)) and not isinstance(value, bool) if kind in ("number", "integer") else
                   isinstance(value, is_one[kind]) for kind in kinds):
            self.strays.setdefault(f"{name}: {where} is not {kinds}", value)
            return
        if isinstance(value, list):
            for item in value[:20]:
                self.compare(name, item, schema.get("items", {}), where + "[]")
        if isinstance(value, dict) and properties:
            for key, member in value.items():
                if key not in properties:
                    self.strays.setdefault(f"{name}: the description has no {where}.{key}", member)
                elif member is not None:
                    self.compare(name, member, properties[key], f"{where}.{key}")
            if collection and value.get("id"):
                rows = self.rows[collection]
                # The story's own token stays.
                if value["id"] not in rows and value["id"] != self.node.token_row:
                    rows.append(value["id"])
                    del rows[:-60]

    def run(self, cases):
        self.send("post", "/api/v1/items/standard", {})
        self.rows["items"] = [i["id"] for i in self.node.request("GET", "/api/v1/items")["items"]]
        operations = list(self.operations())
        makers = [o for o in operations if o[2] in ("registerResident", "addShelter", "addLot", "requestGoods", "checkIn")]
        for number in range(cases):
            self.case(*(self.random.choice(makers) if number < 150 or number % 12 == 0 else operations[number % len(operations)]))
        check(self.node.healthy(), "the node serves after all of it")
        check(not self.strays, "answers are not what the description says:\n" + "\n".join(
            f"  {stray}: {str(value)[:80]}" for stray, value in sorted(self.strays.items())))
        return operations


def story(binary, folder, cases, seed):
    node = Node(binary, folder, "13113")
    try:
        node.start()
        fuzzer = Fuzzer(node, seed)
        print(f"seed {seed}", flush=True)
        operations = fuzzer.run(cases)
        node.stop()
        check(node.command("verify")["sound"], "what was written verifies")
    finally:
        node.stop()
    print(f"{cases} requests at {len(operations)} endpoints (seed {seed}): no server error, every refusal in both "
          f"languages; {len(fuzzer.reached)} endpoints also did what they are for; " + ", ".join(f"{s}: {n}" for s, n in sorted(fuzzer.statuses.items())))


if __name__ == "__main__":
    main(__doc__, story, cases=4000, seed=1)
