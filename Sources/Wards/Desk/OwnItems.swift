import Causality
import ChangeModel
import GRDB
import Replica
import Sodium

/// A ward's own fields on any collection, made while cut off; every node keeps, passes on and can show them.
public enum OwnField {
  public static let ward = Field.ward(1, of: .first)
  public static let collection = Field.text(2, "collection", 60, "対象", "Collection")
  public static let form = Field.text(3, "form", 60, "様式", "Form")
  public static let labelJa = Field.text(4, "label_ja", 60, "項目名", "Label in Japanese")
  public static let labelEn = Field.text(5, "label_en", 60, "項目名(英語)", "Label in English")
  public static let kind = Field<OwnItems.Kind>.word(6, "kind", "種類", "Kind")
  public static let choices = SetField(7, "choices", of: .text(60), atMost: 60, "選択肢", "Choices")
  public static let needed = Field.flag(8, "needed", "必須", "Required")
  public static let phase = Field<Phase>.word(9, "phase", "段階", "Phase")
  public static let endedAt = Field.time(10, "ended_at", "廃止日時", "Ended at")
  /// The choices as they were entered, one on each line: a set has no order of its own.
  static let order = Field.text(11, "choice_order", 4_000, "選択肢の順", "Order of the choices")

  public static let records = Records(
    5, "own_fields", "区独自の項目", "Own item", lane: .control, law: .keptByMaker, reader: .staff,
    fields: [ward, collection, form, labelJa, labelEn, kind, choices, needed, phase, endedAt, order], title: [labelJa],
    hidden: [order])
}

extension OwnField {
  /// The choices in the order in which they were entered; what came by merging besides stands behind.
  static func choices(of field: RowValues) -> [String] {
    let order = (field[order] ?? "").split(separator: "\n").map(String.init)
    let all = field[choices]
    return order.filter(all.contains) + all.filter { !order.contains($0) }
  }
}

/// What was entered in a ward's own field for one row: in the lane and for the audience of that row.
enum OwnValue {
  static let field = Field.row(1, "field", of: "own_fields", "項目", "Field")
  static let subject = Field.row(2, "subject", of: "any", "対象の行", "Subject")
  static let value = Field.text(3, "value", 1_000, "値", "Value")
  static let by = Field.user(4, "by", "入力者", "By")
  static let at = Field.time(5, "at", "日時", "At")

  static let members: [Answer.Member] =
    [.init("id", .row("any"), "番号", "Id")]
    + ([field, subject, value, by, at] as [any AnyField]).map { .init($0.name, $0.shape, $0.words.ja, $0.words.en) }

  private static func records(_ number: UInt32, _ name: String, _ lane: Lane, _ reader: Reader) -> Records {
    Records(
      number, name, "区独自の項目の値", "Value of an own item", lane: lane, law: .keptByWard(open: []), reader: reader,
      fields: [field, subject, value, by, at], title: [value], indexes: [[subject]])
  }

  static let all = [
    records(61, "own_values_life", .life, .staff),
    records(62, "own_values_life_personal", .life, .people(.people, .identity, of: subject)),
    records(79, "own_values_supply", .supply, .staff), records(47, "own_values_registry", .registry, .staff),
    records(48, "own_values_registry_personal", .registry, .people(.people, .identity, of: subject)),
  ]

  /// One row for each ward that enters a value.
  static func row(_ field: RowID, of subject: RowID, ward: UInt32) -> RowID {
    RowID(derivedFrom: blake2b([UInt8]("own \(field) \(subject)".utf8)).prefix, ward: ward)
  }

  /// What this ward entered in own fields of a row that becomes another, which only those read who protect that person.
  static func moving(_ subject: RowID, to new: RowID, _ desk: Desk) throws -> [Draft] {
    try all.filter(\.isPersonal).compactMap { records in
      let rows = try desk.read {
        try RowValues.all(records, "WHERE subject = ? ORDER BY id", [subject.rawValue], $0)
      }.filter { $0.id.ward == desk.wardIndex }
      guard !rows.isEmpty else { return nil }
      var draft = records.draft()
      for values in rows {
        guard let field = values[field] else { continue }
        draft.edit(
          records, row(field, of: new, ward: desk.wardIndex),
          values.copy(except: [self.subject.schema.name]) + [self.subject.set(new)],
          for: .ward(desk.wardIndex, .protected))
        draft.delete(records, values.id, for: .ward(desk.wardIndex, .identity))
      }
      return draft
    }
  }

  /// Where values of own fields of rows of `subject` lie.
  static func records(for subject: Records) -> Records? {
    all.first { $0.lane == subject.lane && $0.isPersonal == subject.isPersonal }
  }
}

/// The ward's own fields and what is entered in them.
public enum OwnItems {
  public enum Kind: String, Word {
    case text = "文字"
    case number = "数"
    case choice = "選択"
    case flag = "はい・いいえ"
    case date = "日付"

    public var code: String {
      switch self {
      case .text: "text"
      case .number: "number"
      case .choice: "choice"
      case .flag: "flag"
      case .date: "date"
      }
    }

    /// A value as a column of text keeps it; nil for nothing.
    public static func kept(_ value: JSON) -> String? {
      switch value {
      case .text(let text): text.isEmpty ? nil : text
      case .flag(let flag): flag ? "1" : "0"
      case .integer(let number): "\(number)"
      case .real(let number): plain(number)
      case .null, .list, .object: nil
      }
    }

    /// A number as a person writes it.
    public static func plain(_ number: Double) -> String {
      number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
    }

    /// What a page offers of yes and no.
    public static let flags = [Choice("はい", "yes"), Choice("いいえ", "no")]

    /// On a page, where a box that is not ticked and one that nobody has touched must not look alike.
    public func pageShape(_ choices: [String]) -> FieldShape { self == .flag ? .choice(Self.flags) : shape(choices) }

    public func shape(_ choices: [String]) -> FieldShape {
      switch self {
      case .text: .text(1_000)
      case .number: .number(-1e12...1e12)
      case .choice: .choice(choices.map { Choice($0, $0) })
      case .flag: .flag
      case .date: .date
      }
    }
  }

  /// Of somebody who becomes protected under a new number.
  public static func moving(_ subject: RowID, to new: RowID, _ desk: Desk) throws -> [Draft] {
    try OwnValue.moving(subject, to: new, desk)
  }

  /// - Parameters:
  ///   - subjects: the collections to which a ward may add fields.
  ///   - confidence: for whom a row of a personal collection is.
  public static func service(
    _ subjects: [Records], confidence: @escaping @Sendable (RowValues, Database) throws -> Confidence
  ) -> Service {
    let records = OwnField.records
    let collection = FormField(
      "collection", .choice(subjects.map { Choice($0.name, $0.name) }), ja: "対象", en: "Collection")
    let row = FormField("row", .row("any"), required: true, ja: "対象の行", en: "Row")
    @Sendable func subject(_ given: Submission) throws -> (subject: Records, kept: Records) {
      guard let subject = subjects.first(where: { $0.name == given.text("collection") }),
        let kept = OwnValue.records(for: subject)
      else { throw Fault.notFound("collection") }
      return (subject, kept)
    }
    return Service(
      "区独自の項目", "The ward's own items", records: [records] + OwnValue.all,
      actions: [
        Action(
          "addOwnField", .new, records, "独自の項目を加える", "Add an item of our own", for: .administration,
          takes: [
            collection.required, OwnField.form.asked, OwnField.labelJa.needed, OwnField.labelEn.asked,
            OwnField.kind.needed, OwnField.choices.asked, OwnField.needed.asked, OwnField.phase.asked,
          ], stamps: [.ward(OwnField.ward)]
        ) { desk, _, edits in
          guard desk.given.text("kind") != Kind.choice.rawValue || !desk.given.texts("choices").isEmpty else {
            throw Fault.badValue("choices", ja: "選択肢を入れてください", en: "give the choices")
          }
          if desk.given.has("choices") {
            edits.append(OwnField.order.set(desk.given.texts("choices").joined(separator: "\n")))
          }
        },
        Action(
          "endOwnField", .step("end"), records, "独自の項目を終える", "End an own item", for: .administration,
          when: [
            .own(OwnField.ward, "他区の項目です", "another ward's field"),
            .missing(OwnField.endedAt, "すでに廃止されています", "ended already"),
          ], stamps: [.now(OwnField.endedAt)]),
      ],
      endpoints: [
        .read(
          "ownFields", "/own-fields", "区独自の項目", "The ward's own items", for: .staff, "The wards' own fields.",
          [collection, OwnField.ward.asked] + Paging.fields(of: records.name, upTo: 5_000),
          answers: .rows("fields", records, isPaged: true)
        ) { look in
          let page = try look.page(
            records, where: "(?1 IS NULL OR collection = ?1) AND (?2 IS NULL OR ward = ?2)",
            [look.given.text("collection"), look.given.text("ward")], usual: 5_000)
          return page.answer(
            "fields",
            try page.rows.map { field in
              let choices = OwnField.choices(of: field)
              let ordered: [String: JSON] = choices.isEmpty ? [:] : ["choices": .list(choices.map { .text($0) })]
              return .object(try look.view(field, records).merging(ordered) { $1 })
            })
        },
        .write(
          "enterOwnValues", "/own-values", "独自項目に入力する", "Enter own items", for: .relief,
          "Enter values of own fields for one row.",
          [
            collection.required, row,
            FormField("field", .row("own_fields"), required: true, ja: "項目", en: "Field"), OwnValue.value.needed,
          ], answers: .members(OwnValue.members)
        ) { desk in
          let (subject, kept) = try subject(desk.given)
          let (row, field) = (desk.given.row("row")!, desk.given.row("field")!)
          let target = try desk.find(row, in: subject, "row")
          let definition = try desk.find(field, in: records, "field")
          guard definition[OwnField.collection] == subject.name, definition[OwnField.endedAt] == nil else {
            throw Fault.refused(
              "field", ja: "この対象の項目ではないか、廃止されています", en: "not a field of this collection, or ended")
          }
          guard !subject.isPersonal || desk.inquiry.isOwn(row) else {
            throw Fault(.forbidden, field: "row", ja: "他区の個人の記録です", en: "another ward's personal record")
          }
          let text = try checked(desk.given.text("value")!, definition, desk.inquiry)
          let id = OwnValue.row(field, of: row, ward: desk.wardIndex)
          if let was = desk.given.was["value"] {
            let standing = try desk.read { try RowValues.fetch(id, kept, $0) }?[OwnValue.value]
            guard standing == was.text || standing == text else {
              throw Fault(
                .changed, field: "value", ja: "この画面を開いた後に「\(standing ?? "")」に変えられています。入れた値にするなら、もう一度保存してください",
                en: "was changed to \"\(standing ?? "")\" after this page was opened: save again to write yours over it"
              )
            }
          }
          var draft = kept.draft()
          draft.edit(
            kept, id,
            [
              OwnValue.field.set(field), OwnValue.subject.set(row), OwnValue.value.set(text),
              OwnValue.by.set(desk.inquiry.user.name), OwnValue.at.set(desk.enteredAt),
            ],
            for: kept.isPersonal ? .ward(desk.wardIndex, try desk.read { try confidence(target, $0) }) : nil)
          return Written([draft], about: [row]) { look in
            // Whose value it is, the row that bears it says.
            guard let value = try RowValues.fetch(id, kept, look.db) else { throw Fault.notFound("row") }
            return .object(look.show(value, of: row))
          }
        }.often(2),
        .read(
          "ownValues", "/own-values", "独自項目の値", "Values of own items", for: .staff,
          "What was entered in own fields for one row, every ward's, with their labels.",
          [collection.required, row, Purpose.field],
          answers: .list(
            "values",
            OwnValue.members + [
              .init("labelJa", OwnField.labelJa.shape, "表示名", "Label in Japanese"),
              .init("labelEn", OwnField.labelEn.shape, "英語の表示名", "Label in English"), .init("ward", .ward, "区", "Ward"),
              .init("conflicts", .list(.text(60), 20), "要確認の項目", "Fields to check"),
            ], beside: [Paging.isCut])
        ) { look in
          let (subject, kept) = try subject(look.given)
          let row = look.given.row("row")!
          guard let target = try RowValues.fetch(row, subject, look.db),
            subject.reader.access.admits(look.inquiry.user.roles), try look.maySee(target, subject)
          else { throw Fault.notFound("row") }
          let list = try RowValues.all(kept, "WHERE subject = ? ORDER BY id LIMIT 1001", [row.rawValue], look.db)
          var values: [JSON] = []
          for value in list {
            var members = look.show(value, of: row)
            if let field = value[OwnValue.field], let definition = try RowValues.fetch(field, records, look.db) {
              members["labelJa"] = JSON(definition[OwnField.labelJa])
              members["labelEn"] = JSON(definition[OwnField.labelEn])
              members["ward"] = JSON(definition[OwnField.ward])
            }
            members["conflicts"] = try RowValues.conflicts(of: value.id, kept, look.db)
            values.append(.object(members))
          }
          return .object(Paging.cut("values", values, at: 1_000))
        },
      ])
  }

  private static func checked(_ text: String, _ field: RowValues, _ inquiry: Inquiry) throws -> String {
    let kind = field[OwnField.kind] ?? .text
    let label = field[OwnField.labelJa] ?? "値"
    let form = Form([
      FormField(
        "value", kind.shape(OwnField.choices(of: field)), required: true, ja: label,
        en: field[OwnField.labelEn] ?? "Value")
    ])
    let read = try form.read(texts: ["value": text], in: inquiry.identity.federation).values["value"] ?? .null
    return Kind.kept(read) ?? text
  }
}
