/// One author's clock as its log tells it: the other authors in the order in which the log first named them.
///
/// A change set then says "the third one that I named went on by two" in one byte, where a full name and a full
/// sequence would need eight. Both the writer and every reader of the log build the same list.
public struct MentionedClock: Sendable {
  /// In the order of first mention; the log's own author is not among them.
  public private(set) var mentioned: [Dot] = []
  /// Positions in `mentioned`, sorted by author: a look is a few comparisons, where hashing a number costs more.
  private var byAuthor: [Int32] = []

  public init() {}

  public init(mentioned: [Dot]) {
    for dot in mentioned { advance(to: dot) }
  }

  public subscript(author: AuthorNumber) -> SequenceNumber {
    position(of: author).map { mentioned[$0].sequence } ?? 0
  }

  public func covers(_ dot: Dot) -> Bool { self[dot.author] >= dot.sequence }

  /// Where the author stands in the order of mention.
  public func position(of author: AuthorNumber) -> Int? {
    let place = place(notBelow: author)
    guard place < byAuthor.count else { return nil }
    let position = Int(byAuthor[place])
    return mentioned[position].author == author ? position : nil
  }

  private func place(notBelow author: AuthorNumber) -> Int {
    var (low, high) = (0, byAuthor.count)
    while low < high {
      let middle = (low + high) / 2
      if mentioned[Int(byAuthor[middle])].author < author { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Raises the author's entry, or names it for the first time. Never lowers.
  public mutating func advance(to dot: Dot) {
    if let position = position(of: dot.author) {
      if mentioned[position].sequence < dot.sequence { mentioned[position].sequence = dot.sequence }
    } else {
      byAuthor.insert(Int32(mentioned.count), at: place(notBelow: dot.author))
      mentioned.append(dot)
    }
  }

  /// What a change set must say so that this clock covers `known`, sorted by author. `own`, when given, is left out.
  public func advances(to known: VersionVector, except own: AuthorNumber?) -> [Dot] {
    known.dots.filter { $0.author != own && !covers($0) }
  }
}
