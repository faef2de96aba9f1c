import Causality
import ChangeModel
import GRDB
import Replica
import Sodium

/// A ward's own fields on any collection, made while cut off; every node keeps, passes on and can show them.
public enum OwnItems {
  public static let fields = CollectionSchema(
    5, "own_fields", lane: .control, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "ward", ja: "区コード", en: "Ward"),
      FieldSchema(2, "collection", ja: "対象", en: "Collection"),
      FieldSchema(3, "form", ja: "様式", en: "Form"),
      FieldSchema(4, "label_ja", ja: "項目名", en: "Label in Japanese"),
      FieldSchema(5, "label_en", ja: "項目名(英語)", en: "Label in English"),
      FieldSchema(6, "kind", ja: "種類", en: "Kind"),
      FieldSchema(7, "choices", .set, .text, ja: "選択肢", en: "Choices"),
      FieldSchema(8, "needed", .register, .integer, ja: "必須", en: "Required"),
      FieldSchema(9, "phase", ja: "段階", en: "Phase"),
      FieldSchema(10, "ended_at", .register, .integer, ja: "廃止日時", en: "Ended at"),
    ])

  /// Values, in the lane and for the audience of what they belong to.
  private static func values(_ number: UInt32, _ name: String, _ lane: Lane, isPersonal: Bool) -> CollectionSchema {
    CollectionSchema(
      number, name, lane: lane, isPersonal: isPersonal,
      fields: [
        FieldSchema(1, "field", .register, .integer, ja: "項目", en: "Field (row)"),
        FieldSchema(2, "subject", .register, .integer, ja: "対象の行", en: "Subject (row)"),
        FieldSchema(3, "value", ja: "値", en: "Value"),
        FieldSchema(4, "by", ja: "入力者", en: "By"),
        FieldSchema(5, "at", .register, .integer, ja: "日時", en: "At"),
      ])
  }

  static let valueCollections = [
    values(61, "own_values_life", .life, isPersonal: false),
    values(62, "own_values_life_personal", .life, isPersonal: true),
    values(79, "own_values_supply", .supply, isPersonal: false),
    values(47, "own_values_registry", .registry, isPersonal: false),
    values(48, "own_values_registry_personal", .registry, isPersonal: true),
  ]

  static func values(for collection: CollectionSchema) -> CollectionSchema? {
    valueCollections.first { $0.lane == collection.lane && $0.isPersonal == collection.isPersonal }
  }

  public static let collections = [fields] + valueCollections

  public static let indexes = valueCollections.map {
    "CREATE INDEX IF NOT EXISTS \($0.name)_subject ON \"\($0.name)\" (subject)"
  }

  enum Kind: String, CaseIterable {
    case text = "文字"
    case number = "数"
    case choice = "選択"
    case flag = "はい・いいえ"
    case date = "日付"

    var code: String {
      switch self {
      case .text: "text"
      case .number: "number"
      case .choice: "choice"
      case .flag: "flag"
      case .date: "date"
      }
    }

    func shape(_ choices: [String]) -> FieldShape {
      switch self {
      case .text: .text(1_000)
      case .number: .number(-1e12...1e12)
      case .choice: .choice(choices.map { Choice($0, $0) })
      case .flag: .flag
      case .date: .date
      }
    }
  }

  /// - Parameters:
  ///   - subjects: the collections to which a ward may add fields.
  ///   - purpose: the field that says why another ward's people are looked at.
  ///   - confidence: for whom a row of a personal collection is.
  public static func endpoints(
    _ subjects: [CollectionSchema], purpose: FormField,
    confidence: @escaping @Sendable (RowValues, Database) throws -> Confidence
  ) -> [Endpoint] {
    let names = subjects.map { Choice($0.name, $0.name) }
    @Sendable func collection(_ name: String?) -> CollectionSchema? { subjects.first { $0.name == name } }

    @Sendable func answer(_ row: RowID) -> (Database) throws -> JSON {
      { db in
        guard let values = try RowValues.fetch(row, fields, db) else { throw Fault.notFound("id") }
        return .object(values.json())
      }
    }

    return [
      .write(
        "addOwnField", "/own-fields", "Add a field of this ward's own to a collection. Works while cut off.",
        [
          FormField("collection", .choice(names), required: true, ja: "対象", en: "Collection"),
          FormField("form", .text(60), ja: "様式", en: "Form"),
          FormField("labelJa", .text(60), required: true, ja: "項目名", en: "Label in Japanese"),
          FormField("labelEn", .text(60), required: true, ja: "項目名(英語)", en: "Label in English"),
          FormField(
            "kind", .choice(Kind.allCases.map { Choice($0.rawValue, $0.code) }), required: true, ja: "種類", en: "Kind"),
          FormField("choices", .list(.text(60), 60), ja: "選択肢", en: "Choices"),
          FormField("needed", .flag, ja: "必須", en: "Required"),
          FormField("phase", .choice(Phase.choices), ja: "段階", en: "Phase"),
        ], makes: true
      ) { desk in
        guard desk.given.text("kind") != Kind.choice.rawValue || !desk.given.texts("choices").isEmpty else {
          throw Fault.badValue("choices", ja: "選択肢を入れてください", en: "give the choices")
        }
        let row = try desk.newRow()
        var draft = Draft(.control, audience: .anyone)
        draft.edit(
          fields, row,
          desk.given.edits(
            ["collection", "form", "labelJa", "labelEn", "kind", "choices", "needed", "phase"], of: fields)
            + [FieldEdit(1, .set(.text(desk.ward)))], for: .anyone)
        return Written([draft], about: [row], answer: answer(row))
      },
      .write(
        "endOwnField", "/own-fields/{id}/end", "The field is used no longer; what was entered stays.", of: "own_fields"
      ) { desk in
        let (row, values) = try desk.subject(fields)
        guard values.text("ward") == desk.ward else {
          throw Fault(.forbidden, field: "id", ja: "他区の項目です", en: "another ward's field")
        }
        var draft = Draft(.control, audience: .anyone)
        draft.edit(fields, row, [FieldEdit(10, .set(.integer(desk.now.milliseconds)))], for: .anyone)
        return Written([draft], about: [row], answer: answer(row))
      },
      .read(
        "ownFields", "/own-fields", "The wards' own fields.",
        [
          FormField("collection", .choice(names), ja: "対象", en: "Collection"),
          FormField("ward", .ward, ja: "区", en: "Ward"),
        ]
      ) { inquiry, db in
        Seen([
          "fields": .list(
            try RowValues.all(
              fields, "WHERE (?1 IS NULL OR collection = ?1) AND (?2 IS NULL OR ward = ?2) ORDER BY id LIMIT 5000",
              [inquiry.given.text("collection"), inquiry.given.text("ward")], db
            ).map { .object($0.json()) })
        ])
      },
      .write(
        "enterOwnValues", "/own-values", "Enter values of own fields for one row.",
        [
          FormField("collection", .choice(names), required: true, ja: "対象", en: "Collection"),
          FormField("row", .row("any"), required: true, ja: "対象の行", en: "Row"),
          FormField("field", .row("own_fields"), required: true, ja: "項目", en: "Field"),
          FormField("value", .text(1_000), required: true, ja: "値", en: "Value"),
        ]
      ) { desk in
        let subject = collection(desk.given.text("collection"))!
        guard let kept = values(for: subject) else { throw Fault.notFound("collection") }
        let (row, field) = (desk.given.row("row")!, desk.given.row("field")!)
        let target = try desk.find(row, in: subject, "row")
        let definition = try desk.find(field, in: fields, "field")
        guard definition.text("collection") == subject.name, definition.integer("ended_at") == nil else {
          throw Fault.refused("field", ja: "この対象の項目ではないか、廃止されています", en: "not a field of this collection, or ended")
        }
        guard !subject.isPersonal || desk.inquiry.isOwn(row) else {
          throw Fault(.forbidden, field: "row", ja: "他区の個人の記録です", en: "another ward's personal record")
        }
        let kind = Kind(rawValue: definition.text("kind") ?? "") ?? .text
        let text = try checked(desk.given.text("value")!, kind, definition, desk.inquiry)
        let id = RowID(derivedFrom: blake2b([UInt8]("own \(field) \(row)".utf8)).prefix)
        let edits = [
          FieldEdit(1, .set(.integer(field.rawValue))), FieldEdit(2, .set(.integer(row.rawValue))),
          FieldEdit(3, .set(.text(text))), FieldEdit(4, .set(.text(desk.inquiry.user.name))),
          FieldEdit(5, .set(.integer(desk.now.milliseconds))),
        ]
        var draft = Draft(kept.lane)
        let audience: Audience? =
          kept.isPersonal ? .ward(desk.wardIndex, try desk.read { try confidence(target, $0) }) : nil
        draft.edit(kept, id, edits, for: audience)
        return Written([draft], about: [row]) { db in .object(try RowValues.fetch(id, kept, db)?.json() ?? [:]) }
      },
      .read(
        "ownValues", "/own-values", "What was entered in own fields for one row, every ward's, with their labels.",
        [
          FormField("collection", .choice(names), required: true, ja: "対象", en: "Collection"),
          FormField("row", .row("any"), required: true, ja: "対象の行", en: "Row"), purpose,
        ]
      ) { inquiry, db in
        let subject = collection(inquiry.given.text("collection"))!
        guard let kept = values(for: subject) else { throw Fault.notFound("collection") }
        let row = inquiry.given.row("row")!
        let list = try RowValues.all(kept, "WHERE subject = ? ORDER BY id LIMIT 1000", [row.rawValue], db)
        return Seen(
          [
            "values": .list(
              try list.map { value in
                var members = value.json()
                if let field = value.row("field"), let definition = try RowValues.fetch(field, fields, db) {
                  members["labelJa"] = JSON(definition.text("label_ja"))
                  members["labelEn"] = JSON(definition.text("label_en"))
                  members["ward"] = JSON(definition.text("ward"))
                }
                members["conflicts"] = try RowValues.conflicts(of: value.id, kept, db)
                return .object(members)
              })
          ], subjects: subject.isPersonal && !list.isEmpty ? [row] : [])
      },
    ]
  }

  private static func checked(_ text: String, _ kind: Kind, _ field: RowValues, _ inquiry: Inquiry) throws -> String {
    let label = field.text("label_ja") ?? "値"
    let form = Form([
      FormField(
        "value", kind.shape(field.texts("choices")), required: true, ja: label, en: field.text("label_en") ?? "Value")
    ])
    let read = try form.read(texts: ["value": text], in: inquiry.identity.federation).values["value"] ?? .null
    switch read {
    case .text(let text): return text
    case .flag(let flag): return flag ? "1" : "0"
    case .integer(let number): return "\(number)"
    case .real(let number): return number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
    default: return text
    }
  }
}
