import Causality
import ChangeModel
import Desk

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

  /// Money is spent by more than one pair of hands: whoever did an earlier step leaves this one to somebody else, or says why
  /// not.
  static func second(_ desk: Desk, besides names: [String?], ja: String, en: String) throws {
    guard names.contains(desk.inquiry.user.name), desk.given.text(alone.name) == nil else { return }
    throw Fault.refused(
      alone.name, ja: "\(ja)。別の人が行うか、一人で行う理由を入れてください", en: "\(en): somebody else does this, or say why not")
  }
}
