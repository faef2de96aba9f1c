import Causality
import ChangeModel
import Desk
import GRDB
import Goods
import Replica
import Sodium

/// 分担金: what a programme costs the wards, by a rule that mixes equal parts, population and what each took; the parts sum to the whole.
enum Charge {
  static let programme = Field.row(1, "programme", of: "programmes", "案件", "Programme")
  static let total = Field.integer(2, "total", 1...1_000_000_000_000, "総額(円)", "In all")
  static let equal = Field.integer(3, "equal_share", 0...1_000, "均等割(‰)", "Equal parts (per mille)")
  static let population = Field.integer(4, "population_share", 0...1_000, "人口割(‰)", "By population (per mille)")
  static let taken = Field.integer(5, "quantity_share", 0...1_000, "需要割(‰)", "By quantity (per mille)")
  static let note = Field.text(6, "note", 300, "備考", "Note").aside

  static let records = Records(
    221, "charges", "分担金", "Charge", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [total, equal, population, taken, programme, note] + Kept.fields, title: [programme, total],
    indexes: [[programme]])

  struct Part: Hashable {
    var ward: String
    var yen: Int64
  }

  /// The parts of the wards that take part, in the order of their codes.
  static func parts(_ charge: RowValues, _ geography: Geography, _ db: Database) throws -> [Part] {
    guard let programme = charge[programme] else { return [] }
    let wards = try Programme.wards(of: programme, db)
    let demands = try RowValues.all(
      Demand.records, "WHERE programme = ?1 AND withdrawn_at IS NULL LIMIT 10000", [programme.rawValue], db)
    let quantities = wards.map { ward in
      demands.filter { $0[Kept.ward] == ward }.map { max(0, $0[Demand.quantity] ?? 0) }.total
    }
    let people = wards.map { ward in geography.wards.first { $0.code == ward }?.population ?? 0 }
    let rules: [(share: Int64, inputs: [Int64])] = [
      (charge[equal] ?? 0, wards.map { _ in 1 }), (charge[population] ?? 0, people), (charge[taken] ?? 0, quantities),
    ]
    guard let weights = Apportionment.weights(rules),
      let parts = Apportionment.parts(of: charge[total] ?? 0, by: weights)
    else { return [] }
    return zip(wards, parts).map { Part(ward: $0, yen: $1) }
  }

  /// What a ward agrees to names these very parts.
  static func hash(_ parts: [Part]) -> String {
    Array(blake2b([UInt8](parts.map { "\($0.ward) \($0.yen)" }.joined(separator: "\n").utf8)).bytes.prefix(8))
      .hexadecimal
  }

  private static func shown(_ geography: Geography) -> Endpoint {
    .read(
      "chargeParts", "/charges/{id}/parts", "分担の内訳", "Parts of a charge", for: .staff,
      "What each ward bears, and whether it agreed to just that.", of: records,
      answers: .list(
        "parts",
        [
          .init("ward", .ward, "区", "Ward"), .init("yen", .integer(Numbers.any), "円", "Yen"),
          .init("answer", .text(20), "回答", "Answer"),
          .init("isStale", .flag, "前の額への回答", "Answered to other parts"),
        ], beside: [.init("partsHash", .text(20), "内訳の番号", "Number of these parts")])
    ) { look in
      guard let charge = try RowValues.fetch(look.inquiry.row!, records, look.db) else { throw Fault.notFound("id") }
      let parts = try parts(charge, geography, look.db)
      let answers = try RowValues.all(
        ChargeAnswer.records, "WHERE charge = ?1 LIMIT 1000", [charge.id.rawValue], look.db)
      return [
        "partsHash": .text(hash(parts)),
        "parts": .list(
          parts.map { part in
            let answer = answers.first { $0[Kept.ward] == part.ward }
            return [
              "ward": .text(part.ward), "yen": .integer(part.yen), "answer": JSON(answer?[ChargeAnswer.answer]),
              "isStale": .flag(answer.map { $0[ChargeAnswer.hash] != hash(parts) } ?? false),
            ]
          }),
      ]
    }
  }

  private static func answer(_ geography: Geography) -> Endpoint {
    .write(
      "answerCharge", "/charges/{id}/answers", "分担に回答する", "Answer a charge", for: .goods,
      "Agreed to, or objected to, are the parts as they are now.",
      [ChargeAnswer.answer.needed, ChargeAnswer.text.asked],
      of: records, makes: true, answers: .row(ChargeAnswer.records)
    ) { desk in
      let (charge, values) = try desk.subject(records)
      let parts = try desk.read { db in try Self.parts(values, geography, db) }
      guard parts.contains(where: { $0.ward == desk.ward }) else {
        throw Fault.refused("id", ja: "この区の分担はありません", en: "this ward bears no part")
      }
      let row = desk.derivedRow(["charge answer", desk.ward, "\(charge)"])
      var draft = ChargeAnswer.records.draft()
      draft.edit(
        ChargeAnswer.records, row,
        desk.given.edits(["answer", "text"], of: ChargeAnswer.records) + Kept.edits(desk)
          + [
            ChargeAnswer.charge.set(charge), ChargeAnswer.hash.set(hash(parts)),
          ])
      return Written([draft], about: [row]) { try $0.answer(row, ChargeAnswer.records) }
    }
  }

  static func service(_ geography: Geography) -> Service {
    Service(
      "分担金", "Charges", records: [records, ChargeAnswer.records],
      actions: [
        Action(
          "proposeCharge", .new, records, "分担金を案として出す", "Propose a charge", for: .goods,
          takes: [programme.needed, total.needed, equal.asked, population.asked, taken.asked, note.asked],
          stamps: Kept.stamps
        ) { desk, _, edits in
          let programme = try desk.find(desk.given.row("programme")!, in: Programme.records, "programme")
          guard programme[Kept.ward] == desk.ward else {
            throw Fault.badValue("programme", ja: "分担金は、案件を立てた区が案として出します", en: "whoever leads the programme proposes")
          }
          let shares = [equal, population, taken].map { desk.given.integer($0.name) ?? 0 }
          if shares.total == 0 { return edits.append(equal.set(1_000)) }
          guard shares.total == 1_000 else {
            throw Fault.badValue(
              equal.name, ja: "均等割・人口割・需要割の計を 1000 ‰ にしてください", en: "the three shares are to sum to 1000")
          }
        }
      ],
      lists: [Listing("charges", records, "分担金", "Charges", filters: [programme, Kept.ward], newest: Kept.at)],
      endpoints: [shown(geography), answer(geography)])
  }
}

enum ChargeAnswer {
  static let answers = [Choice("同意", "agree"), Choice("異議", "object")]
  static let charge = Field.row(1, "charge", of: "charges", "分担金", "Charge")
  static let answer = Field.choice(2, "answer", answers, "回答", "Answer")
  static let text = Field.text(3, "text", 500, "意見", "Text")
  static let hash = Field.code(4, "parts_hash", 20, "内訳の番号", "Number of the parts").aside

  static let records = Records(
    222, "charge_answers", "分担金への回答", "Answer to a charge", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [answer, text, hash, charge] + Kept.fields, title: [Kept.ward, answer], indexes: [[charge]])
}
