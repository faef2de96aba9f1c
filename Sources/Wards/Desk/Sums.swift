import ChangeModel
import GRDB

/// What a figure of a collection's rows comes to, by kind, place and definition: figures of different definitions are never
/// added together, and what is not known, or told in two ways at once, is counted as not known.
public struct Sums: Sendable {
  public let id: String
  let records: Records
  let words: Words
  let figure: Field<Int64>
  let groups: [any AnyField]
  let rows: String

  /// - Parameters:
  ///   - id: of the read: `outageSums`, at the collection's path and `/sums`.
  ///   - figure: what is added up.
  ///   - groups: registers by which it is.
  ///   - rows: which rows count, in SQL: `row` stands for the table, `torn` for whether the figure is in conflict.
  public init(
    _ id: String, _ records: Records, _ ja: String, _ en: String, of figure: Field<Int64>, by groups: [any AnyField],
    where rows: String = "true"
  ) {
    self.id = id
    self.records = records
    words = Words(ja, en)
    self.figure = figure
    self.groups = groups
    self.rows = rows
    precondition(!records.isPersonal && groups.allSatisfy { $0.schema.kind == .register })
  }

  /// No sum of a million rows passes 64 bits.
  private static let most: Int64 = 9_000_000_000_000

  var endpoint: Endpoint {
    .read(
      id, records.path + "/sums", words.ja, words.en, for: records.reader.access,
      "\(words.en), by \(groups.map { $0.schema.english.lowercased() }.joined(separator: ", ")).",
      groups.map(\.asked),
      answers: .list(
        "sums",
        groups.map { .init($0.name, $0.shape, $0.schema.japanese, $0.schema.english) } + [
          .init("known", .integer(Numbers.any), "計", "Sum"),
          .init("unknown", .integer(Numbers.any), "不明の件数", "Not known"),
          .init("total", .object(.words), "合計", "Total"),
        ])
    ) { [self] look in
      ["sums": .list(try lines(look).map { .object($0) })]
    }
  }

  private func lines(_ look: Look) throws -> [[String: JSON]] {
    let names = groups.map { "\"\($0.schema.name)\"" }
    let column = "\"\(figure.schema.name)\""
    let chosen = names.enumerated().map { "(?\($0 + 3) IS NULL OR \($1) = ?\($0 + 3))" }
    let arguments: [(any DatabaseValueConvertible)?] =
      [records.name, figure.schema.name]
      + groups.map { group -> (any DatabaseValueConvertible)? in
        group.schema.isRow ? look.given.integer(group.name) : look.given.text(group.name)
      }
    let found = try Row.fetchAll(
      look.db.cachedStatement(
        sql: """
          SELECT \(names.joined(separator: ", ")),
            sum(CASE WHEN torn.row IS NULL THEN max(min(\(column), \(Self.most)), -\(Self.most)) END),
            sum(\(column) IS NULL OR torn.row IS NOT NULL)
          FROM "\(records.name)" AS row
          LEFT JOIN (SELECT DISTINCT row FROM conflicts WHERE collection = ?1 AND field = ?2) AS torn ON torn.row = row.id
          WHERE (\(rows)) AND \(chosen.joined(separator: " AND "))
          GROUP BY \(names.joined(separator: ", ")) ORDER BY \(names.joined(separator: ", ")) LIMIT 5000
          """), arguments: StatementArguments(arguments))
    return found.map { row in
      var line: [String: JSON] = [:]
      for (index, group) in groups.enumerated() {
        line[group.name] =
          group.schema.isRow
          ? JSON((row[index] as Int64?).map { "\($0)" }) : JSON(String.fromDatabaseValue(row[index]))
      }
      let (known, unknown): (Int64?, Int64) = (row[groups.count], row[groups.count + 1])
      let total = AtLeast(known: known, unknown: Int(unknown))
      line["known"] = JSON(total.known)
      line["unknown"] = .integer(unknown)
      line["total"] = total.json
      return line
    }
  }
}
