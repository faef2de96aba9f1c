/// A change set's number in its author's log of one lane, from 1, without holes. 0 stands for "none yet".
public typealias SequenceNumber = UInt32

/// The largest sequence number: a log id packs it into 31 bits. At ten change sets a second, seven years.
public let sequenceLimit: SequenceNumber = .max >> 1

/// Names one change set of one lane, and so each value that it wrote.
public struct Dot: Hashable, Comparable, Sendable {
  public var author: AuthorNumber
  public var sequence: SequenceNumber

  public init(_ author: AuthorNumber, _ sequence: SequenceNumber) {
    self.author = author
    self.sequence = sequence
  }

  public static func < (left: Self, right: Self) -> Bool {
    left.author == right.author ? left.sequence < right.sequence : left.author < right.author
  }
}

extension Dot: CustomStringConvertible {
  public var description: String { "\(author)#\(sequence)" }
}
