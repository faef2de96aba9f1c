import Causality
import ChangeModel
import Desk
import Replica
import Testing

@testable import Casework

/// Cases at two nodes of a ward that are cut off from each other, and at another ward.
@Suite struct CaseworkTests {
  private static let quake: JSON = [
    "relation": "本人", "house": "見本町1-1", "lived": "はい", "cause": "地震", "photos": ["a.jpg"], "partly": "はい",
    "dwellers": ["見本 一郎、1950-04-01", "見本 花子"],
  ]

  private func text(_ json: JSON) -> JSON { .text(String(decoding: json.bytes, as: UTF8.self)) }

  private func procedure(_ office: Office, _ key: String = "risai-shomeisho") throws -> RowID {
    if try office.read("procedures", nil, ["key": .text(key)])["procedures"].list.isEmpty {
      try office.write("installProcedures")
    }
    return try office.read("procedures", nil, ["key": .text(key), "ward": .text(office.replica.identity.ward.code)])[
      "procedures"
    ].list[0].row
  }

  private func file(_ office: Office, _ answers: JSON = quake) throws -> JSON {
    try office.write(
      "fileCase", try procedure(office), ["applicant": "見本 一郎", "answers": text(answers), "channel": "窓口"])
  }

  private func act(_ office: Office, _ file: RowID, _ name: String, _ values: JSON = [:]) throws -> JSON {
    try office.write("actOnCase", file, ["act": .text(name), "values": text(values)])
  }

  @Test func `an application by photographs is checked, decided and issued, and its receipt tells so at any ward`()
    throws
  {
    let wards = try Wards()
    let here = wards.second
    let filed = try file(here)
    let code = filed["receipt"]
    #expect(filed["stage"] == "受付" && filed["dueOn"] != .null && filed["isHere"] == .flag(true))
    #expect(filed["filed"].list.contains { $0["value"] == "見本 一郎 1950-04-01、見本 花子" })
    #expect(throws: Fault.self) { try act(here, filed.row, "issue") }
    _ = try act(here, filed.row, "check", ["complete": "はい"])
    let decided = try act(here, filed.row, "decide")
    #expect(decided["stage"] == "決裁済")
    #expect(decided["history"].list.last?["value"].text?.contains("準半壊に至らない") == true)
    #expect(try act(here, filed.row, "issue")["stage"] == "交付済")
    try here.meet(wards.first)
    let ticket = try wards.first.read("ticket", nil, ["code": code])
    #expect(ticket["state"] == "終わり" && ticket["ward"] == "13102")
    #expect(throws: Fault.self) { try wards.first.read("ticket", nil, ["code": "13102-0000-0000-0000"]) }
    // Nothing of the case itself is for another ward.
    #expect(throws: Fault.self) { try wards.first.read("case", filed.row) }
  }

  @Test func `what is hidden is dropped, what must be given is asked for, and a My Number is kept nowhere`() throws {
    let here = try Wards().second
    func refused(_ changes: [String: JSON]) -> String? {
      guard case .object(let members) = Self.quake else { return nil }
      do {
        _ = try file(here, .object(members.merging(changes) { $1 }))
        return nil
      } catch { return (error as? Fault)?.field }
    }
    #expect(refused(["house": .null]) == "house")
    #expect(refused(["relation": "代理人"]) == "mandate")
    #expect(refused(["cause": "噴火"]) == "cause" && refused(["other": "x"]) == "other")
    #expect(refused(["dwellers": ["、1950-04-01"]]) == "dwellers")
    #expect(refused(["house": "123456789018"]) != nil)
    #expect(refused(["cause": "浸水"]) == "depth")
    let filed = try file(
      here,
      [
        "relation": "本人", "house": "見本町", "lived": "はい", "cause": "地震", "depth": 30, "mandate": "A-1",
      ])
    #expect(!filed["filed"].list.contains { $0["label"].text?.contains("水深") == true })
  }

  @Test func `two nodes that are cut off never both decide: who does not hold the right is told where it is`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.secondOther)
    let filed = try file(here).row
    try here.meet(there)
    #expect(throws: Fault.self) { try act(there, filed, "decide") }
    _ = try act(here, filed, "decide")
    _ = try act(there, filed, "withdraw")
    try here.meet(there)
    for office in [here, there] {
      let shown = try office.read("case", filed)
      #expect(shown["stage"] == "決裁済" && shown["flags"] == .list(["取下げの前に決裁されていた"]))
    }
    // Handed over, it is decided there.
    let other = try file(here).row
    try here.write("handOverCase", other, ["node": "13102-2"])
    #expect(throws: Fault.self) { try act(here, other, "decide") }
    try here.meet(there)
    #expect(try act(there, other, "decide")["isHere"] == .flag(true))
  }

  @Test func `a right that is taken over from a node that was not lost shows both decisions, and no paper is issued`()
    throws
  {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.secondOther)
    let filed = try file(here).row
    try here.meet(there)
    #expect(throws: Fault.self) { try there.write("takeOverCase", filed, ["node": "13102-1", "card": wards.card(0)]) }
    try there.write("takeOverCase", filed, ["node": "13102-1", "card": wards.card(1)])
    _ = try act(there, filed, "refuse", ["why": "対象外"])
    _ = try act(here, filed, "decide")
    try here.meet(there)
    for office in [here, there] {
      #expect(try office.read("case", filed)["stage"] == "判断の食い違い")
      #expect(throws: Fault.self) { try act(office, filed, "issue") }
    }
  }

  @Test func `two surveys that differ stop the decision until somebody who knows both surveys again`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.secondOther)
    let filed = try file(here, ["relation": "本人", "house": "見本町", "lived": "はい", "cause": "火災"]).row
    try here.meet(there)
    _ = try act(here, filed, "survey", ["loss": 52])
    _ = try act(there, filed, "survey", ["loss": 18])
    try here.meet(there)
    #expect(throws: Fault.self) { try act(here, filed, "decide") }
    #expect(throws: Fault.self) { try act(here, filed, "survey", ["loss": 101]) }
    _ = try act(there, filed, "survey", ["loss": 31])
    try here.meet(there)
    _ = try act(here, filed, "decide")
    #expect(try here.read("case", filed)["history"].list.last?["value"].text?.contains("中規模半壊") == true)
  }

  @Test func `a version for a later day ends nothing before that day, and opens no case`() throws {
    let here = try Wards().second
    let now = try procedure(here)
    let source = try #require(
      try here.replica.store.readOwn { db in
        Result { try RowValues.fetch(now, ProcedureVersion.records, db)?[ProcedureVersion.body] }
      }.get())
    let later = JapaneseDay.text(here.now.advanced(byMilliseconds: 40 * 86_400_000))
    let new = try here.write(
      "publishProcedure", nil, ["yaml": .text(source.replacing("2025-04-01", with: later))]
    ).row
    let answers: JSON = ["applicant": "見本 一郎", "answers": text(Self.quake)]
    #expect(throws: Fault.self) { try here.write("fileCase", new, answers) }
    try here.write("fileCase", now, answers)
    here.now = here.now.advanced(byMilliseconds: 41 * 86_400_000)
    #expect(throws: Fault.self) { try here.write("fileCase", now, answers) }
    try here.write("fileCase", new, answers)
  }

  @Test func `of whoever is protected, filing tells nobody and a list says only how many`() throws {
    let here = try Wards().second
    func person(_ name: String, guarded: Bool) throws -> RowID {
      try here.write(
        "registerResident", nil,
        [
          "familyName": .text(name), "givenName": "花子", "familyKana": "ミホン", "givenKana": "ハナコ", "birth": "1990-01-01",
          "guarded": .flag(guarded),
        ]
      ).row
    }
    let (hidden, plain) = (try person("隠", guarded: true), try person("見本", guarded: false))
    func filed(_ resident: RowID) throws -> JSON {
      try here.write(
        "fileCase", try procedure(here),
        ["applicant": "見本 花子", "answers": text(Self.quake), "resident": .text("\(resident)")])
    }
    let (desk, welfare) = (User("避難所 太郎", roles: [.shelter]), User("福祉 太郎", roles: [.welfare]))
    // To who may not know of them, somebody who is protected and nobody at all are one.
    here.user = desk
    func fault(_ resident: RowID) -> Fault? {
      do {
        _ = try filed(resident)
        return nil
      } catch { return error as? Fault }
    }
    #expect(fault(plain) == nil)
    let none = try here.replica.newRows(1)[0]
    #expect(fault(hidden)?.field == "resident" && fault(hidden) == fault(none))
    here.user = welfare
    let file = try filed(hidden).row
    #expect(throws: Fault.self) { try here.read("case", file) }
    #expect(try here.read("case", file, ["purpose": "protection"])["stage"] == "受付")
    let seen = try here.read("cases")
    #expect(seen["cases"].list.count == 1 && seen["protected"] == .integer(1))
    #expect(try here.read("cases", nil, ["purpose": "protection"])["cases"].list.count == 2)
    here.user = desk
    let other = try here.read("cases")
    #expect(other["cases"].list.count == 1 && other["protected"] == .integer(0))
  }

  @Test func `who may not decide is told so, and is offered nothing that decides`() throws {
    let here = try Wards().second
    let filed = try file(here).row
    here.user = User("避難所 花子", roles: [.shelter])
    let seen = try here.read("case", filed)
    #expect(
      !seen["offered"].list.contains { $0["name"] == "decide" }
        && seen["offered"].list.contains { $0["name"] == "check" })
    #expect(throws: Fault.self) { try act(here, filed, "decide") }
    #expect(throws: Fault.self) { try here.write("handOverCase", filed, ["node": "13102-2"]) }
    here.user = User("福祉 太郎", roles: [.welfare])
    _ = try act(here, filed, "decide")
  }

  @Test
  func `a version is never edited: a new one ends the old, open cases keep theirs, another ward adopts what it likes`()
    throws
  {
    let wards = try Wards()
    let (here, other) = (wards.second, wards.first)
    let first = try procedure(here)
    let filed = try file(here).row
    let source = try #require(
      try here.replica.store.readOwn { db in
        Result { try RowValues.fetch(first, ProcedureVersion.records, db)?[ProcedureVersion.body] }
      }.get())
    #expect(throws: Fault.self) {
      try here.write(
        "publishProcedure", nil, ["yaml": .text(source.replacing("P30D", with: "P30D\"]")), "onlyCheck": true])
    }
    let newer = try here.write("publishProcedure", nil, ["yaml": .text(source.replacing("P30D", with: "P14D"))])
    #expect(newer["isNew"] == .flag(true))
    #expect(throws: Fault.self) { try here.write("fileCase", first, ["applicant": "x", "answers": text(Self.quake)]) }
    #expect(try act(here, filed, "decide")["stage"] == "決裁済")
    try here.meet(other)
    #expect(throws: Fault.self) {
      try other.write("fileCase", newer.row, ["applicant": "x", "answers": text(Self.quake)])
    }
    let own = try other.write("adoptProcedure", newer.row)
    #expect(try other.write("fileCase", own.row, ["applicant": "x", "answers": text(Self.quake)])["stage"] == "受付")
    #expect(
      try here.write("publishProcedure", nil, ["yaml": .text(source.replacing("P30D", with: "P14D"))])["isNew"]
        == .flag(false))
  }
}
