import Causality
import ChangeModel
import Federation
import SignedLog
import Sodium
import Store

/// Consecutive change sets of one log, as they came.
public struct Run: Hashable, Sendable {
  public var log: LogName
  public var first: SequenceNumber
  public var entries: [[UInt8]]

  public init(_ log: LogName, first: SequenceNumber, entries: [[UInt8]]) {
    self.log = log
    self.first = first
    self.entries = entries
  }

  /// Of the change sets alone.
  public var byteCount: Int { entries.reduce(0) { $0 + $1.count } }
}

extension SignaturesAhead {
  /// Checks a run before it is received.
  public func check(_ run: Run) { check(run.log, from: run.first, run.entries) }
}

/// Why a run, or the rest of one, was not taken.
public enum RunRefusal: Hashable, Sendable, CustomStringConvertible {
  /// No certificate of a ward's authority is known for this author.
  case stranger(AuthorNumber)
  /// Earlier change sets of this log are missing: from this number on.
  case gap(SequenceNumber)
  case chain(ChainRefusal, at: SequenceNumber)
  /// Another branch of the log, which parts from ours before this number.
  case branch(before: SequenceNumber)
  /// Another branch of the log, which parts from ours here; that is proven and published.
  case fork(at: SequenceNumber)

  public var description: String {
    switch self {
    case .stranger(let author): "nobody vouches for \(author)"
    case .gap(let sequence): "what comes before is missing, from #\(sequence) on"
    case .chain(let refusal, let sequence): "#\(sequence) does not hold: \(refusal)"
    case .branch(let sequence): "another branch of the log, which parts before #\(sequence)"
    case .fork(let sequence): "the log forks at #\(sequence)"
    }
  }
}

/// What became of a run.
public struct RunOutcome: Hashable, Sendable {
  /// Change sets that are new here and are kept now.
  public var taken = 0
  /// Those that were here before.
  public var known = 0
  public var refusal: RunRefusal?
  /// What was not looked at, since somebody waited.
  public var rest: Run?

  public init() {}
}

extension Replica {
  /// Takes change sets from elsewhere, as far as they hold: verified, logged, and merged as soon as what they follow
  /// is here. Within `batch` only.
  ///
  /// - Parameters:
  ///   - source: who or what brought them, for the note about anything refused.
  ///   - isWanted: whether somebody waits for the writer: then no more is taken than was begun, the rest is handed back, and of
  ///     what waited for this run some may be left (`mustGoOn`).
  public func receive(
    _ run: Run, from source: String, at now: Instant, until isWanted: (() -> Bool)? = nil
  ) throws(StoreError) -> RunOutcome {
    var outcome = RunOutcome()
    try giveWay(to: run, at: now)
    let state = store.state(of: run.log)
    guard run.first >= 1, run.first <= state.logged.sequence + 1 else {
      Probe.runOutOfOrder.hit()
      outcome.refusal = .gap(state.logged.sequence + 1)
      return outcome
    }
    outcome.known = min(Int(state.logged.sequence + 1 - run.first), run.entries.count)
    if let refusal = try parting(of: run, known: outcome.known, source, at: now) {
      outcome.refusal = refusal
      return outcome
    }
    let valid = Int(min(Int64(membership.lastValid(run.log) ?? sequenceLimit), Int64(sequenceLimit)))
    let new = Array(run.entries.dropFirst(outcome.known).prefix(max(0, valid - Int(state.logged.sequence))))
    guard !new.isEmpty else { return outcome }
    guard
      let key = membership.key(of: run.log.author)
        ?? introducedKey(run.log, new[0], sequence: state.logged.sequence + 1)
    else {
      outcome.refusal = .stranger(run.log.author)
      try note(run.log, state.logged.sequence + 1, source, "stranger", at: now)
      return outcome
    }
    let context = context(run.log, key: key)
    var left = new[...]
    while !left.isEmpty {
      let part = left.prefix(isWanted == nil ? left.count : Self.partOfRun)
      let (taken, refusal) = try take(part, in: context, at: now, until: isWanted)
      outcome.taken += taken
      left.removeFirst(taken)
      if let refusal {
        let sequence = store.state(of: run.log).logged.sequence + 1
        outcome.refusal = .chain(refusal, at: sequence)
        #if MUTANTS
          if PlantedBug.ignoresForks.isPlanted { return outcome }
        #endif
        try note(run.log, sequence, source, "\(refusal)", at: now)
        return outcome
      }
      if !left.isEmpty, isWanted?() == true {
        outcome.rest = Run(
          run.log, first: run.first + UInt32(outcome.known + outcome.taken),
          entries: Array(run.entries.dropFirst(outcome.known + outcome.taken)))
        return outcome
      }
    }
    return outcome
  }

  /// Change sets after which a run can be left, for whoever waits: of the usual hundred rows each, a few milliseconds.
  private static let partOfRun = 4

  /// Verifies, logs and merges what follows a log's head.
  ///
  /// - Returns: how many were taken, and why no more.
  private func take(
    _ new: ArraySlice<[UInt8]>, in context: LogContext, at now: Instant, until isWanted: (() -> Bool)?
  ) throws(StoreError) -> (Int, ChainRefusal?) {
    let (log, state) = (context.log, store.state(of: context.log))
    let (entries, refusal) = RunVerifier(context, ahead: ahead).verify(new, after: state.logged)
    guard let last = entries.last else { return (0, refusal) }
    for entry in entries { try store.append(entry) }
    ahead?.keep(context, to: last.head)
    // This very author wrote what this node did not have: it was restored from an older copy.
    if log.author == author { try reopen(above: author) }
    effects.logs.insert(log)
    if membership.choices[log] != nil, undecided(log) == nil {
      // It has come as far as a revocation names: whether by the true branch is seen before any of it is merged.
      limitsChangedAt = now
    } else if state.waiting == 0 {
      try mergeFresh(entries, in: context, at: now, until: isWanted)
    }
    try learnFromWaiting(log, in: context, at: now)
    return (entries.count, refusal)
  }

  /// The key of an author that nobody knows yet but that brings its own certificate, in the first change set of its
  /// control log: how a newcomer makes itself known to a ward that is cut off from everybody else.
  func introducedKey(_ log: LogName, _ first: [UInt8], sequence: SequenceNumber) -> PublicKey? {
    guard log.lane == .control, sequence == 1 else { return nil }
    let past = AuthorPast(author: log.author, lane: log.lane)
    guard let layout = try? first.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) })
    else {
      return nil
    }
    for section in layout.sections where section.key == 0 {
      let content = Array(first[section.range])
      guard
        let edits = try? content.decoding({ raw throws(MalformedBytes) in
          try SectionCodec.decode(raw, by: log.author)
        })
      else { continue }
      // Its authority may be one that nobody here has heard of, which the amendments beside it make.
      var federation = membership.identity
      for case .amendments(let bytes) in ControlSchema.facts(in: edits) {
        if let chain = AmendmentChain(bytes), let amended = try? federation.amended(by: chain) { federation = amended }
      }
      for bytes in ControlSchema.certificates(in: edits) {
        if let certificate = try? NodeCertificate(bytes, in: federation), certificate.node == log.author.node,
          certificate.stands(in: federation)
        {
          Probe.newcomerIntroduced.hit()
          return certificate.key
        }
      }
    }
    return nil
  }

  private func reopen(above known: AuthorNumber) throws(StoreError) {
    do { try openEpoch(above: known) } catch {
      if case .store(let error) = error { throw error }
      // Out of epochs: from now on this author writes nothing, since its log holds what it did not write here.
    }
  }

  func note(
    _ log: LogName, _ sequence: SequenceNumber, _ source: String, _ reason: String, at now: Instant
  ) throws(StoreError) {
    // A walk that makes tables anew finds again what was noted at first.
    guard case .all = scope else { return }
    effects.setAside += 1
    try store.quarantine(log, sequence, source: source, reason: reason, at: now)
  }
}
