import Causality
import ChangeModel
import Gossip
import Replica
import SignedLog
import Sodium
import Store

extension World {
  func name(_ index: Int) -> String { plan.nodes[index].name }

  // MARK: What a node wrote

  /// How far a node has merged each log of a lane, read past the core.
  func knownByFile(_ node: SimulatedNode, _ lane: Lane) -> [AuthorNumber: SequenceNumber] {
    var known: [AuthorNumber: SequenceNumber] = [:]
    try? node.plain?.each("SELECT author, merged FROM logs WHERE lane = \(lane.rawValue) AND merged > 0") { row in
      known[AuthorNumber(rawValue: UInt32(row[0].integer))!] = SequenceNumber(row[1].integer)
    }
    return known
  }

  /// A change set of a node's own, read from its log, with how the log stands after it.
  private func ownEntry(
    _ node: SimulatedNode, _ log: LogName, _ sequence: SequenceNumber
  ) -> (bytes: [UInt8], layout: ChangeSetLayout, past: AuthorPast)? {
    var past = node.pasts[log] ?? AuthorPast(author: log.author, lane: log.lane)
    if past.sequence >= sequence { past = AuthorPast(author: log.author, lane: log.lane) }
    while let bytes = try? node.replica?.store.entries(log, from: past.sequence + 1, byteLimit: 0).first {
      let before = past
      guard
        let layout = try? bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: before) })
      else { return nil }
      past.advance(by: layout.header)
      guard past.sequence == sequence else { continue }
      node.pasts[log] = past
      return (bytes, layout, past)
    }
    return nil
  }

  /// What a node wrote of itself, in the middle of taking from others: by its own words, as far as it can read them.
  private func ownWords(
    _ node: SimulatedNode, _ log: LogName, _ sequence: SequenceNumber, _ bytes: [UInt8], _ layout: ChangeSetLayout
  ) -> [Draft.Sealed] {
    guard let replica = node.replica else { return [] }
    let context = LogContext(federation: replica.federation, nodeKey: node.identity.key.publicKey, log: log)
    let head = (try? replica.head(of: log, at: sequence - 1)) ?? nil
    guard let head, let entry = RunVerifier(context).reading(bytes, after: head) else { return [] }
    return layout.sections.enumerated().compactMap { index, section in
      guard let audience = Audience(key: section.key),
        let content = entry.open(index, of: layout, with: replica.keyring[section.key], in: context),
        let edits = try? content.decoding({ raw throws(MalformedBytes) in
          try SectionCodec.decode(raw, by: log.author)
        })
      else { return nil }
      return Draft.Sealed(audience: audience, edits: edits)
    }
  }

  /// No key and nonce may ever meet twice with different text, on whatever machine.
  private func checkSecrecy(_ bytes: [UInt8], _ layout: ChangeSetLayout, of node: SimulatedNode) {
    for section in layout.sections where section.key != 0 {
      let sealed = bytes[section.range]
      let nonce = SealedPlace(key: section.key, nonce: Array(sealed.suffix(AudienceKey.tagBytes)))
      let text = blake2b(Array(sealed))
      if let known = sealedTexts.updateValue(text, forKey: nonce), known != text {
        violate(.secrecy, "\(name(node.index)) seals two texts with key \(section.key) and one nonce")
      }
    }
  }

  var currentSchema: Schema { plan.services == true ? ServiceWorkload.schema : NightSchema.current }

  /// Tells of a new epoch and of a fork, when a node first knows of it.
  private func tellTrust(_ node: SimulatedNode, _ replica: Replica) {
    guard narrate != nil else { return }
    let epoch = replica.author.epoch
    if epoch > node.toldEpoch {
      say(
        "\(name(node.index))が書き手番号を新しくした（第\(epoch + 1)世代）",
        "\(name(node.index)) goes on as a new author, in epoch \(epoch)")
    }
    let forks = Set(replica.membership.forkedLogs.keys)
    for log in forks.subtracting(node.toldForks).sorted() {
      say(
        "\(name(node.index))が、同じ番号で食い違う二つの記録の証拠を得た（\(log)）",
        "\(name(node.index)) has the proof that \(log) forks")
    }
    (node.toldEpoch, node.toldForks) = (max(epoch, node.toldEpoch), forks.union(node.toldForks))
  }

  /// Notes in the ledger what the node has written since it was last asked: of itself, or what was `asked` of it.
  func noteOwn(_ node: SimulatedNode, asked: [Dated] = []) {
    guard let replica = node.replica else { return }
    tellTrust(node, replica)
    // A fork that it found may have made it begin new epochs right after it wrote in the one before.
    let authors = replica.ownEpochs.sorted().map(node.identity.author(epoch:))
    for log in authors.flatMap({ author in Lane.allCases.map { LogName($0, author) } }) {
      let each = log.lane
      let head = replica.store.state(of: log).logged.sequence
      var next = SequenceNumber((node.noted[log] ?? 0) + 1)
      while next <= head {
        guard let (bytes, layout, past) = ownEntry(node, log, next) else { return }
        checkSecrecy(bytes, layout, of: node)
        let dated = asked.first { $0.log == log && $0.sequence == next }
        let known =
          dated?.known ?? Dictionary(uniqueKeysWithValues: past.clock.mentioned.map { ($0.author, $0.sequence) })
        let sections = dated?.sections ?? ownWords(node, log, next, bytes, layout)
        let entry = Ledger.Entry(
          log: log, sequence: next, edits: sections.filter { $0.audience.writer == nil }.flatMap(\.edits),
          sealed: sections.filter { $0.audience.writer != nil }, goods: dated?.goods ?? [:],
          known: known.filter { $0.key != log.author }, branches: past.branches, hash: blake2b(bytes), at: now,
          node: node.index)
        if let violation = ledger.add(entry) { violate(violation.checker, violation.detail) }
        trace.note(now, 4, node.index, Int(each.rawValue), Int(next))
        trace.note(bytes)
        node.noted[log] = next
        next += 1
      }
    }
  }

  // MARK: Work

  func work(_ index: Int, seed: UInt64) {
    let node = nodes[index]
    guard node.isUp, let replica = node.replica, let gossip = node.gossip else {
      counts.turnedAway += 1
      return
    }
    var random = RandomNumbers(seed: seed)
    let wall = node.wallClock(at: now)
    var known: [Lane: [AuthorNumber: SequenceNumber]] = [:]
    for lane in Lane.allCases { known[lane] = knownByFile(node, lane) }
    node.attempt = []
    func asked(_ draft: Draft, _ dot: Dot) {
      node.attempt.append(
        Dated(
          log: LogName(draft.lane, dot.author), sequence: dot.sequence, sections: draft.sections,
          known: known[draft.lane]!))
    }
    do {
      let effects: ReplicaEffects
      if plan.services == true {
        // What a rule refuses, or has no object yet, is followed by something else.
        let workload = ServiceWorkload(world: self, node: node, now: wall)
        var done: ReplicaEffects?
        for _ in 0..<4 where done == nil { done = try workload.act(&random, committed: asked) }
        guard let done else {
          counts.turnedAway += 1
          return
        }
        effects = done
      } else {
        guard let draft = try Workload(world: self, node: node).draft(&random) else { return }
        effects = try replica.batch(at: wall) { asked(draft, try replica.commit(draft, at: wall)) }
      }
      counts.writes += 1
      noteOwn(node, asked: node.attempt)
      node.attempt = []
      gossip.grew(effects.logs, at: steady)
      checkRow(of: effects, at: node)
      watchKeys(of: node, after: effects)
    } catch let error as ReplicaError {
      switch error {
      case .insufficientStock, .ownLogIncomplete:
        node.attempt = []
        counts.turnedAway += 1
      default: diskFailed(node, error)
      }
    } catch { violate(.failure, "\(name(index)) at work: \(error)") }
    wake(node)
  }

  /// Every node hands back, in its turn, what it keeps apart of others' logs that fork.
  func handBack() {
    for node in nodes where node.isUp {
      guard let replica = node.replica, !replica.membership.forkedLogs.isEmpty else { continue }
      do {
        let effects = try replica.handBack(at: node.wallClock(at: now))
        guard !effects.logs.isEmpty else { continue }
        noteOwn(node)
        node.gossip?.grew(effects.logs, at: steady)
      } catch { diskFailed(node, error) }
      wake(node)
    }
  }

  // MARK: Ends and beginnings

  /// The disk did not do its work. What the scenario did to it explains that, or it is our fault.
  func diskFailed(_ node: SimulatedNode, _ error: any Error) {
    counts.diskErrors += 1
    say("\(name(node.index))：\(error)", "\(name(node.index)): \(error)")
    if node.disk.isOff { return crash(node.index) }
    let store: StoreError? =
      switch error {
      case ReplicaError.store(let error): error
      case let error as StoreError: error
      default: nil
      }
    switch store {
    case .diskFull? where node.disk.faults.isFull, .inputOutput? where node.disk.faults.errorRate > 0: break
    case .damaged? where node.mayBeRotten: crash(node.index)
    default: violate(.failure, "\(name(node.index)): \(error)")
    }
  }

  func crash(_ index: Int) {
    let node = nodes[index]
    guard node.isUp else { return }
    node.disk.cutPower()
    for id in node.links.values.sorted() {
      guard let session = sessions[id] else { continue }
      breakSession(id)
      setClosed(id, session.end(of: index))
    }
    node.stop()
    counts.crashes += 1
    trace.note(now, 5, index)
    happen(.down, index)
    say("\(name(index))の電源が落ちた", "\(name(index)) has no power")
  }

  func start(_ index: Int) {
    let node = nodes[index]
    guard node.state == .down || node.state == .waiting else { return }
    node.disk.restorePower()
    do {
      try node.start(at: now)
    } catch {
      startFailed(node, error)
      return
    }
    if node.mayBeRotten, !isSound(node) {
      happen(.damaged, index)
      giveUpFile(node)
      return start(index)
    }
    node.mayBeRotten = false
    recall(node)
    trace.note(now, 6, index)
    happen(.up, index)
    say(
      "\(name(index))が起動（第\(node.replica!.author.epoch)期）",
      "\(name(index)) is up, in epoch \(node.replica!.author.epoch)")
    beginCalls(node)
  }

  private func startFailed(_ node: SimulatedNode, _ error: any Error) {
    say("\(name(node.index))が起動しない：\(error)", "\(name(node.index)) does not start: \(error)")
    node.stop()
    node.state = .down
    if case ReplicaError.store(.damaged) = error, node.mayBeRotten {
      happen(.damaged, node.index)
      giveUpFile(node)
      return start(node.index)
    }
    if node.disk.faults.errorRate > 0 || node.disk.faults.isFull {
      schedule(.start(node: node.index), after: 60_000_000)
    } else {
      violate(.failure, "\(name(node.index)) does not start: \(error)")
    }
  }

  /// What an engineer does with a file that may be damaged: checks it, makes the tables anew when the log is sound.
  private func isSound(_ node: SimulatedNode) -> Bool {
    let scratch = VirtualDisk(seed: 0)
    let wall = node.wallClock(at: now)
    do {
      let report = try node.replica!.verify(scratch: scratch.path("scratch.sqlite"), at: wall)
      if report.isSound { return true }
      counts.damageFound += 1
      say("\(name(node.index))が破損を発見：\(report)", "\(name(node.index)) finds damage: \(report)")
      guard report.badLogs.isEmpty else { return false }
      _ = try node.replica!.rebuild(at: wall)
      return try node.replica!.verify(scratch: VirtualDisk(seed: 0).path("scratch.sqlite"), at: wall).isSound
    } catch {
      counts.damageFound += 1
      say("\(name(node.index))が破損を発見：\(error)", "\(name(node.index)) finds damage: \(error)")
      return false
    }
  }

  /// The file is lost: the node begins anew, in a new epoch, and gets back from its peers what they have.
  private func giveUpFile(_ node: SimulatedNode) {
    node.stop()
    node.state = .down
    node.wipe()
  }

  /// What no disk has any more is lost: nothing can be promised about it.
  func excuseWhatIsGone() {
    for (index, entry) in ledger.entries.enumerated() where !ledger.excused.contains(index) {
      let isSomewhere = nodes.contains { node in
        (node.replica?.store.state(of: entry.log).logged.sequence ?? node.lastKept[entry.log] ?? 0) >= entry.sequence
      }
      if !isSomewhere { ledger.excused.insert(index) }
    }
  }

  /// After a start: what was acknowledged must be there, or the node must know that its file is not what it was. What was
  /// under way when the power went may be there.
  private func recall(_ node: SimulatedNode) {
    guard let replica = node.replica else { return }
    for (log, sequence) in node.noted.sorted(by: { $0.key < $1.key }) {
      let kept = replica.store.state(of: log).logged.sequence
      guard kept < sequence else { continue }
      if kept >= ledger.lastValid(log) {
        // Its other copy's change sets made the log end here.
      } else if node.mayHaveLost, log.author != replica.author {
        counts.noticedLosses += 1
      } else {
        violate(.durability, "\(name(node.index)) acknowledged \(log) #\(sequence) and has #\(kept) after a start")
      }
      node.noted[log] = kept
    }
    // What it seemed to keep when its power went counted as kept somewhere, and may not have reached its disk.
    let fellBack = node.lastKept.contains { replica.store.state(of: $0.key).logged.sequence < $0.value }
    if node.mayHaveLost || fellBack {
      node.mayHaveLost = false
      excuseWhatIsGone()
    }
    let attempt = node.attempt
    node.attempt = []
    noteOwn(node, asked: attempt)
  }

  func happen(_ kind: Happening.Kind, _ place: Int) {
    happenings.append(Happening(at: now, kind: kind, place: place))
  }
}
