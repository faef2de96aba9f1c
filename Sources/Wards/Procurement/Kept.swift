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
  static func edits(_ desk: Desk) -> [FieldEdit] { stamps.compactMap { $0.edit(on: desk) } }
  static let own = Condition.own(ward)
  /// Why one person did what two should.
  static let alone = Field.text(94, "alone_because", 200, "一人で行う理由", "Why alone").aside

  /// Whether a date, which may be a month or a year, is over on a day.
  static func isOver(_ date: String, on day: String) -> Bool { date < day.prefix(date.utf8.count) }

  /// A number of somebody's paper, as it may be typed at two desks: width, case, blanks and which hyphen make no other number. Between two
  /// digits something stands for what stood there, since 1-23 is not 12-3.
  static func folded(_ number: String) -> String {
    let text = number.precomposedStringWithCompatibilityMapping.uppercased()
    var (result, last, isApart): (String, Unicode.Scalar?, Bool) = ("", nil, false)
    for scalar in text.unicodeScalars {
      let isDigit = scalar.properties.numericType != nil
      guard isDigit || scalar.properties.isAlphabetic && scalar != "ー" else {
        isApart = true
        continue
      }
      if isApart, isDigit, last?.properties.numericType != nil { result += "-" }
      result.unicodeScalars.append(scalar)
      (last, isApart) = (scalar, false)
    }
    return result.isEmpty ? text.filter { !$0.isWhitespace } : result
  }

  /// Of one office's rows, the same step at two nodes that are cut off could be taken twice: one node takes it.
  ///
  /// - Parameter isFact: the step takes nothing: when that node is lost and revoked, any of the ward's may.
  static func mustBeMaker(_ row: RowID, _ desk: Desk, isFact: Bool = false, _ ja: String, _ en: String) throws {
    guard row.made?.author.node != desk.replica.author.node else { return }
    if isFact, let maker = row.made?.author, desk.replica.membership.isRevoked(maker) { return }
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
