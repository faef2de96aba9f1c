import Causality
import ChangeModel
import Desk

/// 仮設住宅の必要戸数: from destroyed households first, from what people wish later. Sums of two stages are never mixed.
public enum HousingEstimate {
  private static let stages = [Choice("受付", "applied"), Choice("意向", "wished"), Choice("推計", "estimated")]
  private static let homes = 0...Int64(10_000_000)
  static let asOf = Field.time(1, "as_of", "時点", "As of")
  static let stage = Field.choice(2, "stage", stages, "段階", "Stage")
  static let destroyed = Field.integer(3, "destroyed", homes, "住家を失った世帯", "Households without a home")
  static let answered = Field.integer(4, "answered", homes, "意向を答えた世帯", "Households that answered")
  static let wishing = Field.counts(5, "wishing", Self.sizes, "希望する世帯(人数別)", "Wishing, by size")
  static let low = Field.integer(6, "units_low", homes, "少ない見積り(戸)", "Units, low")
  static let best = Field.integer(7, "units_best", homes, "必要戸数", "Units")
  static let high = Field.integer(8, "units_high", homes, "多い見積り(戸)", "Units, high")
  static let people = Field.integer(9, "people", Numbers.people, "対応人数", "People")
  static let byType = Field.counts(10, "by_type", Self.types, "間取り別", "By type")
  static let sizes = (1...6).map { Choice($0 == 6 ? "6人以上" : "\($0)人", "\($0)") }
  static let types = [Choice("1DK", "1dk"), Choice("2DK", "2dk"), Choice("3K", "3k")]

  public static let records = Records(
    158, "housing_estimates", "仮設住宅の必要戸数", "Housing need", lane: .supply, law: .keptByMaker, reader: .staff,
    fields: [asOf, stage, destroyed, answered, wishing, best, low, high, people, byType] + Told.fields,
    title: [Told.ward, stage, best])

  /// So many of a hundred destroyed households need a home from the ward: from past quakes.
  static let rates: ClosedRange<Int64> = 20...30

  static func units(destroyed: Int64, percent: Int64) -> Int64 { (destroyed.held * percent + 99) / 100 }

  /// What answers come to for everybody, rounded up by type.
  ///
  /// - Parameter wishing: households by size, 1 first.
  static func scaled(destroyed: Int64, answered: Int64, wishing: [Int64]) -> (types: [Int64], people: Int64) {
    guard answered > 0 else { return ([0, 0, 0], 0) }
    func up(_ households: Int64) -> Int64 { (households.held * destroyed + answered - 1) / answered }
    let sizes = wishing + Array(repeating: 0, count: max(0, 6 - wishing.count))
    let people = sizes.enumerated().reduce(Int64(0)) { $0 + Int64($1.offset + 1) * $1.element.held }
    return ([up(sizes[0] + sizes[1]), up(sizes[2]), up(sizes[3...].reduce(0, +))], up(people))
  }

  static let service = Service(
    "仮設住宅の必要戸数", "Housing need", records: [records],
    actions: [
      Action(
        "estimateHousing", .new, records, "必要戸数を見積もる", "Estimate the housing need", for: .command,
        takes: [destroyed.needed, answered.asked, wishing.asked, asOf.asked],
        stamps: Told.stamps + [.nowUnlessGiven(asOf)]
      ) { desk, _, edits in
        let lost = desk.given.integer("destroyed")!
        guard let told = desk.given.integer("answered"), told > 0 else {
          edits += [
            stage.set("推計"), low.set(units(destroyed: lost, percent: rates.lowerBound)),
            best.set(units(destroyed: lost, percent: (rates.lowerBound + rates.upperBound) / 2)),
            high.set(units(destroyed: lost, percent: rates.upperBound)),
          ]
          return
        }
        guard told <= lost else {
          throw Fault.badValue("answered", ja: "住家を失った世帯より多くなっています", en: "more than the households without a home")
        }
        guard case .object(let counts)? = desk.given.values["wishing"] else {
          throw Fault.badValue(
            "wishing", ja: "希望する世帯を人数別に入れてください", en: "give the households that wish for one, by size")
        }
        let need = scaled(
          destroyed: lost, answered: told, wishing: sizes.map { counts[$0.word]?.integer ?? 0 })
        let total = need.types.reduce(0, +)
        let split = JSON.object(
          Dictionary(uniqueKeysWithValues: zip(types.map(\.word), need.types.map { JSON.integer($0) })))
        edits += [
          stage.set("意向"), low.set(total), best.set(total), high.set(total), people.set(need.people),
          byType.set(String(decoding: split.bytes, as: UTF8.self)),
        ]
      }
    ],
    lists: [
      Listing(
        "housingEstimates", records, "仮設住宅の必要戸数", "Housing need", filters: [Told.ward, stage], newest: asOf)
    ])
}
