/// The short name of an author, the same on every node: which ward, which of its nodes, which epoch.
///
/// The ward's authority gives each node its serial in the node's certificate, and the genesis gives each ward
/// its index, so that a row id or a dot needs 4 bytes and no table that only one node could read.
///
/// Layout, from the high bit: 2 unused, 10 ward index, 10 node serial, 10 epoch.
public struct AuthorNumber: Hashable, Comparable, Sendable {
  public let rawValue: UInt32

  /// Ten bits each: 1,024 wards, 1,024 nodes in a ward, 1,024 restores in a node's life.
  public static let partLimit: UInt32 = 1 << 10

  /// - Precondition: each part is below `partLimit`.
  public init(ward: UInt32, serial: UInt32, epoch: UInt32) {
    precondition(ward < Self.partLimit && serial < Self.partLimit && epoch < Self.partLimit)
    rawValue = ward << 20 | serial << 10 | epoch
  }

  /// Nil when the number does not fit in 30 bits.
  public init?(rawValue: UInt32) {
    guard rawValue >> 30 == 0 else { return nil }
    self.rawValue = rawValue
  }

  public var ward: UInt32 { rawValue >> 20 }
  public var serial: UInt32 { rawValue >> 10 & 0x3ff }
  public var epoch: UInt32 { rawValue & 0x3ff }

  /// The node whatever its epoch: two authors with one `node` sign with one key.
  public var node: AuthorNumber { AuthorNumber(ward: ward, serial: serial, epoch: 0) }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension AuthorNumber: CustomStringConvertible {
  /// `ward.serial.epoch`, for logs and the inspector.
  public var description: String { "\(ward).\(serial).\(epoch)" }
}
