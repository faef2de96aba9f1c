import Causality
import Federation
import Gossip
import Links
import Replica

/// Drives each node's policy of links, the very one of the product, over virtual roads.
extension World {
  private enum Calling {
    /// A call that nobody answers ends after so long, as the product's does.
    static let connecting: Moment = 5_000_000
    /// A call that is answered, but breaks before both have proven who they are.
    static let shaking: Moment = 20_000_000
    /// One-way trips of TCP and TLS 1.3 until the caller knows whom it meets, and until the called one does.
    static let trips: [Moment] = [4, 5]
  }

  // MARK: Deciding

  /// From now on a node calls the addresses of its list.
  func beginCalls(_ node: SimulatedNode) {
    let wards = node.addresses.map { nodes[pairs[$0].other(than: node.index)].identity.certificate.node.ward }
    decide(node, .begin(calls: wards))
    watchKeys(of: node)
  }

  /// Tells a node's links when the next key ends, after that may have changed.
  func watchKeys(of node: SimulatedNode, after effects: ReplicaEffects? = nil) {
    let hasChanged = effects?.rows.contains { $0.collection == ControlSchema.keyGrants.number } ?? true
    guard hasChanged, let replica = node.replica else { return }
    do { decide(node, .keysEnd(try replica.nextKeyEnd())) } catch { diskFailed(node, error) }
  }

  @discardableResult
  func decide(_ node: SimulatedNode, _ input: Links.Input) -> [Links.Effect] {
    guard node.isUp, node.policy != nil else { return [] }
    let effects = node.policy!.handle(input, at: steady, wall: node.wallClock(at: now))
    for effect in effects { carryOut(effect, at: node) }
    // By far the most frequent, and nobody's calls depend on it.
    if case .wasted = input { return effects }
    checkLinks(of: node)
    guard node.isUp, let due = node.policy?.nextDeadline else { return effects }
    let moment = max(due.milliseconds * 1_000, now)
    if let planned = node.callsAt, planned <= moment { return effects }
    node.callsAt = moment
    schedule(.calls(node: node.index, life: node.life), at: moment)
    return effects
  }

  func calls(_ index: Int, _ life: Int) {
    let node = nodes[index]
    guard node.life == life, node.callsAt == now else { return }
    node.callsAt = nil
    decide(node, .tick)
  }

  private func carryOut(_ effect: Links.Effect, at node: SimulatedNode) {
    switch effect {
    case .call(let address): call(node, address)
    case .accept(let link): accept(link, at: node)
    case .refuse(let link, let refusal): refuse(link, refusal, at: node)
    case .close(let link, let end): letGo(link, end, at: node)
    case .pause(let link, _): judgePause(link, at: node)
    case .refreshKeys: refreshKeys(node)
    }
  }

  private func refreshKeys(_ node: SimulatedNode) {
    guard let replica = node.replica else { return }
    do {
      try replica.refreshKeys(at: node.wallClock(at: now))
      watchKeys(of: node)
    } catch { diskFailed(node, error) }
  }

  /// Nobody but a hostile peer is ever made to wait.
  private func judgePause(_ link: LinkID, at node: SimulatedNode) {
    guard let peer = node.policy?[link]?.peer, !isLiar(peer) else { return }
    violate(.failure, "\(name(node.index)) slows \(peer), which is honest")
  }

  private func isLiar(_ peer: AuthorNumber) -> Bool { liars.contains { $0.peer == peer } }

  // MARK: Calling

  /// The best road that is up; nil when there is none.
  private func bestRoad(of pair: Int) -> Int? {
    pairs[pair].roads.filter { roads[$0].isUp }.max { (roads[$0].rate, -$0) < (roads[$1].rate, -$1) }
  }

  private func call(_ node: SimulatedNode, _ address: Int) {
    let pair = node.addresses[address]
    let other = nodes[pairs[pair].other(than: node.index)]
    // A handshake needs both ways.
    guard other.isUp, let road = bestRoad(of: pair), roads[road].mute == nil, !random.chance(roads[road].weather.loss)
    else {
      return schedule(.callFails(node: node.index, life: node.life, address: address), after: Calling.connecting)
    }
    let id = nextSession
    nextSession += 1
    sessions[id] = Session(
      id: id, road: road, ends: [node.index, other.index], lives: [node.life, other.life], address: address,
      link: LinkID(rawValue: UInt64(id)), begun: steady)
    for end in 0...1 { schedule(.meet(session: id, end: end), after: roads[road].latency * Calling.trips[end]) }
  }

  func callFails(_ index: Int, _ life: Int, _ address: Int) {
    guard nodes[index].life == life else { return }
    decide(nodes[index], .callFailed(address))
  }

  /// One end of a session has seen the other's proof.
  func meet(_ id: Int, _ end: Int) {
    guard let session = sessions[id], session.state[end] == .shaking else { return }
    let (node, other) = (nodes[session.ends[end]], nodes[session.ends[1 - end]])
    let isThere = node.isUp && node.life == session.lives[end]
    guard isThere, let replica = node.replica, !session.isBroken, other.isUp, other.life == session.lives[1 - end]
    else {
      setClosed(id, end)
      if isThere, end == 0 {
        schedule(.callFails(node: node.index, life: node.life, address: session.address), after: Calling.shaking)
      }
      return
    }
    let peer = ProvenPeer(other.identity.certificate, in: replica.membership)
    decide(node, .connected(session.link, peer, from: end == 0 ? session.address : nil, begun: session.begun))
  }

  private func accept(_ link: LinkID, at node: SimulatedNode) {
    guard let peer = node.policy?[link]?.peer else { return }
    guard let session = sessions[Int(link.rawValue)] else {
      node.gossip?.connected(link, peer: peer, at: steady)
      return
    }
    let end = session.end(of: node.index)
    sessions[session.id]!.state[end] = .open
    node.links[link] = session.id
    node.gossip?.connected(link, peer: peer, at: steady)
    if session.isOpen(1 - end) {
      counts.sessions += 1
      let (a, b) = (session.ends[0], session.ends[1])
      trace.note(now, 1, a, b, session.road)
      say(
        "\(name(a))と\(name(b))が\(roads[session.road].japaneseKind)でつながった",
        "\(name(a)) and \(name(b)) are linked by \(roads[session.road].kind)")
    }
    wake(node)
  }

  private func refuse(_ link: LinkID, _ refusal: LinkRefusal, at node: SimulatedNode) {
    counts.refusals += 1
    guard let session = sessions[Int(link.rawValue)] else {
      liars.first { $0.link == link }?.link = nil
      return
    }
    let end = session.end(of: node.index)
    say(
      "\(name(node.index))が\(name(session.ends[1 - end]))との接続を断った：\(refusal)",
      "\(name(node.index)) refuses a link to \(name(session.ends[1 - end])): \(refusal)")
    setClosed(session.id, end)
  }

  // MARK: Breaking

  /// Nothing passes on this session any more. Each end notices at once, or when the other has been silent for too long.
  func breakSession(_ id: Int) {
    guard let session = sessions[id], !session.isBroken else { return }
    sessions[id]!.isBroken = true
    for end in 0...1 where session.isOpen(end) && random.chance(0.5) {
      schedule(.notice(session: id, end: end), after: random.moment(0...5_000_000))
    }
  }

  /// One end of a session sees that it is over.
  func notice(_ id: Int, _ end: Int) {
    guard let session = sessions[id], session.isOpen(end) else { return }
    decide(nodes[session.ends[end]], .ended(session.link, .lost))
  }

  private func letGo(_ link: LinkID, _ reason: LinkEnd, at node: SimulatedNode) {
    node.gossip?.disconnected(link, at: steady)
    if let id = node.links.removeValue(forKey: link), let session = sessions[id] {
      let end = session.end(of: node.index)
      if case .lost = reason {
      } else {
        say(
          "\(name(node.index))が\(name(session.ends[1 - end]))との接続を切った：\(reason)",
          "\(name(node.index)) closes its link to \(name(session.ends[1 - end])): \(reason)")
      }
      setClosed(id, end)
    } else {
      liars.first { $0.link == link }?.link = nil
    }
    wake(node)
  }

  /// One end is closed; the other hears of it when the road still carries.
  func setClosed(_ id: Int, _ end: Int) {
    guard var session = sessions[id], session.state[end] != .closed else { return }
    session.state[end] = .closed
    sessions[id] = session.state == [.closed, .closed] ? nil : session
    guard session.state[1 - end] != .closed, !session.isBroken else { return }
    schedule(.notice(session: id, end: 1 - end), after: roads[session.road].latency)
  }
}
