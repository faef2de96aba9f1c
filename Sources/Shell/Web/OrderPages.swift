import Causality
import Desk
import Foundation
import Goods
import Hummingbird
import Site

/// Goods on their way, from the asking to the inspection: what is still open, and whose step is next.
extension WebServer {
  func addOrderPages(to router: Router<DeskContext>) {
    router.get("/orders") { request, context in try await orders(request, context) }
    router.get("/orders/:id") { request, context in try await order(request, context) }
    router.get("/slip/:id") { request, context in try await slip(request, context) }
  }

  private static let steps = [
    ("reservedAt", "割り当て", "set aside"), ("shippedAt", "発送", "shipped"), ("arrivedAt", "到着", "arrived"),
    ("inspectedAt", "受け取り確認", "inspected"),
  ]

  /// What somebody of the own ward has to do about a request, by the very conditions of the steps.
  private func nextSteps(_ order: JSON, _ language: Language) -> [String] {
    // Taking back and sending elsewhere is always possible; it is no next step.
    let aside: Set<String> = ["cancelRequest", "offerGoods", "allocate", "redirectAllocation", "cancelAllocation"]
    let steps = ([order] + order["offers"].list + order["allocations"].list).flatMap { row in
      row["actions"].list.compactMap(\.text).filter { !aside.contains($0) }
    }
    return steps.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }.map { title($0, language) }
  }

  /// How much of a request is where, as parts of a bar of 100.
  private func bar(_ order: JSON, _ language: Language) -> [String: Any] {
    let pick = language.pick
    func bounded(_ number: Int64?) -> Int64 { Requests.bounded(number ?? 0) }
    let wanted = max(
      1, bounded(order["approved"].integer ?? order["quantity"].integer), bounded(order["promised"].integer))
    func units(_ code: String, _ name: String) -> Int64 {
      order["allocations"].list.reduce(0) { $1["stateCode"].text == code ? $0 + bounded($1[name].integer) : $0 }
    }
    let parts: [(String, Int64, String)] = [
      ("done", units("inspected", "accepted") + units("arrived", "arrived"), pick("届いた", "here")),
      ("way", units("shipped", "shipped"), pick("輸送中", "under way")),
      ("kept", units("reserved", "quantity"), pick("割り当て済み", "set aside")),
    ]
    var at: Int64 = 0
    let shown = parts.map { style, units, label -> [String: Any] in
      defer { at += units }
      return ["style": style, "x": at * 100 / wanted, "width": units * 100 / wanted, "label": label, "units": units]
    }
    let open = order["open"].integer ?? 0
    let words = parts.filter { $0.1 > 0 }.map { "\($0.2) \(language.number($0.1))" }
    return [
      "parts": shown,
      "text": (words + [pick("不足 ", "lacking ") + language.number(open)]).joined(separator: pick("、", ", ")),
    ]
  }

  /// So much of an item, with the unit behind the number as one says it: `毛布 500枚`.
  func goods(_ item: String, _ units: String, _ language: Language) -> String {
    guard language == .japanese, item.hasSuffix(")"), let open = item.lastIndex(of: "("), open > item.startIndex else {
      return "\(item) \(units)"
    }
    let name = item[..<open].trimmingCharacters(in: .whitespaces)
    return "\(name) \(units)\(item[item.index(after: open)...].dropLast())"
  }

  func summary(_ order: JSON, _ names: [String: String], _ language: Language) -> [String: Any] {
    let pick = language.pick
    let urgency = order["urgency"].text ?? "通常"
    let units = language.number(order["approved"].integer ?? order["quantity"].integer ?? 0)
    let ward = order["ward"].text ?? ""
    let isOver = order["cancelledAt"] != .null || order["decision"].text == "却下"
    return [
      "id": order["id"].text ?? "",
      "goods": goods(names[order["item"].text ?? ""] ?? pick("(未登録の品目)", "(unknown item)"), units, language),
      "units": units, "ward": wardName(ward, language), "shelter": names[order["shelter"].text ?? ""] ?? "",
      "urgency": labels.text("urgency", order["urgency"], language), "isUrgent": urgency != "通常",
      "isCritical": urgency == "緊急", "bar": bar(order, language),
      "neededBy": order["neededBy"].integer.map { language.time($0) } ?? "", "hasTime": order["neededBy"] != .null,
      "hasConflict": !order["conflicts"].list.isEmpty, "conflictMark": pick("要確認", "to check"),
      "isOver": isOver,
      "over": order["cancelledAt"] != .null ? pick("取り消された要請", "cancelled") : pick("却下された要請", "refused"),
    ]
  }

  private func orders(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let show = request.uri.queryParameters["show"].map { String($0) } ?? "ours"
    let tabs = [
      ("ours", pick("対応待ち", "Our turn"), "すべて"), ("open", pick("不足あり", "Still open"), "未充足"),
      ("oversupplied", pick("送り過ぎ", "Too much"), "過剰"), ("all", pick("すべて", "All"), "すべて"),
    ]
    let word = tabs.first { $0.0 == show }?.2 ?? "すべて"
    let all = try await ask("requests", ["show": word], context)["requests"].list
    let names = try await names(shelters: all.map { $0["shelter"] }, language, context)
    let chosen = all.map { (order: $0, steps: nextSteps($0, language)) }.filter { show != "ours" || !$0.steps.isEmpty }
    let ages = try await ages()
    let shown = chosen.prefix(200).map { order, steps -> [String: Any] in
      var values = summary(order, names, language)
      let ward = order["ward"].text ?? ""
      values["isForeign"] = ward != core.identity.ward.code
      values["age"] = age(ages[ward], language)
      values["steps"] = steps.joined(separator: pick("、", ", "))
      values["hasSteps"] = !steps.isEmpty
      return values
    }
    let words = [
      "next": pick("次にすること", "Next"), "neededBy": pick("希望", "Needed by"),
      "scan": pick("読み取って受け取る", "Receive by scanning"),
      "cut": pick("\(chosen.count)件のうち200件を表示", "200 of \(chosen.count)"),
    ]
    let top = links(to: ["requestGoods"], back: "/orders", language, context)
    return page(
      request,
      frame.render(
        "orders", title: pick("要請と配送", "Requests and deliveries"), active: "/goods",
        [
          "w": words, "orders": shown, "isEmpty": shown.isEmpty, "isCut": chosen.count > 200, "top": top,
          "none": show == "ours"
            ? pick("対応を待っているものはありません。", "Nothing waits for us.") : pick("ありません。", "There is none."),
          "tabs": tabs.map {
            ["href": "/orders?show=\($0.0)", "label": $0.1, "isActive": $0.0 == show] as [String: Any]
          },
        ]))
  }

  // MARK: One request

  private func order(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let id = context.parameters.get("id") ?? ""
    let order = try await ask("request", row: id, context)
    let own = core.identity.ward.code
    let isAsker = order["ward"].text == own
    let names = try await names(shelters: [order["shelter"]], language, context)
    var values = summary(order, names, language)
    let back = "/orders/\(id)"
    let open = order["open"].integer ?? 0
    let offers = order["offers"].list.map { offer -> [String: Any] in
      [
        "id": offer["id"].text ?? "", "who": offer["supplier"].text ?? wardName(offer["ward"].text ?? "", language),
        "units": language.number(offer["quantity"].integer ?? 0), "item": names[offer["item"].text ?? ""] ?? "",
        "note": offer["note"].text ?? "", "when": offer["availableAt"].integer.map { language.time($0) } ?? "",
        "answer": labels.text("answer", offer["answer"], language),
        "canAnswer": Self.admits("answerOffer", offer),
      ]
    }
    values["canDecide"] = order["decision"] == .null && Self.admits("decideRequest", order)
    let mayAllocate = open > 0 && Self.admits("allocate", order)
    let lots = mayAllocate ? try await lots(of: order["item"].text ?? "", context) : []
    let actions =
      ["cancelRequest", "offerGoods"].filter { Self.admits($0, order) && !($0 == "offerGoods" && isAsker) }
      .map { ["href": "/do/\($0)?_row=\(id)&_back=\(back)", "label": title($0, language)] }
      + [["href": "/paper/request/\(id)", "label": pick("物資要請票(A4)", "Request form (A4)")]]
    let heard = try await ages()[order["ward"].text ?? ""]
    let words = [
      "neededBy": pick("希望", "Needed by"),
      "decide": pick("要請のとおり承認する", "Approve as asked"), "other": pick("数を変える・却下する", "Change the number, or refuse"),
      "allocations": pick("割り当てと配送", "Set aside and delivered"), "offers": pick("申し出", "Offers"),
      "accept": pick("受ける", "Accept"), "decline": pick("断る", "Decline"),
      "allocate": pick("この在庫から割り当てる", "Set aside from our stock"),
      "lot": pick("在庫", "Stock"), "quantity": pick("数量", "Quantity"), "slip": pick("送り状", "Delivery slip"),
      "to": pick("届け先", "To"),
    ]
    return page(
      request,
      frame.render(
        "order",
        title: pick("\(values["shelter"]!) の \(values["goods"]!)", "\(values["goods"]!) for \(values["shelter"]!)"),
        active: "/goods",
        values.merging([
          "w": words, "back": back, "isAsker": isAsker, "hasOld": !isAsker, "age": age(heard, language),
          "note": order["note"].text ?? "", "hasNote": order["note"] != .null, "asked": askedLine(order, language),
          "figures": figures(order, language),
          "allocations": order["allocations"].list.map { step($0, back: back, language) },
          "hasAllocations": !order["allocations"].list.isEmpty, "offers": offers, "hasOffers": !offers.isEmpty,
          "actions": actions, "canAllocate": !lots.isEmpty, "open": open,
          "lots": lots.map { lot -> [String: Any] in
            let place = lot["place"].text ?? names[lot["shelter"].text ?? ""] ?? ""
            let share = language.number(lot["ownShare"].integer ?? 0)
            let expires = lot["expires"].text.map { pick(" 期限 \($0)", " until \($0)") } ?? ""
            return ["value": lot["id"].text ?? "", "label": "\(place) \(lot["lot"].text ?? "") (\(share))\(expires)"]
          },
        ]) { $1 }))
  }

  /// Whether a step can be taken with a row now, as the row itself says.
  private static func admits(_ step: String, _ row: JSON) -> Bool { row["actions"].list.contains(.text(step)) }

  /// The ward's lots of an item of which this node holds a share.
  private func lots(of item: String, _ context: DeskContext) async throws -> [JSON] {
    let all = try await ask("lots", ["ward": core.identity.ward.code, "item": item], context)["lots"].list
    var held: [JSON] = []
    let today = JapaneseDay.text(.now())
    for lot in all where held.count < 50 && lot["expires"].text ?? "9" >= today {
      let whole = try await ask("lot", row: lot["id"].text ?? "", context)
      if whole["ownShare"].integer ?? 0 > 0 { held.append(whole) }
    }
    return held
  }

  private func figures(_ order: JSON, _ language: Language) -> [[String: Any]] {
    let pick = language.pick
    let all: [(name: String, label: String)] = [
      ("quantity", pick("要請", "Asked for")), ("approved", pick("承認", "Approved")),
      ("promised", pick("手配", "Promised")), ("open", pick("不足", "Lacking")), ("surplus", pick("送り過ぎ", "Too much")),
    ]
    return all.compactMap { name, label in
      guard let units = order[name].integer, name != "surplus" || units > 0 else { return nil }
      return ["label": label, "value": language.number(units)]
    }
  }

  private func askedLine(_ order: JSON, _ language: Language) -> String {
    let who = order["askedBy"].text ?? ""
    let when = order["askedAt"].integer.map { language.time($0) } ?? ""
    let decided = order["decidedBy"].text.map { name in
      " · \(labels.text("decision", order["decision"], language)): \(name) \(order["reason"].text ?? "")"
    }
    return "\(who) \(when)\(decided ?? "")"
  }

  /// An allocation: how far it has come, and what this ward can do with it now.
  private func step(
    _ allocation: JSON, back: String, _ language: Language
  ) -> [String: Any] {
    let pick = language.pick
    let (id, state) = (allocation["id"].text ?? "", allocation["stateCode"].text ?? "")
    let isHolder = allocation["holder"].text == core.identity.ward.code
    let possible = allocation["actions"].list.compactMap(\.text)
    let units = ["inspected": "accepted", "arrived": "arrived", "shipped": "shipped"][state] ?? "quantity"
    return [
      "id": id, "from": wardName(allocation["holder"].text ?? "", language),
      "units": language.number(allocation[units].integer ?? 0),
      "state": labels.text("state", allocation["state"], language),
      "isCancelled": state == "cancelled", "reason": allocation["reason"].text ?? "",
      "steps": Self.steps.map { name, ja, en -> [String: Any] in
        let time = allocation[name].integer
        return ["label": pick(ja, en), "time": time.map { language.time($0) } ?? "", "isDone": time != nil]
      },
      "carrier": allocation["carrier"].text ?? "", "hasCarrier": allocation["carrier"] != .null,
      "fault": allocation["fault"].text ?? "", "hasFault": allocation["fault"] != .null,
      "hasConflict": !allocation["conflicts"].list.isEmpty, "conflictMark": pick("要確認", "to check"),
      "needsAuthority": allocation["needsAuthority"] == true,
      "authority": pick(
        "別の機器で行う操作です。その機器が失われたときだけ、区の管理カードで行えます。",
        "A step of another node: only when that node is lost, with the authority's card."),
      "actions": possible.map {
        [
          "href": "/do/\($0)?_row=\(id)&_back=\(back)", "label": title($0, language),
          "style": $0 == possible.first ? "" : "quiet",
        ]
      },
      "hasSlip": isHolder && ["reserved", "shipped"].contains(state),
    ]
  }

  /// What travels with the goods: scanned where they arrive.
  private func slip(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let id = context.parameters.get("id") ?? ""
    let allocation = try await ask("allocation", row: id, context)
    let order = try await ask("request", row: allocation["request"].text ?? "", context)
    let names = try await names(shelters: [order["shelter"]], language, context)
    let code = ScannedCode.slip(id)
    let lines: [(String, String)] = [
      (pick("品目", "Item"), names[allocation["item"].text ?? ""] ?? ""),
      (pick("数量", "Quantity"), language.number((allocation["shipped"].integer ?? allocation["quantity"].integer) ?? 0)),
      (pick("送り主", "From"), wardName(allocation["holder"].text ?? "", language)),
      (
        pick("届け先", "To"),
        "\(wardName(order["ward"].text ?? "", language)) \(names[order["shelter"].text ?? ""] ?? "")"
      ), (pick("輸送手段", "Carrier"), allocation["carrier"].text ?? ""), (pick("番号", "Number"), id),
    ]
    return page(
      request,
      frame.render(
        "slip", title: pick("送り状", "Delivery slip"), active: "/goods",
        [
          "lines": lines.map { ["label": $0.0, "value": $0.1] }, "qr": qr(code),
          "back": "/orders/\(order["id"].text ?? "")",
          "toOrder": pick("要請へ戻る", "Back to the request"),
          "how": pick("着いた所で「読み取り」を開き、この二次元コードを読み取ってください。", "Where it arrives: open \"Scan\" and read this."),
        ]))
  }
}
