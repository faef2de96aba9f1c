import Causality
import ChangeModel

/// Values that a form admits, made from its shapes alone: for sample data, the simulator's staff, and tests that try every
/// step of every service.
public struct Sample {
  /// The wards that forms may name.
  public var wards: [String]
  public var now: Instant
  /// A row of a collection; nil where there is none: the field is left out.
  public var row: (_ collection: String) -> RowID?
  /// The same seed makes the same values.
  private var random: RandomNumbers

  public init(wards: [String], now: Instant, seed: UInt64, row: @escaping (_ collection: String) -> RowID?) {
    self.wards = wards
    self.now = now
    self.row = row
    random = RandomNumbers(seed: seed)
  }

  /// How much of a form somebody fills in.
  public enum Extent { case needed, some, all }

  /// What somebody might enter: all that is required, and some of the rest.
  ///
  /// - Returns: nil when a field that must be given has no value here.
  public mutating func entry(for form: Form, extent: Extent = .some) -> JSON? {
    var members: [String: JSON] = [:]
    for field in form.fields {
      guard field.isRequired || extent == .all || extent == .some && random.chance(0.5) else { continue }
      guard let value = value(field.shape, field.japanese) else {
        if field.isRequired { return nil }
        continue
      }
      members[field.name] = value
    }
    return .object(members)
  }

  /// As numbers on papers and devices are: letters and digits that no eye takes for one another.
  private func code(_ number: Int, _ length: Int) -> String {
    var random = RandomNumbers(seed: UInt64(number))
    return String((0..<length).map { _ in random.pick(Self.letters) })
  }

  private static let letters = Array("ABCDEFGHJKMNPQRSTUVWXYZ23456789")

  private mutating func value(_ shape: FieldShape, _ label: String) -> JSON? {
    switch shape {
    case .text(let limit): return .text(String("見本\(label)\(random.below(100))".prefix(limit)))
    // A secret is nobody's to make up.
    case .secret: return nil
    case .code(let limit): return .text(code(random.below(1_000_000), min(limit, 12)))
    case .decimal(let places, let range):
      let unit = (0..<places).reduce(Int64(1)) { sum, _ in sum * 10 }
      let number = min(range.upperBound, max(range.lowerBound, Int64(1 + random.below(300)) * unit))
      return .text(FixedPoint.text(number, places: places))
    case .integer(let range):
      let least = max(range.lowerBound, 1)
      return .integer(least + Int64(random.below(Int(min(range.upperBound - least, 300)) + 1)))
    case .number(let range): return .real(min(max(range.lowerBound, 36), range.upperBound))
    case .flag: return .flag(random.chance(0.3))
    case .date: return "2026-01-17"
    case .birth: return "1950-04-01"
    case .time: return .integer(now.milliseconds + Int64(random.below(7_200_000)) - 3_600_000)
    case .choice(let choices): return choices.isEmpty ? nil : .text(random.pick(choices).word)
    case .row(let collection): return row(collection).map { .text("\($0)") }
    case .ward: return .text(random.pick(wards))
    case .list(let inner, _): return value(inner, label).map { .list([$0]) }
    case .counts(let choices): return choices.first.map { .object([$0.word: .integer(Int64(random.below(50)))]) }
    }
  }
}
