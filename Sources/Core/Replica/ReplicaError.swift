import ChangeModel
import Federation
import Store

/// Why an edit was not taken, or the replica cannot go on.
public enum ReplicaError: Error, Hashable, Sendable, CustomStringConvertible {
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
  /// The log would name more authors than any reader takes.
  case tooManyAuthors
  case noSuchRow(collection: String, row: RowID)
  case rowsExhausted
  case epochsExhausted
  /// This node's authority has revoked it: nobody would take what it writes.
  case revoked

  public var description: String {
    switch self {
    case .store(let error): "\(error)"
    case .ownCertificate(let refusal): "this node's own certificate does not hold: \(refusal)"
    case .unknownCollection(let number): "there is no collection \(number)"
    case .wrongLane(let collection): "\(collection) belongs to another lane"
    case .foreignAudience: "this node cannot write for that audience"
    case .invalidField(let collection, let field): "\(collection) has no field \(field) that could take this"
    case .appendOnly(let collection): "nothing of \(collection) is ever deleted"
    case .foreignRow(let collection, let row): "\(collection) \(row) is another ward's"
    case .invalidText(let collection, let field): "a text of \(collection), field \(field), is too long or holds a NUL"
    case .tooLarge(let bytes, let limit): "\(bytes) bytes in one change set, of at most \(limit)"
    case .insufficientStock(let available, let asked): "this node's share is \(available), and \(asked) were asked for"
    case .invalidEdit(let bytes): "an edit that nobody could read: \(bytes.reason)"
    case .ownLogIncomplete: "this node's own log waits for others"
    case .clockExhausted: "no time is left after what the clock once said"
    case .tooManyAuthors: "this node's log names more authors than a log can"
    case .noSuchRow(let collection, let row): "\(collection) has no row \(row)"
    case .rowsExhausted: "no row numbers are left"
    case .epochsExhausted: "no epochs are left"
    case .revoked: "this node is revoked"
    }
  }

  /// Any error thrown while the store was used, as ours.
  static func of(_ error: any Error) -> ReplicaError { error as? ReplicaError ?? .store(StoreError.of(error)) }
}
