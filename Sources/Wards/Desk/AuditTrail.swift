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

  /// One note: `subject action purpose user`; the user's name is the rest of the text. When and where, the change set says.
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

  private static func row(_ lane: Lane, _ author: AuthorNumber, day: Int64) -> RowID {
    RowID(derivedFrom: blake2b([UInt8]("audit \(lane.name) \(author.rawValue) \(day)".utf8)).prefix)
  }

  /// Who made a change, as the note in the same change set says; nil when it bears none.
  ///
  /// - Parameter time: of the change, in milliseconds.
  public static func user(of dot: Dot, in lane: Lane, at time: Int64, _ db: Database) throws -> String? {
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

  /// Every note about `subject`, oldest first.
  static func notes(on subject: RowID, _ identity: NodeIdentity, _ db: Database) throws -> [JSON] {
    let (first, end) = ("\(subject) ", "\(subject)!")
    let parts = all.map {
      "SELECT time, author, value FROM \"\($0.name)_entries\" WHERE value >= ?1 AND value < ?2"
    }
    let rows = try Row.fetchAll(
      db, sql: "SELECT * FROM (\(parts.joined(separator: " UNION ALL "))) ORDER BY time, author, value LIMIT 10001",
      arguments: [first, end])
    return rows.compactMap { row in entry(row).map { json($0.note, $0.time, $0.author, identity) } }
  }

  private static func entry(_ row: Row) -> (note: Note, time: Int64, author: AuthorNumber)? {
    guard let text = String.fromDatabaseValue(row["value"]), let note = Note(text),
      let time = Int64.fromDatabaseValue(row["time"]), let raw = Int64.fromDatabaseValue(row["author"]),
      let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: raw))
    else { return nil }
    return (note, time, author)
  }

  private static func json(_ note: Note, _ time: Int64, _ author: AuthorNumber, _ identity: NodeIdentity) -> JSON {
    [
      "time": .integer(HybridTime(rawValue: UInt64(bitPattern: time)).milliseconds),
      "ward": JSON(identity.federation.ward(at: author.ward)?.code),
      "node": .text(identity.federation.reference(to: author)),
      "subject": .text("\(note.subject)"),
      "action": .text(note.action), "purpose": JSON(note.purpose), "user": .text(note.user),
    ]
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
  private static func search(_ inquiry: Inquiry, _ db: Database) throws -> JSON {
    let given = inquiry.given
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
    while let row = try rows.next() {
      looked += 1
      guard let (note, time, author) = entry(row) else { continue }
      // A page ends between two times, so that none of one time is left out.
      if found.count >= limit, time != last {
        return ["notes": .list(found.map(\.note)), "next": JSON(last.map { "\($0)" })]
      }
      last = time
      guard ward.map({ $0 == author.ward }) ?? true, given.text("action").map({ note.action == $0 }) ?? true,
        given.text("purpose").map({ note.purpose == $0 }) ?? true,
        given.text("user").map({ note.user.localizedStandardContains($0) }) ?? true
      else { continue }
      found.append((time, json(note, time, author, inquiry.identity)))
    }
    guard looked == searched, let last else { return ["notes": .list(found.map(\.note)), "next": .null] }
    // The bound may cut through one time: the next page looks at all of it.
    return ["notes": .list(found.filter { $0.time != last }.map(\.note)), "next": .text("\(last + 1)")]
  }

  /// - Parameter conceal: the name under which a subject stands in the trail.
  public static func service(_ conceal: @escaping @Sendable (RowID, Inquiry, Database) throws -> RowID) -> Service {
    Service(
      "閲覧と変更の記録", "The audit trail", records: all,
      endpoints: [
        .read(
          "auditOf", "/audit/{id}", "閲覧と変更の記録", "Who saw or changed it", for: .oversight,
          "Who saw or changed this row, when, where and why; oldest first.",
          answers: .list("notes", noteMembers, beside: [Paging.isCut])
        ) { look in
          let subject = try conceal(look.inquiry.row!, look.inquiry, look.db)
          return .object(Paging.cut("notes", try notes(on: subject, look.inquiry.identity, look.db), at: 10_000))
        },
        .read(
          "audit", "/audit", "閲覧と変更の記録を探す", "Search the audit trail", for: .oversight,
          "Who saw or changed whose data: by user, ward, action, purpose and time; newest first.", searchForm,
          answers: .list("notes", noteMembers, isPaged: true)
        ) { look in try search(look.inquiry, look.db) },
      ], menu: ["audit"], indexes: indexes)
  }

  private static let noteMembers = [
    Answer.Member("time", .time, "日時", "At"), Answer.Member("ward", .ward, "区", "Ward"),
    Answer.Member("node", .text(20), "ノード", "Node"), Answer.Member("subject", .text(20), "対象の記録", "Record"),
    Answer.Member("action", .text(60), "操作", "Action"), Answer.Member("purpose", .text(60), "目的", "Purpose"),
    Answer.Member("user", .text(120), "利用者", "User"),
  ]
}
