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
  /// This node cannot write for this audience, or the collection is not for it.
  case foreignAudience(Audience)
  /// The field does not exist, or cannot take this operation.
  case invalidField(collection: String, field: UInt32)
  /// Nothing of the collection is ever deleted.
  case appendOnly(collection: String)
  /// The row is another ward's: only that ward edits it.
  case foreignRow(collection: String, row: RowID)
  /// A text is too long or holds a NUL character.
  case invalidText(collection: String, field: UInt32)
  /// More edits than one change set can hold: split them.
  case tooLarge(bytes: Int, limit: Int)
  /// This node's share does not cover it. Shares come from other nodes by handing over.
  case insufficientStock(available: Int64, asked: Int64)
  /// An edit that no node could read: no fields, too many, or a number that is none.
  case invalidEdit(MalformedBytes)
  /// This author's own log holds change sets that wait for others, fetched after a restore.
  case ownLogIncomplete
  /// This node's clock once stood so far ahead that no time is left after it.
  case clockExhausted
  case noSuchRow(collection: String, row: RowID)
  case rowsExhausted
  case epochsExhausted
  /// This node's authority has revoked it: nobody would take what it writes.
  case revoked

  /// Any error thrown while the store was used, as ours.
  static func of(_ error: any Error) -> ReplicaError { error as? ReplicaError ?? .store(StoreError.of(error)) }
}
