#!/usr/bin/env python3
"""What was really said, held against the description: every answer that a recorded request got has a status, a form and
members that /openapi.yaml names, and what was taken was allowed by it.

  Tools/checks/traffic.py --description openapi.yaml FOLDER

FOLDER holds what stories recorded (`RENKEI_TRAFFIC`). The judge is python3-jsonschema (JSON Schema 2020-12, OpenAPI 3.1's
own). Exit 0 when nothing was refused, 1 when something was.
"""
import argparse
import collections
import json
import os
import sys
import urllib.parse

import jsonschema
import yaml

# Answers of the same operation, status and members that are looked at; the rest is alike.
EACH = 200


class Judge:
    def __init__(self, description):
        self.whole = description
        self.resolver = jsonschema.RefResolver("", description)
        self.paths = [(path.split("/"), path) for path in description["paths"]]
        self.seen = collections.Counter()
        self.refused = {}
        self.judged = collections.Counter()

    def resolve(self, part):
        while "$ref" in part:
            part = self.resolver.resolve(part["$ref"])[1]
        return part

    def path(self, text):
        """The path that the description has: one without places before one with."""
        words = text.split("/")
        fitting = [p for parts, p in self.paths if len(parts) == len(words) and all(a == b or a.startswith("{") for a, b in zip(parts, words))]
        return min(fitting, key=lambda p: p.count("{"), default=None)

    def holds(self, value, schema):
        return next((e for e in jsonschema.Draft202012Validator(schema, resolver=self.resolver).iter_errors(value)), None)

    def parts(self, schema):
        schema = self.resolve(schema)
        several = schema.get("allOf", []) + schema.get("anyOf", []) + schema.get("oneOf", [])
        return [schema] + [part for one in several for part in self.parts(one)]

    def unnamed(self, value, schema, where):
        """Members that no schema names."""
        parts = self.parts(schema)
        if isinstance(value, list):
            items = [p["items"] for p in parts if "items" in p]
            return [found for item in value[:50] for found in (self.unnamed(item, items[0], where + "[]") if items else [])]
        if not isinstance(value, dict):
            return []
        named = {key: part for p in parts for key, part in p.get("properties", {}).items()}
        other = next((p["additionalProperties"] for p in parts if p.get("additionalProperties")), None)
        found = []
        for key, member in value.items():
            if key in named:
                found += self.unnamed(member, named[key], f"{where}.{key}")
            elif other is None:
                found.append(f"{where}.{key}")
        return found

    def judge(self, line):
        url = urllib.parse.urlsplit(line["path"])
        path = self.path(url.path)
        if path is None or not url.path.startswith(("/api/", "/open/")):
            return
        operation = self.whole["paths"][path].get(line["method"].lower())
        name = f"{line['method']} {path} → {line['status']}"
        if operation is None:
            return self.note(name, line, None if line["status"] in (404, 405) else "an operation that is not described")
        self.seen[name] += 1
        if self.seen[name] > EACH:
            return
        self.judged[operation["operationId"]] += 1
        answer = operation["responses"].get(str(line["status"]))
        if answer is None:
            return self.note(name, line, "a status that is not described")
        content = self.resolve(answer).get("content", {})
        kind = (line["type"] or "").split(";")[0]
        if content and kind not in content:
            return self.note(name, line, f"an answer of type {kind!r}; described are {sorted(content)}")
        if not content and line["content"]:
            return self.note(name, line, "content where none is described")
        if kind.endswith("json"):
            value = json.loads(line["content"])
            error = self.holds(value, content[kind]["schema"])
            if error is not None:
                return self.note(f"{name} {'.'.join(str(p) for p in error.absolute_schema_path)}", line, f"{list(error.absolute_path)}: {error.message[:200]}")
            for place in self.unnamed(value, content[kind]["schema"], ""):
                self.note(f"{name} {place}", line, f"a member that is not described: {place}")
        if line["status"] < 300 and isinstance(line["sent"], dict) and "requestBody" in operation:
            error = self.holds(line["sent"], operation["requestBody"]["content"]["application/json"]["schema"])
            if error is not None:
                self.note(f"{name} sent", line, f"was taken, and is not allowed: {list(error.absolute_path)}: {error.message[:200]}")
        if line["status"] < 300:
            known = {p["name"] for p in (self.resolve(p) for p in operation.get("parameters", [])) if p["in"] == "query"}
            for query in urllib.parse.parse_qs(url.query):
                if query not in known:
                    self.note(f"{name} ?{query}", line, f"the parameter {query} was taken, and is not described")

    def note(self, key, line, why):
        if why:
            self.refused.setdefault(key, f"{line['path'][:120]}: {why}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--description", required=True)
    parser.add_argument("folder")
    given = parser.parse_args()
    with open(given.description, encoding="utf-8") as file:
        judge = Judge(yaml.safe_load(file))
    plain = [
        f"{method} {path}" for path, methods in judge.whole["paths"].items() for method, operation in methods.items() if method != "parameters"
        for answer in operation["responses"].values() for content in judge.resolve(answer).get("content", {}).values()
        if content["schema"] == {"type": "object"}]
    lines = 0
    for name in sorted(n for n in os.listdir(given.folder) if n.endswith(".jsonl")):
        with open(os.path.join(given.folder, name), encoding="utf-8") as file:
            for line in file:
                lines += 1
                judge.judge(json.loads(line))
    described = {o["operationId"] for methods in judge.whole["paths"].values() for m, o in methods.items() if m != "parameters"}
    for key, why in sorted(judge.refused.items()):
        print(f"✗ {key}: {why}")
    print(f"{lines} answers recorded, {sum(judge.judged.values())} judged, at {len(judge.judged)} of {len(described)} operations: "
          f"{len(judge.refused)} refused; {len(plain)} described as a plain object")
    return 1 if judge.refused or plain or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
