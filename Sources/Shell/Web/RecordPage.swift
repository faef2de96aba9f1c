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
  private static let rowsOfFile = 100_000

  /// Whether an answer is rows of a collection, which a file can hold.
  static func isTable(_ endpoint: Endpoint) -> Bool {
    if case .rows = endpoint.answer { true } else { false }
  }

  /// A list whole, whatever pages it has, as RFC 4180 with a byte order mark, which a spreadsheet needs to see Japanese.
  func csv(_ request: Request, _ context: DeskContext) async throws -> Response {
    let (endpoint, records, members) = try table(context)
    let language = language(request)
    let names = known(try await options(language, context))
    let labels = labels.of(endpoint.answer)
    let columns = ["id"] + records.fields.map(\.name) + members.map(\.name)
    var text = "\u{feff}" + Self.line(columns.map { labels.label($0, language) })
    try await each(of: endpoint, request, context) { row in
      text += Self.line(
        columns.map { $0 == "id" ? row["id"].text ?? "" : labels.text($0, row[$0], language, known: names) })
    }
    return file(text, "\(endpoint.id).csv", type: "text/csv; charset=utf-8")
  }

  /// A list of what lies on a map, whole, as a FeatureCollection (RFC 7946: WGS 84, longitude first). What nobody has placed
  /// is a Feature without geometry.
  func geoJSON(_ request: Request, _ context: DeskContext) async throws -> Response {
    let (endpoint, records, _) = try table(context)
    guard let place = records.place else { throw APIError.notFound("endpoint") }
    var features: [JSON] = []
    try await each(of: endpoint, request, context) { row in
      var geometry = JSON.null
      if let latitude = row[place.latitude.name].number, let longitude = row[place.longitude.name].number {
        geometry = ["type": "Point", "coordinates": [.real(longitude), .real(latitude)]]
      }
      features.append(["type": "Feature", "id": row["id"], "geometry": geometry, "properties": row])
    }
    let collection: JSON = ["type": "FeatureCollection", "features": .list(features)]
    return file(
      String(decoding: collection.bytes, as: UTF8.self), "\(endpoint.id).geojson", type: "application/geo+json")
  }

  /// The list that a path names.
  private func table(_ context: DeskContext) throws -> (Endpoint, Records, [Answer.Member]) {
    let endpoint = try endpoint(context.parameters.get("endpoint") ?? "", context)
    guard case .rows(_, let records, let members, _, _) = endpoint.answer else { throw APIError.notFound("endpoint") }
    return (endpoint, records, members)
  }

  /// Every row of a list, whatever pages it has.
  private func each(
    of endpoint: Endpoint, _ request: Request, _ context: DeskContext, _ body: (JSON) -> Void
  ) async throws {
    guard case .rows(let key, _, _, _, let isPaged) = endpoint.answer else { return }
    let query = Self.query(request).compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
    var texts = query.filter { name, _ in endpoint.form.fields.contains { $0.name == name } }
    if isPaged { texts["limit"] = texts["limit"] ?? "500" }
    var count = 0
    while count < Self.rowsOfFile {
      let answer = try await ask(endpoint.id, texts, row: query["_row"], context)
      answer[key].list.forEach(body)
      count += answer[key].list.count
      guard isPaged, let next = answer["next"].text else { return }
      texts["after"] = next
    }
  }

  private func file(_ content: String, _ name: String, type: String) -> Response {
    var response = text(content, type: type)
    response.headers[.contentDisposition] = "attachment; filename=\"\(name)\""
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
