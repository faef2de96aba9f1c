import Desk
import Foundation
import Hummingbird
import Site

/// Goods: what is short where, and who should send what to whom.
extension WebServer {
  func addGoodsPages(to router: Router<DeskContext>) {
    router.get("/goods") { request, context in try await goods(request, context) }
    router.get("/plan") { request, context in try await plan(request, context) }
  }

  private func goods(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let names = known(try await options(language, context))
    let answer = try await ask("stockOutlook", [:], context)
    let ages = try await ages()
    // What runs out first stands first.
    let lines = answer["lines"].list.sorted { urgency($0) < urgency($1) }.prefix(300).map { line -> [String: Any] in
      let (stock, need) = (line["stock"].integer ?? 0, line["need"].integer ?? 0)
      let surplus = line["surplus"].integer ?? 0
      let share = need <= 0 ? 100 : max(0, min(100, stock * 100 / need))
      let hours: String = hours(line["hoursUntilEmpty"], stock, language)
      return [
        "ward": wardName(line["ward"].text ?? "", language), "item": names[line["item"].text ?? ""] ?? "?",
        "stock": language.number(stock), "need": language.number(need), "surplus": language.number(surplus),
        "age": age(ages[line["ward"].text ?? ""], language), "width": share, "share": "\(share) %",
        "level": surplus < 0 ? "short" : "", "hours": hours,
        "ask": isAllowed("requestGoods", context) && line["ward"].text == core.identity.ward.code
          ? [
            "/do/requestGoods?item=\(line["item"].text ?? "")&_back=/goods"
              + (surplus < 0 ? "&quantity=\(-surplus)" : "")
          ] : [],
      ]
    }
    let actions = links(
      to: ["requestGoods", "addLot", "lots", "expiringStock", "items"], back: "/goods", language, context)
    let plan: [[String: Any]] = [
      ["href": "/orders", "label": pick("要請と配送", "Requests and deliveries")],
      ["href": "/plan", "label": title("supplyPlan", language)],
      ["href": "/scan", "label": pick("読み取って受け取る", "Receive by scanning")],
    ]
    let words = [
      "outlook": pick("3日分の過不足", "Shortage and surplus for three days"),
      "none": pick("在庫の登録がありません。", "No stock is entered yet."), "ward": pick("区", "Ward"),
      "heard": pick("いつの情報", "As of"),
      "item": pick("品目", "Item"),
      "stock": pick("在庫", "Stock"), "need": pick("必要数", "Need"), "picture": pick("充足率", "Share"),
      "surplus": pick("過不足", "Surplus"), "ask": title("requestGoods", language), "hours": pick("なくなるまで", "Lasts for"),
    ]
    return page(
      request,
      frame.render(
        "goods", title: pick("物資", "Goods"), active: "/goods",
        ["w": words, "lines": lines, "isEmpty": lines.isEmpty, "actions": plan, "more": actions]))
  }

  /// How long it lasts, in words: of what is used up as it is used.
  private func hours(_ hours: JSON, _ stock: Int64, _ language: Language) -> String {
    let left: Int64
    switch hours {
    case .real(let hours): left = Int64(hours)
    case .integer(let hours): left = hours
    default: return "–"
    }
    if stock <= 0 { return language.pick("すでにありません", "none left") }
    return language.pick("あと\(language.number(left))時間", "\(language.number(left)) h")
  }

  private func urgency(_ line: JSON) -> (Double, Int64) {
    let hours: Double =
      switch line["hoursUntilEmpty"] {
      case .real(let hours): hours
      case .integer(let hours): Double(hours)
      default: .infinity
      }
    return (hours, line["surplus"].integer ?? 0)
  }

  /// The proposed shipments on the map, each with its reason.
  private func plan(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let names = known(try await options(language, context))
    let answer = try await ask("supplyPlan", [:], context)
    let own = core.identity.ward.code
    let shipments = answer["shipments"].list
    let rows = shipments.map { shipment -> [String: Any] in
      let from = shipment["from"].text ?? ""
      let id = shipment["request"].text ?? ""
      return [
        "item": names[shipment["item"].text ?? ""] ?? "?", "from": wardName(from, language),
        "to": wardName(shipment["ward"].text ?? "", language), "shelter": names[shipment["shelter"].text ?? ""] ?? "",
        "units": language.number(shipment["units"].integer ?? 0),
        "minutes": language.number(shipment["minutes"].integer ?? 0),
        "why": labels.text("why", shipment["why"], language),
        "canAllocate": from == own && isAllowed("allocate", context),
        "href": "/orders/\(id)",
      ]
    }
    var units: [String: Int64] = [:]
    for shipment in shipments {
      units["\(shipment["from"].text ?? "") \(shipment["ward"].text ?? "")", default: 0] +=
        shipment["units"].integer ?? 0
    }
    let lines = units.sorted { $0.key < $1.key }.compactMap { key, units -> (String, String, String, String)? in
      let ends = key.split(separator: " ").map { String($0) }
      guard ends.count == 2, ends[0] != ends[1] else { return nil }
      return (
        ends[0], ends[1], "plan",
        "\(wardName(ends[0], language)) → \(wardName(ends[1], language)): \(language.number(units))"
      )
    }
    let sending = Dictionary(grouping: shipments) { $0["from"].text ?? "" }
    let shown = sending.mapValues { list in
      let sum = list.reduce(0) { $0 + ($1["units"].integer ?? 0) }
      return WardMap.Shown(level: 2, value: "→ \(language.number(sum))", title: pick("送る", "sends"))
    }
    let unserved = answer["unserved"].list.map { line -> [String: Any] in
      [
        "item": names[line["item"].text ?? ""] ?? "?", "shelter": names[line["shelter"].text ?? ""] ?? "",
        "units": language.number(line["units"].integer ?? 0),
      ]
    }
    let words = [
      "item": pick("品目", "Item"), "from": pick("送る区", "From"), "to": pick("受ける区", "To"),
      "shelter": pick("避難所", "Shelter"),
      "units": pick("数量", "Units"), "minutes": pick("分", "Minutes"), "why": pick("理由", "Why"),
      "allocate": title("allocate", language),
      "unserved": pick("どこにも余剰がない要請", "Requests that no surplus can meet"),
      "none": pick("承認された要請で、まだ割り当てていないものはありません。", "No approved request waits for goods."),
    ]
    return page(
      request,
      frame.render(
        "plan", title: title("supplyPlan", language), active: "/goods",
        [
          "w": words, "rows": rows, "isEmpty": rows.isEmpty, "unserved": unserved, "hasUnserved": !unserved.isEmpty,
          "map": maps[language]!.values(
            title: pick("配送計画の地図", "Map of the plan"), wards: shown, links: lines,
            legend: [("s2", pick("送る区", "sends"))]),
          "why": pick(
            "余剰のある区から要請のある避難所へ、所要時間の合計が最も短くなる配り方です。決めるのは人です。",
            "From wards with a surplus to shelters that ask, with the least travelling time in all. People decide."),
        ]))
  }
}
