import Catalogue
import Causality
import ChangeModel
import Desk
import Replica
import TestSupport
import Testing

/// Extremes of every type in every field of every collection, as another ward's program may sign them: every read and every step of every
/// service answers or refuses, and nothing ends the process or fails as no desk can understand.
@Suite struct ExtremesTests {
  /// What one row's fields hold, each by its type.
  private struct Palette: CustomStringConvertible, Sendable {
    var description: String
    var integer: Int64
    var real: Double
    var text: String
    /// Whether words, dates and wards are some that forms admit, so that rows are found and reckoned with.
    var isPlausible: Bool
  }

  private static let palettes = [
    Palette(description: "most", integer: .max, real: .greatestFiniteMagnitude, text: "2027-01-01", isPlausible: true),
    Palette(
      description: "least", integer: .min, real: -.greatestFiniteMagnitude, text: "0000-00-00", isPlausible: true),
    Palette(description: "a tax of -100 %", integer: -1_000, real: -0.0, text: "9999", isPlausible: true),
    Palette(description: "nothing", integer: 0, real: .leastNonzeroMagnitude, text: "", isPlausible: false),
    Palette(
      description: "long", integer: 1 << 62, real: 1e308, text: String(repeating: "\u{202e}𠮷\"'<&\\\n", count: 150),
      isPlausible: false),
    Palette(
      description: "JSON", integer: -1 << 62, real: .pi, text: #"{"a":[9223372036854775807,-1e400,null]}"#,
      isPlausible: false),
  ]

  private static let collections = Services.records.filter { $0.lane != .control && $0.schema.law != .appendOnly }

  private static func text(_ shape: FieldShape, _ palette: Palette, _ ward: String) -> String {
    switch shape {
    case .choice(let list) where palette.isPlausible: list.last?.word ?? palette.text
    case .ward: ward
    default: palette.text
    }
  }

  private static func operation(
    _ field: any AnyField, _ palette: Palette, _ rows: [String: RowID], _ ward: String, _ author: AuthorNumber
  ) -> FieldOperation {
    let schema = field.schema
    let value: Value =
      switch (schema.type, field.shape) {
      case (.integer, .row(let target)): .integer((rows[target] ?? rows["shelters"]!).rawValue)
      case (.integer, .flag) where palette.isPlausible: .integer(1)
      case (.integer, .time): .integer(min(max(palette.integer, -1), Limits.timeMilliseconds))
      case (.integer, _): .integer(palette.integer)
      case (.real, _): .real(palette.real)
      case (.text, let shape): .text(text(shape, palette, ward))
      case (.bytes, _): .bytes([UInt8](palette.text.utf8.prefix(64)))
      }
    return switch schema.kind {
    case .register: .set(value)
    case .counter: .increment(palette.integer)
    case .stock: .receive(max(1, palette.integer))
    case .set: .add(value)
    case .log: .append(value)
    }
  }

  private static func row(_ records: Records, _ rows: [String: RowID], _ office: Office, _ other: UInt32) throws
    -> RowID
  {
    let own = try office.replica.newRows(1)[0]
    switch records.schema.law {
    case .keptByParties: return RowID(made: own.made!.author, counter: own.made!.counter, with: other) ?? own
    case .pair:
      let names = ["residents", "stays"]
      guard let one = names.compactMap({ rows[$0] }).first else { return own }
      let low = min(one, own), high = max(one, own)
      return RowID(pair: low, high, in: records.number)
    default: return own
    }
  }

  /// Signs one row of each collection; the collections in which the laws at merge admit it.
  private static func write(_ palette: Palette, at office: Office, and other: UInt32) throws -> Set<String> {
    var rows: [String: RowID] = [:]
    for records in collections { rows[records.name] = try row(records, rows, office, other) }
    let ward = office.replica.identity.ward.code
    var written: Set<String> = []
    for records in collections {
      // Field by field: what the core refuses to sign is left out, the rest stands.
      for field in records.fields {
        let edit = FieldEdit(
          field.number, operation(field, palette, rows, ward, office.replica.author))
        var draft = records.draft()
        if records.isPersonal {
          draft.edit(
            records, rows[records.name]!, [edit], for: .ward(office.replica.identity.certificate.node.ward, .identity))
        } else {
          draft.edit(records, rows[records.name]!, [edit])
        }
        do {
          _ = try office.replica.commit(draft, at: office.now)
          written.insert(records.name)
        } catch {
          // Refused before it is signed, as it would be by every other node.
          continue
        }
      }
    }
    return written
  }

  @Test func `every read and every step of every service lives with whatever another ward has signed`() throws {
    let wards = try Wards()
    let (here, there) = (wards.first, wards.second)
    var written: Set<String> = []
    for palette in Self.palettes {
      written.formUnion(try Self.write(palette, at: there, and: 0))
      written.formUnion(try Self.write(palette, at: here, and: 1))
    }
    let missed = Set(Self.collections.map(\.name)).subtracting(written).sorted()
    #expect(missed.isEmpty, "no extreme was ever signed in \(missed)")
    try here.meet(there)
    try here.meet(there)
    // What is about people, the ward itself reads alone.
    func agree() throws {
      for _ in 0..<2 { try there.meet(wards.secondOther) }
      #expect(try there.replica.store.tableDigest() == wards.secondOther.replica.store.tableDigest())
    }
    try agree()
    var (answered, refused) = (0, 0)
    var seed: UInt64 = 0
    func carefully(_ what: String, _ body: () throws -> Void) {
      do {
        try body()
        answered += 1
      } catch is Fault { refused += 1 } catch let error as ReplicaError {
        if case .store = error { Issue.record("\(what): \(error)") } else { refused += 1 }
      } catch { Issue.record("\(what): \(error)") }
    }
    for endpoint in Office.catalogue.endpoints.sorted(by: { !$0.isWrite && $1.isWrite }) {
      let subjects: [RowID?] =
        try endpoint.subject.map { records in
          try here.replica.store.readOwn { db in
            Result { try RowValues.all(records, "ORDER BY id LIMIT 40", [], db).map { Optional($0.id) } }
          }.get()
        } ?? [nil]
      for subject in subjects {
        for extent in [Sample.Extent.needed, .all] {
          seed += 1
          var sample = Sample(wards: ["13101", "13102"], now: here.now, seed: seed) { collection in
            guard let records = Office.catalogue.records[collection] else { return nil }
            return try? here.replica.store.readOwn { db in
              Result {
                try RowValues.all(records, "ORDER BY id LIMIT 1 OFFSET \(seed % 12)", [], db).first?.id
              }
            }.get()
          }
          guard let body = sample.entry(for: endpoint.form, extent: extent) else { continue }
          carefully("\(endpoint.id) of \(subject.map { "\($0)" } ?? "all")") {
            if endpoint.isWrite {
              try here.write(endpoint.id, subject, body)
            } else {
              _ = try here.read(endpoint.id, subject, body)
            }
          }
        }
      }
    }
    #expect(answered > 1_000, "\(answered) answered, \(refused) refused: hardly anything was asked")
    try here.meet(there)
    try agree()
  }
}
