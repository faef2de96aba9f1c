import Causality
import ChangeModel
import Gossip
import Replica
import SignedLog

extension World {
  // MARK: Carrying

  /// Sends what a node's links can take, and sees when it wants to be called next.
  func wake(_ node: SimulatedNode) {
    guard node.isUp, let gossip = node.gossip else { return }
    for link in node.links.keys.sorted() {
      guard let session = node.links[link].flatMap({ sessions[$0] }) else { continue }
      pump(session.id, session.end(of: node.index))
    }
    checkNode(node)
    guard let due = gossip.nextDeadline else { return }
    let moment = max(due.milliseconds * 1_000, now + 10_000)
    if let planned = node.tickAt, planned <= moment { return }
    node.tickAt = moment
    schedule(.tick(node: node.index, life: node.life), at: moment)
  }

  func tick(_ index: Int, _ life: Int) {
    let node = nodes[index]
    guard node.isUp, node.life == life, let gossip = node.gossip, node.tickAt == now else { return }
    node.tickAt = nil
    for link in gossip.tick(at: steady) { decide(node, .ended(link, .silent)) }
    wake(node)
  }

  /// Bytes that a frame costs besides its own: length, TLS, TCP and IP.
  private static let frameOverhead = 30
  /// As many frames as come in one read.
  private static let burst = 64

  /// Sends all frames that gossip gives: a road buffers without end, as deep modems and sockets do, and what lies there too
  /// long is gossip's own fault.
  func pump(_ id: Int, _ end: Int) {
    while pumpOnce(id, end) {}
  }

  private func pumpOnce(_ id: Int, _ end: Int) -> Bool {
    guard var session = sessions[id], session.isOpen(end) else { return false }
    let node = nodes[session.ends[end]]
    guard node.isUp, node.life == session.lives[end], let gossip = node.gossip else { return false }
    var frames: [[UInt8]] = []
    var bytes = 0
    do {
      // On a slow road each frame is read by itself.
      let limit = roads[session.road].rate >= 10_000_000 ? Self.burst : 1
      while frames.count < limit, let frame = try gossip.nextFrame(for: session.link, at: steady) {
        frames.append(frame)
        bytes += frame.count + Self.frameOverhead
      }
    } catch {
      diskFailed(node, error)
      return false
    }
    guard !frames.isEmpty else { return false }
    session.busyUntil[end] =
      max(session.busyUntil[end], now) + Moment(bytes) * 8_000_000 / Moment(max(roads[session.road].rate, 1))
    sessions[id] = session
    judgeQueue(session, end)
    carry(frames, bytes, id, end)
    return true
  }

  /// So much of a road's time may lie on it, but for a while after it slowed down: what is urgent waits for that.
  private static let longestQueue: Moment = 60_000_000
  private static let learning: Moment = 600_000_000

  private func judgeQueue(_ session: Session, _ end: Int) {
    let queue = session.busyUntil[end] - now
    guard queue > Self.longestQueue, now - roads[session.road].rateSince > Self.learning
    else { return }
    violate(
      .invariant, "\(queue / 1_000_000) s of \(describe(session.road).en) lie on it from \(name(session.ends[end]))")
  }

  private func carry(_ frames: [[UInt8]], _ bytes: Int, _ id: Int, _ end: Int) {
    var session = sessions[id]!
    roads[session.road].bytes += bytes
    roads[session.road].frames += frames.count
    let road = roads[session.road]
    counts.bytes += bytes
    counts.frames += frames.count
    if session.isBroken || road.mute == session.ends[end] { return }
    var arrival = session.busyUntil[end] + road.latency
    // A packet that was lost is sent again by the transport: late, and all after it too.
    var timeout = max(200_000, 2 * road.latency)
    while random.chance(road.loss) {
      arrival += timeout
      timeout = min(timeout * 2, 60_000_000)
    }
    if road.weather == .fair {
      arrival = max(arrival, session.lastArrival[end])
      session.lastArrival[end] = arrival
      sessions[id] = session
      schedule(.arrive(session: id, end: 1 - end, frames: frames), at: arrival)
      return
    }
    let weather = road.weather
    session.isUnruly = true
    for frame in frames {
      if random.chance(weather.loss) {
        counts.lost += 1
        continue
      }
      var at = arrival
      if random.chance(weather.late) {
        at += Moment(random.tail(from: 20, to: Double(max(weather.lateMilliseconds, 20))) * 1_000)
      }
      if random.chance(weather.reorder) {
        at += random.moment(0...2_000_000)
        counts.reordered += 1
      } else {
        at = max(at, session.lastArrival[end])
        session.lastArrival[end] = at
      }
      schedule(.arrive(session: id, end: 1 - end, frames: [frame]), at: at)
      if random.chance(weather.duplicate) {
        counts.duplicated += 1
        schedule(.arrive(session: id, end: 1 - end, frames: [frame]), at: at + random.moment(0...3_000_000))
      }
    }
    sessions[id] = session
  }

  /// What a frame that brings nothing new costs an old laptop.
  private static let frameMicroseconds: Int64 = 50

  func arrive(_ id: Int, _ end: Int, _ frames: [[UInt8]]) {
    guard let session = sessions[id], session.isOpen(end), !session.isBroken else { return }
    let node = nodes[session.ends[end]]
    guard node.isUp, node.life == session.lives[end], let gossip = node.gossip else { return }
    trace.note(now, 2, node.index, session.ends[1 - end], frames.count)
    for frame in frames { trace.note(frame) }
    count(frames, at: node.index, from: session.ends[1 - end], road: session.road)
    do {
      let wall = node.wallClock(at: now)
      // Somebody waits for the writer now and then, and is let in between.
      let isWanted = { self.random.chance(0.1) }
      var outcome = try gossip.receive(
        frames.map { (session.link, $0) }, at: steady, wall: wall, until: isWanted)
      while !outcome.rest.isEmpty || node.replica?.mustGoOn == true {
        let next = try gossip.goOn(with: outcome.rest, at: steady, wall: wall, until: isWanted)
        outcome.add(next)
      }
      counts.merged += outcome.effects.merged
      noteOwn(node)
      checkRow(of: outcome.effects, at: node)
      if outcome.effects.merged == 0 {
        decide(node, .wasted(session.link, microseconds: Self.frameMicroseconds * Int64(frames.count)))
      }
      counts.faults += outcome.faults.count
      for (link, fault) in outcome.faults.sorted(by: { $0.key < $1.key }) {
        let isOfRoad = fault == .noHello && node.links[link].flatMap { sessions[$0]?.isUnruly } ?? false
        decide(node, isOfRoad ? .ended(link, .fault(fault)) : .faulted(link, fault))
      }
      watchKeys(of: node, after: outcome.effects)
    } catch {
      diskFailed(node, error)
      decide(node, .ended(session.link, .disk))
      return
    }
    wake(node)
  }

  private func count(_ frames: [[UInt8]], at node: Int, from sender: Int, road: Int) {
    func note(_ log: LogName, _ sequence: SequenceNumber) {
      let depth = (arrivals[sender]?[log]?[sequence]?.depth ?? 0) + 1
      arrivals[node, default: [:]][log, default: [:]][sequence, default: Arrival(count: 0, depth: depth, at: now)]
        .count += 1
    }
    for frame in frames {
      guard let message = try? frame.decoding({ raw throws(MalformedBytes) in try Message(raw) }) else { continue }
      switch message {
      case .run(let run):
        roads[road].changeSets += run.entries.count
        for offset in 0..<run.entries.count { note(run.log, run.first + SequenceNumber(offset)) }
      case .fragment(let log, let sequence, let offset, let total, let bytes) where offset + bytes.count == total:
        roads[road].changeSets += 1
        note(log, sequence)
      default: break
      }
    }
  }

  // MARK: Couriers

  func sendBundle(from: Int, to: Int, lasting: Moment, isLost: Bool) {
    guard nodes[from].isUp, let replica = nodes[from].replica else { return }
    var bytes: [UInt8] = []
    do {
      _ = try replica.exportBundle(
        for: nodes[to].identity.certificate.node, at: nodes[from].wallClock(at: now)
      ) { bytes += $0 }
    } catch {
      diskFailed(nodes[from], error)
      return
    }
    counts.bundles += 1
    counts.bundleBytes += bytes.count
    say(
      "\(name(from))から\(name(to))へカード（\(bytes.count) バイト）が出発\(isLost ? "、途中で失われる" : "")",
      "a card with \(bytes.count) bytes leaves \(name(from)) for \(name(to))\(isLost ? ", and is lost" : "")")
    if !isLost { schedule(.bundle(to: to, bytes: bytes), after: lasting) }
  }

  func takeBundle(_ bytes: [UInt8], to index: Int) {
    let node = nodes[index]
    guard node.isUp, let replica = node.replica else {
      // The card waits until somebody can read it.
      if node.state != .left { schedule(.bundle(to: index, bytes: bytes), after: 600_000_000) }
      return
    }
    trace.note(now, 3, index, bytes.count)
    do {
      var reader = BundleReader(federation: replica.federation)
      reader.feed(bytes)
      var runs: [Run] = []
      var receipt: SignedHeads?
      while let message = try reader.next() {
        if case .run(let run) = message { runs.append(run) }
        if case .signedHeads(let heads) = message { receipt = heads }
      }
      try reader.finish()
      let wall = node.wallClock(at: now)
      let effects = try replica.batch(at: wall) {
        for run in runs {
          let outcome = try replica.receive(run, from: "card", at: wall)
          if let refusal = outcome.refusal {
            say(
              "\(name(index))は \(run.log) #\(run.first) を受け取らない：\(refusal)",
              "\(name(index)) does not take \(run.log) #\(run.first): \(refusal)")
          }
        }
        if let receipt { _ = try replica.take(receipt) }
      }
      node.gossip?.grew(effects.logs, at: steady)
      watchKeys(of: node, after: effects)
      noteOwn(node)
      say(
        "\(name(index))がカードを読み、\(effects.merged)件を取り込んだ",
        "\(name(index)) reads a card: \(effects.merged) change sets merged")
    } catch let error as ReplicaError {
      diskFailed(node, error)
      if node.state != .left { schedule(.bundle(to: index, bytes: bytes), after: 600_000_000) }
    } catch { violate(.failure, "bundle to \(name(index)): \(error)") }
    wake(node)
  }
}
