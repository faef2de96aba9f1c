import Causality
import ChangeModel
import Replica
import Sodium

/// What a desk itself writes beside what a form gives: who, where, when.
public struct Stamp: Sendable {
  let edit: @Sendable (Desk) -> FieldEdit?

  /// For an endpoint that writes more than one row.
  public func edit(on desk: Desk) -> FieldEdit? { edit(desk) }

  public static func ward(_ field: Field<String>) -> Stamp { Stamp { field.set($0.ward) } }
  /// When it was entered, which may be before now.
  public static func now(_ field: Field<Instant>) -> Stamp { Stamp { field.set($0.enteredAt) } }
  public static func user(_ field: Field<String>) -> Stamp { Stamp { field.set($0.inquiry.user.name) } }
  public static func set<C>(_ field: Field<C>, _ value: C?) -> Stamp { Stamp { _ in field.set(value) } }
  /// When it was entered, unless the form says when.
  public static func nowUnlessGiven(_ field: Field<Instant>) -> Stamp {
    Stamp { $0.given.integer(field.name) != nil ? nil : field.set($0.enteredAt) }
  }
  /// What the tables say; nothing where they say nothing.
  public static func found<C>(_ field: Field<C>, _ find: @escaping @Sendable (Desk) -> C?) -> Stamp {
    Stamp { desk in find(desk).map { field.set($0) } }
  }
}

/// The id of a row that an action makes.
public struct NewRow: Sendable {
  let make: @Sendable (Desk) throws -> RowID

  public func row(on desk: Desk) throws -> RowID { try make(desk) }

  /// The node's next one.
  public static let made = NewRow { try $0.newRow() }
  /// The node's next one, of the own ward and of one that the form names.
  public static func made(with ward: Field<String>) -> NewRow {
    NewRow { desk in
      guard let index = desk.given.text(ward.name).flatMap({ desk.inquiry.identity.federation.index(ofWard: $0) })
      else {
        throw Fault.badValue(ward.name, ja: "区コードを入れてください", en: "give a ward's code")
      }
      return try desk.newRow(with: index)
    }
  }
  /// One row for all wards, from a natural key; the node's next one where there is no such key.
  public static func shared(_ key: @escaping @Sendable (Desk) -> [String]?) -> NewRow {
    NewRow { desk in
      guard let key = key(desk) else { return try desk.newRow() }
      return RowID(key: key)
    }
  }
  /// Of the own ward, from a natural key: the same on every node of it, cut off or not.
  public static func derived(_ key: @escaping @Sendable (Desk) throws -> [String]) -> NewRow {
    NewRow { desk in desk.derivedRow(try key(desk)) }
  }
}

extension RowID {
  /// From a natural key: the same on every node.
  public init(key: [String]) { self.init(derivedFrom: Self.digest(key)) }

  /// The same, of a ward.
  public init(key: [String], ward: UInt32) { self.init(derivedFrom: Self.digest(key), ward: ward) }

  private static func digest(_ key: [String]) -> UInt64 {
    blake2b([UInt8](key.joined(separator: "\u{1f}").utf8)).prefix
  }
}

extension Desk {
  /// A row of the own ward from a natural key: the same on every node of it.
  public func derivedRow(_ key: [String]) -> RowID {
    RowID(key: key, ward: wardIndex)
  }
}

/// What somebody does with one collection: a form, what must hold, what the desk stamps. What no value can say is a short
/// rule.
public struct Action: Sendable {
  public enum Place: Sendable {
    /// Makes a row: `POST /collection`.
    case new
    /// Changes a row's own fields: `PATCH /collection/{id}`.
    case change
    /// A step of a row: `POST /collection/{id}/step`.
    case step(String)
  }

  /// Adds to the edits, or throws what the form or the row is wrong in; `record` is nil for a new row.
  public typealias Rule = @Sendable (_ desk: Desk, _ record: RowValues?, _ edits: inout [FieldEdit]) throws -> Void

  public let id: String
  public let place: Place
  public let records: Records
  public let words: Words
  public let access: Access
  public let takes: [FormField]
  public let when: [Condition]
  public let stamps: [Stamp]
  public let warning: Words?
  let beside: [Answer.Member]
  let row: NewRow
  let rule: Rule
  private var often = 1
  private var isQueued = false

  /// - Parameters:
  ///   - takes: fields of the form; those that are columns are written, any others are the rule's.
  ///   - beside: what the answer holds beside the row.
  ///   - row: the id of a new row; where a natural key makes it, a derived one.
  public init(
    _ id: String, _ place: Place, _ records: Records, _ ja: String, _ en: String, for access: Access,
    takes: [FormField] = [], when: [Condition] = [], stamps: [Stamp] = [], warning: Words? = nil,
    beside: [Answer.Member] = [], row: NewRow = .made, rule: @escaping Rule = { _, _, _ in }
  ) {
    self.id = id
    self.place = place
    self.records = records
    words = Words(ja, en)
    self.access = access
    self.takes = takes
    self.when = when
    self.stamps = stamps
    self.warning = warning
    self.beside = beside
    self.row = row
    self.rule = rule
  }

  /// How often it is done on the night of a disaster, as `Endpoint.often` has it.
  public func often(_ weight: Int) -> Action {
    var action = self
    action.often = weight
    return action
  }

  /// The same, kept by a desk's page while the node is out of reach.
  public var queued: Action {
    var action = self
    action.isQueued = true
    return action
  }

  /// The same as every other endpoint: HTTP, forms, idempotency, audit and the simulator know no other.
  var endpoint: Endpoint {
    let path = records.path
    let (method, place, makes): (Endpoint.Method, String, Bool) =
      switch place {
      case .new: (.post, path, true)
      case .change: (.patch, "\(path)/{id}", false)
      case .step(let step): (.post, "\(path)/{id}/\(step)", false)
      }
    let endpoint = Endpoint.write(
      id, place, words.ja, words.en, for: access, words.en + ".", takes, method: method, of: makes ? nil : records,
      when: when, makes: makes, warning: warning, answers: .row(records, and: beside)
    ) { [self] desk in try written(desk) }.often(often)
    return isQueued ? endpoint.queued : endpoint
  }

  private func written(_ desk: Desk) throws -> Written {
    let record: RowValues? = if case .new = place { nil } else { try desk.subject(records).values }
    var edits = desk.given.edits(takes.map(\.name), of: records, standing: record)
    try rule(desk, record, &edits)
    guard record == nil || !edits.isEmpty || !stamps.isEmpty else {
      throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change")
    }
    edits += stamps.compactMap { $0.edit(desk) }
    let row = try record?.id ?? row.make(desk)
    var draft = records.draft()
    draft.edit(records, row, edits, for: records.audience(desk))
    return Written([draft], about: [row]) { [records] look in try look.answer(row, records) }
  }
}

extension Records {
  /// For whom the own ward writes rows: everybody, or, of people, its own nodes.
  func audience(_ desk: Desk) -> Audience? {
    reader.confidence.map { .ward(desk.wardIndex, $0) }
  }
}
