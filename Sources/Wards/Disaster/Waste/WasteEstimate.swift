import Causality
import ChangeModel
import Desk

/// 災害廃棄物の発生量: an estimate is a row; the newest of the best stage stands.
enum WasteEstimate {
  static let stages = [
    Choice("実績", "measured"), Choice("調査棟数", "surveyed"), Choice("報告棟数", "reported"),
    Choice("想定×震度", "scenario-and-shaking"),
    Choice("被害想定", "scenario"),
  ]
  private static let tonnes = 0...Int64(1_000_000_000)
  private static let homes = 0...Int64(10_000_000)
  static let asOf = Field.time(1, "as_of", "時点", "As of")
  static let stage = Field.choice(2, "stage", stages, "段階", "Stage")
  static let woodFull = Field.integer(3, "wood_full", homes, "木造全壊(棟)", "Wood, destroyed")
  static let woodHalf = Field.integer(4, "wood_half", homes, "木造半壊(棟)", "Wood, half destroyed")
  static let otherFull = Field.integer(5, "other_full", homes, "非木造全壊(棟)", "Other, destroyed")
  static let otherHalf = Field.integer(6, "other_half", homes, "非木造半壊(棟)", "Other, half destroyed")
  static let burnt = Field.integer(7, "burnt", homes, "焼失(棟)", "Burnt")
  static let low = Field.integer(8, "low", tonnes, "少ない見積り(t)", "Low, tonnes")
  static let best = Field.integer(9, "best", tonnes, "見積り(t)", "Best, tonnes")
  static let high = Field.integer(10, "high", tonnes, "多い見積り(t)", "High, tonnes")
  static let note = Field.text(11, "note", 300, "備考", "Note")

  static let records = Records(
    154, "waste_estimates", "廃棄物の発生量", "Estimate of waste", lane: .supply, law: .keptByMaker, reader: .staff,
    fields: [asOf, stage, best, low, high, woodFull, woodHalf, otherFull, otherHalf, burnt, note] + Told.fields,
    title: [Told.ward, stage, best])

  private static let inputs = [woodFull, woodHalf, otherFull, otherHalf, burnt]

  static let service = Service(
    "災害廃棄物の発生量", "Estimates of waste", records: [records],
    actions: [
      Action(
        "estimateWaste", .new, records, "発生量を見積もる", "Estimate waste", for: .command,
        takes: [stage.needed] + inputs.map(\.asked) + [asOf.asked, note.asked],
        stamps: Told.stamps + [.nowUnlessGiven(asOf)]
      ) { desk, _, edits in
        let given = inputs.map { desk.given.integer($0.name).map(Double.init) }
        guard given.contains(where: { $0 != nil }) else {
          throw Fault.badValue("woodFull", ja: "棟数を一つは入れてください", en: "give at least one number of homes")
        }
        let homes = WasteInput(
          woodFull: given[0] ?? 0, woodHalf: given[1] ?? 0, otherFull: given[2] ?? 0, otherHalf: given[3] ?? 0,
          burntWood: given[4] ?? 0)
        // The methods' range stands beside what the floor areas give: never a single number that explains nothing.
        let all = WasteMethod.allCases.map { Int64($0.tonnes(homes).rounded()) }
        edits += [
          best.set(Int64(WasteMethod.areas.tonnes(homes).rounded())), low.set(all.min()!), high.set(all.max()!),
        ]
      }
    ],
    lists: [
      Listing("wasteEstimates", records, "廃棄物の発生量", "Estimates of waste", filters: [Told.ward, stage], newest: asOf)
    ])
}
