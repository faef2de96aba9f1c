import Causality
import ChangeModel
import Desk

/// A shelter asks for goods.
public enum GoodsRequest {
  public static let ward = Field.ward(1, "ward", of: .first, "要請した区", "Asking ward")
  public static let shelter = Field.row(2, "shelter", of: "shelters", "届け先", "Shelter")
  public static let item = Field.row(3, "item", of: "items", "品目", "Item")
  public static let quantity = Field.integer(4, "quantity", 1...1_000_000_000, "要請数", "Quantity")
  public static let urgency = Field<Urgency>.word(5, "urgency", "緊急度", "Urgency")
  public static let neededBy = Field.deadline(6, "needed_by", "希望日時", "Needed by")
  public static let note = Field.text(7, "note", 500, "備考", "Note")
  public static let askedBy = Field.user(8, "asked_by", "要請者", "Asked by")
  public static let askedAt = Field.time(9, "asked_at", "要請日時", "Asked at")
  public static let decision = Field<Decision>.word(10, "decision", "区の判断", "Decision")
  public static let approved = Field.integer(11, "approved", 1...1_000_000_000, "承認数", "Approved")
  public static let decidedBy = Field.user(12, "decided_by", "判断者", "Decided by")
  public static let decidedAt = Field.time(13, "decided_at", "判断日時", "Decided at")
  public static let cancelledAt = Field.time(14, "cancelled_at", "取消日時", "Cancelled at")
  public static let reason = Field.text(15, "reason", 500, "理由", "Reason")

  public static let records = Records(
    72, "requests", "要請", "Request", lane: .supply, law: .keptByMaker, reader: .roles(.staff, at: .field(shelter)),
    fields: [
      ward, shelter, item, quantity, urgency, neededBy, note, askedBy, askedAt, decision, approved, decidedBy,
      decidedAt, cancelledAt, reason,
    ],
    title: [item, quantity, shelter],
    states: [
      .has(cancelledAt, "cancelled", "取消", "cancelled", .ended),
      State("refused", "却下", "refused", .ended) { request, _ in request[decision] == .refuse },
      State("approved", "承認", "approved", .underWay) { request, _ in request[decision] == .approve },
      .otherwise("waiting", "判断待ち", "waiting for a decision", .open),
    ], takesOwnItems: true,
    indexes: [[ward, item]])
}

/// How much a request hurries.
public enum Urgency: String, Word {
  case normal = "通常"
  case urgent = "至急"
  case critical = "緊急"

  public var code: String {
    switch self {
    case .normal: "normal"
    case .urgent: "urgent"
    case .critical: "critical"
    }
  }

  /// Higher hurries more.
  var rank: Int {
    switch self {
    case .normal: 0
    case .urgent: 1
    case .critical: 2
    }
  }
}

/// What the asking ward says of its shelter's request.
public enum Decision: String, Word {
  case approve = "承認"
  case refuse = "却下"

  public var code: String {
    switch self {
    case .approve: "approve"
    case .refuse: "refuse"
    }
  }
}
