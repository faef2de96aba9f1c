import Causality
import ChangeModel
import Replica
import SignedLog
import Store

/// Why a link must be closed.
public enum LinkFault: Error, Hashable, Sendable {
  case malformed(MalformedBytes)
  /// The peer is of another federation, or is not who the transport proved it to be.
  case wrongFederation
  case wrongNode
  /// It spoke before saying hello.
  case noHello
}

/// What a batch of frames did.
public struct GossipOutcome: Sendable {
  public var effects = ReplicaEffects()
  /// Links to close, and why.
  public var faults: [LinkID: LinkFault] = [:]
}

extension Gossip {
  /// Takes frames from any links, in the order of their arrival, in one transaction.
  ///
  /// - Throws: when the disk fails; nothing of the batch is kept then, and peers still have it.
  public func receive(_ frames: [(link: LinkID, bytes: [UInt8])], at now: Instant) throws(ReplicaError) -> GossipOutcome
  {
    var outcome = GossipOutcome()
    var lost: AuthorNumber?
    outcome.effects = try replica.batch(at: now) {
      for (link, bytes) in frames where sessions[link] != nil && outcome.faults[link] == nil {
        sessions[link]!.bytesIn += bytes.count
        sessions[link]!.lastHeard = now
        sessions[link]!.pingSent = nil
        do throws(MalformedBytes) {
          let message = try bytes.decoding { raw throws(MalformedBytes) in try Message(raw) }
          if let fault = try handleOrFail(message, from: link, at: now, lost: &lost) { outcome.faults[link] = fault }
        } catch {
          outcome.faults[link] = .malformed(error)
        }
        if let failure = storeFailure.take() { throw failure }
      }
    }
    if let lost { try replica.openEpoch(above: lost) }
    grew(outcome.effects.logs, at: now)
    askForMissing(at: now)
    return outcome
  }

  /// Handles a message; a failure of the disk is kept for the caller, who ends the transaction.
  private func handleOrFail(
    _ message: Message, from link: LinkID, at now: Instant, lost: inout AuthorNumber?
  ) throws(MalformedBytes) -> LinkFault? {
    do throws(StoreError) { return try handle(message, from: link, at: now, lost: &lost) } catch {
      storeFailure = error
      return nil
    }
  }

  private func handle(
    _ message: Message, from link: LinkID, at now: Instant, lost: inout AuthorNumber?
  ) throws(StoreError) -> LinkFault? {
    if case .hello(let federation, let author) = message {
      guard federation == replica.federation else { return .wrongFederation }
      guard author.node == sessions[link]!.peer else { return .wrongNode }
      sessions[link]!.hasHello = true
      post(.summary(summaries()), to: link)
      sessions[link]!.nextSummary = now.advanced(byMilliseconds: Timing.summary)
      return nil
    }
    guard sessions[link]!.hasHello else { return .noHello }
    switch message {
    case .hello: break
    case .summary(let hashes): compare(hashes, with: link)
    case .heads(_, _, let reports):
      for report in reports { try learn(report, from: link, at: now, lost: &lost) }
    case .ask(let log, let first, let offset):
      guard first <= replica.store.state(of: log).logged.sequence else { break }
      sessions[link]!.cursors[log] = PeerSession.Cursor(next: first, offset: offset)
      sessions[link]!.theirs[log] = first - 1
    case .run(let run): try take(run, from: link, at: now)
    case .fragment(let log, let sequence, let offset, let total, let bytes):
      try take(log, sequence, offset: offset, total: total, bytes, from: link, at: now)
    case .ping(let nonce): post(.pong(nonce), to: link)
    case .pong(let nonce):
      sessions[link]!.roundTrip = max(0, now.milliseconds - Int64(truncatingIfNeeded: nonce))
    }
    return nil
  }

  private func compare(_ hashes: [UInt64], with link: LinkID) {
    for (lane, (ours, theirs)) in zip(Lane.allCases, zip(summaries(), hashes)) {
      let heads = replica.frontier(lane)
      if ours == theirs {
        for (author, head) in heads { sessions[link]!.theirs[LogName(lane, author)] = head.sequence }
      } else {
        let reports = heads.map { head(of: LogName(lane, $0.author)) }
        post(.heads(lane, complete: true, reports), to: link)
      }
    }
  }

  private func learn(_ report: HeadReport, from link: LinkID, at now: Instant, lost: inout AuthorNumber?)
    throws(StoreError)
  {
    let log = report.log
    let ours = replica.store.state(of: log).logged
    let before = sessions[link]!.theirs[log] ?? 0
    sessions[link]!.theirs[log] = max(before, report.sequence)
    if report.sequence == ours.sequence, report.hash != ours.hash.prefix, report.sequence > 0 {
      if forked.insert(log).inserted {
        try replica.store.quarantine(log, report.sequence, source: "\(sessions[link]!.peer)", reason: "fork", at: now)
      }
      return
    }
    if log.author.node == replica.author.node, report.sequence > ours.sequence, log.author.epoch >= replica.author.epoch
    {
      lost = max(lost ?? log.author, log.author)
    }
    // The peer's author of its own log sends it unasked.
    if report.sequence > ours.sequence, asked[log] == nil, isLinked(log.author), sessions[link]!.peer != log.author.node
    {
      expected[log] = expected[log] ?? now.advanced(byMilliseconds: Timing.expectation)
    }
  }

  private func isLinked(_ author: AuthorNumber) -> Bool {
    sessions.values.contains { $0.peer == author.node && $0.hasHello }
  }

  private func take(_ run: Run, from link: LinkID, at now: Instant) throws(StoreError) {
    let log = run.log
    sessions[link]!.lastData = now
    let last = run.first + SequenceNumber(run.entries.count) - 1
    guard !run.entries.isEmpty, !forked.contains(log) else { return }
    let outcome = try replica.receive(run, from: "\(sessions[link]!.peer)", at: now)
    expected[log] = nil
    partials[log] = nil
    if outcome.refusal == nil {
      sessions[link]!.theirs[log] = max(sessions[link]!.theirs[log] ?? 0, last)
      // The peer learns in its next heads what is kept here now.
      if outcome.taken > 0 { sessions[link]!.headsToSend.insert(log) }
    } else if case .gap? = outcome.refusal {
      // An unasked piece after something that is missing here: ask from where the log ends.
      sessions[link]!.theirs[log] = max(sessions[link]!.theirs[log] ?? 0, last)
      if asked[log] == link { asked[log] = nil }
    } else {
      sessions[link]!.refused.insert(log)
    }
    if asked[log] == link,
      outcome.refusal != nil || replica.store.state(of: log).logged.sequence >= sessions[link]!.theirs[log]!
    {
      asked[log] = nil
    }
  }

  private func take(
    _ log: LogName, _ sequence: SequenceNumber, offset: Int, total: Int, _ bytes: [UInt8], from link: LinkID,
    at now: Instant
  ) throws(StoreError) {
    sessions[link]!.lastData = now
    expected[log] = nil
    guard sequence == replica.store.state(of: log).logged.sequence + 1 else { return }
    var partial = partials[log] ?? Partial(sequence: sequence, total: total, bytes: [])
    if partial.sequence != sequence || partial.total != total || partial.bytes.count != offset {
      // Another beginning: only one that starts at 0 can be used.
      guard offset == 0 else { return }
      partial = Partial(sequence: sequence, total: total, bytes: [])
    }
    partial.bytes += bytes
    guard partial.bytes.count == total else {
      if partials[log] == nil, partials.count >= Self.partialLimit, let oldest = partials.keys.max() {
        partials[oldest] = nil
      }
      partials[log] = partial
      return
    }
    try take(Run(log, first: sequence, entries: [partial.bytes]), from: link, at: now)
  }

  /// Asks for every log that some peer has more of, each of one peer only.
  func askForMissing(at now: Instant) {
    for link in links where sessions[link]!.hasHello {
      for (log, theirs) in sessions[link]!.theirs.sorted(by: { $0.key < $1.key }) {
        let ours = replica.store.state(of: log).logged.sequence
        guard theirs > ours, asked[log] == nil, expected[log] == nil, !forked.contains(log),
          !sessions[link]!.refused.contains(log)
        else { continue }
        asked[log] = link
        sessions[link]!.lastData = now
        let partial = partials[log].flatMap { $0.sequence == ours + 1 ? $0.bytes.count : nil }
        post(.ask(log, from: ours + 1, offset: partial ?? 0), to: link)
      }
    }
  }
}
