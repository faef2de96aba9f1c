import Causality
import ChangeModel
import Desk
import GRDB
import Sodium

/// Statements that two IDs are one person, and what follows from them: a union that every node derives alike.
public enum Identities {
  private static let records = IdentityLink.records

  /// One row for each pair, whoever speaks of it and in whichever order.
  private static func row(_ first: RowID, _ second: RowID) -> RowID {
    let (low, high) = first < second ? (first, second) : (second, first)
    return RowID(pair: low, high, in: records.number)
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

  /// Whether one of a person's IDs, as far as this node knows, is one that must not be found.
  static func areGuarded(_ ids: [RowID], _ look: Look) throws -> Bool {
    try ids.contains { try Residents.isGuarded($0, of: look.inquiry.wardIndex, look.db) }
  }

  // MARK: Statements

  private static let members = [
    Answer.Member("firstId", .text(20), "住民ID", "Resident ID"),
    Answer.Member("secondId", .text(20), "他の住民ID", "Other resident's ID"),
    Answer.Member("history", .list(.text(400), 1_000), "経緯", "What was decided, oldest first"),
  ]

  private static func view(_ link: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(link, records, hiding: Shown.columns(IdentityLink.history))
    members["firstId"] = JSON(link[IdentityLink.first].flatMap { Residents.text($0, look.inquiry) })
    members["secondId"] = JSON(link[IdentityLink.second].flatMap { Residents.text($0, look.inquiry) })
    members["history"] = .list(
      try String.fetchAll(
        look.db,
        sql: "SELECT value FROM identity_links_history WHERE row = ? AND buried = 0 ORDER BY time, author, sequence",
        arguments: [link.id.rawValue]
      ).map { .text($0) })
    return .object(members)
  }

  /// The two IDs of the form.
  private static func pair(_ desk: Desk) throws -> (first: RowID, second: RowID) {
    let (first, second) = (desk.given.row("first")!, desk.given.row("second")!)
    guard first != second else {
      throw Fault.badValue("second", ja: "同じ ID です。二つの違う ID を入れてください", en: "is the same ID; give two different ones")
    }
    for (name, id) in [("first", first), ("second", second)] where id.made == nil || desk.inquiry.ward(of: id) == nil {
      throw Fault.badValue(name, ja: "住民の ID ではありません", en: "not a resident's ID")
    }
    guard desk.inquiry.isOwn(first) || desk.inquiry.isOwn(second) else {
      throw Fault(.forbidden, field: "first", ja: "どちらかは自区の住民でなければなりません", en: "one of the two must be of this ward")
    }
    // Whose other ID everybody could see would be found by it.
    guard
      try desk.read({ db in try ![first, second].contains { try Residents.isGuarded($0, of: desk.wardIndex, db) } })
    else {
      throw Fault.refused(
        "first", ja: "所在を知らせない人の ID は結び付けられません",
        en: "one of the two must not be found: no statement about that person can be public")
    }
    return (first, second)
  }

  private static let link = Endpoint.write(
    "linkResidents", records.path, "同じ人・別の人と決める", "Say whether two are one", for: .people,
    "State that two IDs are one person, or are not, or take such a statement back.",
    [
      IdentityLink.first.needed, IdentityLink.second.needed, IdentityLink.claim.needed, IdentityLink.evidence.needed,
      FormField("note", IdentityLink.note.shape, ja: "備考(個人情報を書かない)", en: "Note (without personal data)"),
    ], makes: true, answers: .row(records, and: members)
  ) { desk in
    let (first, second) = try pair(desk)
    let row = row(first, second)
    let (claim, evidence) = (desk.given.text("claim")!, desk.given.text("evidence")!)
    let known = try desk.read { try RowValues.fetch(row, records, $0) }
    guard claim != Claim.retracted.rawValue || known != nil else { throw Fault.notFound("second") }
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["claim", "evidence", "note"], of: records) + [
        IdentityLink.first.set(min(first, second)), IdentityLink.second.set(max(first, second)),
        IdentityLink.decidedBy.set(desk.inquiry.user.name), IdentityLink.decidedAt.set(desk.enteredAt),
        IdentityLink.history.append("\(claim)(\(evidence)) \(desk.ward) \(desk.inquiry.user.name)"),
      ])
    return Written([draft], about: [first, second]) { look in
      guard let link = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
      return try view(link, &look)
    }
  }.often(3)

  private static let one = Endpoint.read(
    "identity", Resident.records.path + "/{id}/identity", "同じ人のID", "IDs of one person", for: .people,
    "Every ID of one person, and the statements that say so.", of: Resident.records,
    answers: .members([
      .init("ids", .list(.text(20), 1_000), "住民ID", "IDs"),
      .init("rows", .list(.row("residents"), 1_000), "記録", "Records"),
      .init("links", .objects(.row(records, and: members)), "判定", "Statements"), Paging.isCut,
    ])
  ) { look in
    let ids = try union(of: look.inquiry.row!, look.db)
    let links = try RowValues.all(
      records,
      """
      WHERE first IN (SELECT value FROM json_each(?1)) OR second IN (SELECT value FROM json_each(?1))
      ORDER BY id LIMIT 1001
      """, [RowValues.list(ids)], look.db)
    let shown = Paging.cut("links", try links.map { try view($0, &look) }, at: 1_000)
    return .object(
      shown.merging([
        "ids": .list(ids.compactMap { Residents.text($0, look.inquiry) }.map { .text($0) }),
        "rows": .list(ids.map { .text("\($0)") }),
      ]) { $1 })
  }

  static let endpoints = [link, one, Duplicates.endpoint]
}
