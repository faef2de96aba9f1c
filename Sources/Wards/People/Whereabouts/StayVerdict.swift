import Causality
import ChangeModel
import Desk

/// A decision on two stays that may be one person's. Only numbers, so every ward can hold it.
public enum StayVerdict {
  public static let first = Field.row(1, "first", of: "stays", "入所記録", "Stay")
  public static let second = Field.row(2, "second", of: "stays", "他の入所記録", "Other stay")
  public static let verdict = Field<Sameness>.word(3, "verdict", "判定", "Verdict")
  public static let decidedBy = Field.user(4, "decided_by", "判定者", "Decided by")
  public static let decidedAt = Field.time(5, "decided_at", "判定日時", "Decided at")

  public static let records = Records(
    54, "stay_verdicts", "二重受付の判定", "Decision on a double entry", lane: .life, law: .pair(first.number, second.number),
    reader: .staff,
    fields: [first, second, verdict, decidedBy, decidedAt],
    title: [verdict, first, second],
    indexes: [[first], [second]])
}

/// Whether two entries are one person's.
public enum Sameness: String, Word {
  case same = "同一人物"
  case different = "別人"

  public var code: String {
    switch self {
    case .same: "same"
    case .different: "different"
    }
  }
}
