import Causality
import ChangeModel
import GRDB

/// A collection's rows as a list and one by one, with filters, order and pages: two reads and their pages follow.
public struct Listing: Sendable {
  public let id: String
  public let records: Records
  public let words: Words
  public let filters: [any AnyField]
  /// The rows of which one of these fields holds something are over, and left out unless asked for.
  public let open: [any AnyField]
  public let newest: any AnyField

  /// - Parameters:
  ///   - id: of the list's read: `warnings`; one row's is this with `RowValues` behind it.
  ///   - filters: registers by which a list is narrowed down.
  ///   - open: the list shows rows of which these hold nothing.
  ///   - newest: rows come with the highest of this first.
  public init(
    _ id: String, _ records: Records, _ ja: String, _ en: String, filters: [any AnyField] = [],
    open: [any AnyField] = [], newest: any AnyField
  ) {
    self.id = id
    self.records = records
    words = Words(ja, en)
    self.filters = filters
    self.open = open
    self.newest = newest
    precondition((filters + [newest]).allSatisfy { $0.schema.kind == .register })
  }

  var endpoints: [Endpoint] {
    let path = records.path
    let all = open.isEmpty ? [] : [FormField("all", .flag, ja: "終わったものも", en: "Those that are over too")]
    let purpose = records.isPersonal ? [Purpose.field] : []
    return [
      .read(
        id, path, words.ja, words.en, for: records.reader.access, "\(words.en), newest first.",
        filters.map(\.asked) + all + Paging.fields(of: records.name) + purpose,
        answers: .rows(id, records, isPaged: true)
      ) { [self] look in try list(&look) },
      .read(
        id + "Record", "\(path)/{id}", records.words.ja, records.words.en, for: records.reader.access,
        "\(records.words.en), by its number.", purpose, of: records, answers: .row(records)
      ) { [records] look in
        guard let row = look.inquiry.row, let record = try RowValues.fetch(row, records, look.db),
          try look.maySee(record, records)
        else { throw Fault.notFound("id") }
        return .object(try look.view(record, records))
      },
    ]
  }

  private func list(_ look: inout Look) throws -> JSON {
    // One text for all calls: what is not given narrows nothing down.
    var conditions = ["?1"] + filters.enumerated().map { "(?\($0 + 2) IS NULL OR \"\($1.schema.name)\" = ?\($0 + 2))" }
    if !open.isEmpty {
      conditions[0] = "(?1 OR (\(open.map { "\"\($0.schema.name)\" IS NULL" }.joined(separator: " AND "))))"
    }
    let given = look.given
    var arguments: [(any DatabaseValueConvertible)?] = [open.isEmpty || given.flag("all")]
    for filter in filters {
      switch given.values[filter.name] {
      case .text(let text)?: arguments.append(text)
      case .integer(let number)?: arguments.append(number)
      case .real(let number)?: arguments.append(number)
      case .flag(let flag)?: arguments.append(flag ? 1 : 0)
      default: arguments.append(nil)
      }
    }
    let page = try look.page(
      records, where: conditions.joined(separator: " AND "), arguments, by: ["\"\(newest.schema.name)\""],
      newestFirst: true)
    var views: [JSON] = []
    for record in page.rows where try look.maySee(record, records) {
      views.append(.object(try look.view(record, records)))
    }
    return page.answer(id, views)
  }
}
