import Causality
import ChangeModel
import Desk
import GRDB

/// That a ward's desk has read an entry, and what it does about it.
enum ChronicleMark {
  private static let actions = [
    Choice("了知", "noted"), Choice("対応中", "doing"), Choice("対応済", "done"),
  ]
  static let entry = Field.row(1, "entry", of: "chronicle", "記録", "Entry")
  static let action = Field.choice(2, "action", actions, "対応", "Action")
  static let note = Field.text(3, "note", 300, "備考", "Note")

  static let records = Records(
    107, "chronicle_marks", "クロノロジーの対応", "Mark of an entry", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [entry, action, note] + Told.fields, title: [entry, action])

  static let endpoint = Endpoint.write(
    "markChronicle", "/chronicle/{id}/mark", "対応を記録する", "Mark an entry", for: .relief,
    "This ward has read it, is about it, or has done it.", [action.needed, note.asked], of: ChronicleEntry.records,
    answers: .row(records)
  ) { desk in
    let (entry, _) = try desk.subject(ChronicleEntry.records)
    // One row a ward and entry: two nodes of a ward mark the same one.
    let row = desk.derivedRow(["chronicle mark", desk.ward, "\(entry)"])
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["action", "note"], of: records) + [
        Self.entry.set(entry), Told.ward.set(desk.ward), Told.by.set(desk.inquiry.user.name),
        Told.at.set(desk.enteredAt),
      ])
    return Written([draft], about: [row]) { look in try look.answer(row, records) }
  }
}
