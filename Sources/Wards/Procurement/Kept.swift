import Causality
import ChangeModel
import Desk
import Foundation
import GRDB

/// What every row says besides: the ward that wrote it, who, and when.
enum Kept {
  static let ward = Field.ward(91, "ward", of: .first, "区", "Ward")
  static let by = Field.user(92, "told_by", "登録者", "Entered by").aside
  static let at = Field.time(93, "told_at", "登録日時", "Entered at").aside

  static let fields: [any AnyField] = [ward, by, at]
  static let stamps: [Stamp] = [.ward(ward), .user(by), .now(at)]
  static let own = Condition.own(ward)
  /// Why one person did what two should.
  static let alone = Field.text(94, "alone_because", 200, "一人で行う理由", "Why alone").aside

  /// Whether a date, which may be a month or a year, is over on a day.
  static func isOver(_ date: String, on day: String) -> Bool { date < day.prefix(date.utf8.count) }

  /// A number of somebody's paper, as it may be typed at two desks: width, case, blanks and hyphens make no other number.
  static func folded(_ number: String) -> String {
    String(
      number.precomposedStringWithCompatibilityMapping.uppercased().unicodeScalars.filter {
        $0.properties.numericType != nil || $0.properties.isAlphabetic && $0 != "ー"
      }.map(Character.init))
  }

  /// Of one office's rows, the same step at two nodes that are cut off could be taken twice: one node takes it.
  static func mustBeMaker(_ row: RowID, _ desk: Desk, _ ja: String, _ en: String) throws {
    guard row.made?.author.node != desk.replica.author.node else { return }
    let maker = row.made.map { desk.inquiry.identity.federation.reference(to: $0.author) } ?? "?"
    throw Fault.refused(
      "id", ja: "\(ja)は、この発注を作った機器(\(maker))で行います", en: "\(en) at the node that made the order: \(maker)")
  }

  /// - Throws: where two wrote different things into what counts, which somebody has to settle first.
  static func mustAgree(_ row: RowID, _ records: Records, _ fields: [any AnyField], _ desk: Desk) throws {
    guard try desk.read({ try isTorn(row, records, fields, $0) }) else { return }
    throw Fault.refused(
      "id", ja: "二か所で違う内容が登録されています。先に解決してください", en: "entered differently at two desks: settle it first")
  }

  static func isTorn(_ row: RowID, _ records: Records, _ fields: [any AnyField], _ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT EXISTS (SELECT 1 FROM conflicts WHERE collection = ?1 AND row = ?2
            AND field IN (SELECT value FROM json_each(?3)))
          """),
      arguments: [
        records.name, row.rawValue,
        String(decoding: JSON.list(fields.map { .text($0.schema.name) }).bytes, as: UTF8.self),
      ]) ?? false
  }

  /// Money is spent by more than one pair of hands: whoever did an earlier step leaves this one to somebody else, or says why
  /// not.
  static func second(_ desk: Desk, besides names: [String?], ja: String, en: String) throws {
    guard names.contains(desk.inquiry.user.name), desk.given.text(alone.name) == nil else { return }
    throw Fault.refused(
      alone.name, ja: "\(ja)。別の人が行うか、一人で行う理由を入れてください", en: "\(en): somebody else does this, or say why not")
  }
}
