#!/usr/bin/env python3
"""The wards' work on three real nodes, cut off from each other for two days, through the API alone.

Exit 0 when all held, 1 when not. --show prints what was asked and answered. With libfaketime (Debian: faketime) the
nodes' clocks go on by two days while the links are cut; without it the cut lasts as long as the edits, and it says so.
"""
import glob
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.parse

from story import ALL_ROLES, Failure, Node, check, free_port, main, until

SHOW = False
FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + [None])[0]
DAY = 86_400


class Ward(Node):
    """A node, spoken to as a desk does."""

    offset = 0
    user = "防災課 見本"

    def make(self, folder):
        super().make(folder)
        # Who is at the desk stands in the audit trail by name.
        self.token = self.command("token", "add", "--name", self.user, *ALL_ROLES)["token"]

    def start(self, peers=()):
        words = ["--http", f"127.0.0.1:{self.http}", "--gossip", f"127.0.0.1:{self.gossip}"]
        for peer in peers:
            words += ["--peer", f"{peer.ward}@127.0.0.1:{peer.gossip}"]
        environment = dict(os.environ)
        if self.offset and FAKETIME:
            environment |= {"LD_PRELOAD": FAKETIME, "FAKETIME": f"+{self.offset}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        log = open(self.data + ".log", "a")
        # Through a shell: Swift finds its arguments beside the environment, which libfaketime moves when a shell has not.
        self.process = subprocess.Popen(
            ["bash", "-c", 'exec "$@"', "node", self.binary, "run", "--data", self.data, *words],
            stdout=log, stderr=log, env=environment)
        until(f"{self.ward} serves", self.healthy, 20)

    def now(self):
        return int(time.time() * 1000) + self.offset * 1000

    def call(self, method, path, body=None, ok=(200, 201), token=None):
        data = None if body is None and method == "GET" else json.dumps(body or {}).encode()
        try:
            with self.open(method, "/api/v1" + urllib.parse.quote(path, safe="/?=&%-"), data, token, 30) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        result = json.loads(content)
        if SHOW:
            hidden = {k: v for k, v in (body or {}).items() if k != "card"}
            print(f"  {self.ward} {method} {path} {json.dumps(hidden, ensure_ascii=False) if body else ''} → {status} "
                  f"{json.dumps(result, ensure_ascii=False)[:400]}")
        check(status in ok, f"{self.ward} {method} {path}: {status} {json.dumps(result, ensure_ascii=False)[:400]}")
        return result

    def get(self, path, **query):
        query = {k: v for k, v in query.items() if v is not None}
        return self.call("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))

    def refused(self, method, path, status, body=None, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query)
        answer = self.call(method, path, body, ok=(status,))
        check(answer["ja"] and answer["en"], f"{path}: a refusal in both languages")
        return answer

    def post(self, path, **body):
        return self.call("POST", path, body)

    def row_bytes(self):
        """All that lies on this node's disk, the write-ahead log included."""
        return b"".join(open(p, "rb").read() for p in glob.glob(self.data + "/replica.sqlite*"))


class Further(Ward):
    """A ward's second node."""

    def __init__(self, binary, folder, ward):
        self.binary, self.ward = binary, ward
        self.data = os.path.join(folder, ward + "-2")
        self.http, self.gossip = free_port(), free_port()
        self.process = None
        self.make(folder)


class Story:
    def __init__(self, binary, folder):
        self.folder = folder
        self.a, self.b, self.c = (Ward(binary, folder, w) for w in ("13113", "13121", "13108"))
        self.nodes = [self.a, self.b, self.c]
        self.further = []
        self.began = time.monotonic()

    def step(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def card(self, node):
        return open(os.path.join(self.folder, "federation", f"authority-{node.ward}.json"), encoding="utf-8").read()

    def up(self):
        for node in self.nodes:
            node.start([peer for peer in self.nodes if peer is not node])

    def down(self):
        for node in self.nodes:
            node.stop()

    def linked(self):
        until("links up", lambda: all(
            sum(p["state"] == "up" for p in n.request("GET", "/api/v1/links")["links"]) == 2 for n in self.nodes))

    def settled(self):
        """Until all have the same logs, and so the same shared tables."""
        until("all nodes show the same", lambda: len({n.digest() for n in self.nodes}) == 1)
        heads = lambda n: json.dumps(n.request("GET", "/api/v1/inspect/heads")["heads"] if "heads" in n.request(
            "GET", "/api/v1/inspect/heads") else n.request("GET", "/api/v1/inspect/heads"), sort_keys=True)
        until("all nodes show the same", lambda: len({n.digest() for n in self.nodes}) == 1)
        return heads

    def later(self, days):
        """The clocks go on: the machines were off for the night."""
        self.down()
        for node in self.nodes:
            node.offset += int(days * DAY)
        self.up()
        for node in self.nodes:
            node.command("links", "cut")

    # MARK: The story

    def run(self):
        self.up()
        self.linked()
        self.step("渋谷 13113・足立 13121・江東 13108: three nodes, linked by TLS")
        self.before()
        self.lost()
        self.quake()
        self.two_days()
        self.heal()
        self.law()
        self.down()
        print(f"the wards' work: all held{'' if FAKETIME else ' (without libfaketime: the cut lasted only as long as the edits)'}")

    def before(self):
        a, b, c = self.nodes
        a.post("/items/standard")
        until("the catalogue spreads", lambda: all(len(n.get("/items")["items"]) == 13 for n in self.nodes))
        self.items = {i["code"]: i["id"] for i in a.get("/items")["items"]}
        self.shelters = {}
        for node, name, lat, lon in ((a, "見本渋谷小学校", 35.66, 139.70), (a, "見本富ヶ谷中学校", 35.67, 139.69),
                                     (b, "見本足立小学校", 35.77, 139.80), (c, "見本江東小学校", 35.67, 139.81)):
            made = node.call("POST", "/shelters", {"name": name, "ward": node.ward, "latitude": lat, "longitude": lon,
                                                   "capacity": 400, "facility": "避難所"})
            self.shelters[name] = made["id"]
        # IDs: one for each resident, of the ward that gave it.
        self.hanako = a.post("/residents", familyName="髙橋", givenName="花子", familyKana="タカハシ", givenKana="ハナコ",
                             birth="1950-04-01", address="渋谷区見本一丁目2番3号", phone="03-0000-0001", sex="女")
        self.hanako_b = b.post("/residents", familyName="高橋", givenName="花子", familyKana="タカハシ", givenKana="ハナコ",
                               birth="1950-04-01", address="足立区見本4-5-6")
        self.saito = a.post("/residents", familyName="齋藤", givenName="健", familyKana="サイトウ", givenKana="ケン", birth="1988-11-30")
        check(self.hanako["residentId"].startswith("13113-"), "the ID names its ward")
        wrong = self.hanako["residentId"][:-2] + ("0" if self.hanako["residentId"][-2] != "0" else "1") + self.hanako["residentId"][-1]
        a.refused("GET", f"/residents/{wrong}", 400)
        check(a.get(f"/residents/{self.hanako['residentId']}")["givenName"] == "花子", "found by the ID on her card")
        for spelling in ("高橋花子", "花子 髙橋", "ﾀｶﾊｼ ﾊﾅｺ", "たかはし はなこ"):
            found = a.get("/residents", name=spelling)["residents"]
            check([r["residentId"] for r in found] == [self.hanako["residentId"]], f"{spelling} finds her")
        check(a.get("/residents", name="斉藤 健")["residents"][0]["familyName"] == "齋藤", "斉藤 finds 齋藤")
        a.refused("POST", "/residents", 400, {"familyName": "番号", "address": "個人番号 6214 9832 0257"})
        a.post(f"/residents/{self.hanako['id']}/assistance", grounds=["要介護", "身体障害"], plan="車椅子で二人が付き添う",
               supporters=["見本 支援"], destination=self.shelters["見本渋谷小学校"], agreed=False)
        self.step(f"IDs: {self.hanako['residentId']} (検査文字付き); 髙橋/高橋, 齋藤/斉藤, half-width kana and swapped order all find; a My Number is refused")

        # A private service, by consent; its name for a person is its own.
        care = a.post("/services", name="見守りサービス", operator="見本株式会社", scopes=["氏名", "電話番号"])
        shop = a.post("/services", name="買物支援", operator="例示合同会社", scopes=["氏名"])
        until_time = a.now() + 30 * DAY * 1000
        first = a.post(f"/residents/{self.hanako['id']}/consents", service=care["id"], scopes=["氏名", "電話番号"], use="見守り", until=until_time)
        second = a.post(f"/residents/{self.hanako['id']}/consents", service=shop["id"], scopes=["氏名"], use="買物", until=until_time)
        check(first["pseudonym"] != second["pseudonym"], "each service has its own name for her")
        seen = a.call("GET", f"/service/residents/{first['pseudonym']}", token=care["token"])
        check(seen == {"pseudonym": first["pseudonym"], "name": "髙橋 花子", "phone": "03-0000-0001"}, f"within its scope: {seen}")
        a.call("GET", f"/service/residents/{first['pseudonym']}", token=shop["token"], ok=(404,))
        a.call("GET", f"/service/residents/{first['pseudonym']}", ok=(401,))
        a.post(f"/consents/{first['id']}/withdrawal")
        a.call("GET", f"/service/residents/{first['pseudonym']}", token=care["token"], ok=(404,))
        self.step("consent: a service sees its scope under its own pseudonym, another's token nothing, and nothing after withdrawal")

        # Other wards cannot read her, nor does their disk or a captured bundle hold her name.
        until("the others hold all the logs", lambda: len({n.digest() for n in self.nodes}) == 1)
        b.refused("GET", f"/residents/{self.hanako['id']}", 404)
        check(b.get("/residents", name="齋藤 健")["residents"] == [], "another ward finds nobody")
        bundle = os.path.join(self.folder, "captured.bundle")
        a.command("bundle", "export", bundle)
        for where, content in (("足立's disk", b.row_bytes()), ("a captured bundle", open(bundle, "rb").read())):
            for secret in ("髙橋", "サイトウ", "03-0000-0001", "車椅子で二人"):
                check(secret.encode() not in content, f"{secret} lies in {where}")
        check("髙橋".encode() in a.row_bytes(), "(the probe finds it where it may be)")
        # With her consent, one ward reads what she chose; the third still nothing.
        consent = a.post(f"/residents/{self.hanako['id']}/consents", toWard="13121", scopes=["氏名", "カナ", "生年月日"], use="転居の相談", until=until_time)
        until("足立 can read what she chose", lambda: b.call("GET", f"/residents/{self.hanako['id']}?purpose=consent", ok=(200, 404)).get("name") == "髙橋 花子")
        b.refused("GET", f"/residents/{self.hanako['id']}", 400)
        b.refused("GET", f"/residents/{self.hanako['id']}", 403, purpose="安否確認")
        c.refused("GET", f"/residents/{self.hanako['id']}", 404, purpose="本人同意")
        check("address" not in b.get(f"/residents/{self.hanako['id']}", purpose="本人同意"), "no more than she chose")
        # Two IDs of one person: a person says so, takes it back, says it again.
        link = b.post("/identity-links", first=self.hanako["residentId"], second=self.hanako_b["residentId"], claim="同一人物", evidence="本人確認書類")
        union = lambda n: n.get(f"/residents/{self.hanako['id']}/identity")["ids"]
        until("the union is the same everywhere", lambda: all(len(union(n)) == 2 for n in self.nodes))
        b.post("/identity-links", first=self.hanako["id"], second=self.hanako_b["id"], claim="取消", evidence="その他")
        until("split again everywhere", lambda: all(len(union(n)) == 1 for n in self.nodes))
        b.post("/identity-links", first=self.hanako["id"], second=self.hanako_b["id"], claim="同一人物", evidence="転出入の記録")
        until("and joined", lambda: all(len(union(n)) == 2 for n in self.nodes))
        a.post(f"/consents/{consent['id']}/withdrawal")
        until("足立 reads it no longer", lambda: b.call("GET", f"/residents/{self.hanako['id']}?purpose=consent", ok=(200, 404)).get("error"))
        self.step("before the quake: sealed on other wards' disks and in a captured bundle; read with consent, not after; two IDs linked, split, linked")

        # Stock, with shares.
        self.water = a.post("/lots", item=self.items["water"], amount=6000, place="渋谷備蓄倉庫", lot="W1", expires="2031-03-31")
        self.blankets = b.post("/lots", item=self.items["blanket"], amount=500, place="足立備蓄倉庫", lot="B1")
        self.water_c = c.post("/lots", item=self.items["water"], amount=900, place="江東備蓄倉庫", lot="W2", expires="2030-03-31")
        share = a.get(f"/lots/{self.water['id']}")
        check(share["ownShare"] == 6000, "the node that took them in holds the share")
        a.post(f"/lots/{self.water['id']}/count", counted=5990, note="棚卸")
        check(a.get(f"/lots/{self.water['id']}")["amount"] == 5990, "counted and corrected")
        self.field = b.post("/own-fields", collection="shelters", form="足立様式1", labelJa="プールの水", labelEn="Water in the pool", kind="選択",
                            choices=["満水", "半分", "なし"], phase="発災当日")
        self.step("stock taken in and counted; 足立 adds a field of its own")

    def quake(self):
        a, b, c = self.nodes
        until("all have everything", lambda: len({n.digest() for n in self.nodes}) == 1)
        for node in self.nodes:
            node.command("links", "cut")
        self.step("the quake: every link is cut")
        self.quake_at = a.now() - 60_000
        for node in self.nodes:
            node.post("/disasters", name="訓練 首都直下地震", quakeAt=self.quake_at, drill=True) if node is a else None
            check(node.get("/checklist")["phaseCode"] == ("day-of" if node is a else "before"), "the phase counts from the declared time")
        a.post("/checklist/marks", task="d-sh-1", state="完了")
        check(any(t["task"] == "d-sh-1" and t["state"] == "完了" for t in a.get("/checklist")["tasks"]), "ticked")

        # Each ward declares for itself with its authority's card, cut off from everybody.
        b.refused("POST", "/declarations", 400, {"title": "x", "purposes": ["安否確認"], "until": b.now() + 1000, "reason": "x", "card": self.card(a), "aloneBecause": "訓練・試験"})
        for node in self.nodes:
            node.post("/declarations", title="首都直下地震", purposes=["安否確認"], until=node.now() + 10 * DAY * 1000,
                      reason="災害対策本部設置", card=self.card(node), aloneBecause="訓練・試験")
        found = b.get("/residents", name="髙橋 花子", purpose="安否確認")["residents"]
        check({r["ward"] for r in found} == {"13113", "13121"}, "what lay sealed on the cut-off node opens")
        b.refused("GET", "/residents", 400, name="髙橋 花子")
        b.refused("GET", "/residents", 403, name="髙橋 花子", purpose="避難支援")
        b.refused("GET", f"/residents/{self.hanako['id']}/assistance", 404, purpose="安否確認")
        candidates = b.get(f"/residents/{self.hanako_b['id']}/candidates", purpose="安否確認")["candidates"]
        check(candidates == [], "a pair that is decided is not proposed")
        self.step("declared on each cut-off node with its card: names open for 安否確認, not without a purpose, not the care plans")

    def two_days(self):
        a, b, c = self.nodes
        s = self.shelters
        for node, name in ((a, "見本渋谷小学校"), (a, "見本富ヶ谷中学校"), (b, "見本足立小学校"), (c, "見本江東小学校")):
            node.post(f"/shelters/{s[name]}/opening", area=700, toilets=8, staff=6)
        a.refused("POST", f"/shelters/{s['見本足立小学校']}/opening", 403)

        # Hanako is entered in 渋谷, and, two hours on, in 足立 too: neither knows of the other.
        stay_a = a.post(f"/shelters/{s['見本渋谷小学校']}/stays", resident=self.hanako["id"], needs=["車椅子", "要介護"], party="髙橋")
        check(stay_a["name"] == "髙橋 花子" and stay_a["birth"] == "1950-04-01", "taken over from the residents' register")
        stay_b = b.post(f"/shelters/{s['見本足立小学校']}/stays", resident=self.hanako["residentId"], needs=["車椅子"])
        self.stays = (stay_a, stay_b)
        for number in range(6):
            a.post(f"/shelters/{s['見本渋谷小学校']}/stays", name=f"見本 渋谷{number}", kana=f"ミホン シブヤ{number}", ageGroup="成人",
                   needs=[["服薬"], ["外国語"], ["ペット同伴"], [], [], []][number], homeWard="13121" if number == 3 else "13113")
        child = a.post(f"/shelters/{s['見本渋谷小学校']}/stays", name="見本 乳児", birth="2026-03-03", needs=["乳児"], allergies=["卵"], party="見本")
        a.call("POST", f"/shelters/{s['見本渋谷小学校']}/headcount", {"people": 8})
        moved = a.post(f"/stays/{child['id']}/move", shelter=s["見本富ヶ谷中学校"])
        a.post(f"/shelters/{s['見本富ヶ谷中学校']}/headcount", people=1)
        a.post(f"/stays/{moved['id']}/departure", leftFor="親族宅")
        a.refused("POST", f"/stays/{moved['id']}/departure", 409)
        picture = a.get(f"/shelters/{s['見本渋谷小学校']}/picture")
        check(picture["register"]["people"] == 7 and picture["counter"] == 8, f"both ways of counting: {picture['register']}")
        check(picture["capacity"]["byGuideline"] == 200 and picture["capacity"]["byOldRule"] == 424, "3.5 m² and the old rule")
        check(picture["register"]["needs"]["車椅子"] == 1 and picture["register"]["ages"]["高齢者"] == 1, "breakdown")
        a.post(f"/shelters/{s['見本渋谷小学校']}/reports", day="2026-11-24", people=8, households=5, ages={"adult": 6, "高齢者": 1}, power="停止", mains="off")
        b.call("POST", f"/shelters/{s['見本足立小学校']}/headcount", {"people": 120})
        c.call("POST", f"/shelters/{s['見本江東小学校']}/headcount", {"people": 200})
        b.post("/own-values", collection="shelters", row=s["見本足立小学校"], field=self.field["id"], value="半分")
        b.refused("POST", "/own-values", 400, {"collection": "shelters", "row": s["見本足立小学校"], "field": self.field["id"], "value": "あふれた"})
        acceptance = b.post("/acceptance", toWard="13108", people=40, fromShelter=s["見本足立小学校"], needs=["wheelchair"])

        # Reports on people: the newest trustworthy one shows, what disagrees stands beside it.
        a.post("/safety", resident=self.saito["id"], status="重傷", source="伝聞", observedAt=a.now())
        b.post("/safety", resident=self.saito["id"], status="無事", source="本人", place="足立区内", observedAt=b.now() - 3_600_000)
        c.post("/safety", resident=self.saito["id"], status="軽傷", source="巡回", observedAt=c.now() - 7_200_000)
        c.post("/safety", name="王 小明", kana="オウ ショウメイ", status="無事", source="避難所", kind="来訪者")
        asked = a.post("/inquiries", resident=self.saito["residentId"], asker="齋藤 見本", contact="090-0000-0000", relation="父")
        victim = a.post("/residents", familyName="隠", givenName="幸子", familyKana="カクレ", givenKana="サチコ", birth="1990-01-01", guarded=True)
        moved_in = a.post("/residents", familyName="守", givenName="る子")
        protected = a.post(f"/residents/{moved_in['id']}/protection", aloneBecause="訓練・試験")
        check(protected["id"] != moved_in["id"] and protected["guarded"], "a new ID under another key")
        a.refused("GET", f"/residents/{moved_in['id']}", 404)
        a.refused("GET", f"/residents/{victim['id']}", 400)
        check(a.get(f"/residents/{victim['id']}", purpose="本人の保護")["givenName"] == "幸子", "her own ward's register has her")
        check(a.get("/people", name="隠 幸子")["people"] == [], "who must not be found is not, even at home")
        self.asked = asked
        if FAKETIME:
            self.later(1)
            check(a.get("/checklist")["phaseCode"] == "days-1-3", "a day on, the checklist is another")

        # Stock: nobody gives away what another may.
        a.post(f"/lots/{self.water['id']}/issue", amount=24, note="見本渋谷小学校")
        b.refused("POST", f"/lots/{self.water['id']}/issue", 403, {"amount": 1})
        a.refused("POST", f"/lots/{self.water['id']}/issue", 409, {"amount": 999_999})
        moved_lot = a.post(f"/lots/{self.water['id']}/transfer", amount=100, shelter=s["見本渋谷小学校"])
        check(moved_lot["amount"] == 100, "moved")
        outlook = a.get("/stock/outlook", ward="13113", item=self.items["water"])["lines"][0]
        check(outlook["people"] == 9 and outlook["stock"] == 5966 and outlook["need"] == 81, f"outlook {outlook}")
        outlook = b.get("/stock/outlook", ward="13121", item=self.items["water"])["lines"][0]
        check(outlook["hoursUntilEmpty"] == 0, "足立 has no water: 0 hours")

        # 足立 asks; both others answer while nobody hears the other.
        request = b.post("/requests", shelter=s["見本足立小学校"], item=self.items["water"], quantity=800, urgency="緊急")
        b.post(f"/requests/{request['id']}/decision", decision="承認")
        self.request = request
        for node in (a, c):
            # By courier: what 足立 asks for travels on a card, one way.
            card = os.path.join(self.folder, f"to-{node.ward}.bundle")
            b.command("bundle", "export", card)
            node.command("bundle", "import", card)
        check(a.get(f"/requests/{request['id']}")["open"] == 800, "the request came by card")
        self.from_a = a.post(f"/requests/{request['id']}/allocations", lot=self.water["id"], quantity=800)
        self.from_c = c.post(f"/requests/{request['id']}/allocations", lot=self.water_c["id"], quantity=800)
        check(a.get(f"/lots/{self.water['id']}")["amount"] == 5066, "set aside at its holder")
        a.post(f"/allocations/{self.from_a['id']}/shipment", shipped=780, carrier="見本運輸")
        check(a.get(f"/lots/{self.water['id']}")["amount"] == 5086, "what was not loaded is back")
        c.post(f"/acceptance/{acceptance['id']}/answer", answer="一部受入可", accepted=25, toShelter=s["見本江東小学校"])
        if FAKETIME:
            self.later(1)
        self.step("two days cut off: shelters, registers, reports, stock, a request by card and two wards that both answered it")

    def heal(self):
        a, b, c = self.nodes
        s = self.shelters
        for attempt in range(4 if FAKETIME else 1):
            if FAKETIME:
                # Timers that wait for long do not fire under libfaketime, those of anti-entropy among them: the nodes
                # start anew, with their links, which compares all that they have.
                self.down()
                self.up()
            for node in self.nodes:
                node.command("links", "heal")
            self.linked()
            try:
                until("all nodes show the same", lambda: len({n.digest() for n in self.nodes}) == 1, 15 if FAKETIME else 60)
                break
            except Failure:
                if not FAKETIME or attempt == 3:
                    raise
                print(f"         not yet after 15 s: started anew ({attempt + 2} of 4)", flush=True)
        self.step("healed: equal tables")
        # The double entry shows on both sides, counts once, and is settled.
        for node in (a, b):
            doubles = node.get("/stays/doubles", purpose="安否確認")["doubles"]
            check(len(doubles) == 1 and doubles[0]["ground"] == "住民IDが同じ", f"the double entry shows on {node.ward}: {len(doubles)}")
        counted = [n.get(f"/shelters/{s[name]}/picture")["register"]["people"] for n, name in ((a, "見本渋谷小学校"), (b, "見本足立小学校"))]
        check(counted == [6, 1], f"she counts once, where she came last: {counted}")
        a.post(f"/stays/{self.stays[0]['id']}/settlement", other=self.stays[1]["id"], verdict="同一人物", purpose="安否確認")
        a.post(f"/stays/{self.stays[0]['id']}/departure", leftFor="見本足立小学校")
        until("settled everywhere", lambda: all(n.get("/stays/doubles", purpose="安否確認")["doubles"] == [] for n in (a, b)))
        elsewhere = a.get("/stays/elsewhere", purpose="安否確認")["stays"]
        check([e["residentId"] for e in elsewhere] == [self.hanako["residentId"]], "渋谷 finds its resident in 足立's shelter")
        check(len(b.get("/stays/elsewhere", purpose="安否確認")["stays"]) == 1, "and 足立 its own in 渋谷's")
        self.step("the double entry shows on both nodes, counts once, is settled; own residents are found in other wards' shelters")

        safety = a.get(f"/residents/{self.saito['id']}/safety", purpose="安否確認")
        check(safety["status"] == "無事" and {d["status"] for d in safety["disagreeing"]} == {"重傷"} | ({"軽傷"}), f"newest trustworthy shows, the others beside it: {safety['status']} {[d['status'] for d in safety['disagreeing']]}")
        people = c.get("/people", name="斎藤 健", purpose="安否確認")["people"]
        check(len(people) == 1 and people[0]["safety"]["status"] == "無事", "found from another ward, by another spelling, with how he is")
        check(len(a.get("/people", name="王小明", purpose="安否確認")["people"]) == 1, "a visitor whom only a report names")
        waiting = [i for i in a.get("/inquiries", purpose="安否確認")["inquiries"] if i["id"] == self.asked["id"]]
        check(waiting[0]["answer"]["status"] == "無事", "who asked can be told")
        a.post(f"/inquiries/{self.asked['id']}/answer", told="無事(足立区内)")
        for node in (b, c):
            check(node.get("/people", name="隠 幸子", purpose="安否確認")["people"] == [], "who must not be found is not")
            check("幸子".encode() not in node.row_bytes(), "nor does she lie on their disks, though they declared")
        own = c.get("/own-values", collection="shelters", row=s["見本足立小学校"])["values"]
        check(own[0]["value"] == "半分" and own[0]["labelEn"] == "Water in the pool", "another ward's own field shows")
        check(b.get("/acceptance")["acceptance"][0]["accepted"] == 25, "江東 takes 25 of 40")
        self.step("people: the newest trustworthy report shows and the others beside it; the hidden one is nowhere")

        # Two wards answered one request: shown, and settled without loss.
        view = b.get(f"/requests/{self.request['id']}")
        check(view["surplus"] == 780 and len(view["allocations"]) == 2, f"both answers show: surplus {view['surplus']}")
        check([r["id"] for r in c.get("/requests", show="oversupplied")["requests"]] == [self.request["id"]], "listed as oversupplied everywhere")
        b.refused("POST", f"/allocations/{self.from_c['id']}/cancellation", 403, {"reason": "x"})
        c.post(f"/allocations/{self.from_c['id']}/cancellation", reason="渋谷区が先に発送")
        check(c.get(f"/lots/{self.water_c['id']}")["amount"] == 900, "the surplus is back in stock")
        until("settled at 足立", lambda: b.get(f"/requests/{self.request['id']}")["open"] == 20)
        b.post(f"/allocations/{self.from_a['id']}/arrival", arrived=780)
        done = b.post(f"/allocations/{self.from_a['id']}/inspection", accepted=770, fault="破損 10")
        check(done["state"] == "検収済" and done["shortfall"] == 10, "inspected, the shortfall told")
        lots = b.get("/lots", shelter=s["見本足立小学校"])["lots"]
        check(len(lots) == 1 and lots[0]["amount"] == 770 and lots[0]["expires"] == "2031-03-31", "in the shelter's stock, with its date")
        c.refused("POST", f"/allocations/{self.from_c['id']}/shipment", 409)
        self.step("orders: both answers found and shown, one called off and its goods back in stock; shipped, arrived, inspected, 10 short")

        # The plan proposes what is still open.
        for node, name, item, count in ((c, "見本江東小学校", "blanket", 300), (a, "見本渋谷小学校", "blanket", 150)):
            row = node.post("/requests", shelter=s[name], item=self.items[item], quantity=count)
            node.post(f"/requests/{row['id']}/decision", decision="承認")
        a.post("/roads", first="13121", second="13108", state="通行止め") if False else None
        until("the requests are known", lambda: len(b.get("/requests", show="open")["requests"]) == 3)
        plan = b.get("/orders/plan")
        check(plan["cost"] == plan["lowerBound"], "the plan is the cheapest there is")
        check({(p["from"], p["ward"]) for p in plan["shipments"]} >= {("13121", "13108")}, f"足立's blankets go to 江東: {plan['shipments']}")
        print("         plan: " + "; ".join(
            f"{p['from']}→{p['ward']} {p['units']} ({p['minutes']} min, {p['why']['en']})" for p in plan["shipments"]))
        self.step(f"the plan: cost {plan['cost']} = its lower bound")

    def lost(self):
        """A second node of 江東 holds a share, and is lost with it."""
        a, b, c = self.nodes
        d = Further(c.binary, self.folder, "13108")
        self.further.append(d)
        d.offset = c.offset
        d.start([c])
        lot = c.post("/lots", item=self.items["water"], amount=900, place="江東第二倉庫")["id"]
        until("江東's second node has everything", lambda: d.digest() == c.digest())
        number = d.request("GET", "/api/v1/inspect/heads")["node"]
        node = f"{number >> 20}.{number >> 10 & 1023}.{number & 1023}"
        c.post(f"/lots/{lot}/handover", amount=200, node=node)
        until("its share arrives", lambda: d.get(f"/lots/{lot}")["ownShare"] == 200)
        d.post(f"/lots/{lot}/issue", amount=30)
        asked = d.post(f"/lots/{lot}/share-requests", amount=50)
        until("the request for a share arrives", lambda: any(r["id"] == asked["id"] for r in c.get("/share-requests")["requests"]))
        c.post(f"/share-requests/{asked['id']}/grant")
        until("the share arrives", lambda: d.get(f"/lots/{lot}")["ownShare"] == 220)
        b.refused("POST", f"/lots/{lot}/share-requests", 403, {"amount": 5})
        until("and what it gave out is known", lambda: c.get(f"/lots/{lot}")["amount"] == 870)
        d.stop(signal.SIGKILL)
        c.refused("POST", f"/lots/{lot}/issue", 409, {"amount": 800})
        c.refused("POST", f"/lots/{lot}/takeover", 400, {"node": node, "reason": "浸水", "card": self.card(a), "aloneBecause": "訓練・試験"})
        a.refused("POST", f"/lots/{lot}/takeover", 403, {"node": node, "reason": "浸水", "card": self.card(a), "aloneBecause": "訓練・試験"})
        taken = c.post(f"/lots/{lot}/takeover", node=node, reason="浸水により喪失", card=self.card(c), aloneBecause="訓練・試験")
        check(taken["ownShare"] == 870, f"all of it is 江東's first node's to give: {taken['shares']}")
        c.post(f"/lots/{lot}/issue", amount=800)
        until("and every ward sees it", lambda: b.get(f"/lots/{lot}")["amount"] == 70)
        self.step("a node is lost with its share: taken over with its authority's card, a recorded decision")

    def law(self):
        a, b, c = self.nodes
        notes = a.get(f"/audit/{self.hanako['residentId']}")["notes"]
        readers = {(n["ward"], n["purpose"]) for n in notes if n["ward"] != "13113"}
        check({("13121", "安否確認"), ("13121", "本人同意")} <= readers, f"who saw her, and why: {readers}")
        check(any(n["purpose"] == "見守り" and n["user"] == "見守りサービス" for n in notes), "the service's look is noted too")
        check(all(n["user"] and n["time"] for n in notes), "who and when")
        print("         audit of " + self.hanako["residentId"] + ": " + "; ".join(
            f"{n['ward']} {n['action']} {n['purpose'] or '–'} {n['user']}" for n in notes[-6:]))
        # What other wards did with her record every ward reads; what her own did stands under a name that it alone can make.
        trail = lambda node: node.get(f"/audit/{self.hanako['residentId']}")["notes"]
        for node in (b, c):
            until("every ward holds the same trail", lambda: trail(node) == [n for n in trail(a) if n["ward"] != "13113"])
        check(any(n["ward"] == "13113" for n in trail(a)), "渋谷 reads what its own desks did")
        # The declaration ends: what it opened closes at once, on the disk's tables too.
        mine = [d for d in b.get("/declarations")["declarations"] if d["ward"] == "13121"][0]
        b.post(f"/declarations/{mine['id']}/end")
        check(b.call("GET", f"/residents/{self.hanako['id']}?purpose=safety", ok=(404,))["error"] == "not-found", "closed")
        check(b.get("/residents", name="齋藤 健")["residents"] == [], "and not found")
        for node in self.nodes:
            report = node.command("verify")
            check(report["sound"], f"{node.ward} verifies")
        self.step("audit: every look at her by another ward is on every node; the declaration ended, what it opened closed; all verify")


def story(node, folder, show):
    global SHOW
    SHOW = show
    told = Story(node, folder)
    try:
        told.run()
    finally:
        for node in told.nodes + told.further:
            node.stop()


if __name__ == "__main__":
    main(__doc__, story, show=False)
