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
    /// Name or kana, and another of kana, telephone and address, are the same, and no date of birth says otherwise.
    case nameAndMore = "氏名またはカナと、カナ・電話・住所のどれかが同じ"

    public var code: String {
      switch self {
      case .resident: "same-resident"
      case .linked: "linked-residents"
      case .moved: "moved-twice"
      case .nameAndBirth: "same-name-and-birth"
      case .nameAndMore: "same-name-and-more"
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
    let hidden = try stays.filter { try !look.maySee($0, Stay.records) }
    guard hidden.count < stays.count, hidden.allSatisfy({ $0[Stay.guarded] != true }) else { return nil }
    return [
      "ground": .text(ground.rawValue),
      "stays": .list(
        try stays.map { stay in
          guard try look.maySee(stay, Stay.records), !hidesForeign || look.inquiry.isOwn(stay.id) else {
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
    SELECT a.id, b.id, a.name_key = b.name_key AND a.kana_key = b.kana_key, a.phone, b.phone, a.address, b.address
    FROM stays a JOIN stays b ON b.id > a.id AND b.left_at IS NULL AND MATCH
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
    (.nameAndMore, "b.name_key = a.name_key AND a.name_key <> '' AND \(ofUnsureBirth)"),
    (.nameAndMore, "b.kana_key = a.kana_key AND a.kana_key <> '' AND \(ofUnsureBirth)"),
  ]

  /// No date of birth tells the two apart, and none makes them alike: of many nobody knows it, of some the year alone.
  private static let ofUnsureBirth = """
    (a.birth IS NULL OR b.birth IS NULL OR (a.birth <> b.birth
      AND substr(a.birth, 1, length(b.birth)) = substr(b.birth, 1, length(a.birth))))
    """

  /// Of each ground.
  static let most = 2_000
  /// Pairs of one name that are looked at for what else they have in common.
  private static let looked = 200_000

  private static func fetch(_ filter: String, _ arguments: StatementArguments, _ db: Database) throws -> [DoubleEntry] {
    var found: [DoubleEntry] = []
    var known: Set<[RowID]> = []
    var settled = try SameStays(settled: true, db)
    for (ground, match) in matches {
      let sql = pairs.replacingOccurrences(of: "MATCH", with: match).replacingOccurrences(of: "FILTER", with: filter)
      let rows = try Row.fetchCursor(
        db.cachedStatement(sql: sql + " ORDER BY 1, 2 LIMIT \(looked)"), arguments: arguments)
      var ofGround = 0
      while ofGround <= most, let row = try rows.next() {
        let pair = [RowID(rawValue: row[0]), RowID(rawValue: row[1])]
        guard !known.contains(pair), ground != .nameAndMore || hasMoreInCommon(row),
          settled.group(of: pair[0]) != settled.group(of: pair[1])
        else { continue }
        known.insert(pair)
        ofGround += 1
        found.append(DoubleEntry(first: pair[0], second: pair[1], ground: ground))
      }
    }
    return found.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
  }

  private static func hasMoreInCommon(_ row: Row) -> Bool {
    func same(_ first: Int, _ second: Int, _ key: (String) -> String) -> Bool {
      guard let first = String.fromDatabaseValue(row[first]), let second = String.fromDatabaseValue(row[second]) else {
        return false
      }
      let (one, other) = (key(first), key(second))
      return !one.isEmpty && one == other
    }
    return Bool.fromDatabaseValue(row[2]) == true || same(3, 4, NameKey.ofPhone) || same(5, 6, NameKey.ofAddress)
  }

  /// Every double entry that nobody has settled.
  ///
  /// - Parameter ward: those alone of which this ward may settle; with `others`, all the rest.
  static func openDoubles(_ db: Database, of ward: UInt32? = nil, others: Bool = false) throws -> [DoubleEntry] {
    if let ward {
      return try fetch(
        "\(others ? "NOT " : "")(a.id >> 53 = ?1 OR b.id >> 53 = ?1)", [Int64(ward)], db)
    }
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
    let present = Set(
      try Int64.fetchAll(db, sql: "SELECT id FROM stays WHERE left_at IS NULL").map { RowID(rawValue: $0) })
    #if MUTANTS
      if PlantedBug.countsTwice.isPlanted { return present }
    #endif
    return present.subtracting(try SameStays.uncounted(db))
  }

  // MARK: Settling

  static let members = [Answer.Member("ground", .choice(DoubleEntry.Ground.choices), "根拠", "Ground"), Shown.stays]

  private static let counts = [
    Answer.Member("own", .integer(Numbers.people), "自区が決める組", "Pairs that this ward settles").always,
    Answer.Member("others", .integer(Numbers.people), "他区どうしの組", "Pairs of other wards").always, Paging.isCut,
  ]

  private static let list = Endpoint.read(
    "doubleEntries", Stay.records.path + "/doubles", "二重登録の疑い", "Possible double entries", for: .people,
    "Stays that may be one person's, entered twice: to settle by a person. This ward's own first; with a purpose, other wards' too.",
    [FormField("limit", .integer(1...Int64(Stays.most)), ja: "件数", en: "How many at most"), Purpose.field],
    answers: .list("doubles", members, beside: counts)
  ) { look in
    let limit = look.given.int("limit") ?? 100
    let own = try Stays.openDoubles(look.db, of: look.inquiry.wardIndex)
    let others = try Stays.openDoubles(look.db, of: look.inquiry.wardIndex, others: true)
    // Without a purpose, of other wards' people nothing but how many there are.
    let hidesForeign = look.given.text("purpose") == nil
    var shown: [JSON] = []
    for pair in hidesForeign ? own : own + others where shown.count < limit {
      if let view = try pair.view(&look, hidesForeign: hidesForeign) { shown.append(view) }
    }
    return [
      "doubles": .list(shown), "own": JSON(own.count), "others": JSON(others.count),
      "isCut": .flag(shown.count == limit && own.count + others.count > limit),
    ]
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
