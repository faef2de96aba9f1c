import Causality
import ChangeModel
import Desk
import GRDB

/// 被害の報告: the ward's figures at one hour. Each report is a row of its own, so that a figure may go down again; what is not
/// known is left empty and never counts as nought.
public enum DamageCount {
  private static let bases = [
    Choice("把握分", "known"), Choice("推計", "estimate"), Choice("確定報", "final"), Choice("訂正", "correction"),
  ]
  private static let homes = 0...Int64(10_000_000)
  static let asOf = Field.time(1, "as_of", "時点", "As of")
  static let basis = Field.choice(2, "basis", bases, "根拠", "Basis")
  static let dead = Field.integer(10, "dead", Numbers.people, "死者", "Dead")
  static let deadRelated = Field.integer(
    11, "dead_related", Numbers.people, "うち災害関連死", "Of them, dead of the consequences")
  static let missing = Field.integer(12, "missing", Numbers.people, "行方不明者", "Missing")
  static let serious = Field.integer(13, "serious", Numbers.people, "重傷者", "Seriously hurt")
  static let slight = Field.integer(14, "slight", Numbers.people, "軽傷者", "Slightly hurt")
  static let full = Field.integer(20, "full", homes, "全壊(棟)", "Destroyed, buildings")
  static let largeHalf = Field.integer(21, "large_half", homes, "大規模半壊(棟)", "Large-scale half destroyed")
  static let middleHalf = Field.integer(22, "middle_half", homes, "中規模半壊(棟)", "Middle-scale half destroyed")
  static let half = Field.integer(23, "half", homes, "半壊(棟)", "Half destroyed")
  static let semiHalf = Field.integer(24, "semi_half", homes, "準半壊(棟)", "Nearly half destroyed")
  static let partial = Field.integer(25, "partial", homes, "一部破損(棟)", "Partly damaged")
  static let unclassified = Field.integer(26, "unclassified", homes, "未分類(棟)", "Not classified")
  static let aboveFloor = Field.integer(27, "above_floor", homes, "床上浸水(棟)", "Flooded above the floor")
  static let belowFloor = Field.integer(28, "below_floor", homes, "床下浸水(棟)", "Flooded below the floor")
  static let fires = Field.integer(29, "fires", homes, "火災(件)", "Fires")
  static let publicBuildings = Field.integer(30, "public_buildings", homes, "公共建物(棟)", "Public buildings")
  static let otherBuildings = Field.integer(31, "other_buildings", homes, "その他の非住家(棟)", "Other buildings")
  static let note = Field.text(32, "note", 500, "備考", "Note")

  static let figures: [Field<Int64>] = [
    dead, deadRelated, missing, serious, slight, full, largeHalf, middleHalf, half, semiHalf, partial, unclassified,
    aboveFloor, belowFloor, fires, publicBuildings, otherBuildings,
  ]

  public static let records = Records(
    118, "damage_counts", "被害数", "Damage figures", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [asOf, basis] + figures + [note] + Told.fields, title: [Told.ward, asOf], indexes: [[Told.ward, asOf]])

  /// The newest report of each ward.
  static func newest(_ db: Database) throws -> [String: RowValues] {
    let reports = try RowValues.all(
      records,
      """
      WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY ward ORDER BY as_of DESC, id DESC) AS place
        FROM damage_counts WHERE basis IS NOT '推計') WHERE place = 1) ORDER BY ward LIMIT 100
      """, [], db)
    return Dictionary(reports.compactMap { report in report[Told.ward].map { ($0, report) } }) { first, _ in first }
  }

  private static let table = Endpoint.read(
    "damageTable", "/damage-counts/table", "被害の一覧表", "Table of damage", for: .staff,
    "Each figure over the wards' newest reports; wards that have told nothing count as not known.", [],
    answers: .list(
      "figures",
      [
        .init("figure", .text(60), "項目", "Figure"), .init("figureEn", .text(60), "項目(英語)", "Figure in English"),
        .init("total", .object(.words), "計", "Sum"), .init("known", .integer(Numbers.any), "把握した数", "Known"),
        .init("unknown", .integer(Numbers.any), "不明の区", "Wards not known"),
        .init("told", .integer(Numbers.any), "報告した区", "Wards that told"),
        .init("oldest", .time, "最も古い時点", "Oldest as of"),
      ])
  ) { look in
    let reports = try newest(look.db)
    let wards = look.inquiry.identity.federation.genesis.wards.map(\.code)
    let oldest = reports.values.compactMap { $0[asOf]?.milliseconds }.min()
    return [
      "figures": .list(
        figures.map { figure in
          let sum = AtLeast(wards.map { reports[$0]?[figure] })
          return [
            "figure": .text(figure.schema.japanese), "figureEn": .text(figure.schema.english),
            "total": sum.json, "known": JSON(sum.known), "unknown": JSON(sum.unknown),
            "told": JSON(reports.count), "oldest": JSON(oldest),
          ]
        })
    ]
  }

  static let service = Service(
    "被害数", "Damage figures", records: [records],
    actions: [
      Action(
        "tellDamage", .new, records, "被害数を入れる", "Enter damage figures", for: .command,
        takes: [asOf.asked, basis.asked] + figures.map(\.asked) + [note.asked],
        stamps: Told.stamps + [.nowUnlessGiven(asOf)])
    ],
    lists: [
      Listing("damageCounts", records, "被害数", "Damage figures", filters: [Told.ward], newest: asOf)
    ], endpoints: [table], menu: ["damageTable"])
}
