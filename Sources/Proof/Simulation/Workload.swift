import Causality
import ChangeModel
import Replica
import SignedLog

/// What a ward's staff do on such a night, weighted roughly as they would: mostly people, then goods, then papers.
///
/// Weights: our judgement, from the order of tasks in the shelters' own manuals; no source counts them.
struct Workload {
  let world: World
  let node: SimulatedNode

  private enum Task: CaseIterable {
    case registerEvacuee, changeEvacuee, headcount, shelterState, needs, diary, safety, receive, spend, handOver
    case order, allocate, link, withdraw, settle

    var weight: Int {
      switch self {
      case .registerEvacuee: 22
      case .changeEvacuee: 6
      case .headcount: 18
      case .shelterState: 12
      case .needs: 6
      case .diary: 4
      case .safety: 12
      case .receive: 4
      case .spend: 8
      case .handOver: 4
      case .order: 4
      case .allocate: 4
      case .link: 4
      case .withdraw: 4
      case .settle: 3
      }
    }
  }

  private static let total = Task.allCases.reduce(0) { $0 + $1.weight }

  private static let names = ["佐藤 花子", "鈴木 一郎", "高橋 明", "田中 幸子", "渡辺 健", "グエン ヴァン アン", "王 小明"]
  private static let things = ["水", "毛布", "おむつ", "粉ミルク", "簡易トイレ", "発電機", "生理用品"]

  private var replica: Replica { node.replica! }

  /// Rows that all wards speak of, under ids that all derive alike.
  private static func shared(_ kind: UInt64, _ number: Int) -> RowID {
    RowID(derivedFrom: (kind << 32 | UInt64(number)) &* 0x9e37_79b9_7f4a_7c15)
  }

  /// One edit, as the staff of this node would make it now; nil when there is nothing to do.
  func draft(_ random: inout RandomNumbers) throws -> Draft? {
    var pick = random.below(Self.total)
    let task = Task.allCases.first { task in
      pick -= task.weight
      return pick < 0
    }!
    // Wards look after their own shelters mostly, and report about others'.
    let wards = world.plan.wards.count
    let ward = random.chance(0.7) ? world.plan.nodes[node.index].ward : random.below(wards)
    let shelter = Self.shared(1, ward * 3 + random.below(3))
    let place = Self.shared(2, ward * 2 + random.below(2))
    switch task {
    case .registerEvacuee:
      let row = try replica.newRows(1)[0]
      node.evacuees.append(row)
      var fields: [FieldEdit] = [
        FieldEdit(1, .set(.text(random.pick(Self.names)))), FieldEdit(2, .set(.integer(Int64(random.below(100))))),
        FieldEdit(3, .set(.text("避難所 \(random.below(3))"))),
      ]
      if random.chance(0.2), knows(201, 4) { fields.append(FieldEdit(4, .add(.text("車椅子")))) }
      return edit(NightSchema.evacuees, row, fields)
    case .changeEvacuee:
      guard let row = evacuee(&random) else { return nil }
      return edit(NightSchema.evacuees, row, [FieldEdit(3, .set(.text("避難所 \(random.below(9))")))])
    case .headcount:
      return edit(NightSchema.shelters, shelter, [FieldEdit(4, .increment(Int64(random.below(12)) - 3))])
    case .shelterState:
      return edit(
        NightSchema.shelters, shelter,
        [
          FieldEdit(1, .set(.text("第\(shelter.rawValue & 7)小学校"))),
          FieldEdit(2, .set(.text(random.pick(["未開設", "開設", "閉鎖"])))),
          FieldEdit(3, .set(.text(random.pick(["空き", "混雑", "定員一杯"])))),
        ])
    case .needs:
      let thing = Value.text(random.pick(Self.things))
      return edit(NightSchema.shelters, shelter, [FieldEdit(5, random.chance(0.6) ? .add(thing) : .remove(thing))])
    case .diary:
      return edit(NightSchema.shelters, shelter, [FieldEdit(6, .append(.text("巡回 \(random.below(100_000))")))])
    case .safety:
      return edit(
        NightSchema.safety, Self.shared(3, random.below(60)),
        [
          FieldEdit(1, .set(.text(random.pick(["無事", "負傷", "不明"])))),
          FieldEdit(2, .append(.text("通報 \(random.below(100_000))"))),
        ])
    case .receive:
      return edit(
        NightSchema.stock, place,
        [
          FieldEdit(1, .set(.text(random.pick(Self.things)))), FieldEdit(2, .receive(Int64(random.below(200)) + 1)),
        ])
    case .spend:
      guard let share = try share(of: place), share > 0 else { return nil }
      // Now and then somebody asks for more than there is.
      let amount = random.chance(0.1) ? share + 1 : Int64(random.below(Int(share))) + 1
      return edit(NightSchema.stock, place, [FieldEdit(2, .spend(amount))])
    case .handOver:
      guard let share = try share(of: place), share > 0 else { return nil }
      let others = world.nodes.filter { $0.index != node.index && $0.replica != nil }
      guard !others.isEmpty else { return nil }
      let receiver = random.pick(others).replica!.author
      guard receiver != replica.author else { return nil }
      return edit(
        NightSchema.stock, place, [FieldEdit(2, .handOver(Int64(random.below(Int(share))) + 1, to: receiver))])
    case .order:
      return edit(
        NightSchema.orders, Self.shared(4, random.below(30)),
        [
          FieldEdit(1, .set(.text(random.pick(Self.things)))), FieldEdit(2, .set(.integer(Int64(random.below(500))))),
          FieldEdit(4, .set(.text(random.pick(["要請", "調整中", "発送"])))),
        ])
    case .allocate:
      return edit(
        NightSchema.orders, Self.shared(4, random.below(30)), [FieldEdit(3, .increment(Int64(random.below(50)) + 1))])
    case .link:
      guard knows(220, 1) else { return nil }
      return edit(
        NightSchema.identities, Self.shared(5, random.below(40)),
        [
          FieldEdit(1, .set(.text("R-\(random.below(1_000))"))), FieldEdit(2, .set(.text("R-\(random.below(1_000))"))),
          FieldEdit(3, .set(.text(random.pick(["同一", "別人"])))),
        ])
    case .withdraw:
      let isPerson = random.chance(0.7)
      let collection = isPerson ? NightSchema.evacuees : NightSchema.safety
      guard let row = isPerson ? evacuee(&random) : Self.shared(3, random.below(60)),
        try replica.store.state(of: row, in: collection.number)?.isVisible == true
      else { return nil }
      var draft = Draft(.life)
      draft.delete(collection, row)
      return draft
    case .settle:
      // Whoever sees two values chooses one.
      guard let state = try replica.store.state(of: shelter, in: 200), let cell = state.conflicts.first else {
        return nil
      }
      return edit(NightSchema.shelters, shelter, [FieldEdit(cell.field, .set(cell.others[0].value))])
    }
  }

  private func knows(_ collection: UInt32, _ field: UInt32) -> Bool {
    node.schema.collection(collection)?.field(field) != nil
  }

  private func evacuee(_ random: inout RandomNumbers) -> RowID? {
    // One's own people mostly; now and then somebody registered elsewhere.
    let rows = random.chance(0.7) ? node.evacuees : random.pick(world.nodes).evacuees
    guard !rows.isEmpty else { return nil }
    return rows[random.below(rows.count)]
  }

  private func share(of row: RowID) throws -> Int64? {
    try replica.store.state(of: row, in: NightSchema.stock.number)?.contribution(2)?[replica.author]?.total
  }

  private func edit(_ collection: CollectionSchema, _ row: RowID, _ fields: [FieldEdit]) -> Draft {
    var draft = Draft(collection.lane)
    draft.edit(collection, row, fields)
    return draft
  }
}
