import Causality
import ChangeModel
import Replica
import SignedLog
import Store

extension Gossip {
  /// The next frame for a link that can take one; nil when there is nothing to send now.
  ///
  /// First what keeps the session going, then change sets by lane.
  public func nextFrame(for link: LinkID, at now: Tick) throws(StoreError) -> [UInt8]? {
    guard sessions[link] != nil else { return nil }
    if let message = sessions[link]!.nextSign(at: now) { return encoded(message, for: link) }
    #if MUTANTS
      let isOpen = sessions[link]!.pace.isOpen || PlantedBug.floodsSlowLines.isPlanted
    #else
      let isOpen = sessions[link]!.pace.isOpen
    #endif
    guard isOpen else { return nil }
    guard let message = try nextMessage(for: link, at: now) else {
      sessions[link]!.pace.starve()
      return nil
    }
    let frame = encoded(message, for: link)
    sessions[link]!.pace.send(frame.count, bringing: message.brings, at: now)
    return frame
  }

  private func encoded(_ message: Message, for link: LinkID) -> [UInt8] {
    let frame = message.encoded()
    sessions[link]!.bytesOut += frame.count
    return frame
  }

  /// Whether `nextFrame` has something now.
  public func hasFrame(for link: LinkID, at now: Tick) -> Bool {
    guard let session = sessions[link] else { return false }
    if session.hasSign(at: now) { return true }
    guard session.pace.isOpen else { return false }
    return !session.outbox.isEmpty || !session.lanesToTell.isEmpty
      || (!session.headsToSend.isEmpty && now >= session.headsNotBefore)
      || !session.cursors.isEmpty
  }

  private func nextMessage(for link: LinkID, at now: Tick) throws(StoreError) -> Message? {
    if !sessions[link]!.outbox.isEmpty { return sessions[link]!.outbox.removeFirst() }
    if let lane = sessions[link]!.lanesToTell.min() { return allHeads(of: lane, for: link) }
    if let heads = nextHeads(for: link, at: now) { return heads }
    for lane in Lane.allCases {
      while let log = nextLog(lane, link) {
        if let message = try nextPiece(of: log, for: link, at: now) { return message }
      }
    }
    return nil
  }

  /// Every head of a lane, in as many messages as it takes.
  private func allHeads(of lane: Lane, for link: LinkID) -> Message {
    sessions[link]!.lanesToTell.remove(lane)
    let reports = replica.frontier(lane).map { head(of: LogName(lane, $0.author)) }
    let limit = sessions[link]!.headLimit
    for start in stride(from: limit, to: reports.count, by: limit) {
      post(.heads(lane, Array(reports[start..<min(start + limit, reports.count)])), to: link)
    }
    return .heads(lane, Array(reports.prefix(limit)))
  }

  private func nextHeads(for link: LinkID, at now: Tick) -> Message? {
    guard let first = sessions[link]!.headsToSend.min(), now >= sessions[link]!.headsNotBefore else { return nil }
    let logs = sessions[link]!.headsToSend.filter { $0.lane == first.lane }.sorted().prefix(sessions[link]!.headLimit)
    sessions[link]!.headsToSend.subtract(logs)
    if sessions[link]!.headsToSend.isEmpty {
      let pause = sessions[link]!.pace.isNarrow ? Timing.narrowHeads : Timing.heads
      sessions[link]!.headsNotBefore = now.advanced(byMilliseconds: pause)
    }
    return .heads(first.lane, logs.map(head))
  }

  /// The log to send from: the one whose change set is half sent, else the next in turn.
  private func nextLog(_ lane: Lane, _ link: LinkID) -> LogName? {
    let session = sessions[link]!
    let waiting = session.cursors.keys.filter { $0.lane == lane }
    guard let current = session.current[lane] else { return waiting.min() }
    if let cursor = session.cursors[current], cursor.offset > 0 { return current }
    return waiting.filter { $0 > current }.min() ?? waiting.min()
  }

  /// As many whole change sets as a frame takes, or a part of one; nil when the peer has all of the log.
  private func nextPiece(of log: LogName, for link: LinkID, at now: Tick) throws(StoreError) -> Message? {
    let session = sessions[link]!
    let cursor = session.cursors[log]!
    let head = replica.store.logged(log)
    guard cursor.next <= head else {
      sessions[link]!.cursors[log] = nil
      return nil
    }
    let frameBytes = session.pace.frameBytes
    let entries = try replica.store.entries(log, from: cursor.next, byteLimit: frameBytes)
    guard let first = entries.first else {
      sessions[link]!.cursors[log] = nil
      return nil
    }
    let message: Message
    let next: PeerSession.Cursor
    if cursor.offset > 0 || first.count > frameBytes {
      let offset = cursor.offset < first.count ? cursor.offset : 0
      let part = Array(first[offset..<min(offset + frameBytes, first.count)])
      let end = offset + part.count
      next = end == first.count ? .init(next: cursor.next + 1, offset: 0) : .init(next: cursor.next, offset: end)
      message = .fragment(log, cursor.next, offset: offset, total: first.count, part)
    } else {
      next = .init(next: cursor.next + SequenceNumber(entries.count), offset: 0)
      message = .run(Run(log, first: cursor.next, entries: entries))
    }
    let bytes = min(entries.reduce(0) { $0 + $1.count }, frameBytes)
    guard sessions[link]!.maySend(log, from: cursor, to: next, bytes: bytes, at: now) else {
      sessions[link]!.cursors[log] = nil
      return nil
    }
    sessions[link]!.current[log.lane] = log
    sessions[link]!.promises(log, next.next - 1)
    sessions[link]!.cursors[log] = next.next > head ? nil : next
    return message
  }
}

extension Message {
  /// What a peer keeps that has this frame, besides what it had before; nil when that is nothing whole.
  fileprivate var brings: (log: LogName, sequence: SequenceNumber)? {
    switch self {
    case .run(let run): (run.log, run.first + SequenceNumber(run.entries.count) - 1)
    case .fragment(let log, let sequence, let offset, let total, let bytes) where offset + bytes.count == total:
      (log, sequence)
    default: nil
    }
  }
}
