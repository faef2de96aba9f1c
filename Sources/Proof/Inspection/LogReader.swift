import Causality
import ChangeModel
import Federation
import SignedLog
import Store

/// One change set, decoded as far as keys and bytes allow.
public struct ReadChangeSet {
  public var log: LogName
  public var sequence: SequenceNumber
  public var bytes: Int
  /// Nil when the header cannot be read: see `fault`.
  public var header: ChangeSetHeader?
  public var sections: [Section] = []
  /// Why it, or part of it, could not be read.
  public var fault: Fault?

  /// One byte was put back to what its author signed.
  public var isCorrected = false

  public var dot: Dot { Dot(log.author, sequence) }

  /// Its bytes, or those of one before it, may not be what the author signed.
  var isSuspect: Bool {
    if case .malformed? = fault { return true }
    return sections.contains { section in
      switch section.content {
      case .edits: false
      case .malformed: true
      case .sealed(let keyIsHere): keyIsHere
      }
    }
  }

  public struct Section {
    public var key: AudienceKeyID
    public var bytes: Int
    public var content: Content
  }

  public enum Content {
    case edits([RowEdit])
    /// Sealed for an audience whose key is not here, or the author's key is not known. With the key here, it or
    /// something before it is damaged.
    case sealed(keyIsHere: Bool)
    case malformed(MalformedBytes)
  }

  public enum Fault: Hashable {
    /// What comes before it is not here: it is read against that.
    case afterGap(missingFrom: SequenceNumber)
    case malformed(MalformedBytes)
    /// Nobody's certificate says which key signs for this author.
    case strangerKey
  }

  /// All row edits that could be read.
  public var edits: [RowEdit] {
    sections.flatMap { section -> [RowEdit] in if case .edits(let edits) = section.content { edits } else { [] } }
  }
}

/// Walks a log from its beginning: each change set is read against the one before it.
public struct LogReader {
  let evidence: Evidence

  public init(_ evidence: Evidence) { self.evidence = evidence }

  /// The change sets of a log that are here, oldest first; `body` gets what the author had told by then, this change set
  /// included, and says whether to go on.
  ///
  /// - Parameters:
  ///   - first: those before are walked but not decoded.
  ///   - decodes: whether the sections are wanted, too.
  public func forEach(
    _ log: LogName, from first: SequenceNumber = 1, through last: SequenceNumber = sequenceLimit, decodes: Bool = true,
    _ body: (ReadChangeSet, AuthorPast) throws -> Bool
  ) throws {
    var walk = Walk(log: log, papers: evidence.papers)
    guard let start = try evidence.extent(of: log)?.first else { return }
    if start > 1, let base = evidence.base {
      try base.entries(log, through: start - 1) { sequence, bytes in
        _ = walk.next(sequence, bytes, decodes: false)
        return true
      }
    }
    var corrections: [SequenceNumber: [UInt8]]?
    var broken: SequenceNumber?
    try evidence.entries(log, through: last) { sequence, found in
      let wanted = decodes && sequence >= first
      var changeSet = walk.next(sequence, corrections?[sequence] ?? found, decodes: wanted)
      // It, or one before it, is not as it was signed: go on with what was, if one byte is all that is wrong.
      if changeSet.isSuspect, corrections == nil {
        let check = try evidence.checkChain(log)
        corrections = check?.corrections.mapValues(\.bytes) ?? [:]
        broken = check?.bad?.sequence
        if !corrections!.isEmpty {
          walk = try rewalked(log, through: sequence - 1, corrections!)
          changeSet = walk.next(sequence, corrections![sequence] ?? found, decodes: wanted)
        }
      }
      changeSet.isCorrected = corrections?[sequence] != nil
      // What follows one that is not as it was signed would be read against the wrong past.
      if let broken, sequence >= broken { walk.breakOff(at: broken) }
      return sequence < first ? true : try body(changeSet, walk.past)
    }
  }

  /// The walk again up to `last`, with the right bytes.
  private func rewalked(
    _ log: LogName, through last: SequenceNumber, _ corrections: [SequenceNumber: [UInt8]]
  ) throws -> Walk {
    var walk = Walk(log: log, papers: evidence.papers)
    if let start = try evidence.extent(of: log)?.first, start > 1, let base = evidence.base {
      try base.entries(log, through: start - 1) { sequence, bytes in
        _ = walk.next(sequence, bytes, decodes: false)
        return true
      }
    }
    try evidence.entries(log, through: last) { sequence, bytes in
      _ = walk.next(sequence, corrections[sequence] ?? bytes, decodes: false)
      return true
    }
    return walk
  }

  /// Every change set of a lane, log by log.
  public func forEach(in lane: Lane, _ body: (ReadChangeSet, AuthorPast) throws -> Void) throws {
    for log in try evidence.logNames(lane) {
      try forEach(log) {
        try body($0, $1)
        return true
      }
    }
  }
}

/// Reads what comes to the logs from one look to the next, without walking them anew each time.
public final class LogFollower {
  private var walks: [LogName: Walk] = [:]

  public init() {}

  /// Takes everything that is new since the last call, log by log.
  public func advance(_ evidence: Evidence, _ body: (ReadChangeSet, AuthorPast) throws -> Void) throws {
    for log in try evidence.logNames() {
      var walk = walks[log] ?? Walk(log: log, papers: evidence.papers)
      if !walk.knowsKey { walk = Walk(log: log, papers: evidence.papers, continuing: walk) }
      try evidence.entries(log, from: walk.past.sequence + 1) { sequence, bytes in
        try body(walk.next(sequence, bytes, decodes: true), walk.past)
        return true
      }
      walks[log] = walk
    }
  }
}

/// Where a walk along a log stands.
private struct Walk {
  let log: LogName
  let papers: Papers
  var past: AuthorPast
  private var head = LogHead()
  private let context: LogContext?
  private var gap: SequenceNumber?

  init(log: LogName, papers: Papers) {
    self.log = log
    self.papers = papers
    past = AuthorPast(author: log.author, lane: log.lane)
    context = papers.context(log)
  }

  /// With papers that may know more than those of the walk before.
  init(log: LogName, papers: Papers, continuing before: Walk) {
    self.init(log: log, papers: papers)
    past = before.past
    head = before.head
    gap = before.gap
  }

  var knowsKey: Bool { context != nil }

  mutating func breakOff(at sequence: SequenceNumber) { if gap == nil { gap = sequence } }

  mutating func next(_ sequence: SequenceNumber, _ bytes: [UInt8], decodes: Bool) -> ReadChangeSet {
    var changeSet = ReadChangeSet(log: log, sequence: sequence, bytes: bytes.count)
    if sequence != past.sequence + 1, gap == nil { gap = past.sequence + 1 }
    if let gap {
      changeSet.fault = .afterGap(missingFrom: gap)
      return changeSet
    }
    let entry = context.flatMap { RunVerifier($0).reading(bytes, after: head) }
    defer { head = entry?.head ?? LogHead(sequence: sequence) }
    let layout: ChangeSetLayout
    do throws(MalformedBytes) {
      layout = try bytes.decoding { raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) }
    } catch {
      past.sequence += 1
      changeSet.fault = .malformed(error)
      return changeSet
    }
    past.advance(by: layout.header)
    changeSet.header = layout.header
    guard decodes else { return changeSet }
    if context == nil { changeSet.fault = .strangerKey }
    for index in layout.sections.indices {
      changeSet.sections.append(read(index, of: layout, entry, bytes))
    }
    return changeSet
  }

  private func read(
    _ index: Int, of layout: ChangeSetLayout, _ entry: VerifiedEntry?, _ bytes: [UInt8]
  ) -> ReadChangeSet.Section {
    let sealed = layout.sections[index]
    var section = ReadChangeSet.Section(key: sealed.key, bytes: sealed.range.count, content: .sealed(keyIsHere: false))
    let content: [UInt8]?
    if sealed.key == 0 {
      content = Array(bytes[sealed.range])
    } else if let entry, let context, let secret = papers.secret(sealed.key) {
      content = entry.open(index, of: layout, with: secret, in: context)
    } else {
      content = nil
    }
    guard let content else {
      section.content = .sealed(keyIsHere: context != nil && papers.secret(sealed.key) != nil)
      return section
    }
    do throws(MalformedBytes) {
      section.content = .edits(
        try content.decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: log.author) })
    } catch { section.content = .malformed(error) }
    return section
  }
}

extension Evidence {
  /// The logs of which anything is known here, sorted.
  public func logNames(_ lane: Lane? = nil) throws -> [LogName] {
    try logStates().keys.filter { lane == nil || $0.lane == lane }.sorted()
  }
}
