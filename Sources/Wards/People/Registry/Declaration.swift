import Causality
import ChangeModel
import Desk

/// A ward's declaration that a disaster opens what the law allows: by purpose, until a time.
public enum Declaration {
  public static let ward = Field.ward(1, "ward", of: .first, "開始した区", "Declaring ward")
  public static let title = Field.text(2, "title", 100, "災害名", "Disaster")
  public static let purposes = SetField(3, "purposes", of: .choice(Purpose.declarable), atMost: 4, "利用目的", "Purposes")
  public static let reason = Field.text(4, "reason", 500, "理由", "Reason")
  public static let declaredBy = Field.user(5, "declared_by", "開始した人", "Declared by")
  public static let declaredAt = Field.time(6, "declared_at", "開始日時", "Declared at")
  public static let until = Field.deadline(7, "until", "期限", "Until")
  public static let endedAt = Field.time(8, "ended_at", "解除日時", "Ended at")
  public static let signature = Field.bytes(9, "signature", "認証局の署名", "The authority's signature")

  public static let records = Records(
    4, "declarations", "緊急時の情報共有", "Sharing in an emergency", lane: .control, law: .keptByMaker, reader: .staff,
    fields: [ward, title, purposes, reason, declaredBy, declaredAt, until, endedAt, signature],
    title: [title],
    states: [
      .has(endedAt, "ended", "解除", "ended", .ended),
      State("in-force", "有効", "in force", .underWay) { isInForce($0, at: $1.now) },
      .otherwise("over", "期限切れ", "over", .ended),
    ])

  static func isInForce(_ declaration: RowValues, at now: Instant) -> Bool {
    declaration[endedAt] == nil && declaration[until].map { $0 > now } ?? false
  }
}
