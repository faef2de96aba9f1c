import Catalogue
import Causality
import ChangeModel
import Desk
import Replica

/// Extremes of every type for every field of every collection, as a ward's program may sign them past all rules of a desk.
public enum Extremes {
  /// What one row's fields hold, each by its type.
  public struct Palette: CustomStringConvertible, Sendable {
    public var description: String
    var integer: Int64
    var real: Double
    var text: String
    /// Whether words, dates and wards are some that forms admit, so that rows are found and reckoned with.
    var isPlausible: Bool
  }

  /// What forms would take, for whoever wants a row of everything.
  public static let plain = Palette(
    description: "plain", integer: 35, real: 35.5, text: "2026-11-30", isPlausible: true)
  public static let palettes = [
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

  public static let collections = Services.records.filter { $0.lane != .control && $0.schema.law != .appendOnly }

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

  private static func row(_ records: Records, _ rows: [String: RowID], _ replica: Replica, _ other: UInt32) throws
    -> RowID
  {
    let own = try replica.newRows(1)[0]
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
  ///
  /// - Parameters:
  ///   - commit: signs one draft; what it throws is left out.
  ///   - other: the second ward of rows that two wards keep.
  public static func write(
    _ palette: Palette, on replica: Replica, and other: UInt32, _ commit: (Draft) throws -> Void
  ) throws -> Set<String> {
    var rows: [String: RowID] = [:]
    for records in collections { rows[records.name] = try row(records, rows, replica, other) }
    let ward = replica.identity.ward.code
    var written: Set<String> = []
    for records in collections {
      // Field by field: what the core refuses to sign is left out, the rest stands.
      for field in records.fields {
        let edit = FieldEdit(
          field.number, operation(field, palette, rows, ward, replica.author))
        var draft = records.draft()
        if records.isPersonal {
          draft.edit(
            records, rows[records.name]!, [edit], for: .ward(replica.identity.certificate.node.ward, .identity))
        } else {
          draft.edit(records, rows[records.name]!, [edit])
        }
        do {
          try commit(draft)
          written.insert(records.name)
        } catch {
          // Refused before it is signed, as it would be by every other node.
          continue
        }
      }
    }
    return written
  }
}
