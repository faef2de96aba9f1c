import ChangeModel
import Desk
import Hummingbird
import Site

/// Any row as a page, with the buttons that hold now; and any list as a file for a spreadsheet.
extension WebServer {
  func record(_ request: Request, _ context: DeskContext) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let (name, row) = (context.parameters.get("collection") ?? "", context.parameters.get("row") ?? "")
    guard let records = catalogue.records[name] else { throw APIError.notFound("collection") }
    frame.isStill = records.isPersonal
    var texts = ["collection": name, "row": row]
    texts["purpose"] = Self.query(request)["purpose"]?.first.flatMap { $0.isEmpty ? nil : $0 }
    let record = try await ask("row", texts, context)
    let known = known(try await options(language, context))
    let back = Self.escaped(frame.path)
    let steps = record["actions"].list.compactMap(\.text).compactMap { catalogue.endpoint($0) }.map {
      ["href": "/do/\($0.id)?_row=\(row)&_back=\(back)", "label": $0.words.text(in: language)]
    }
    let sections = RecordTable(labels.of(records), language, known: known).sections(record) { _ in [] }
    return page(
      request,
      frame.render(
        "table", title: called(record, records, language, known: known) ?? row, active: "/menu",
        [
          "subject": records.words.text(in: language), "sections": sections, "canPrint": true, "top": steps,
          "hasTop": !steps.isEmpty,
        ]))
  }

  /// What people call a row: its title's fields as they read them; nil when they hold nothing that can be read.
  func called(_ record: JSON, _ records: Records, _ language: Language, known: [String: String]) -> String? {
    let labels = labels.of(records)
    let words = records.title.map { labels.text($0.name, record[$0.name], language, known: known) }
      .filter { !$0.isEmpty && Int64($0) == nil }
    return words.isEmpty ? nil : words.joined(separator: " ")
  }

  // MARK: Files

  /// Rows that one file holds at the most.
  private static let csvLimit = 100_000

  /// Whether an answer is rows of a collection, which a file can hold.
  static func isTable(_ endpoint: Endpoint) -> Bool {
    if case .rows = endpoint.answer { true } else { false }
  }

  /// A list whole, whatever pages it has, as RFC 4180 with a byte order mark, which a spreadsheet needs to see Japanese.
  func csv(_ request: Request, _ context: DeskContext) async throws -> Response {
    let endpoint = try endpoint(context.parameters.get("endpoint") ?? "", context)
    guard case .rows(let key, let records, let members, _, let isPaged) = endpoint.answer else {
      throw APIError.notFound("endpoint")
    }
    let query = Self.query(request).compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
    var texts = query.filter { name, _ in endpoint.form.fields.contains { $0.name == name } }
    if isPaged { texts["limit"] = texts["limit"] ?? "500" }
    let language = language(request)
    let names = known(try await options(language, context))
    let labels = labels.of(endpoint.answer)
    let columns = ["id"] + records.fields.map(\.name) + members.map(\.name)
    var text = "\u{feff}" + Self.line(columns.map { labels.label($0, language) })
    var count = 0
    while count < Self.csvLimit {
      let answer = try await ask(endpoint.id, texts, row: query["_row"], context)
      for row in answer[key].list {
        text += Self.line(
          columns.map { $0 == "id" ? row["id"].text ?? "" : labels.text($0, row[$0], language, known: names) })
        count += 1
      }
      guard isPaged, let next = answer["next"].text else { break }
      texts["after"] = next
    }
    var response = self.text(text, type: "text/csv; charset=utf-8")
    response.headers[.contentDisposition] = "attachment; filename=\"\(endpoint.id).csv\""
    return response
  }

  private static func line(_ cells: [String]) -> String {
    cells.map { cell in
      // A spreadsheet takes what begins so for a formula, in any width.
      let first = cell.precomposedStringWithCompatibilityMapping.first
      let text = first.map { "=+-@\t\r".contains($0) } == true && Double(cell) == nil ? "'" + cell : cell
      return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }.joined(separator: ",") + "\r\n"
  }
}
