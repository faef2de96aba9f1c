import Causality
import ChangeModel
import Desk

/// Whom a resident lets see what. Readable by the resident's ward alone: with it, two services' names for one person could be
/// put together.
public enum Consent {
  public static let resident = Field.row(1, "resident", of: "residents", "住民", "Resident")
  public static let service = Field.row(2, "service", of: "services", "提供先サービス", "Service")
  public static let ward = Field.ward(3, "ward", "提供先の区", "Receiving ward")
  public static let scopes = SetField(4, "scopes", of: .choice(Scope.choices), atMost: 20, "提供する項目", "Scopes")
  public static let purpose = Field.text(5, "purpose", 200, "利用目的", "Purpose")
  public static let until = Field.deadline(6, "until", "有効期限", "Until")
  public static let withdrawnAt = Field.time(7, "withdrawn_at", "撤回日時", "Withdrawn at")
  public static let takenBy = Field.user(8, "taken_by", "受付者", "Taken by")
  public static let givenAt = Field.time(9, "given_at", "同意日時", "Given at")
  public static let pseudonym = Field.text(10, "pseudonym", 2_000, "仮名", "Pseudonym")

  public static let records = Records(
    43, "consents", "同意", "Consent", lane: .registry, law: .keptByMaker,
    reader: .people(.welfare, .disclosure, of: resident),
    fields: [resident, service, ward, scopes, purpose, until, withdrawnAt, takenBy, givenAt, pseudonym],
    title: [purpose, resident],
    states: [
      .has(withdrawnAt, "withdrawn", "撤回", "withdrawn", .ended),
      State("valid", "有効", "valid", .underWay) { isValid($0, at: $1.now) },
      .otherwise("expired", "期限切れ", "expired", .ended),
    ],
    indexes: [[resident], [pseudonym]])

  static func isValid(_ consent: RowValues, at now: Instant) -> Bool {
    consent[withdrawnAt] == nil && consent[until].map { $0 > now } ?? false
  }
}

/// What of a resident's record somebody is let see.
public enum Scope: String, Word {
  case name = "氏名"
  case kana = "カナ"
  case birth = "生年月日"
  case sex = "性別"
  case address = "住所"
  case phone = "電話番号"
  case language = "使用言語"
  case assistance = "避難支援"

  public var code: String {
    switch self {
    case .name: "name"
    case .kana: "kana"
    case .birth: "birth"
    case .sex: "sex"
    case .address: "address"
    case .phone: "phone"
    case .language: "language"
    case .assistance: "assistance"
    }
  }
}
