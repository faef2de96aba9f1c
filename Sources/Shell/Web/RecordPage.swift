import ChangeModel
import Desk
import Hummingbird
import Site

/// Any row as a page, with the buttons that hold now.
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
    let steps =
      record["actions"].list.compactMap(\.text).compactMap { catalogue.endpoint($0) }.map {
        ["href": "/do/\($0.id)?_row=\(row)&_back=\(back)", "label": $0.words.text(in: language)]
      }
      + sayings(record, records, back, language, context)
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

  /// Of somebody whom a register alone knows: how they are, with what the register says filled in.
  private func sayings(
    _ record: JSON, _ records: Records, _ back: String, _ language: Language, _ context: DeskContext
  ) -> [[String: Any]] {
    let known = ["name", "kana", "birth", "homeWard"].compactMap { name in record[name].text.map { (name, $0) } }
    guard records.isPersonal, known.contains(where: { $0.0 == "name" }), record["residentId"].text == nil else {
      return []
    }
    let given = known.map { "&\($0)=\(Self.escaped($1))" }.joined()
    return ["reportSafety", "askToBeInformed"].filter { isAllowed($0, context) }.map {
      ["href": "/do/\($0)?_back=\(back)\(given)", "label": title($0, language)]
    }
  }

  /// What people call a row: its title's fields as they read them; nil when they hold nothing that can be read.
  func called(_ record: JSON, _ records: Records, _ language: Language, known: [String: String]) -> String? {
    let labels = labels.of(records)
    let words = records.title.map { field in
      let text = labels.text(field.name, record[field.name], language, known: known)
      return labels.target(of: field.name) != nil && Int64(text) != nil ? "" : text
    }.filter { !$0.isEmpty }
    return words.isEmpty ? nil : words.joined(separator: " ")
  }
}
