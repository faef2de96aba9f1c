/// One author's clock as its log tells it: the other authors in the order in which the log first named them.
///
/// A change set then says "the third one that I named went on by two" in one byte, where a full name and a full
/// sequence would need eight. Both the writer and every reader of the log build the same list.
public struct MentionedClock: Sendable {
  /// In the order of first mention; the log's own author is not among them.
  public private(set) var mentioned: [Dot] = []
  private var positions: [AuthorNumber: Int] = [:]

  public init() {}

  public init(mentioned: [Dot]) {
    for dot in mentioned { advance(to: dot) }
  }

  public subscript(author: AuthorNumber) -> SequenceNumber {
    positions[author].map { mentioned[$0].sequence } ?? 0
  }

  public func covers(_ dot: Dot) -> Bool { self[dot.author] >= dot.sequence }

  /// Where the author stands in the order of mention.
  public func position(of author: AuthorNumber) -> Int? { positions[author] }

  /// Raises the author's entry, or names it for the first time. Never lowers.
  public mutating func advance(to dot: Dot) {
    if let position = positions[dot.author] {
      if mentioned[position].sequence < dot.sequence { mentioned[position].sequence = dot.sequence }
    } else {
      positions[dot.author] = mentioned.count
      mentioned.append(dot)
    }
  }

  /// What a change set must say so that this clock covers `known`, sorted by author. `own`, when given, is left out.
  public func advances(to known: VersionVector, except own: AuthorNumber?) -> [Dot] {
    known.dots.filter { $0.author != own && !covers($0) }
  }
}
