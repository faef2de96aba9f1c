import Causality
import ChangeModel
import GRDB
import Merge
import Replica
import Store

/// How a sum to which each adds is also counted anew now and then: heads in a shelter.
///
/// Changes add up, so two desks that counted one number at once, each correcting the sum by what it lacked, would correct it
/// twice. Each count therefore says, beside its number, how much of every author's changes it had seen, its own correction
/// included. As long as one count stands, the sum is right as it is. Where several stand that did not know of each other, the
/// field shows
///
///     the number of the count that is shown + the changes of each author that none of these counts had seen
///
/// which is the same on every node, does not double what two desks corrected, and keeps what came and went since.
public struct Counting: Sendable {
  /// What was counted last, for people; where two counted differently, they decide which stands.
  public let number: Field<Int64>
  public let at: Field<Instant>
  let seen: Field<[UInt8]>
  /// When a change was entered that came late.
  let changed: Field<Instant>

  public init(_ number: Field<Int64>, at: Field<Instant>, seen: Field<[UInt8]>, changed: Field<Instant>) {
    self.number = number
    self.at = at
    self.seen = seen
    self.changed = changed
  }

  /// What is written along with the number, and says nothing where it alone differs.
  /// Of these, what is in conflict nowhere: by the other, rows with several counts are found.
  var silent: [String] { [at, changed].map(\.schema.name) }
  var quiet: [String] { [at, changed].map(\.schema.name) + [seen.schema.name] }
}

/// What one count found, and of whose changes it knew.
struct Count: Hashable {
  struct Known: Hashable {
    /// The author's newest change that was known.
    var last: SequenceNumber
    /// Their sum.
    var total: Int64
  }

  var number: Int64
  var known: [AuthorNumber: Known]

  /// More authors than a ward's nodes have epochs in a disaster: a list that is longer is nobody's count.
  private static let authorLimit = 4_096

  init(number: Int64, known: [AuthorNumber: Known]) {
    self.number = number
    self.known = known
  }

  /// - Parameter bytes: number, how many authors, and of each its number, its newest change and the sum.
  init?(_ bytes: [UInt8]) {
    let read = try? bytes.decoding { raw throws(MalformedBytes) -> Count in
      var reader = ByteReader(raw)
      var count = Count(number: try reader.zigzag(), known: [:])
      for _ in 0..<(try reader.count(upTo: Self.authorLimit)) {
        let number = UInt32(truncatingIfNeeded: try reader.varint(upTo: UInt64(UInt32.max)))
        let known = Known(
          last: SequenceNumber(truncatingIfNeeded: try reader.varint()), total: try reader.zigzag())
        if let author = AuthorNumber(rawValue: number) { count.known[author] = known }
      }
      try reader.expectEnd()
      return count
    }
    guard let read else { return nil }
    self = read
  }

  var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.zigzag(number)
    writer.count(known.count)
    for (author, known) in known.sorted(by: { $0.key < $1.key }) {
      writer.varint(author.rawValue)
      writer.varint(UInt64(known.last))
      writer.zigzag(known.total)
    }
    return writer.bytes
  }

  /// What came and went that none of the counts had seen.
  static func changes(after counts: [Count], _ sum: ContributionCell?) -> Int64 {
    var known: [AuthorNumber: Known] = [:]
    for count in counts { known.merge(count.known) { $0.last < $1.last ? $1 : $0 } }
    var changes: Int64 = 0
    for contribution in sum?.contributions ?? [] {
      changes &+= contribution.total &- (known.removeValue(forKey: contribution.author)?.total ?? 0)
    }
    // What somebody had seen of an author of whom nothing is left here.
    return known.values.reduce(changes) { $0 &- $1.total }
  }
}

extension CounterField {
  /// What the field comes to where several counts stand that did not know of each other; nil where the sum is right as it is.
  ///
  /// - Parameter shown: what `seen` shows.
  func recounted(_ state: RowState, shown: Value) -> Int64? {
    guard let counting, let cell = state.register(counting.seen.number), !cell.others.isEmpty else { return nil }
    let counts = ([shown] + cell.others.map(\.value)).compactMap { [UInt8]($0).flatMap { Count($0) } }
    guard let winner = [UInt8](shown).flatMap({ Count($0) }), counts.count > 1 else { return nil }
    return winner.number &+ Count.changes(after: counts, state.contribution(number))
  }

  /// What the field comes to in the rows where that is not its column, by row id, as a JSON object: for `sql`.
  public func recounts(in records: Records, _ db: Database) throws -> String {
    guard let counting else { return "{}" }
    let rows = try RowValues.all(
      records, "WHERE id IN (SELECT row FROM conflicts WHERE collection = ?1 AND field = ?2)",
      [records.name, counting.seen.schema.name], db)
    let members = rows.compactMap { row in row.recounted(self).map { ("\(row.id)", JSON.integer($0)) } }
    return String(decoding: JSON.object(Dictionary(members) { $1 }).bytes, as: UTF8.self)
  }

  /// The field as SQL: never below nothing.
  ///
  /// - Parameters:
  ///   - table: the name by which the query has the table.
  ///   - recounts: the argument that is `recounts`.
  public func sql(in table: String, recounts: String) -> String {
    """
    max(0, coalesce((SELECT value FROM json_each(\(recounts)) WHERE key = CAST(\(table).id AS TEXT)), \(table).\(schema.name)))
    """
  }

  /// The edits of a change: how many more, or fewer.
  public func change(by amount: Int64, _ desk: Desk) -> [FieldEdit] {
    [increment(by: amount)] + [counting?.changed.set(desk.enteredAt)].compactMap(\.self)
  }

  /// The edits of a count, made when it was entered: what was changed after that is added to it.
  public func count(_ number: Int64, _ row: RowID, _ records: Records, _ desk: Desk) throws -> [FieldEdit] {
    guard let counting else { preconditionFailure("\(name) is not counted") }
    var later: [AuthorNumber: Count.Known] = [:]
    if desk.inquiry.isLate { later = try changes(after: desk.enteredAt, row, records, desk) }
    let since = later.values.reduce(0) { $0 &+ $1.total }
    return try count(number, since: since, unknown: later, row, records, desk) + [counting.at.set(desk.enteredAt)]
  }

  /// What each author changed after a time, with the first of these changes.
  private func changes(
    after time: Instant, _ row: RowID, _ records: Records, _ desk: Desk
  ) throws -> [AuthorNumber: Count.Known] {
    // Reading a history takes long: only where there is something to be found.
    let states = desk.replica.store.logNames.filter { $0.lane == records.lane }
    guard states.contains(where: { desk.replica.store.state(of: $0).past.time.milliseconds > time.milliseconds }) else {
      return [:]
    }
    let history = try desk.read { try desk.replica.historyReader.history(of: row, in: records.schema, $0) }
    var later: [AuthorNumber: Count.Known] = [:]
    for entry in history {
      guard case .edit(let edits) = entry.action else { continue }
      var (amount, at, isCount) = (Int64(0), entry.time.milliseconds, false)
      for edit in edits {
        switch edit.operation {
        case .increment(let part) where edit.field == number: amount &+= part
        case .set(.integer(let entered)) where edit.field == counting?.changed.number: at = entered
        case .set where edit.field == counting?.seen.number: isCount = true
        default: continue
        }
      }
      // A correction is no change: what was counted then is known, or is in conflict with this.
      guard amount != 0, !isCount, at > time.milliseconds else { continue }
      var known = later[entry.dot.author] ?? Count.Known(last: entry.dot.sequence - 1, total: 0)
      known.total &+= amount
      later[entry.dot.author] = known
    }
    return later
  }

  /// - Parameters:
  ///   - since: what came and went after the count.
  ///   - unknown: of it, each author's part, and its last change before.
  private func count(
    _ number: Int64, since: Int64, unknown: [AuthorNumber: Count.Known] = [:], _ row: RowID, _ records: Records,
    _ desk: Desk
  ) throws -> [FieldEdit] {
    guard let counting else { preconditionFailure("\(name) is not counted") }
    let state = try desk.replica.store.state(of: row, in: records.number) ?? RowState()
    let sum: Int64 = if case .integer(let sum) = state.shown(schema) { sum } else { 0 }
    let wanted = number &+ since
    let correction = wanted &- sum
    var known = (state.contribution(self.number)?.contributions ?? []).reduce(into: [AuthorNumber: Count.Known]()) {
      let part = unknown[$1.author]
      // Of its own changes the newest, since its correction comes after them all.
      let last = $1.author == desk.replica.author ? $1.last : part?.last ?? $1.last
      $0[$1.author] = Count.Known(last: last, total: $1.total &- (part?.total ?? 0))
    }
    var own = known[desk.replica.author] ?? Count.Known(last: 0, total: 0)
    // The correction is this author's next change at least.
    own.last += 1
    own.total &+= correction
    known[desk.replica.author] = own
    var edits = [
      counting.number.set(number),
      counting.seen.set(Count(number: unknown.isEmpty ? wanted : number, known: known).bytes),
    ]
    if correction != 0 { edits.append(increment(by: correction)) }
    return edits
  }

  /// The edits that let the count of a number stand, with what came and went since.
  func settle(_ number: Int64, _ row: RowID, _ records: Records, _ desk: Desk) throws -> [FieldEdit] {
    guard let counting, let values = try desk.read({ try RowValues.fetch(row, records, $0) }),
      let shown = values[counting.seen].flatMap({ Count($0) }), let now = values.recounted(self)
    else { return [] }
    return try count(number, since: now &- shown.number, row, records, desk)
  }
}
