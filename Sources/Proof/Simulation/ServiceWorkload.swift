import Catalogue
import Causality
import ChangeModel
import Desk
import Disaster
import Federation
import Foundation
import GRDB
import Goods
import People
import Places
import Replica

/// What a ward's staff do through the product's own services, by their own rules: whatever a rule refuses is turned away,
/// as at a desk.
struct ServiceWorkload {
  let world: World
  let node: SimulatedNode
  let now: Instant

  static let schema = Schema(Services.collections)
  static let indexes = Services.indexes
  private static let catalogue = Services.catalogue(Geography([]))

  private enum Task: CaseIterable {
    case shelter, open, headcount, report, resident, plan, link, consent, withdrawConsent, declare, endDeclaration
    case checkIn, checkOut, move, settle, safety, ask, answer
    case catalogue, addLot, receive, issue, transfer, count, handOver, askShare, grantShare, takeOver
    case request, decide, offer, allocate, ship, cancel, arrive, inspect, redirect, cancelRequest
    case disaster, mark, ownField, ownValue, acceptance, acceptanceAnswer

    /// Our judgement, from the order of tasks in the shelters' own manuals; no source counts them.
    var weight: Int {
      switch self {
      case .checkIn: 26
      case .headcount, .safety: 10
      case .checkOut, .resident, .issue, .request, .decide, .allocate: 7
      case .ship, .arrive, .inspect: 6
      case .settle, .addLot, .move, .shelter: 5
      case .open, .receive, .transfer, .cancel, .handOver, .grantShare, .askShare: 4
      case .report, .plan, .link, .count, .redirect, .ask: 3
      case .consent, .offer, .cancelRequest, .answer, .mark, .acceptance, .acceptanceAnswer, .takeOver, .ownValue: 2
      case .withdrawConsent, .declare, .endDeclaration, .catalogue, .disaster, .ownField: 1
      }
    }
  }

  private static let total = Task.allCases.reduce(0) { $0 + $1.weight }

  private var replica: Replica { node.replica! }
  private var ward: String { node.identity.ward.code }

  /// - Returns: nil when there was nothing to do, or a rule refused it.
  func act(_ random: inout RandomNumbers, committed: (Draft, Dot) -> Void) throws -> ReplicaEffects? {
    var pick = random.below(Self.total)
    let task = Task.allCases.first { task in
      pick -= task.weight
      return pick < 0
    }!
    do {
      if task == .shelter { return try makeShelter(&random, committed) }
      guard let call = try call(task, &random) else { return nil }
      return try perform(call, committed)
    } catch is Fault {
      node.attempt = []
      return nil
    }
  }

  // MARK: Calling

  private struct Call {
    var endpoint: String
    var row: RowID?
    var body: [String: JSON] = [:]
    /// What comes into stock by it, or leaves it.
    var goods: (item: RowID, amount: Int64)?

    init(_ endpoint: String, _ row: RowID? = nil, _ body: [String: JSON] = [:], goods: (RowID, Int64)? = nil) {
      self.endpoint = endpoint
      self.row = row
      self.body = body
      self.goods = goods.map { ($0.0, $0.1) }
    }
  }

  private func perform(_ call: Call, _ committed: (Draft, Dot) -> Void) throws -> ReplicaEffects {
    let endpoint = Self.catalogue[call.endpoint]
    let given = try endpoint.form.read(.object(call.body), in: node.identity.federation)
    let inquiry = Inquiry(
      given: given, row: call.row, user: User("職員 \(node.index)"), now: now, identity: node.identity)
    let (effects, _) = try Self.catalogue.write(endpoint, inquiry, on: replica) { draft, dot in
      committed(draft, dot)
      if draft.lane == .supply, let goods = call.goods {
        node.attempt[node.attempt.count - 1].goods[goods.item] = goods.amount
      }
    }
    return effects
  }

  /// One row of a table by chance, of those that `condition` lets through.
  private func row(_ table: String, _ condition: String = "1", _ random: inout RandomNumbers) throws -> RowID? {
    let rows = try ids(table, condition)
    return rows.isEmpty ? nil : random.pick(rows)
  }

  private func ids(_ table: String, _ condition: String = "1") throws -> [RowID] {
    try replica.store.readOwn { db in
      try Int64.fetchAll(db, sql: "SELECT id FROM \(table) WHERE \(condition) ORDER BY id LIMIT 400")
    }.map { RowID(rawValue: $0) }
  }

  private func integer(_ sql: String) throws -> Int64? {
    try replica.store.readOwn { try Int64.fetchOne($0, sql: sql) }
  }

  private func text(_ row: RowID) -> JSON { .text("\(row)") }

  /// A shelter of this ward: published lists give all wards the same row.
  private func makeShelter(_ random: inout RandomNumbers, _ committed: (Draft, Dot) -> Void) throws -> ReplicaEffects? {
    let number = random.below(3)
    let row = RowID(
      derivedFrom: (UInt64(ward)! << 32 | UInt64(number)) &* 0x9e37_79b9_7f4a_7c15, ward: replica.author.ward)
    var draft = Shelter.records.draft()
    draft.edit(
      Shelter.records, row,
      [
        Shelter.name.set("第\(number)小学校"), Shelter.ward.set(ward), Shelter.capacity.set(300),
        Shelter.status.set(.notOpen), Shelter.source.set("手入力"),
      ])
    let asked = draft
    return try replica.batch(at: now) { committed(asked, try replica.commit(asked, at: now)) }
  }

  private static let names = [
    ("佐藤", "花子", "サトウ", "ハナコ"), ("鈴木", "一郎", "スズキ", "イチロウ"), ("髙橋", "明", "タカハシ", "アキラ"),
    ("齋藤", "健", "サイトウ", "ケン"), ("渡邊", "幸子", "ワタナベ", "サチコ"),
  ]

  private func person(_ random: inout RandomNumbers) -> [String: JSON] {
    let name = random.pick(Self.names)
    return [
      "familyName": .text(name.0), "givenName": .text(name.1), "familyKana": .text(name.2), "givenKana": .text(name.3),
      "birth": .text("19\(50 + random.below(6))-0\(1 + random.below(9))-01"),
    ]
  }

  private func card() -> JSON {
    let record = world.federation.authorities[Int(node.identity.certificate.node.ward)]
    // Keys in order, so that one seed makes one run.
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return .text(String(decoding: try! encoder.encode(record), as: UTF8.self))
  }

  private func call(_ task: Task, _ random: inout RandomNumbers) throws -> Call? {
    let own = "ward = '\(ward)'"
    let mine = "(id >> 53) = \(node.identity.certificate.node.ward)"
    switch task {
    case .shelter: return nil
    case .open:
      return try row("shelters", own, &random).map { Call("openShelter", $0, ["area": 700, "toilets": 8]) }
    case .headcount:
      return try row("shelters", own, &random).map { Call("countHeads", $0, ["people": JSON(random.below(300))]) }
    case .report:
      return try row("shelters", own, &random).map {
        Call("reportShelter", $0, ["day": "2026-01-17", "people": JSON(random.below(300)), "needs": ["wheelchair": 2]])
      }
    case .resident:
      var body = person(&random)
      if random.chance(0.05) { body["guarded"] = true }
      return Call("registerResident", nil, body)
    case .plan:
      return try row("residents", mine, &random).map {
        Call("planAssistance", $0, ["grounds": ["要介護"], "plan": .text("計画 \(random.below(1_000))")])
      }
    case .link:
      guard let first = try row("residents", mine, &random), let second = try anyResident(&random) else { return nil }
      let claim = random.pick(["同一人物", "別人", "取消"])
      return Call(
        "linkResidents", nil, ["first": text(first), "second": text(second), "claim": .text(claim), "evidence": "その他"])
    case .consent:
      guard let resident = try row("residents", mine, &random) else { return nil }
      let other = random.pick(node.identity.federation.genesis.wards).code
      return Call(
        "giveConsent", resident,
        [
          "toWard": .text(other), "scopes": ["氏名", "カナ"], "use": "相談",
          "until": .integer(now.milliseconds + 1_000_000_000),
        ])
    case .withdrawConsent:
      return try row("consents", "withdrawn_at IS NULL", &random).map { Call("withdrawConsent", $0) }
    case .declare:
      return Call(
        "declare", nil,
        [
          "title": "震災", "purposes": [random.chance(0.5) ? "安否確認" : "避難支援"], "reason": "本部設置", "card": card(),
          "until": .integer(now.milliseconds + 20 * 86_400_000),
        ])
    case .endDeclaration:
      return try row("declarations", "\(own) AND ended_at IS NULL", &random).map { Call("endDeclaration", $0) }
    case .checkIn:
      guard let shelter = try row("shelters", "\(own) AND status = '開設'", &random) else { return nil }
      var body: [String: JSON] = [:]
      // Somebody with an ID, who may be entered elsewhere too, or somebody new.
      if random.chance(0.6), let resident = try anyResident(&random) {
        body["resident"] = text(resident)
      } else {
        let name = random.pick(Self.names)
        body["name"] = .text(name.0 + name.1)
        body["kana"] = .text(name.2 + name.3)
        body["birth"] = .text("19\(50 + random.below(6))-0\(1 + random.below(9))-01")
      }
      if random.chance(0.3) { body["needs"] = ["車椅子"] }
      return Call("checkIn", shelter, body)
    case .checkOut:
      return try row("stays", "\(mine) AND left_at IS NULL", &random).map { Call("checkOut", $0, ["leftFor": "自宅"]) }
    case .move:
      guard let stay = try row("stays", "\(mine) AND left_at IS NULL", &random),
        let shelter = try row("shelters", own, &random)
      else { return nil }
      return Call("moveStay", stay, ["shelter": text(shelter)])
    case .settle:
      let pairs = try replica.store.readOwn { db in
        try Row.fetchAll(
          db,
          sql: """
            SELECT a.id, b.id FROM stays a JOIN stays b ON b.resident = a.resident AND b.id > a.id AND b.left_at IS NULL
            WHERE a.left_at IS NULL ORDER BY 1, 2 LIMIT 100
            """
        ).map { (RowID(rawValue: $0[0]), RowID(rawValue: $0[1])) }
      }
      guard !pairs.isEmpty else { return nil }
      let pair = random.pick(pairs)
      let verdict = random.chance(0.7) ? "同一人物" : "別人"
      return Call("settleDouble", pair.0, ["other": text(pair.1), "verdict": .text(verdict)])
    case .safety:
      guard let resident = try anyResident(&random) else { return nil }
      return Call(
        "reportSafety", nil,
        [
          "resident": text(resident), "status": .text(random.pick(["無事", "軽傷", "未確認"])),
          "source": .text(random.pick(["本人", "家族・知人", "伝聞", "巡回"])),
        ])
    case .ask:
      guard let resident = try anyResident(&random) else { return nil }
      return Call("askToBeInformed", nil, ["resident": text(resident), "asker": "見本", "contact": "電話"])
    case .answer:
      return try row("safety_inquiries", "\(mine) AND told_at IS NULL", &random).map {
        Call("answerInquiry", $0, ["told": "無事"])
      }
    case .catalogue: return Call("installCatalogue")
    case .addLot:
      guard let item = try row("items", &random) else { return nil }
      let amount = Int64(random.below(500) + 1)
      return Call(
        "addLot", nil, ["item": text(item), "amount": .integer(amount), "place": "倉庫"], goods: (item, amount))
    case .receive:
      guard let lot = try lot(own, &random) else { return nil }
      let amount = Int64(random.below(100) + 1)
      return Call("receiveStock", lot.row, ["amount": .integer(amount)], goods: (lot.item, amount))
    case .issue:
      guard let lot = try lot(own, &random) else { return nil }
      // Now and then more than there is.
      let amount = Int64(random.below(120) + 1)
      return Call("issueStock", lot.row, ["amount": .integer(amount)], goods: (lot.item, -amount))
    case .transfer:
      guard let lot = try lot(own, &random) else { return nil }
      return Call("transferStock", lot.row, ["amount": JSON(random.below(40) + 1), "place": "別の倉庫"])
    case .count:
      guard let lot = try lot(own, &random), let known = try integer("SELECT amount FROM lots WHERE id = \(lot.row)")
      else {
        return nil
      }
      let counted = max(0, known + Int64(random.below(21)) - 10)
      let share = try share(lot.row)
      let change = counted >= known ? counted - known : -min(known - counted, max(0, share))
      return Call("countStock", lot.row, ["counted": .integer(counted)], goods: (lot.item, change))
    case .handOver:
      guard let lot = try lot(own, &random) else { return nil }
      let others = world.nodes.filter {
        $0.index != node.index && $0.replica?.author.ward == replica.author.ward
      }
      guard !others.isEmpty else { return nil }
      let receiver = random.pick(others).replica!.author
      return Call("handOverShare", lot.row, ["amount": JSON(random.below(60) + 1), "node": .text("\(receiver)")])
    case .askShare:
      return try lot(own, &random).map { Call("askForShare", $0.row, ["amount": JSON(random.below(60) + 1)]) }
    case .grantShare: return try row("share_requests", "closed_at IS NULL", &random).map { Call("grantShare", $0) }
    case .takeOver:
      // Only of what is gone for good: that a living node's share is never taken is the authority's own care.
      guard let lot = try lot("1", &random) else { return nil }
      let gone = world.nodes.filter {
        $0.state == .left && $0.identity.certificate.node.ward == replica.author.ward && $0.index != node.index
      }
      guard !gone.isEmpty else { return nil }
      let author = random.pick(gone).identity.author(epoch: 0)
      return Call("takeOverShare", lot.row, ["node": .text("\(author)"), "reason": "機器の喪失", "card": card()])
    case .request:
      guard let shelter = try row("shelters", own, &random), let item = try row("items", &random) else { return nil }
      return Call(
        "requestGoods", nil,
        [
          "shelter": text(shelter), "item": text(item), "quantity": JSON(random.below(200) + 1),
          "urgency": .text(random.pick(["通常", "至急", "緊急"])),
        ])
    case .decide:
      return try row("requests", "\(own) AND decision IS NULL", &random).map {
        Call("decideRequest", $0, ["decision": .text(random.chance(0.9) ? "承認" : "却下")])
      }
    case .offer:
      return try row("requests", "1", &random).map { Call("offerGoods", $0, ["quantity": JSON(random.below(90) + 1)]) }
    case .allocate:
      guard let request = try row("requests", "decision = '承認' AND cancelled_at IS NULL", &random),
        let item = try integer("SELECT item FROM requests WHERE id = \(request)"),
        let lot = try lot("\(own) AND item = \(item)", &random)
      else { return nil }
      return Call("allocate", request, ["lot": text(lot.row), "quantity": JSON(random.below(120) + 1)])
    case .ship:
      return try row("allocations", "holder = '\(ward)' AND shipped_at IS NULL AND cancelled_at IS NULL", &random).map {
        Call("shipAllocation", $0, random.chance(0.2) ? ["shipped": 1] : [:])
      }
    case .cancel:
      return try row("allocations", "holder = '\(ward)' AND shipped_at IS NULL AND cancelled_at IS NULL", &random).map {
        Call("cancelAllocation", $0, ["reason": "過剰"])
      }
    case .arrive:
      return try row("allocations", "shipped_at IS NOT NULL AND arrived_at IS NULL", &random).map {
        Call("confirmArrival", $0)
      }
    case .inspect:
      return try row("allocations", "arrived_at IS NOT NULL AND inspected_at IS NULL", &random).map {
        Call("inspectAllocation", $0)
      }
    case .redirect:
      guard let allocation = try row("allocations", "holder = '\(ward)' AND arrived_at IS NULL", &random),
        let request = try row("requests", "decision = '承認'", &random)
      else { return nil }
      return Call("redirectAllocation", allocation, ["request": text(request)])
    case .cancelRequest:
      return try row("requests", "\(own) AND cancelled_at IS NULL", &random).map {
        Call("cancelRequest", $0, ["reason": "不要"])
      }
    case .disaster:
      return Call("tellDisaster", nil, ["name": "首都直下地震", "quakeAt": .integer(now.milliseconds - 1_000)])
    case .mark:
      return Call("markTask", nil, ["task": .text(random.pick(["d-sh-1", "d-pe-1", "d-st-1"])), "state": "完了"])
    case .ownField:
      return Call(
        "addOwnField", nil, ["collection": "shelters", "labelJa": "独自項目", "labelEn": "Own", "kind": "数"])
    case .ownValue:
      guard let shelter = try row("shelters", "1", &random),
        let field = try row("own_fields", "collection = 'shelters'", &random)
      else { return nil }
      return Call(
        "enterOwnValues", nil,
        ["collection": "shelters", "row": text(shelter), "field": text(field), "value": .text("\(random.below(99))")])
    case .acceptance:
      let other = random.pick(node.identity.federation.genesis.wards).code
      return Call("askAcceptance", nil, ["toWard": .text(other), "people": JSON(random.below(50) + 1)])
    case .acceptanceAnswer:
      return try row("acceptance_requests", "to_ward = '\(ward)'", &random).map {
        Call("answerAcceptance", $0, ["answer": "一部受入可", "accepted": 5])
      }
    }
  }

  /// A resident with a card: of this ward, or of another whose number the card shows.
  private func anyResident(_ random: inout RandomNumbers) throws -> RowID? {
    if random.chance(0.6), let own = try row("residents", &random) { return own }
    return try row(
      "(SELECT DISTINCT first AS id FROM identity_links UNION SELECT resident FROM consents UNION SELECT resident FROM stays)",
      "id IS NOT NULL", &random)
  }

  private func lot(_ condition: String, _ random: inout RandomNumbers) throws -> (row: RowID, item: RowID)? {
    guard let row = try row("lots", condition, &random),
      let item = try integer("SELECT item FROM lots WHERE id = \(row)")
    else { return nil }
    return (row, RowID(rawValue: item))
  }

  private func share(_ lot: RowID) throws -> Int64 {
    try replica.store.state(of: lot, in: Lot.records.number)?.contribution(Lot.amount.number)?[
      replica.author]?
      .total ?? 0
  }

  private func row(_ table: String, _ random: inout RandomNumbers) throws -> RowID? { try row(table, "1", &random) }
}
