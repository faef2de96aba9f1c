import Causality

/// Row edits as the bytes of one section, before encryption. The grammar is in FORMAT.md, section 4.
public enum SectionCodec {
  // Tags of field operations; the rest of the number is the field.
  private static let null: UInt32 = 0
  private static let integer: UInt32 = 1
  private static let text: UInt32 = 2
  private static let repeatedText: UInt32 = 3
  private static let increment: UInt32 = 4
  private static let add: UInt32 = 5
  private static let remove: UInt32 = 6
  private static let extended: UInt32 = 7

  // What follows the `extended` tag.
  private static let real: UInt8 = 0
  private static let bytes: UInt8 = 1
  private static let append: UInt8 = 2
  private static let receive: UInt8 = 3
  private static let spend: UInt8 = 4
  private static let handOver: UInt8 = 5
  private static let takeOver: UInt8 = 6

  /// How a row edit names its row.
  private enum RowKind { static let own: UInt32 = 0, other: UInt32 = 1, derived: UInt32 = 2 }

  /// The bytes of `edits` as `author` writes them.
  ///
  /// - Precondition: within `Limits`.
  public static func encode(_ edits: [RowEdit], by author: AuthorNumber) -> [UInt8] {
    precondition(edits.count <= Limits.rowEdits)
    var encoder = Encoder(author: author)
    encoder.writer.count(edits.count)
    for edit in edits { encoder.write(edit) }
    return encoder.writer.bytes
  }

  /// The edits in `section`, written by `author`.
  ///
  /// - Throws: `MalformedBytes` with the offset of the first byte that is not understood.
  public static func decode(
    _ section: UnsafeRawBufferPointer, by author: AuthorNumber
  ) throws(MalformedBytes) -> [RowEdit] {
    var decoder = Decoder(reader: ByteReader(section), author: author)
    let count = try decoder.reader.count(upTo: Limits.rowEdits)
    var edits: [RowEdit] = []
    edits.reserveCapacity(min(count, section.count))
    for _ in 0..<count { edits.append(try decoder.rowEdit()) }
    try decoder.reader.expectEnd()
    return edits
  }

  /// A text by its bytes: two that Swift takes for equal, composed and not, are two here, and each comes out as it went in.
  private struct ExactText: Hashable {
    private let text: String

    init(_ text: String) {
      var text = text
      text.makeContiguousUTF8()
      self.text = text
    }

    static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
      text.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }

  private struct Encoder {
    var writer = ByteWriter(capacity: 256)
    let author: AuthorNumber
    var previousCounter: Int64 = 0
    var texts: [ExactText: Int] = [:]

    init(author: AuthorNumber) { self.author = author }

    mutating func write(_ edit: RowEdit) {
      let deletes: UInt32
      if case .delete = edit.action { deletes = 1 } else { deletes = 0 }
      switch edit.row.made {
      case nil:
        writer.varint(edit.collection << 3 | RowKind.derived << 1 | deletes)
        writer.bigEndian(edit.row.rawValue)
      case (author, let counter)?:
        writer.varint(edit.collection << 3 | RowKind.own << 1 | deletes)
        writer.zigzag(Int64(counter) - previousCounter)
        previousCounter = Int64(counter)
      case (let other, let counter)?:
        writer.varint(edit.collection << 3 | RowKind.other << 1 | deletes)
        writer.varint(other.rawValue)
        writer.varint(counter)
      }
      switch edit.action {
      case .edit(let fields):
        writer.count(fields.count)
        for field in fields { write(field) }
      case .delete(let shares):
        writer.count(shares.count)
        for share in shares {
          writer.varint(share.field)
          writer.varint(share.author.rawValue)
          writer.varint(share.last)
          writer.zigzag(share.total)
        }
      }
    }

    mutating func write(_ edit: FieldEdit) {
      let field = edit.field << 3
      switch edit.operation {
      case .set(let value): write(value, field: field)
      case .increment(let amount):
        writer.varint(field | increment)
        writer.zigzag(amount)
      case .add(let value):
        writer.varint(field | add)
        write(value, field: 0)
      case .remove(let value):
        writer.varint(field | remove)
        write(value, field: 0)
      case .append(let value):
        writer.varint(field | extended)
        writer.byte(append)
        write(value, field: 0)
      case .receive(let amount): write(field, receive, amount)
      case .spend(let amount): write(field, spend, amount)
      case .handOver(let amount, let receiver):
        write(field, handOver, amount)
        writer.varint(receiver.rawValue)
      case .takeOver(let amount, let giver):
        write(field, takeOver, amount)
        writer.varint(giver.rawValue)
      }
    }

    private mutating func write(_ field: UInt32, _ kind: UInt8, _ amount: Int64) {
      writer.varint(field | extended)
      writer.byte(kind)
      writer.varint(UInt64(bitPattern: amount))
    }

    private mutating func write(_ value: Value, field: UInt32) {
      switch value {
      case .null: writer.varint(field | null)
      case .integer(let number):
        writer.varint(field | integer)
        writer.zigzag(number)
      case .real(let number):
        writer.varint(field | extended)
        writer.byte(real)
        writer.bigEndian(number.bitPattern)
      case .bytes(let content):
        writer.varint(field | extended)
        writer.byte(bytes)
        writer.blob(content)
      case .text(let content):
        if let index = texts[ExactText(content)] {
          writer.varint(field | repeatedText)
          writer.count(index)
        } else {
          texts[ExactText(content)] = texts.count
          writer.varint(field | text)
          CompactText.write(content, to: &writer)
        }
      }
    }
  }

  private struct Decoder {
    var reader: ByteReader
    let author: AuthorNumber
    var previousCounter: Int64 = 0
    var texts: [String] = []

    init(reader: ByteReader, author: AuthorNumber) {
      self.reader = reader
      self.author = author
    }

    mutating func rowEdit() throws(MalformedBytes) -> RowEdit {
      let head = UInt32(try reader.varint(upTo: UInt64(Limits.collectionNumber) << 3 | 7))
      let row = try rowID(kind: head >> 1 & 3)
      if head & 1 == 1 { return RowEdit(head >> 3, row, .delete(shares: try contributionShares())) }
      let count = try reader.count(upTo: Limits.fieldEdits)
      guard count > 0 else { throw reader.malformed(.invalidValue) }
      var fields: [FieldEdit] = []
      fields.reserveCapacity(count)
      for _ in 0..<count { fields.append(try fieldEdit()) }
      return RowEdit(head >> 3, row, .edit(fields))
    }

    private mutating func rowID(kind: UInt32) throws(MalformedBytes) -> RowID {
      switch kind {
      case RowKind.own:
        let (counter, overflow) = previousCounter.addingReportingOverflow(try reader.zigzag())
        guard !overflow, counter > 0, counter <= Int64(RowID.counterLimit) else {
          throw reader.malformed(.invalidValue)
        }
        previousCounter = counter
        return RowID(author: author, counter: UInt64(counter))
      case RowKind.other:
        let maker = try authorNumber()
        let counter = try reader.varint(upTo: RowID.counterLimit)
        guard counter > 0, maker != author else { throw reader.malformed(.invalidValue) }
        return RowID(author: maker, counter: counter)
      case RowKind.derived:
        let id = RowID(rawValue: try reader.bigEndian(Int64.self))
        guard id.isDerived else { throw reader.malformed(.invalidValue) }
        return id
      default: throw reader.malformed(.unknownTag)
      }
    }

    private mutating func authorNumber() throws(MalformedBytes) -> AuthorNumber {
      let raw = UInt32(try reader.varint(upTo: UInt64(UInt32.max)))
      guard let number = AuthorNumber(rawValue: raw) else { throw reader.malformed(.invalidValue) }
      return number
    }

    private mutating func contributionShares() throws(MalformedBytes) -> [ContributionShare] {
      let count = try reader.count(upTo: Limits.clockEntries)
      var shares: [ContributionShare] = []
      for _ in 0..<count {
        let field = UInt32(try reader.varint(upTo: UInt64(Limits.fieldNumber)))
        let contributor = try authorNumber()
        let last = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
        shares.append(ContributionShare(field: field, author: contributor, last: last, total: try reader.zigzag()))
      }
      return shares
    }

    private mutating func fieldEdit() throws(MalformedBytes) -> FieldEdit {
      let tag = UInt32(try reader.varint(upTo: UInt64(Limits.fieldNumber) << 3 | 7))
      let field = tag >> 3
      switch tag & 7 {
      case increment: return FieldEdit(field, .increment(try reader.zigzag()))
      case add: return FieldEdit(field, .add(try nestedValue()))
      case remove: return FieldEdit(field, .remove(try nestedValue()))
      case extended:
        let kind = try reader.byte()
        switch kind {
        case append: return FieldEdit(field, .append(try nestedValue()))
        case receive: return FieldEdit(field, .receive(try amount()))
        case spend: return FieldEdit(field, .spend(try amount()))
        case handOver: return FieldEdit(field, .handOver(try amount(), to: try authorNumber()))
        case takeOver: return FieldEdit(field, .takeOver(try amount(), from: try authorNumber()))
        default: return FieldEdit(field, .set(try extendedValue(kind)))
        }
      case let simple: return FieldEdit(field, .set(try value(simple)))
      }
    }

    private mutating func amount() throws(MalformedBytes) -> Int64 {
      Int64(try reader.varint(upTo: UInt64(Int64.max)))
    }

    private mutating func nestedValue() throws(MalformedBytes) -> Value {
      let tag = UInt32(try reader.varint(upTo: 7))
      return tag == extended ? try extendedValue(try reader.byte()) : try value(tag)
    }

    private mutating func extendedValue(_ kind: UInt8) throws(MalformedBytes) -> Value {
      switch kind {
      case real:
        let number = Double(bitPattern: try reader.bigEndian(UInt64.self))
        // SQLite keeps no negative zero: it would come back as another value than it went in.
        guard number.isFinite, number != 0 || number.sign == .plus else { throw reader.malformed(.invalidValue) }
        return .real(number)
      case bytes: return .bytes(try reader.blob(upTo: Limits.changeSetBytes))
      default: throw reader.malformed(.unknownTag)
      }
    }

    @inline(__always)
    private mutating func value(_ tag: UInt32) throws(MalformedBytes) -> Value {
      switch tag {
      case null: return .null
      case integer: return .integer(try reader.zigzag())
      case text:
        let content = try CompactText.read(from: &reader)
        texts.append(content)
        return .text(content)
      case repeatedText:
        let index = Int(try reader.varint(upTo: UInt64(Limits.changeSetBytes)))
        guard index < texts.count else { throw reader.malformed(.invalidValue) }
        return .text(texts[index])
      default: throw reader.malformed(.unknownTag)
      }
    }
  }
}
