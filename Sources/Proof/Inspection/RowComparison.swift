import ChangeModel
import GRDB
import Store

/// A row that is not the same on both sides.
public struct RowDifference: Codable, Sendable {
  public struct Field: Codable, Sendable {
    public var field: String
    public var a: JSONValue?
    public var b: JSONValue?
  }

  public var table: String
  public var row: String
  /// What the row calls itself, on the side that has it.
  public var name: String?
  /// `both`, `onlyA` or `onlyB`; `notCompared` when a side has no tables: then change sets alone tell.
  public var sides: String
  public var fields: [Field]
  /// The change sets that one side has merged and the other has not, and that touch the row.
  public var explainedBy: [Explanation]

  public struct Explanation: Codable, Sendable {
    /// The side that has it.
    public var side: String
    public var log: LogReference
    public var sequence: Int
    public var ward: String?
    public var time: Int64?
    public var edit: String
  }

  public init(table: String, row: String, sides: String, fields: [Field]) {
    self.table = table
    self.row = row
    self.sides = sides
    self.fields = fields
    explainedBy = []
  }
}

/// Walks two tables side by side, in the order of their ids, and never holds more than a row of each.
struct RowComparison {
  let a: Evidence
  let b: Evidence

  /// Rows of a collection that differ; `limit` of them, and how many there are in all.
  func differences(_ collection: CollectionSchema, limit: Int) throws -> (rows: [RowDifference], count: Int) {
    var found: [RowDifference] = []
    var count = 0
    func take(_ difference: RowDifference) {
      count += 1
      // What belongs to one row comes together.
      if let index = found.firstIndex(where: { $0.row == difference.row }) {
        count -= 1
        found[index].fields += difference.fields
      } else if found.count < limit {
        found.append(difference)
      }
    }
    let columns = try Set(names(a, collection.name)).intersection(names(b, collection.name))
    let fields = collection.fields.map(\.name).filter(columns.contains)
    guard !columns.isEmpty else { return ([], 0) }
    try walk(
      "SELECT id, \(list(fields + ["causal"])) FROM \"\(collection.name)\" ORDER BY id", fields + ["(causal)"],
      collection, take)
    try walk(
      "SELECT id, causal FROM hidden_rows WHERE collection = \(collection.number) ORDER BY id", ["(hidden)"],
      collection,
      take)
    for field in collection.fields where field.kind == .log {
      let entries = """
        SELECT row, group_concat(author || '#' || sequence || '.' || position || '.' || buried || ' ' || quote(value), '; ')
        FROM (SELECT * FROM "\(collection.name)_\(field.name)" ORDER BY row, time, author, sequence, position)
        GROUP BY row ORDER BY row
        """
      try walk(entries, [field.name], collection, take)
    }
    return (found, count)
  }

  private func names(_ evidence: Evidence, _ table: String) throws -> [String] {
    try evidence.read { db in try db.tableExists(table) ? db.columns(in: table).map(\.name) : [] }
  }

  private func list(_ columns: [String]) -> String { columns.map { "\"\($0)\"" }.joined(separator: ", ") }

  private func walk(
    _ sql: String, _ fields: [String], _ collection: CollectionSchema, _ take: (RowDifference) -> Void
  ) throws {
    try a.read { left in
      try b.read { right in
        let ours = try Row.fetchCursor(left, sql: sql)
        let theirs = try Row.fetchCursor(right, sql: sql)
        var one = try ours.next()?.copy()
        var other = try theirs.next()?.copy()
        while one != nil || other != nil {
          let (first, second) = (one.map { Evidence.integer($0[0]) }, other.map { Evidence.integer($0[0]) })
          if let first, first == second, let left = one, let right = other {
            let differing = fields.indices.filter {
              (left[$0 + 1] as DatabaseValue) != (right[$0 + 1] as DatabaseValue)
            }
            if !differing.isEmpty {
              // Two rows that show the same but know otherwise.
              let shown = differing.count > 1 ? differing.filter { fields[$0] != "(causal)" } : differing
              take(
                RowDifference(
                  table: collection.name, row: "\(first)", sides: "both",
                  fields: shown.map {
                    RowDifference.Field(
                      field: fields[$0], a: JSONValue(Evidence.value(left[$0 + 1])),
                      b: JSONValue(Evidence.value(right[$0 + 1])))
                  }))
            }
            one = try ours.next()?.copy()
            other = try theirs.next()?.copy()
          } else if let first, let left = one, second.map({ first < $0 }) ?? true {
            take(only("onlyA", collection, first, fields, left))
            one = try ours.next()?.copy()
          } else if let second, let right = other {
            take(only("onlyB", collection, second, fields, right))
            other = try theirs.next()?.copy()
          }
        }
      }
    }
  }

  private func only(
    _ side: String, _ collection: CollectionSchema, _ id: Int64, _ fields: [String], _ row: Row
  ) -> RowDifference {
    let values = fields.indices.filter { !fields[$0].hasPrefix("(") && !(row[$0 + 1] as DatabaseValue).isNull }.map {
      let value = JSONValue(Evidence.value(row[$0 + 1]))
      return RowDifference.Field(field: fields[$0], a: side == "onlyA" ? value : nil, b: side == "onlyB" ? value : nil)
    }
    let isHidden = fields == ["(hidden)"]
    return RowDifference(
      table: collection.name, row: "\(id)", sides: side,
      fields: isHidden ? [RowDifference.Field(field: "(hidden)", a: nil, b: nil)] : values)
  }
}
