import Causality
import ChangeModel
import Desk

/// A statement that two wards' IDs are one person, or are not. Only numbers, so every ward can hold it.
public enum IdentityLink {
  public static let first = Field.row(1, "first", of: "residents", "住民", "Resident")
  public static let second = Field.row(2, "second", of: "residents", "他の住民ID", "Other resident")
  public static let claim = Field<Claim>.word(3, "claim", "判定", "Claim")
  public static let evidence = Field.choice(4, "evidence", evidences, "根拠", "Evidence")
  public static let note = Field.text(5, "note", 500, "備考", "Note")
  public static let decidedBy = Field.user(6, "decided_by", "判定者", "Decided by")
  public static let decidedAt = Field.time(7, "decided_at", "判定日時", "Decided at")
  public static let history = LogField(8, "history", 1_000, "経過", "History")

  public static let records = Records(
    42, "identity_links", "住民IDの判定", "Statement on two IDs", lane: .registry, law: .pair(first.number, second.number),
    reader: .staff,
    fields: [first, second, claim, evidence, note, decidedBy, decidedAt, history],
    title: [claim, first, second],
    indexes: [[first], [second]])

  private static let evidences = [
    Choice("転出入の記録", "transfer"), Choice("本人確認書類", "document"), Choice("本人の申告", "statement"),
    Choice("家族の申告", "family"), Choice("突合の候補", "candidate"), Choice("その他", "other"),
  ]
}

/// What a statement on two IDs says.
public enum Claim: String, Word {
  case same = "同一人物"
  case different = "別人"
  case retracted = "取消"

  public var code: String {
    switch self {
    case .same: "same"
    case .different: "different"
    case .retracted: "retracted"
    }
  }
}
