import Causality
import ChangeModel
import Desk
import GRDB
import Places

/// How long what there is will last: stock against the people in open shelters, by the standards of the catalogue.
public enum Outlook {
  /// One place and one item.
  public struct Line: Hashable, Sendable {
    public var ward: String
    /// Nil for the ward as a whole, its stores included.
    public var shelter: RowID?
    public var item: RowID
    public var people: Int64
    public var stock: Int64
    public var daily: Double?
    public var once: Double?

    /// What is needed for so many days.
    public func need(days: Double) -> Int64 {
      let need = (Double(people) * ((daily ?? 0) * days + (once ?? 0))).rounded(.up)
      // A merged number may say anything.
      return need.isFinite ? Int64(min(max(need, 0), 1e15)) : 0
    }

    /// Hours until nothing is left; nil for what is not used up, or when nobody is there.
    public var hoursUntilEmpty: Double? {
      guard let daily, daily > 0, people > 0 else { return nil }
      let hours = Double(stock) / (Double(people) * daily) * 24
      return hours.isFinite ? hours : nil
    }
  }

  /// Days for which the wards' and the metropolis' own stock has to last (Tokyo's regional disaster plan).
  public static let days = 3.0

  /// - Parameter own: the node's own ward, whose registers count too.
  public static func lines(
    ward: String?, item: RowID?, byShelter: Bool, own: String, at now: Instant, _ db: Database
  ) throws -> [Line] {
    let days = ShelterReport.days(now)
    let group = byShelter ? "id" : "ward"
    // Whichever is higher, the count or the report of the day, else of the day before; and those outside whom the shelter serves.
    let besides = try HeadCount.Besides(db)
    let people = try Row.fetchAll(
      db,
      sql: """
        WITH reports AS (
          SELECT shelter, people, outside,
            row_number() OVER (PARTITION BY shelter ORDER BY day DESC, reported_at DESC, id DESC) AS place
          FROM shelter_reports WHERE day IN (?2, ?3)
        ), counted AS (
          SELECT s.id, s.ward,
            min(1e9, max(s.people, coalesce(r.people, 0)) + max(0, coalesce(r.outside, 0))) AS people
          FROM (\(HeadCount.all(own: "?4", recounts: "?5", uncounted: "?6"))) s LEFT JOIN reports r ON r.shelter = s.id AND r.place = 1
          WHERE s.\(HeadCount.open) AND (?1 IS NULL OR s.ward = ?1)
        )
        SELECT ward, \(byShelter ? "id" : "NULL") AS shelter, CAST(total(people) AS INTEGER) AS people
        FROM counted GROUP BY \(group)
        """, arguments: [ward, days.today, days.yesterday, own, besides.recounts, besides.uncounted])
    // A lot whose date has passed is no stock.
    let stock = try Row.fetchAll(
      db,
      sql: """
        SELECT l.ward AS ward, \(byShelter ? "l.shelter" : "NULL") AS shelter, l.item AS item,
          CAST(min(1e15, total(max(0, l.amount))) AS INTEGER) AS amount
        FROM lots l WHERE (l.expires IS NULL OR \(lastDay("l.expires")) >= ?2) AND (?1 IS NULL OR l.ward = ?1)
          AND (?3 IS NULL OR l.item = ?3) GROUP BY l.ward, \(byShelter ? "l.shelter" : "NULL"), l.item
        """, arguments: [ward, days.today, item?.rawValue])
    struct Place: Hashable {
      var ward: String
      var shelter: Int64?
      var item: Int64
    }
    var amounts: [Place: Int64] = [:]
    for row in stock {
      let place = Place(
        ward: String.fromDatabaseValue(row["ward"]) ?? "", shelter: Int64.fromDatabaseValue(row["shelter"]),
        item: Int64.fromDatabaseValue(row["item"]) ?? 0)
      amounts[place] = Int64.fromDatabaseValue(row["amount"]) ?? 0
    }
    let items = try RowValues.all(
      Item.records, "WHERE ?1 IS NULL OR id = ?1 ORDER BY id", [item?.rawValue], db)
    var lines: [Line] = []
    for row in people {
      let ward = String.fromDatabaseValue(row["ward"]) ?? ""
      let shelter = Int64.fromDatabaseValue(row["shelter"])
      for item in items where item[Item.daily] != nil || item[Item.once] != nil {
        lines.append(
          Line(
            ward: ward, shelter: shelter.map { RowID(rawValue: $0) }, item: item.id,
            people: Int64.fromDatabaseValue(row["people"]) ?? 0,
            stock: amounts[Place(ward: ward, shelter: shelter, item: item.id.rawValue)] ?? 0,
            daily: item[Item.daily], once: item[Item.once]))
      }
    }
    return lines.sorted { ($0.ward, $0.shelter ?? .none, $0.item) < ($1.ward, $1.shelter ?? .none, $1.item) }
  }

  /// A date of a month or a year alone holds to its end.
  public static func lastDay(_ column: String) -> String { "\(column) || substr('-99-99', length(\(column)) - 3)" }

  // MARK: Reads

  private enum Grouping: String, Word {
    case ward = "区"
    case shelter = "避難所"

    var code: String {
      switch self {
      case .ward: "ward"
      case .shelter: "shelter"
      }
    }
  }

  /// Every shelter's every item, twice over.
  private static let most = 50_000

  private static let outlook = Endpoint.read(
    "stockOutlook", "/stock/outlook", "過不足の見通し", "Shortage and surplus", for: .staff,
    "Shortage and surplus, and hours until empty, from head counts and standards.",
    [
      Lot.ward.asked, Lot.item.asked, FormField("by", .choice(Grouping.choices), ja: "単位", en: "By"),
      FormField("days", .integer(1...60), ja: "日数", en: "Days to cover"),
    ],
    answers: .list(
      "lines",
      [
        .init("ward", .ward, "区", "Ward"), .init("shelter", .row("shelters"), "避難所", "Shelter"),
        .init("item", .row("items"), "品目", "Item"), .init("people", .integer(Numbers.any), "人数", "People"),
        .init("stock", .integer(Numbers.any), "在庫", "Stock"), .init("need", .integer(Numbers.any), "必要数", "Need"),
        .init("surplus", .integer(Numbers.any), "過不足", "Surplus"),
        .init("hoursUntilEmpty", .number(0...1e15), "あと何時間", "Hours left"),
      ], beside: [.init("days", .number(0...60), "日数", "Days covered"), Paging.isCut])
  ) { look in
    let days = Double(look.given.int("days") ?? Int(Self.days))
    let lines = try lines(
      ward: look.given.text("ward"), item: look.given.row("item"),
      byShelter: look.given.text("by") == Grouping.shelter.rawValue, own: look.ward, at: look.now, look.db)
    let shown = Paging.cut(
      "lines",
      lines.prefix(most + 1).map { line in
        let need = line.need(days: days)
        var members: [String: JSON] = [
          "ward": .text(line.ward), "item": .text("\(line.item)"), "people": .integer(line.people),
          "stock": .integer(line.stock), "need": .integer(need), "surplus": .integer(line.stock - need),
        ]
        if let shelter = line.shelter { members["shelter"] = .text("\(shelter)") }
        if let hours = line.hoursUntilEmpty { members["hoursUntilEmpty"] = .real((hours * 10).rounded() / 10) }
        return .object(members)
      }, at: most)
    return .object(shown.merging(["days": .real(days)]) { $1 })
  }

  private static let expiring = Endpoint.read(
    "expiringStock", "/stock/expiring", "期限の近い在庫", "Stock that expires soon", for: .staff,
    "Lots whose date passes within some days, soonest first.",
    [FormField("days", .integer(0...3_650), ja: "日数", en: "Days")] + Paging.fields(of: Lot.records.name),
    answers: .rows("lots", Lot.records, isPaged: true)
  ) { look in
    let limit = JapaneseDay.text(
      look.now.advanced(byMilliseconds: Int64(look.given.int("days") ?? 30) * 86_400_000))
    let page = try look.page(
      Lot.records, where: "expires IS NOT NULL AND expires <= ?1 AND amount > 0", [limit], by: ["expires"],
      usual: 1_000)
    return page.answer(
      "lots", try page.rows.map { .object(try look.view($0, Lot.records, hiding: [Lot.book.schema.name])) })
  }

  public static let service = Service(
    "在庫の見通し", "Outlook", records: [], endpoints: [outlook, expiring], menu: ["expiringStock"])
}

extension RowID {
  fileprivate static let none = RowID(rawValue: .min)
}
