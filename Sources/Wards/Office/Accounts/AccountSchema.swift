import ChangeModel

/// Who may sign in, in the control lane, so that an account and its end overtake all else. What a person signs in with is
/// sealed for the ward's own nodes.
public enum AccountSchema {
  public static let accounts = CollectionSchema(
    8, "accounts", lane: .control, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "login", ja: "利用者ID", en: "Login"),
      FieldSchema(2, "name", ja: "氏名", en: "Name"),
      FieldSchema(3, "roles", .set, .text, ja: "役割", en: "Roles"),
      FieldSchema(4, "shelter", .register, .integer, ja: "担当避難所", en: "Shelter (row)"),
      FieldSchema(5, "made_at", .register, .integer, ja: "登録日時", en: "Made at"),
      FieldSchema(6, "ended_at", .register, .integer, ja: "終了日時", en: "Ended at"),
      // Sessions that began before are over, on every node.
      FieldSchema(7, "changed_at", .register, .integer, ja: "資格変更日時", en: "Credentials changed at"),
    ])

  /// An account's own row number: what its person signs in with.
  public static let credentials = CollectionSchema(
    11, "credentials", lane: .control, isPersonal: true, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "password", ja: "パスワード", en: "Password hash"),
      FieldSchema(2, "pin", ja: "暗証番号", en: "PIN hash"),
    ])

  /// For devices and programs: the hash of a random token is as good as nothing to whoever reads it.
  public static let tokens = CollectionSchema(
    12, "tokens", lane: .control, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "name", ja: "名称", en: "Name"),
      FieldSchema(2, "roles", .set, .text, ja: "役割", en: "Roles"),
      FieldSchema(3, "read_only", .register, .integer, ja: "閲覧のみ", en: "Read only"),
      FieldSchema(4, "until", .register, .integer, ja: "有効期限", en: "Until"),
      FieldSchema(5, "hash", .register, .bytes, ja: "ハッシュ", en: "Hash"),
      FieldSchema(6, "ended_at", .register, .integer, ja: "終了日時", en: "Ended at"),
    ])

  public static let collections = [accounts, credentials, tokens]

  public static let indexes = [
    "CREATE INDEX IF NOT EXISTS accounts_login ON accounts (login)",
    "CREATE INDEX IF NOT EXISTS tokens_hash ON tokens (hash)",
  ]
}
