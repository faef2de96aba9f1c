import Causality
import ChangeModel
import Desk

/// Who may sign in, in the control lane, so that an account and its end overtake all else.
public enum AccountRow {
  public static let login = Field.text(1, "login", 40, "利用者ID", "Login")
  public static let name = Field.text(2, "name", 60, "氏名", "Name")
  public static let roles = SetField(3, "roles", of: .choice(Role.allCases.map(\.choice)), atMost: 7, "役割", "Roles")
  public static let shelter = Field.row(4, "shelter", of: "shelters", "担当避難所", "Shelter")
  public static let madeAt = Field.time(5, "made_at", "登録日時", "Made at")
  public static let endedAt = Field.time(6, "ended_at", "終了日時", "Ended at")
  /// Sessions that began before are over, on every node.
  public static let changedAt = Field.time(7, "changed_at", "資格変更日時", "Credentials changed at")
  /// Until when the person may look at more people an hour than one case needs, by another person's word.
  public static let looksUntil = Field.deadline(8, "looks_until", "多人数の閲覧を認める期限", "May look at many people until")
  /// Signs in by an authenticator, or at an enrolled device, alone.
  public static let needsSecond = Field.flag(
    9, "needs_second", "登録した端末か認証アプリがなければサインインさせない", "Signs in at an enrolled device or by an authenticator only")

  public static let records = Records(
    8, "accounts", "アカウント", "Account", lane: .control, law: .keptByMaker, reader: .roles(.administration),
    fields: [login, name, roles, shelter, madeAt, endedAt, changedAt, looksUntil, needsSecond],
    title: [login, name],
    indexes: [[login]])
}
