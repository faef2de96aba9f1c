import ChangeModel

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

  /// `next`, when there may be more; nothing else.
  public static func next(after rows: [RowValues], limit: Int) -> [String: JSON] {
    guard rows.count == limit, let last = rows.last else { return [:] }
    return ["next": .text("\(last.id)")]
  }
}
