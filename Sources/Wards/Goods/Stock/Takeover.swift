import Causality
import ChangeModel
import Desk

/// A ward's decision that the share of a node of its own, which is lost, is another's to give.
public enum Takeover {
  public static let lot = Field.row(1, "lot", of: "lots", "ロット", "Lot")
  public static let node = Field.text(2, "node", 20, "失われたノード", "Lost node")
  public static let amount = Field.integer(3, "amount", 1...1_000_000_000, "数量", "Amount")
  public static let reason = Field.text(4, "reason", 500, "理由", "Reason")
  public static let decidedBy = Field.user(5, "decided_by", "決定者", "Decided by")
  public static let decidedAt = Field.time(6, "decided_at", "決定日時", "Decided at")
  public static let signature = Field.bytes(7, "signature", "認証局の署名", "The authority's signature")

  public static let records = Records(
    75, "share_takeovers", "持ち分の引継ぎ", "Takeover of a share", lane: .supply, law: .keptByMaker, reader: .staff,
    fields: [lot, node, amount, reason, decidedBy, decidedAt, signature],
    title: [lot, node])
}
