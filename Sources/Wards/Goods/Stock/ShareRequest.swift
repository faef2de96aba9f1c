import Causality
import ChangeModel
import Desk

/// A node asks others for part of their share of a lot.
public enum ShareRequest {
  public static let lot = Field.row(1, "lot", of: "lots", "ロット", "Lot")
  /// As an author's number: in the epoch in which it asked.
  public static let node = Field.integer(2, "node", Numbers.any, "求めたノード", "Asking node")
  public static let amount = Field.integer(3, "amount", 1...1_000_000_000, "数量", "Amount")
  public static let askedAt = Field.time(4, "asked_at", "要求日時", "Asked at")
  public static let granted = CounterField(5, "granted", "渡した数", "Granted")
  public static let closedAt = Field.time(6, "closed_at", "終了日時", "Closed at")

  public static let records = Records(
    77, "share_requests", "持ち分の依頼", "Request for a share", lane: .supply, law: .keptByMaker, reader: .staff,
    fields: [lot, node, amount, askedAt, granted, closedAt],
    title: [lot, amount],
    states: [
      State("closed", "終了", "closed", .done) { request, _ in
        request[closedAt] != nil || request[granted] >= request[amount] ?? 0
      },
      State("partly", "一部を渡した", "partly granted", .underWay) { request, _ in request[granted] > 0 },
      .otherwise("waiting", "依頼中", "waiting", .open),
    ])

  /// Who asked; nil when no node has that number.
  static func asker(_ request: RowValues) -> AuthorNumber? {
    request[node].flatMap { UInt32(exactly: $0) }.flatMap { AuthorNumber(rawValue: $0) }
  }
}
