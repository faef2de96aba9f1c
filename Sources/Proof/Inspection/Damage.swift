/// Something that is not as its writer left it: where it lies, and what cannot be read because of it.
public struct Damage: Codable, Hashable, Sendable {
  public enum Kind: String, Codable, Sendable {
    /// The file is shorter than it says.
    case truncated
    /// A field of the database's header is not what it must be; what follows was read with the right one.
    case header
    /// The write-ahead log ends in the middle: a frame's checksum does not hold.
    case writeAheadLog
    /// A page of the database is not what its tree needs.
    case page
    /// A table could not be read to its end.
    case table
    /// A change set is not what its author signed.
    case changeSet
    /// Change sets that should be there are not.
    case missing
    /// A row is not what the log makes.
    case row
    /// A frame of a bundle makes no sense.
    case frame
    /// A certificate does not hold.
    case certificate
  }

  /// Some bytes of a file that follow one another.
  public struct Part: Codable, Hashable, Sendable {
    public var file: String
    public var offset: Int
    public var length: Int
  }

  public var kind: Kind
  /// The file, when the place is known.
  public var file: String?
  /// The first byte, from 0, and how many: the smallest part that is known to hold the damage.
  public var offset: Int?
  public var length: Int?
  /// Further stretches, of what does not lie in one piece.
  public var parts: [Part] = []
  /// Log, table, page or field, in words that do not depend on the language.
  public var subject: String
  /// What exactly does not hold.
  public var detail: String
  /// Change sets or rows that cannot be used because of it.
  public var lost: Int

  public init(
    _ kind: Kind, file: String? = nil, offset: Int? = nil, length: Int? = nil, subject: String, detail: String,
    lost: Int = 0
  ) {
    self.kind = kind
    self.file = file
    self.offset = offset
    self.length = length
    self.subject = subject
    self.detail = detail
    self.lost = lost
  }

  /// The same at a place of one or more parts.
  func at(_ parts: [Part]) -> Damage {
    guard let first = parts.first else { return self }
    var damage = self
    (damage.file, damage.offset, damage.length) = (first.file, first.offset, first.length)
    damage.parts = Array(parts.dropFirst())
    return damage
  }
}

/// Why something cannot be looked at at all.
public enum InspectionError: Error, Hashable, Sendable {
  case cannotRead(path: String, code: Int32)
  /// Neither a replica, a bundle, a node's folder nor an address.
  case unknownKind(path: String)
  /// Written by a newer program: its log is read, its tables may hold what this program does not know.
  case newerFormat(path: String, found: [String])
  /// A bundle or a file of another federation than the other side.
  case otherFederation(String, String)
  case noSuchTable(String, known: [String])
  case noSuchField(String, known: [String])
  case noSuchRow(table: String, row: String)
  case unknownNode(String)
  case notReadable(address: String, reason: String)
  case query(String)
}
