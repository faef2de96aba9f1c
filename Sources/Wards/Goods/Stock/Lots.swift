import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Places
import Replica
import Sodium

/// Goods in one place. A node gives away only its own share, so no two nodes that are cut off can give away the same.
public enum Lots {
  static let schema = StockSchema.lots
  static let amountField = StockSchema.Field.amount

  private static let amount = FormField("amount", .integer(1...1_000_000_000), required: true, ja: "数量", en: "Amount")
  private static let note = FormField("note", .text(300), ja: "摘要", en: "Note")

  /// A line of the book: what, how many, who, why.
  static func book(_ word: String, _ amount: Int64, _ desk: Desk, _ note: String? = nil) -> FieldEdit {
    FieldEdit(
      StockSchema.Field.book,
      .append(.text(([word, "\(amount)", desk.inquiry.user.name] + [note].compactMap(\.self)).joined(separator: " "))))
  }

  /// The lot that the path names, of this ward.
  static func own(_ desk: Desk) throws -> (row: RowID, values: RowValues) {
    let (row, values) = try desk.subject(schema)
    guard values.text("ward") == desk.ward else {
      throw Fault(.forbidden, field: "id", ja: "他区の在庫です。要請してください", en: "another ward's stock: send a request")
    }
    return (row, values)
  }

  /// What a lot is about, with who holds how much of it.
  public static func view(_ values: RowValues, _ inquiry: Inquiry, _ db: Database) throws -> JSON {
    var members = values.json(hiding: ["book"])
    let shares = try StockShares.of(values.id, schema, amountField, db)
    members["shares"] = .list(
      shares.sorted { $0.key < $1.key }.map {
        [
          "node": .text("\($0.key)"), "ward": JSON(inquiry.identity.federation.ward(at: $0.key.ward)?.code),
          "amount": .integer($0.value),
        ]
      })
    let own = shares.filter { $0.key.node == inquiry.identity.certificate.node }.reduce(0) { $0 + $1.value }
    members["ownShare"] = .integer(own)
    if shares.values.contains(where: { $0 < 0 }) { members["overdrawn"] = true }
    members["conflicts"] = try RowValues.conflicts(of: values.id, schema, db)
    return .object(members)
  }

  private static func answer(_ row: RowID, _ inquiry: Inquiry) -> (Database) throws -> JSON {
    { db in
      guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
      return try view(values, inquiry, db)
    }
  }

  /// - Throws: a `Fault` that says who holds the rest.
  public static func spending(_ amount: Int64, of row: RowID, _ desk: Desk, _ field: String = "amount") throws {
    let shares = try desk.shares(row, schema, amountField)
    let own = shares[desk.replica.author] ?? 0
    guard amount > own else { return }
    let others = shares.filter { $0.key != desk.replica.author && $0.value > 0 }.sorted { $0.key < $1.key }
    let list = others.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    throw Fault.refused(
      field, ja: "このノードの持ち分は \(own) です。\(others.isEmpty ? "" : "ほかの持ち分(\(list))は譲渡を求めてください")",
      en: "this node's share is \(own)\(others.isEmpty ? "" : "; others hold \(list): ask for a share")")
  }

  /// A node as people write it: `12.1.0`.
  static func author(_ text: String) -> AuthorNumber? {
    let parts = text.split(separator: ".").compactMap { UInt32($0) }
    guard parts.count == 3, parts.allSatisfy({ $0 < AuthorNumber.partLimit }) else { return nil }
    return AuthorNumber(ward: parts[0], serial: parts[1], epoch: parts[2])
  }

  private static let nodeField = FormField(
    "node", .text(20), required: true, ja: "ノード(例 12.1.0)", en: "Node, such as 12.1.0")

  private static func node(_ desk: Desk) throws -> AuthorNumber {
    guard let node = author(desk.given.text("node")!), desk.replica.membership.key(of: node) != nil else {
      throw Fault.badValue(
        "node", ja: "登録されたノードの番号(例 12.1.0)を入れてください", en: "not the number of an enrolled node, such as 12.1.0")
    }
    return node
  }

  /// The epoch in which a node writes, as far as this one knows: a share given to an earlier one could not be spent.
  private static func current(_ node: AuthorNumber, _ desk: Desk) -> AuthorNumber {
    desk.replica.store.logNames.map(\.author).filter { $0.node == node.node }.max() ?? node.node
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "addLot", "/lots", "Take goods into stock at a place of this ward.",
      [
        FormField("item", .row("items"), required: true, ja: "品目", en: "Item"), amount,
        FormField("shelter", .row("shelters"), ja: "避難所", en: "Shelter"),
        FormField("place", .text(100), ja: "保管場所", en: "Place"), FormField("lot", .text(60), ja: "ロット", en: "Lot"),
        FormField("expires", .date, ja: "期限", en: "Expires"),
        FormField("latitude", .number(20...46), ja: "緯度", en: "Latitude"),
        FormField("longitude", .number(122...154), ja: "経度", en: "Longitude"), note,
      ], makes: true
    ) { desk in
      _ = try desk.find(desk.given.row("item")!, in: StockSchema.items, "item")
      if let shelter = desk.given.row("shelter") {
        guard try desk.find(shelter, in: ShelterSchema.shelters, "shelter").text("ward") == desk.ward else {
          throw Fault.refused("shelter", ja: "他区の避難所です", en: "a shelter of another ward")
        }
      } else if desk.given.text("place") == nil {
        throw Fault.badValue("place", ja: "避難所か保管場所を入れてください", en: "give a shelter or a place")
      }
      let row = try desk.newRow()
      let amount = desk.given.integer("amount")!
      var draft = Draft(.supply)
      draft.edit(
        schema, row,
        desk.given.edits(["item", "shelter", "place", "lot", "expires", "latitude", "longitude"], of: schema) + [
          FieldEdit(2, .set(.text(desk.ward))), FieldEdit(amountField, .receive(amount)),
          book("受入", amount, desk, desk.given.text("note")),
        ])
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .read("lot", "/lots/{id}", "A lot, with who holds how much of it.", of: "lots") { inquiry, db in
      Seen(try answer(inquiry.row!, inquiry)(db))
    },
    .read(
      "lots", "/lots", "Stock by ward, item and shelter.",
      [
        FormField("ward", .ward, ja: "区", en: "Ward"), FormField("item", .row("items"), ja: "品目", en: "Item"),
        FormField("shelter", .row("shelters"), ja: "避難所", en: "Shelter"),
      ]
    ) { inquiry, db in
      let rows = try RowValues.all(
        schema,
        "WHERE (?1 IS NULL OR ward = ?1) AND (?2 IS NULL OR item = ?2) AND (?3 IS NULL OR shelter = ?3) ORDER BY id LIMIT 5000",
        [inquiry.given.text("ward"), inquiry.given.integer("item"), inquiry.given.integer("shelter")], db)
      return Seen(["lots": .list(rows.map { .object($0.json(hiding: ["book"])) })])
    },
    .read("lotBook", "/lots/{id}/book", "A lot's book: every receipt, issue, transfer and count.", of: "lots") {
      inquiry, db in
      let lines = try Row.fetchAll(
        db,
        sql:
          "SELECT time >> 16 AS time, author, value FROM lots_book WHERE row = ? ORDER BY time, author, sequence, position LIMIT 5000",
        arguments: [inquiry.row!.rawValue])
      return Seen([
        "lines": .list(
          lines.map {
            let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: Int64.fromDatabaseValue($0["author"]) ?? 0))
            return [
              "time": JSON(Int64.fromDatabaseValue($0["time"])), "node": .text(author.map { "\($0)" } ?? "?"),
              "text": JSON(String.fromDatabaseValue($0["value"])),
            ]
          })
      ])
    },
    .write("receiveStock", "/lots/{id}/receipt", "More of the same came in.", [amount, note], of: "lots") { desk in
      let (row, _) = try own(desk)
      let amount = desk.given.integer("amount")!
      var draft = Draft(.supply)
      draft.edit(
        schema, row, [FieldEdit(amountField, .receive(amount)), book("受入", amount, desk, desk.given.text("note"))])
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write("issueStock", "/lots/{id}/issue", "Goods are given out.", [amount, note], of: "lots") { desk in
      let (row, _) = try own(desk)
      let amount = desk.given.integer("amount")!
      try spending(amount, of: row, desk)
      var draft = Draft(.supply)
      draft.edit(
        schema, row, [FieldEdit(amountField, .spend(amount)), book("払出", amount, desk, desk.given.text("note"))])
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write(
      "transferStock", "/lots/{id}/transfer",
      "Goods go to another place of this ward: out of one lot and into the other at once.",
      [
        amount, FormField("shelter", .row("shelters"), ja: "移動先の避難所", en: "To shelter"),
        FormField("place", .text(100), ja: "移動先", en: "To place"), note,
      ], of: "lots", makes: true
    ) { desk in
      let (row, values) = try own(desk)
      let amount = desk.given.integer("amount")!
      if let shelter = desk.given.row("shelter") {
        guard try desk.find(shelter, in: ShelterSchema.shelters, "shelter").text("ward") == desk.ward else {
          throw Fault.refused(
            "shelter", ja: "他区の避難所です。要請と割当で送ってください", en: "a shelter of another ward: use a request and an allocation")
        }
      } else if desk.given.text("place") == nil {
        throw Fault.badValue("place", ja: "移動先を入れてください", en: "say where to")
      }
      try spending(amount, of: row, desk)
      let new = try desk.newRow()
      var draft = Draft(.supply)
      draft.edit(schema, row, [FieldEdit(amountField, .spend(amount)), book("移動(出)", amount, desk, "\(new)")])
      var copy = desk.given.edits(["shelter", "place"], of: schema)
      for field in schema.fields where ["item", "ward", "lot", "expires"].contains(field.name) {
        if let number = values.integer(field.name), field.type == .integer {
          copy.append(FieldEdit(field.number, .set(.integer(number))))
        } else if let text = values.text(field.name) {
          copy.append(FieldEdit(field.number, .set(.text(text))))
        }
      }
      copy += [FieldEdit(amountField, .receive(amount)), book("移動(入)", amount, desk, "\(row)")]
      draft.edit(schema, new, copy)
      return Written([draft], about: [row, new], answer: answer(new, desk.inquiry))
    },
    .write(
      "countStock", "/lots/{id}/count",
      "What was counted on the shelf: the book is put right as far as this node's share goes.",
      [FormField("counted", .integer(0...1_000_000_000), required: true, ja: "実数", en: "Counted"), note], of: "lots"
    ) { desk in
      let (row, values) = try own(desk)
      let (counted, known) = (desk.given.integer("counted")!, values.integer("amount") ?? 0)
      let own = max(0, try desk.share(row, schema, amountField))
      var edits = [book("棚卸", counted, desk, desk.given.text("note")), FieldEdit(11, .set(.integer(counted)))]
      if counted > known { edits.append(FieldEdit(amountField, .receive(counted - known))) }
      let missing = max(0, known - counted)
      if min(missing, own) > 0 { edits.append(FieldEdit(amountField, .spend(min(missing, own)))) }
      let open = max(0, missing - own)
      if open > 0 { edits.append(book("差異(他ノードの持ち分)", open, desk)) }
      var draft = Draft(.supply)
      draft.edit(schema, row, edits)
      let view = answer(row, desk.inquiry)
      return Written([draft], about: [row]) { db in
        guard case .object(var members) = try view(db) else { return .null }
        members["unexplained"] = .integer(open)
        return .object(members)
      }
    },
    .write(
      "handOverShare", "/lots/{id}/handover", "Part of this node's share becomes another node's to give.",
      [amount, nodeField],
      of: "lots"
    ) { desk in
      let (row, _) = try own(desk)
      let (amount, node) = (desk.given.integer("amount")!, current(try node(desk), desk))
      guard node.ward == desk.wardIndex else {
        throw Fault.badValue(
          "node", ja: "自区のノードを選んでください。他区へは要請と割当で送ります",
          en: "choose a node of this ward; to another ward goods go by request and allocation")
      }
      guard node != desk.replica.author else {
        throw Fault.badValue("node", ja: "このノード自身です", en: "is this node itself")
      }
      try spending(amount, of: row, desk)
      var draft = Draft(.supply)
      draft.edit(
        schema, row, [FieldEdit(amountField, .handOver(amount, to: node)), book("譲渡", amount, desk, "\(node)")])
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write(
      "askForShare", "/lots/{id}/share-requests", "Ask the other nodes for part of their share.", [amount], of: "lots",
      makes: true
    ) {
      desk in
      let (lot, _) = try own(desk)
      let row = try desk.newRow()
      var draft = Draft(.supply)
      draft.edit(
        StockSchema.shareRequests, row,
        [
          FieldEdit(1, .set(.integer(lot.rawValue))),
          FieldEdit(2, .set(.integer(Int64(desk.replica.author.rawValue)))),
          FieldEdit(3, .set(.integer(desk.given.integer("amount")!))),
          FieldEdit(4, .set(.integer(desk.now.milliseconds))),
        ])
      return Written([draft], about: [lot]) { db in
        .object(try RowValues.fetch(row, StockSchema.shareRequests, db)?.json() ?? [:])
      }
    },
    .write(
      "grantShare", "/share-requests/{id}/grant", "Hand over what was asked for, as far as this node's share goes.", [],
      of: "share_requests"
    ) { desk in
      let (row, values) = try desk.subject(StockSchema.shareRequests)
      guard let lot = values.row("lot"), let raw = values.integer("node"),
        let asker = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: raw)), case let node = current(asker, desk),
        node.ward == desk.wardIndex, node != desk.replica.author
      else { throw Fault.refused("id", ja: "このノード自身の要求です", en: "is this node's own request") }
      guard values.integer("closed_at") == nil else { throw Fault.refused("id", ja: "終わった要求です", en: "is closed") }
      let wanted = (values.integer("amount") ?? 0) - (values.integer("granted") ?? 0)
      let amount = min(wanted, try desk.share(lot, schema, amountField))
      guard amount > 0 else {
        throw Fault.refused("id", ja: "渡せる持ち分がないか、すでに渡されています", en: "nothing to hand over, or handed over already")
      }
      var draft = Draft(.supply)
      draft.edit(
        schema, lot, [FieldEdit(amountField, .handOver(amount, to: node)), book("譲渡", amount, desk, "\(node)")])
      var edits = [FieldEdit(5, .increment(amount))]
      if amount == wanted { edits.append(FieldEdit(6, .set(.integer(desk.now.milliseconds)))) }
      draft.edit(StockSchema.shareRequests, row, edits)
      return Written([draft], about: [lot]) { db in
        .object(try RowValues.fetch(row, StockSchema.shareRequests, db)?.json() ?? [:])
      }
    },
    .read("shareRequests", "/share-requests", "Open requests for shares.") { _, db in
      Seen([
        "requests": .list(
          try RowValues.all(
            StockSchema.shareRequests, "WHERE closed_at IS NULL AND granted < amount ORDER BY id LIMIT 1000", [], db
          )
          .map { .object($0.json()) })
      ])
    },
    .write(
      "takeOverShare", "/lots/{id}/takeover",
      "The ward's authority decides that the share of a node of this ward, which is lost, is this node's to give.",
      [
        nodeField, FormField("amount", .integer(1...1_000_000_000), ja: "数量", en: "Amount"),
        FormField("reason", .text(500), required: true, ja: "理由", en: "Reason"),
        Desk.card.required, Desk.passphrase,
      ], of: "lots"
    ) { desk in
      let (row, _) = try desk.subject(schema)
      let node = try node(desk)
      guard node.ward == desk.wardIndex, node != desk.replica.author else {
        throw Fault.badValue("node", ja: "自区の、ほかのノードを選んでください", en: "choose another node of this ward")
      }
      let key = try desk.authority()
      let held = try desk.shares(row, schema, amountField)[node] ?? 0
      let amount = desk.given.integer("amount") ?? held
      guard amount > 0, amount <= held else {
        throw Fault.refused("amount", ja: "そのノードの持ち分は \(held) です", en: "that node's share is \(held)")
      }
      let decision = try desk.newRow()
      let statement = "renkei takeover 1\n\(decision)\n\(row)\n\(node)\n\(amount)\n\(desk.given.text("reason")!)"
      let signature = key.signature(over: desk.inquiry.identity.federation.id.bytes + [UInt8](statement.utf8))
      var draft = Draft(.supply)
      draft.edit(
        schema, row, [FieldEdit(amountField, .takeOver(amount, from: node)), book("引継", amount, desk, "\(node)")])
      draft.edit(
        StockSchema.takeovers, decision,
        [
          FieldEdit(1, .set(.integer(row.rawValue))), FieldEdit(2, .set(.text("\(node)"))),
          FieldEdit(3, .set(.integer(amount))), FieldEdit(4, .set(.text(desk.given.text("reason")!))),
          FieldEdit(5, .set(.text(desk.inquiry.user.name))), FieldEdit(6, .set(.integer(desk.now.milliseconds))),
          FieldEdit(7, .set(.bytes(signature))),
        ])
      return Written([draft], about: [row, decision], answer: answer(row, desk.inquiry))
    },
  ]
}
