import Causality
import ChangeModel
import Federation

/// Edits of one lane that will become one change set: all of them, or none.
public struct Draft: Sendable {
  public var lane: Lane
  /// Who can read it.
  public var audience: AudienceKeyID
  public var edits: [RowEdit] = []

  public init(_ lane: Lane, audience: AudienceKeyID = Keyring.federationKeyID) {
    self.lane = lane
    self.audience = audience
  }

  public var isEmpty: Bool { edits.isEmpty }

  public mutating func edit(_ collection: CollectionSchema, _ row: RowID, _ fields: [FieldEdit]) {
    edits.append(RowEdit(collection.number, row, fields))
  }

  /// Deletes the row as it stands when the draft is committed.
  public mutating func delete(_ collection: CollectionSchema, _ row: RowID) {
    edits.append(RowEdit(collection.number, row, .delete(shares: [])))
  }
}
