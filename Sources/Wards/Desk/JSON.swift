import Foundation

/// A JSON value. Numbers without a fraction are integers.
public enum JSON: Hashable, Sendable {
  case null
  case flag(Bool)
  case integer(Int64)
  case real(Double)
  case text(String)
  case list([JSON])
  case object([String: JSON])

  /// Deeper nesting than any form has is refused before it costs anything.
  private static let depthLimit = 16

  /// - Throws: `Fault` that says what is wrong.
  public static func decode(_ bytes: [UInt8]) throws(Fault) -> JSON {
    var depth = 0
    var isText = false
    var isEscaped = false
    for byte in bytes {
      if isText {
        if isEscaped {
          isEscaped = false
        } else if byte == 0x5c {
          isEscaped = true
        } else if byte == 0x22 {
          isText = false
        }
        continue
      }
      switch byte {
      case 0x22: isText = true
      case 0x5b, 0x7b: depth += 1
      case 0x5d, 0x7d: depth -= 1
      default: break
      }
      guard depth <= depthLimit else {
        throw .badValue("", ja: "JSON の入れ子が深すぎます", en: "the JSON is nested too deeply")
      }
    }
    do { return try JSONDecoder().decode(JSON.self, from: Data(bytes)) } catch {
      throw .badValue("", ja: "JSON として読めません", en: "not JSON")
    }
  }

  /// Sorted keys, so that the same answer is the same bytes.
  public var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Every case encodes: reals are finite by construction of the callers.
    return [UInt8]((try? encoder.encode(self)) ?? Data("null".utf8))
  }

  public subscript(key: String) -> JSON {
    if case .object(let members) = self { members[key] ?? .null } else { .null }
  }

  /// An object with more members.
  public func with(_ more: [String: JSON]) -> JSON {
    if case .object(let members) = self { .object(members.merging(more) { $1 }) } else { self }
  }

  public var text: String? { if case .text(let text) = self { text } else { nil } }
  public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
  public var number: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .real(let number): number
    default: nil
    }
  }
  public var list: [JSON] { if case .list(let list) = self { list } else { [] } }
}

extension JSON: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let flag = try? container.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? container.decode(Int64.self) {
      self = .integer(number)
    } else if let number = try? container.decode(Double.self) {
      self = .real(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([JSON].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: JSON].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .flag(let flag): try container.encode(flag)
    case .integer(let number): try container.encode(number)
    case .real(let number):
      // JSON has no infinity; nobody should ever see one.
      if number.isFinite { try container.encode(number) } else { try container.encodeNil() }
    case .text(let text): try container.encode(text)
    case .list(let list): try container.encode(list)
    case .object(let members): try container.encode(members)
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral
{
  public init(stringLiteral text: String) { self = .text(text) }
  public init(integerLiteral number: Int64) { self = .integer(number) }
  public init(booleanLiteral flag: Bool) { self = .flag(flag) }
  public init(dictionaryLiteral members: (String, JSON)...) {
    self = .object(Dictionary(uniqueKeysWithValues: members))
  }
  public init(arrayLiteral list: JSON...) { self = .list(list) }

  public init(_ number: Int) { self = .integer(Int64(number)) }
  public init(_ text: String?) { self = text.map { .text($0) } ?? .null }
  public init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }
}
