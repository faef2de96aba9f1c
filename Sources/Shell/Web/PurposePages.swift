import Desk
import Hummingbird
import Site

/// For what somebody looks at people: as an address says it, and asked for where none is said.
extension WebServer {
  func suffix(_ purpose: [String: String]) -> String {
    purpose["purpose"].map { "?purpose=\(Self.escaped($0))" } ?? ""
  }

  func purpose(_ request: Request) -> [String: String] {
    Self.query(request)["purpose"]?.first.flatMap { $0.isEmpty ? nil : ["purpose": $0] } ?? [:]
  }

  /// Somebody who is protected is shown for a purpose, which is noted: it is asked for, and a receipt is told before.
  func askPurpose(
    _ request: Request, _ frame: Frame, path: String, called name: String, _ fault: APIError
  ) -> Response {
    let pick = frame.language.pick
    return page(
      request,
      frame.render(
        "case", title: name, active: "/menu",
        [
          "isShown": false, "subject": "", "problem": [pick(fault.body.ja, fault.body.en)], "flags": [], "acts": [],
          "hasActs": false,
          "more": Purpose.allCases.map {
            [
              "href": "\(path)?purpose=\(Self.escaped($0.rawValue))",
              "label": pick("\($0.rawValue)のために開く", "Open for: \($0.code)"),
            ]
          },
          "w": [
            "acts": pick("開く目的", "Open for what"), "none": pick("目的を選んでください。", "Choose one."),
          ],
        ]))
  }
}
