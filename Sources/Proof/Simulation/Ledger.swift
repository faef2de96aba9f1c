import Causality
import ChangeModel
import Federation
import Replica
import SignedLog
import Sodium

/// What the simulator saw being written: the truth that checkers compare nodes with.
///
/// It is made from what callers were told ("saved") and from plain reads of SQLite files, never from the core's memory.
public struct Ledger: Sendable {
  /// One change set that a node acknowledged.
  public struct Entry: Sendable {
    public var log: LogName
    public var sequence: SequenceNumber
    /// What it did, by the words of whoever asked for it. Empty for what a node writes of itself.
    public var edits: [RowEdit]
    /// What it did for few to read, by audience.
    public var sealed: [Draft.Sealed] = []
    /// Goods that came into the wards' stock by it, or left it, by item.
    public var goods: [RowID: Int64] = [:]
    /// How far its author had merged each log of its lane, itself excluded.
    public var known: [AuthorNumber: SequenceNumber]
    /// Which branch of a forked log its author's numbers mean: the chain hash that it named last.
    public var branches: [AuthorNumber: [UInt8]] = [:]
    /// The hash of its bytes.
    public var hash: Digest
    /// When, in microseconds since the start.
    public var at: Int64
    public var node: Int
  }

  public private(set) var entries: [Entry] = []
  /// Where the change sets of a log stand in `entries`, from sequence 1.
  public private(set) var places: [LogName: [Int]] = [:]
  /// Other change sets with the dot of an earlier one, by their hashes: what copies of a node wrote, or who stole its key.
  public private(set) var branches: [LogName: [Digest: Entry]] = [:]
  /// Logs that hold two change sets of one dot, written by two copies of one node: the first such sequence.
  public private(set) var forks: [LogName: SequenceNumber] = [:]
  /// The last valid change set of logs whose author was revoked.
  private var cuts: [AuthorNumber: [LogName: LogHead]] = [:]
  /// Nodes in hostile hands: what they wrote may wait for ever.
  var hostile: Set<AuthorNumber> = []
  /// Entries that may be gone: only a disk that was destroyed, or a node that left for good, ever had them.
  public internal(set) var excused: Set<Int> = []
  /// Sums over all that was acknowledged, wherever: what an author holds of a stock.
  private(set) var shares: [StockPlace: Int64] = [:]

  struct StockPlace: Hashable {
    var row: RowID
    var field: UInt32
    var author: AuthorNumber
  }

  public init() {}

  /// Notes an acknowledged change set.
  ///
  /// - Returns: a violation when it spends what its author does not have.
  mutating func add(_ entry: Entry) -> Violation? {
    var list = places[entry.log] ?? []
    if Int(entry.sequence) <= list.count {
      let known = entries[list[Int(entry.sequence) - 1]]
      if known.hash != entry.hash {
        let fork = min(forks[entry.log] ?? .max, entry.sequence)
        let isNew = forks.updateValue(fork, forKey: entry.log) != fork
        branches[entry.log, default: [:]][entry.hash] = entry
        // What came of goods after it is void, until somebody says it again.
        if isNew { countShares() }
      }
      return nil
    }
    if Int(entry.sequence) != list.count + 1 {
      return Violation(.durability, "\(entry.log) acknowledged #\(entry.sequence) after #\(list.count)")
    }
    list.append(entries.count)
    places[entry.log] = list
    entries.append(entry)
    return forks[entry.log] != nil ? nil : spend(entry)
  }

  /// Notes what somebody signed with a node's key, whoever took it: it is no invention.
  mutating func sign(_ entry: Entry) { branches[entry.log, default: [:]][entry.hash] = entry }

  /// Notes that a node took it. On a branch that is not the ledger's own it stays a branch.
  mutating func take(_ entry: Entry) {
    let count = places[entry.log]?.count ?? 0
    if Int(entry.sequence) <= count + 1, lastValid(entry.log) >= entry.sequence { _ = add(entry) }
  }

  /// - Parameter kept: the hashes of the change sets that the cut ends, of each log from its first on.
  mutating func revoke(_ node: AuthorNumber, cut: [LogName: LogHead], kept: [LogName: [Digest]]) {
    let known = cuts[node]
    func rank(_ head: LogHead) -> (SequenceNumber, String) { (head.sequence, head.hash.bytes.hexadecimal) }
    var both: [LogName: LogHead] = [:]
    for log in Set(cut.keys).union(known?.keys.map { $0 } ?? []) {
      // Of what one of two does not name, nothing is valid.
      guard let new = cut[log], known == nil || known![log] != nil else { continue }
      let old = known?[log]
      both[log] = old.map { rank($0) < rank(new) ? $0 : new } ?? new
      guard both[log] == new, new != old else { continue }
      // The branch that it names is the log.
      for (index, hash) in (kept[log] ?? []).enumerated() {
        guard let other = branches[log]?[hash] else { continue }
        if index == places[log]?.count ?? 0 {
          places[log, default: []].append(entries.count)
          entries.append(other)
        } else if let place = places[log]?.dropFirst(index).first, entries[place].hash != hash {
          branches[log]![entries[place].hash] = entries[place]
          // Its author may have seen what stands after the other's place: it comes last.
          entries[place].goods = [:]
          (entries[place].edits, entries[place].sealed) = ([], [])
          places[log]![index] = entries.count
          entries.append(other)
        }
      }
    }
    cuts[node] = both
    countShares()
  }

  /// The last valid sequence of a log: where its author was cut, by the branch that the cut names; else before a fork.
  func lastValid(_ log: LogName) -> SequenceNumber {
    if let cut = cuts[log.author.node] { return cut[log]?.sequence ?? 0 }
    return (forks[log] ?? .max) - 1
  }

  /// How far a number in an entry's clock says which change set of another author's log is meant: not past where that log forks,
  /// unless the entry's author has named the branch that a cut chose. Nobody waits for more.
  func certain(_ author: AuthorNumber, by entry: Entry) -> SequenceNumber {
    let log = LogName(entry.log.lane, author)
    if let cut = cuts[author.node]?[log], entry.branches[author] == cut.hash.bytes { return cut.sequence }
    return min(lastValid(log), (forks[log] ?? .max) - 1)
  }

  private mutating func countShares() {
    shares = [:]
    for entry in entries where entry.sequence <= lastValid(entry.log) { _ = spend(entry) }
  }

  func entry(_ log: LogName, _ sequence: SequenceNumber) -> Entry? {
    guard let list = places[log], sequence >= 1, Int(sequence) <= list.count else { return nil }
    return entries[list[Int(sequence) - 1]]
  }

  func isAcknowledged(_ log: LogName, _ sequence: SequenceNumber, _ hash: Digest) -> Bool {
    entry(log, sequence)?.hash == hash || branches[log]?[hash] != nil
  }

  private mutating func spend(_ entry: Entry) -> Violation? {
    var violation: Violation?
    for edit in entry.edits {
      guard case .edit(let fields) = edit.action else { continue }
      for field in fields {
        let place = StockPlace(row: edit.row, field: field.field, author: entry.log.author)
        switch field.operation {
        case .receive(let amount): shares[place, default: 0] += amount
        case .spend(let amount): shares[place, default: 0] -= amount
        case .handOver(let amount, let receiver):
          shares[place, default: 0] -= amount
          shares[StockPlace(row: edit.row, field: field.field, author: receiver), default: 0] += amount
        case .takeOver(let amount, let giver):
          shares[StockPlace(row: edit.row, field: field.field, author: giver), default: 0] -= amount
          shares[place, default: 0] += amount
        default: continue
        }
        if let left = shares[place], left < 0 {
          violation = Violation(.stock, "\(entry.log.author) spent \(-left) more of \(edit.row) than it had")
        }
      }
    }
    return violation
  }
}

/// A broken promise, and by whose judgement.
public struct Violation: Error, Hashable, Codable, Sendable {
  public enum Checker: String, CaseIterable, Codable, Sendable {
    /// Nodes with equal logs have unequal tables.
    case convergence
    /// Something acknowledged is gone.
    case durability
    /// More was spent than there was.
    case stock
    /// Something is in a log or a table that no enrolled author wrote.
    case purity
    /// A field does not show what the plain model shows.
    case model
    /// A concurrent value is missing, or one was invented.
    case conflicts
    /// Something did not arrive, or did not merge, within the bound.
    case liveness
    /// A change set came too often over the links.
    case copies
    /// A rebuild gives other tables, or a log does not verify.
    case rebuild
    /// The program ended, or reported an error that nothing in the scenario explains.
    case failure
    /// A part of a node does not keep what it promises of itself.
    case invariant
    /// A key and a nonce were used twice, with different text.
    case secrecy
    /// What the scenario says must hold does not.
    case expectation
  }

  public var checker: Checker
  public var detail: String
  /// When it was found, in microseconds since the start.
  public var at: Int64?

  public init(_ checker: Checker, _ detail: String, at: Int64? = nil) {
    self.checker = checker
    self.detail = detail
    self.at = at
  }

  /// What is broken and where, without how much: the same as long as it is the same failure.
  public var subject: String {
    // Numbers go; what names a log, `12.1.0`, stays.
    let words = detail.split(separator: " ").map { word in
      word.split(separator: ".").count >= 3 ? String(word) : String(word.replacing(/[0-9]+/, with: "#"))
    }
    return "\(checker.rawValue) \(words.joined(separator: " "))"
  }
}
