import Causality
import ChangeModel
import GRDB

/// A read under way: who asks, the tables as they are, and whose data it has shown so far.
///
/// Rows of personal collections become part of an answer through `show` alone, which puts whose they are on the list; the
/// engine writes the list into the audit trail before there is an answer. No rule can forget to name a subject.
public struct Look {
  public let inquiry: Inquiry
  public let db: Database
  /// Whose personal rows were shown.
  public private(set) var subjects: Set<RowID> = []
  /// Those of them whom this ward sees because they agreed.
  public private(set) var consented: Set<RowID> = []
  /// Who looks and why, when that is not the desk: a private service.
  public var viewer: (user: User, purpose: String)?
  let catalogue: Catalogue?

  public init(_ inquiry: Inquiry, _ db: Database, _ catalogue: Catalogue? = nil) {
    self.inquiry = inquiry
    self.db = db
    self.catalogue = catalogue
  }

  /// How many rows there are of a collection that is not about people.
  ///
  /// - Parameter rest: SQL after the table's name, as for `RowValues.all`.
  public func count(
    _ records: Records, _ rest: String, _ arguments: StatementArguments
  ) throws -> Int {
    precondition(!records.isPersonal)
    return try Int.fetchOne(
      db.cachedStatement(sql: "SELECT count(*) FROM \"\(records.name)\" \(rest)"), arguments: arguments) ?? 0
  }

  public var given: Submission { inquiry.given }
  public var ward: String { inquiry.ward }
  public var now: Instant { inquiry.now }

  /// The members of an answer that show a row: every field that holds something, by its form's name.
  ///
  /// - Parameters:
  ///   - hidden: columns that are for the node's own use.
  ///   - subject: whose row it is, when that is not the row itself: a disclosure's resident.
  public mutating func show(_ record: RowValues, hiding hidden: Set<String> = [], of subject: RowID? = nil) -> [String:
    JSON]
  {
    if record.collection.isPersonal { if let subject { saw(subject) } else { saw(record) } }
    return record.members(hiding: hidden)
  }

  /// A row of people's was seen: of the person whose it is, where one ward wrote both; what one ward writes of another's
  /// people is its own.
  ///
  /// - Parameter person: whose it is, where the collection does not say.
  public mutating func saw(_ record: RowValues, of person: RowID? = nil) {
    let person = person ?? record.records.reader.person.flatMap { record.row($0) }
    let isOne = person.map { record.id.isDerived || inquiry.isOwn($0) == inquiry.isOwn(record.id) } ?? false
    saw(isOne ? person! : record.id)
  }

  /// What somebody sees of `subject` without a row of its own: a name in a sentence, a sum that is one person's.
  public mutating func saw(_ subject: RowID) { subjects.insert(subject) }

  /// The subject let this ward see it.
  public mutating func agreed(_ subject: RowID) { consented.insert(subject) }

  /// Whether whoever asks may see a row: as its collection says, and, of people, the person whose row it is.
  public func maySee(_ row: RowValues, _ records: Records) throws -> Bool {
    guard records.admits(row, inquiry) else { return false }
    return try catalogue?.mayReach(row, records, inquiry, db) ?? true
  }

  /// A row that anybody of the staff may read, for its answer.
  public mutating func answer(_ row: RowID, _ records: Records, hiding hidden: Set<String> = []) throws -> JSON {
    guard let record = try RowValues.fetch(row, records, db) else { throw Fault.notFound("id") }
    return .object(try view(record, records, hiding: hidden))
  }

  /// A row with how it stands, what of it is in conflict, and what whoever asks can do with it now.
  ///
  /// - Parameter subject: whose row it is, when that is not the row itself.
  public mutating func view(
    _ record: RowValues, _ records: Records, hiding hidden: Set<String> = [], of subject: RowID? = nil
  ) throws -> [String: JSON] {
    var members = show(record, hiding: hidden, of: subject)
    if let state = records.state(of: record, inquiry) {
      members["state"] = .text(state.words.ja)
      members["stateCode"] = .text(state.code)
    }
    for field in records.fields where members[field.name] != nil {
      guard let text = record.text(field.schema.name) else { continue }
      switch field.shape {
      case .counts: members[field.name] = try? JSON.decode([UInt8](text.utf8))
      case .choice(let choices):
        // For programs, beside the word of the wards' forms.
        members[field.name + "Code"] = JSON(choices.first { $0.word == text }?.code)
      default: break
      }
    }
    members.merge(written(record)) { $1 }
    members["conflicts"] = try RowValues.conflicts(of: record.id, records, db)
    if let catalogue {
      members["actions"] = .list(catalogue.actions(on: record, records, inquiry).map { .text($0.id) })
    }
    return members
  }

  /// When a row was last written, and by which node.
  func written(_ record: RowValues) -> [String: JSON] {
    guard let written = record.written else { return [:] }
    return [
      "updatedAt": .integer(written.at.milliseconds),
      "updatedBy": .text(inquiry.identity.federation.reference(to: written.by)),
    ]
  }
}
