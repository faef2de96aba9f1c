import Causality
import ChangeModel
import Desk
import GRDB
import Replica

/// 区独自の台帳: a register that a ward designed for itself on a page, cut off or not. Each row is a version of one; entries name the
/// version by which they were made. Every node keeps, passes on and shows them, and nobody's schema changes.
public enum OwnRegister {
  /// What is kept in it, and so in which lane and for whom its entries lie.
  private static let kinds = [
    Choice("災害時の記録", "own_entries_life"), Choice("災害時の人の記録", "own_entries_life_personal"),
    Choice("物資の記録", "own_entries_supply"), Choice("台帳", "own_entries_registry"),
    Choice("人の台帳", "own_entries_registry_personal"),
  ]
  private static let writers: [(choice: Choice, access: Access)] = [
    (Choice("職員全員", "everybody"), OwnEntry.writing), (Choice("本部と避難所", "relief"), .relief),
    (Choice("本部", "headquarters"), .command), (Choice("福祉", "welfare"), .welfare), (Choice("物資", "supply"), .goods),
  ]

  static let ja = Field.text(1, "name_ja", 100, "台帳の名前", "Name in Japanese")
  static let en = Field.text(2, "name_en", 100, "台帳の名前(英語)", "Name in English").aside
  static let kind = Field.choice(3, "kind", kinds, "何の台帳か", "What it keeps")
  static let hasPlace = Field.flag(4, "has_place", "場所がある", "On a map").aside
  static let enteredBy = Field.choice(5, "entered_by", writers.map(\.choice), "記録する人", "Entered by")
  static let staleAfter = Field.integer(6, "stale_after", 1...8_760, "古いとみなす時間", "Old after hours").aside
  static let note = Field.text(7, "note", 1_000, "説明", "Note").aside
  static let design = Field.text(8, "design", RegisterDesign.mostBytes, "設計", "Design").aside
  /// The first version; nil where that is this one.
  static let root = Field.row(9, "root", of: "own_registers", "最初の版", "First version").aside
  /// The first version of the first ward that had it, for those that adopted it.
  static let origin = Field.row(10, "origin", of: "own_registers", "もとの台帳", "Origin").aside
  static let basedOn = Field.row(11, "based_on", of: "own_registers", "もとにした版", "Based on").aside
  static let replacedBy = Field.row(12, "replaced_by", of: "own_registers", "次の版", "Replaced by").aside
  static let endedAt = Field.time(13, "ended_at", "廃止日時", "Ended at").aside
  static let ward = Field.ward(14, of: .first)
  static let by = Field.user(15, "designed_by", "設計者", "Designed by").aside
  static let at = Field.time(16, "designed_at", "設計日時", "Designed at")

  public static let records = Records(
    15, "own_registers", "区独自の台帳", "Own register", lane: .control, law: .keptByWard(open: []), reader: .staff,
    fields: [
      ja, kind, enteredBy, ward, at, en, hasPlace, staleAfter, note, design, root, origin, basedOn, replacedBy, endedAt,
      by,
    ], title: [ja],
    states: [
      .has(endedAt, "ended", "廃止", "ended", .ended), .has(replacedBy, "replaced", "旧版", "replaced", .ended),
      .otherwise("current", "使用中", "in use", .done),
    ], hidden: [design], indexes: [[root], [origin]], page: "/register")

  // MARK: Reading

  public static func root(of version: RowValues) -> RowID { version[root] ?? version.id }
  static func origin(of version: RowValues) -> RowID { version[origin] ?? root(of: version) }

  /// - Throws: where its design cannot be read.
  public static func design(of version: RowValues) throws -> RegisterDesign {
    try RegisterDesign(version[design] ?? "[]")
  }

  /// Versions of one ward's register that are read: the newest.
  private static let most = 60

  /// All versions of one register, as its own ward wrote them; of every ward that has it, where `isShared`. Whatever another ward
  /// writes under a register's name is not of it.
  static func versions(of version: RowValues, isShared: Bool, _ db: Database) throws -> [RowValues] {
    let name = root(of: version)
    guard name.ward == version.id.ward else { return [version] }
    let own = try versions(name, db)
    guard isShared else { return own }
    let origin = origin(of: version)
    let roots = try RowValues.all(
      records, "WHERE root IS NULL AND (id = ?1 OR origin = ?1) ORDER BY id LIMIT 200", [origin.rawValue], db)
    // One of each ward: the first that it adopted.
    var wards: Set<UInt32> = [name.ward]
    return try own + roots.filter { wards.insert($0.id.ward).inserted }.flatMap { try versions($0.id, db) }
  }

  private static func versions(_ root: RowID, _ db: Database) throws -> [RowValues] {
    try RowValues.all(
      records,
      "WHERE (id = ?1 OR root = ?1) AND (id >> 53) & 1023 = ?2 ORDER BY designed_at DESC, id DESC LIMIT \(most)",
      [root.rawValue, Int64(root.ward)], db
    ).reversed()
  }

  /// Those by which one makes entries: one, or, where two clerks changed it apart, both until somebody joins them.
  static func heads(_ versions: [RowValues]) -> [RowValues] {
    versions.filter { $0[replacedBy] == nil && $0[endedAt] == nil }
  }

  static func mustMayEnter(_ version: RowValues, _ desk: Desk) throws {
    let access = writers.first { $0.choice.word == version[enteredBy] }?.access ?? OwnEntry.writing
    guard access.admits(desk.inquiry.user.roles) else {
      throw Fault(
        .forbidden, field: "id", ja: "この台帳に記録できるのは「\(version[enteredBy] ?? "職員")」です",
        en: "entries of this register are made by others")
    }
  }

  // MARK: Designing

  static let open: [Condition] = [
    .own(ward, "他区の台帳です。使うには採用してください", "another ward's register: adopt it to use it"),
    .missing(endedAt, "廃止された台帳です", "ended"),
    .missing(replacedBy, "新しい版があります。開き直してください", "there is a newer version: open it"),
  ]

  private static let label = FormField("labelJa", .text(60), required: true, ja: "項目名", en: "Label in Japanese")
  private static let englishLabel = FormField("labelEn", .text(60), ja: "項目名(英語)", en: "Label in English")
  private static let unit = FormField("unit", .text(20), ja: "単位", en: "Unit")
  private static let choices = FormField("choices", .list(.text(60), 64), ja: "選択肢", en: "Choices")
  private static let bands = FormField(
    "bands", .text(400), ja: "しきい値(30=注意, 60=警戒)", en: "Thresholds (30=caution, 60=alert)")
  private static let needed = FormField("needed", .flag, ja: "必須", en: "Required")
  private static let standard = FormField("standard", .code(80), ja: "標準での名前", en: "Name in a standard")
  private static let fieldKey = FormField("field", .code(40), required: true, ja: "項目", en: "Field")

  /// A version after `old`: everything of the first, and the design as `change` makes it.
  private static func revised(
    _ old: [RowValues], _ desk: Desk, _ change: (inout RegisterDesign, RowID, Set<Int>) throws -> Void
  ) throws -> Written {
    let row = try desk.newRow()
    var design = try design(of: old[0])
    let all = try desk.read { try versions(of: old[0], isShared: false, $0) }
    let taken = Set(all.flatMap { (try? Self.design(of: $0))?.fields.map(\.slot) ?? [] })
    try change(&design, row, taken)
    var draft = records.draft()
    draft.edit(
      records, row,
      old[0].copy(except: ["design", "root", "replaced_by", "designed_by", "designed_at"]) + [
        Self.design.set(design.text), root.set(root(of: old[0])), by.set(desk.inquiry.user.name),
        at.set(desk.enteredAt),
      ])
    for version in old { draft.edit(records, version.id, [replacedBy.set(row)]) }
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  private static func designing(
    _ id: String, _ step: String, _ ja: String, _ en: String, _ fields: [FormField],
    _ body: @escaping @Sendable (Desk, inout RegisterDesign, RowID, Set<Int>) throws -> Void
  ) -> Endpoint {
    .write(
      id, "/own-registers/{id}/\(step)", ja, en, for: .oversight, "\(en): a new version of the register.", fields,
      of: records, when: open, makes: true, answers: .row(records)
    ) { desk in
      let version = try desk.subject(records).values
      return try revised([version], desk) { try body(desk, &$0, $1, $2) }
    }
  }

  private static let add = designing(
    "addRegisterField", "fields", "項目を加える", "Add a field",
    [label, OwnField.kind.needed, unit, choices, bands, needed, englishLabel, standard]
  ) { desk, design, row, taken in
    let given = desk.given
    guard let kind = given.text("kind").flatMap({ OwnItems.Kind(rawValue: $0) }), let ja = given.text("labelJa") else {
      throw Fault.badValue("kind", ja: "種類を選んでください", en: "choose a kind")
    }
    guard kind != .choice || !given.texts("choices").isEmpty else {
      throw Fault.badValue("choices", ja: "選択肢を入れてください", en: "give the choices")
    }
    guard kind == .number || given.text("bands") == nil else {
      throw Fault.badValue("bands", ja: "しきい値は数の項目に付けます", en: "thresholds are for numbers")
    }
    var field = RegisterDesign.Field(key: "", slot: 0, ja: ja, en: given.text("labelEn") ?? ja, kind: kind)
    field.unit = given.text("unit")
    field.standard = given.text("standard")
    field.choices =
      kind == .choice ? given.texts("choices").reduce(into: []) { if !$0.contains($1) { $0.append($1) } } : []
    field.bands = try RegisterDesign.Field.bands(given.text("bands") ?? "")
    field.isNeeded = given.flag("needed")
    try design.add(field, in: row, taken: taken)
  }

  /// Its words alone: what a value means stays. Choices are added and never taken away.
  private static let change = designing(
    "changeRegisterField", "field-words", "項目の言葉を直す", "Change a field's words",
    [
      fieldKey, FormField("labelJa", .text(60), ja: "項目名", en: "Label in Japanese"), englishLabel, choices, bands,
      needed,
    ]
  ) { desk, design, _, _ in
    let given = desk.given
    let bands = try given.text("bands").map { try RegisterDesign.Field.bands($0) }
    try design.change(given.text("field")!) { field in
      field.ja = given.text("labelJa") ?? field.ja
      field.en = given.text("labelEn") ?? field.en
      if field.kind == .choice {
        for choice in given.texts("choices") where !field.choices.contains(choice) { field.choices.append(choice) }
      }
      if let bands, field.kind == .number { field.bands = bands }
      if given.has("needed") { field.isNeeded = given.flag("needed") }
    }
  }

  private static let endField = designing(
    "endRegisterField", "field-end", "項目を使うのをやめる", "Use a field no longer", [fieldKey]
  ) { desk, design, _, _ in
    try design.change(desk.given.text("field")!) { $0.isEnded = true }
  }

  private static let join = Endpoint.write(
    "joinRegister", "/own-registers/{id}/joining", "二つの設計を合わせる", "Join two designs", for: .oversight,
    "Where two clerks changed a register while apart: one version with the fields of all.", of: records, when: open,
    makes: true, answers: .row(records)
  ) { desk in
    let version = try desk.subject(records).values
    let others = try desk.read { heads(try versions(of: version, isShared: false, $0)) }.filter { $0.id != version.id }
    guard !others.isEmpty else {
      throw Fault.refused("id", ja: "合わせる設計はほかにありません", en: "there is no other design to join")
    }
    return try revised([version] + others, desk) { design, _, taken in
      for other in others { try design.join(try Self.design(of: other), taken: taken) }
    }
  }

  private static let adopt = Endpoint.write(
    "adoptRegister", "/own-registers/{id}/adoption", "この区でも使う", "Use it here too", for: .oversight,
    "Makes another ward's register this ward's own as well: the same fields, so that the wards' entries are told together.",
    of: records, when: [Condition(.refused, "この区の台帳です", "this ward's own") { $0[ward] != $1.ward }], makes: true,
    answers: .row(records)
  ) { desk in
    let version = try desk.subject(records).values
    _ = try design(of: version)
    let known = try desk.read { try versions(of: version, isShared: true, $0) }
    guard heads(known).allSatisfy({ $0[ward] != desk.ward }) else {
      throw Fault.refused("id", ja: "この区でもう使っています", en: "this ward uses it already")
    }
    // The same row at whichever desk of the ward it is adopted.
    let row = desk.derivedRow(["adopted register", "\(origin(of: version))"])
    var draft = records.draft()
    draft.edit(
      records, row,
      version.copy(except: [
        "root", "origin", "based_on", "replaced_by", "ended_at", "ward", "designed_by", "designed_at",
      ])
        + [
          origin.set(origin(of: version)), basedOn.set(version.id), ward.set(desk.ward),
          by.set(desk.inquiry.user.name), at.set(desk.enteredAt),
        ])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  // MARK: The design as programs and pages read it

  static let fieldMembers: [Answer.Member] = [
    .init("key", .code(40), "番号", "Key"), .init("name", .code(3), "欄", "Slot"),
    .init("labelJa", .text(100), "項目名", "Label in Japanese"),
    .init("labelEn", .text(100), "項目名(英語)", "Label in English"),
    .init("kind", OwnField.kind.shape, "種類", "Kind"), .init("unit", .text(100), "単位", "Unit"),
    .init("choices", .list(.text(100), 64), "選択肢", "Choices"), .init("needed", .flag, "必須", "Required"),
    .init("standard", .text(100), "標準での名前", "Name in a standard"), .init("isEnded", .flag, "廃止", "Ended"),
    .init("bands", .text(2_000), "しきい値", "Thresholds"),
  ]

  static func json(_ field: RegisterDesign.Field) -> JSON {
    var members: [String: JSON] = [
      "key": .text(field.key), "name": .text(field.name), "labelJa": .text(field.ja), "labelEn": .text(field.en),
      "kind": .text(field.kind.rawValue), "needed": .flag(field.isNeeded), "isEnded": .flag(field.isEnded),
    ]
    members["unit"] = JSON(field.unit)
    members["standard"] = JSON(field.standard)
    if !field.choices.isEmpty { members["choices"] = .list(field.choices.map { .text($0) }) }
    if !field.bands.isEmpty {
      members["bands"] = .text(field.bands.map { "\(OwnItems.Kind.plain($0.from))=\($0.name)" }.joined(separator: ", "))
    }
    return .object(members.filter { $0.value != .null })
  }

  private static let fields = Endpoint.read(
    "ownRegisterFields", "/own-registers/{id}/fields", "台帳の項目", "Fields of a register", for: .staff,
    "A version's fields, and the other versions that stand beside it where two clerks changed it apart.", of: records,
    answers: .list(
      "fields", fieldMembers,
      beside: [
        .init("beside", .list(.row(records.name), 100), "並んでいる版", "Versions beside it"),
        .init("current", .row(records.name), "今の版", "The version in use"),
      ])
  ) { look in
    guard let row = look.inquiry.row, let version = try RowValues.fetch(row, records, look.db) else {
      throw Fault.notFound("id")
    }
    let heads = heads(try versions(of: version, isShared: false, look.db))
    return [
      "fields": .list(try design(of: version).fields.map(json)),
      "beside": .list(heads.filter { $0.id != row }.map { .text("\($0.id)") }),
      "current": JSON((heads.first { $0.id == row } ?? heads.last).map { "\($0.id)" }),
    ]
  }

  static let actions = [
    Action(
      "designRegister", .new, records, "台帳を作る", "Make a register", for: .oversight,
      takes: [ja.needed, kind.needed, hasPlace.asked, enteredBy.asked, staleAfter.asked, en.asked, note.asked],
      stamps: [.ward(ward), .user(by), .now(at), .set(design, "[]")]),
    Action(
      "changeRegister", .change, records, "台帳の名前などを直す", "Change a register", for: .oversight,
      takes: [ja.asked, en.asked, enteredBy.asked, staleAfter.asked, note.asked], when: open),
    Action(
      "endRegister", .step("end"), records, "台帳を廃止する", "End a register", for: .oversight, when: open,
      stamps: [.now(endedAt)]),
  ]

  static let endpoints = [add, change, endField, join, adopt, fields]
  static let list = Listing(
    "ownRegisters", records, "区独自の台帳", "Own registers", filters: [ward, kind], open: [endedAt, replacedBy], newest: at)
}
