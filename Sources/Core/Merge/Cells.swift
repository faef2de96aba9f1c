import Causality
import ChangeModel

/// One value of a register or one "add" of a set's element, that nobody has replaced yet.
public struct Sibling: Hashable, Sendable {
  public var stamp: Stamp
  /// Of a register's winner this is only filled in when the row is `hydrated`: the table's column holds it.
  public var value: Value
  /// Deletions of the row that did not know it, and that its writer did not know, or knew and left unsettled. Sorted.
  public var against: [Dot]

  public init(_ stamp: Stamp, _ value: Value, against: [Dot] = []) {
    self.stamp = stamp
    self.value = value
    self.against = against
  }
}

/// A register: the winner is shown, the others were written by people who did not know of it, nor it of them.
public struct RegisterCell: Hashable, Sendable {
  public var field: UInt32
  public var winner: Sibling
  /// Sorted, newest first. Usually empty.
  public var others: [Sibling]

  public init(field: UInt32, winner: Sibling, others: [Sibling] = []) {
    self.field = field
    self.winner = winner
    self.others = others
  }

  /// Two different values stand side by side; the same value from two writers is an agreement.
  public var isConflict: Bool { others.contains { $0.value != winner.value } }
}

/// A set: each element with the adds that keep it there. An element without adds is gone.
public struct SetCell: Hashable, Sendable {
  public var field: UInt32
  /// Sorted by value, then by stamp: one entry for each add.
  public var adds: [Sibling]

  public init(field: UInt32, adds: [Sibling]) {
    self.field = field
    self.adds = adds
  }
}

/// A deletion that some of an author's contributions stand against: neither knew the other.
public struct Contest: Hashable, Comparable, Sendable {
  public var deletion: Dot
  /// The author's newest contribution that did not know the deletion.
  public var last: SequenceNumber

  public init(_ deletion: Dot, last: SequenceNumber) {
    self.deletion = deletion
    self.last = last
  }

  public static func < (left: Self, right: Self) -> Bool { left.deletion < right.deletion }
}

/// What one author put into a counter, a log or a stock.
public struct Contribution: Hashable, Sendable {
  public var author: AuthorNumber
  /// Its newest change set that did.
  public var last: SequenceNumber = 0
  /// Counter: the sum of its increments. Log: how many entries. Stock: the share that it holds.
  public var total: Int64 = 0
  /// Deletions of the row saw its contributions up to here …
  public var buriedThrough: SequenceNumber = 0
  /// … and they came to this much.
  public var buriedTotal: Int64 = 0
  /// Sorted. Invariant: each one's `last` is above `buriedThrough`.
  public var against: [Contest] = []

  public init(author: AuthorNumber) { self.author = author }

  var isLive: Bool { last > buriedThrough }

  /// What no deletion saw. When the author's log was cut, `buriedTotal` speaks of void change sets too; but then all that
  /// is left of the author came before them.
  var liveTotal: Int64 { isLive ? total &- buriedTotal : 0 }

  /// The newest contribution and a deletion did not know of each other.
  mutating func stand(against deletion: Dot) {
    against.removeAll { $0.deletion == deletion }
    against.append(Contest(deletion, last: last))
    against.sort()
  }
}

/// A counter, a log or a stock, as the sum of what each author did.
public struct ContributionCell: Hashable, Sendable {
  public var field: UInt32
  /// Sorted by author.
  public var contributions: [Contribution]

  public init(field: UInt32, contributions: [Contribution] = []) {
    self.field = field
    self.contributions = contributions
  }

  public subscript(author: AuthorNumber) -> Contribution? { contributions.first { $0.author == author } }

  mutating func update(_ author: AuthorNumber, _ change: (inout Contribution) -> Void) {
    var index = 0
    while index < contributions.count, contributions[index].author < author { index += 1 }
    if index == contributions.count || contributions[index].author != author {
      contributions.insert(Contribution(author: author), at: index)
    }
    change(&contributions[index])
  }
}
