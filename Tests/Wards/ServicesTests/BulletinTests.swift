import Causality
import ChangeModel
import Desk
import Formats
import Foundation
import Testing

@testable import Disaster

/// Telegrams of the meteorological agency: what they say of the wards, what they propose, and what is refused whole.
@Suite struct BulletinTests {
  private static func telegram(
    title: String, at: String, status: String = "通常", infoType: String = "発表", event: String = "", body: String
  ) -> String {
    """
    <?xml version="1.0" encoding="UTF-8"?>
    <Report xmlns="http://xml.kishou.go.jp/jmaxml1/"><Control><Title>\(title)</Title><DateTime>2026-06-01T05:00:00Z</DateTime>
    <Status>\(status)</Status><EditorialOffice>気象庁予報部</EditorialOffice><PublishingOffice>気象庁</PublishingOffice></Control>
    <Head xmlns="http://xml.kishou.go.jp/jmaxml1/informationBasis1/"><Title>\(title)</Title><ReportDateTime>\(at)</ReportDateTime>
    <EventID>\(event)</EventID><InfoType>\(infoType)</InfoType><Serial></Serial><Headline><Text>見出し</Text></Headline></Head>
    <Body xmlns="http://xml.kishou.go.jp/jmaxml1/body/meteorology1/">\(body)</Body></Report>
    """
  }

  private static func warning(_ kinds: [(code: String, name: String, status: String)], area: String = "1310200")
    -> String
  {
    let said = kinds.map { "<Kind><Name>\($0.name)</Name><Code>\($0.code)</Code><Status>\($0.status)</Status></Kind>" }
      .joined()
    return """
      <Warning type="気象警報・注意報（市町村等）"><Item>\(said)<Area><Name>中央区</Name><Code>\(area)</Code></Area></Item></Warning>
      """
  }

  private static func quake(_ cities: [(code: String, intensity: String?)]) -> String {
    let list = cities.map { city in
      "<City><Name>区</Name><Code>\(city.code)</Code>"
        + (city.intensity.map { "<MaxInt>\($0)</MaxInt>" } ?? "<Condition>震度５弱以上未入電</Condition>") + "</City>"
    }.joined()
    return """
      <Intensity><Observation><MaxInt>5+</MaxInt><Pref><Name>東京都</Name><Code>13</Code><MaxInt>5+</MaxInt><Area>
      <Name>東京都２３区</Name><Code>350</Code><MaxInt>5+</MaxInt>\(list)</Area></Pref></Observation></Intensity>
      """
  }

  private func take(_ xml: String, _ office: Office) throws -> RowID {
    try office.write("takeBulletin", nil, ["xml": .text(xml)]).row
  }

  /// A ward's clock stands where the telegrams are.
  private func wards(drill: Bool = false) throws -> Wards {
    let wards = try Wards(drill: drill)
    for office in [wards.first, wards.second, wards.secondOther] {
      office.now = Instant(milliseconds: 1_780_297_200_000)  // 2026-06-01 16:00 +09:00
    }
    return wards
  }

  private func proposals(_ office: Office) throws -> [[String]] {
    try office.read("orderProposals")["proposals"].list.map {
      [$0["hazard"].text ?? "", $0["kind"].text ?? "", "\($0["level"].integer ?? -1)"]
    }
  }

  @Test func `one hazard's telegram says nothing of another, and a lower one proposes to lower`() throws {
    let office = try wards().second
    _ = try take(
      Self.telegram(title: "大雨警報", at: "2026-06-01T14:00:00+09:00", body: Self.warning([("43", "レベル４大雨危険警報", "発表")])),
      office)
    _ = try take(
      Self.telegram(title: "土砂災害警報", at: "2026-06-01T14:10:00+09:00", body: Self.warning([("29", "土砂災害注意報", "発表")])),
      office)
    #expect(try proposals(office) == [["内水氾濫", "避難指示", "4"]])
    let picture = try office.read("bulletinPicture")["wards"].list.first { $0["ward"].text == "13102" }
    #expect(picture?["level"] == .integer(4))
    let order = try office.write("draftOrder", nil, ["kind": "避難指示", "areaName": "全域", "hazard": "内水氾濫"]).row
    try office.write("issueOrder", order, ["alone": "夜間"])
    #expect(try proposals(office).isEmpty)
    _ = try take(
      Self.telegram(title: "大雨警報", at: "2026-06-01T14:30:00+09:00", body: Self.warning([("10", "大雨注意報", "危険警報から注意報")])),
      office)
    // The order stands until somebody lowers it.
    #expect(try proposals(office) == [["内水氾濫", "", "2"]])
    #expect(try office.read("evacuationLevels")["levels"].list.count == 1)
  }

  @Test func `the digit in a name and the code: the higher is proposed`() {
    #expect(JMAWarning.level(code: "43", name: "レベル４大雨危険警報") == 4)
    #expect(JMAWarning.level(code: "03", name: "レベル４氾濫危険警報") == 4)
    #expect(JMAWarning.level(code: nil, name: "レベル５土砂災害特別警報") == 5)
    #expect(JMAWarning.level(code: "33", name: "大雨特別警報") == 5)
    #expect(JMAWarning.level(code: "15", name: "強風注意報") == nil)
    #expect(JMAWarning.hazard(of: "ｺｳｽｲ") == "コウスイ")
  }

  @Test func `one file read by three nodes of a ward and by another ward is one line`() throws {
    let wards = try wards()
    let xml = Self.telegram(
      title: "震源・震度に関する情報", at: "2026-06-01T15:50:00+09:00", event: "20260601154640",
      body: Self.quake([("1310200", "5+"), ("1310100", nil)]))
    let (a, b) = try (take(xml, wards.second), take(xml, wards.secondOther))
    #expect(a == b)
    let c = try take(xml, wards.first)
    #expect(a != c)
    try wards.second.meet(wards.secondOther)
    try wards.second.meet(wards.first)
    let current = try wards.second.replica.store.readOwn { db in
      Result { try Bulletin.current(at: wards.second.now, db) }
    }.get()
    #expect(current.count == 1)
    // What has not come in stands above everything.
    let lines = try wards.second.read("bulletinPicture")["wards"].list
    #expect(lines.map { $0["ward"].text } == ["13101", "13102", "13103"])
    #expect(lines.map { $0["intensity"].text } == ["未入電", "5+", nil])
    #expect(try wards.second.read("conflicts")["conflicts"].list.isEmpty)
  }

  @Test func `a correction counts before what it corrects, and what is withdrawn is gone`() throws {
    let office = try wards().second
    func send(_ type: String, _ at: String, _ intensity: String) throws {
      _ = try take(
        Self.telegram(
          title: "震源・震度に関する情報", at: at, infoType: type, event: "1", body: Self.quake([("1310200", intensity)])), office)
    }
    func shown() throws -> String? {
      try office.read("bulletinPicture")["wards"].list.first { $0["ward"].text == "13102" }?["intensity"].text
    }
    try send("訂正", "2026-06-01T15:50:00+09:00", "6-")
    try send("発表", "2026-06-01T15:50:00+09:00", "5+")
    #expect(try shown() == "6-")
    // Older files that come later change nothing; one of the future waits.
    try send("発表", "2026-06-01T15:40:00+09:00", "4")
    try send("発表", "2026-06-02T15:40:00+09:00", "7")
    #expect(try shown() == "6-")
    try send("取消", "2026-06-01T15:55:00+09:00", "1")
    #expect(try shown() == nil)
  }

  @Test func `a drill's telegram in earnest, and an earnest one in a drill, make no row`() throws {
    let body = Self.quake([("1310200", "7")])
    for status in ["訓練", "試験"] {
      #expect(throws: Fault.self) {
        try take(
          Self.telegram(title: "震度速報", at: "2026-06-01T15:00:00+09:00", status: status, body: body), wards().second)
      }
    }
    let drill = try wards(drill: true).second
    #expect(throws: Fault.self) {
      try take(Self.telegram(title: "震度速報", at: "2026-06-01T15:00:00+09:00", body: body), drill)
    }
    _ = try take(Self.telegram(title: "震度速報", at: "2026-06-01T15:00:00+09:00", status: "訓練", body: body), drill)
  }

  @Test func `bombs, entities and files that were cut off leave nothing behind`() throws {
    let office = try wards().second
    let good = Self.telegram(title: "震度速報", at: "2026-06-01T15:00:00+09:00", body: Self.quake([("1310200", "5-")]))
    let bomb = """
      <?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><Report>&b;</Report>
      """
    var bad = [
      bomb, #"<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Report>&x;</Report>"#, "", "{}", "<Report/>",
    ]
    bad += stride(from: 0, to: good.count, by: 37).map { String(good.prefix($0)) }
    bad.append(String(repeating: "<a>", count: 5_000) + String(repeating: "</a>", count: 5_000))
    for xml in bad { #expect(throws: Fault.self, "\(xml.prefix(40))") { try take(xml, office) } }
    #expect(try office.read("bulletins")["bulletins"].list.isEmpty)
    _ = try take(good, office)
    let utf16 = Array("<!DOCTYPE r []><Report/>".data(using: .utf16)!)
    #expect(throws: XMLTree.Refusal.self) { try XMLTree(utf16) }
  }

  /// The agency's own telegrams are no files of ours: where the shared folder is at hand, they are read too.
  private static let samples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../../shared/data/messages/jma").standardizedFileURL

  @Test(.enabled(if: FileManager.default.fileExists(atPath: samples.path), "the shared folder is not at hand"))
  func `2011-03-11: 5+ in eight wards and 5- in fifteen`() throws {
    let folder = Self.samples
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    for file in files where file.pathExtension == "xml" {
      let report = try JMAReport([UInt8](Data(contentsOf: file)))
      #expect(!report.title.isEmpty)
      guard file.lastPathComponent.hasPrefix("32-39_11_05") else { continue }
      let wards = report.lines.filter { $0.kind == "震度" && $0.area.hasPrefix("131") && $0.area <= "13123" }
      let oracle = try JSON.decode([UInt8](Data(contentsOf: folder.appending(path: "expected_20110311_wards.json"))))
      #expect(wards.count == 23)
      for line in wards { #expect(oracle["wards"][line.area]["maxInt"].text == line.value, "\(line.area)") }
      #expect(wards.count { $0.value == "5+" } == 8 && wards.count { $0.value == "5-" } == 15)
    }
  }
}
