import ChangeModel
import Desk
import Exchange
import Formats
import GRDB
import Hummingbird
import NodeService
import Site

/// A form in which programs and maps take a list whole, beside JSON in pages: the end of its path.
enum ListFormat: String, CaseIterable {
  case csv = ".csv"
  case geoJSON = ".geojson"

  var type: String {
    switch self {
    case .csv: "text/csv; charset=utf-8"
    case .geoJSON: "application/geo+json"
    }
  }

  /// Those in which an endpoint's rows can be had: none of people's, whose every look has its purpose.
  static func of(_ endpoint: Endpoint) -> [ListFormat] {
    guard case .rows(_, let records, _, _, _) = endpoint.answer, !endpoint.isWrite, !records.isPersonal else {
      return []
    }
    return records.place == nil ? [.csv] : allCases
  }
}

/// Lists as files: for a spreadsheet, with the words of the pages; for programs, with the names of the API; and open data, for
/// anybody, where the node is told to publish it.
extension WebServer {
  /// Rows that one file holds at the most.
  static let rowsOfFile = 100_000

  static let tooManyRows = APIError(
    .contentTooLarge, "too-many", ja: "\(rowsOfFile) 件を超えます。条件で絞ってください",
    en: "more than \(rowsOfFile) rows: narrow it down")

  /// Whether an answer is rows of a collection, which a file can hold.
  static func isTable(_ endpoint: Endpoint) -> Bool {
    if case .rows = endpoint.answer { true } else { false }
  }

  // MARK: For people

  /// A list whole, whatever pages it has, as RFC 4180 with a byte order mark, which a spreadsheet needs to see Japanese.
  func csv(_ request: Request, _ context: DeskContext) async throws -> Response {
    let (endpoint, records, members) = try table(context)
    let language = language(request)
    let names = known(try await options(language, context))
    let labels = labels.of(endpoint.answer)
    let columns = ["id"] + records.fields.map(\.name) + members.map(\.name)
    let (head, drill) = drillMark.column(language.pick("訓練", "Drill"))
    var text = "\u{feff}" + Self.line(columns.map { labels.label($0, language) } + head)
    let (texts, row) = Self.chosen(of: endpoint, request)
    try await each(of: endpoint, texts, row: row, context) { row in
      text += Self.line(
        columns.map { $0 == "id" ? row["id"].text ?? "" : labels.text($0, row[$0], language, known: names) } + drill)
    }
    return csvFile(text, name: endpoint.id, isOld: request.uri.queryParameters["encoding"] == "cp932")
  }

  /// - Parameter isOld: in CP932, for what knows no other: older ledgers, and a spreadsheet that opens a file by a double click.
  private func csvFile(_ text: String, name: String, isOld: Bool) -> Response {
    guard isOld else { return download(self.text(text, type: ListFormat.csv.type), "\(name).csv") }
    let (bytes, _) = CP932.encode(String(text.unicodeScalars.dropFirst()))
    var response = self.text("", type: "text/csv; charset=Shift_JIS")
    response.body = .init(byteBuffer: ByteBuffer(bytes: bytes))
    return download(response, "\(name)-cp932.csv")
  }

  /// - Parameter lines: the first is the head.
  func csvFile(_ lines: [[String]], name: String, isOld: Bool) -> Response {
    let (head, drill) = drillMark.column()
    let marked = lines.enumerated().map { Self.line($1 + ($0 == 0 ? head : drill)) }
    return csvFile("\u{feff}" + marked.joined(), name: name, isOld: isOld)
  }

  var drillMark: DrillMark { DrillMark(core.identity.federation) }

  /// A list of what lies on a map, whole.
  func geoJSON(_ request: Request, _ context: DeskContext) async throws -> Response {
    let (endpoint, records, _) = try table(context)
    guard records.place != nil else { throw APIError.notFound("endpoint") }
    let (texts, row) = Self.chosen(of: endpoint, request)
    return download(
      try await file(.geoJSON, endpoint, records, texts, row: row, context), "\(endpoint.id).geojson")
  }

  /// What a page's list is narrowed down by, and the row that it is of.
  private static func chosen(of endpoint: Endpoint, _ request: Request) -> ([String: String], String?) {
    let query = query(request).compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
    return (query.filter { name, _ in endpoint.form.fields.contains { $0.name == name } }, query["_row"])
  }

  /// The list that a path names.
  private func table(_ context: DeskContext) throws -> (Endpoint, Records, [Answer.Member]) {
    let endpoint = try endpoint(context.parameters.get("endpoint") ?? "", context)
    guard case .rows(_, let records, let members, _, _) = endpoint.answer else { throw APIError.notFound("endpoint") }
    return (endpoint, records, members)
  }

  private func download(_ response: Response, _ name: String) -> Response {
    var response = response
    response.headers[.contentDisposition] = "attachment; filename=\"\(name)\""
    return response
  }

  // MARK: For programs

  func file(
    _ format: ListFormat, _ endpoint: Endpoint, _ request: Request, _ context: DeskContext
  ) async throws -> Response {
    guard case .rows(_, let records, _, _, _) = endpoint.answer else { throw APIError.notFound("endpoint") }
    return try await file(
      format, endpoint, records, Self.texts(request), row: context.parameters.get("id"), context)
  }

  private func file(
    _ format: ListFormat, _ endpoint: Endpoint, _ records: Records, _ texts: [String: String], row: String?,
    _ context: DeskContext
  ) async throws -> Response {
    var rows: [JSON] = []
    try await each(of: endpoint, texts, row: row, context) { rows.append($0) }
    return file(format, rows, records)
  }

  /// Rows as a FeatureCollection (RFC 7946: WGS 84, longitude first; what nobody has placed is a Feature without geometry), or
  /// as a table with the fields' names for a head.
  private func file(_ format: ListFormat, _ rows: [JSON], _ records: Records) -> Response {
    let content: String
    let mark = drillMark
    switch (format, records.place) {
    case (.geoJSON, let place?):
      let features = rows.map { row -> JSON in
        var geometry = JSON.null
        if let latitude = row[place.latitude.name].number, let longitude = row[place.longitude.name].number {
          geometry = ["type": "Point", "coordinates": [.real(longitude), .real(latitude)]]
        }
        return ["type": "Feature", "id": row["id"], "geometry": geometry, "properties": row.with(mark.members)]
      }
      let all: JSON = ["type": "FeatureCollection", "features": .list(features)]
      content = String(decoding: all.with(mark.members).bytes, as: UTF8.self)
    default:
      let columns = ["id", "updatedAt"] + records.fields.filter { $0.schema.kind != .log }.map(\.name)
      let (head, drill) = mark.column()
      content =
        Self.line(columns + head) + rows.map { row in Self.line(columns.map { Self.plain(row[$0]) } + drill) }.joined()
    }
    return Response(
      status: .ok, headers: [.contentType: format.type, .cacheControl: Self.revalidated],
      body: .init(byteBuffer: ByteBuffer(string: content)))
  }

  private static func plain(_ value: JSON) -> String {
    switch value {
    case .null: ""
    case .text(let text): text
    case .list(let items): items.map(plain).joined(separator: "; ")
    default: String(decoding: value.bytes, as: UTF8.self)
    }
  }

  /// Every row of a list, whatever pages it has.
  private func each(
    of endpoint: Endpoint, _ texts: [String: String], row: String?, _ context: DeskContext, _ body: (JSON) -> Void
  ) async throws {
    guard case .rows(let key, _, _, _, let isPaged) = endpoint.answer else { return }
    var texts = texts
    if isPaged { texts["limit"] = texts["limit"] ?? "500" }
    var count = 0
    while true {
      let answer = try await ask(endpoint.id, texts, row: row, context)
      answer[key].list.forEach(body)
      count += answer[key].list.count
      guard isPaged, let next = answer["next"].text else { return }
      guard count < Self.rowsOfFile else { throw Self.tooManyRows }
      texts["after"] = next
    }
  }

  // MARK: Open data

  /// What a node publishes to anybody, when it is told to: paths under `/open`.
  var openFiles: [(path: String, format: ListFormat, records: Records)] {
    guard isPublic else { return [] }
    return catalogue.services.flatMap(\.records).filter { !$0.published.isEmpty }.flatMap { records in
      ListFormat.allCases.filter { $0 == .csv || records.place != nil }.map {
        ("/open\(records.path)\($0.rawValue)", $0, records)
      }
    }
  }

  func addOpenData(to router: Router<DeskContext>) {
    for (path, format, records) in openFiles {
      router.get(RouterPath(path)) { _, _ in
        let rows = try await core.reader.read { db in
          try RowValues.all(records, "ORDER BY id LIMIT ?", [Self.rowsOfFile], db).map { row -> JSON in
            let all = row.json()
            var shown: [String: JSON] = ["id": all["id"] ?? .null]
            for field in records.published { shown[field.name] = all[field.name] }
            shown["updatedAt"] = (row.written?.at.milliseconds).map { .integer($0) }
            return .object(shown)
          }
        }
        var response = file(format, rows, records)
        response.headers[.accessControlAllowOrigin] = "*"
        return response
      }
    }
    guard isPublic else { return }
    router.get("/open/wards.geojson") { _, _ in
      var response = wardsOnMap
      response.headers[.accessControlAllowOrigin] = "*"
      return response
    }
  }

  private static func line(_ cells: [String]) -> String {
    cells.map { cell in
      let text = TableCSV.isFormula(cell) ? "'" + cell : cell
      return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }.joined(separator: ",") + "\r\n"
  }
}
