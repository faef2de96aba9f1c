import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Replica
import Sodium

/// Who saw or changed whose data, when and why. One append-only collection in each lane, so that a write and its note are
/// one change set; all wards keep all of it.
public enum AuditTrail {
  static let entries = LogField(1, "entries", 400, "記録", "Entries")

  public static let life = records(60, "audit_life", .life)
  public static let supply = records(80, "audit_supply", .supply)
  public static let registry = records(49, "audit_registry", .registry)
  public static let control = records(9, "audit_control", .control)

  public static let all = [control, registry, life, supply]

  private static func records(_ number: UInt32, _ name: String, _ lane: Lane) -> Records {
    Records(
      number, name, "閲覧と変更の記録", "Audit trail", lane: lane, law: .appendOnly, reader: .roles(.oversight),
      fields: [entries], title: [])
  }

  static func records(of lane: Lane) -> Records { all.first { $0.lane == lane }! }

  /// One note: `subject action purpose user`; the user is the rest of the text: the row of the account or token behind a mark,
  /// or a name. When and where, the change set says.
  public struct Note: Hashable, Sendable {
    public var subject: RowID
    public var action: String
    public var purpose: String?
    public var user: String

    public init(_ subject: RowID, _ action: String, purpose: String? = nil, user: String) {
      self.subject = subject
      self.action = action
      self.purpose = purpose
      self.user = user
    }

    var text: String {
      // The blank parts the words: none may stand in the purpose.
      "\(subject) \(action) \(purpose?.split { $0.isWhitespace }.joined(separator: "_") ?? "-") \(user)"
    }

    init?(_ text: String) {
      let parts = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
      guard parts.count == 4, let subject = Int64(parts[0]) else { return nil }
      self.init(
        RowID(rawValue: subject), String(parts[1]), purpose: parts[2] == "-" ? nil : String(parts[2]),
        user: String(parts[3]))
    }
  }

  /// The action of a note that another ward wrote of its own people.
  public static let record = "record"
  private static let userMark = "@"

  /// How a note says which account or token it was.
  static func mark(_ account: RowID) -> String { "\(userMark)\(account)" }

  /// Which account or token a note names; nil when it is a name, as older programs wrote it.
  static func account(_ user: String) -> RowID? {
    user.hasPrefix(userMark)
      ? Int64(user.dropFirst(userMark.count).prefix { $0 != " " }).map { RowID(rawValue: $0) } : nil
  }

  /// What a note says besides: who delivered it, when it was entered. As `Inquiry.signature` has it.
  static func besides(_ user: String) -> String { user.firstIndex(of: " ").map { String(user[$0...]) } ?? "" }

  private static func row(_ lane: Lane, _ author: AuthorNumber, day: Int64) -> RowID {
    RowID(derivedFrom: blake2b([UInt8]("audit \(lane.name) \(author.rawValue) \(day)".utf8)).prefix)
  }

  /// Who made a change, as the note in the same change set says; nil when it bears none.
  ///
  /// - Parameter time: of the change, in milliseconds.
  static func user(of dot: Dot, in lane: Lane, at time: Int64, _ db: Database) throws -> String? {
    let day = time / 86_400_000
    // The note's day is that of the desk's clock, which the change's own time may have left behind.
    for day in [day, day - 1] {
      let text = try String.fetchOne(
        db.cachedStatement(
          sql:
            "SELECT value FROM \"\(records(of: lane).name)_entries\" WHERE row = ? AND author = ? AND sequence = ? LIMIT 1"
        ),
        arguments: [row(lane, dot.author, day: day).rawValue, Int64(dot.author.rawValue), Int64(dot.sequence)])
      if let text { return Note(text)?.user }
    }
    return nil
  }

  /// Adds notes to a draft: one row for each node and day, so that no row grows without end.
  public static func note(_ notes: [Note], in draft: inout Draft, by author: AuthorNumber, at now: Instant) {
    guard !notes.isEmpty else { return }
    let row = row(draft.lane, author, day: now.milliseconds / 86_400_000)
    draft.edit(records(of: draft.lane), row, notes.map { entries.append($0.text) }, for: .federation)
  }

  /// What a node keeps beside the shared tables so that one subject's notes are found at once.
  public static let indexes = all.flatMap {
    [
      "CREATE INDEX IF NOT EXISTS \($0.name)_subject ON \"\($0.name)_entries\" (value)",
      "CREATE INDEX IF NOT EXISTS \($0.name)_time ON \"\($0.name)_entries\" (time)",
    ]
  }

  /// Every note about a row, oldest first: under the ward's own name for it, and, where everybody knows it or another ward
  /// looked, under its number.
  static func notes(on row: RowID, _ teller: Teller, _ db: Database) throws -> [JSON] {
    let names = [row] + (teller.inquiry.isOwn(row) ? [teller.pseudonyms?.name(of: row)].compactMap(\.self) : [])
    let ranges = [names[0], names.last!].flatMap { ["\($0) ", "\($0)!"] }
    let parts = all.map {
      """
      SELECT time, author, value FROM "\($0.name)_entries"
      WHERE value >= ?1 AND value < ?2 OR value >= ?3 AND value < ?4
      """
    }
    let rows = try Row.fetchAll(
      db, sql: "SELECT * FROM (\(parts.joined(separator: " UNION ALL "))) ORDER BY time, author, value LIMIT 10001",
      arguments: StatementArguments(ranges))
    return try rows.compactMap { row in try entry(row).map { try teller.json($0.note, $0.time, $0.author, db) } }
  }

  private static func entry(_ row: Row) -> (note: Note, time: Int64, author: AuthorNumber)? {
    guard let text = String.fromDatabaseValue(row["value"]), let note = Note(text),
      let time = Int64.fromDatabaseValue(row["time"]), let raw = Int64.fromDatabaseValue(row["author"]),
      let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: raw))
    else { return nil }
    return (note, time, author)
  }

  /// Makes answers of notes: with the names that users have, and the words that are this ward's to read.
  struct Teller {
    let inquiry: Inquiry
    let pseudonyms: Pseudonyms?
    let rules: PersonRules
    /// The ids of all endpoints.
    let actions: [String]

    /// What somebody did; of another ward's people, that it was done with a record.
    func action(_ note: Note) -> String {
      guard Pseudonyms.isSealed(note.action) else { return note.action }
      return pseudonyms?.open(note.action, of: note.subject, among: actions) ?? AuditTrail.record
    }

    func purpose(_ note: Note) -> String? {
      guard let purpose = note.purpose, Pseudonyms.isSealed(purpose) else { return note.purpose }
      return pseudonyms?.open(purpose, of: note.subject, among: Purpose.choices.map(\.word))
    }

    /// Whether a word of a note is this one.
    func isWord(_ told: String?, _ word: String, _ note: Note) -> Bool {
      told == word || told == pseudonyms?.seal(word, of: note.subject)
    }

    /// The name, and what tells two of one name apart.
    func user(_ note: Note, _ db: Database) throws -> (name: String, login: String?) {
      guard let account = AuditTrail.account(note.user) else { return (note.user, nil) }
      let besides = AuditTrail.besides(note.user)
      return try rules.user(account, db).map { ($0.name + besides, $0.login) } ?? ("?" + besides, "\(account)")
    }

    func json(_ note: Note, _ time: Int64, _ author: AuthorNumber, _ db: Database) throws -> JSON {
      let user = try user(note, db)
      return [
        "time": .integer(HybridTime(rawValue: UInt64(bitPattern: time)).milliseconds),
        "ward": JSON(inquiry.identity.federation.ward(at: author.ward)?.code),
        "node": .text(inquiry.identity.federation.reference(to: author)), "subject": .text("\(note.subject)"),
        "action": .text(action(note)), "purpose": JSON(purpose(note)), "user": .text(user.name),
        "account": JSON(user.login),
      ]
    }
  }

  private static let searchForm = [
    FormField("user", .text(120), ja: "利用者", en: "User"), FormField("ward", .ward, ja: "区", en: "Ward"),
    FormField("action", .text(60), ja: "操作", en: "Action"), FormField("purpose", .text(60), ja: "目的", en: "Purpose"),
    FormField("from", .time, ja: "いつから", en: "From"), FormField("until", .time, ja: "いつまで", en: "Until"),
    FormField("limit", .integer(1...500), ja: "件数", en: "How many at most"),
    FormField("after", .text(20), ja: "この記録の次から", en: "`next` of the page before"),
  ]
  /// So many notes are looked at for one answer; the next page goes on from there.
  private static let searched = 200_000

  /// Notes of anybody on anybody, newest first.
  private static func search(_ teller: Teller, _ db: Database) throws -> JSON {
    let (inquiry, given) = (teller.inquiry, teller.inquiry.given)
    let limit = given.int("limit") ?? 200
    let ward = given.text("ward").flatMap { inquiry.identity.federation.index(ofWard: $0) }
    // Times of the log are hybrid: milliseconds above, a counter below.
    var before = given.integer("until").map { ($0 + 1) << 16 } ?? .max
    if let after = given.text("after") {
      guard let time = Int64(after) else { throw Fault.badValue("after", ja: "続きの印ではありません", en: "not a page's `next`") }
      before = min(before, time)
    }
    let parts = all.map {
      "SELECT time, author, value FROM \"\($0.name)_entries\" WHERE time < ?1 AND time >= ?2"
    }
    let rows = try Row.fetchCursor(
      db, sql: "SELECT * FROM (\(parts.joined(separator: " UNION ALL "))) ORDER BY time DESC, author, value LIMIT ?3",
      arguments: [before, (given.integer("from") ?? 0) << 16, searched])
    var (found, looked): ([(time: Int64, note: JSON)], Int) = ([], 0)
    var last: Int64?
    var users: [String: (name: String, login: String?)] = [:]
    while let row = try rows.next() {
      looked += 1
      guard let (note, time, author) = entry(row) else { continue }
      // A page ends between two times, so that none of one time is left out.
      if found.count >= limit, time != last {
        return ["notes": .list(found.map(\.note)), "next": JSON(last.map { "\($0)" })]
      }
      last = time
      guard ward.map({ $0 == author.ward }) ?? true,
        given.text("action").map({ teller.isWord(note.action, $0, note) }) ?? true,
        given.text("purpose").map({ teller.isWord(note.purpose, $0, note) }) ?? true
      else { continue }
      if let asked = given.text("user") {
        if users[note.user] == nil { users[note.user] = try teller.user(note, db) }
        let user = users[note.user]!
        guard user.name.localizedStandardContains(asked) || user.login == asked else { continue }
      }
      found.append((time, try teller.json(note, time, author, db)))
    }
    guard looked == searched, let last else { return ["notes": .list(found.map(\.note)), "next": .null] }
    // The bound may cut through one time: the next page looks at all of it.
    return ["notes": .list(found.filter { $0.time != last }.map(\.note)), "next": .text("\(last + 1)")]
  }

  // MARK: How many people somebody saw

  /// Of each account and token of this ward, how many people's records it saw or changed on one day here.
  private static func tally(_ teller: Teller, _ db: Database) throws -> JSON {
    let hours: Int64 = 9
    let now = teller.inquiry.now.milliseconds
    let today = (now + hours * 3_600_000) / 86_400_000 * 86_400_000 - hours * 3_600_000
    let start = today - Int64(teller.inquiry.given.int("daysAgo") ?? 0) * 86_400_000
    let parts = all.map {
      "SELECT time, author, value FROM \"\($0.name)_entries\" WHERE time >= ?1 AND time < ?2"
    }
    let rows = try Row.fetchCursor(
      db, sql: parts.joined(separator: " UNION ALL "), arguments: [start << 16, (start + 86_400_000) << 16])
    var people: [String: Set<RowID>] = [:]
    var samples: [String: Note] = [:]
    while let row = try rows.next() {
      guard let (note, _, author) = entry(row), author.ward == teller.inquiry.wardIndex,
        Pseudonyms.isSealed(note.action) || note.purpose != nil
      else { continue }
      people[note.user, default: []].insert(note.subject)
      samples[note.user] = note
    }
    let accounts = try people.sorted { ($0.value.count, $1.key) > ($1.value.count, $0.key) }.map { user, seen -> JSON in
      let who = try teller.user(samples[user]!, db)
      return ["user": .text(who.name), "account": JSON(who.login), "people": JSON(seen.count)]
    }
    return ["from": .integer(start), "accounts": .list(accounts)]
  }

  /// - Parameter actions: the ids of all endpoints, this service's own apart.
  public static func service(_ rules: PersonRules, actions: [String]) -> Service {
    @Sendable func teller(_ look: Look) -> Teller {
      Teller(
        inquiry: look.inquiry, pseudonyms: Pseudonyms(look.inquiry.identity), rules: rules,
        actions: actions + ["row", "rowConflicts"])
    }
    return Service(
      "閲覧と変更の記録", "The audit trail", records: all,
      endpoints: [
        .read(
          "auditOf", "/audit/{id}", "閲覧と変更の記録", "Who saw or changed it", for: .oversight,
          "Who saw or changed this row, when, where and why; oldest first.",
          answers: .list("notes", noteMembers, beside: [Paging.isCut])
        ) { look in
          .object(Paging.cut("notes", try notes(on: look.inquiry.row!, teller(look), look.db), at: 10_000))
        },
        .read(
          "audit", "/audit", "閲覧と変更の記録を探す", "Search the audit trail", for: .oversight,
          "Who saw or changed whose data: by user, ward, action, purpose and time; newest first.", searchForm,
          answers: .list("notes", noteMembers, isPaged: true)
        ) { look in try search(teller(look), look.db) },
        .read(
          "looksByAccount", "/audit/accounts", "職員ごとの閲覧人数", "People seen, by account", for: .oversight,
          "Of how many people each account and token of this ward saw or changed records on one day, as far as this node has heard.",
          [FormField("daysAgo", .integer(0...365), ja: "何日前", en: "Days ago")],
          answers: .list(
            "accounts",
            noteMembers.filter { ["user", "account"].contains($0.name) } + [
              .init("people", .integer(Numbers.any), "人数", "People").always
            ], beside: [.init("from", .time, "この日の始まり", "The day's beginning")])
        ) { look in try tally(teller(look), look.db) },
      ], menu: ["audit", "looksByAccount"], indexes: indexes)
  }

  private static let noteMembers = [
    Answer.Member("time", .time, "日時", "At"), Answer.Member("ward", .ward, "区", "Ward"),
    Answer.Member("node", .text(20), "ノード", "Node"), Answer.Member("subject", .text(20), "対象の記録", "Record"),
    Answer.Member("action", .text(60), "操作", "Action"), Answer.Member("purpose", .text(60), "目的", "Purpose"),
    Answer.Member("user", .text(120), "利用者", "User"),
    Answer.Member("account", .text(60), "利用者ID・鍵の番号", "Login, or token's number"),
  ]
}
