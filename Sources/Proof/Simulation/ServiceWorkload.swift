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

  /// What is done, as often as its declaration says. What shows a secret made by chance is left out: one seed is one night.
  private static let steps = catalogue.endpoints.filter { endpoint in
    endpoint.isWrite && endpoint.often > 0 && !endpoint.answer.members.contains { $0.isSecret }
  }
  private static let total = steps.reduce(0) { $0 + $1.often }

  private var replica: Replica { node.replica! }
  private var ward: String { node.identity.ward.code }

  /// - Returns: nil when there was nothing to do, or a rule refused it.
  func act(_ random: inout RandomNumbers, committed: (Draft, Dot) -> Void) throws -> ReplicaEffects? {
    var pick = random.below(Self.total)
    let step = Self.steps.first { step in
      pick -= step.often
      return pick < 0
    }!
    do {
      if step.id == "addShelter" { return try makeShelter(&random, committed) }
      return try perform(step, try call(step, &random), committed)
    } catch  where error is Fault || error is Nothing {
      node.attempt = []
      return nil
    }
  }

  // MARK: Calling

  private struct Nothing: Error {}

  /// One step, as somebody fills in its form.
  private struct Call {
    var row: RowID?
    var body: [String: JSON]
    /// What comes into stock by it, or leaves it.
    var goods: (item: RowID, amount: Int64)?

    init(_ row: RowID?, _ body: [String: JSON] = [:], goods: (RowID, Int64)? = nil) {
      self.row = row
      self.body = body
      self.goods = goods.map { ($0.0, $0.1) }
    }
  }

  private func perform(
    _ step: Endpoint, _ call: Call, _ committed: (Draft, Dot) -> Void
  ) throws -> ReplicaEffects {
    let inquiry = inquiry(call.row, given: try step.form.read(.object(call.body), in: node.identity.federation))
    return try Self.catalogue.write(step, inquiry, on: replica) { draft, dot in
      committed(draft, dot)
      if draft.lane == .supply, let goods = call.goods {
        node.attempt[node.attempt.count - 1].goods[goods.item] = goods.amount
      }
    }.effects
  }

  private func inquiry(_ row: RowID?, given: Submission = Submission()) -> Inquiry {
    Inquiry(given: given, row: row, user: User("職員 \(node.index)"), now: now, identity: node.identity)
  }

  /// How a step's form is filled in: from its shapes alone, but where a night would have nothing to tell of that.
  private func call(_ step: Endpoint, _ random: inout RandomNumbers) throws -> Call {
    let row = step.path.contains("{id}") ? try subject(of: step, &random) : nil
    return try typed(step.id, row, &random) ?? sampled(step, row, &random)
  }

  private func sampled(_ step: Endpoint, _ row: RowID?, _ random: inout RandomNumbers) throws -> Call {
    var chance = RandomNumbers(seed: random.next())
    var sample = Sample(wards: node.identity.federation.genesis.wards.map(\.code), now: now, seed: random.next()) {
      Self.catalogue.records[$0] == nil ? nil : try? self.row($0, &chance)
    }
    guard case .object(let body) = sample.entry(for: step.form) else { throw Nothing() }
    return Call(row, body)
  }

  /// A row by chance that admits the step as it stands: a page would show no button for the others.
  private func subject(of step: Endpoint, _ random: inout RandomNumbers) throws -> RowID {
    // What is no row of a collection waits at the counter.
    guard let records = step.subject else {
      guard let waiting = try row("waiting_reports", &random) else { throw Nothing() }
      return waiting
    }
    let rows = try ids(records.name)
    guard !rows.isEmpty else { throw Nothing() }
    for _ in 0..<6 {
      let row = random.pick(rows)
      let record = try replica.store.readOwn { db in Result { try RowValues.fetch(row, records, db) } }.get()
      if let record, step.refusal(of: record, inquiry(row)) == nil { return row }
    }
    throw Nothing()
  }

  // MARK: Forms with something to tell

  /// What people enter on such a night: the same few people everywhere, goods that are counted, two records that are one's.
  ///
  /// - Returns: nil where any values that the form admits will do.
  /// - Throws: `Nothing` when the node knows of nothing to enter.
  private func typed(_ step: String, _ row: RowID?, _ random: inout RandomNumbers) throws -> Call? {
    switch step {
    case "registerResident", "linkResidents", "giveConsent", "checkIn", "settleDouble", "reportSafety",
      "askToBeInformed":
      try aboutPeople(step, row, &random)
    case "addLot", "receiveStock", "issueStock", "transferStock", "countStock", "handOverShare", "takeOverShare",
      "allocate":
      try aboutGoods(step, row, &random)
    case "declare":
      Call(
        nil,
        [
          "title": "震災", "purposes": [random.chance(0.5) ? "安否確認" : "避難支援"], "reason": "本部設置", "card": card(),
          "until": .integer(now.milliseconds + 20 * 86_400_000),
        ])
    case "markTask": Call(nil, ["task": .text(random.pick(["d-sh-1", "d-pe-1", "d-st-1"])), "state": "完了"])
    case "addOwnField":
      Call(nil, ["collection": "shelters", "labelJa": "独自項目", "labelEn": "Own", "kind": "数"])
    case "enterOwnValues": try ownValue(&random)
    default: nil
    }
  }

  private func ownValue(_ random: inout RandomNumbers) throws -> Call {
    guard let shelter = try row("shelters", &random),
      let field = try row("own_fields", "collection = 'shelters'", &random)
    else { throw Nothing() }
    return Call(
      nil,
      ["collection": "shelters", "row": text(shelter), "field": text(field), "value": .text("\(random.below(99))")])
  }

  private func aboutPeople(_ step: String, _ subject: RowID?, _ random: inout RandomNumbers) throws -> Call {
    let mine = "(id >> 53) = \(node.identity.certificate.node.ward)"
    switch step {
    case "registerResident":
      var body = person(&random)
      if random.chance(0.05) { body["guarded"] = true }
      return Call(nil, body)
    case "linkResidents":
      guard let first = try row("residents", mine, &random), let second = try anyResident(&random) else {
        throw Nothing()
      }
      let claim = random.pick(["同一人物", "別人", "取消"])
      return Call(
        nil, ["first": text(first), "second": text(second), "claim": .text(claim), "evidence": "その他"])
    case "giveConsent":
      let other = random.pick(node.identity.federation.genesis.wards).code
      return Call(
        subject,
        [
          "toWard": .text(other), "scopes": ["氏名", "カナ"], "use": "相談",
          "until": .integer(now.milliseconds + 1_000_000_000),
        ])
    case "checkIn":
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
      return Call(subject, body)
    case "settleDouble":
      let pairs = try replica.store.readOwn { db in
        try Row.fetchAll(
          db,
          sql: """
            SELECT a.id, b.id FROM stays a JOIN stays b ON b.resident = a.resident AND b.id > a.id AND b.left_at IS NULL
            WHERE a.left_at IS NULL ORDER BY 1, 2 LIMIT 100
            """
        ).map { (RowID(rawValue: $0[0]), RowID(rawValue: $0[1])) }
      }
      guard !pairs.isEmpty else { throw Nothing() }
      let pair = random.pick(pairs)
      let verdict = random.chance(0.7) ? "同一人物" : "別人"
      return Call(pair.0, ["other": text(pair.1), "verdict": .text(verdict)])
    case "reportSafety":
      guard let resident = try anyResident(&random) else { throw Nothing() }
      return Call(
        nil,
        [
          "resident": text(resident), "status": .text(random.pick(["無事", "軽傷", "未確認"])),
          "source": .text(random.pick(["本人", "家族・知人", "伝聞", "巡回"])),
        ])
    default:
      guard let resident = try anyResident(&random) else { throw Nothing() }
      return Call(nil, ["resident": text(resident), "asker": "見本", "contact": "電話"])
    }
  }

  /// - Parameter subject: of the lot, or of the request that is allocated to.
  private func aboutGoods(_ step: String, _ subject: RowID?, _ random: inout RandomNumbers) throws -> Call {
    switch step {
    case "addLot":
      guard let item = try row("items", &random) else { throw Nothing() }
      let amount = Int64(random.below(500) + 1)
      return Call(nil, ["item": text(item), "amount": .integer(amount), "place": "倉庫"], goods: (item, amount))
    case "allocate":
      guard let request = subject, let item = try integer("SELECT item FROM requests WHERE id = \(request)"),
        let lot = try row("lots", "ward = '\(ward)' AND item = \(item)", &random)
      else { throw Nothing() }
      return Call(request, ["lot": text(lot), "quantity": JSON(random.below(120) + 1)])
    default: break
    }
    guard let lot = subject,
      let item = try integer("SELECT item FROM lots WHERE id = \(lot)").map(RowID.init(rawValue:))
    else { throw Nothing() }
    switch step {
    case "receiveStock":
      let amount = Int64(random.below(100) + 1)
      return Call(lot, ["amount": .integer(amount)], goods: (item, amount))
    case "issueStock":
      // Now and then more than there is.
      let amount = Int64(random.below(120) + 1)
      return Call(lot, ["amount": .integer(amount)], goods: (item, -amount))
    case "transferStock": return Call(lot, ["amount": JSON(random.below(40) + 1), "place": "別の倉庫"])
    case "countStock":
      guard let known = try integer("SELECT amount FROM lots WHERE id = \(lot)") else { throw Nothing() }
      let counted = max(0, known + Int64(random.below(21)) - 10)
      let change = counted >= known ? counted - known : -min(known - counted, max(0, try share(lot)))
      return Call(lot, ["counted": .integer(counted)], goods: (item, change))
    case "handOverShare":
      let others = world.nodes.filter { $0.index != node.index && $0.replica?.author.ward == replica.author.ward }
      guard !others.isEmpty else { throw Nothing() }
      let receiver = random.pick(others).replica!.author
      return Call(lot, ["amount": JSON(random.below(60) + 1), "node": .text("\(receiver)")])
    default:
      // Only of what is gone for good: that a living node's share is never taken is the authority's own care.
      let gone = world.nodes.filter {
        $0.state == .left && $0.identity.certificate.node.ward == replica.author.ward && $0.index != node.index
      }
      guard !gone.isEmpty else { throw Nothing() }
      let author = random.pick(gone).identity.author(epoch: 0)
      return Call(lot, ["node": .text("\(author)"), "reason": "機器の喪失", "card": card()])
    }
  }

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

  // MARK: Rows

  /// One row of a table by chance, of those that `condition` lets through.
  private func row(
    _ table: String, _ condition: String, _ random: inout RandomNumbers
  ) throws -> RowID? {
    let rows = try ids(table, condition)
    return rows.isEmpty ? nil : random.pick(rows)
  }

  private func row(_ table: String, _ random: inout RandomNumbers) throws -> RowID? { try row(table, "1", &random) }

  private func ids(_ table: String, _ condition: String = "1") throws -> [RowID] {
    try replica.store.readOwn { db in
      try Int64.fetchAll(db, sql: "SELECT id FROM \(table) WHERE \(condition) ORDER BY id LIMIT 400")
    }.map { RowID(rawValue: $0) }
  }

  private func integer(_ sql: String) throws -> Int64? {
    try replica.store.readOwn { try Int64.fetchOne($0, sql: sql) }
  }

  private func text(_ row: RowID) -> JSON { .text("\(row)") }

  /// A resident with a card: of this ward, or of another whose number the card shows.
  private func anyResident(_ random: inout RandomNumbers) throws -> RowID? {
    if random.chance(0.6), let own = try row("residents", &random) { return own }
    return try row(
      "(SELECT DISTINCT first AS id FROM identity_links UNION SELECT resident FROM consents UNION SELECT resident FROM stays)",
      "id IS NOT NULL", &random)
  }

  private func share(_ lot: RowID) throws -> Int64 {
    try replica.store.state(of: lot, in: Lot.records.number)?.contribution(Lot.amount.number)?[
      replica.author]?
      .total ?? 0
  }
}
