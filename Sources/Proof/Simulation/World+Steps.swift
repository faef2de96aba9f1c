import Causality
import ChangeModel
import Federation
import Gossip
import Replica
import SignedLog
import Sodium
import Store

extension World {
  func perform(_ step: Step) throws {
    switch step {
    case .work(let node, let seed): work(node, seed: seed)
    case .cut(let road):
      guard roads[road].isUp else { return }
      roads[road].isUp = false
      happen(.cut, road)
      say("\(describe(road).ja)が切れた", "\(describe(road).en) is cut")
      for session in sessions.values.filter({ $0.road == road }).sorted(by: { $0.id < $1.id }) {
        breakSession(session.id)
      }
    case .heal(let road): healRoad(road)
    case .oneWay(let road, let from):
      roads[road].mute = from
      say(
        "\(describe(road).ja)で\(name(from))からの通信だけが届かない",
        "\(describe(road).en) carries nothing from \(name(from))")
    case .rate(let road, let rate):
      // Nobody tells gossip: it finds out.
      (roads[road].rate, roads[road].rateSince) = (rate, now)
    case .weather(let road, let weather):
      roads[road].weather = weather
      say(
        weather == .fair ? "\(describe(road).ja)の天候が戻った" : "\(describe(road).ja)に悪天候（損失 \(Int(weather.loss * 100))%）",
        weather == .fair
          ? "\(describe(road).en) has fair weather again"
          : "bad weather on \(describe(road).en): \(Int(weather.loss * 100))% lost")
    case .crash(let node, nil): crash(node)
    case .crash(let node, let operations?): nodes[node].disk.cutPower(afterOperations: operations)
    case .start(let node): start(node)
    case .diskFull(let node, let isFull): nodes[node].disk.faults.isFull = isFull
    case .diskErrors(let node, let rate): nodes[node].disk.faults.errorRate = rate
    case .rot(let node, let bits): rot(node, bits)
    case .backup(let node): backUp(node)
    case .restore(let node, let withMark): restore(node, withMark: withMark)
    case .copy(let node): copy(node)
    case .clock(let node, let offset, let drift): nodes[node].setClock(offset: offset, drift: drift, at: now)
    case .liar(let node, let key, let seed, let lasting):
      if let key { ledger.hostile.insert(nodes[key].identity.certificate.node) }
      say(
        "偽のノードが\(name(node))に話しかける\(key.map { "（\(name($0))の鍵で）" } ?? "")",
        "a liar speaks to \(name(node))\(key.map { " with the key of \(name($0))" } ?? "")")
      liars.append(Liar(victim: node, key: key, seed: seed, until: now + lasting, world: self))
      schedule(.lie(liars.count - 1), at: now)
    case .revoke(let node, let at): revoke(node, at: at)
    case .join(let node):
      start(node)
    case .leave(let node):
      crash(node)
      nodes[node].state = .left
      nodes[node].lastKept = [:]
      excuseWhatIsGone()
      say("\(name(node))が失われた", "\(name(node)) is gone for good")
    case .carry(let from, let to, let lasting, let isLost):
      sendBundle(from: from, to: to, lasting: lasting, isLost: isLost)
    case .upgrade(let node):
      nodes[node].schema = currentSchema
      guard nodes[node].isUp else { return }
      crash(node)
      schedule(.start(node: node), after: 5_000_000)
    case .expect(let expectation): expect(expectation)
    }
  }

  func describe(_ road: Int) -> (ja: String, en: String) {
    let ends = "\(name(roads[road].ends.0))–\(name(roads[road].ends.1))"
    return ("\(ends)の\(roads[road].japaneseKind)", "\(ends) \(roads[road].kind)")
  }

  func healRoad(_ road: Int) {
    roads[road].mute = nil
    guard !roads[road].isUp else { return }
    roads[road].isUp = true
    happen(.heal, road)
    say("\(describe(road).ja)が復旧した", "\(describe(road).en) is back")
  }

  private func rot(_ index: Int, _ bits: Int) {
    let node = nodes[index]
    guard node.isUp else { return }
    crash(index)
    node.disk.restorePower()
    for _ in 0..<bits {
      let file = random.chance(0.8) ? SimulatedNode.file : SimulatedNode.file + "-wal"
      if let offset = node.disk.flip(file) {
        say(
          "\(name(index))の \(file) の \(offset) バイト目でビットが反転",
          "a bit of \(file) of \(name(index)) turns at \(offset)")
      }
    }
    node.mayBeRotten = true
    node.mayHaveLost = true
    counts.rotten += 1
  }

  private func backUp(_ index: Int) {
    let node = nodes[index]
    guard node.isUp else { return }
    node.backup = (node.disk.image().filter { !$0.key.hasSuffix("-shm") }, node.keeper.mark)
    say("\(name(index))のバックアップを取った", "\(name(index)) is backed up")
  }

  private func restore(_ index: Int, withMark: Bool) {
    let node = nodes[index]
    guard let backup = node.backup else { return }
    crash(index)
    node.disk.restorePower()
    node.disk.restore(backup.files)
    if withMark { node.keeper.mark = backup.mark }
    node.lastKept = [:]
    node.mayHaveLost = true
    node.noted = withMark ? [:] : node.noted
    say(
      "\(name(index))をバックアップに戻した\(withMark ? "（機械ごと）" : "")",
      "\(name(index)) is put back to its backup\(withMark ? ", mark and all" : "")")
    schedule(.start(node: index), after: 5_000_000)
  }

  private func copy(_ index: Int) {
    guard let original = plan.nodes[index].copyOf, nodes[original].isUp else { return }
    let copy = nodes[index]
    copy.disk.restore(
      nodes[original].disk.image().filter { !$0.key.hasSuffix("-shm") }.reduce(into: [:]) { files, file in
        files[copy.disk.folder + file.key.dropFirst(nodes[original].disk.folder.count)] = file.value
      })
    copy.keeper.mark = nodes[original].keeper.mark
    copy.noted = nodes[original].noted
    say("\(name(original))の複製が起動された", "somebody starts a copy of \(name(original))")
    start(index)
  }

  // MARK: Expectations

  private func expect(_ expectation: Expectation) {
    counts.expectations += 1
    let before = violations.count
    defer {
      if violations.count == before {
        say("✓ 期待どおり：\(plan.text(of: expectation))", "✓ as expected: \(plan.text(of: expectation))")
      }
    }
    switch expectation {
    case .agree(let indices):
      let up = indices.map { nodes[$0] }.filter(\.isUp)
      guard let first = up.first else { return violate(.expectation, "no node to agree is up") }
      for other in up.dropFirst() {
        for lane in Lane.allCases where first.replica!.clock(lane) != other.replica!.clock(lane) {
          violate(.expectation, "\(name(first.index)) and \(name(other.index)) do not agree in \(lane.name)")
        }
      }
    case .lacks(let at, let of):
      if kept(at, of) >= kept(of, of) { violate(.expectation, "\(name(at)) lacks nothing of \(name(of))") }
    case .has(let at, let of, let by):
      let missing = ledger.entries.first { entry in
        entry.node == of && entry.at <= by && nodes[at].replica?.store.logged(entry.log) ?? 0 < entry.sequence
      }
      if let missing {
        violate(
          .expectation,
          "\(name(at)) lacks \(missing.log) #\(missing.sequence), written \(Span.clock(missing.at)) at \(name(of))"
        )
      }
    case .refused(let at, let least):
      let count = (try? nodes[at].plain?.rows("SELECT count(*) FROM quarantine"))??.first?[0].integer ?? 0
      if count < Int64(least) { violate(.expectation, "\(name(at)) refused \(count), not \(least)") }
    case .conflicts(let at, let least):
      let sql = "SELECT count(*) FROM (SELECT DISTINCT collection, row, field FROM conflicts)"
      let count = (try? nodes[at].plain?.rows(sql))??.first?[0].integer ?? 0
      if count < Int64(least) { violate(.expectation, "\(name(at)) shows \(count) conflicts, not \(least)") }
    case .fork(let of):
      let author = nodes[of].identity.certificate.node
      let isNoticed = alive.contains { node in
        let proofs = try? node.plain?.rows(
          "SELECT count(*) FROM fork_proofs WHERE author >> 10 = \(author.rawValue >> 10)")
        return (proofs?.first?[0].integer ?? 0) > 0
      }
      if !isNoticed { violate(.expectation, "nobody proved the fork of \(name(of))") }
    case .newEpoch(let of):
      if nodes[of].replica?.author.epoch ?? 0 == 0 {
        violate(.expectation, "\(name(of)) still writes in its first epoch")
      }
    }
  }

  /// How many change sets of one node another keeps.
  private func kept(_ at: Int, _ of: Int) -> Int {
    let author = nodes[of].identity.certificate.node
    guard let store = nodes[at].replica?.store else { return 0 }
    return store.logNames.filter { $0.author.node == author }.reduce(0) {
      $0 + Int(store.state(of: $1).logged.sequence)
    }
  }

  /// The ward's authority, whose card is carried to another node, cuts its stolen node where that node knows its logs.
  private func revoke(_ stolen: Int, at place: Int) {
    let node = nodes[place]
    guard node.isUp, let replica = node.replica else { return }
    let identity = nodes[stolen].identity
    let own = identity.certificate.node
    let wall = node.wallClock(at: now)
    let cut = replica.cut(of: own)
    let kept = Dictionary(
      uniqueKeysWithValues: cut.keys.map { log in
        (log, ((try? replica.store.entries(log, from: 1, byteLimit: .max)) ?? []).map { blake2b($0) })
      })
    let known = knownByFile(node, .control)
    do {
      let revocation = try federation.authorities[Int(own.ward)].revocation(of: own, in: identity.federation, cut: cut)
      var draft = Draft(.control, audience: .anyone)
      draft.edits = [ControlSchema.revoking(revocation, reason: "盗難")]
      var dot: Dot?
      let effects = try replica.batch(at: wall) { dot = try replica.commit(draft, at: wall) }
      ledger.revoke(own, cut: cut, kept: kept)
      noteOwn(
        node,
        asked: dot.map {
          [Dated(log: LogName(.control, $0.author), sequence: $0.sequence, sections: draft.sections, known: known)]
        }
          ?? [])
      say("\(name(stolen))を失効", "\(name(stolen)) is revoked at \(name(place))")
      node.gossip?.grew(effects.logs, at: steady)
      decide(node, .revoked(replica.membership.revoked))
    } catch let error as ReplicaError { diskFailed(node, error) } catch { violate(.failure, "revoking: \(error)") }
    wake(node)
  }
}
