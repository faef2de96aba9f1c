import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Places
import Replica

/// Goods in one place. A node gives away only its own share, so no two nodes that are cut off can give away the same.
public enum Lots {
  private static let records = Lot.records

  public static let own = Condition.own(Lot.ward, "他区の在庫です。要請してください", "another ward's stock: send a request")

  static let amount = Lot.amount.needed
  private static let note = FormField("note", .text(300), ja: "摘要", en: "Note")

  /// A line of the book: what, how many, who, why.
  static func book(_ word: String, _ amount: Int64, _ desk: Desk, _ note: String? = nil) -> FieldEdit {
    Lot.book.append(([word, "\(amount)", desk.inquiry.user.name] + [note].compactMap(\.self)).joined(separator: " "))
  }

  /// What goods of one batch keep wherever they go: its number and its date.
  static func batch(of goods: RowValues) -> [FieldEdit] {
    [goods[Lot.lot].map { Lot.lot.set($0) }, goods[Lot.expires].map { Lot.expires.set($0) }].compactMap(\.self)
  }

  /// - Throws: a `Fault` that says who holds the rest.
  public static func spending(_ amount: Int64, of row: RowID, _ desk: Desk, _ field: String = "amount") throws {
    guard let (own, list) = try desk.lacking(amount, of: row, records, Lot.amount) else { return }
    throw Fault.refused(
      field, ja: "このノードの持ち分は \(own) です。\(list.isEmpty ? "" : "ほかの持ち分(\(list))は譲渡を求めてください")",
      en: "this node's share is \(own)\(list.isEmpty ? "" : "; others hold \(list): ask for a share")")
  }

  // MARK: What is answered

  static let members = StockShares.members

  /// A lot, with who holds how much of it.
  public static func view(_ lot: RowValues, _ look: inout Look) throws -> [String: JSON] {
    var members = try look.view(lot, records, hiding: [Lot.book.schema.name])
    members.merge(try StockShares.view(lot.id, records, Lot.amount, look)) { $1 }
    return members
  }

  static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let lot = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return .object(try view(lot, &look))
  }

  static func written(_ row: RowID, _ edits: [FieldEdit]) -> Written {
    var draft = records.draft()
    draft.edit(records, row, edits)
    return Written([draft], about: [row]) { try answer(row, &$0) }
  }

  // MARK: Reads

  private static let list = Endpoint.read(
    "lots", "/lots", "在庫", "Stock", for: .staff, "Stock by ward, item and shelter.",
    [Lot.ward.asked, Lot.item.asked, Lot.shelter.asked] + Paging.fields(of: "lots", upTo: mostAtOnce),
    answers: .rows("lots", records, isPaged: true)
  ) { look in
    let page = try look.page(
      records,
      where: "(?1 IS NULL OR ward = ?1) AND (?2 IS NULL OR item = ?2) AND (?3 IS NULL OR shelter = ?3)",
      [look.given.text("ward"), look.given.integer("item"), look.given.integer("shelter")], usual: Int(mostAtOnce))
    return page.answer(
      "lots", try page.rows.map { .object(try look.view($0, records, hiding: [Lot.book.schema.name])) })
  }

  /// What the pages of goods read at once.
  private static let mostAtOnce: Int64 = 5_000

  private static let one = Endpoint.read(
    "lot", "/lots/{id}", "在庫", "Lot", for: .staff, "A lot, with who holds how much of it.", of: records,
    answers: .row(records, and: members)
  ) { look in try answer(look.inquiry.row!, &look) }

  private static let lines = Endpoint.read(
    "lotBook", "/lots/{id}/book", "出納簿", "Book of a lot", for: .staff,
    "A lot's book: every receipt, issue, transfer and count, oldest first.",
    [
      FormField("limit", .integer(1...mostAtOnce), ja: "件数", en: "How many at most"),
      FormField("after", .text(60), ja: "この行の次から", en: "`next` of the page before"),
    ], of: records,
    answers: .list(
      "lines",
      [
        .init("time", .time, "日時", "At"), .init("node", .text(20), "ノード", "Node"),
        .init("text", Lot.book.shape, "内容", "Text"),
      ], isPaged: true)
  ) { look in
    let limit = look.given.int("limit") ?? Int(mostAtOnce)
    let place = look.given.text("after")?.split(separator: ".").map { Int64($0) } ?? [.min, .min, .min, .min]
    guard place.count == 4, !place.contains(nil) else {
      throw Fault.badValue("after", ja: "続きの印ではありません", en: "not a page's `next`")
    }
    let lines = try Row.fetchAll(
      look.db.cachedStatement(
        sql: """
          SELECT time >> 16 AS time, author, value, time AS stamp, sequence, position FROM lots_book WHERE row = ?
            AND (time, author, sequence, position) > (?, ?, ?, ?)
          ORDER BY time, author, sequence, position LIMIT ?
          """),
      arguments: StatementArguments([look.inquiry.row!.rawValue] + place + [Int64(limit)]))
    let next = lines.count == limit ? lines.last : nil
    return [
      "next": JSON(
        next.map { row in
          ["stamp", "author", "sequence", "position"].map { "\(row[$0] as Int64)" }.joined(separator: ".")
        }),
      "lines": .list(
        lines.map {
          return [
            "time": JSON(Int64.fromDatabaseValue($0["time"])), "node": JSON(look.inquiry.node($0["author"] as Int64)),
            "text": JSON(String.fromDatabaseValue($0["value"])),
          ]
        }),
    ]
  }

  // MARK: What comes, goes and is counted

  private static let facts = [
    Lot.shelter.asked, Lot.place.asked, Lot.lot.asked, Lot.expires.asked, Lot.latitude.asked, Lot.longitude.asked,
  ]

  private static let add = Endpoint.write(
    "addLot", "/lots", "在庫を登録する", "Take goods into stock", for: .goodsAtShelters,
    "Take goods into stock at a place of this ward.",
    [Lot.item.needed, amount] + facts + [note], makes: true, answers: .row(records, and: members)
  ) { desk in
    _ = try desk.find(desk.given.row("item")!, in: Item.records, "item")
    if let shelter = desk.given.row("shelter") {
      try Shelters.mustBeOwn(shelter, "shelter", desk)
    } else if desk.given.text("place") == nil {
      throw Fault.badValue("place", ja: "避難所か保管場所を入れてください", en: "give a shelter or a place")
    }
    let amount = desk.given.integer("amount")!
    return written(
      try desk.newRow(),
      desk.given.edits([Lot.item.name] + facts.map(\.name), of: records) + [
        Lot.ward.set(desk.ward), Lot.amount.receive(amount), book("受入", amount, desk, desk.given.text("note")),
      ])
  }.often(5)

  private static let receive = Endpoint.write(
    "receiveStock", "/lots/{id}/receipt", "入庫する", "Receive", for: .goodsAtShelters, "More of the same came in.",
    [amount, note], of: records, when: [own], answers: .row(records, and: members)
  ) { desk in
    let (row, _) = try desk.subject(records)
    let amount = desk.given.integer("amount")!
    return written(row, [Lot.amount.receive(amount), book("受入", amount, desk, desk.given.text("note"))])
  }.often(4)

  private static let issue = Endpoint.write(
    "issueStock", "/lots/{id}/issue", "出庫する", "Issue", for: .goodsAtShelters, "Goods are given out.", [amount, note],
    of: records, when: [own], answers: .row(records, and: members)
  ) { desk in
    let (row, _) = try desk.subject(records)
    let amount = desk.given.integer("amount")!
    try spending(amount, of: row, desk)
    return written(row, [Lot.amount.spend(amount), book("払出", amount, desk, desk.given.text("note"))])
  }.often(7)

  private static let transfer = Endpoint.write(
    "transferStock", "/lots/{id}/transfer", "移動する", "Transfer", for: .goodsAtShelters,
    "Goods go to another place of this ward: out of one lot and into the other at once.",
    [
      amount, FormField("shelter", Lot.shelter.shape, ja: "移動先の避難所", en: "To shelter"),
      FormField("place", Lot.place.shape, ja: "移動先", en: "To place"), note,
    ], of: records, when: [own], makes: true, answers: .row(records, and: members)
  ) { desk in
    let (row, lot) = try desk.subject(records)
    let amount = desk.given.integer("amount")!
    if let shelter = desk.given.row("shelter") {
      guard try desk.find(shelter, in: Shelter.records, "shelter")[Shelter.ward] == desk.ward else {
        throw Fault.refused(
          "shelter", ja: "他区の避難所です。要請と割当で送ってください", en: "a shelter of another ward: use a request and an allocation")
      }
    } else if desk.given.text("place") == nil {
      throw Fault.badValue("place", ja: "移動先を入れてください", en: "say where to")
    }
    try spending(amount, of: row, desk)
    let new = try desk.newRow()
    var draft = records.draft()
    draft.edit(records, row, [Lot.amount.spend(amount), book("移動(出)", amount, desk, "\(new)")])
    var edits = desk.given.edits([Lot.shelter.name, Lot.place.name], of: records) + batch(of: lot)
    if let item = lot[Lot.item] { edits.append(Lot.item.set(item)) }
    edits += [Lot.ward.set(desk.ward), Lot.amount.receive(amount), book("移動(入)", amount, desk, "\(row)")]
    draft.edit(records, new, edits)
    return Written([draft], about: [row, new]) { try answer(new, &$0) }
  }.often(4)

  private static let count = Endpoint.write(
    "countStock", "/lots/{id}/count", "棚卸しする", "Count", for: .goodsAtShelters,
    "What was counted on the shelf: the book is put right as far as this node's share goes.",
    [FormField("counted", Lot.counted.shape, required: true, ja: "実数", en: "Counted"), note], of: records, when: [own],
    answers: .row(
      records,
      and: members + [.init("unexplained", Lot.counted.shape, "差異(他ノードの持ち分)", "Missing of what others hold")])
  ) { desk in
    let (row, lot) = try desk.subject(records)
    // A merged number may say anything.
    let known = min(max(lot[Lot.amount], -Self.most), Self.most)
    let counted = desk.given.integer("counted")!
    let own = max(0, try desk.share(row, records, Lot.amount))
    var edits = [book("棚卸", counted, desk, desk.given.text("note")), Lot.counted.set(counted)]
    if counted > known { edits.append(Lot.amount.receive(counted - known)) }
    let missing = max(0, known - counted)
    if min(missing, own) > 0 { edits.append(Lot.amount.spend(min(missing, own))) }
    let open = max(0, missing - own)
    if open > 0 { edits.append(book("差異(他ノードの持ち分)", open, desk)) }
    var written = written(row, edits)
    written.answer = { look in
      guard let lot = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
      var members = try view(lot, &look)
      members["unexplained"] = .integer(open)
      return .object(members)
    }
    return written
  }.often(3)

  /// As far as every program's numbers are exact, and no sum of two overflows.
  private static let most = Numbers.any.upperBound

  public static let service = Service(
    "在庫", "Stock", records: [records],
    endpoints: [add, receive, issue, transfer, count, list, one, lines], menu: ["lots"])
}
