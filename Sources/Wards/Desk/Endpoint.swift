import Causality
import ChangeModel
import Federation
import GRDB
import Replica
import Store

/// One thing that a service does: its name, its form, and the rule behind it. The HTTP side, `openapi.yaml`, the
/// simulator and the tests all come from this one description.
public struct Endpoint: Sendable {
  public enum Method: String, Sendable { case get, post, patch, delete }

  public enum Action: Sendable {
    case read(@Sendable (Inquiry, Database) throws -> Seen)
    case write(@Sendable (Desk) throws -> Written)
  }

  /// As programs name it: `checkIn`.
  public var id: String
  public var method: Method
  /// With `{id}` where a row's id stands.
  public var path: String
  public var summary: String
  public var form: Form
  /// The collection whose rows `{id}` names, for the description.
  public var subject: String?
  /// 201 when it makes something.
  public var makes = false
  /// For a private service with its token, not for staff.
  public var isForServices = false
  public var action: Action

  public static func read(
    _ id: String, _ path: String, _ summary: String, _ fields: [FormField] = [], of subject: String? = nil,
    _ body: @escaping @Sendable (Inquiry, Database) throws -> Seen
  ) -> Endpoint {
    Endpoint(
      id: id, method: .get, path: path, summary: summary, form: Form(fields), subject: subject, action: .read(body))
  }

  public static func write(
    _ id: String, _ path: String, _ summary: String, _ fields: [FormField] = [], method: Method = .post,
    of subject: String? = nil, makes: Bool = false, _ body: @escaping @Sendable (Desk) throws -> Written
  ) -> Endpoint {
    Endpoint(
      id: id, method: method, path: path, summary: summary, form: Form(fields), subject: subject, makes: makes,
      action: .write(body))
  }
}

/// Who works at a node, as its account or token says; the ward is the node's own.
public struct User: Hashable, Sendable {
  public var name: String
  public var roles: Set<Role>
  /// The only shelter that the user works at.
  public var shelter: RowID?

  /// By default whoever may do everything: the operator at the machine itself.
  public init(_ name: String, roles: Set<Role> = Set(Role.allCases), shelter: RowID? = nil) {
    self.name = name
    self.roles = roles
    self.shelter = shelter
  }

  /// - Throws: when the user works at one shelter, and this is not it.
  public func mustWork(at shelter: RowID?) throws(Fault) {
    guard self.shelter != nil, self.shelter != shelter else { return }
    throw Fault(
      .forbidden, field: "shelter", ja: "担当の避難所ではありません。災害対策本部に頼んでください",
      en: "not the shelter that this account is for: ask the headquarters")
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
  /// The caller's own mark of this request: sent again with it, a write is not done again.
  public var requestKey: [UInt8]?
  public var user: User
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

  public func isOwn(_ row: RowID) -> Bool { row.made?.author.ward == identity.certificate.node.ward }
}

/// What a read found, and whose personal data it showed: each is noted before the answer goes out.
public struct Seen: Sendable {
  public var answer: JSON
  public var subjects: [RowID]
  /// Those of them whom this ward sees because they let it.
  public var consented: Set<RowID>
  /// Who looked and why, when that is not the desk: a private service.
  public var viewer: (user: User, purpose: String)?

  public init(
    _ answer: JSON, subjects: [RowID] = [], consented: Set<RowID> = [], viewer: (user: User, purpose: String)? = nil
  ) {
    self.answer = answer
    self.subjects = subjects
    self.consented = consented
    self.viewer = viewer
  }
}

/// What a write asks of the replica, and how it answers once that is on the disk.
public struct Written {
  public var drafts: [Draft]
  /// What the change is about, for the audit trail.
  public var subjects: [RowID]
  public var answer: (Database) throws -> JSON

  public init(_ drafts: [Draft], about subjects: [RowID], answer: @escaping (Database) throws -> JSON) {
    self.drafts = drafts
    self.subjects = subjects
    self.answer = answer
  }
}

/// Where a write is worked out: the replica as it is, on the replica's own thread.
public struct Desk {
  public let replica: Replica
  public let inquiry: Inquiry

  public init(replica: Replica, inquiry: Inquiry) {
    self.replica = replica
    self.inquiry = inquiry
  }

  public var given: Submission { inquiry.given }
  public var now: Instant { inquiry.now }
  public var ward: String { inquiry.ward }
  public var wardIndex: UInt32 { replica.author.ward }

  /// Reads with what the transaction under way has written.
  public func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try replica.store.readOwn { db in Result { try body(db) } }.get()
  }

  public func newRow() throws -> RowID { try replica.newRows(1)[0] }

  /// The row that the path names, of `collection`, as this node shows it.
  public func subject(_ collection: CollectionSchema) throws -> (row: RowID, values: RowValues) {
    guard let row = inquiry.row else { throw Fault.notFound("id") }
    return (row, try find(row, in: collection, "id"))
  }

  public func find(_ row: RowID, in collection: CollectionSchema, _ field: String) throws -> RowValues {
    guard let values = try read({ try RowValues.fetch(row, collection, $0) }) else { throw Fault.notFound(field) }
    if collection.name == "shelters" {
      try inquiry.user.mustWork(at: row)
    } else if collection.field(named: "shelter") != nil {
      try inquiry.user.mustWork(at: values.row("shelter"))
    }
    return values
  }

  /// What this node's own share of a stock field is.
  public func share(_ row: RowID, _ collection: CollectionSchema, _ field: UInt32) throws -> Int64 {
    try shares(row, collection, field)[replica.author] ?? 0
  }

  /// Every author's share of a stock field, none of nothing.
  public func shares(_ row: RowID, _ collection: CollectionSchema, _ field: UInt32) throws -> [AuthorNumber: Int64] {
    try read { try StockShares.of(row, collection, field, $0) }
  }
}
