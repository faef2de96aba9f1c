/// How concurrent edits of a field come together: FORMAT.md, section 4.
public enum FieldKind: String, Hashable, Sendable {
  case register, counter, set, stock, log

  /// Whether the field is a sum of what each author put in.
  public var isContributed: Bool { self == .counter || self == .stock || self == .log }
}

/// What the values of a field are.
public enum FieldType: String, Hashable, Sendable {
  case integer, real, text, bytes

  public func admits(_ value: Value) -> Bool {
    switch (self, value) {
    case (_, .null), (.integer, .integer), (.real, .real), (.text, .text), (.bytes, .bytes): true
    default: false
    }
  }
}

/// One field of a collection: one column of its table.
public struct FieldSchema: Hashable, Sendable {
  /// Names the field in change sets; never used again for another.
  public var number: UInt32
  /// The column's name.
  public var name: String
  public var kind: FieldKind
  public var type: FieldType
  /// Whether the value is another row's id.
  public var isRow: Bool
  public var japanese: String
  public var english: String

  public init(
    _ number: UInt32, _ name: String, _ kind: FieldKind = .register, _ type: FieldType = .text, isRow: Bool = false,
    ja japanese: String, en english: String
  ) {
    self.number = number
    self.name = name
    self.kind = kind
    self.type = type
    self.isRow = isRow
    self.japanese = japanese
    self.english = english
  }

  public var trait: FieldTrait { FieldTrait(number: number, kind: kind, type: type) }

  public func admits(_ operation: FieldOperation) -> Bool { trait.admits(operation) }
}

/// What merging needs of a field: without the names, it costs nothing to pass around.
public struct FieldTrait: Hashable, Sendable {
  public var number: UInt32
  public var kind: FieldKind
  public var type: FieldType

  /// Whether `operation` is one that this field can take. What it cannot is left out of the tables on every node alike.
  public func admits(_ operation: FieldOperation) -> Bool {
    switch (kind, operation) {
    case (.register, .set(let value)): type.admits(value)
    case (.counter, .increment): true
    case (.set, .add(let value)), (.set, .remove(let value)), (.log, .append(let value)):
      value != .null && type.admits(value)
    case (.stock, .receive(let amount)), (.stock, .spend(let amount)), (.stock, .handOver(let amount, _)),
      (.stock, .takeOver(let amount, _)):
      amount > 0
    default: false
    }
  }
}

/// Who may write what of a collection. Every node decides it alike when it merges an edit, from the edit's author and the
/// row's id alone; what a law does not admit has no effect on any node.
public enum Law: Hashable, Sendable {
  /// Any ward edits any row.
  case open
  /// A row is edited by the ward that made it, which its id names; rows with a derived id, which names nobody, by no one.
  case keptByMaker
  /// A row belongs to the ward that its id names, made or derived: others edit these fields of it alone, by their numbers,
  /// and do not delete it.
  case keptByWard(open: Set<UInt32>)
  /// Logs alone: nothing of it is ever deleted.
  case appendOnly

  /// As the schema's text says it; nothing for the law that every collection had first.
  var text: String {
    switch self {
    case .open: ""
    case .keptByMaker: " kept by its maker"
    case .keptByWard(let open): " kept by its ward, open \(open.sorted())"
    case .appendOnly: " append-only"
    }
  }
}

/// One table.
public struct CollectionSchema: Hashable, Sendable {
  public var number: UInt32
  public var name: String
  public var lane: Lane
  /// What it holds is for one ward and whom that lets in: a section for everybody changes nothing in it, and a section
  /// for few changes nothing in any other.
  public let isPersonal: Bool
  public let law: Law
  public let fields: [FieldSchema]
  /// By position, as `fields`.
  public let traits: [FieldTrait]
  /// By field number: its position, or -1.
  private let positions: [Int]

  /// The columns that a table can have: the store keeps which ones change in 64 bits.
  public static let fieldLimit = 64

  /// - Precondition: field numbers (from 1) and names are unique and within `Limits`, `fieldLimit` of them at most.
  public init(
    _ number: UInt32, _ name: String, lane: Lane, law: Law, isPersonal: Bool = false, fields: [FieldSchema]
  ) {
    precondition(fields.count <= Self.fieldLimit)
    precondition(
      number <= Limits.collectionNumber && fields.allSatisfy { (1...Limits.fieldNumber).contains($0.number) })
    precondition(Set(fields.map(\.name)).count == fields.count)
    self.number = number
    self.name = name
    self.lane = lane
    self.isPersonal = isPersonal
    self.law = law
    precondition(law != .appendOnly || fields.allSatisfy { $0.kind == .log })
    if case .keptByWard(let open) = law { precondition(open.isSubset(of: fields.map(\.number))) }
    self.fields = fields
    traits = fields.map(\.trait)
    var positions = [Int](repeating: -1, count: Int(fields.map(\.number).max() ?? 0) + 1)
    for (position, field) in fields.enumerated() {
      precondition(positions[Int(field.number)] == -1)
      positions[Int(field.number)] = position
    }
    self.positions = positions
  }

  public var isAppendOnly: Bool { law == .appendOnly }

  /// What of an edit is for a node of `ward` to make, nil for nothing: decided by the row's id alone, on every node alike.
  public func admitted(_ edit: RowEdit, from ward: UInt32) -> RowEdit? {
    let openFields: Set<UInt32>
    switch law {
    case .open, .appendOnly: return edit
    case .keptByMaker: return edit.row.made?.author.ward == ward ? edit : nil
    case .keptByWard(let open):
      if edit.row.ward == ward { return edit }
      openFields = open
    }
    guard case .edit(let fields) = edit.action else { return nil }
    // Field 0 says what the edit knew of deletions: it goes with what is left.
    let open = fields.filter { openFields.contains($0.field) || $0.field == 0 }
    return open.contains { $0.field != 0 } ? RowEdit(edit.collection, edit.row, .edit(open)) : nil
  }

  @inline(__always)
  public func position(of number: UInt32) -> Int? {
    guard number < positions.count, positions[Int(number)] >= 0 else { return nil }
    return positions[Int(number)]
  }

  @inline(__always)
  public func trait(_ number: UInt32) -> FieldTrait? { position(of: number).map { traits[$0] } }

  public func field(_ number: UInt32) -> FieldSchema? { position(of: number).map { fields[$0] } }

  public func field(named name: String) -> FieldSchema? { fields.first { $0.name == name } }
}

/// All collections that this program knows.
public struct Schema: Hashable, Sendable {
  /// Sorted by number.
  public let collections: [CollectionSchema]

  /// - Precondition: numbers and names are unique.
  public init(_ collections: [CollectionSchema]) {
    self.collections = collections.sorted { $0.number < $1.number }
    precondition(Set(collections.map(\.number)).count == collections.count)
    precondition(Set(collections.map(\.name)).count == collections.count)
  }

  /// What the tables' columns follow from, as text: two schemas with one text make the same tables.
  public var canonicalText: String {
    collections.map { collection in
      let fields = collection.fields.map { "\($0.number) \($0.name) \($0.kind.rawValue) \($0.type.rawValue)" }
      let lane = collection.lane.name + (collection.isPersonal ? " personal" : "") + collection.law.text
      return "\(collection.number) \(collection.name) \(lane): " + fields.joined(separator: ", ")
    }.joined(separator: "\n")
  }

  public func collection(_ number: UInt32) -> CollectionSchema? { collections.first { $0.number == number } }

  public func collection(named name: String) -> CollectionSchema? { collections.first { $0.name == name } }
}
