/// For each author, how far its log is known. An author that is not named is known to 0.
///
/// Kept sorted by author, so that two equal vectors are equal bytes and every walk has one order.
public struct VersionVector: Hashable, Sendable {
  /// Sorted by author, one dot for each, none with sequence 0.
  public private(set) var dots: [Dot] = []

  public init() {}

  /// - Precondition: `dots` is sorted by author, without repeats.
  public init(sorted dots: [Dot]) {
    precondition(zip(dots, dots.dropFirst()).allSatisfy { $0.author < $1.author })
    self.dots = dots
  }

  public subscript(author: AuthorNumber) -> SequenceNumber {
    let index = firstIndex(notBelow: author)
    return index < dots.count && dots[index].author == author ? dots[index].sequence : 0
  }

  public func covers(_ dot: Dot) -> Bool { self[dot.author] >= dot.sequence }

  /// Raises the author's entry to the dot's sequence; does nothing when it stands there or higher.
  public mutating func advance(to dot: Dot) {
    let index = firstIndex(notBelow: dot.author)
    if index < dots.count, dots[index].author == dot.author {
      if dots[index].sequence < dot.sequence { dots[index].sequence = dot.sequence }
    } else if dot.sequence > 0 {
      dots.insert(dot, at: index)
    }
  }

  private func firstIndex(notBelow author: AuthorNumber) -> Int {
    var low = 0
    var high = dots.count
    while low < high {
      let middle = (low + high) / 2
      if dots[middle].author < author { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
