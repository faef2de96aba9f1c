import Causality
import ChangeModel
import Desk
import GRDB
import Replica
import Sodium

/// カタログ: what a supplier offers and for how much, as a ward read its file. One row for each of its codes: a newer file
/// changes the row, so an order keeps its own price.
enum CatalogueLine {
  static let supplier = Field.row(1, "supplier", of: "suppliers", "事業者", "Supplier")
  static let code = Field.code(2, "code", 60, "商品コード", "Code")
  static let name = Field.text(3, "name", 200, "品名", "Name")
  static let maker = Field.text(4, "maker", 100, "メーカー", "Maker")
  static let model = Field.text(5, "model", 100, "型番", "Model")
  static let barCode = Field.code(6, "bar_code", 14, "JAN", "Bar code")
  static let unit = Field.text(7, "unit", 20, "単位", "Unit")
  static let pack = Field.integer(8, "pack", 1...1_000_000, "入数", "In a pack").aside
  static let step = Field.integer(9, "step", 1...1_000_000, "発注単位", "Ordered by").aside
  static let minimum = Field.integer(10, "minimum", 1...1_000_000, "最低発注数", "At least").aside
  static let price = Field.decimal(11, "price", places: Yen.places, Yen.prices, "単価(税抜・円)", "Price without tax")
  static let tax = Field.integer(12, "tax", 0...1_000, "税率(‰)", "Tax (per mille)").aside
  static let version = Field.text(13, "version", 60, "版", "Version").aside
  static let endedAt = Field.time(14, "ended_at", "取扱終了日時", "Ended at")

  static let records = Records(
    203, "catalogue_lines", "カタログの品", "Line of a catalogue", lane: .registry, law: .keptByWard(open: []),
    reader: .staff,
    fields: [name, code, maker, model, barCode, unit, price, tax, pack, step, minimum, supplier, version, endedAt]
      + [Kept.ward], title: [name, price],
    states: [
      .has(endedAt, "ended", "取扱終了", "ended", .ended), .otherwise("offered", "取扱中", "offered", .done),
    ], indexes: [[supplier, Kept.ward]])

  // MARK: Reading a file

  /// Lines of one change set: twenty seconds at 9,600 bit/s, after which something urgent goes first.
  private static let portion = 100
  /// A price that moves by more than this is shown.
  private static let mostShown = 100

  private static let diff: [Answer.Member] = [
    .init("lines", .integer(Numbers.any), "読み取った行", "Lines read"),
    .init("added", .integer(Numbers.any), "新しい品", "New"), .init("changed", .integer(Numbers.any), "変わった品", "Changed"),
    .init("same", .integer(Numbers.any), "同じ品", "The same"), .init("gone", .integer(Numbers.any), "なくなった品", "Gone"),
    .init(
      "prices",
      .objects(
        .members([
          .init("code", .code(60), "商品コード", "Code"), .init("name", .text(200), "品名", "Name"),
          .init("before", .text(30), "前の単価", "Before"), .init("now", .text(30), "新しい単価", "Now"),
          .init("permille", .integer(Numbers.any), "変動(‰)", "Change (per mille)"),
        ])), "単価の変わった品", "Changed prices"),
    .init(
      "problems",
      .objects(
        .members([
          .init("line", .integer(Numbers.any), "行", "Line"), .init("ja", .text(300), "問題", "Problem"),
          .init("en", .text(300), "問題(英語)", "Problem"), .init("isRefused", .flag, "取り込まない", "Not taken"),
        ])), "問題", "Problems"),
  ]

  private static let take = Endpoint.write(
    "importCatalogue", "/catalogue-lines", "カタログを読み込む", "Read a catalogue", for: .goods,
    "A supplier's CSV: what is new, changed and gone against what was read before. A line that is wrong costs only itself.",
    [
      supplier.needed, version.asked,
      FormField("csv", .secret(CatalogueFile.mostBytes), required: true, ja: "CSV ファイル", en: "CSV file"),
      FormField("onlyCheck", .flag, ja: "違いを確かめるだけ", en: "Only look at the differences"),
    ], answers: .members(diff)
  ) { desk in
    let supplier = desk.given.row("supplier")!
    _ = try desk.find(supplier, in: Supplier.records, "supplier")
    let file: CatalogueFile
    do throws(CatalogueFile.Refusal) { file = try CatalogueFile([UInt8](desk.given.text("csv")!.utf8)) } catch {
      throw Fault.badValue("csv", ja: error.ja, en: error.en)
    }
    let standing = try desk.read {
      try RowValues.all(records, "WHERE supplier = ?1 AND ward = ?2", [supplier.rawValue, desk.ward], $0)
    }
    let known = Dictionary(standing.map { ($0[code] ?? "", $0) }) { first, _ in first }
    let (edits, answer) = difference(file, known, supplier, desk)
    guard !desk.given.flag("onlyCheck") else { return Written([], about: []) { _ in answer } }
    var drafts: [Draft] = []
    for start in stride(from: 0, to: edits.count, by: portion) {
      var draft = records.draft()
      for (row, fields) in edits[start..<min(start + portion, edits.count)] { draft.edit(records, row, fields) }
      drafts.append(draft)
    }
    return Written(drafts, about: [supplier]) { _ in answer }
  }

  private static func difference(
    _ file: CatalogueFile, _ known: [String: RowValues], _ supplier: RowID, _ desk: Desk
  ) -> (edits: [(RowID, [FieldEdit])], answer: JSON) {
    var edits: [(RowID, [FieldEdit])] = []
    var (added, changed, same) = (0, 0, 0)
    var prices: [(change: Int64, json: JSON)] = []
    for line in file.lines {
      let row = desk.derivedRow(["catalogue line", desk.ward, "\(supplier)", line.code])
      let before = known[line.code]
      let fields = fields(of: line, against: before)
      guard !fields.isEmpty else {
        same += 1
        continue
      }
      if before == nil { added += 1 } else { changed += 1 }
      if let was = before?[price], was != line.price {
        let change = was == 0 ? 1_000 : Rounding.halfUp.divide(Int128(line.price - was) * 1_000, by: Int128(was))
        prices.append(
          (
            change,
            [
              "code": .text(line.code), "name": .text(line.name),
              "before": .text(FixedPoint.text(was, places: Yen.places)),
              "now": .text(FixedPoint.text(line.price, places: Yen.places)), "permille": .integer(change),
            ]
          ))
      }
      let first = [Self.supplier.set(supplier), code.set(line.code), Kept.ward.set(desk.ward)]
      edits.append((row, (before == nil ? first : []) + fields + [version.set(desk.given.text("version"))]))
    }
    let gone = known.filter { file.isWhole && !file.mentioned.contains($0.key) && $0.value[endedAt] == nil }
    edits += gone.values.sorted { $0.id < $1.id }.map { ($0.id, [endedAt.set(desk.enteredAt)]) }
    let shown = prices.sorted {
      ($1.change.magnitude, $0.json["code"].text ?? "") < ($0.change.magnitude, $1.json["code"].text ?? "")
    }
    return (
      edits,
      [
        "lines": JSON(file.lines.count), "added": JSON(added), "changed": JSON(changed), "same": JSON(same),
        "gone": JSON(gone.count), "prices": .list(shown.prefix(mostShown).map(\.json)),
        "problems": .list(
          file.problems.map {
            [
              "line": JSON($0.line), "ja": .text($0.ja), "en": .text($0.en), "isRefused": .flag($0.isRefused),
            ]
          }),
      ]
    )
  }

  /// What of a line is to be written.
  private static func fields(of line: CatalogueFile.Line, against row: RowValues?) -> [FieldEdit] {
    var edits: [FieldEdit] = []
    func set<C: Equatable>(_ field: Field<C>, _ value: C?) {
      if row?[field] != value, row != nil || value != nil { edits.append(field.set(value)) }
    }
    set(name, line.name)
    set(maker, line.maker)
    set(model, line.model)
    set(barCode, line.barCode)
    set(unit, line.unit)
    set(pack, line.pack)
    set(step, line.step)
    set(minimum, line.minimum)
    set(price, line.price)
    set(tax, line.tax)
    if row?[endedAt] != nil { edits.append(endedAt.set(nil)) }
    return edits
  }

  // MARK: Finding

  private static let search = Endpoint.read(
    "findGoods", "/catalogue-lines", "カタログから探す", "Find goods", for: .staff,
    "Goods by words of their name, maker or model, by code or bar code, in any width and either kana.",
    [
      FormField("q", .code(100), ja: "品名・メーカー・型番・商品コード・JAN", en: "Name, maker, model, code or bar code"),
      supplier.asked,
    ] + Paging.fields(of: records.name, upTo: 200),
    answers: .rows("goods", records, isPaged: true)
  ) { look in
    let words = (look.given.text("q") ?? "").split(whereSeparator: \.isWhitespace).prefix(5)
    // As many words as may be given: one text for all.
    let hay =
      "name || ' ' || ifnull(maker, '') || ' ' || ifnull(model, '') || ' ' || code || ' ' || ifnull(bar_code, '')"
    let matches = (0..<5).map { word in
      let places = (0..<Spelling.count).map { "instr(hay, lower(?\(word * Spelling.count + $0 + 2))) > 0" }
      return "(?\(word * Spelling.count + 2) IS NULL OR \(places.joined(separator: " OR ")))"
    }
    let spellings = (0..<5).flatMap { place -> [String?] in
      place < words.count ? Spelling.all(String(words[place])) : Array(repeating: nil, count: Spelling.count)
    }
    let condition = """
      ended_at IS NULL AND (?1 IS NULL OR supplier = ?1)
      AND EXISTS (SELECT 1 FROM (SELECT lower(\(hay)) AS hay) WHERE \(matches.joined(separator: " AND ")))
      """
    let page = try look.page(
      records, where: condition, [look.given.integer("supplier")] + spellings, usual: 50)
    return page.answer("goods", try page.rows.map { .object(try look.view($0, records)) })
  }

  private static let one = Endpoint.read(
    "catalogueLine", "/catalogue-lines/{id}", "カタログの品", "Line of a catalogue", for: .staff, "A line of a catalogue.",
    of: records, answers: .row(records)
  ) { look in try look.answer(look.inquiry.row!, records) }

  static let service = Service(
    "カタログ", "Catalogues", records: [records], endpoints: [take, search, one], menu: ["findGoods"])
}

/// A word as it may stand in somebody's file: half width and full width, hiragana and katakana.
enum Spelling {
  static let count = 5

  /// SQLite knows no other case than that of ASCII.
  static func all(_ word: String) -> [String] {
    func mapped(_ range: ClosedRange<UInt32>, by shift: Int64, _ text: String) -> String {
      String(
        String.UnicodeScalarView(
          text.unicodeScalars.map {
            range.contains($0.value) ? Unicode.Scalar(UInt32(Int64($0.value) + shift)) ?? $0 : $0
          }))
    }
    let half = mapped(0xff01...0xff5e, by: -0xfee0, word)
    return [half, half.lowercased(), half.uppercased()].enumerated().map { place, text in
      place == 0 ? text : mapped(0x21...0x7e, by: 0xfee0, text)
    } + [mapped(0x3041...0x3096, by: 0x60, half), mapped(0x30a1...0x30f6, by: -0x60, half)]
  }
}
