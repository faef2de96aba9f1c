import Causality
import ChangeModel
import Gossip
import Replica
import SignedLog

/// How long the shell of a real node waits before it dials again.
private enum Dialling {
  static let first: ClosedRange<Moment> = 100_000...1_000_000
  static let most: Moment = 30_000_000
  /// A link that lasted so long was a good one.
  static let holds: Moment = 10_000_000
}

extension World {
  // MARK: Dialling

  /// The best road that is up; nil when there is none.
  private func bestRoad(of pair: Int) -> Int? {
    pairs[pair].roads.filter { roads[$0].isUp }.max { (roads[$0].rate, -$0) < (roads[$1].rate, -$1) }
  }

  /// Tries to connect a pair soon, as a node's shell does: at once after a change, then less and less often.
  func redial(_ pair: Int, soon: Bool = true) {
    guard !pairs[pair].isDialling else { return }
    if soon { pairs[pair].failures = 0 }
    guard bestRoad(of: pair) != nil else { return }
    pairs[pair].isDialling = true
    let backoff = min(Dialling.most, Dialling.first.upperBound << Moment(min(pairs[pair].failures, 5)))
    schedule(
      .dial(pair: pair), after: random.moment(Dialling.first.lowerBound...max(backoff, Dialling.first.upperBound)))
  }

  func dial(_ index: Int) {
    pairs[index].isDialling = false
    let (a, b) = (nodes[pairs[index].ends.0], nodes[pairs[index].ends.1])
    guard a.isUp, b.isUp, a.identity.certificate.node != b.identity.certificate.node else { return }
    guard let road = bestRoad(of: index) else { return }
    if let current = pairs[index].session, let session = sessions[current] {
      // Both ends believe in it: nobody dials. An end that has lost it takes the other's with it.
      if session.isOpen == [true, true] { return }
      close(current, 0)
      close(current, 1)
    }
    // A handshake needs both ways.
    if roads[road].mute != nil || random.chance(roads[road].weather.loss) {
      pairs[index].failures += 1
      redial(index, soon: false)
      return
    }
    let id = nextSession
    nextSession += 1
    let link = LinkID(rawValue: UInt64(id))
    sessions[id] = Session(
      id: id, pair: index, road: road, ends: [a.index, b.index], lives: [a.life, b.life], link: link, since: now)
    pairs[index].session = id
    let known = roads[road].rate < 1_000_000 ? roads[road].rate / 8 : nil
    for (node, peer) in [(a, b), (b, a)] {
      node.links[link] = id
      node.gossip!.connected(
        link, peer: peer.identity.certificate.node, bytesPerSecond: known, at: SimulatedNode.steady(now))
    }
    counts.sessions += 1
    trace.note(now, 1, a.index, b.index, road)
    say(
      "\(name(a.index))と\(name(b.index))が\(roads[road].japaneseKind)でつながった",
      "\(name(a.index)) and \(name(b.index)) are linked by \(roads[road].kind)")
    wake(a)
    wake(b)
  }

  // MARK: Breaking

  /// Nothing passes on this session any more. Each end notices at once, or when the other has been silent for too long.
  func breakSession(_ id: Int) {
    guard var session = sessions[id], !session.isBroken else { return }
    session.isBroken = true
    sessions[id] = session
    for end in 0...1 where session.isOpen[end] && random.chance(0.5) {
      schedule(.notice(session: id, end: end), after: random.moment(0...5_000_000))
    }
  }

  /// One end lets go of a session; the other hears of it when the road still carries.
  func close(_ id: Int, _ end: Int) {
    guard var session = sessions[id], session.isOpen[end] else { return }
    session.isOpen[end] = false
    sessions[id] = session
    let node = nodes[session.ends[end]]
    if node.isUp, node.life == session.lives[end] {
      node.links[session.link] = nil
      node.gossip?.disconnected(session.link, at: SimulatedNode.steady(now))
      wake(node)
    }
    if session.isOpen[1 - end], !session.isBroken {
      schedule(.notice(session: id, end: 1 - end), after: roads[session.road].latency)
    }
    // As a real node does: at once after a link that held, else after a pause that grows.
    let held = now - session.since > Dialling.holds
    if !held { pairs[session.pair].failures += 1 }
    guard session.isOpen == [false, false] else {
      redial(session.pair, soon: held)
      return
    }
    sessions[id] = nil
    if pairs[session.pair].session == id { pairs[session.pair].session = nil }
    redial(session.pair, soon: held)
  }

  // MARK: Carrying

  /// Sends what a node's links can take, and sees when it wants to be called next.
  func wake(_ node: SimulatedNode) {
    guard node.isUp, let gossip = node.gossip else { return }
    for link in node.links.keys.sorted() {
      guard let session = node.links[link].flatMap({ sessions[$0] }) else { continue }
      pump(session.id, session.ends[0] == node.index ? 0 : 1)
    }
    guard let due = gossip.nextDeadline else { return }
    let moment = max((due.milliseconds - Instant.quake.milliseconds) * 1_000, now + 10_000)
    if let planned = node.tickAt, planned <= moment { return }
    node.tickAt = moment
    schedule(.tick(node: node.index, life: node.life), at: moment)
  }

  func tick(_ index: Int, _ life: Int) {
    let node = nodes[index]
    guard node.isUp, node.life == life, let gossip = node.gossip, node.tickAt == now else { return }
    node.tickAt = nil
    for link in gossip.tick(at: SimulatedNode.steady(now)) {
      if let id = node.links[link], let session = sessions[id] { close(id, session.ends[0] == index ? 0 : 1) }
    }
    wake(node)
  }

  /// Bytes that a frame costs besides its own: length, TLS, TCP and IP.
  private static let frameOverhead = 30
  /// As many frames as are sent in one go on a fast road.
  private static let burst = 64

  /// Sends frames until the road is busy or nothing is left.
  func pump(_ id: Int, _ end: Int) {
    guard var session = sessions[id], session.isOpen[end], !session.isPumping[end] else { return }
    let node = nodes[session.ends[end]]
    guard node.isUp, node.life == session.lives[end], let gossip = node.gossip else { return }
    if session.busyUntil[end] > now {
      session.isPumping[end] = true
      sessions[id] = session
      schedule(.pump(session: id, end: end), at: session.busyUntil[end])
      return
    }
    let steady = SimulatedNode.steady(now)
    guard gossip.hasFrame(for: session.link, at: steady) else { return }
    var frames: [[UInt8]] = []
    var bytes = 0
    do {
      let limit = roads[session.road].rate >= 10_000_000 ? Self.burst : 1
      while frames.count < limit, let frame = try gossip.nextFrame(for: session.link, at: steady) {
        frames.append(frame)
        bytes += frame.count + Self.frameOverhead
      }
    } catch {
      diskFailed(node, error)
      return
    }
    guard !frames.isEmpty else { return }
    session.busyUntil[end] = now + Moment(bytes) * 8_000_000 / Moment(max(roads[session.road].rate, 1))
    sessions[id] = session
    carry(frames, bytes, id, end)
    if nodes[session.ends[end]].isUp, gossip.hasFrame(for: session.link, at: steady) { pumpLater(id, end) }
  }

  private func pumpLater(_ id: Int, _ end: Int) {
    guard let session = sessions[id], !session.isPumping[end] else { return }
    sessions[id]!.isPumping[end] = true
    schedule(.pump(session: id, end: end), at: session.busyUntil[end])
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

  func arrive(_ id: Int, _ end: Int, _ frames: [[UInt8]]) {
    guard let session = sessions[id], session.isOpen[end], !session.isBroken else { return }
    let node = nodes[session.ends[end]]
    guard node.isUp, node.life == session.lives[end], let gossip = node.gossip else { return }
    trace.note(now, 2, node.index, session.ends[1 - end], frames.count)
    for frame in frames { trace.note(frame) }
    count(frames, at: node.index, from: session.ends[1 - end], road: session.road)
    do {
      let outcome = try gossip.receive(frames.map { (session.link, $0) }, at: SimulatedNode.steady(now))
      counts.merged += outcome.effects.merged
      noteOwn(node)
      for (link, fault) in outcome.faults.sorted(by: { $0.key < $1.key }) {
        counts.faults += 1
        say(
          "\(name(node.index))が\(name(session.ends[1 - end]))との接続を切った：\(fault)",
          "\(name(node.index)) closes its link to \(name(session.ends[1 - end])): \(fault)")
        if let broken = node.links[link], let other = sessions[broken] {
          close(broken, other.ends[0] == node.index ? 0 : 1)
        }
      }
    } catch {
      diskFailed(node, error)
      close(id, end)
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
      _ = try replica.exportBundle(for: nodes[to].identity.certificate.node) { bytes += $0 }
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
      while let message = try reader.next() { if case .run(let run) = message { runs.append(run) } }
      try reader.finish()
      let steady = SimulatedNode.steady(now)
      let effects = try replica.batch(at: steady) {
        for run in runs {
          let outcome = try replica.receive(run, from: "card", at: steady)
          if let refusal = outcome.refusal {
            say(
              "\(name(index))は \(run.log.text) #\(run.first) を受け取らない：\(refusal)",
              "\(name(index)) does not take \(run.log.text) #\(run.first): \(refusal)")
          }
        }
      }
      node.gossip?.grew(effects.logs, at: steady)
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
