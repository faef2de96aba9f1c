#!/usr/bin/env python3
"""What other systems get from a running node: SIP4D-ZIP packages, read back here by another program than ours. The federation is a drill's, and
every package says so in each place where somebody could miss it; no option takes that away. What is left out is counted, a wrong call is
refused with exit 2, and two runs over the same rows write the same bytes but for their times.

Exit 0 when all held, 1 when not.
"""
import json
import os
import zipfile

from story import SAMPLE, Node, check, main


def read(path):
    """A package's parts, by the standard library alone."""
    with zipfile.ZipFile(path) as package:
        check(package.testzip() is None, f"{path} is damaged")
        names = package.namelist()
        check(len(names) == 3 and all("/" not in name for name in names), f"{path}: {names}")
        texts = {name: package.read(name) for name in names}
    check(not any(text.startswith(b"\xef\xbb\xbf") for text in texts.values()), f"{path} has a byte order mark")
    parts = {name: json.loads(text.decode("utf-8")) for name, text in texts.items()}
    meta = parts["sip4d_zip_meta.json"]
    layer = parts[meta["entry"][0]["file"]]
    columns = next(part for name, part in parts.items() if name.endswith("_columns.json"))
    return meta, layer, columns


def story(binary, folder):
    node = Node(binary, folder, "13113")
    node.command("import", SAMPLE)
    node.start()
    site = node.request("POST", "/api/v1/waste-sites", {"name": "仮置場A", "area": 1000, "latitude": 35.66, "longitude": 139.7})
    node.request("POST", "/api/v1/waste-sites", {"name": "場所の無い仮置場", "area": 10})
    out = os.path.join(folder, "out")
    told = node.command("exchange", "sip4d", "--out", out)["packages"]
    check(len(told) >= 2, f"{told}")
    check(sorted(os.listdir(out)) == sorted(os.path.basename(package["file"]) for package in told), f"{os.listdir(out)}")
    rows = 0
    for package in told:
        meta, layer, columns = read(os.path.join(out, os.path.basename(package["file"])))
        check(meta["testflg"] == "訓練" and "【訓練】" in meta["title"] and "【訓練】" in meta["disaster"]["name"]
              and "【訓練】" in meta["entry"][0]["title"], f"a drill's package does not say so: {meta}")
        check(len(layer["features"]) == package["features"], f"{package}")
        known = {column["name"] for column in columns["columns"]}
        check(columns["num_column"] == len(columns["columns"]), f"{columns}")
        for feature in layer["features"]:
            longitude, latitude = feature["geometry"]["coordinates"]
            check(138 < longitude < 141 and 34 < latitude < 37, f"longitude first: {feature}")
            check(set(feature["properties"]) <= known, f"{set(feature['properties']) - known} in no column")
        rows += package["features"]
    shelters = node.request("GET", "/api/v1/shelters?limit=1000")["shelters"]
    placed = sum(row.get("latitude") is not None for row in shelters)
    check(placed > 30 and any(package["features"] == placed for package in told), f"{placed} shelters: {told}")
    missed = {package["file"]: package["withoutPlace"] for package in told}
    check(sum(missed.values()) >= 1, f"the site without a place is not counted: {missed}")
    again = os.path.join(folder, "again")
    node.command("exchange", "sip4d", "--out", again)
    for name in os.listdir(out):
        check(read(os.path.join(out, name))[1] == read(os.path.join(again, name))[1], f"{name} is not the same twice")
    none = os.path.join(folder, "none")
    check(node.command("exchange", "sip4d", "--out", none, "--ward", "13101")["packages"] == [], "rows of a ward that has none")
    for words in (("--report", "10000"), ("--ward", "99999"), ("--drill", "false")):
        node.command("exchange", "sip4d", "--out", none, *words, ok=(2,))
    blocked = os.path.join(folder, "file")
    open(blocked, "w").close()
    node.command("exchange", "sip4d", "--out", blocked, ok=(2,))
    print(f"{len(told)} packages with {rows} features, site {site['id']} among them; {sum(missed.values())} without a place left out and counted")
    node.stop()


if __name__ == "__main__":
    main(__doc__, story)
