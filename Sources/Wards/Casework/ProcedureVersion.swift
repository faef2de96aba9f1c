import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import Procedures
import Replica
import Sodium
import Synchronization

/// 手続の版: a definition that a ward published, named by its hash and never edited: a change is another row. Each node that receives one
/// proves it again; one that fails is kept and shown, and opens no case.
public enum ProcedureVersion {
  static let key = Field.code(1, "key", 40, "キー", "Key")
  static let ja = Field.text(2, "title_ja", 120, "手続", "Procedure")
  static let en = Field.text(3, "title_en", 120, "手続(英語)", "Procedure in English").aside
  static let hash = Field.code(4, "hash", 64, "ハッシュ", "Hash").aside
  static let body = Field.text(5, "body", Procedure.mostBytes, "定義", "Definition").aside
  static let from = Field.date(6, "valid_from", "適用開始", "From")
  static let endedAt = Field.time(7, "ended_at", "終了日時", "Ended at")
  static let ward = Field.ward(8, "ward", of: .first, "公開した区", "Published by")
  static let by = Field.user(9, "published_by", "公開した人", "By").aside
  static let at = Field.time(10, "published_at", "公開日時", "Published at")

  public static let records = Records(
    300, "procedures", "手続", "Procedure", lane: .registry, law: .keptByMaker, reader: .staff,
    fields: [ja, key, from, ward, at, endedAt, en, hash, body, by], title: [ja],
    states: [
      .has(endedAt, "ended", "終了", "ended", .ended),
      State("coming", "適用前", "not yet", .underWay) { version, inquiry in
        version[from].map { $0 > JapaneseDay.text(inquiry.now) } ?? false
      },
      .otherwise("current", "使用中", "in use", .done),
    ], hidden: [body], indexes: [[key]], page: "/apply")

  // MARK: Definitions

  /// Definitions that were proven on this machine, or found wrong, by what they say: proving one takes milliseconds, and a list shows hundreds of cases.
  private static let proven = Mutex<[Digest: Result<Procedure, ProcedureFault>]>([:])
  private static let mostProven = 200

  /// The definition of a version.
  ///
  /// - Throws: a `Fault` that says what is wrong with it: it opens no case here.
  public static func procedure(_ version: RowValues) throws -> Procedure {
    guard let text = version[body], let name = version[hash] else { throw Fault.notFound("id") }
    let digest = blake2b([UInt8](text.utf8))
    let result = proven.withLock { $0[digest] } ?? prove(text, digest)
    let procedure: Procedure
    do throws(ProcedureFault) { procedure = try result.get() } catch { throw fault(error, "id") }
    guard procedure.hash == name else {
      throw Fault.refused("id", ja: "定義とハッシュが合いません。使えない版です", en: "the definition does not fit its hash")
    }
    return procedure
  }

  private static func prove(_ text: String, _ digest: Digest) -> Result<Procedure, ProcedureFault> {
    let result: Result<Procedure, ProcedureFault>
    do throws(ProcedureFault) { result = .success(try Procedure(try Document(canonical: text))) } catch {
      result = .failure(error)
    }
    proven.withLock { known in
      if known.count >= mostProven { known = [:] }
      known[digest] = result
    }
    return result
  }

  private static func fault(_ fault: ProcedureFault, _ field: String) -> Fault {
    let place = fault.path.isEmpty ? "" : "\(fault.path): "
    return .badValue(field, ja: place + fault.ja, en: place + fault.en)
  }

  /// - Throws: where a case cannot be filed under a version today: it holds later, or a newer one holds already.
  static func mustHold(_ version: RowValues, _ desk: Desk) throws {
    // By the day on which it is entered here: what came in on paper before, under an older version, is filed under the one that holds now.
    let today = JapaneseDay.text(desk.now)
    guard let from = version[from], from <= today else {
      throw Fault.refused(
        "id", ja: "この版は \(version[from] ?? "?") から使えます", en: "this version holds from \(version[from] ?? "?")")
    }
    let newer = try desk.read {
      try RowValues.all(
        records,
        """
        WHERE key = ?1 AND ward = ?2 AND ended_at IS NULL AND valid_from <= ?3
          AND (valid_from > ?4 OR valid_from = ?4 AND published_at > ?5) LIMIT 1
        """, [version[key], desk.ward, today, from, version[at]?.milliseconds], $0)
    }
    guard newer.isEmpty else {
      throw Fault.refused(
        "id", ja: "新しい版が使われています。手続の一覧から選び直してください", en: "a newer version holds: choose it from the list")
    }
  }

  // MARK: Publishing

  private static let said: [Answer.Member] = [
    .init("fields", .integer(Numbers.any), "項目の数", "Fields"), .init("acts", .integer(Numbers.any), "行為の数", "Acts"),
    .init("isNew", .flag, "新しい版", "A new version"),
  ]

  private static func published(_ yaml: String, _ desk: Desk, onlyCheck: Bool) throws -> Written {
    let procedure: Procedure
    do throws(ProcedureFault) { procedure = try Procedure(try Document(yaml: yaml)) } catch {
      throw fault(error, "yaml")
    }
    return try published(procedure, desk, onlyCheck: onlyCheck)
  }

  private static func published(_ procedure: Procedure, _ desk: Desk, onlyCheck: Bool) throws -> Written {
    let known = try desk.read {
      try RowValues.all(
        records, "WHERE hash = ?1 AND ward = ?2 AND ended_at IS NULL ORDER BY id LIMIT 1", [procedure.hash, desk.ward],
        $0)
    }.first
    let told: [String: JSON] = [
      "fields": JSON(procedure.fields.count), "acts": JSON(procedure.acts.count), "isNew": .flag(known == nil),
      "hash": .text(procedure.hash),
    ]
    guard !onlyCheck, known == nil else {
      return Written([], about: [known?.id].compactMap(\.self)) { look in
        guard let known else { return .object(told.merging(["id": "0"]) { $1 }) }
        guard case .object(let members) = try look.answer(known.id, records) else { return .null }
        return .object(members.merging(told) { $1 })
      }
    }
    let row = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, row,
      [
        key.set(procedure.key), ja.set(procedure.ja), en.set(procedure.en), hash.set(procedure.hash),
        body.set(procedure.canonical), from.set(procedure.validFrom), ward.set(desk.ward),
        by.set(desk.inquiry.user.name), at.set(desk.enteredAt),
      ])
    // Of one key, a ward's desks use the newest version that holds: one for a later day ends nothing yet.
    let today = JapaneseDay.text(desk.now)
    for older in try desk.read({
      try RowValues.all(
        records,
        "WHERE key = ?1 AND ward = ?2 AND ended_at IS NULL AND valid_from <= ?3 AND ?3 <= ?4 LIMIT 1000",
        [procedure.key, desk.ward, procedure.validFrom, today], $0)
    }) where desk.inquiry.isOwn(older.id) { draft.edit(records, older.id, [endedAt.set(desk.enteredAt)]) }
    return Written([draft], about: [row]) { look in
      guard case .object(let members) = try look.answer(row, records) else { return .null }
      return .object(members.merging(told) { $1 })
    }
  }

  private static let publish = Endpoint.write(
    "publishProcedure", "/procedures", "手続を公開する", "Publish a procedure", for: .oversight,
    "A definition as a YAML file. It is proven first: names, tables, order, and its own tests.",
    [
      FormField(
        "yaml", .secret(Procedure.mostBytes * 2), required: true, ja: "定義のファイル(YAML)", en: "The definition (YAML)"),
      FormField("onlyCheck", .flag, ja: "確かめるだけ", en: "Only check it"),
    ], makes: true, answers: .row(records, and: said)
  ) { desk in
    try published(desk.given.text("yaml")!, desk, onlyCheck: desk.given.flag("onlyCheck"))
  }

  private static let install = Endpoint.write(
    "installProcedures", "/procedures/standard", "標準の手続を入れる", "Install the standard procedures", for: .oversight,
    "Publishes the procedures that come with the program, as far as the ward has not.",
    answers: .members([.init("added", .integer(0...1_000), "加えた手続", "Added")])
  ) { desk in
    var drafts: [Draft] = []
    for source in StandardProcedures.sources {
      drafts += try published(source, desk, onlyCheck: false).drafts
    }
    return Written(drafts, about: []) { _ in ["added": JSON(drafts.count)] }
  }

  private static let adopt = Endpoint.write(
    "adoptProcedure", "/procedures/{id}/adoption", "この区でも使う", "Use it here too", for: .oversight,
    "Publishes another ward's definition as this ward's own: nobody else's new version changes this ward's desks.",
    of: records, when: [Condition(.refused, "この区の手続です", "this ward's own") { !$1.isOwn($0.id) }], makes: true,
    answers: .row(records, and: said)
  ) { desk in
    let (_, version) = try desk.subject(records)
    return try published(try procedure(version), desk, onlyCheck: false)
  }

  static let service = Service(
    "手続", "Procedures", records: [records],
    actions: [
      Action(
        "endProcedure", .step("end"), records, "使うのをやめる", "Use no longer", for: .oversight,
        when: [.ownRow("他区の手続です", "another ward's"), .missing(endedAt, "終わっています", "ended already")],
        stamps: [.now(endedAt)])
    ],
    lists: [Listing("procedures", records, "手続", "Procedures", filters: [ward, key], open: [endedAt], newest: at)],
    endpoints: [publish, install, adopt])
}
