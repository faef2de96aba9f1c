import Causality
import ChangeModel
import Desk

/// What a resident said at the counter, without signing in, once somebody of the staff has admitted it.
public enum CounterReport {
  public static let name = Field.text(1, "name", 120, "氏名", "Name")
  public static let kana = Field.text(2, "kana", 120, "カナ", "Kana")
  public static let birth = Field.birth(3)
  public static let state = Field<SaidState>.word(4, "state", "いまの状態", "State")
  public static let place = Field.text(5, "place", 200, "いまいる場所", "Where")
  public static let phone = Field.text(6, "phone", 40, "電話番号", "Phone")
  public static let message = Field.text(7, "message", 500, "伝えたいこと", "Message")
  public static let reportedAt = Field.time(8, "reported_at", "届出日時", "Reported at")
  public static let settledAt = Field.time(9, "settled_at", "対応日時", "Dealt with at")
  public static let settledBy = Field.user(10, "settled_by", "対応者", "Dealt with by")
  /// What a resident was given to ask by: nobody guesses another's.
  public static let receipt = Field.text(12, "receipt", 20, "受付番号", "Receipt")
  public static let note = Field.text(11, "note", 500, "対応の記録", "What was done")

  public static let records = Records(
    65, "counter_reports", "住民からの連絡", "Report from the counter", path: "/counter/admitted", lane: .life,
    law: .keptByMaker,
    reader: .strangers(.people, .identity),
    fields: [name, kana, birth, state, place, phone, message, reportedAt, settledAt, settledBy, note, receipt],
    title: [name, state],
    indexes: [[settledAt, reportedAt]])
}

/// How somebody says they are.
public enum SaidState: String, Word {
  case safe = "無事です"
  case injured = "けがをしています"
  case help = "助けが必要です"

  public var code: String {
    switch self {
    case .safe: "safe"
    case .injured: "injured"
    case .help: "help"
    }
  }
}
