import Causality
import ChangeModel

/// What an edit of a contested row says besides its fields: which deletions it leaves unsettled. It stands in field 0,
/// which no collection has, as bytes: the author number (4) and the sequence (4) of each.
public enum ContestField {
  static let number: UInt32 = 0
  private static let dotBytes = 8

  public static func edit(_ deletions: [Dot]) -> FieldEdit {
    var writer = ByteWriter(capacity: deletions.count * dotBytes)
    for dot in deletions {
      writer.bigEndian(dot.author.rawValue)
      writer.bigEndian(dot.sequence)
    }
    return FieldEdit(number, .set(.bytes(writer.bytes)))
  }

  /// Empty for an edit that says nothing of it, or nothing that makes sense.
  static func deletions(in edits: [FieldEdit]) -> [Dot] {
    guard let first = edits.first, first.field == number, case .set(.bytes(let bytes)) = first.operation,
      bytes.count % dotBytes == 0
    else { return [] }
    let dots = try? bytes.decoding { raw throws(MalformedBytes) -> [Dot] in
      var reader = ByteReader(raw)
      var dots: [Dot] = []
      while !reader.isAtEnd {
        guard let author = AuthorNumber(rawValue: try reader.bigEndian(UInt32.self)) else {
          throw reader.malformed(.invalidValue)
        }
        dots.append(Dot(author, try reader.bigEndian(SequenceNumber.self)))
      }
      return dots
    }
    return dots ?? []
  }
}
