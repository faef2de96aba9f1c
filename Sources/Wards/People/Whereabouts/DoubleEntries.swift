import Causality
import ChangeModel
import Desk
import GRDB
import Places
import Sodium

/// Two stays at once that are, or may be, one person's.
public struct DoubleEntry: Hashable, Sendable {
  public enum Ground: String, Word {
    /// Both name one resident's ID.
    case resident = "住民IDが同じ"
    /// Two IDs that a statement in force says are one person's.
    case linked = "同一人物とされた住民ID"
    /// One stay that two nodes moved at once.
    case moved = "同じ入所記録からの移動"
    /// Name or kana, and date of birth, are the same.
    case nameAndBirth = "氏名またはカナと生年月日が同じ"

    public var code: String {
      switch self {
      case .resident: "same-resident"
      case .linked: "linked-residents"
      case .moved: "moved-twice"
      case .nameAndBirth: "same-name-and-birth"
      }
    }
  }

  public var first: RowID
  public var second: RowID
  public var ground: Ground

  /// The two as an answer shows them; nil where whoever asks may see neither, or where the one that they may not see is of
  /// somebody who must not be found.
  ///
  /// - Parameter hidesForeign: shows of another ward's stay only which it is; so does that of a shelter at which the user
  ///   does not work.
  func view(_ look: inout Look, hidesForeign: Bool = false) throws -> JSON? {
    let stays = try [first, second].compactMap { try RowValues.fetch($0, Stay.records, look.db) }
    let hidden = stays.filter { !look.maySee($0, Stay.records) }
    guard hidden.count < stays.count, hidden.allSatisfy({ $0[Stay.guarded] != true }) else { return nil }
    return [
      "ground": .text(ground.rawValue),
      "stays": .list(
        try stays.map { stay in
          guard look.maySee(stay, Stay.records), !hidesForeign || look.inquiry.isOwn(stay.id) else {
            return ["id": .text("\(stay.id)"), "ward": JSON(look.inquiry.ward(of: stay.id))]
          }
          return try Stays.view(stay, &look)
        }),
    ]
  }
}

extension Stays {
  /// Pairs of present stays with equal keys, each pair once.
  private static let pairs = """
    SELECT a.id AS first, b.id AS second FROM stays a JOIN stays b ON b.id > a.id AND b.left_at IS NULL AND MATCH
    WHERE a.left_at IS NULL AND FILTER
      AND NOT EXISTS (
        SELECT 1 FROM stay_verdicts v WHERE v.first = a.id AND v.second = b.id
          AND NOT EXISTS (SELECT 1 FROM conflicts c WHERE c.collection = 'stay_verdicts' AND c.row = v.id))
    """

  /// The surest first; each by an index of its own.
  private static let matches: [(DoubleEntry.Ground, String)] = [
    (.resident, "b.resident = a.resident"),
    (
      .linked,
      """
      b.resident IN (
        SELECT iif(l.first = a.resident, l.second, l.first) FROM identity_links l
        WHERE (l.first = a.resident OR l.second = a.resident) AND l.claim = '同一人物')
      """
    ),
    (.moved, "b.moved_from = a.moved_from"),
    (.nameAndBirth, "b.kana_key = a.kana_key AND b.birth = a.birth"),
    (.nameAndBirth, "b.name_key = a.name_key AND b.birth = a.birth"),
  ]

  /// Of each ground.
  static let most = 2_000

  private static func fetch(_ filter: String, _ arguments: StatementArguments, _ db: Database) throws -> [DoubleEntry] {
    var found: [DoubleEntry] = []
    var known: Set<[RowID]> = []
    for (ground, match) in matches {
      let sql = pairs.replacingOccurrences(of: "MATCH", with: match).replacingOccurrences(of: "FILTER", with: filter)
      for row in try Row.fetchAll(
        db.cachedStatement(sql: sql + " ORDER BY 1, 2 LIMIT \(most + 1)"), arguments: arguments)
      {
        let pair = [RowID(rawValue: row[0]), RowID(rawValue: row[1])]
        guard known.insert(pair).inserted else { continue }
        found.append(DoubleEntry(first: pair[0], second: pair[1], ground: ground))
      }
    }
    return found.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
  }

  /// Every double entry that nobody has settled.
  static func openDoubles(_ db: Database) throws -> [DoubleEntry] {
    #if MUTANTS
      // As if doubles were looked for among this ward's own entries only.
      if PlantedBug.hidesDoubles.isPlanted {
        return try fetch("a.id >> 53 = b.id >> 53 AND a.shelter = b.shelter", [], db)
      }
    #endif
    return try fetch("1", [], db)
  }

  static func doubles(inShelter shelter: RowID, _ db: Database) throws -> Set<DoubleEntry> {
    Set(try fetch("a.shelter = ?1", [shelter.rawValue], db) + fetch("b.shelter = ?1", [shelter.rawValue], db))
  }

  static func doubles(of stay: RowValues, _ db: Database) throws -> [DoubleEntry] {
    try fetch("a.id = ?1", [stay.id.rawValue], db) + fetch("b.id = ?1", [stay.id.rawValue], db)
  }
}

/// The register's counting, and who settles what may be counted twice.
public enum DoubleEntries {
  public static func open(_ db: Database) throws -> [DoubleEntry] { try Stays.openDoubles(db) }

  /// The stays that count.
  public static func counted(_ db: Database) throws -> Set<RowID> {
    #if MUTANTS
      let counted = PlantedBug.countsTwice.isPlanted ? "s.left_at IS NULL" : HeadCount.entries
    #else
      let counted = HeadCount.entries
    #endif
    return Set(try Int64.fetchAll(db, sql: "SELECT id FROM stays s WHERE \(counted)").map { RowID(rawValue: $0) })
  }

  // MARK: Settling

  static let members = [Answer.Member("ground", .choice(DoubleEntry.Ground.choices), "根拠", "Ground"), Shown.stays]

  private static let list = Endpoint.read(
    "doubleEntries", Stay.records.path + "/doubles", "二重の受付かもしれない人", "Possible double entries", for: .people,
    "Stays that may be one person's, entered twice: to settle by a person.", [Purpose.field],
    answers: .list("doubles", members, beside: [Paging.isCut])
  ) { look in
    .object(Paging.cut("doubles", try Stays.openDoubles(look.db).compactMap { try $0.view(&look) }, at: Stays.most))
  }

  private static let hiding = Words(
    "所在を知らせない人の記録は結び付けられません", "a record of somebody who must not be found is not linked in public")

  private static let settle = Endpoint.write(
    "settleDouble", Stay.records.path + "/{id}/settlement", "同じ人か決める", "Settle a double entry", for: .people,
    "Decide whether two stays are one person's.",
    [
      FormField("other", .row(Stay.records.name), required: true, ja: "他の入所記録", en: "Other stay"),
      StayVerdict.verdict.needed, Purpose.field,
    ], of: Stay.records,
    when: [Condition(.refused, hiding.ja, hiding.en) { stay, _ in stay[Stay.guarded] != true }],
    answers: .row(StayVerdict.records)
  ) { desk in
    let (row, _) = try desk.subject(Stay.records)
    let other = desk.given.row("other")!
    guard try desk.find(other, in: Stay.records, "other")[Stay.guarded] != true else {
      throw Fault.refused("other", ja: hiding.ja, en: hiding.en)
    }
    guard row != other else { throw Fault.badValue("other", ja: "同じ記録です", en: "is the same stay") }
    guard desk.inquiry.isOwn(row) || desk.inquiry.isOwn(other) else {
      throw Fault(.forbidden, field: "id", ja: "どちらかは自区の記録でなければなりません", en: "one of the two must be of this ward")
    }
    let (low, high) = row < other ? (row, other) : (other, row)
    let verdict = RowID(pair: low, high, in: StayVerdict.records.number)
    var draft = StayVerdict.records.draft()
    draft.edit(
      StayVerdict.records, verdict,
      desk.given.edits(["verdict"], of: StayVerdict.records) + [
        StayVerdict.first.set(low), StayVerdict.second.set(high), StayVerdict.decidedBy.set(desk.inquiry.user.name),
        StayVerdict.decidedAt.set(desk.enteredAt),
      ])
    return Written([draft], about: [row, other]) { look in try look.answer(verdict, StayVerdict.records) }
  }.often(5)

  static let endpoints = [list, settle]
}
