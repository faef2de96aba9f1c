import Causality
import ChangeModel
import Desk

/// 安否: what somebody reported about somebody.
public enum SafetyReport {
  public static let resident = Field.row(1, "resident", of: "residents", "住民ID", "Resident")
  public static let name = Field.text(2, "name", 120, "氏名", "Name")
  public static let kana = Field.text(3, "kana", 120, "カナ", "Kana")
  public static let birth = Field.birth(4)
  public static let homeWard = Field.ward(5, "home_ward", "住所地の区", "Home ward")
  /// As text: a word that a newer node knows still shows.
  public static let status = Field.choice(6, "status", SafetyStatus.choices, "安否", "Status")
  public static let source = Field<SafetySource>.word(7, "source", "情報源", "Source")
  public static let reporter = Field.text(8, "reporter", 100, "報告者", "Reporter")
  public static let place = Field.text(9, "place", 200, "所在", "Place")
  public static let shelter = Field.row(10, "shelter", of: "shelters", "避難所", "Shelter")
  public static let message = Field.text(11, "message", 500, "伝言", "Message")
  public static let observedAt = Field.time(12, "observed_at", "確認日時", "Observed at")
  public static let enteredBy = Field.user(13, "entered_by", "受付者", "Entered by")
  public static let withdrawnAt = Field.time(14, "withdrawn_at", "取消日時", "Withdrawn at")
  public static let kind = Field<ResidentKind>.word(15, "kind", "区分", "Kind")
  public static let nameKey = Field.text(30, "name_key", 2_000, "氏名の検索キー", "Name key")
  public static let kanaKey = Field.text(31, "kana_key", 2_000, "カナの検索キー", "Kana key")

  public static let records = Records(
    53, "safety_reports", "安否の報告", "Safety report", path: "/safety", lane: .life, law: .keptByMaker,
    reader: .people(.people, .identity, of: resident),
    fields: [
      resident, name, kana, birth, homeWard, status, source, reporter, place, shelter, message, observedAt, enteredBy,
      withdrawnAt, kind, nameKey, kanaKey,
    ],
    title: [name, status],
    states: [
      .has(withdrawnAt, "withdrawn", "取消", "withdrawn", .ended), .otherwise("standing", "有効", "standing", .done),
    ], takesOwnItems: true,
    hidden: [nameKey, kanaKey],
    indexes: [[resident, observedAt], [nameKey], [kanaKey]])
}

/// How somebody is.
public enum SafetyStatus: String, Word {
  case safe = "無事"
  case slightlyInjured = "軽傷"
  case seriouslyInjured = "重傷"
  case dead = "死亡"
  case missing = "行方不明"
  case unconfirmed = "未確認"

  /// How a death is shown that one report alone tells of: nobody reports this.
  static let unconfirmedDeath = Choice("未確認の死亡情報", "death-unconfirmed")

  /// Who is in a shelter's register was seen there, by whoever checked them in: nobody reports this.
  static let seen = Choice("避難所で確認", "seen-at-shelter")

  public var code: String {
    switch self {
    case .safe: "safe"
    case .slightlyInjured: "slightly-injured"
    case .seriouslyInjured: "seriously-injured"
    case .dead: "dead"
    case .missing: "missing"
    case .unconfirmed: "unconfirmed"
    }
  }
}

/// Who says so. Those who saw the person themselves come before those who heard of it.
public enum SafetySource: String, Word {
  case person = "本人"
  case shelter = "避難所"
  case patrol = "巡回"
  case hospital = "医療機関"
  case family = "家族・知人"
  case hearsay = "伝聞"

  public var code: String {
    switch self {
    case .person: "self"
    case .shelter: "shelter"
    case .patrol: "patrol"
    case .hospital: "hospital"
    case .family: "family"
    case .hearsay: "hearsay"
    }
  }

  /// Somebody who may say of another that the person is dead: who saw it, and not the person.
  var mayTellDeath: Bool { tier == 0 && self != .person }

  /// Lower is better.
  var tier: Int {
    switch self {
    case .person, .shelter, .patrol, .hospital: 0
    case .family: 1
    case .hearsay: 2
    }
  }
}
