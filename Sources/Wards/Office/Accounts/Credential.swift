import ChangeModel
import Desk

/// What a person signs in with, under the account's own row number: sealed for the ward's own nodes.
public enum Credential {
  public static let password = Field.text(1, "password", 2_000, "パスワード", "Password hash")
  public static let pin = Field.text(2, "pin", 2_000, "暗証番号", "PIN hash")
  /// What an authenticator app shares with the node, and the last of its steps that was used.
  public static let app = Field.text(3, "app", 40, "認証アプリの鍵", "Authenticator's secret")
  public static let appStep = Field.integer(4, "app_step", 0...(1 << 40), "認証アプリの最後の番号", "Authenticator's last step")
  /// Hashes of printed codes, each good once.
  public static let codes = SetField(5, "codes", of: .secret(64), atMost: 8, "控えのコード", "Printed codes")

  public static let records = Records(
    11, "credentials", "資格情報", "Credential", lane: .control, law: .keptByMaker, reader: .nobody(.credential),
    fields: [password, pin, app, appStep, codes],
    title: [])
}
