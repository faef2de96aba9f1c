import Causality
import ChangeModel
import Desk

/// The state of the way between two wards.
public enum RoadReport {
  public static let first = Field.ward(1, "first")
  public static let second = Field.ward(2, "second", "他の区コード", "Other ward")
  public static let state = Field<Geography.RoadState>.word(3, "state", "通行状況", "State")
  public static let note = Field.text(4, "note", 300, "備考", "Note")
  public static let seenAt = Field.time(5, "seen_at", "確認日時", "Seen at")
  public static let seenBy = Field.user(6, "seen_by", "確認者", "Seen by")

  public static let records = Records(
    57, "road_states", "道路", "Road", path: "/roads", lane: .life, law: .keptByWard(open: []), reader: .staff,
    fields: [first, second, state, note, seenAt, seenBy],
    title: [first, second, state], isEverybodys: true)
}
