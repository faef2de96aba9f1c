import Causality
import ChangeModel
import Desk
import Formats
import GRDB
import Replica
import Sodium

/// 電文: what the meteorological agency said, read from a file at any node. A row's id follows from the file's content, so that
/// two nodes of a ward that read one file have one row. A telegram proposes; it never orders.
enum Bulletin {
  static let title = Field.text(1, "title", 100, "電文", "Telegram")
  static let office = Field.text(2, "office", 100, "発表官署", "Office")
  static let infoType = Field.text(3, "info_type", 20, "発表の別", "Kind of report")
  static let event = Field.text(4, "event", 100, "事象番号", "Event")
  static let serial = Field.text(5, "serial", 100, "情報番号", "Serial")
  static let reportedAt = Field.deadline(6, "reported_at", "発表日時", "Reported at")
  static let validUntil = Field.deadline(7, "valid_until", "有効期限", "Valid until")
  static let headline = Field.text(8, "headline", 500, "見出し", "Headline")
  static let lines = SetField(9, "lines", of: .text(200), atMost: 2_000, "内容", "Content")
  static let hash = Field.text(10, "hash", 64, "内容のハッシュ", "Hash").aside
  static let ward = Told.ward

  static let records = Records(
    102, "bulletins", "気象・地震の電文", "Telegram", lane: .life, law: .keptByWard(open: []), reader: .staff,
    fields: [title, headline, reportedAt, infoType, office, event, serial, validUntil, lines, hash, ward],
    title: [title], hidden: [lines], indexes: [[title, reportedAt]])

  /// Much later than now, a telegram is of the future: it is kept, and nothing goes by it until then.
  private static let ahead: Int64 = 600_000
  /// So long a telegram stands that says no end.
  private static let longest: Int64 = 72 * 3_600_000
  /// Lines of one telegram that are kept: what is of Tokyo, and forecast areas of tsunamis.
  private static let mostLines = 500

  private static let take = Endpoint.write(
    "takeBulletin", "/bulletins", "電文を取り込む", "Take in a telegram", for: .command,
    "A telegram of the meteorological agency, as a file: it becomes a row, once, whoever reads it.",
    [FormField("xml", .secret(XMLTree.mostBytes), required: true, ja: "電文のファイル(XML)", en: "The telegram's file (XML)")],
    makes: true,
    answers: .row(records)
  ) { desk in
    let bytes = [UInt8](desk.given.text("xml")!.utf8)
    let report: JMAReport
    do throws(XMLTree.Refusal) { report = try JMAReport(bytes) } catch {
      throw Fault.badValue("xml", ja: error.ja, en: error.en)
    }
    let isDrill = desk.inquiry.identity.federation.genesis.drill
    guard isDrill == (report.status != "通常") else {
      throw Fault.refused(
        "xml", ja: isDrill ? "通常の電文です。訓練では使いません" : "「\(report.status)」の電文です。本番では使いません",
        en: isDrill
          ? "an earnest telegram: a drill does not go by it"
          : "a telegram of status \(report.status): not used in earnest")
    }
    let digest = blake2b(bytes).bytes.hexadecimal
    let row = desk.derivedRow(["bulletin", desk.ward, digest])
    var draft = records.draft()
    if try desk.read({ try RowValues.fetch(row, records, $0) }) == nil {
      let kept = report.lines.filter {
        $0.area.hasPrefix("131") || $0.area == "350" || $0.kind == "津波" || isOfNoWard($0.area)
      }.prefix(
        mostLines)
      draft.edit(
        records, row,
        [
          title.set(report.title), office.set(report.office), infoType.set(report.infoType), event.set(report.event),
          serial.set(report.serial), reportedAt.set(report.reportedAt), validUntil.set(report.validUntil),
          headline.set(report.headline), hash.set(digest), ward.set(desk.ward),
        ] + kept.map { lines.add($0.text) })
    }
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  /// Rivers have codes of their own, of twelve digits: which wards they are of is not known here, and nothing of them is dropped.
  private static func isOfNoWard(_ code: String) -> Bool { code.count > 7 }
  /// 東京湾内湾: the forecast area of tsunamis, and the wards at the bay.
  private static let bay = (area: "312", wards: ["13102", "13103", "13108", "13109", "13111", "13123"])

  private static func concerns(_ line: JMAReport.Line, _ ward: String) -> Bool {
    line.area == ward || line.area == "350" || isOfNoWard(line.area)
      || line.area == bay.area && bay.wards.contains(ward)
  }

  /// One telegram, however many wards have read it.
  struct Current {
    var row: RowValues
    var lines: [JMAReport.Line]
  }

  /// What stands now: of each title, office and event the newest, a correction before what it corrects; nothing that was withdrawn, has run
  /// out, or is of the future.
  static func current(at now: Instant, _ db: Database) throws -> [Current] {
    // One of each content, however many wards have read it.
    let all = try RowValues.all(
      records,
      """
      WHERE id IN (SELECT min(id) FROM bulletins
        WHERE reported_at BETWEEN ?3 AND ?1 AND (valid_until IS NULL OR valid_until > ?2) GROUP BY hash)
      ORDER BY reported_at DESC, id LIMIT 2000
      """, [now.milliseconds + ahead, now.milliseconds, now.milliseconds - longest], db)
    func rank(_ row: RowValues) -> (Int64, Int, String) {
      (
        row[reportedAt]?.milliseconds ?? 0, row[infoType] == "取消" ? 2 : row[infoType] == "訂正" ? 1 : 0, row[hash] ?? ""
      )
    }
    func key(_ row: RowValues) -> String {
      [row[title], row[office], row[event]].map { $0 ?? "" }.joined(separator: "\u{1f}")
    }
    // Without an event, a withdrawal is of the report of its own hour alone.
    let withdrawn = Set(
      all.filter { $0[infoType] == "取消" && $0[event] == nil }.map { "\(key($0)) \($0[reportedAt]?.milliseconds ?? 0)" })
    var newest: [String: RowValues] = [:]
    for row in all where !withdrawn.contains("\(key(row)) \(row[reportedAt]?.milliseconds ?? 0)") {
      let key = key(row)
      if newest[key].map({ rank($0) < rank(row) }) ?? true { newest[key] = row }
    }
    return newest.values.filter { $0[infoType] != "取消" }.sorted { rank($0) > rank($1) }.map {
      Current(row: $0, lines: $0[lines].compactMap { JMAReport.Line(text: $0) })
    }
  }

  /// 震度 of a ward by the newest quake that says anything of it: what has not come is above everything that has.
  private static let intensities = ["1", "2", "3", "4", "5-", "5+", "6-", "6+", "7", "未入電"]

  private static func rank(_ intensity: String?) -> Int { intensity.flatMap { intensities.firstIndex(of: $0) } ?? -1 }

  struct WardPicture {
    var intensity: String?
    var shookAt: Instant?
    var warnings: [(hazard: String, level: Int?, name: String, row: RowID, at: Instant?)] = []
  }

  static func picture(of ward: String, _ current: [Current]) -> WardPicture {
    var picture = WardPicture()
    for telegram in current {
      for line in telegram.lines where concerns(line, ward) {
        if line.kind == "震度" {
          // The strongest: after the aftershock too.
          if rank(line.value) > rank(picture.intensity) {
            (picture.intensity, picture.shookAt) = (line.value, telegram.row[reportedAt])
          }
        } else if line.level != 0 {
          let name = isOfNoWard(line.area) ? "\(line.value)(対象区不明 \(line.area))" : line.value
          picture.warnings.append((line.kind, line.level, name, telegram.row.id, telegram.row[reportedAt]))
        }
      }
    }
    return picture
  }

  private static let table = Endpoint.read(
    "bulletinPicture", "/bulletins/picture", "震度と警報", "Shaking and warnings", for: .staff,
    "The highest intensity of three days and the warnings of each ward; what has not come in stands first: it may be the worst.",
    [],
    answers: .list(
      "wards",
      [
        .init("ward", .ward, "区", "Ward"), .init("intensity", .text(10), "震度(最大)", "Intensity, highest"),
        .init("shookAt", .time, "発表日時", "Reported at"),
        .init("level", .integer(2...5), "警戒レベル相当", "Level"), .init("warnings", .text(500), "警報・注意報", "Warnings"),
      ])
  ) { look in
    let current = try current(at: look.now, look.db)
    let wards = look.inquiry.identity.federation.genesis.wards.map { ($0.code, picture(of: $0.code, current)) }
    return [
      "wards": .list(
        wards.sorted { (-rank($0.1.intensity), $0.0) < (-rank($1.1.intensity), $1.0) }.map { code, picture in
          [
            "ward": .text(code), "intensity": JSON(picture.intensity), "shookAt": JSON(picture.shookAt?.milliseconds),
            "level": JSON(picture.warnings.compactMap(\.level).max().map { Int64($0) }),
            "warnings": .text(picture.warnings.map(\.name).joined(separator: "、")),
          ]
        })
    ]
  }

  private static let proposals = Endpoint.read(
    "orderProposals", "/evacuation-orders/proposals", "発令・解除の候補", "Proposed orders", for: .command,
    "What the telegrams of this ward would have it order, beside what stands; nothing is ordered by it.", [],
    answers: .list(
      "proposals",
      [
        .init("hazard", EvacuationOrder.hazard.shape, "災害の種類", "Hazard"),
        .init("kind", EvacuationOrder.kind.shape, "避難情報", "Order"), .init("level", .integer(0...5), "警戒レベル相当", "Level"),
        .init("standing", .integer(0...5), "発令中", "In force"), .init("basis", .text(200), "根拠", "Basis"),
        .init("bulletin", .row(records.name), "電文", "Telegram"), .init("reportedAt", .time, "発表日時", "Reported at"),
      ])
  ) { look in ["proposals": .list(try proposed(look))] }

  private static func proposed(_ look: Look) throws -> [JSON] {
    let orders = try RowValues.all(
      EvacuationOrder.records, "WHERE ward = ?1 AND issued_at IS NOT NULL AND lifted_at IS NULL ORDER BY id LIMIT 5000",
      [look.ward], look.db)
    let standing = Dictionary(grouping: orders) { $0[EvacuationOrder.hazard] ?? "" }.mapValues {
      $0.compactMap { $0[EvacuationOrder.kind]?.rank }.max() ?? 0
    }
    let warnings = picture(of: look.ward, try current(at: look.now, look.db)).warnings
    let highest = Dictionary(grouping: warnings.filter { $0.level != nil }) { $0.hazard }.mapValues {
      $0.max { ($0.level ?? 0) < ($1.level ?? 0) }!
    }
    return highest.sorted { $0.key < $1.key }.compactMap { hazard, warning in
      let (level, now) = (warning.level ?? 0, standing[hazard] ?? 0)
      // Lower than what stands: a lowering is proposed; what is as it should be needs nothing.
      guard level >= 3 ? level != now : now > 0 else { return nil }
      return [
        "hazard": .text(hazard), "kind": JSON(JMAWarning.order(at: level)?.rawValue), "level": JSON(level),
        "standing": JSON(now), "basis": .text(warning.name), "bulletin": .text("\(warning.row)"),
        "reportedAt": JSON(warning.at?.milliseconds),
      ]
    }
  }

  static let service = Service(
    "気象・地震", "Weather and quakes", records: [records],
    lists: [Listing("bulletins", records, "気象・地震の電文", "Telegrams", filters: [ward], newest: reportedAt)],
    due: [
      Due(
        "電文から、避難情報の発令・引下げの候補が % 件あります", "telegrams propose % orders", in: "orderProposals", "見る", "Look",
        for: .command, isUrgent: true
      ) { look in try proposed(look).count }
    ], endpoints: [take, table, proposals], menu: ["bulletinPicture", "orderProposals"])
}
