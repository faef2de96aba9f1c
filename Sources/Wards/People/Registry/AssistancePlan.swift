import Causality
import ChangeModel
import Desk

/// 避難行動要支援者名簿 and 個別避難計画 (Disaster Countermeasures Basic Act, articles 49-10 and 49-14).
public enum AssistancePlan {
  public static let resident = Field.row(1, "resident", of: "residents", "住民", "Resident")
  public static let grounds = SetField(2, "grounds", of: .choice(groundWords), atMost: 20, "避難支援等を必要とする事由", "Grounds")
  public static let plan = Field.text(3, "plan", 2_000, "個別避難計画", "Individual evacuation plan")
  public static let supporters = SetField(4, "supporters", of: .text(100), atMost: 20, "避難支援等実施者", "Supporters")
  public static let destination = Field.row(5, "destination", of: "shelters", "避難先", "Destination")
  public static let transport = Field.text(6, "transport", 100, "移動手段", "Means of transport")
  public static let equipment = SetField(7, "equipment", of: .text(60), atMost: 20, "必要な機器", "Equipment")
  public static let contact = Field.text(8, "contact", 200, "緊急連絡先", "Emergency contact")
  public static let agreed = Field.flag(9, "agreed", "平常時の情報提供への同意", "Agreed to sharing in advance")
  public static let evacuatedAt = Field.time(10, "evacuated_at", "避難完了時刻", "Evacuated at")

  public static let records = Records(
    41, "assistance", "避難支援", "Assistance to flee", lane: .registry, law: .keptByWard(open: []),
    reader: .people(.people, .care, of: resident),
    fields: [resident, grounds, plan, supporters, destination, transport, equipment, contact, agreed, evacuatedAt],
    title: [resident],
    takesOwnItems: true,
    indexes: [[resident]])

  /// 避難支援等を必要とする事由.
  private static let groundWords = [
    Choice("要介護", "care"), Choice("身体障害", "physical"), Choice("知的障害", "intellectual"), Choice("精神障害", "mental"),
    Choice("難病", "illness"), Choice("妊産婦", "pregnant"), Choice("乳幼児", "infant"), Choice("高齢者のみ世帯", "elderly"),
    Choice("日本語が不自由", "language"), Choice("その他", "other"),
  ]
}
