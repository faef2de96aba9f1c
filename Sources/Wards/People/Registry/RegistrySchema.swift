import ChangeModel
import Desk

/// Who lives in the ward, which IDs are one person, and whom a resident lets see what.
public enum RegistrySchema {
  public static let residents = CollectionSchema(
    40, "residents", lane: .registry, isPersonal: true,
    fields: [
      FieldSchema(1, "family_name", ja: "氏", en: "Family name"),
      FieldSchema(2, "given_name", ja: "名", en: "Given name"),
      FieldSchema(3, "family_kana", ja: "氏(カナ)", en: "Family name in kana"),
      FieldSchema(4, "given_kana", ja: "名(カナ)", en: "Given name in kana"),
      FieldSchema(5, "birth", ja: "生年月日", en: "Date of birth"),
      FieldSchema(6, "sex", ja: "性別", en: "Sex"),
      FieldSchema(7, "address", ja: "住所", en: "Address"),
      FieldSchema(8, "phone", ja: "電話番号", en: "Phone"),
      FieldSchema(9, "language", ja: "使用言語", en: "Language"),
      FieldSchema(10, "kind", ja: "区分", en: "Kind"),
      FieldSchema(11, "guarded", .register, .integer, ja: "所在を知らせない", en: "Not to be found"),
      FieldSchema(12, "notes", .log, .text, ja: "記録", en: "Notes"),
      FieldSchema(13, "household", ja: "世帯", en: "Household"),
      // What names are looked up by: worked out by the node that writes them.
      FieldSchema(20, "name_key", ja: "氏名の検索キー", en: "Name key"),
      FieldSchema(21, "kana_key", ja: "カナの検索キー", en: "Kana key"),
      FieldSchema(22, "address_key", ja: "住所の検索キー", en: "Address key"),
    ])

  /// 避難行動要支援者名簿 and 個別避難計画 (Disaster Countermeasures Basic Act, articles 49-10 and 49-14).
  public static let assistance = CollectionSchema(
    41, "assistance", lane: .registry, isPersonal: true,
    fields: [
      FieldSchema(1, "resident", .register, .integer, ja: "住民", en: "Resident (row)"),
      FieldSchema(2, "grounds", .set, .text, ja: "避難支援等を必要とする事由", en: "Grounds"),
      FieldSchema(3, "plan", ja: "個別避難計画", en: "Individual evacuation plan"),
      FieldSchema(4, "supporters", .set, .text, ja: "避難支援等実施者", en: "Supporters"),
      FieldSchema(5, "destination", .register, .integer, ja: "避難先", en: "Destination (row)"),
      FieldSchema(6, "transport", ja: "移動手段", en: "Means of transport"),
      FieldSchema(7, "equipment", .set, .text, ja: "必要な機器", en: "Equipment"),
      FieldSchema(8, "contact", ja: "緊急連絡先", en: "Emergency contact"),
      FieldSchema(9, "agreed", .register, .integer, ja: "平常時の情報提供への同意", en: "Agreed to sharing in advance"),
      FieldSchema(10, "evacuated_at", .register, .integer, ja: "避難完了時刻", en: "Evacuated at"),
    ])

  /// A statement that two wards' IDs are one person, or are not. Only numbers, so every ward can hold it.
  public static let links = CollectionSchema(
    42, "identity_links", lane: .registry,
    fields: [
      FieldSchema(1, "first", .register, .integer, ja: "住民", en: "Resident (row)"),
      FieldSchema(2, "second", .register, .integer, ja: "他の住民ID", en: "Other resident (row)"),
      FieldSchema(3, "claim", ja: "判定", en: "Claim"),
      FieldSchema(4, "evidence", ja: "根拠", en: "Evidence"),
      FieldSchema(5, "note", ja: "備考", en: "Note"),
      FieldSchema(6, "decided_by", ja: "判定者", en: "Decided by"),
      FieldSchema(7, "decided_at", .register, .integer, ja: "判定日時", en: "Decided at"),
      FieldSchema(8, "history", .log, .text, ja: "経過", en: "History"),
    ])

  /// Readable by the resident's ward alone: with it, two services' names for one person could be put together.
  public static let consents = CollectionSchema(
    43, "consents", lane: .registry, isPersonal: true,
    fields: [
      FieldSchema(1, "resident", .register, .integer, ja: "住民", en: "Resident (row)"),
      FieldSchema(2, "service", .register, .integer, ja: "提供先サービス", en: "Service (row)"),
      FieldSchema(3, "ward", ja: "提供先の区", en: "Receiving ward"),
      FieldSchema(4, "scopes", .set, .text, ja: "提供する項目", en: "Scopes"),
      FieldSchema(5, "purpose", ja: "利用目的", en: "Purpose"),
      FieldSchema(6, "until", .register, .integer, ja: "有効期限", en: "Until"),
      FieldSchema(7, "withdrawn_at", .register, .integer, ja: "撤回日時", en: "Withdrawn at"),
      FieldSchema(8, "taken_by", ja: "受付者", en: "Taken by"),
      FieldSchema(9, "given_at", .register, .integer, ja: "同意日時", en: "Given at"),
      FieldSchema(10, "pseudonym", ja: "仮名", en: "Pseudonym"),
    ])

  public static let services = CollectionSchema(
    44, "services", lane: .registry,
    fields: [
      FieldSchema(1, "name", ja: "サービス名", en: "Name"),
      FieldSchema(2, "operator", ja: "事業者", en: "Operator"),
      FieldSchema(3, "scopes", .set, .text, ja: "求める項目", en: "Scopes"),
      FieldSchema(4, "token_hash", ja: "トークンのハッシュ", en: "Token hash"),
      FieldSchema(5, "ended_at", .register, .integer, ja: "終了日時", en: "Ended at"),
      FieldSchema(6, "ward", ja: "登録区", en: "Registering ward"),
    ])

  /// What a resident lets another ward see: a copy, sealed for that ward, taken back with the consent.
  public static let disclosures = CollectionSchema(
    45, "disclosures", lane: .registry, isPersonal: true,
    fields: [
      FieldSchema(1, "resident", .register, .integer, ja: "住民", en: "Resident (row)"),
      FieldSchema(2, "consent", .register, .integer, ja: "同意", en: "Consent (row)"),
      FieldSchema(3, "name", ja: "氏名", en: "Name"),
      FieldSchema(4, "kana", ja: "氏名(カナ)", en: "Name in kana"),
      FieldSchema(5, "birth", ja: "生年月日", en: "Date of birth"),
      FieldSchema(6, "sex", ja: "性別", en: "Sex"),
      FieldSchema(7, "address", ja: "住所", en: "Address"),
      FieldSchema(8, "phone", ja: "電話番号", en: "Phone"),
      FieldSchema(9, "language", ja: "使用言語", en: "Language"),
      FieldSchema(10, "assistance", ja: "避難支援", en: "Assistance"),
      FieldSchema(11, "name_key", ja: "氏名の検索キー", en: "Name key"),
      FieldSchema(12, "kana_key", ja: "カナの検索キー", en: "Kana key"),
      FieldSchema(13, "until", .register, .integer, ja: "有効期限", en: "Until"),
    ])

  /// A ward's declaration that a disaster opens what the law allows: by purpose, until a time.
  public static let declarations = CollectionSchema(
    4, "declarations", lane: .control, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "ward", ja: "宣言した区", en: "Declaring ward"),
      FieldSchema(2, "title", ja: "災害名", en: "Disaster"),
      FieldSchema(3, "purposes", .set, .text, ja: "利用目的", en: "Purposes"),
      FieldSchema(4, "reason", ja: "理由", en: "Reason"),
      FieldSchema(5, "declared_by", ja: "宣言者", en: "Declared by"),
      FieldSchema(6, "declared_at", .register, .integer, ja: "宣言日時", en: "Declared at"),
      FieldSchema(7, "until", .register, .integer, ja: "期限", en: "Until"),
      FieldSchema(8, "ended_at", .register, .integer, ja: "解除日時", en: "Ended at"),
      FieldSchema(9, "signature", .register, .bytes, ja: "認証局の署名", en: "The authority's signature"),
    ])

  public static let collections = [residents, assistance, links, consents, services, disclosures, declarations]

  /// What a node keeps beside the shared tables so that people are found at once.
  public static let indexes = [
    "CREATE INDEX IF NOT EXISTS residents_name ON residents (name_key)",
    "CREATE INDEX IF NOT EXISTS residents_kana ON residents (kana_key)",
    "CREATE INDEX IF NOT EXISTS residents_birth ON residents (birth, kana_key)",
    "CREATE INDEX IF NOT EXISTS assistance_resident ON assistance (resident)",
    "CREATE INDEX IF NOT EXISTS links_first ON identity_links (first)",
    "CREATE INDEX IF NOT EXISTS links_second ON identity_links (second)",
    "CREATE INDEX IF NOT EXISTS consents_resident ON consents (resident)",
    "CREATE INDEX IF NOT EXISTS consents_pseudonym ON consents (pseudonym)",
    "CREATE INDEX IF NOT EXISTS disclosures_resident ON disclosures (resident)",
    "CREATE INDEX IF NOT EXISTS disclosures_consent ON disclosures (consent)",
    "CREATE INDEX IF NOT EXISTS disclosures_name ON disclosures (name_key)",
    "CREATE INDEX IF NOT EXISTS disclosures_kana ON disclosures (kana_key)",
    "CREATE INDEX IF NOT EXISTS key_grants_ground ON key_grants (ground)",
  ]
}

/// Why somebody may look at another ward's people.
public enum Purpose: String, CaseIterable, Sendable {
  /// Disaster Countermeasures Basic Act, article 86-15: asking after people.
  case safety = "安否確認"
  /// The same act, article 49-11 (3): helping those who cannot flee alone, in a disaster without their consent.
  case assistance = "避難支援"
  /// The resident's consent.
  case consent = "本人同意"

  public var code: String {
    switch self {
    case .safety: "safety"
    case .assistance: "assistance"
    case .consent: "consent"
    }
  }

  /// What a declaration for this purpose opens.
  public var opens: [Confidence] {
    switch self {
    case .safety: [.identity]
    case .assistance: [.identity, .care]
    case .consent: []
    }
  }

  public static let choices = allCases.map { Choice($0.rawValue, $0.code) }
  public static let declarable = [safety, assistance].map { Choice($0.rawValue, $0.code) }

  public static let field = FormField("purpose", .choice(choices), ja: "利用目的", en: "Purpose")
}
