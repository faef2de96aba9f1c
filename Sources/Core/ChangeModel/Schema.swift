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
  /// Whose code it repeats, of the wards that the row's id names: what says otherwise counts as that.
  public var repeats: Party?
  /// A time that has passed when it is written, in milliseconds since 1970: one after its change set's own counts as that.
  public var isPast: Bool
  /// A register that goes along with another: that two wrote it at once is nothing for a person to decide.
  public var isQuiet = false
  public var japanese: String
  public var english: String

  public init(
    _ number: UInt32, _ name: String, _ kind: FieldKind = .register, _ type: FieldType = .text, isRow: Bool = false,
    repeats: Party? = nil, isPast: Bool = false, ja japanese: String, en english: String
  ) {
    precondition(repeats == nil || (kind == .register && type == .text))
    precondition(!isPast || (kind == .register && type == .integer))
    self.repeats = repeats
    self.isPast = isPast
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

/// One of the wards that a row's id names: that of its maker or, in a derived id, the first; and of rows of two, the second.
public enum Party: String, Hashable, Sendable {
  case first, second
}

/// Who may write what of a collection. Every node decides it alike when it merges an edit, from the edit's author and the
/// row's id alone; what a law does not admit has no effect on any node.
public enum Law: Hashable, Sendable {
  /// Any ward edits and deletes any row: what proves itself, or is admitted by a rule of the core's own (`ControlSchema`).
  case open
  /// Any ward adds rows and edits them; nobody deletes one.
  case shared
  /// A row is edited by the ward that made it, which its id names; rows with a derived id, which names nobody, by no one.
  case keptByMaker
  /// A row belongs to the ward that its id names, made or derived: others edit these fields of it alone, by their numbers,
  /// and do not delete it.
  case keptByWard(open: Set<UInt32>)
  /// A row belongs to the ward that its id names, made or derived, which alone edits it and brings quantity into this stock, by its
  /// number. Of that stock nodes of any ward spend the share that they were handed, or hand it on; they edit nothing else.
  case drawn(stock: UInt32)
  /// A row belongs to two wards that its derived id names: each edits its own fields, by their numbers, and nobody deletes it.
  case keptByParties(first: Set<UInt32>, second: Set<UInt32>)
  /// A row is a statement on two rows, which these fields name, the lower one first: its id follows from them (`RowID.init(pair:_:in:)`),
  /// the wards of the two rows edit it, and nobody deletes it.
  case pair(UInt32, UInt32)
  /// Logs alone: nothing of it is ever deleted.
  case appendOnly

  /// As the schema's text says it; nothing for the law that every collection had first.
  var text: String {
    switch self {
    case .open: ""
    case .shared: " shared"
    case .keptByMaker: " kept by its maker"
    case .keptByWard(let open): " kept by its ward, open \(open.sorted())"
    case .drawn(let stock): " kept by its ward, all draw from \(stock)"
    case .keptByParties(let first, let second):
      " kept by two wards, the first \(first.sorted()), the second \(second.sorted())"
    case .pair(let first, let second): " on a pair [\(first), \(second)]"
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
  /// Fields of which not every value has an effect.
  private let checked: [FieldSchema]

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
    switch law {
    case .keptByWard(let open): precondition(open.isSubset(of: fields.map(\.number)))
    case .drawn(let stock): precondition(fields.contains { $0.number == stock && $0.kind == .stock })
    case .keptByParties(let first, let second): precondition(first.union(second).isSubset(of: fields.map(\.number)))
    case .pair(let first, let second):
      precondition(
        [first, second].allSatisfy { number in
          fields.contains { $0.number == number && $0.isRow }
        })
    case .open, .shared, .keptByMaker, .appendOnly: break
    }
    checked = fields.filter { $0.repeats != nil || $0.isPast }
    looksAtEdits = !checked.isEmpty || (law != .open && law != .appendOnly)
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

  /// Whether some edit is not for everybody to make, or not as it was written.
  public let looksAtEdits: Bool

  /// What of an edit is for a node of `ward` to make, nil for nothing: decided by the edit and the row's id alone, on every node
  /// alike.
  public func admitted(_ edit: RowEdit, from ward: UInt32) -> RowEdit? {
    let allowed: Set<UInt32>
    switch law {
    case .open, .appendOnly: return edit
    case .shared:
      if case .delete = edit.action { return nil }
      return edit
    case .keptByMaker: return edit.row.made?.author.ward == ward ? Self.staying(edit, in: ward) : nil
    case .keptByWard(let open):
      if edit.row.ward == ward { return Self.staying(edit, in: ward) }
      allowed = open
    case .drawn(let stock):
      if edit.row.ward == ward { return edit }
      allowed = [stock]
    case .keptByParties(let first, let second):
      guard edit.row.isDerived else { return nil }
      allowed =
        (edit.row.ward == ward ? first : []).union(edit.row.otherWard == ward ? second : [])
    case .pair(let first, let second):
      guard edit.row.isDerived, edit.row.ward == ward || edit.row.otherWard == ward,
        case .edit(let fields) = edit.action, isOfItsPair(fields, edit.row, first, second)
      else { return nil }
      return edit
    }
    guard case .edit(let fields) = edit.action else { return nil }
    // Field 0 says what the edit knew of deletions: it goes with what is left. Goods come in where the row belongs alone.
    let left = fields.filter { ($0.field == 0 || allowed.contains($0.field)) && !$0.operation.bringsIn }
    return left.contains { $0.field != 0 } ? RowEdit(edit.collection, edit.row, .edit(left)) : nil
  }

  /// An edit without goods that are handed over to another ward's nodes: to another ward they go by a lorry, which it inspects.
  private static func staying(_ edit: RowEdit, in ward: UInt32) -> RowEdit? {
    guard case .edit(let fields) = edit.action, fields.contains(where: { $0.operation.leaves(ward) }) else {
      return edit
    }
    let left = fields.filter { !$0.operation.leaves(ward) }
    return left.contains { $0.field != 0 } ? RowEdit(edit.collection, edit.row, .edit(left)) : nil
  }

  /// Whether an edit that names the pair names the one that the row's id follows from.
  private func isOfItsPair(_ fields: [FieldEdit], _ row: RowID, _ first: UInt32, _ second: UInt32) -> Bool {
    func named(_ number: UInt32) -> [RowID?] {
      fields.filter { $0.field == number }.map { field in
        guard case .set(.integer(let value)) = field.operation else { return nil }
        return RowID(rawValue: value)
      }
    }
    let (low, high) = (named(first), named(second))
    if low.isEmpty, high.isEmpty { return true }
    guard low.count == 1, high.count == 1, let low = low[0], let high = high[0], low < high else { return false }
    return RowID(pair: low, high, in: number) == row
  }

  /// An edit as it can be: with the ward's code that is the row's, and no time after the change set's own. A function of the
  /// change set alone.
  ///
  /// - Parameters:
  ///   - time: the change set's, in milliseconds since 1970.
  ///   - code: of a ward, by its index.
  public func plausible(_ edit: RowEdit, at time: Int64, code: (UInt32) -> String?) -> RowEdit {
    guard !checked.isEmpty, case .edit(var fields) = edit.action else { return edit }
    var isChanged = false
    for field in checked {
      for (index, given) in fields.enumerated().reversed() where given.field == field.number {
        switch given.operation {
        case .set(.integer(let value)) where field.isPast && value > time:
          fields[index] = FieldEdit(field.number, .set(.integer(time)))
          isChanged = true
        case .set(.text(let text)):
          guard let party = field.repeats else { continue }
          let right = code(party == .first ? edit.row.ward : edit.row.otherWard)
          guard text != right else { continue }
          fields[index] = FieldEdit(field.number, .set(right.map { .text($0) } ?? .null))
          isChanged = true
        default: continue
        }
      }
    }
    return isChanged ? RowEdit(edit.collection, edit.row, .edit(fields)) : edit
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
      let fields = collection.fields.map { field in
        "\(field.number) \(field.name) \(field.kind.rawValue) \(field.type.rawValue)"
          + (field.repeats.map { " of the \($0.rawValue) ward" } ?? "") + (field.isPast ? " past" : "")
          + (field.isQuiet ? " quiet" : "")
      }
      let lane = collection.lane.name + (collection.isPersonal ? " personal" : "") + collection.law.text
      return "\(collection.number) \(collection.name) \(lane): " + fields.joined(separator: ", ")
    }.joined(separator: "\n")
  }

  public func collection(_ number: UInt32) -> CollectionSchema? { collections.first { $0.number == number } }

  public func collection(named name: String) -> CollectionSchema? { collections.first { $0.name == name } }
}
