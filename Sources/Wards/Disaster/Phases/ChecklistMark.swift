import Causality
import ChangeModel
import Desk

/// Where a ward stands with one task of the checklist.
public enum ChecklistMark {
  public static let disaster = Field.row(1, "disaster", of: "disasters", "災害", "Disaster")
  public static let ward = Field.ward(2, "ward", of: .first, "区コード", "Ward")
  public static let task = Field.choice(3, "task", Checklist.tasks.map { Choice($0.code, $0.code) }, "項目", "Task")
  public static let state = Field<TaskState>.word(4, "state", "状態", "State")
  public static let note = Field.text(5, "note", 300, "備考", "Note")
  public static let by = Field.user(6, "by", "担当", "By")
  public static let at = Field.time(7, "at", "日時", "At")

  public static let records = Records(
    58, "checklist_marks", "やることの状況", "Checklist mark", lane: .life, law: .keptByWard(open: []), reader: .staff,
    fields: [disaster, ward, task, state, note, by, at],
    title: [task, state])
}

/// How far a task of the checklist is.
public enum TaskState: String, Word {
  case done = "完了"
  case underWay = "対応中"
  case open = "未着手"
  case notNeeded = "対象外"

  public var code: String {
    switch self {
    case .done: "done"
    case .underWay: "doing"
    case .open: "open"
    case .notNeeded: "not-needed"
    }
  }
}
