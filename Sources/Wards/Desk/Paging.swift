import ChangeModel
import GRDB

/// Lists that come in pages: how a page is asked for, and where the next one begins. No list is cut without saying so.
public enum Paging {
  /// Rows of one page: as many as are read at once without holding up anybody.
  public static let limits: ClosedRange<Int64> = 1...1_000

  /// What asks for a page of a collection's rows.
  public static func fields(of collection: String, upTo most: Int64 = limits.upperBound) -> [FormField] {
    [
      FormField("limit", .integer(1...most), ja: "件数", en: "How many at most"),
      FormField("after", .row(collection), ja: "この行の次から", en: "`next` of the page before"),
    ]
  }

  /// What was found of something that is shown whole, and whether there would be more: read one more than `limit`.
  public static func cut(_ name: String, _ found: [JSON], at limit: Int) -> [String: JSON] {
    [name: .list(Array(found.prefix(limit))), "isCut": .flag(found.count > limit)]
  }

  /// Beside such a list.
  public static let isCut = Answer.Member("isCut", .flag, "続きがあります", "There is more than this").always
}

/// One page of rows, and where the next begins.
public struct Page {
  public let rows: [RowValues]
  /// Null at the end.
  public let next: JSON

  init(rows: [RowValues], next: JSON) {
    self.rows = rows
    self.next = next
  }

  /// Rows by their ids, of which at most `limit` were asked for.
  public init(rows: [RowValues], of limit: Int) {
    self.init(rows: rows, next: rows.count == limit ? JSON(rows.last.map { "\($0.id)" }) : .null)
  }

  /// The list under its name, with `next`.
  public func answer(_ name: String, _ views: [JSON]) -> JSON { .object([name: .list(views), "next": next]) }
}

extension Look {
  /// One page of a collection's rows, as the form's `limit` and `after` ask for it.
  ///
  /// - Parameters:
  ///   - condition: SQL, the same text for every call from one place; `?1`, `?2` … are the arguments.
  ///   - order: SQL expressions; the id comes after them. What is nothing comes first, or, newest first, last.
  ///   - usual: rows when the form does not say.
  /// - Throws: when the row that the page before ended with is gone, and nobody can tell where it stood.
  public func page(
    _ records: Records, where condition: String = "1", _ arguments: [(any DatabaseValueConvertible)?] = [],
    by order: [String] = [], newestFirst: Bool = false, usual: Int = 200
  ) throws -> Page {
    let limit = given.int("limit") ?? usual
    let after = given.row("after")
    if let after, !order.isEmpty, try RowValues.fetch(after, records, db) == nil {
      throw Fault.badValue(
        "after", ja: "この行はなくなりました。はじめから読み直してください", en: "the row is gone: read again from the first page")
    }
    let keys = order.map { "coalesce(\($0), -9e15)" } + ["\"\(records.name)\".id"]
    let (place, last) = (arguments.count + 1, arguments.count + 2)
    let start =
      order.isEmpty
      ? "?\(place)"
      : "(SELECT \(keys.joined(separator: ", ")) FROM \"\(records.name)\" WHERE id = ?\(place))"
    let way = newestFirst ? " DESC" : ""
    let rows = try RowValues.all(
      records,
      """
      WHERE (\(condition)) AND (?\(place) IS NULL OR (\(keys.joined(separator: ", "))) \(newestFirst ? "<" : ">") \(start))
      ORDER BY \(keys.map { $0 + way }.joined(separator: ", ")) LIMIT ?\(last)
      """, StatementArguments(arguments + [after?.rawValue, limit]), db)
    return Page(rows: rows, of: limit)
  }
}
