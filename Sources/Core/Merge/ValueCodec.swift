import ChangeModel

/// One value with its kind, for values that stand outside columns.
enum ValueCodec {
  static func write(_ value: Value, to writer: inout ByteWriter) {
    switch value {
    case .null: writer.byte(0)
    case .integer(let number):
      writer.byte(1)
      writer.zigzag(number)
    case .real(let number):
      writer.byte(2)
      writer.bigEndian(number.bitPattern)
    case .text(let text):
      writer.byte(3)
      writer.blob(Array(text.utf8))
    case .bytes(let bytes):
      writer.byte(4)
      writer.blob(bytes)
    }
  }

  static func read(_ reader: inout ByteReader) throws(MalformedBytes) -> Value {
    switch try reader.byte() {
    case 0: return .null
    case 1: return .integer(try reader.zigzag())
    case 2: return .real(Double(bitPattern: try reader.bigEndian(UInt64.self)))
    case 3:
      let utf8 = try reader.raw(reader.count(upTo: Limits.textBytes))
      guard let text = String(validating: utf8, as: UTF8.self) else { throw reader.malformed(.invalidText) }
      return .text(text)
    case 4: return .bytes(try reader.blob(upTo: Limits.changeSetBytes))
    default: throw reader.malformed(.unknownTag)
    }
  }
}
