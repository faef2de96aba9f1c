import ChangeModel
import Federation
import Store

/// Why an edit was not taken, or the replica cannot go on.
public enum ReplicaError: Error, Hashable, Sendable {
  case store(StoreError)
  case ownCertificate(Membership.Refusal)
  case unknownCollection(UInt32)
  /// The collection belongs to another lane than the draft.
  case wrongLane(collection: String)
  /// The field does not exist, or cannot take this operation.
  case invalidField(collection: String, field: UInt32)
  /// A text is too long or holds a NUL character.
  case invalidText(collection: String, field: UInt32)
  /// More edits than one change set can hold: split them.
  case tooLarge(bytes: Int, limit: Int)
  /// This node's share does not cover it. Shares come from other nodes by handing over.
  case insufficientStock(available: Int64, asked: Int64)
  case noSuchRow(collection: String, row: RowID)
  case rowsExhausted
  case epochsExhausted

  /// Any error thrown while the store was used, as ours.
  static func of(_ error: any Error) -> ReplicaError { error as? ReplicaError ?? .store(StoreError.of(error)) }
}
