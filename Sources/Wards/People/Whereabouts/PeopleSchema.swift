import ChangeModel

/// Who is in which shelter, and who is safe: readable by the ward that wrote it, and by whom the law lets in.
public enum PeopleSchema {
  /// 避難者名簿: one row for each person's stay in one shelter.
  public static let stays = CollectionSchema(
    50, "stays", lane: .life, isPersonal: true,
    fields: [
      FieldSchema(1, "shelter", .register, .integer, ja: "避難所", en: "Shelter (row)"),
      FieldSchema(2, "resident", .register, .integer, ja: "住民ID", en: "Resident (row)"),
      FieldSchema(3, "name", ja: "氏名", en: "Name"),
      FieldSchema(4, "kana", ja: "カナ", en: "Kana"),
      FieldSchema(5, "birth", ja: "生年月日", en: "Date of birth"),
      FieldSchema(6, "age_group", ja: "年齢区分", en: "Age group"),
      FieldSchema(7, "sex", ja: "性別", en: "Sex"),
      FieldSchema(8, "home_ward", ja: "住所地の区", en: "Home ward"),
      FieldSchema(9, "address", ja: "住所", en: "Address"),
      FieldSchema(10, "phone", ja: "電話番号", en: "Phone"),
      FieldSchema(11, "party", ja: "世帯", en: "Household"),
      FieldSchema(12, "needs", .set, .text, ja: "配慮", en: "Needs"),
      FieldSchema(13, "allergies", .set, .text, ja: "アレルギー", en: "Allergies"),
      FieldSchema(14, "language", ja: "使用言語", en: "Language"),
      FieldSchema(15, "pets", .register, .integer, ja: "ペット数", en: "Pets"),
      FieldSchema(16, "arrived_at", .register, .integer, ja: "入所日時", en: "Arrived at"),
      FieldSchema(17, "left_at", .register, .integer, ja: "退所日時", en: "Left at"),
      FieldSchema(18, "left_for", ja: "退所先", en: "Left for"),
      FieldSchema(19, "moved_from", .register, .integer, ja: "移動元", en: "Moved from (row)"),
      FieldSchema(20, "entered_by", ja: "受付者", en: "Entered by"),
      FieldSchema(21, "guarded", .register, .integer, ja: "所在を知らせない", en: "Not to be found"),
      FieldSchema(22, "notes", .log, .text, ja: "記録", en: "Notes"),
      FieldSchema(30, "name_key", ja: "氏名の検索キー", en: "Name key"),
      FieldSchema(31, "kana_key", ja: "カナの検索キー", en: "Kana key"),
    ])

  /// A decision on two stays that may be one person's. Only numbers, so every ward can hold it.
  public static let verdicts = CollectionSchema(
    54, "stay_verdicts", lane: .life,
    fields: [
      FieldSchema(1, "first", .register, .integer, ja: "入所記録", en: "Stay (row)"),
      FieldSchema(2, "second", .register, .integer, ja: "他の入所記録", en: "Other stay (row)"),
      FieldSchema(3, "verdict", ja: "判定", en: "Verdict"),
      FieldSchema(4, "decided_by", ja: "判定者", en: "Decided by"),
      FieldSchema(5, "decided_at", .register, .integer, ja: "判定日時", en: "Decided at"),
    ])

  /// 安否: what somebody reported about somebody.
  public static let safety = CollectionSchema(
    53, "safety_reports", lane: .life, isPersonal: true,
    fields: [
      FieldSchema(1, "resident", .register, .integer, ja: "住民ID", en: "Resident (row)"),
      FieldSchema(2, "name", ja: "氏名", en: "Name"),
      FieldSchema(3, "kana", ja: "カナ", en: "Kana"),
      FieldSchema(4, "birth", ja: "生年月日", en: "Date of birth"),
      FieldSchema(5, "home_ward", ja: "住所地の区", en: "Home ward"),
      FieldSchema(6, "status", ja: "安否", en: "Status"),
      FieldSchema(7, "source", ja: "情報源", en: "Source"),
      FieldSchema(8, "reporter", ja: "報告者", en: "Reporter"),
      FieldSchema(9, "place", ja: "所在", en: "Place"),
      FieldSchema(10, "shelter", .register, .integer, ja: "避難所", en: "Shelter (row)"),
      FieldSchema(11, "message", ja: "伝言", en: "Message"),
      FieldSchema(12, "observed_at", .register, .integer, ja: "確認日時", en: "Observed at"),
      FieldSchema(13, "entered_by", ja: "受付者", en: "Entered by"),
      FieldSchema(14, "withdrawn_at", .register, .integer, ja: "取消日時", en: "Withdrawn at"),
      FieldSchema(15, "kind", ja: "区分", en: "Kind"),
      FieldSchema(30, "name_key", ja: "氏名の検索キー", en: "Name key"),
      FieldSchema(31, "kana_key", ja: "カナの検索キー", en: "Kana key"),
    ])

  /// 安否照会 (article 86-15): somebody asks to be told when a person is found.
  public static let inquiries = CollectionSchema(
    55, "safety_inquiries", lane: .life, isPersonal: true,
    fields: [
      FieldSchema(1, "resident", .register, .integer, ja: "住民ID", en: "Resident (row)"),
      FieldSchema(2, "name", ja: "尋ね人", en: "Name asked for"),
      FieldSchema(3, "asker", ja: "照会者", en: "Asker"),
      FieldSchema(4, "contact", ja: "連絡先", en: "Contact"),
      FieldSchema(5, "relation", ja: "続柄", en: "Relation"),
      FieldSchema(6, "asked_at", .register, .integer, ja: "照会日時", en: "Asked at"),
      FieldSchema(7, "told_at", .register, .integer, ja: "回答日時", en: "Told at"),
      FieldSchema(8, "told", ja: "回答", en: "Told"),
      FieldSchema(30, "name_key", ja: "検索キー", en: "Name key"),
    ])

  public static let collections = [stays, verdicts, safety, inquiries]

  public static let indexes = [
    "CREATE INDEX IF NOT EXISTS stays_shelter ON stays (shelter, left_at)",
    "CREATE INDEX IF NOT EXISTS stays_resident ON stays (resident)",
    "CREATE INDEX IF NOT EXISTS stays_name ON stays (name_key)",
    "CREATE INDEX IF NOT EXISTS stays_kana ON stays (kana_key, birth)",
    "CREATE INDEX IF NOT EXISTS stays_moved ON stays (moved_from) WHERE moved_from IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS stays_home ON stays (home_ward, left_at)",
    "CREATE INDEX IF NOT EXISTS safety_resident ON safety_reports (resident, observed_at)",
    "CREATE INDEX IF NOT EXISTS safety_name ON safety_reports (name_key)",
    "CREATE INDEX IF NOT EXISTS safety_kana ON safety_reports (kana_key)",
    "CREATE INDEX IF NOT EXISTS inquiries_resident ON safety_inquiries (resident)",
    "CREATE INDEX IF NOT EXISTS verdicts_first ON stay_verdicts (first)",
    "CREATE INDEX IF NOT EXISTS verdicts_second ON stay_verdicts (second)",
  ]
}
