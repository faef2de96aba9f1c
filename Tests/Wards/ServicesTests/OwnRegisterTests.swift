import Causality
import ChangeModel
import Desk
import Replica
import Testing

@testable import OwnRegisters

/// A ward's own registers: designed and used at nodes that are cut off, read and adopted elsewhere.
@Suite struct OwnRegisterTests {
  private static func text(_ json: JSON) -> JSON { .text(String(decoding: json.bytes, as: UTF8.self)) }

  /// 水門: how far it is open, who works it, how it is.
  private func gates(_ office: Office) throws -> RowID {
    var row = try office.write("designRegister", nil, ["nameJa": "水門", "kind": "災害時の記録", "hasPlace": true]).row
    for field: JSON in [
      ["labelJa": "開度", "kind": "数", "unit": "%", "bands": "50=半開, 100=全開"],
      ["labelJa": "操作員", "kind": "文字", "needed": true],
      ["labelJa": "状態", "kind": "選択", "choices": ["正常", "故障"]],
    ] { row = try office.write("addRegisterField", row, field).row }
    return row
  }

  private func enter(_ office: Office, _ row: RowID, _ values: JSON, _ more: [String: JSON] = [:]) throws -> RowID {
    try office.write("enterOwnEntry", row, .object(more.merging(["values": Self.text(values)]) { $1 })).row
  }

  /// What each entry says, by the words of its own version.
  private func shown(_ office: Office, _ row: RowID, shared: Bool = false) throws -> [RowID: [String: String]] {
    let entries = try office.read("ownEntries", row, shared ? ["shared": true] : [:])["entries"].list
    return Dictionary(
      uniqueKeysWithValues: entries.map { entry in
        (
          entry.row,
          Dictionary(
            uniqueKeysWithValues: entry["values"].list.map { ($0["labelJa"].text ?? "", $0["value"].text ?? "") })
        )
      })
  }

  private func name(_ label: String, _ office: Office, _ row: RowID) throws -> String {
    let fields = try office.read("ownRegisterFields", row)["fields"].list
    return try #require(fields.first { $0["labelJa"] == .text(label) }?["name"].text)
  }

  private func key(_ label: String, _ office: Office, _ row: RowID) throws -> JSON {
    try #require(try office.read("ownRegisterFields", row)["fields"].list.first { $0["labelJa"] == .text(label) })[
      "key"]
  }

  @Test func `designed and filled in while cut off, it is a list, sums and an adopted register at another ward`() throws
  {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.first)
    let gates = try gates(here)
    for (open, state) in [(60, "正常"), (100, "故障")] {
      _ = try enter(
        here, gates, ["s20": .integer(Int64(open)), "s21": "見本 一郎", "s22": .text(state)],
        ["latitude": .real(35.7), "longitude": .real(139.8)])
    }
    _ = try enter(here, gates, ["s21": "見本 花子"])
    #expect(throws: Fault.self) { try enter(here, gates, ["s20": 5]) }
    #expect(throws: Fault.self) { try enter(here, gates, ["s21": "x", "s22": "不明な状態"]) }
    try here.meet(there)

    #expect(try there.read("ownRegisters")["ownRegisters"].list.map(\.row) == [gates])
    #expect(try shown(there, gates).count == 3)
    let first = try there.read("ownEntries", gates)["entries"].list.first { $0["title"] == "見本 一郎" }
    #expect(first?["values"].list.contains { $0["band"] == "全開" || $0["band"] == "半開" } == true)
    let sum = try there.read("ownRegisterSums", gates)["sums"].list
    #expect(sum.count == 1 && sum[0]["sum"] == .integer(160) || sum[0]["sum"] == .real(160))
    #expect(sum[0]["known"] == .integer(2) && sum[0]["unknown"] == .integer(1))
    #expect(throws: Fault.self) { try enter(there, gates, ["s21": "x"]) }

    // The other ward takes it up and calls one field its own way: what was entered here keeps its words.
    let adopted = try there.write("adoptRegister", gates).row
    #expect(throws: Fault.self) { try there.write("adoptRegister", gates) }
    let renamed = try there.write(
      "changeRegisterField", adopted, ["field": key("操作員", there, adopted), "labelJa": "担当者"]
    ).row
    let theirs = try enter(there, renamed, ["s20": 10, "s21": "見本 次郎"])
    try here.meet(there)
    let all = try shown(here, gates, shared: true)
    #expect(all.count == 4 && all[theirs] == ["開度": "10", "担当者": "見本 次郎"])
    #expect(all.values.filter { $0["操作員"] != nil }.count == 3)
    #expect(try here.read("ownRegisterSums", gates, ["shared": true])["sums"].list[0]["known"] == .integer(3))
    #expect(try shown(here, gates).count == 3)
  }

  @Test func `two clerks who change a design apart leave two, and no value gets another meaning by it`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.secondOther)
    let gates = try gates(here)
    let old = try enter(here, gates, ["s21": "見本 一郎", "s22": "正常"])
    try here.meet(there)
    let mine = try here.write("addRegisterField", gates, ["labelJa": "水位", "kind": "数", "unit": "m"]).row
    let yours = try there.write("addRegisterField", gates, ["labelJa": "連絡先", "kind": "文字"]).row
    let (a, b) = (
      try enter(here, mine, ["s21": "甲", "s23": .real(2.5)]), try enter(there, yours, ["s21": "乙", "s23": "内線 12"])
    )
    try here.meet(there)
    for office in [here, there] {
      #expect(try office.read("ownRegisterFields", mine)["beside"].list == [.text("\(yours)")])
      let all = try shown(office, mine)
      #expect(all[a] == ["操作員": "甲", "水位": "2.5"] && all[b] == ["操作員": "乙", "連絡先": "内線 12"])
    }
    // An entry that says what the other design lacks goes on under it only when the two are joined; a note needs no design.
    #expect(throws: Fault.self) {
      try here.write("changeOwnEntry", mine, ["entry": .text("\(b)"), "values": Self.text(["s23": 1])])
    }
    #expect(try here.write("changeOwnEntry", mine, ["entry": .text("\(b)"), "note": "x"]).row == b)
    try here.meet(there)
    let both = try here.write("joinRegister", mine).row
    try here.meet(there)
    #expect(try there.read("ownRegisterFields", yours)["current"] == .text("\(both)"))
    #expect(throws: Fault.self) { try there.write("addRegisterField", yours, ["labelJa": "遅い", "kind": "文字"]) }
    let level = try name("水位", there, both)
    let on = try there.write(
      "changeOwnEntry", both, ["entry": .text("\(b)"), "values": Self.text(.object([level: 3]))]
    ).row
    // What went on as another row can be put right there as well.
    #expect(try there.write("changeOwnEntry", both, ["entry": .text("\(on)"), "note": "続き"]).row == on)
    try here.meet(there)
    let all = try shown(here, both)
    #expect(on != b && all[on] == ["操作員": "乙", "連絡先": "内線 12", "水位": "3"] && all[b] == nil)
    #expect(all[a] == ["操作員": "甲", "水位": "2.5"] && all[old] == ["操作員": "見本 一郎", "状態": "正常"])
  }

  /// Whatever is designed and entered at two nodes that meet now and then: each value stands under the words under which it was
  /// entered, for ever.
  @Test(arguments: UInt64(1)...12) func `no order of changes and meetings moves a value under another field`(
    seed: UInt64
  ) throws {
    let wards = try Wards()
    let offices = [wards.second, wards.secondOther]
    var random = RandomNumbers(seed: seed)
    let root = try gates(offices[0])
    try offices[0].meet(offices[1])
    var said: [RowID: [String: String]] = [:]
    for step in 0..<60 {
      let office = offices[random.below(2)]
      let fields = try office.read("ownRegisterFields", root)
      let version = RowID(rawValue: Int64(fields["current"].text ?? "") ?? 0)
      let now = try office.read("ownRegisterFields", version)["fields"].list
      let live = now.filter { $0["isEnded"] != .flag(true) }
      switch random.below(8) {
      case 0: try offices[0].meet(offices[1])
      case 1: _ = try? office.write("addRegisterField", version, ["labelJa": .text("項目\(seed).\(step)"), "kind": "文字"])
      case 2 where !live.isEmpty:
        _ = try? office.write("endRegisterField", version, ["field": live[random.below(live.count)]["key"]])
      case 3: _ = try? office.write("joinRegister", version)
      case 4 where !said.isEmpty:
        let open = try office.read("ownEntries", version)["entries"].list
        guard !open.isEmpty else { continue }
        let entry = open[random.below(open.count)]
        guard let field = live.first(where: { $0["kind"] == "文字" }), let slot = field["name"].text else { continue }
        let values = Self.text(.object([slot: .text("直し\(step)")]))
        guard
          let moved = try? office.write(
            "changeOwnEntry", version, ["entry": .text("\(entry.row)"), "values": values]
          ).row
        else { continue }
        said[moved] = (said[entry.row] ?? [:]).merging([field["key"].text ?? "": "直し\(step)"]) { $1 }
      default:
        var (values, keys): ([String: JSON], [String: String]) = ([:], [:])
        for field in live where field["kind"] == "文字" {
          values[field["name"].text ?? ""] = .text("値\(step)")
          keys[field["key"].text ?? ""] = "値\(step)"
        }
        if let row = try? enter(office, version, .object(values)) { said[row] = keys }
      }
    }
    try offices[0].meet(offices[1])
    for office in offices {
      let entries = try office.read("ownEntries", root, ["all": true, "limit": 1_000])["entries"].list
      #expect(Set(entries.map(\.row)).isSuperset(of: said.keys) && said.count > 5)
      for entry in entries {
        let values = entry["values"].list
        for (key, value) in said[entry.row] ?? [:] {
          let found = values.first { $0["key"] == .text(key) }
          #expect(found?["value"] == .text(value) || found?["isTorn"] == .flag(true), "\(seed): \(entry.row) \(key)")
        }
        for value in values {
          #expect(said[entry.row]?[value["key"].text ?? ""] != nil || value["isTorn"] == .flag(true))
        }
      }
    }
  }

  @Test func `what another node may have written as a design is refused, and harms no list`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.first)
    let field = #"{"key":"1.20","slot":20,"ja":"x","kind":"text"}"#
    for hostile in [
      "", "[", String(repeating: "[", count: 5_000), #"[{"slot":20}]"#, "[\(field),\(field)]",
      #"[{"key":"1","slot":19,"ja":"x","kind":"text"}]"#, #"[{"key":"1","slot":20,"ja":"x","kind":"script"}]"#,
      #"[{"key":"1","slot":1e40,"ja":"x","kind":"text"}]"#,
      #"[{"key":"1","slot":20,"ja":"x","kind":"choice","choices":["a","a"]}]"#,
      "[" + (0..<41).map { #"{"key":"\#($0)","slot":\#(20 + $0),"ja":"x","kind":"text"}"# }.joined(separator: ",")
        + "]",
      #"[{"key":"1","slot":20,"ja":""# + String(repeating: "あ", count: 9_000) + #"","kind":"text"}]"#,
    ] {
      let row = try here.replica.newRows(1)[0]
      try here.edit(
        OwnRegister.records, row,
        [
          OwnRegister.ja.set("敵"), OwnRegister.kind.set("災害時の記録"), OwnRegister.ward.set("13102"),
          OwnRegister.design.set(hostile),
        ])
      let entry = try here.replica.newRows(1)[0]
      try here.edit(OwnEntry.all[0], entry, [OwnEntry.version.set(row), OwnEntry.slot(20).set("値")])
      try here.meet(there)
      // A row without a design is one without fields; any other says what is wrong with it.
      if !hostile.isEmpty {
        #expect(throws: Fault.self, "\(hostile.prefix(60))") { try there.read("ownRegisterFields", row) }
      }
      #expect(try there.read("ownEntries", row)["entries"].list.count == 1)
      #expect(try there.read("ownRegisterSums", row)["sums"] == .list([]))
    }
    #expect(try there.read("ownRegisters")["ownRegisters"].list.count == 11)
  }

  @Test func `what another ward writes under a register's name is not of it, and no number of a row ends a node`()
    throws
  {
    let wards = try Wards()
    let (here, evil) = (wards.second, wards.first)
    let gates = try gates(here)
    let entry = try enter(here, gates, ["s20": 40, "s21": "見本 一郎"])
    try here.meet(evil)
    // Versions of its own under this register's root, and entries under its version.
    for number in 0..<70 {
      try evil.edit(
        OwnRegister.records, RowID(derivedFrom: UInt64(number), ward: 0),
        [
          OwnRegister.ja.set("偽"), OwnRegister.kind.set("災害時の記録"), OwnRegister.root.set(gates),
          OwnRegister.origin.set(gates), OwnRegister.staleAfter.set(Int64.max),
          OwnRegister.design.set(#"[{"key":"\#(gates).20","slot":20,"ja":"偽","kind":"text"}]"#),
        ])
    }
    let false1 = try evil.replica.newRows(1)[0]
    try evil.edit(
      OwnEntry.all[0], false1,
      [
        OwnEntry.version.set(gates), OwnEntry.slot(20).set("1000"),
        OwnEntry.observedAt.set(Instant(milliseconds: .min)),
      ])
    // The own ward's row, past its desk: any number.
    try here.edit(
      OwnRegister.records, gates, [OwnRegister.staleAfter.set(Int64.max)])
    try here.edit(OwnEntry.all[0], entry, [OwnEntry.observedAt.set(Instant(milliseconds: .min))])
    try here.meet(evil)
    for office in [here, evil] {
      let all = try shown(office, gates, shared: true)
      #expect(all == [entry: ["開度": "40", "操作員": "見本 一郎"]])
      #expect(try office.read("ownRegisterSums", gates)["sums"].list[0]["known"] == 1)
      #expect(try office.read("ownRegisterFields", gates)["current"] == .text("\(gates)"))
    }
    #expect(throws: Fault.self) { try here.write("joinRegister", gates) }
    _ = try here.write("addRegisterField", gates, ["labelJa": "水位", "kind": "数"])
  }

  @Test func `who is protected takes their entries along, and no sum tells of people`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.first)
    var people = try here.write("designRegister", nil, ["nameJa": "医療的ケア", "kind": "人の台帳"]).row
    people = try here.write("addRegisterField", people, ["labelJa": "台数", "kind": "数"]).row
    let person = try here.write(
      "registerResident", nil,
      ["familyName": "見本", "givenName": "幸子", "familyKana": "ミホン", "givenKana": "サチコ", "birth": "1990-01-01"]
    )
    let entry = try enter(here, people, ["s20": 2], ["resident": person["id"]])
    #expect(try shown(here, people)[entry] == ["台数": "2"])
    #expect(try here.read("ownRegisterSums", people)["sums"] == .list([]))
    _ = try here.write("protectResident", person.row)
    try here.meet(there)
    #expect(try shown(there, people).isEmpty)
    let kept = try here.read("ownEntries", people, ["purpose": "本人の保護"])["entries"].list
    #expect(kept.count == 1 && kept[0].row != entry && kept[0]["resident"] != person["id"])
    here.user.roles = [.shelter]
    #expect(try shown(here, people).isEmpty)
    #expect(throws: Fault.self) { try here.write("changeOwnEntry", people, ["entry": kept[0]["id"], "note": "x"]) }
  }

  @Test func `a file fills a register line by line, names what is wrong, and adds nothing twice`() throws {
    let office = try Wards().second
    let gates = try gates(office)
    let csv = """
      操作員,開度,状態,緯度,経度,関係ない列\r
      見本 一郎,"1,0",正常,35.7,139.8,x\r
      ,20,正常,,,\r
      見本 花子,三十,正常,,,\r
      見本 次郎,40,故障,95,139.8,\r
      見本 桃子,50,故障,,,\r

      """
    let checked = try office.write("importOwnEntries", gates, ["csv": .text(csv), "onlyCheck": true])
    #expect(try checked["added"] == 2 && shown(office, gates).isEmpty)
    let done = try office.write("importOwnEntries", gates, ["csv": .text(csv)])
    #expect(done["added"] == 2 && done["problems"].list.compactMap { $0["line"].integer } == [3, 4, 5])
    #expect(try shown(office, gates).values.contains(["開度": "10", "操作員": "見本 一郎", "状態": "正常"]))
    let again = try office.write("importOwnEntries", gates, ["csv": .text(csv)])
    #expect(try again["added"] == 0 && again["known"] == 2 && shown(office, gates).count == 2)
    #expect(throws: Fault.self) { try office.write("importOwnEntries", gates, ["csv": "名前,年齢\n見本,3\n"]) }
  }

  @Test func `an entry whose design is not here is told, and a register of people tells nobody who is protected`()
    throws
  {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.first)
    // Of a version that its author was disowned for, or that a newer program wrote.
    let (lost, entry) = (try here.replica.newRows(1)[0], try here.replica.newRows(1)[0])
    try here.edit(
      OwnEntry.all[0], entry,
      [OwnEntry.version.set(lost), OwnEntry.title.set("見本 一郎"), OwnEntry.slot(20).set("値")])
    try here.meet(there)
    #expect(try there.read("waitingOwnEntries")["entries"].list.map { $0["title"] } == ["見本 一郎"])

    var people = try here.write("designRegister", nil, ["nameJa": "医療的ケア", "kind": "人の台帳"]).row
    people = try here.write("addRegisterField", people, ["labelJa": "機器", "kind": "文字"]).row
    let person = try here.write(
      "registerResident", nil,
      [
        "familyName": "隠", "givenName": "幸子", "familyKana": "カクレ", "givenKana": "サチコ", "birth": "1990-01-01",
        "guarded": true,
      ])["id"]
    _ = try enter(here, people, ["s20": "人工呼吸器"], ["resident": person])
    try here.meet(there)
    #expect(try shown(there, people).isEmpty)
    here.user.roles = [.supply]
    #expect(throws: Fault.self) { try here.read("ownEntries", people) }
    #expect(throws: Fault.self) { try enter(here, people, ["s20": "x"]) }
    here.user.roles = [.shelter]
    #expect(try shown(here, people).isEmpty)
  }
}
