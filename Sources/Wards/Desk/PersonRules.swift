import Causality
import ChangeModel
import Federation
import GRDB
import Sodium

/// What the engine has to know of people, and the services that keep them say.
public struct PersonRules: Sendable {
  public typealias Reach = @Sendable (_ person: RowID, _ inquiry: Inquiry, _ db: Database) throws -> Bool

  /// Whether whoever asks may know of somebody: of who must not be found, those alone who protect that person; of one
  /// shelter's people, who works there.
  let mayReach: Reach
  /// Whether somebody must not be found, by the record that is here.
  let isProtected: @Sendable (RowID, Database) throws -> Bool
  /// Which purposes let a ward look at another's data now: the words of the declarations in force.
  let grounds: @Sendable (Database, String, Instant) throws -> Set<String>
  /// Whose account or token a row is: the name, and what tells it from another of the same name.
  let user: @Sendable (RowID, Database) throws -> (name: String, login: String)?

  public init(
    mayReach: @escaping Reach, isProtected: @escaping @Sendable (RowID, Database) throws -> Bool,
    grounds: @escaping @Sendable (Database, String, Instant) throws -> Set<String>,
    user: @escaping @Sendable (RowID, Database) throws -> (name: String, login: String)?
  ) {
    self.mayReach = mayReach
    self.isProtected = isProtected
    self.grounds = grounds
    self.user = user
  }
}

/// What a ward calls its people, and what was done with their records, in the audit trail, which all wards read: names and
/// words that its own nodes alone can make.
struct Pseudonyms {
  private let secret: AudienceKey

  /// Nil where the node does not hold its ward's key.
  init?(_ identity: NodeIdentity) {
    let key = Audience.ward(identity.certificate.node.ward, .disclosure).key()
    guard let secret = identity.keyring[key] else { return nil }
    self.secret = secret
  }

  func name(of row: RowID) -> RowID {
    let tag = secret.tag("audit", withUnsafeBytes(of: row.rawValue.bigEndian) { [UInt8]($0) })
    return RowID(derivedFrom: tag.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  private static let mark = "~"

  static func isSealed(_ word: String) -> Bool { word.hasPrefix(mark) }

  /// What was done, or for what, which only who knows the words and holds the key tells from another's.
  ///
  /// - Parameter name: of whose record it is, in the trail.
  func seal(_ word: String, of name: RowID) -> String {
    Self.mark + Array(secret.tag("audit action", [UInt8]("\(name) \(word)".utf8)).prefix(8)).hexadecimal
  }

  /// - Returns: nil when it is none of `words`, or another ward's.
  func open(_ sealed: String, of name: RowID, among words: [String]) -> String? {
    words.first { seal($0, of: name) == sealed }
  }
}
