import Causality
import ChangeModel
import Federation
import Replica
import SignedLog
import Sodium
import Store

extension World {
  // MARK: Peace

  /// All trouble ends: roads carry, machines run, disks work; only who left stays away.
  func heal() {
    // In the middle of all trouble too, a node shows what it knows and nothing else.
    if !alive.isEmpty { check(alive[random.below(alive.count)], fully: true) }
    isHealed = true
    for road in roads.indices {
      roads[road].weather = .fair
      (roads[road].rate, roads[road].rateSince) = (roads[road].plannedRate, now)
      healRoad(road)
    }
    for node in nodes {
      node.disk.mend()
      if node.state == .down { start(node.index) }
      node.schema = node.isUp ? node.schema : currentSchema
    }
    carriedAtHeal = roads.map { ($0.bytes, $0.changeSets) }
  }

  var alive: [SimulatedNode] { nodes.filter { $0.isUp } }

  /// Change sets that every node must have in the end, by log.
  private func promised() -> [LogName: SequenceNumber] {
    var promised: [LogName: SequenceNumber] = [:]
    for (log, places) in ledger.places {
      let kept = places.prefix { !ledger.excused.contains($0) }.count
      // What comes before a fork holds; what follows holds as long as nobody has met the other branch.
      promised[log] = min(SequenceNumber(kept), ledger.lastValid(log))
    }
    return promised
  }

  private func isSettled(_ promised: [LogName: SequenceNumber]) -> Bool {
    guard let first = alive.first?.replica?.store else { return true }
    for node in alive {
      // What was excused and came back all the same goes to everybody too.
      for log in node.replica!.store.logNames {
        if first.state(of: log).logged != node.replica!.store.state(of: log).logged { return false }
      }
      for (log, sequence) in promised {
        let state = node.replica!.store.state(of: log)
        if state.logged.sequence < sequence { return false }
        if state.waiting > 0, !ledger.hostile.contains(log.author.node), !waitsInVain(node, log) { return false }
      }
    }
    return true
  }

  /// What a log waits for, what that waits for, and so on to what nobody brings, or round in a circle.
  private func wanted(by log: LogName, at node: SimulatedNode) -> String {
    guard let replica = node.replica, let waiting = try? replica.waiting() else { return "nothing is known of it" }
    var chain: [String] = []
    var met: Set<LogName> = [log]
    var next = log
    while let need = waiting.first(where: { $0.log == next })?.need {
      let (merged, kept) = (replica.store.merged(need.log), replica.store.logged(need.log))
      chain.append("\(need.log) #\(need.sequence), merged to #\(merged) and kept to #\(kept)")
      guard met.insert(need.log).inserted else { break }
      next = need.log
    }
    return "it waits for " + (chain.isEmpty ? "nothing" : chain.joined(separator: ", that for "))
  }

  /// Whether what a log waits for went with the last disk that had it: then it waits for ever, and rightly so.
  private func waitsInVain(_ node: SimulatedNode, _ log: LogName, hops: Int = 0) -> Bool {
    guard !ledger.excused.isEmpty, hops < 64, let replica = node.replica,
      let need = (try? replica.waiting())?.first(where: { $0.log == log })?.need
    else { return false }
    if replica.store.logged(need.log) >= need.sequence { return waitsInVain(node, need.log, hops: hops + 1) }
    guard let places = ledger.places[need.log], need.sequence <= places.count else { return false }
    return places[Int(replica.store.logged(need.log))..<Int(need.sequence)].contains { ledger.excused.contains($0) }
  }

  /// Runs on until everybody keeps everything, within a bound that follows from the roads.
  func settle() throws {
    let bound = bound()
    boundSeconds = Double(bound) / 1_000_000
    let end = plan.healsAt + bound
    while now < end {
      try run(until: min(now + (now < plan.healsAt + 60_000_000 ? 500_000 : 5_000_000), end))
      if isSettled(promised()) {
        convergedAt = now
        break
      }
    }
    guard convergedAt == nil else { return }
    if let first = alive.first {
      for node in alive {
        for log in node.replica!.store.logNames {
          let (ours, theirs) = (first.replica!.store.state(of: log).logged, node.replica!.store.state(of: log).logged)
          if ours != theirs {
            violate(
              .liveness,
              "\(name(first.index)) ends \(log) at #\(ours.sequence), \(name(node.index)) at #\(theirs.sequence), \(ours.sequence == theirs.sequence ? "another branch" : "after \(bound / 1_000_000) s")"
            )
          }
        }
      }
    }
    for node in alive {
      for (log, sequence) in promised().sorted(by: { $0.key < $1.key }) {
        let state = node.replica!.store.state(of: log)
        if state.logged.sequence < sequence {
          violate(
            .liveness,
            "\(name(node.index)) has \(state.logged.sequence) of \(sequence) of \(log) after \(bound / 1_000_000) s"
          )
        } else if state.waiting > 0, !ledger.hostile.contains(log.author.node), !waitsInVain(node, log) {
          violate(
            .liveness,
            "\(name(node.index)) holds \(state.waiting) of \(log) unmerged after \(bound / 1_000_000) s: \(wanted(by: log, at: node))"
          )
        }
      }
    }
  }

  /// The time in which everything must arrive: until dead links are noticed and called again, some exchanges for each
  /// hop, all bytes over the narrowest road that somebody depends on, thrice, and until the last ban ends: who holds a
  /// node's stolen key can have that node banned.
  private func bound() -> Moment {
    let slow = bottleneck()
    // A change set of one edit takes about 200 bytes, and heads about 20 for each log.
    let size = ledger.entries.count * 300 + alive.count * alive.count * 40
    let latency = roads.map(\.latency).max() ?? 0
    let hops = Moment(hopBound())
    return 180_000_000 + hops * (latency * 6 + 62_000_000) + Moment(size) * 8_000_000 / Moment(max(slow, 1)) * 3
      + longestBan()
  }

  /// How long it takes until everybody speaks with everybody again.
  private func longestBan() -> Moment {
    let honest = alive.map(\.identity.certificate.node)
    return alive.flatMap { node in
      honest.compactMap { node.policy?.ban(of: $0, at: steady).map { $0.until.milliseconds * 1_000 - now } }
    }.max() ?? 0
  }

  /// The rate of the narrowest road in the best tree over all nodes, bits per second.
  private func bottleneck() -> Int {
    var parent = Array(nodes.indices)
    func find(_ index: Int) -> Int {
      var index = index
      while parent[index] != index { index = parent[index] }
      return index
    }
    var narrowest = Int.max
    for road in roads.indices.sorted(by: { (roads[$0].plannedRate, $1) > (roads[$1].plannedRate, $0) }) {
      let (a, b) = roads[road].ends
      guard nodes[a].isUp, nodes[b].isUp, find(a) != find(b) else { continue }
      parent[find(a)] = find(b)
      narrowest = min(narrowest, roads[road].plannedRate)
    }
    return narrowest
  }

  /// The most hops between two nodes, from one of them: at most twice the others' depth.
  private func hopBound() -> Int {
    guard let first = alive.first else { return 0 }
    var depth = [first.index: 0]
    var wave = [first.index]
    while !wave.isEmpty {
      var next: [Int] = []
      for node in wave {
        for pair in pairsOf[node] {
          let other = pairs[pair].other(than: node)
          guard nodes[other].isUp, depth[other] == nil else { continue }
          depth[other] = depth[node]! + 1
          next.append(other)
        }
      }
      wave = next
    }
    return 2 * (depth.values.max() ?? 0)
  }

  // MARK: Judgement

  /// Reads the files, past the core, and compares them with the ledger and with each other.
  func judge() {
    let promised = promised()
    counts.forkedLogs = ledger.forks.count
    counts.excused = ledger.excused.count
    for (log, places) in ledger.places {
      let void = places[min(places.count, Int(ledger.lastValid(log)))...].filter { !ledger.excused.contains($0) }.count
      guard void > 0 else { continue }
      counts.void += void
      voidOf[name(ledger.entries[places[0]].node), default: 0] += void
    }
    var digests: [String: (Int, TableDigest)] = [:]
    var shared: [String: (Int, TableDigest)] = [:]
    for (order, node) in alive.enumerated() {
      let isChosen = alive.count <= 8 || order == 0 || order == alive.count / 2 || plan.nodes[node.index].isOld
      check(node, fully: isChosen, promised: promised)
      guard convergedAt != nil else { continue }
      do {
        let digest = try node.replica!.store.tableDigest()
        // Nodes with equal keys show the same; what everybody may read, all nodes do.
        let schema = node.schema.canonicalText
        let keys = node.replica!.keyring.ids.map { "\($0)" }.joined(separator: " ")
        if let (other, known) = shared[schema], known.shared != digest.shared {
          let tables = zip(known.collections, digest.collections).filter { $0.digest != $1.digest }.map(\.0.name)
          violate(
            .convergence,
            "\(name(other)) and \(name(node.index)) differ in what all may read: \(tables.joined(separator: ", "))")
        }
        shared[schema] = (node.index, digest)
        if let (other, known) = digests[schema + keys] {
          if known != digest {
            let tables = zip(known.collections, digest.collections).filter { $0.digest != $1.digest }.map(\.0.name)
            violate(.convergence, "\(name(other)) and \(name(node.index)) differ in \(tables.joined(separator: ", "))")
          }
        } else {
          digests[schema + keys] = (node.index, digest)
        }
      } catch { violate(.failure, "digest of \(name(node.index)): \(error)") }
    }
    if plan.services == true, convergedAt != nil, ledger.forks.isEmpty { judgeServices() }
    if let node = alive.isEmpty ? nil : alive[random.below(alive.count)] { rebuild(node) }
    countCopies()
  }

  private func rebuild(_ node: SimulatedNode) {
    do {
      let scratch = VirtualDisk(seed: 0)
      let report = try node.replica!.verify(
        scratch: scratch.path("scratch.sqlite"), at: node.wallClock(at: now))
      if !report.isSound { violate(.rebuild, "\(name(node.index)): \(report)") }
    } catch { violate(.failure, "verify of \(name(node.index)): \(error)") }
  }

  /// What a node may read, by the grants in its file and its clock, past the core's own keyring.
  private func readable(_ node: SimulatedNode) throws -> (Audience) -> Bool {
    let own = node.identity.certificate.node
    let now = node.wallClock(at: now).milliseconds
    var granted: Set<AudienceKeyID> = []
    try node.plain?.each(
      "SELECT \"key\" FROM key_grants WHERE node = \(own.rawValue) AND coalesce(\"until\", 9e15) > \(now)"
    ) { granted.insert(AudienceKeyID(truncatingIfNeeded: $0[0].integer)) }
    return { $0.writer == nil || $0.writer == own.ward || granted.contains($0.key()) }
  }

  /// One node's file by the ledger.
  func check(_ node: SimulatedNode, fully: Bool, promised: [LogName: SequenceNumber] = [:]) {
    do {
      let file = try NodeFile(node.path)
      for (log, sequence) in promised.sorted(by: { $0.key < $1.key }) where file.logged[log, default: 0] < sequence {
        guard convergedAt != nil else { break }
        violate(.durability, "\(name(node.index)) keeps \(file.logged[log, default: 0]) of \(sequence) of \(log)")
      }
      for (log, merged) in file.merged.sorted(by: { $0.key < $1.key }) where merged > 0 {
        guard let entry = ledger.entry(log, merged), merged <= ledger.lastValid(log) else { continue }
        for (author, sequence) in entry.known.sorted(by: { $0.key < $1.key }) {
          let other = LogName(log.lane, author)
          guard file.merged[other, default: 0] < min(sequence, ledger.certain(author, by: entry)) else { continue }
          violate(
            .model, "\(name(node.index)) merged \(log) #\(merged) before \(author) #\(sequence), which it follows")
        }
      }
      guard fully else { return }
      let check = NodeCheck(
        ledger: ledger, file: file, schema: node.schema, reads: try readable(node))
      // While a branch is whole here because nobody has met the other, the ledger does not say which one it is.
      let isWhole = file.merged.contains { $0.value > ledger.lastValid($0.key) }
      let faults = try check.purity() + (isWhole ? [] : check.model())
      for violation in faults { violate(violation.checker, "\(name(node.index)): \(violation.detail)") }
    } catch { violate(.failure, "reading \(name(node.index)): \(error)") }
  }

  private func countCopies() {
    var all = 0
    var distinct = 0
    var hops = 0
    for (node, logs) in arrivals {
      for (log, sequences) in logs where log.author.node != nodes[node].identity.certificate.node {
        for arrival in sequences.values {
          all += arrival.count
          distinct += 1
          guard arrival.at >= plan.healsAt else { continue }
          mostHops = max(mostHops, arrival.depth)
          hops += arrival.depth
          hopCount += 1
        }
      }
    }
    copies = distinct == 0 ? 1 : Double(all) / Double(distinct)
    meanHops = hopCount == 0 ? 0 : Double(hops) / Double(hopCount)
    if let bound = plan.copyBound, copies > bound {
      violate(.copies, "each change set came \(copies) times to a node, not \(bound)")
    }
  }

  // MARK: Curves

  func sample() {
    var lacks: [Int] = []
    var staleness: [Int] = []
    // What is void, or gone with the last disk that had it, nobody waits for.
    let promised = promised()
    for node in nodes {
      guard node.isUp, let store = node.replica?.store else {
        lacks.append(-1)
        staleness.append(0)
        continue
      }
      if let spent = (try? node.plain?.rows("SELECT id, amount FROM stock WHERE amount < 0 LIMIT 1"))??.first {
        violate(.stock, "\(name(node.index)) shows \(spent[1].integer) of stock \(spent[0].integer)")
      }
      var missing = 0
      var oldest = now
      for (log, sequence) in promised {
        let kept = Int(store.state(of: log).logged.sequence)
        guard kept < sequence else { continue }
        missing += Int(sequence) - kept
        oldest = min(oldest, ledger.entries[ledger.places[log]![kept]].at)
      }
      lacks.append(missing)
      staleness.append(Int((now - oldest) / 1_000_000))
    }
    samples.append(
      CurveSample(
        at: now, lacks: lacks, staleness: staleness, roadsUp: roads.count(where: \.isUp), bytes: counts.bytes))
  }

  func result() -> RunResult {
    RunResult(
      scenario: plan.scenario, seed: plan.seed, violations: violations, simulatedSeconds: Double(now) / 1_000_000,
      traceDigest: trace.digest().bytes.hexadecimal, counts: counts,
      convergedSeconds: convergedAt.map { Double($0 - plan.healsAt) / 1_000_000 }, boundSeconds: boundSeconds,
      copies: copies, mostHops: mostHops, meanHops: meanHops, nodes: plan.nodes.map(\.name),
      voidOf: voidOf, probes: Probe.take(),
      roads: roads.enumerated().map { index, road in
        let before = index < carriedAtHeal.count ? carriedAtHeal[index] : (road.bytes, road.changeSets)
        return RoadReport(
          ends: [name(road.ends.0), name(road.ends.1)], kind: road.kind, bytes: road.bytes, frames: road.frames,
          changeSets: road.changeSets, bytesAfterHeal: road.bytes - before.0,
          changeSetsAfterHeal: road.changeSets - before.1, bitsPerSecond: road.plannedRate)
      },
      samples: samples, happenings: happenings)
  }
}
