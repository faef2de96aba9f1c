import Causality
import ChangeModel
import Federation

/// Edits of one lane that will become one change set: all of them, or none.
public struct Draft: Sendable {
  public var lane: Lane
  /// Who can read it.
  public var audience: Audience
  public var edits: [RowEdit] = []
  /// Edits in the same change set that other audiences read, in the order of their sections.
  public var sealed: [Sealed] = []

  public struct Sealed: Sendable {
    public var audience: Audience
    public var edits: [RowEdit]

    public init(audience: Audience, edits: [RowEdit]) {
      self.audience = audience
      self.edits = edits
    }
  }

  public init(_ lane: Lane, audience: Audience = .federation) {
    self.lane = lane
    self.audience = audience
  }

  public var isEmpty: Bool { edits.isEmpty && sealed.isEmpty }

  public mutating func edit(
    _ collection: CollectionSchema, _ row: RowID, _ fields: [FieldEdit], for audience: Audience? = nil
  ) {
    append(RowEdit(collection.number, row, fields), for: audience)
  }

  /// Deletes the row as it stands when the draft is committed.
  public mutating func delete(_ collection: CollectionSchema, _ row: RowID, for audience: Audience? = nil) {
    append(RowEdit(collection.number, row, .delete(shares: [])), for: audience)
  }

  public mutating func append(_ edit: RowEdit, for audience: Audience? = nil) {
    guard let audience, audience != self.audience else { return edits.append(edit) }
    if let index = sealed.firstIndex(where: { $0.audience == audience }) {
      sealed[index].edits.append(edit)
    } else {
      sealed.append(Sealed(audience: audience, edits: [edit]))
    }
  }

  /// Every audience with its edits.
  public var sections: [Sealed] {
    (edits.isEmpty ? [] : [Sealed(audience: audience, edits: edits)]) + sealed
  }
}
