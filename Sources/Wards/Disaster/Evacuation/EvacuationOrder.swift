import Causality
import ChangeModel
import Desk
import GRDB
import Replica

/// 避難情報 (Disaster Countermeasures Basic Act, articles 56, 60 and 63, as of 2021): what a ward tells people of an area to do.
/// Somebody drafts it, somebody else issues it; raising it is a new row, and a lift takes back what its author had seen.
public enum EvacuationOrder {
  static let hazards = [
    Choice("地震", "earthquake"), Choice("津波", "tsunami"), Choice("大規模な火事", "great-fire"), Choice("洪水", "flood"),
    Choice("内水氾濫", "inland-flooding"), Choice("土砂災害", "landslide"), Choice("高潮", "storm-surge"), Choice("その他", "other"),
  ]
  private static let actions = [
    Choice("立退き避難", "leave"), Choice("屋内安全確保", "stay-above"), Choice("直ちに身を守る", "save-yourself-now"),
  ]
  static let area = Field.row(1, "area", of: "evacuation_areas", "地区", "Area")
  static let areaName = Field.text(2, "area_name", 200, "地区名", "Name of the area")
  static let hazard = Field.choice(3, "hazard", hazards, "災害の種類", "Hazard")
  static let kind = Field<EvacuationKind>.word(4, "kind", "避難情報", "Order")
  static let reason = Field.text(5, "reason", 500, "理由", "Reason")
  static let action = Field.choice(6, "action", actions, "とるべき行動", "What to do")
  static let households = Field.integer(7, "households", 0...1_000_000, "世帯数", "Households")
  static let people = Field.integer(8, "people", 0...3_000_000, "人数", "People")
  static let destinations = SetField(9, "destinations", of: .text(100), atMost: 20, "避難先", "Destinations")
  static let issuedAt = Field.time(10, "issued_at", "発令日時", "Issued at")
  /// Two who issue it at once both stand.
  static let approvedBy = SetField(11, "approved_by", of: .text(120), atMost: 20, "決裁者", "Approved by")
  static let alone = Field.text(12, "alone", 300, "単独決裁の理由", "Why by one alone")
  static let liftedAt = Field.time(13, "lifted_at", "解除日時", "Lifted at")
  static let liftReason = Field.text(14, "lift_reason", 300, "解除の理由", "Why it was lifted")
  static let governorToldAt = Field.time(15, "governor_told_at", "都知事への報告日時", "Governor told at")
  static let droppedAt = Field.time(16, "dropped_at", "見送り日時", "Dropped at")
  static let dropReason = Field.text(17, "drop_reason", 500, "見送りの理由", "Why it was dropped")

  public static let records = Records(
    100, "evacuation_orders", "避難情報", "Evacuation order", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [
      kind, areaName, hazard, reason, action, households, people, destinations, area, issuedAt, approvedBy, alone,
      liftedAt,
      liftReason, governorToldAt, droppedAt, dropReason,
    ] + Told.fields,
    title: [kind, areaName, hazard],
    states: [
      .has(liftedAt, "lifted", "解除", "lifted", .ended), .has(issuedAt, "issued", "発令中", "in force", .open),
      .has(droppedAt, "dropped", "見送り", "dropped", .ended), .otherwise("draft", "案", "draft", .underWay),
    ],
    indexes: [[Told.ward]])

  private static let unlifted = Condition.missing(liftedAt, "解除されています", "lifted already")
  private static let issued = Condition.present(issuedAt, "まだ発令されていません", "not issued yet")
  private static let draft = Condition.missing(issuedAt, "発令されています", "issued already")

  private static let issue = Action(
    "issueOrder", .step("issue"), records, "発令する", "Issue an order", for: .command, takes: [alone.asked],
    when: [Told.own, draft, unlifted, .missing(droppedAt, "見送った案です", "a dropped draft")], stamps: [.now(issuedAt)],
    warning: Words(
      "区の避難情報として、すべての区の画面に出ます。住民へは「住民への発信」で知らせてください。",
      "It stands as the ward's order in all wards. Residents are told by a message of its own.")
  ) { desk, record, edits in
    try Told.decides(desk, on: record, alone: alone)
    edits.append(approvedBy.add(desk.inquiry.user.name))
  }

  /// Every order of the own ward on an area and hazard that is in force here, of at least some rank.
  private static func standing(_ order: RowValues, above rank: Int, _ desk: Desk) throws -> [RowValues] {
    try desk.read { db in
      try RowValues.all(
        records,
        "WHERE ward = ?1 AND issued_at IS NOT NULL AND lifted_at IS NULL AND hazard IS ?2 ORDER BY id LIMIT 500",
        [desk.ward, order[hazard]], db
      ).filter {
        EvacuationLevels.isSameArea($0, order) && ($0[kind]?.rank ?? 0) > rank
          // A closed zone stands beside the others, and is lifted by itself.
          && ($0[kind] == .closedZone) == (order[kind] == .closedZone)
      }
    }
  }

  private static func lifting(_ orders: [RowValues], _ desk: Desk, _ draft: inout Draft) {
    for order in orders {
      draft.edit(
        records, order.id, desk.given.edits(["liftReason"], of: records) + [liftedAt.set(desk.enteredAt)])
    }
  }

  private static let lift = Endpoint.write(
    "liftOrder", "/evacuation-orders/{id}/lift", "解除する", "Lift an order", for: .command,
    "Every order on the area and hazard that stands here is lifted with it; one that is not seen here yet stays in force.",
    [liftReason.needed], of: records, when: [Told.own, issued, unlifted],
    warning: Words(
      "この地区とこの災害について、ここに見えている避難情報をすべて解除します。", "All orders on this area and hazard that are seen here are lifted."),
    answers: .row(records)
  ) { desk in
    let (row, order) = try desk.subject(records)
    var draft = records.draft()
    lifting(try standing(order, above: -1, desk), desk, &draft)
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  private static let lower = Endpoint.write(
    "lowerOrder", "/evacuation-orders/{id}/lowering", "引き下げる", "Lower an order", for: .command,
    "A lower order is issued, and every higher one that is seen here is lifted, in one change.",
    [kind.needed, liftReason.needed, action.asked, reason.asked], of: records, when: [Told.own, issued, unlifted],
    answers: .row(records)
  ) { desk in
    let (_, order) = try desk.subject(records)
    let new = desk.given.text("kind").flatMap { EvacuationKind(rawValue: $0) }!
    guard new.rank < order[kind]?.rank ?? 0, new.rank > 0 else {
      throw Fault.badValue("kind", ja: "今より低い避難情報を選んでください", en: "choose one that is lower than this")
    }
    let row = try desk.newRow()
    var draft = records.draft()
    // What stands on the area is replaced by the new one, also what is no higher.
    lifting(try standing(order, above: 0, desk), desk, &draft)
    draft.edit(
      records, row,
      order.copy(
        except: [
          "kind", "action", "reason", "issued_at", "approved_by", "governor_told_at", "alone", "told_by", "told_at",
        ]) + desk.given.edits(["action", "reason"], of: records) + [
          kind.set(new), issuedAt.set(desk.enteredAt), approvedBy.add(desk.inquiry.user.name),
          Told.by.set(desk.inquiry.user.name), Told.at.set(desk.enteredAt),
        ])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  static let service = Service(
    "避難情報", "Evacuation orders", records: [records],
    actions: [
      Action(
        "draftOrder", .new, records, "避難情報の案を作る", "Draft an order", for: .command,
        takes: [
          kind.needed, areaName.needed, hazard.needed, reason.asked, action.asked, destinations.asked, households.asked,
          people.asked, area.asked,
        ], stamps: Told.stamps),
      issue,
      Action(
        "dropOrder", .step("drop"), records, "発令を見送る", "Drop a draft", for: .command, takes: [dropReason.needed],
        when: [Told.own, draft, .missing(droppedAt, "見送っています", "dropped already")], stamps: [.now(droppedAt)]),
      Action(
        "tellGovernor", .step("governor"), records, "都知事への報告を記録する", "Record that the governor was told",
        for: .command, when: [Told.own, issued, .missing(governorToldAt, "報告済みです", "told already")],
        stamps: [.now(governorToldAt)]),
    ],
    lists: [
      Listing(
        "evacuationOrders", records, "避難情報", "Evacuation orders", filters: [Told.ward, hazard],
        open: [liftedAt, droppedAt],
        newest: Told.at)
    ],
    due: [
      Due(
        "発令した避難情報 % 件の都知事への報告がまだです", "the governor has not been told of % orders", in: "evacuationOrders", own: "ward",
        "報告を記録する",
        "Record it", for: .command, isUrgent: true
      ) { look in
        try look.count(
          records, "WHERE ward = ?1 AND issued_at < ?2 AND governor_told_at IS NULL AND lifted_at IS NULL",
          [look.ward, look.now.milliseconds - EvacuationLevels.governor])
      },
      Due(
        "解除の後に残っている避難情報が % 件あります", "% orders still stand after a lift", in: "evacuationLevels", own: "ward", "確かめる",
        "Check",
        for: .command, isUrgent: true
      ) { look in
        let orders = try RowValues.all(
          records, "WHERE ward = ?1 AND issued_at IS NOT NULL ORDER BY id DESC LIMIT 5000", [look.ward], look.db)
        return EvacuationLevels.lines(orders).count(where: \.survived)
      },
      Due(
        "避難情報の案が % 件、発令を待っています", "% drafts of orders wait to be issued", in: "evacuationOrders", own: "ward", "見る",
        "Look",
        for: .command
      ) { look in
        try look.count(
          records, "WHERE ward = ?1 AND issued_at IS NULL AND dropped_at IS NULL AND lifted_at IS NULL", [look.ward])
      },
    ], endpoints: [lift, lower, EvacuationLevels.endpoint], menu: ["evacuationLevels"])
}

/// 警戒レベル, by the Act of 2021. An order of 警戒区域 (article 63) stands beside the others.
enum EvacuationKind: String, Word {
  case elderly = "高齢者等避難"
  case everybody = "避難指示"
  case emergency = "緊急安全確保"
  case closedZone = "警戒区域"

  var code: String {
    switch self {
    case .elderly: "elderly-leave"
    case .everybody: "everybody-leaves"
    case .emergency: "emergency"
    case .closedZone: "closed-zone"
    }
  }

  /// Which of two is higher; 0 stands beside the others.
  var rank: Int {
    switch self {
    case .closedZone: 0
    case .elderly: 3
    case .everybody: 4
    case .emergency: 5
    }
  }

  /// 警戒レベル, of hazards of the weather alone: an earthquake and a tsunami have none.
  func level(of hazard: String?) -> Int? {
    rank > 0 && hazard != "地震" && hazard != "津波" && hazard != "大規模な火事" ? rank : nil
  }
}
