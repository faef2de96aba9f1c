import Desk
import Foundation
import Hummingbird
import Site

/// What is filed and signed on paper: the register, the daily report and a request for goods, as forms of A4. Looking at one is
/// looking at what is in it, noted like any other.
extension WebServer {
  func addPaperPages(to router: Router<DeskContext>) {
    router.get("/paper/register/:id") { request, context in
      let (stays, row) = try await paperStays(request, context)
      return try await paper(
        request, context, title: ("避難者名簿", "Evacuees' register"), shelter: row, isWide: true,
        columns: Self.registerColumns, rows: stays, signatures: [("受付", "Reception"), ("責任者", "In charge")])
    }
    router.get("/paper/report/:id") { request, context in
      let row = context.parameters.get("id") ?? ""
      let reports = try await ask("shelterReports", ["limit": "1"], row: row, context)["reports"].list
      return try await paper(
        request, context, title: ("避難所日報", "Shelter's daily report"), shelter: row, record: reports.first ?? .null,
        of: "shelterReports", signatures: [("報告者", "Reported by"), ("本部受領", "Received at headquarters")])
    }
    router.get("/paper/request/:id") { request, context in
      let order = try await ask("request", row: context.parameters.get("id") ?? "", context)
      return try await paper(
        request, context, title: ("物資要請票", "Request for goods"), shelter: order["shelter"].text ?? "", record: order,
        of: "request",
        signatures: [("要請者", "Asked by"), ("承認", "Approved"), ("受領", "Received")])
    }
  }

  private static let registerColumns = [
    "name", "kana", "birth", "sex", "homeWard", "address", "phone", "party", "needs", "arrivedAt",
  ]
  /// Of a record's own book-keeping, nothing is filed.
  private static let unfiled: Set<String> = [
    "id", "conflicts", "actions", "allocations", "offers", "updatedAt", "updatedBy", "state", "stateCode", "ward",
    "shelter",
  ]

  /// Everybody who is there, family by family, whatever pages the list has.
  private func paperStays(_ request: Request, _ context: DeskContext) async throws -> ([JSON], String) {
    let row = context.parameters.get("id") ?? ""
    var stays: [JSON] = []
    var after: String?
    repeat {
      let page = try await ask("stays", after.map { ["after": $0] } ?? [:], row: row, context)
      stays += page["stays"].list
      after = page["next"].text
    } while after != nil
    return (
      stays.sorted {
        ($0["party"].text ?? "~", $0["arrivedAt"].integer ?? 0) < (
          $1["party"].text ?? "~", $1["arrivedAt"].integer ?? 0
        )
      }, row
    )
  }

  private func paper(
    _ request: Request, _ context: DeskContext, title: (ja: String, en: String), shelter: String, isWide: Bool = false,
    columns: [String] = [], rows: [JSON] = [], record: JSON = .null, of endpoint: String = "stays",
    signatures: [(ja: String, en: String)]
  ) async throws -> Response {
    var frame = frame(request, context)
    frame.isStill = true
    let language = frame.language
    let pick = language.pick
    let names = try await names(shelters: [.text(shelter)], language, context)
    let labels = labels.of(catalogue[endpoint].answer)
    func text(_ name: String, _ value: JSON) -> String { labels.text(name, value, language, known: names) }
    let members: [(String, JSON)]
    if case .object(let all) = record {
      members = all.filter {
        !Self.unfiled.contains($0.key) && !$0.key.hasSuffix("Code") && $0.value != .null && $0.value != .list([])
      }
      .sorted { labels.label($0.key, .japanese) < labels.label($1.key, .japanese) }
    } else {
      members = []
    }
    return page(
      request,
      frame.render(
        "paper", title: pick(title.ja, title.en), active: "/shelters",
        [
          "place": names[shelter] ?? "", "placeLabel": pick("避難所", "Shelter"), "isWide": isWide,
          "isEmpty": rows.isEmpty && members.isEmpty, "none": pick("まだ何もありません。", "There is nothing yet."),
          "hasRows": !rows.isEmpty, "hasMembers": !members.isEmpty,
          "columns": [pick("番号", "No.")] + columns.map { labels.label($0, language) },
          "rows": rows.enumerated().map { number, row in
            ["cells": ["\(number + 1)"] + columns.map { text($0, row[$0]) }] as [String: Any]
          },
          "members": members.map { ["label": labels.label($0.0, language), "value": text($0.0, $0.1)] },
          "total": isWide
            ? pick("計 \(language.number(Int64(rows.count))) 人", "\(language.number(Int64(rows.count))) people in all")
            : "",
          "signatures": signatures.map { pick($0.ja, $0.en) },
        ]))
  }
}
