import Desk
import Hummingbird
import Site

/// What the ward has to do in each phase, by service: ticked by one click.
extension WebServer {
  private static let services: [String: (String, String)] = [
    "headquarters": ("災害対策本部", "Headquarters"), "shelters": ("避難所", "Shelters"), "people": ("人・安否", "People"),
    "stock": ("物資", "Stock"), "orders": ("要請と配送", "Requests"), "network": ("通信", "Network"),
  ]

  func checklist(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let asked = Self.query(request)["phase"]?.first
    let answer = try await ask("checklist", asked.map { ["phase": $0] } ?? [:], context)
    let current = try await ask("checklist", [:], context)["phase"].text
    let phase = answer["phase"].text ?? ""
    let tasks = answer["tasks"].list
    let done = tasks.filter { ["完了", "対象外"].contains($0["state"].text) }.count
    let mayMark = isAllowed("markTask", context)
    let order = tasks.compactMap { $0["service"].text }.reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let back = "/checklist?phase=\(Self.escaped(phase))"
    let groups = order.map { service -> [String: Any] in
      [
        "heading": Self.services[service].map { pick($0.0, $0.1) } ?? service,
        "tasks": tasks.filter { $0["service"].text == service }.map { task -> [String: Any] in
          let isDone = ["完了", "対象外"].contains(task["state"].text)
          let by = [task["by"].text, task["at"].integer.map { language.time($0) }, task["note"].text]
          return [
            "task": task["task"].text ?? "", "text": pick(task["ja"].text ?? "", task["en"].text ?? ""),
            "isDone": isDone,
            "state": labels.text("state", task["state"], language),
            "by": by.compactMap(\.self).joined(separator: " · "),
            "next": isDone ? "未着手" : "完了", "button": isDone ? pick("元に戻す", "Undo") : pick("完了", "Done"),
            "label": isDone ? pick("元に戻す: ", "Undo: ") : pick("完了: ", "Done: "), "canMark": mayMark, "back": back,
            "more": "/do/markTask?task=\(task["task"].text ?? "")&state=\(Self.escaped(task["state"].text ?? ""))"
              + "&note=\(Self.escaped(task["note"].text ?? ""))&_back=\(Self.escaped(back))",
          ]
        },
      ]
    }
    let own = try await ask("ownFields", ["ward": core.identity.ward.code], context)["fields"].list
      .filter { $0["phase"].text == phase && $0["endedAt"] == .null }
    let words = [
      "more": pick("状態・備考", "State, note"), "own": pick("この段階の区独自の項目", "The ward's own items of this phase"),
    ]
    return page(
      request,
      frame.render(
        "checklist", title: title("checklist", language), active: "/menu",
        [
          "w": words, "groups": groups,
          "progress": pick("\(tasks.count)件のうち\(done)件が済み", "\(done) of \(tasks.count) done"),
          "tabs": Phase.allCases.map { tab -> [String: Any] in
            [
              "href": "/checklist?phase=\(Self.escaped(tab.rawValue))",
              "label": tab.words.text(in: language) + (tab.rawValue == current ? pick("(いま)", " (now)") : ""),
              "isActive": tab.rawValue == phase,
            ]
          }, "hasOwn": !own.isEmpty,
          "own": own.map { ["label": pick($0["labelJa"].text ?? "", $0["labelEn"].text ?? "")] },
        ]))
  }

  /// What a task says, of whichever phase.
  func taskText(_ code: String, _ language: Language, _ context: DeskContext) async throws -> String? {
    for phase in Phase.allCases {
      let tasks = try await ask("checklist", ["phase": phase.rawValue], context)["tasks"].list
      if let task = tasks.first(where: { $0["task"].text == code }) {
        return language.pick(task["ja"].text ?? "", task["en"].text ?? "")
      }
    }
    return nil
  }
}
