import Replica

/// Why something was not done: what, where, and what to do, in both languages.
public struct Fault: Error, Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    /// What was sent is not right.
    case badValue = "bad-value"
    /// Nothing has this id, or nothing that this node may read.
    case notFound = "not-found"
    /// Well-formed, but the record's current state does not allow it.
    case refused
    /// Not for whoever asks.
    case forbidden
    case unauthorized
    /// Somebody else has changed it since whoever asks saw it.
    case changed
    /// A key that was sent with another content before.
    case reused
  }

  public var kind: Kind
  public var field: String
  public var japanese: String
  public var english: String
  /// What else is wrong, one fault for each field.
  public var others: [Fault] = []

  public init(_ kind: Kind, field: String = "", ja japanese: String, en english: String) {
    self.kind = kind
    self.field = field
    self.japanese = japanese
    self.english = english
  }

  public static func badValue(_ field: String, ja: String, en: String) -> Fault {
    Fault(.badValue, field: field, ja: ja, en: en)
  }

  public static func notFound(_ field: String) -> Fault {
    Fault(.notFound, field: field, ja: "見つかりません: \(field)", en: "not found: \(field)")
  }

  public static func refused(_ field: String = "", ja: String, en: String) -> Fault {
    Fault(.refused, field: field, ja: ja, en: en)
  }

  public static let reused = Fault(
    .reused, field: "Idempotency-Key", ja: "この印は、別の内容の送信に使われています。新しい印で送ってください",
    en: "the key was sent with another content before: send this with a new one")

  /// What the replica refuses by a rule that holds on every node, for people; any other error as it is.
  static func of(_ error: any Error) -> any Error {
    switch error {
    case ReplicaError.foreignRow:
      Fault(
        .forbidden, field: "id", ja: "ほかの区の記録です。直せるのはその区だけです",
        en: "the record is another ward's: only that ward can change it")
    case ReplicaError.revoked:
      refused(
        ja: "このノードは失効しています。書いても、どこにも届きません", en: "this node is revoked: nobody would take what it writes")
    default: error
    }
  }
}
