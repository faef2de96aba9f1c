import Desk

/// The JSON Schema (2020-12) of what a `Codable` type encodes to, found by decoding one from a source that says yes to
/// everything it is asked. So the description of a report is the report's own declaration.
enum CodableSchema {
  static func of(_ type: (some Decodable).Type) -> JSON {
    let found = Found()
    // A source that gives whatever is asked for refuses nothing; if it did, the schema would say too little, and tests see it.
    _ = try? SchemaDecoder(found: found, codingPath: []).decode(type)
    return found.schema
  }

  /// What one level was asked for.
  fileprivate final class Found {
    var schema: JSON = ["type": "object"]
  }

  /// The words of an enumeration of texts.
  fileprivate static func words<T>(of type: T.Type) -> (first: T, words: [String])? {
    guard let all = type as? any CaseIterable.Type else { return nil }
    func cases<C: CaseIterable>(_ type: C.Type) -> [Any] { Array(type.allCases) }
    let values = cases(all)
    let words = values.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    guard words.count == values.count, let first = values.first as? T else { return nil }
    return (first, words)
  }
}

private struct SchemaDecoder: Decoder {
  let found: CodableSchema.Found
  var codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    if let (first, words) = CodableSchema.words(of: type) {
      found.schema = ["type": "string", "enum": .list(words.map { .text($0) })]
      return first
    }
    func plain(_ value: Any, _ schema: JSON) -> T? {
      guard let value = value as? T else { return nil }
      found.schema = schema
      return value
    }
    let integer: JSON = ["type": "integer"]
    for number: any FixedWidthInteger in [
      Int(0), Int8(0), Int16(0), Int32(0), Int64(0), UInt(0), UInt8(0), UInt16(0), UInt32(0), UInt64(0),
    ] {
      if let value = plain(number, integer) { return value }
    }
    if let value = plain(0.0, ["type": "number"]) ?? plain(false, ["type": "boolean"]) ?? plain("", ["type": "string"])
    {
      return value
    }
    // Whatever it holds.
    if let value = plain(JSON.null, ["type": "object", "additionalProperties": true]) { return value }
    return try T(from: self)
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(Keyed<Key>(found: found, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedDecodingContainer { Unkeyed(found: found, codingPath: codingPath) }

  func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }
}

private struct Single: SingleValueDecodingContainer {
  let decoder: SchemaDecoder
  var codingPath: [any CodingKey] { decoder.codingPath }

  func decodeNil() -> Bool { false }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
}

/// Notes each member; one of which its presence is asked first may be absent. Whoever asks for all keys has a dictionary.
private final class Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let found: CodableSchema.Found
  let codingPath: [any CodingKey]
  private var properties: [String: JSON] = [:]
  private var optional: Set<String> = []
  private var isDictionary = false

  init(found: CodableSchema.Found, codingPath: [any CodingKey]) {
    (self.found, self.codingPath) = (found, codingPath)
    note()
  }

  var allKeys: [Key] {
    isDictionary = true
    return Key(stringValue: "key").map { [$0] } ?? []
  }

  func contains(_ key: Key) -> Bool {
    optional.insert(key.stringValue)
    return true
  }

  func decodeNil(forKey key: Key) -> Bool { false }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    let inner = CodableSchema.Found()
    let value = try SchemaDecoder(found: inner, codingPath: codingPath + [key]).decode(type)
    properties[key.stringValue] = inner.schema
    note()
    return value
  }

  private func note() {
    found.schema =
      isDictionary
      ? ["type": "object", "additionalProperties": properties["key"] ?? [:]]
      : [
        "type": "object", "properties": .object(properties),
        "required": .list(properties.keys.filter { !optional.contains($0) }.sorted().map { .text($0) }),
      ]
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedDecodingContainer<Nested> {
    KeyedDecodingContainer(Keyed<Nested>(found: CodableSchema.Found(), codingPath: codingPath + [key]))
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedDecodingContainer {
    Unkeyed(found: CodableSchema.Found(), codingPath: codingPath + [key])
  }

  func superDecoder() -> any Decoder { SchemaDecoder(found: CodableSchema.Found(), codingPath: codingPath) }
  func superDecoder(forKey key: Key) -> any Decoder { superDecoder() }
}

/// A list of one.
private struct Unkeyed: UnkeyedDecodingContainer {
  let found: CodableSchema.Found
  let codingPath: [any CodingKey]
  var count: Int? { 1 }
  var isAtEnd: Bool { currentIndex > 0 }
  private(set) var currentIndex = 0

  init(found: CodableSchema.Found, codingPath: [any CodingKey]) { (self.found, self.codingPath) = (found, codingPath) }

  mutating func decodeNil() -> Bool { false }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let inner = CodableSchema.Found()
    let value = try SchemaDecoder(found: inner, codingPath: codingPath).decode(type)
    found.schema = ["type": "array", "items": inner.schema]
    currentIndex += 1
    return value
  }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedDecodingContainer<Nested> {
    KeyedDecodingContainer(Keyed<Nested>(found: CodableSchema.Found(), codingPath: codingPath))
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedDecodingContainer {
    Unkeyed(found: CodableSchema.Found(), codingPath: codingPath)
  }

  mutating func superDecoder() -> any Decoder { SchemaDecoder(found: CodableSchema.Found(), codingPath: codingPath) }
}
