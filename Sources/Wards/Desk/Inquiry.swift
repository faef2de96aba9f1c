import Causality
import ChangeModel
import Federation

/// Who works at a node, as its account or token says; the ward is the node's own.
public struct User: Hashable, Sendable {
  public var name: String
  public var roles: Set<Role>
  /// The only shelter that the user works at.
  public var shelter: RowID?
  /// The row of the account or the token: what the audit trail names, since two may have one name. Nil for the operator.
  public var account: RowID?
  /// Until when somebody else lets the user look at many people.
  public var looksUntil: Instant?

  /// By default whoever may do everything: the operator at the machine itself.
  public init(
    _ name: String, roles: Set<Role> = Set(Role.allCases), shelter: RowID? = nil, account: RowID? = nil,
    looksUntil: Instant? = nil
  ) {
    self.name = name
    self.roles = roles
    self.shelter = shelter
    self.account = account
    self.looksUntil = looksUntil
  }

  /// - Throws: when the user works at one shelter, and this is not it.
  public func mustWork(at shelter: RowID?) throws(Fault) {
    guard self.shelter != nil, self.shelter != shelter else { return }
    throw Fault(
      .forbidden, field: "shelter", ja: "担当の避難所ではありません。災害対策本部に頼んでください",
      en: "not the shelter that this account is for: ask the headquarters")
  }
}

extension User {
  /// The same for a row of `records`, by the field that says at which shelter it is.
  func mustWork(where record: RowValues, _ records: Records) throws(Fault) {
    switch records.reader.station {
    case nil: return
    case .itself: try mustWork(at: record.id)
    case .field(let shelter): try mustWork(at: record[shelter])
    }
  }
}

/// What a read was asked, by whom, where and when.
public struct Inquiry: Sendable {
  public var given: Submission
  /// The row that the path names.
  public var row: RowID?
  /// The last part of the path when that is no row, and the bearer's token.
  public var key: String?
  public var token: String?
  /// Hashes of the caller's own mark of this request and of what it sends: sent again with it, a write is not done again.
  public var request: (key: [UInt8], content: [UInt8])?
  public var user: User
  /// Whence the request came, where it came over a network.
  public var origin: Origin?
  public var now: Instant
  public var identity: NodeIdentity

  public init(
    given: Submission = Submission(), row: RowID? = nil, key: String? = nil, token: String? = nil, user: User,
    now: Instant, identity: NodeIdentity
  ) {
    self.given = given
    self.row = row
    self.key = key
    self.token = token
    self.user = user
    self.now = now
    self.identity = identity
  }

  public var ward: String { identity.ward.code }
  public var wardIndex: UInt32 { identity.certificate.node.ward }

  /// The ward whose node made a row.
  public func ward(of row: RowID) -> String? {
    row.made.flatMap { identity.federation.ward(at: $0.author.ward)?.code }
  }

  /// A node by the number that lies in a column, as people name it.
  public func node(_ column: Int64) -> String? {
    AuthorNumber(rawValue: UInt32(truncatingIfNeeded: column)).map { identity.federation.reference(to: $0) }
  }

  public func isOwn(_ row: RowID) -> Bool { row.made?.author.ward == identity.certificate.node.ward }
}

/// Whence somebody asks.
public struct Origin: Hashable, Sendable {
  /// Whom one counts as: an IPv4 address; of IPv6 a /64, of which whoever has one address has all.
  public var address: String
  /// The network of which that is a part: a /24 of IPv4.
  public var block: String

  public init(address: String, block: String) {
    self.address = address
    self.block = block
  }
}
