import Causality
import ChangeModel
import Desk
import GRDB
import Replica

/// Entries of a register as a list, with what each value is called by the version that it was made by; and their sums.
enum OwnEntries {
  private static let valueMembers: [Answer.Member] = [
    .init("key", .code(40), "番号", "Key"), .init("labelJa", .text(100), "項目名", "Label in Japanese"),
    .init("labelEn", .text(100), "項目名(英語)", "Label in English"), .init("value", .text(1_000), "値", "Value"),
    .init("shown", .text(1_300), "表示", "As shown"), .init("band", .text(100), "段階", "Band"),
    .init("isTorn", .flag, "要確認", "Told in two ways"),
  ]

  private static let members: [Answer.Member] = [
    OwnEntry.saidID, .init("collection", .text(60), "対象", "Collection"),
    .init("version", .row(OwnRegister.records.name), "版", "Version"),
    .init("title", .text(200), "見出し", "Title"), .init("ward", .ward, "区", "Ward"),
    .init("observedAt", .time, "確認日時", "Seen at"), .init("latitude", OwnEntry.latitude.shape, "緯度", "Latitude"),
    .init("longitude", OwnEntry.longitude.shape, "経度", "Longitude"), .init("note", .text(1_000), "備考", "Note"),
    .init("resident", OwnEntry.resident.shape, "本人", "Person"), .init("closedAt", .time, "終了日時", "Closed at"),
    .init("enteredBy", .text(120), "記録者", "Entered by"), .init("isStale", .flag, "古い", "Old"),
    .init("isOwn", .flag, "この区の記録", "This ward's"),
    .init("conflicts", .list(.text(60), 64), "要確認の項目", "Fields to check"),
    .init("values", .objects(.members(valueMembers)), "値", "Values"),
  ]

  private static let shared = FormField("shared", .flag, ja: "ほかの区の記録も", en: "Other wards' too")
  private static let all = FormField("all", .flag, ja: "終わったものも", en: "Those that are over too")
  private static let only = FormField("entry", .row("any"), ja: "この記録だけ", en: "This entry alone")
  private static let paging = [
    FormField("limit", .integer(1...1_000), ja: "件数", en: "How many at most"),
    FormField("after", .row("any"), ja: "この行の次から", en: "`next` of the page before"),
  ]

  // MARK: Reading

  /// A register as one reads it: its versions that are known here, and where its entries lie.
  private struct Reading {
    let records: Records
    let versions: [RowValues]
    let designs: [RowID: RegisterDesign]
    let staleAfter: Int64?

    init(_ look: Look) throws {
      guard let row = look.inquiry.row, let version = try RowValues.fetch(row, OwnRegister.records, look.db) else {
        throw Fault.notFound("id")
      }
      records = try OwnEntry.records(of: version)
      guard records.reader.access.admits(look.inquiry.user.roles) else {
        throw Fault(.forbidden, field: "id", ja: "人の台帳です。見られるのは本部・避難所・福祉です", en: "a register of people")
      }
      versions = try OwnRegister.versions(of: version, isShared: look.given.flag("shared"), look.db)
      // One that cannot be read hides no other.
      designs = versions.reduce(into: [:]) { $0[$1.id] = try? OwnRegister.design(of: $1) }
      // A form gives it within these; a row may hold anything.
      staleAfter = version[OwnRegister.staleAfter].map { min(max($0, 1), 8_760) }
    }

    var list: String { RowValues.list(versions.map(\.id)) }
  }

  private static func value(_ field: RegisterDesign.Field, _ text: String, isTorn: Bool) -> JSON {
    var members: [String: JSON] = [
      "key": .text(field.key), "labelJa": .text(field.ja), "labelEn": .text(field.en), "value": .text(text),
      "shown": .text(field.shown(text)), "isTorn": .flag(isTorn),
    ]
    if field.kind == .number, let band = field.band(of: text) { members["band"] = .text(band) }
    return .object(members)
  }

  private static func json(_ entry: RowValues, _ reading: Reading, _ look: inout Look) throws -> JSON {
    let shown = look.show(entry)
    let torn = try RowValues.conflicts(of: entry.id, reading.records, look.db)
    let isTorn = Set(torn.list.compactMap(\.text))
    var members: [String: JSON] = [
      "id": .text("\(entry.id)"), "collection": .text(reading.records.name), "conflicts": torn,
    ]
    for name in [
      "title", "version", "ward", "observedAt", "latitude", "longitude", "note", "resident", "closedAt", "enteredBy",
    ] {
      members[name] = shown[name]
    }
    members["isOwn"] = .flag(entry.id.ward == look.inquiry.identity.certificate.node.ward)
    members["isStale"] = .flag(isStale(entry, reading, look.now))
    let fields = entry[OwnEntry.version].flatMap { reading.designs[$0] }?.fields ?? []
    members["values"] = .list(
      fields.compactMap { field in
        entry[OwnEntry.slot(field.slot)].map { value(field, $0, isTorn: isTorn.contains(field.name)) }
      })
    return .object(members)
  }

  private static func isStale(_ entry: RowValues, _ reading: Reading, _ now: Instant) -> Bool {
    guard let hours = reading.staleAfter, let seen = entry[OwnEntry.observedAt], entry[OwnEntry.closedAt] == nil else {
      return false
    }
    return now.milliseconds - seen.milliseconds.held > hours * 3_600_000
  }

  private static let list = Endpoint.read(
    "ownEntries", "/own-registers/{id}/entries", "台帳の記録", "Entries of a register", for: .staff,
    "A register's entries, newest first: of this ward's register, or of every ward's that has the same one.",
    [shared, all, only] + paging + [Purpose.field], of: OwnRegister.records,
    answers: .list(
      "entries", members,
      beside: [.init("fields", .objects(.members(OwnRegister.fieldMembers)), "項目", "Fields")], isPaged: true)
  ) { look in
    let reading = try Reading(look)
    let page = try look.page(
      reading.records,
      // An entry is of its version's own ward.
      where: """
        version IN (SELECT value FROM json_each(?1)) AND (?2 OR closed_at IS NULL)
        AND (id >> 53) & 1023 = (version >> 53) & 1023 AND (?3 IS NULL OR id = ?3)
        """, [reading.list, look.given.flag("all"), look.given.row("entry")?.rawValue], by: ["observed_at"],
      newestFirst: true)
    var entries: [JSON] = []
    for entry in page.rows where try look.maySee(entry, reading.records) {
      entries.append(try json(entry, reading, &look))
    }
    guard case .object(var answer) = page.answer("entries", entries) else { return .null }
    answer["fields"] = .list(columns(reading).map(OwnRegister.json))
    return .object(answer)
  }

  /// So many columns a table has at the most: one ward's designs have 40 fields at once.
  private static let mostColumns = 80

  /// Every field of the versions in use and of those before, once, by where it came in; the words are the newest version's.
  private static func columns(_ reading: Reading) -> [RegisterDesign.Field] {
    let newest = OwnRegister.heads(reading.versions).reversed() + reading.versions.reversed()
    var seen: Set<String> = []
    return Array(
      newest.flatMap { reading.designs[$0.id]?.fields ?? [] }.filter { seen.insert($0.key).inserted }.prefix(
        mostColumns))
  }

  // MARK: Sums

  private static let sums = Endpoint.read(
    "ownRegisterSums", "/own-registers/{id}/sums", "台帳の集計", "Sums of a register", for: .staff,
    "Of each number of a register's entries: its sum, and how many do not say it or say it in two ways.", [shared],
    of: OwnRegister.records,
    answers: .list(
      "sums",
      [
        .init("key", .code(40), "番号", "Key"), .init("labelJa", .text(100), "項目名", "Label in Japanese"),
        .init("labelEn", .text(100), "項目名(英語)", "Label in English"), .init("unit", .text(100), "単位", "Unit"),
        .init("sum", .number(-1e15...1e15), "計", "Sum"), .init("known", .integer(Numbers.any), "分かっている件数", "Known"),
        .init("unknown", .integer(Numbers.any), "不明の件数", "Not known"),
      ])
  ) { look in
    let reading = try Reading(look)
    // Of people, a sum tells of those too whom one may not see.
    guard !reading.records.isPersonal else { return ["sums": .list([])] }
    var lines: [JSON] = []
    for field in columns(reading) where field.kind == .number && !field.isEnded {
      var (sum, known, unknown) = (0.0, Int64(0), Int64(0))
      for version in reading.versions {
        let here = reading.designs[version.id]?.fields.first { $0.key == field.key && $0.kind == .number }
        let (own, told, silent) = try figures(of: version.id, here?.name, reading.records, look.db)
        (sum, known, unknown) = (sum + own, known + told, unknown + silent)
      }
      var line: [String: JSON] = [
        "key": .text(field.key), "labelJa": .text(field.ja), "labelEn": .text(field.en), "known": .integer(known),
        "unknown": .integer(unknown),
      ]
      if known > 0 { line["sum"] = .real(sum) }
      line["unit"] = field.unit.map { .text($0) }
      lines.append(.object(line))
    }
    return ["sums": .list(lines)]
  }

  /// Of one version's open entries: the sum of a slot, how many say it, and how many do not; none says what it has no slot for.
  private static func figures(
    of version: RowID, _ slot: String?, _ records: Records, _ db: Database
  ) throws -> (Double, Int64, Int64) {
    let value = slot ?? "NULL"
    let row = try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT total(CASE WHEN torn.row IS NULL THEN max(min(CAST(\(value) AS REAL), 1e12), -1e12) END),
            count(CASE WHEN torn.row IS NULL THEN \(value) END),
            coalesce(sum(\(value) IS NULL OR torn.row IS NOT NULL), 0)
          FROM "\(records.name)" AS row
          LEFT JOIN (SELECT DISTINCT row FROM conflicts WHERE collection = ?1 AND field = ?2) AS torn ON torn.row = row.id
          WHERE version = ?3 AND closed_at IS NULL AND (id >> 53) & 1023 = (version >> 53) & 1023
          """), arguments: [records.name, slot ?? "", version.rawValue])
    return (row?[0] ?? 0, row?[1] ?? 0, row?[2] ?? 0)
  }

  // MARK: What cannot be read yet

  /// A design whose author was disowned, or that a newer program wrote: its entries are kept, and told of.
  private static let waiting = Endpoint.read(
    "waitingOwnEntries", "/own-entries/waiting", "台帳のない記録", "Entries whose register is not here", for: .staff,
    "Entries whose version of a register is not here: kept, and shown once it is.",
    answers: .list(
      "entries",
      [
        OwnEntry.saidID, .init("collection", .text(60), "対象", "Collection"), .init("title", .text(200), "見出し", "Title"),
        .init("ward", .ward, "区", "Ward"), .init("version", .row(OwnRegister.records.name), "版", "Version"),
      ], beside: [Paging.isCut])
  ) { look in
    var found: [JSON] = []
    for records in OwnEntry.all where !records.isPersonal {
      let rows = try RowValues.all(
        records, "WHERE version IS NOT NULL AND version NOT IN (SELECT id FROM own_registers) ORDER BY id LIMIT 201",
        [], look.db)
      for row in rows {
        let shown = look.show(row).filter { ["title", "ward", "version"].contains($0.key) }
        found.append(.object(shown.merging(["id": .text("\(row.id)"), "collection": .text(records.name)]) { $1 }))
      }
    }
    return .object(Paging.cut("entries", found, at: 200))
  }

  static let endpoints = [list, sums, waiting]
}
