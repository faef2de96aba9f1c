import Causality
import ChangeModel
import GRDB
import SignedLog

/// Fields with more than one value, and rows that one deleted while another edited them. Settling them is the node's work.
public struct ConflictList: Codable, Sendable {
  public struct Conflict: Codable, Sendable {
    public var table: String
    public var row: String
    /// What the row calls itself.
    public var name: String?
    /// Nil for a deletion against an edit.
    public var field: String?
    /// The shown one first.
    public var values: [Value]
  }

  public struct Value: Codable, Sendable {
    public var author: String
    public var ward: String?
    public var sequence: Int
    public var time: Int64
    public var shown: Bool
    public var value: JSONValue
  }

  public var schema = "renkei-inspect/conflicts/1"
  public var source: Source
  public var conflicts: [Conflict]
}

extension ConflictList {
  public init(_ evidence: Evidence, table: String? = nil, row: RowID? = nil) throws {
    let naming = Naming(evidence)
    source = Source(evidence)
    conflicts = try evidence.read { db in
      var found: [Conflict] = []
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT collection, row, field, author, sequence, shown, time, value FROM conflicts
          WHERE (?1 IS NULL OR collection = ?1) AND (?2 IS NULL OR row = ?2)
          ORDER BY collection, row, field, shown DESC, time DESC, author
          """, arguments: [table, row?.rawValue])
      while let line = try rows.next() {
        let (name, id, field) = (Evidence.text(line[0]), "\(Evidence.integer(line[1]))", Evidence.text(line[2]))
        guard let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: Evidence.integer(line[3]))) else {
          continue
        }
        let value = Value(
          author: "\(author)", ward: naming.ward(author), sequence: Int(Evidence.integer(line[4])),
          time: HybridTime(rawValue: UInt64(bitPattern: Evidence.integer(line[6]))).milliseconds,
          shown: Evidence.integer(line[5]) == 1, value: JSONValue(Evidence.value(line[7])))
        let conflict = Conflict(table: name, row: id, name: nil, field: field.isEmpty ? nil : field, values: [value])
        if let last = found.last, last.table == name, last.row == id, last.field == conflict.field {
          found[found.count - 1].values.append(value)
        } else {
          found.append(conflict)
        }
      }
      return found
    }
    for index in conflicts.indices {
      conflicts[index].name = try Int64(conflicts[index].row).flatMap {
        try evidence.title(of: $0, in: conflicts[index].table)
      }
    }
  }
}
