import ChangeModel
import Desk
import Sodium

/// What each list said of one shelter when it was last taken in: the elements of `Shelter.listed`, each a list's mark, a column and
/// a value. What is not in it is news of the list; what is in it and not in the row, somebody here has corrected.
struct ListMemory {
  private var said: [String: [String: [String]]] = [:]

  init(_ elements: [String]) {
    for element in elements {
      let parts = element.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3 else { continue }
      said[parts[0], default: [:]][parts[1], default: []].append(parts[2])
    }
  }

  /// - Parameter isFirst: a facility may stand in a list twice, for two designations; each entry is remembered by itself.
  static func mark(_ source: String, isFirst: Bool) -> String {
    Array(blake2b([UInt8](source.utf8)).bytes.prefix(3)).hexadecimal + (isFirst ? "" : "-2")
  }

  static func element(_ mark: String, _ field: some AnyField, _ text: String) -> String {
    "\(mark) \(field.schema.name) \(text)"
  }

  var isEmpty: Bool { said.isEmpty }

  /// What one list said of a field.
  func texts(_ field: some AnyField, of mark: String) -> [String] { said[mark]?[field.schema.name] ?? [] }

  /// What any list said of it.
  func texts(_ field: some AnyField, except mark: String = "") -> [String] {
    said.sorted { $0.key < $1.key }.filter { $0.key != mark }.flatMap { $0.value[field.schema.name] ?? [] }
  }
}

extension Value {
  /// As a list's memory and a message hold it; nil for nothing.
  var text: String? {
    switch self {
    case .text(let text): text
    case .integer(let number): "\(number)"
    case .real(let number): "\(number)"
    case .null, .bytes: nil
    }
  }
}
