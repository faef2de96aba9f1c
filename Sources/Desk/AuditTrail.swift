import Causality
import ChangeModel
import Federation
import GRDB
import Replica
import Sodium

/// Who saw or changed whose data, when and why. One append-only collection in each lane, so that a write and its note are
/// one change set; all wards keep all of it.
public enum AuditTrail {
  public static let life = collection(60, "audit_life", .life)
  public static let supply = collection(80, "audit_supply", .supply)
  public static let registry = collection(49, "audit_registry", .registry)
  public static let control = collection(9, "audit_control", .control)

  public static let collections = [control, registry, life, supply]

  private static func collection(_ number: UInt32, _ name: String, _ lane: Lane) -> CollectionSchema {
    CollectionSchema(
      number, name, lane: lane, isAppendOnly: true,
      fields: [FieldSchema(1, "entries", .log, .text, ja: "記録", en: "Entries")])
  }

  static func collection(of lane: Lane) -> CollectionSchema { collections.first { $0.lane == lane }! }

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

  /// Adds notes to a draft: one row for each node and day, so that no row grows without end.
  public static func note(_ notes: [Note], in draft: inout Draft, by author: AuthorNumber, at now: Instant) {
    guard !notes.isEmpty else { return }
    let day = now.milliseconds / 86_400_000
    let row = RowID(derivedFrom: blake2b([UInt8]("audit \(draft.lane.name) \(author.rawValue) \(day)".utf8)).prefix)
    let collection = collection(of: draft.lane)
    draft.edit(
      collection, row, notes.map { FieldEdit(1, .append(.text($0.text))) },
      for: draft.lane == .control ? .anyone : .federation)
  }

  /// What a node keeps beside the shared tables so that one subject's notes are found at once.
  public static let indexes = collections.map {
    "CREATE INDEX IF NOT EXISTS \($0.name)_subject ON \"\($0.name)_entries\" (value)"
  }

  /// Every note about `subject`, oldest first.
  static func notes(on subject: RowID, _ identity: NodeIdentity, _ db: Database) throws -> [JSON] {
    let (first, end) = ("\(subject) ", "\(subject)!")
    let parts = collections.map {
      "SELECT time, author, value FROM \"\($0.name)_entries\" WHERE value >= ?1 AND value < ?2"
    }
    let rows = try Row.fetchAll(
      db, sql: "SELECT * FROM (\(parts.joined(separator: " UNION ALL "))) ORDER BY time, author, value LIMIT 10000",
      arguments: [first, end])
    return rows.compactMap { row in
      guard let text = String.fromDatabaseValue(row["value"]), let note = Note(text),
        let time = Int64.fromDatabaseValue(row["time"]), let raw = Int64.fromDatabaseValue(row["author"]),
        let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: raw))
      else { return nil }
      return [
        "time": .integer(HybridTime(rawValue: UInt64(bitPattern: time)).milliseconds),
        "ward": JSON(identity.federation.ward(at: author.ward)?.code), "node": .text("\(author)"),
        "action": .text(note.action), "purpose": JSON(note.purpose), "user": .text(note.user),
      ]
    }
  }

  /// - Parameter conceal: the name under which a subject stands in the trail.
  public static func endpoints(
    _ conceal: @escaping @Sendable (RowID, Inquiry, Database) throws -> RowID
  ) -> [Endpoint] {
    [
      .read(
        "auditOf", "/audit/{id}", "Who saw or changed this row, when, where and why; oldest first.", of: "residents"
      ) {
        inquiry, db in
        let subject = try conceal(inquiry.row!, inquiry, db)
        return Seen(["notes": .list(try notes(on: subject, inquiry.identity, db))])
      }
    ]
  }
}
