import Desk

/// What answers about people hold besides columns, called alike in all of them.
///
/// Rows within an answer are named by their collection.
enum Shown {
  static let residentID = Answer.Member("residentId", .text(20), "住民ID", "Resident ID")
  /// Whose row it is.
  static let ward = Answer.Member("ward", .ward, "区", "Ward")
  static let shelter = Answer.Member("shelter", .row("shelters"), "避難所", "Shelter")
  static let arrivedAt = column(Stay.arrivedAt)
  static let stays = Answer.Member("stays", .objects(.row(Stay.records, and: Stays.members)), "入所記録", "Stays")

  /// A column of another collection than the answer's own.
  static func column(_ field: any AnyField) -> Answer.Member {
    Answer.Member(field.name, field.shape, field.words.ja, field.words.en)
  }

  /// The columns of fields, for what hides or leaves out some.
  static func columns(_ fields: any AnyField...) -> Set<String> { Set(fields.map(\.schema.name)) }
}
