import ChangeModel
import Desk

/// What a person signs in with, under the account's own row number: sealed for the ward's own nodes.
public enum Credential {
  public static let password = Field.text(1, "password", 2_000, "パスワード", "Password hash")
  public static let pin = Field.text(2, "pin", 2_000, "暗証番号", "PIN hash")

  public static let records = Records(
    11, "credentials", "資格情報", "Credential", lane: .control, law: .keptByMaker, reader: .nobody(.credential),
    fields: [password, pin],
    title: [])
}
