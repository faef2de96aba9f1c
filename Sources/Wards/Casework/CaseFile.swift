import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import People
import Procedures
import Replica
import Sodium

/// 申請と案件: what somebody filed, and the acts in it. Acts are only ever added, at whichever of the ward's nodes; what the case has come
/// to follows from all of them. A decision takes the case's right, which one node holds: so a case is decided once.
public enum CaseFile {
  static let channels = [Choice("窓口", "desk"), Choice("オンライン", "online"), Choice("紙", "paper"), Choice("出張", "visit")]
  static let identities = [
    Choice("顔写真付きの証明書", "card"), Choice("二点", "two"), Choice("聞き取り", "asked"), Choice("まだ", "later"),
  ]
  static let procedure = Field.row(1, "procedure", of: "procedures", "手続", "Procedure")
  static let applicant = Field.text(2, "applicant", 120, "申請者", "Applicant")
  static let resident = Field.row(3, "resident", of: "residents", "住民ID", "Resident")
  static let channel = Field.choice(4, "channel", channels, "受付の方法", "Channel")
  static let identified = Field.choice(5, "identified", identities, "本人確認", "Identified by")
  static let receivedOn = Field.date(6, "received_on", "受付日", "Received on")
  static let dueOn = Field.date(7, "due_on", "処理の期限", "Due on")
  static let answers = Field.text(8, "answers", 30_000, "申請の内容", "Answers").aside
  static let acts = LogField(9, "acts", 8_000, "行為", "Acts")
  static let guarded = Field.flag(10, "guarded", "支援措置", "Protected").aside
  static let ticket = Field.row(11, "ticket", of: "tickets", "受付票", "Ticket").aside
  static let by = Field.user(12, "received_by", "受付者", "Received by").aside
  static let at = Field.time(13, "received_at", "受付日時", "Received at").aside

  public static let records = Records(
    302, "cases", "案件", "Case", lane: .registry, law: .keptByWard(open: []),
    reader: .people(.people, .identity, of: resident),
    fields: [
      applicant, procedure, receivedOn, dueOn, channel, identified, resident, by, at, answers, acts, guarded, ticket,
    ],
    title: [applicant, procedure], hidden: [answers, ticket], indexes: [[receivedOn]], page: "/case")

  private static func audience(of file: RowValues, _ desk: Desk) throws -> Audience {
    file[guarded] == true ? .ward(desk.wardIndex, .protected) : try Residents.audience(of: file[resident], desk)
  }

  // MARK: The fold

  struct Entry {
    var act: CaseAct
    var by: String
    var on: Int64
  }

  /// Acts of a case, as the log has them; one that makes no sense is left out, on every node alike.
  static func entries(of file: RowID, _ db: Database) throws -> [Entry] {
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql:
          "SELECT time, author, sequence, position, value FROM cases_acts WHERE row = ? AND buried = 0 ORDER BY time, author, sequence LIMIT 2000"
      ),
      arguments: [file.rawValue])
    return rows.compactMap { row in
      guard let text: String = row["value"], case .object(let members)? = try? JSON.decode([UInt8](text.utf8)),
        let kind = members["act"]?.text
      else { return nil }
      let (author, sequence, position): (Int64, Int64, Int64) = (row["author"], row["sequence"], row["position"])
      func set(_ name: String) -> Set<String> { Set(members[name]?.list.compactMap(\.text) ?? []) }
      guard case .map(let values) = Answers.datum(members["v"] ?? .object([:])) else { return nil }
      return Entry(
        act: CaseAct(
          id: "\(author).\(sequence).\(position)", kind: kind, values: values, seen: set("seen"), over: set("over")),
        by: members["by"]?.text ?? "", on: (row["time"] as Int64) >> 16)
    }
  }

  static func answers(of file: RowValues) -> [String: Datum] {
    guard let text = file[answers], let json = try? JSON.decode([UInt8](text.utf8)),
      case .map(let given) = Answers.datum(json)
    else { return [:] }
    return given.merging(["received_on": file[receivedOn].map { .text($0) } ?? .null]) { $1 }
  }

  static func fold(_ file: RowValues, _ db: Database) throws -> (fold: CaseFold, entries: [Entry]) {
    guard let version = try file[procedure].flatMap({ try RowValues.fetch($0, ProcedureVersion.records, db) }) else {
      throw Fault.refused("id", ja: "この案件の手続の版がまだ届いていません", en: "the case's version of its procedure is not here yet")
    }
    let procedure = try ProcedureVersion.procedure(version)
    let entries = try entries(of: file.id, db)
    return (CaseFold(procedure, answers: answers(of: file), acts: entries.map(\.act)), entries)
  }

  // MARK: Filing

  static let receipt = Answer.Member("receipt", .text(30), "受付番号", "Receipt")

  private static let file = Endpoint.write(
    "fileCase", "/procedures/{id}/cases", "申請を受け付ける", "File a case", for: .people,
    "What somebody applies for, checked by the procedure's own form. The receipt is told once: whoever has it can ask at any node.",
    [
      applicant.needed,
      FormField("answers", .text(30_000), required: true, ja: "申請の内容(JSON)", en: "Answers, a JSON object"),
      resident.asked, channel.asked, identified.asked,
    ], of: ProcedureVersion.records,
    when: [
      .ownRow("他区の手続です。この区で使うには、先に採用してください", "another ward's procedure: adopt it first"),
      .missing(ProcedureVersion.endedAt, "この版は終わっています", "the version is ended"),
    ], makes: true, answers: .row(records, and: members + [receipt])
  ) { desk in
    let (version, values) = try desk.subject(ProcedureVersion.records)
    try ProcedureVersion.mustHold(values, desk)
    // First of all, and the same answer for whoever is not there and who is not to be found: filing tells nobody who is protected.
    let person = desk.given.row("resident")
    if let person { _ = try desk.find(person, in: Resident.records, "resident") }
    let procedure = try ProcedureVersion.procedure(values)
    let today = JapaneseDay.text(desk.enteredAt)
    let given = try JSON.decode([UInt8](desk.given.text("answers")!.utf8))
    let data = try Answers.read(given, procedure.fields, in: desk.inquiry.identity.federation) { data in
      CaseFold(procedure, answers: data.merging(["received_on": .text(today)]) { $1 }, acts: [])
    }
    let text = String(decoding: Answers.json(.map(data)).bytes, as: UTF8.self)
    guard text.utf8.count <= Procedure.mostBytes else {
      throw Fault.badValue("answers", ja: "申請の内容が大きすぎます", en: "the answers are too large")
    }
    let row = try desk.newRow()
    let audience = try Residents.audience(of: person, desk)
    let code = Ticket.code(ward: desk.ward)
    let ticket = Ticket.row(code, ward: desk.wardIndex)
    var edits =
      desk.given.edits(["applicant", "resident", "channel", "identified"], of: records) + [
        Self.procedure.set(version), receivedOn.set(today), answers.set(text), Self.ticket.set(ticket),
        by.set(desk.inquiry.user.name), at.set(desk.enteredAt),
        dueOn.set(procedure.days.flatMap { days in JapaneseDay.number(today).map { JapaneseDay.date($0 + days) } }),
      ]
    if audience == .ward(desk.wardIndex, .protected) { edits.append(guarded.set(true)) }
    var draft = records.draft()
    draft.edit(records, row, edits, for: audience)
    draft.edit(CaseRight.records, CaseRight.row(row, desk), [CaseRight.unit.receive(1)])
    draft.edit(Ticket.records, ticket, Ticket.edits(.received, today, desk))
    return Written([draft], about: [row] + [person].compactMap(\.self)) { look in
      guard case .object(let shown) = try answer(row, &look) else { return .null }
      return .object(shown.merging(["receipt": .text(code)]) { $1 })
    }
  }.often(2)

  // MARK: Acting

  /// What only the applicant may do is nobody's at a desk.
  private static func mayDo(_ act: Procedure.Act, _ user: User) throws {
    guard act.duties != ["resident"] else {
      throw Fault(.forbidden, field: "act", ja: "申請者だけができます", en: "for the applicant alone")
    }
    if act.needsRight { try CaseRight.mayDecide(user, "act") }
  }

  private static let act = Endpoint.write(
    "actOnCase", "/cases/{id}/acts", "案件を進める", "Act on a case", for: .people,
    "One act of the procedure. What decides is done by the node that holds the case's right.",
    [
      FormField("act", .code(40), required: true, ja: "行為", en: "Act"),
      FormField("values", .text(8_000), ja: "内容(JSON)", en: "Values, a JSON object"),
    ], of: records, when: [.ownRow("他区の案件です", "another ward's case")], answers: .row(records, and: members)
  ) { desk in
    let (row, values) = try desk.subject(records)
    let (fold, _) = try desk.read { try Self.fold(values, $0) }
    guard let act = fold.procedure.act(desk.given.text("act")!) else {
      throw Fault.badValue("act", ja: "この手続に、その行為はありません", en: "the procedure has no such act")
    }
    guard fold.offered.contains(act) else {
      throw Fault.refused(
        "act", ja: "今の状態(\(fold.state.ja))では「\(act.ja)」はできません", en: "not in its state now: \(fold.state.id)")
    }
    try mayDo(act, desk.inquiry.user)
    if act.needsRight { try CaseRight.mustHold(row, desk) }
    let given = try desk.given.text("values").map { try JSON.decode([UInt8]($0.utf8)) } ?? .object([:])
    let data = try Answers.read(given, act.asks, in: desk.inquiry.identity.federation) { _ in fold }
    let new = fold.making(act, id: "new", values: data)
    let entry: JSON = [
      "act": .text(act.name), "v": Answers.json(.map(new.values)), "seen": .list(new.seen.sorted().map { .text($0) }),
      "over": .list(new.over.sorted().map { .text($0) }), "by": .text(desk.inquiry.user.name),
    ]
    let text = String(decoding: entry.bytes, as: UTF8.self)
    let after = CaseFold(fold.procedure, answers: fold.answers, acts: fold.acts + [new])
    var draft = records.draft()
    draft.edit(records, row, [acts.append(text)], for: try audience(of: values, desk))
    let stage = after.state.stage
    if let ticket = values[ticket], stage != fold.state.stage {
      draft.edit(Ticket.records, ticket, Ticket.edits(stage, JapaneseDay.text(desk.enteredAt), desk))
    }
    return Written([draft], about: [row] + [values[resident]].compactMap(\.self)) { try answer(row, &$0) }
  }.often(4)

  // MARK: What is answered

  static let members: [Answer.Member] = [
    .init("procedureTitle", .text(120), "手続", "Procedure"), .init("stage", .text(60), "段階", "Stage"),
    .init("stageCode", .text(60), "段階の符号", "Stage's code"), .init("flags", .list(.text(120), 20), "注意", "Take note"),
    .init(
      "filed",
      .objects(.members([.init("label", .text(200), "項目", "Field"), .init("value", .text(30_000), "内容", "Value")])),
      "申請の内容", "What was filed"),
    .init(
      "offered",
      .objects(
        .members([
          .init("name", .text(40), "符号", "Code"), .init("label", .text(120), "行為", "Act"),
          .init("needsRight", .flag, "決裁の権利が要る", "Takes the right"),
        ])), "できること", "What can be done"),
    .init(
      "history",
      .objects(
        .members([
          .init("at", .time, "日時", "At"), .init("label", .text(120), "行為", "Act"),
          .init("value", .text(8_000), "内容", "Value"), .init("by", .text(120), "担当", "By"),
        ])), "経過", "History"),
    .init("decides", .text(20), "決裁できるノード", "Node that decides"),
    .init("isHere", .flag, "この機器で決裁できる", "Decided here"),
    .init("problem", .text(500), "問題", "Problem"),
  ]

  public static func view(_ file: RowValues, _ look: inout Look) throws -> [String: JSON] {
    var shown = try look.view(file, records)
    let holder = try CaseRight.holder(file.id, look)
    shown["decides"] = JSON(holder.map { look.inquiry.identity.federation.reference(to: $0) })
    shown["isHere"] = .flag(try holder == look.author)
    do {
      let (fold, entries) = try fold(file, look.db)
      shown["procedureTitle"] = .text(fold.procedure.ja)
      shown["stage"] = .text(fold.state.ja)
      shown["stageCode"] = .text(fold.state.id)
      shown["flags"] = .list(fold.flags.map { .text($0.ja) })
      shown["filed"] = .list(
        fold.procedure.fields.compactMap { field in
          guard let datum = fold.value(field.name), datum != .null else { return nil }
          return ["label": .text(field.ja), "value": .text(Answers.shown(datum, field))]
        })
      shown["offered"] = .list(
        fold.offered.filter { (try? mayDo($0, look.inquiry.user)) != nil }.map {
          ["name": .text($0.name), "label": .text($0.ja), "needsRight": .flag($0.needsRight)]
        })
      shown["history"] = .list(
        entries.map { entry in
          let act = fold.procedure.act(entry.act.kind)
          let said = entry.act.values.sorted { $0.key < $1.key }.map { name, datum in
            let field = act?.asks.first { $0.name == name }
            // What a rule worked out goes without a name.
            return (field.map { "\($0.ja): " } ?? "") + Answers.shown(datum, field)
          }
          return [
            "at": .integer(entry.on), "label": .text(act?.ja ?? entry.act.kind),
            "value": .text(said.joined(separator: "、")), "by": .text(entry.by),
          ]
        })
    } catch let fault as Fault { shown["problem"] = .text(fault.japanese) }
    return shown
  }

  static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let file = try RowValues.fetch(row, records, look.db), try look.maySee(file, records) else {
      throw Fault.notFound("id")
    }
    return .object(try view(file, &look))
  }

  private static let one = Endpoint.read(
    "case", "/cases/{id}", "案件", "Case", for: .people, "A case: what was filed, what was done, what can be done now.",
    [Purpose.field], of: records, answers: .row(records, and: members)
  ) { look in try answer(look.inquiry.row!, &look) }

  private static let list = Endpoint.read(
    "cases", "/cases", "案件", "Cases", for: .people,
    "The ward's cases, the nearest deadline first. Those of people who are protected are counted, and shown for a purpose alone.",
    [FormField("procedure", .row("procedures"), ja: "手続", en: "Procedure")] + Paging.fields(of: records.name) + [
      Purpose.field
    ],
    answers: .rows(
      "cases", records, and: Array(members.prefix(4)),
      beside: [
        .init(
          "protected", .integer(Numbers.any), "支援措置の案件(目的を選ぶと出ます)", "Of people who are protected: shown for a purpose")
      ], isPaged: true)
  ) { look in
    let page = try look.page(
      records, where: "id >> 53 = ?1 AND (?2 IS NULL OR procedure = ?2)",
      [Int64(look.inquiry.wardIndex), look.given.integer("procedure")], by: ["due_on"], usual: 100)
    let seen = try page.rows.filter { try look.maySee($0, records) }
    let open =
      look.given.has("purpose")
      ? seen
      : try seen.filter { file in
        // Also whoever came to be protected after it was filed.
        try file[guarded] != true && !Residents.isGuarded(file[resident], of: look.inquiry.wardIndex, look.db)
      }
    let shown = try open.map { file -> JSON in
      var shown = try look.view(file, records)
      if let (fold, _) = try? fold(file, look.db) {
        shown["stage"] = .text(fold.state.ja)
        shown["flags"] = .list(fold.flags.map { .text($0.ja) })
      }
      return .object(shown)
    }
    guard case .object(let members) = page.answer("cases", shown) else { return .null }
    return .object(members.merging(["protected": JSON(seen.count - open.count)]) { $1 })
  }

  static let service = Service(
    "案件", "Cases", records: [records, CaseRight.records, Ticket.records],
    endpoints: [file, act, one, list, Ticket.ask] + CaseRight.endpoints, menu: ["cases"])
}
