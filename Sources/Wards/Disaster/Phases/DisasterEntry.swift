import Causality
import ChangeModel
import Desk

/// A disaster and its hour: the phases count from it.
public enum DisasterEntry {
  public static let name = Field.text(1, "name", 100, "災害名", "Name")
  public static let quakeAt = Field.time(2, "quake_at", "発災日時", "Time of the quake")
  public static let toldBy = Field.user(3, "told_by", "登録者", "Entered by")
  public static let endedAt = Field.time(4, "ended_at", "終了日時", "Ended at")
  public static let ward = Field.ward(5, "ward", of: .first, "登録した区", "Entering ward")
  public static let drill = Field.flag(6, "drill", "訓練", "Drill")

  public static let records = Records(
    56, "disasters", "災害", "Disaster", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [name, quakeAt, toldBy, endedAt, ward, drill],
    title: [name],
    states: [
      .has(endedAt, "ended", "終了", "over", .ended), .otherwise("goes-on", "対応中", "goes on", .underWay),
    ])
}
