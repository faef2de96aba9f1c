import Causality
import ChangeModel
import Desk

/// 応急危険度判定: whether a building is safe to enter today. It says nothing of how much of its value is lost.
public enum BuildingCheck {
  private static let structures = [
    Choice("木造", "wood"), Choice("鉄骨造", "steel"), Choice("RC・SRC造", "concrete"),
  ]
  private static let grades = [Choice("A", "a"), Choice("B", "b"), Choice("C", "c")]
  static let address = Field.text(1, "address", 400, "所在地", "Address")
  static let building = Field.text(2, "building", 200, "建物名", "Building")
  static let structure = Field.choice(3, "structure", structures, "構造", "Structure")
  static let use = Field.text(4, "use", 60, "用途", "Use")
  static let storeys = Field.integer(5, "storeys", 1...100, "階数", "Storeys")
  static let outside = Field.choice(6, "outside", grades, "隣接・地盤・傾斜", "Outside")
  static let frame = Field.choice(7, "frame", grades, "構造躯体", "Frame")
  static let falling = Field.choice(8, "falling", grades, "落下・転倒の危険", "Falling")
  static let atGlance = Field.text(9, "at_glance", 200, "一見して危険な理由", "Why dangerous at a glance")
  static let result = Field<Placard>.word(10, "result", "判定", "Result")
  static let comment = Field.text(11, "comment", 500, "注記", "Comment")
  static let team = Field.text(12, "team", 60, "判定班", "Team")
  static let placard = Field.text(13, "placard_no", 40, "ステッカー番号", "Placard")
  static let shelter = Field.row(14, "shelter", of: "shelters", "避難所", "Shelter")
  static let round = Field.integer(15, "round", 1...20, "回", "Round")

  public static let records = Records(
    117, "building_checks", "応急危険度判定", "Quick inspection", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [
      result, address, building, structure, use, storeys, outside, frame, falling, atGlance, comment, team, placard,
      round,
      shelter,
    ] + Spot.fields + Told.seen,
    title: [result, address, building],
    states: [
      State("dangerous", "危険(赤)", "dangerous (red)", .open) { check, _ in check[result] == .red },
      State("caution", "要注意(黄)", "caution (yellow)", .underWay) { check, _ in check[result] == .yellow },
      .otherwise("inspected", "調査済(緑)", "inspected (green)", .done),
    ], place: Spot.place, indexes: [[shelter], [Told.ward]])

  /// 危険 at a glance is danger; else the worst of the three (全国被災建築物応急危険度判定協議会, the inspection forms).
  static func result(atGlance: String?, _ grades: [String?]) -> Placard {
    if atGlance != nil || grades.contains("C") { return .red }
    return grades.contains("B") ? .yellow : .green
  }

  static let service = Service(
    "応急危険度判定", "Quick inspections", records: [records],
    actions: [
      Action(
        "checkBuilding", .new, records, "判定を記録する", "Record an inspection", for: .relief,
        takes: [
          address.needed, building.asked, outside.asked, frame.asked, falling.asked, atGlance.asked, structure.asked,
          storeys.asked, use.asked, comment.asked, team.asked, placard.asked, round.asked, shelter.asked,
        ] + Spot.asked + Told.asked,
        stamps: Told.seenStamps
      ) { desk, _, edits in
        let grades = ["outside", "frame", "falling"].map { desk.given.text($0) }
        guard desk.given.text("atGlance") != nil || !grades.contains(nil) else {
          throw Fault.badValue(
            "outside", ja: "三つの項目の A・B・C か、一見して危険な理由を入れてください",
            en: "give A, B or C of all three, or why it is dangerous at a glance")
        }
        edits.append(result.set(result(atGlance: desk.given.text("atGlance"), grades)))
      }.often(2)
    ],
    lists: [
      Listing(
        "buildingChecks", records, "応急危険度判定", "Quick inspections", filters: [Told.ward, result, shelter],
        newest: Told.observedAt)
    ], endpoints: [counts], menu: ["placardCounts"])

  private static let counts = Endpoint.read(
    "placardCounts", "/building-checks/counts", "判定の件数", "Placards", for: .staff,
    "How many buildings bear which placard, by ward.", [Told.ward.asked],
    answers: .list(
      "counts",
      [
        .init("ward", .ward, "区", "Ward"), .init("result", result.shape, "判定", "Result"),
        .init("count", .integer(Numbers.any), "棟数", "Buildings"),
      ])
  ) { look in
    // The newest of each address counts.
    let checks = try RowValues.all(
      records, "WHERE (?1 IS NULL OR ward = ?1) ORDER BY observed_at, id LIMIT 200000", [look.given.text("ward")],
      look.db)
    var newest: [String: RowValues] = [:]
    for check in checks {
      newest["\(check[Told.ward] ?? "") \(PlaceKey.ofAddress(check[address] ?? "")) \(check[building] ?? "")"] = check
    }
    var counts: [[String]: Int] = [:]
    for check in newest.values { counts[[check[Told.ward] ?? "", check[result]?.rawValue ?? ""], default: 0] += 1 }
    return [
      "counts": .list(
        counts.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
          ["ward": .text($0.key[0]), "result": .text($0.key[1]), "count": JSON($0.value)]
        })
    ]
  }
}
