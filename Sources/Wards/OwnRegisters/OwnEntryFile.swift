import ChangeModel
import Desk
import Formats
import Foundation
import GRDB
import Replica

/// A register's entries from a CSV file: columns by the fields' names, as the file that the register's page gives. A line that is
/// wrong costs only itself; a line that stands here already makes no second entry.
enum OwnEntryFile {
  private static let mostBytes = 2_000_000
  private static let mostLines = 5_000
  private static let mostProblems = 100
  /// Entries of one change set: 64 KiB hold them, unless each fills every slot to its end.
  private static let portion = 25

  private static let heads = ["緯度": "latitude", "経度": "longitude", "備考": "note", "確認日時": "observedAt"]

  private static let members: [Answer.Member] = [
    .init("added", .integer(Numbers.any), "加えた記録", "Added"), .init("known", .integer(Numbers.any), "すでにある記録", "Known"),
    .init(
      "problems",
      .objects(
        .members([
          .init("line", .integer(Numbers.any), "行", "Line"), .init("ja", .text(400), "内容", "What"),
          .init("en", .text(400), "内容(英語)", "What, in English"),
        ])), "取り込めなかった行", "Lines not taken"),
  ]

  static let endpoint = Endpoint.write(
    "importOwnEntries", "/own-registers/{id}/entries/file", "CSVを取り込む", "Take in a CSV file",
    for: OwnEntry.writing,
    "Entries from a CSV file whose columns have the names of the register's fields.",
    [
      FormField("csv", .secret(mostBytes), required: true, ja: "CSVファイル", en: "CSV file"),
      FormField("onlyCheck", .flag, ja: "確かめるだけ", en: "Only check it"),
    ], of: OwnRegister.records, when: OwnRegister.open, answers: .members(members)
  ) { desk in
    let version = try desk.subject(OwnRegister.records).values
    try OwnRegister.mustMayEnter(version, desk)
    let records = try OwnEntry.records(of: version)
    guard !records.isPersonal else {
      throw Fault.refused("id", ja: "人の台帳は一人ずつ記録してください", en: "a register of people: enter them one by one")
    }
    let design = try OwnRegister.design(of: version)
    let isDrill = DrillMark(desk.inquiry.identity.federation).isDrill
    var file = try Table([UInt8]((desk.given.text("csv") ?? "").utf8), design, isDrill: isDrill)
    var standing = try desk.read { try known(version, records, $0) }
    var (added, isThere, lines) = (0, 0, 0)
    var (drafts, draft) = ([Draft](), records.draft())
    while let line = file.reader.next() {
      lines += 1
      guard lines <= mostLines else {
        throw Fault.badValue("csv", ja: "行が多すぎます(\(mostLines) 行まで)", en: "\(mostLines) lines at most")
      }
      do {
        let (head, texts) = try file.read(line, design, desk.inquiry)
        // A line that says when is another reading; one that does not is the one that stands.
        let mark = mark(texts, design, head) + (head.integer("observedAt").map { "\u{1e}\($0)" } ?? "")
        guard standing.insert(mark).inserted else {
          isThere += 1
          continue
        }
        added += 1
        guard !desk.given.flag("onlyCheck") else { continue }
        let seen = head.integer("observedAt") == nil ? [OwnEntry.observedAt.set(desk.enteredAt)] : []
        let row = try desk.newRow()
        draft.edit(
          records, row,
          head.edits(heads.values.sorted(), of: records) + seen + OwnEntry.edits(texts, version, design, desk))
        // What one change set holds of entries as long as they come.
        if added % portion == 0 {
          drafts.append(draft)
          draft = records.draft()
        }
      } catch let error as Fault {
        guard file.problems.count < mostProblems else { continue }
        file.problems.append(["line": JSON(line.line), "ja": .text(error.japanese), "en": .text(error.english)])
      }
    }
    let answer: JSON = ["added": JSON(added), "known": JSON(isThere), "problems": .list(file.problems)]
    if !draft.isEmpty { drafts.append(draft) }
    return Written(drafts, about: []) { _ in answer }
  }

  /// What makes two entries the same: what they say, by their fields, where, when as far as the file says, and the note.
  private static func mark(_ texts: [Int: String?], _ design: RegisterDesign, _ head: Submission) -> String {
    let said = design.fields.compactMap { field in (texts[field.slot] ?? nil).map { "\(field.key)=\($0)" } }.sorted()
    let place = ["latitude", "longitude"].map { head.values[$0]?.number.map { "\($0)" } ?? "" }
    return (said + place + [head.text("note") ?? ""]).joined(separator: "\u{1f}")
  }

  private static func known(_ version: RowValues, _ records: Records, _ db: Database) throws -> Set<String> {
    var marks: Set<String> = []
    for version in try OwnRegister.versions(of: version, isShared: false, db) {
      guard let design = try? OwnRegister.design(of: version) else { continue }
      let rows = try RowValues.all(
        records, "WHERE version = ? AND closed_at IS NULL ORDER BY id LIMIT 20000", [version.id.rawValue], db)
      for row in rows {
        var head = Submission()
        head.values["latitude"] = row[OwnEntry.latitude].map { .real($0) }
        head.values["longitude"] = row[OwnEntry.longitude].map { .real($0) }
        head.values["note"] = row[OwnEntry.note].map { .text($0) }
        let texts = Dictionary(uniqueKeysWithValues: design.fields.map { ($0.slot, row[OwnEntry.slot($0.slot)]) })
        let mark = mark(texts, design, head)
        marks.insert(mark)
        if let seen = row[OwnEntry.observedAt] { marks.insert("\(mark)\u{1e}\(seen.milliseconds)") }
      }
    }
    return marks
  }

  /// A file whose first line has been read.
  private struct Table {
    var reader: CSVReader
    let decoder: FieldDecoder
    /// What each column is: a field's slot, or a head's name; nil where the file has more than the register.
    let columns: [String?]
    var problems: [JSON] = []

    init(_ bytes: [UInt8], _ design: RegisterDesign, isDrill: Bool) throws(Fault) {
      let text: EncodedText
      do throws(ExchangeError) { text = try EncodedText(bytes) } catch {
        throw .badValue("csv", ja: "文字コードが分かりません(UTF-8 か Shift_JIS)", en: "in no encoding that is known here")
      }
      decoder = FieldDecoder(text.encoding)
      reader = CSVReader(text.bytes)
      guard let header = reader.next() else { throw .badValue("csv", ja: "空のファイルです", en: "an empty file") }
      let decoder = decoder
      let names = header.fields.map { decoder.decode($0).text.trimmingCharacters(in: .whitespacesAndNewlines) }
      columns = names.map { name in
        design.asked.first { [$0.ja, $0.en, $0.name].contains(name) }?.name ?? heads[name]
      }
      guard isDrill || !names.contains(DrillMark.name) else {
        throw .badValue("csv", ja: "訓練のファイルです。本番には取り込めません", en: "a drill's file: not to be taken in earnest")
      }
      let known = columns.compactMap(\.self)
      guard Set(known).count == known.count else {
        throw .badValue("csv", ja: "同じ項目の列が二つあります", en: "two columns are one field")
      }
      guard known.contains(where: { $0.hasPrefix("s") }) else {
        throw .badValue(
          "csv", ja: "この台帳の項目の列がありません。1 行目にあるのは: \(names.joined(separator: "、").prefix(300))",
          en: "no column is a field of this register; the first line has: \(names.joined(separator: ", ").prefix(300))")
      }
      reader.width = names.count
    }

    func read(
      _ record: CSVRecord, _ design: RegisterDesign, _ inquiry: Inquiry
    ) throws -> (Submission, [Int: String?]) {
      guard !record.isBroken else {
        throw Fault.badValue("csv", ja: "引用符が閉じていません", en: "a quotation mark is not closed")
      }
      var (head, values): ([String: String], [String: JSON]) = ([:], [:])
      for (name, field) in zip(columns, record.fields) {
        var text = decoder.decode(field).text.trimmingCharacters(in: .whitespaces)
        // As our own files keep a spreadsheet from taking a text for a formula.
        if text.hasPrefix("'"), let next = text.dropFirst().first, "=+-@".contains(next) { text.removeFirst() }
        guard let name, !text.isEmpty else { continue }
        guard let asked = design.asked.first(where: { $0.name == name }) else {
          head[name] = text
          continue
        }
        values[name] = Self.value(text, asked)
      }
      let form = Form([OwnEntry.observedAt, OwnEntry.latitude, OwnEntry.longitude, OwnEntry.note].map(Self.asked))
      return (
        try form.read(texts: head, in: inquiry.identity.federation),
        try OwnEntry.read(.object(values), design, isWhole: true, inquiry)
      )
    }

    private static func asked(_ field: any AnyField) -> FormField { field.asked }

    private static func value(_ text: String, _ field: RegisterDesign.Field) -> JSON {
      switch field.kind {
      case .number: Double(text.filter { $0 != "," }).map { .real($0) } ?? .text(text)
      case .flag: ["はい": true, "いいえ": false, "1": true, "0": false][text].map { .flag($0) } ?? .text(text)
      case .text, .choice, .date: .text(text)
      }
    }
  }
}
