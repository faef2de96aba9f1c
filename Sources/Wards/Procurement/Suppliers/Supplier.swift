import Causality
import ChangeModel
import Desk

/// 事業者: one row for all wards, by its 法人番号; a sole trader, who has none, has a row of its own.
enum Supplier {
  static let sizes = [Choice("大企業", "large"), Choice("中小企業", "small-or-medium"), Choice("小規模企業者", "very-small")]
  static let number = Field.code(1, "corporate_number", 13, "法人番号", "Corporate number")
  static let invoice = Field.code(2, "invoice_number", 14, "登録番号(T+13桁)", "Invoice registration")
  static let name = Field.text(3, "name", 120, "名称", "Name")
  static let kana = Field.text(4, "kana", 120, "カナ", "Kana").aside
  static let address = Field.text(5, "address", 200, "所在地", "Address")
  static let size = Field.choice(6, "size", sizes, "規模", "Size")
  static let phone = Field.text(7, "phone", 40, "電話", "Telephone")
  static let endedAt = Field.time(8, "ended_at", "取引終了日時", "Ended at")

  static let records = Records(
    200, "suppliers", "事業者", "Supplier", lane: .registry, law: .shared, reader: .staff,
    fields: [name, kana, number, invoice, address, size, phone, endedAt], title: [name],
    states: [
      .has(endedAt, "ended", "取引終了", "ended", .ended), .otherwise("active", "取引可", "active", .done),
    ], settledFreely: [name, kana, address, phone], isEverybodys: true, indexes: [[number]])

  private static let details = [kana.asked, invoice.asked, address.asked, size.asked, phone.asked]

  @Sendable private static func check(_ desk: Desk, _ record: RowValues?, _ edits: inout [FieldEdit]) throws {
    if let text = desk.given.text(number.name) {
      guard CheckedNumber.isCorporate(text) else {
        throw Fault.badValue(number.name, ja: "法人番号の検査数字が合いません。写し間違いがないか確かめてください", en: "the check digit does not fit")
      }
      let row = try NewRow.shared(key).row(on: desk)
      guard try desk.read({ try RowValues.fetch(row, records, $0) }) == nil else {
        throw Fault.refused(number.name, ja: "この法人番号の事業者は登録されています", en: "a supplier of this number is entered already")
      }
    }
    if let text = desk.given.text(invoice.name), !CheckedNumber.isInvoiceRegistration(text) {
      throw Fault.badValue(
        invoice.name, ja: "登録番号は T と 13 桁です。検査数字が合いません", en: "T and 13 digits: the check digit does not fit")
    }
  }

  @Sendable private static func key(_ desk: Desk) -> [String]? {
    desk.given.text(number.name).map(naturalKey)
  }

  private static func naturalKey(_ number: String) -> [String] { ["supplier", number] }

  /// The row of a number: what else stands in it is everybody's to write.
  static func row(_ number: String) -> RowID { RowID(key: naturalKey(number)) }

  static let service = Service(
    "事業者", "Suppliers", records: [records],
    actions: [
      Action(
        "addSupplier", .new, records, "事業者を登録する", "Add a supplier", for: .goods,
        takes: [name.needed, number.asked] + details, row: .shared(key), rule: check),
      Action(
        "changeSupplier", .change, records, "事業者を直す", "Change a supplier", for: .goods,
        takes: [name.asked] + details, rule: check),
      Action(
        "endSupplier", .step("end"), records, "取引を終える", "End dealings", for: .goods,
        when: [.missing(endedAt, "終わっています", "ended already")], stamps: [.now(endedAt)]),
    ], lists: [Listing("suppliers", records, "事業者", "Suppliers", filters: [number], open: [endedAt], newest: name)])
}

/// One ward's word on a supplier: whether it counts as local there, and whether it is suspended there. Kinds differ by ward.
enum SupplierWord {
  static let kinds = [
    Choice("本店", "head-office"), Choice("準区内", "nearly-local"), Choice("支店・営業所", "branch"), Choice("区外", "elsewhere"),
  ]
  static let supplier = Field.row(1, "supplier", of: "suppliers", "事業者", "Supplier")
  static let kind = Field.choice(2, "local_kind", kinds, "区内の別", "Local kind")
  static let from = Field.date(3, "local_from", "認定日", "Certified on")
  static let categories = SetField(4, "categories", of: .text(40), atMost: 40, "営業種目", "Trades")
  static let suspendedFrom = Field.date(5, "suspended_from", "指名停止の開始", "Suspended from")
  static let suspendedUntil = Field.date(6, "suspended_until", "指名停止の終了", "Suspended until")
  static let reason = Field.text(7, "suspension_reason", 300, "指名停止の理由", "Why suspended")
  static let support = Field.text(8, "support", 300, "区内事業者への支援", "Support given")

  static let records = Records(
    201, "supplier_words", "区の認定", "Word on a supplier", lane: .registry, law: .keptByWard(open: []), reader: .staff,
    fields: [supplier, kind, from, categories, suspendedFrom, suspendedUntil, reason, support] + Kept.fields,
    title: [supplier, Kept.ward],
    states: [
      State("suspended", "指名停止中", "suspended", .open) { isSuspended($0, on: JapaneseDay.text($1.now)) },
      .otherwise("known", "認定", "known", .done),
    ], indexes: [[supplier]])

  static func isSuspended(_ word: RowValues, on day: String) -> Bool {
    guard let from = word[suspendedFrom], from <= day else { return false }
    return word[suspendedUntil].map { !Kept.isOver($0, on: day) } ?? true
  }

  static let service = Service(
    "区の認定", "Words on suppliers", records: [records],
    actions: [
      Action(
        "tellSupplierWord", .new, records, "区の認定を登録する", "Say what a supplier is here", for: .goods,
        takes: [
          supplier.needed, kind.needed, from.asked, categories.asked, suspendedFrom.asked, suspendedUntil.asked,
          reason.asked, support.asked,
        ], stamps: Kept.stamps,
        row: .derived { ["supplier word", $0.ward, "\($0.given.row("supplier")!)"] })
    ],
    lists: [
      Listing(
        "supplierWords", records, "区の認定", "Words on suppliers", filters: [supplier, Kept.ward, kind], newest: Kept.at)
    ])
}
