import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import Replica
import Sodium

/// Statements that two IDs are one person, and what follows from them: a union that every node derives alike.
public enum Identities {
  static let schema = RegistrySchema.links

  public static let claims = [Choice("同一人物", "same"), Choice("別人", "different"), Choice("取消", "retracted")]
  private static let evidences = [
    Choice("転出入の記録", "transfer"), Choice("本人確認書類", "document"), Choice("本人の申告", "statement"),
    Choice("家族の申告", "family"), Choice("突合の候補", "candidate"), Choice("その他", "other"),
  ]

  /// One row for each pair, whoever speaks of it and in whichever order.
  static func row(_ first: RowID, _ second: RowID) -> RowID {
    let (low, high) = first < second ? (first, second) : (second, first)
    return RowID(derivedFrom: blake2b([UInt8]("link \(low) \(high)".utf8)).prefix)
  }

  /// Every ID that statements in force say is the same person's, this one included; sorted. A pair about which two wards
  /// disagree counts as its winner says, alike on every node.
  public static func union(of resident: RowID, _ db: Database) throws -> [RowID] {
    try Int64.fetchAll(
      db.cachedStatement(
        sql: """
          WITH RECURSIVE same (resident) AS (
            SELECT ?
            UNION SELECT iif(first = resident, second, first)
            FROM same JOIN identity_links ON first = resident OR second = resident WHERE claim = '同一人物'
          ) SELECT resident FROM same ORDER BY resident
          """), arguments: [resident.rawValue]
    ).map { RowID(rawValue: $0) }
  }

  static func view(_ values: RowValues, _ inquiry: Inquiry, _ db: Database) throws -> JSON {
    var members = values.json(hiding: ["history"])
    for name in ["first", "second"] {
      members[name + "Id"] = JSON(values.row(name).flatMap { Residents.text($0, inquiry) })
    }
    members["conflicts"] = try RowValues.conflicts(of: values.id, schema, db)
    members["history"] = .list(
      try String.fetchAll(
        db,
        sql: "SELECT value FROM identity_links_history WHERE row = ? AND buried = 0 ORDER BY time, author, sequence",
        arguments: [values.id.rawValue]
      ).map { .text($0) })
    return .object(members)
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "linkResidents", "/identity-links",
      "State that two IDs are one person, or are not, or take such a statement back.",
      [
        FormField("first", .row("residents"), required: true, ja: "住民", en: "Resident"),
        FormField("second", .row("residents"), required: true, ja: "他の住民ID", en: "Other resident"),
        FormField("claim", .choice(claims), required: true, ja: "判定", en: "Claim"),
        FormField("evidence", .choice(evidences), required: true, ja: "根拠", en: "Evidence"),
        FormField("note", .text(500), ja: "備考(個人情報を書かない)", en: "Note (without personal data)"),
      ], makes: true
    ) { desk in
      let (first, second) = (desk.given.row("first")!, desk.given.row("second")!)
      guard first != second else {
        throw Fault.badValue("second", ja: "同じ ID です。二つの違う ID を入れてください", en: "is the same ID; give two different ones")
      }
      for (name, id) in [("first", first), ("second", second)] where id.made == nil || desk.inquiry.ward(of: id) == nil
      {
        throw Fault.badValue(name, ja: "住民の ID ではありません", en: "not a resident's ID")
      }
      guard desk.inquiry.isOwn(first) || desk.inquiry.isOwn(second) else {
        throw Fault(
          .forbidden, field: "first", ja: "どちらかは自区の住民でなければなりません", en: "one of the two must be of this ward")
      }
      // Whose other ID everybody could see would be found by it.
      guard
        try desk.read({ db in try ![first, second].contains { try Residents.isGuarded($0, of: desk.wardIndex, db) } })
      else {
        throw Fault.refused(
          "first", ja: "所在を知らせない人の ID は結び付けられません",
          en: "one of the two must not be found: no statement about that person can be public")
      }
      let row = row(first, second)
      let claim = desk.given.text("claim")!
      let known = try desk.read { try RowValues.fetch(row, schema, $0) }
      guard claim != "取消" || known != nil else { throw Fault.notFound("second") }
      let evidence = desk.given.text("evidence")!
      var edits = [
        FieldEdit(1, .set(.integer(min(first, second).rawValue))),
        FieldEdit(2, .set(.integer(max(first, second).rawValue))),
        FieldEdit(3, .set(.text(claim))), FieldEdit(4, .set(.text(evidence))),
        FieldEdit(6, .set(.text(desk.inquiry.user.name))), FieldEdit(7, .set(.integer(desk.now.milliseconds))),
        FieldEdit(8, .append(.text("\(claim)(\(evidence)) \(desk.ward) \(desk.inquiry.user.name)"))),
      ]
      edits += desk.given.edits(["note"], of: schema)
      var draft = Draft(.registry)
      draft.edit(schema, row, edits)
      let inquiry = desk.inquiry
      return Written([draft], about: [first, second]) { db in
        guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
        return try view(values, inquiry, db)
      }
    },
    .read(
      "identity", "/residents/{id}/identity", "Every ID of one person, and the statements that say so.", of: "residents"
    ) {
      inquiry, db in
      let ids = try union(of: inquiry.row!, db)
      let links = try RowValues.all(
        schema,
        """
        WHERE first IN (SELECT value FROM json_each(?1)) OR second IN (SELECT value FROM json_each(?1))
        ORDER BY id LIMIT 1000
        """, [RowValues.list(ids)], db)
      return Seen([
        "ids": .list(ids.map { JSON(Residents.text($0, inquiry)) }), "rows": .list(ids.map { .text("\($0)") }),
        "links": .list(try links.map { try view($0, inquiry, db) }),
      ])
    },
    .read(
      "duplicateCandidates", "/residents/{id}/candidates",
      "Other records that may be the same person, with what speaks for it. A person decides.", [Purpose.field],
      of: "residents"
    ) { inquiry, db in
      guard let own = try RowValues.fetch(inquiry.row!, RegistrySchema.residents, db) else {
        throw Fault.notFound("id")
      }
      let found = try candidates(own, db)
      let decided = Set(
        try RowValues.all(schema, "WHERE first = ?1 OR second = ?1", [own.id.rawValue], db)
          .filter { $0.text("claim") != "取消" }.flatMap { [$0.row("first"), $0.row("second")] })
      let open = found.filter { !decided.contains($0.values.id) }
      return Seen(
        [
          "candidates": .list(
            open.map { candidate in
              [
                "score": .real(candidate.score), "reasons": .list(candidate.reasons.map { .text($0) }),
                "resident": Residents.view(candidate.values, inquiry),
              ]
            })
        ], subjects: ([own.id] + open.map(\.values.id)).filter { !inquiry.isOwn($0) })
    },
  ]

  struct Candidate {
    var values: RowValues
    var score: Double
    var reasons: [String]
  }

  /// Agreement weights in the manner of Fellegi and Sunter ("A Theory for Record Linkage", JASA 64, 1969), rounded: how
  /// much likelier an agreement is for one person than for two. They order a list for a person; nothing is decided by them.
  private static let weights = (kana: 4.0, name: 4.0, birth: 5.0, address: 3.0, phone: 4.0)
  private static let threshold = 7.0

  static func candidates(_ own: RowValues, _ db: Database) throws -> [Candidate] {
    var pool: [RowID: RowValues] = [:]
    for (column, value) in [("kana_key", own.text("kana_key")), ("name_key", own.text("name_key"))] {
      guard let value else { continue }
      for values in try RowValues.all(RegistrySchema.residents, "WHERE \(column) = ? LIMIT 500", [value], db) {
        pool[values.id] = values
      }
    }
    if let birth = own.text("birth"), birth.count == 10 {
      for values in try RowValues.all(RegistrySchema.residents, "WHERE birth = ? LIMIT 500", [birth], db) {
        pool[values.id] = values
      }
    }
    pool[own.id] = nil
    func agrees(_ column: String, _ other: RowValues) -> Bool {
      own.text(column) != nil && own.text(column) == other.text(column)
    }
    return pool.values.compactMap { other -> Candidate? in
      guard other.integer("guarded") != 1 else { return nil }
      var candidate = Candidate(values: other, score: 0, reasons: [])
      func add(_ weight: Double, _ reason: String) {
        candidate.score += weight
        candidate.reasons.append(reason)
      }
      if agrees("kana_key", other) { add(weights.kana, "カナ") }
      if agrees("name_key", other) { add(weights.name, "氏名") }
      if agrees("birth", other) { add(weights.birth, "生年月日") }
      if agrees("address_key", other) { add(weights.address, "住所") }
      if agrees("phone", other) { add(weights.phone, "電話番号") }
      return candidate.score >= threshold ? candidate : nil
    }.sorted { ($0.score, $1.values.id) > ($1.score, $0.values.id) }.prefix(50).map { $0 }
  }
}
