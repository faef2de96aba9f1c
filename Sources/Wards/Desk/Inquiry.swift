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
  /// `RowValues.tag` of the row as the caller knows it, or `*` for any: of another state nothing is written.
  public var expected: [String]?
  public var user: User
  /// Whence the request came, where it came over a network.
  public var origin: Origin?
  public var now: Instant
  /// When a person entered it, where that was earlier than now and is known: a tablet without its node keeps entries for days.
  public private(set) var entered = Entered.now
  /// Who brought an entry that is another's: whoever worked at the tablet when the node was there again.
  public var deliveredBy: String?
  /// Who stands by, and has proven it, where two persons do something.
  public var second: User?
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

  /// When what is entered was so: the time of what a desk stamps. Now, unless it was entered before.
  public var enteredAt: Instant {
    // A clock that went back meanwhile makes no entry of the future.
    if case .before(let time) = entered { min(time, now) } else { now }
  }

  /// An entry that was made before now: `time` counts when it is in the past and no older than a tablet may be without its node.
  public mutating func enter(at time: Instant) {
    let age = now.milliseconds - time.milliseconds
    switch age {
    case -Entered.tolerance..<0: entered = .now
    case 0...Entered.longest: entered = .before(time)
    default: entered = .unknown(time)
    }
  }

  /// - Parameter text: a time of RFC 3339, as an `Entered-At` header has it.
  /// - Throws: when it is none.
  public mutating func enter(at text: String) throws(Fault) {
    guard let time = FieldReader.milliseconds(text) else {
      throw Fault.badValue(
        "Entered-At", ja: "日時(例 2026-01-17T05:46:00.000+09:00)にしてください",
        en: "give a time of RFC 3339, such as 2026-01-17T05:46:00.000+09:00")
    }
    enter(at: Instant(milliseconds: time))
  }

  /// It waited somewhere: what others wrote meanwhile is newer.
  public var isLate: Bool { now.milliseconds - enteredAt.milliseconds >= Entered.delay }

  /// Who did it, as the audit trail has it: the user, and after that in brackets who delivered it and when it was entered.
  ///
  /// - Parameter further: what else is said of it.
  func signature(_ further: String? = nil) -> String {
    var marks = [further].compactMap(\.self)
    if let deliveredBy { marks.append("送信: \(deliveredBy)") }
    switch entered {
    case .now: break
    case .before(let time):
      if now.milliseconds - time.milliseconds >= Entered.notable { marks.append("入力: \(JapaneseDay.time(time))") }
    case .unknown(let time): marks.append("端末の時計が違う: \(JapaneseDay.time(time))")
    }
    let who = user.account.map { AuditTrail.mark($0) } ?? user.name
    return marks.isEmpty ? who : "\(who) [\(marks.joined(separator: ", "))]"
  }

  public var ward: String { identity.ward.code }
  public var wardIndex: UInt32 { identity.certificate.node.ward }

  /// The ward that a row belongs to, made there or derived for it: in every collection but those that all wards share.
  public func ward(of row: RowID) -> String? { identity.federation.ward(at: row.ward)?.code }

  /// A node by the number that lies in a column, as people name it.
  public func node(_ column: Int64) -> String? {
    AuthorNumber(rawValue: UInt32(truncatingIfNeeded: column)).map { identity.federation.reference(to: $0) }
  }

  public func isOwn(_ row: RowID) -> Bool { row.ward == wardIndex }
}

/// When a person entered what is sent.
public enum Entered: Hashable, Sendable {
  /// As it is sent.
  case now
  case before(Instant)
  /// The device said a time that cannot be: its clock is wrong, and when it was entered is not known.
  case unknown(Instant)

  /// So long an entry may have waited, in milliseconds: a tablet that lay in a drawer for longer tells of another time.
  static let longest: Int64 = 14 * 86_400_000
  /// So long a slow line may take; longer, and it was late.
  static let delay: Int64 = 2_000
  /// So far a device's clock may be ahead before it is wrong: what it tells counts as now.
  static let tolerance: Int64 = 60_000
  /// So long it must have waited for the trail to say so.
  static let notable: Int64 = 60_000
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
