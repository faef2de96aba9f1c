import Causality
import ChangeModel
import Foundation
import GRDB
import Replica
import SignedLog
import Store

/// What holds and what does not: chains, signatures, certificates, and the tables against a rebuild.
public struct Verification: Codable, Sendable {
  public struct Certificates: Codable, Sendable {
    public var members: Int
    /// Whether the authorities' signatures were checked: that needs the genesis.
    public var checked: Bool
  }

  public struct Tables: Codable, Sendable {
    /// Whether they were made anew from the log and compared.
    public var checked: Bool
    /// Why not: `noTables`, `noKeys`, `logDamaged`; `behind` where the node was in the middle of merging what it holds.
    public var reason: String?
    public var compared: [String]
  }

  public struct Lost: Codable, Sendable {
    /// Change sets of damaged logs that cannot be used until they come from elsewhere.
    public var changeSets: Int
    /// Change sets of other logs that follow those.
    public var dependents: Int
    /// Nodes that are known to have all of what is lost here.
    public var knownElsewhere: [String]
  }

  public var schema = "renkei-inspect/verify/1"
  public var source: Source
  public var sound: Bool
  /// Whose chain and signatures hold.
  public var changeSets: Int
  /// That a bundle holds and that cannot be checked without what comes before them (`--base`).
  public var unchecked: Int
  public var certificates: Certificates
  public var tables: Tables
  public var damage: [Damage]
  public var lost: Lost
}

/// Checks everything about a replica or a bundle that can be checked.
public final class Verifier {
  private let evidence: Evidence
  private let progress: (String, Int) -> Void
  private var damage: [Damage] = []
  private var checked = 0
  private var unchecked = 0
  /// Change sets that hold once one byte is put back: read on with that byte.
  private var corrected: [Int64: [UInt8]] = [:]
  /// Logs that cannot be followed to their end, and where that begins.
  private var lost: [LogName: SequenceNumber] = [:]

  /// Bytes of a log that are verified at once: one signature for all of them.
  private static let runBytes = 1 << 20

  /// - Parameter progress: what is being checked, and how many are done.
  public init(_ evidence: Evidence, progress: @escaping (String, Int) -> Void = { _, _ in }) {
    self.evidence = evidence
    self.progress = progress
  }

  /// - Parameter scratch: an empty file, in which the tables are made anew.
  public func run(scratch: String) throws -> Verification {
    damage = evidence.damage
    try checkPages()
    for refused in evidence.papers.refused {
      damage.append(
        Damage(.certificate, file: evidence.path, subject: refused.node.map { "\($0)" } ?? "?", detail: refused.reason))
    }
    var states = try evidence.logStates()
    for log in try evidence.logsOfEntries() where states[log] == nil {
      states[log] = try evidence.derivedState(log)
      damage.append(
        Damage(.table, file: evidence.path, subject: "logs: \(Naming.log(log))", detail: "change sets without a head"))
    }
    for log in states.keys.sorted() { try check(log, states[log]!) }
    let dependents = try countDependents()
    let tables = try checkTables(scratch)
    let inFrames = damage.filter { $0.kind == .frame }.reduce(0) { $0 + $1.lost }
    let missing = lost.reduce(inFrames) { sum, entry in
      sum + Int(states[entry.key]?.logged.sequence ?? 0) - Int(entry.value) + 1
    }
    // SQLite stops at a torn end of the write-ahead log, as it is left by a power cut: what is before it counts.
    let isSound =
      damage.allSatisfy { $0.kind == .writeAheadLog && $0.offset != 0 } && lost.isEmpty
      && (checked > 0 || states.isEmpty && unchecked == 0)
    return Verification(
      source: Source(evidence), sound: isSound, changeSets: checked, unchecked: unchecked,
      certificates: Verification.Certificates(
        members: evidence.papers.certificates.count, checked: evidence.papers.canCheckCertificates),
      tables: tables, damage: damage,
      lost: Verification.Lost(
        changeSets: max(0, missing), dependents: dependents, knownElsewhere: holders(states)))
  }

  // MARK: Pages

  /// SQLite's own check of every tree of the file.
  private func checkPages() throws {
    guard evidence.kind == .database, let path = evidence.path else { return }
    progress("pages", 0)
    let messages =
      evidence.isSalvaged
      ? try Evidence.integrityMessages(path)
      : try evidence.read { try String.fetchAll($0, sql: "PRAGMA integrity_check(100)") }
    guard messages != ["ok"] else { return }
    guard let pages = try evidence.pages() else { return }
    for line in messages.flatMap({ $0.split(separator: "\n") }) where !line.hasPrefix("***") {
      var found = Damage(.page, file: path, subject: "database", detail: String(line))
      if line.contains("freelist") {
        // The header says where the list of free pages begins, and how long it is.
        found = found.at([pages.part(Extent(page: 1, offset: 32, length: 8))])
      } else if let number = Self.pageNumber(in: String(line)), (1...max(pages.pageCount, 1)).contains(number) {
        let place = pages.place(page: number, 0)
        (found.file, found.offset, found.length) = (place.file, place.offset, pages.pageSize)
        found.subject = "page \(number)"
      } else if let root = try rootPage(namedIn: String(line)) {
        found = found.at(
          pages.suspectPages(root: root).map { pages.part(Extent(page: $0, offset: 0, length: pages.pageSize)) })
      }
      damage.append(found)
    }
  }

  /// Where the tree of the table begins that a message speaks of: "… for TABLE" or "… in TABLE.COLUMN".
  private func rootPage(namedIn message: String) throws -> Int? {
    guard let last = message.split(separator: " ").last?.split(separator: ".").first else { return nil }
    return try evidence.read { db in
      try Int.fetchOne(db, sql: "SELECT rootpage FROM sqlite_schema WHERE name = ?", arguments: [String(last)])
    }
  }

  private static func pageNumber(in text: String) -> Int? {
    let words = text.split { !$0.isLetter && !$0.isNumber }
    for (word, next) in zip(words, words.dropFirst()) where word.lowercased() == "page" {
      if let number = Int(next) { return number }
    }
    return nil
  }

  // MARK: Logs

  private func check(_ log: LogName, _ state: LogState) throws {
    let found = try evidence.checkChain(log) { [self] count in
      progress("\(log.lane.name) \(log.author)", checked + count)
    }
    guard let found else {
      // Of a bundle alone, nobody may know who wrote it.
      if evidence.kind != .database {
        unchecked += try evidence.extent(of: log)?.count ?? 0
        return
      }
      let stranger = Damage(
        .certificate, file: evidence.path, subject: Naming.log(log), detail: "no certificate of its author is here",
        lost: Int(state.logged.sequence))
      damage.append(evidence.located(stranger, table: "logs", keys: Evidence.key(of: log)))
      lost[log] = 1
      return
    }
    checked += found.checked
    for sequence in found.corrections.keys.sorted() {
      let correction = found.corrections[sequence]!
      try noteByte(log, sequence, correction)
      corrected[EntryID.rawValue(log, sequence)] = correction.bytes
    }
    if let bad = found.bad {
      try noteBad(log, bad.sequence, bad.bytes)
    } else if let gap = found.gap {
      try noteGap(log, gap, state)
    } else {
      noteHead(log, state, found.head)
    }
  }

  private func noteByte(_ log: LogName, _ sequence: SequenceNumber, _ correction: ChainCheck.Correction) throws {
    var before = correction.offset
    var place: (file: String, offset: Int)?
    for part in try evidence.places(of: log, sequence) {
      if before < part.length {
        place = (part.file, part.offset + before)
        break
      }
      before -= part.length
    }
    damage.append(
      Damage(
        .changeSet, file: place?.file, offset: place?.offset, length: 1, subject: "\(Naming.log(log)) #\(sequence)",
        detail:
          "byte \(correction.offset) of \(correction.bytes.count) is \(Self.hex(correction.found)), signed was \(Self.hex(correction.right))",
        lost: 1
      ))
  }

  private static func hex(_ byte: UInt8) -> String { "0x" + [byte].hexadecimal }

  private func noteBad(_ log: LogName, _ sequence: SequenceNumber, _ bytes: [UInt8]) throws {
    let count = Int(try evidence.logStates()[log]?.logged.sequence ?? sequence) - Int(sequence) + 1
    damage.append(
      Damage(
        .changeSet, file: evidence.path, subject: "\(Naming.log(log)) #\(sequence)",
        detail: "its signature does not hold, nor with any single byte changed", lost: count
      ).at(try evidence.places(of: log, sequence)))
    lost[log] = sequence
  }

  private func noteGap(_ log: LogName, _ gap: SequenceNumber, _ state: LogState) throws {
    // A bundle may begin anywhere: without what comes before there is nothing to check it against.
    if evidence.kind != .database, gap == 1 {
      unchecked += try evidence.extent(of: log)?.count ?? 0
      return
    }
    damage.append(
      Damage(
        .missing, file: evidence.path, subject: "\(Naming.log(log)) #\(gap)",
        detail: "is not here; what follows cannot be checked without it",
        lost: max(1, Int(state.logged.sequence) - Int(gap) + 1)))
    lost[log] = gap
  }

  private func noteHead(_ log: LogName, _ state: LogState, _ head: LogHead) {
    guard evidence.kind != .bundle, state.logged != head else { return }
    // A salvaged file's heads may have been made from its change sets.
    if evidence.isSalvaged, state.logged.hash == .zero { return }
    if head.sequence < state.logged.sequence {
      damage.append(
        Damage(
          .missing, file: evidence.path, subject: "\(Naming.log(log)) #\(head.sequence + 1)",
          detail: "the log ends here; its head says #\(state.logged.sequence)",
          lost: Int(state.logged.sequence - head.sequence)))
      lost[log] = head.sequence + 1
    } else {
      damage.append(
        evidence.located(
          Damage(
            .table, file: evidence.path, subject: "logs: \(Naming.log(log))",
            detail:
              "its head #\(state.logged.sequence) \(state.logged.hash) is not the log's #\(head.sequence) \(head.hash)"),
          table: "logs", keys: Evidence.key(of: log)))
    }
  }

  // MARK: What is lost with it

  private func countDependents() throws -> Int {
    guard !lost.isEmpty else { return 0 }
    var count = 0
    for log in try evidence.logNames() where lost[log] == nil {
      try LogReader(evidence).forEach(log, decodes: false) { [lost] _, past in
        let depends = lost.contains { name, first in
          (name.lane == log.lane && past.clock[name.author] >= first)
            || (name.lane == .control && past.control[name.author] >= first)
        }
        if depends { count += 1 }
        return true
      }
    }
    return count
  }

  private func holders(_ states: [LogName: LogState]) -> [String] {
    guard !lost.isEmpty else { return [] }
    guard let knowledge = try? PeerKnowledge(evidence) else { return [] }
    return evidence.papers.certificates.keys.sorted().filter { node in
      lost.keys.allSatisfy { log in
        let head = states[log]?.logged.sequence ?? 0
        return head > 0 && knowledge.known(by: node, log) >= head && log.author.node != node || log.author.node == node
      }
    }.map { "\($0)" }
  }

  // MARK: Tables

  private func checkTables(_ scratch: String) throws -> Verification.Tables {
    guard evidence.hasTables else { return Verification.Tables(checked: false, reason: "noTables", compared: []) }
    guard let identity = evidence.papers.identity, let membership = evidence.papers.membership else {
      return Verification.Tables(checked: false, reason: "noKeys", compared: [])
    }
    guard lost.isEmpty else { return Verification.Tables(checked: false, reason: "logDamaged", compared: []) }
    let waiting = try Overview.waiting(evidence, evidence.logStates(), Naming(evidence))
    guard !waiting.contains(where: { $0.reason == "due" }) else {
      return Verification.Tables(checked: false, reason: "behind", compared: [])
    }
    let made = try Replica(scratch: scratch, identity: identity, schema: evidence.schema, membership: membership)
    try feed(made)
    try made.store.close()
    let rebuilt = try Evidence.database(scratch, identity: identity, schema: evidence.schema)
    var compared: [String] = []
    for collection in evidence.schema.collections {
      compared.append(collection.name)
      try compare(collection, rebuilt)
    }
    try compareStates(rebuilt)
    for table in ["conflicts", "deletion_marks", "members"] { try compareWhole(table, rebuilt) }
    return Verification.Tables(checked: true, reason: nil, compared: compared)
  }

  /// Every log, whole: what waits here waits there.
  private func feed(_ replica: Replica) throws {
    let now = Instant(milliseconds: 0)
    _ = try replica.batch(at: now) {
      for (log, state) in try evidence.logStates().sorted(by: { $0.key < $1.key }) where state.logged.sequence > 0 {
        var run = Run(log, first: 1, entries: [])
        var bytes = 0
        func send() throws {
          guard !run.entries.isEmpty else { return }
          _ = try replica.receive(run, from: "verify", at: now)
          run = Run(log, first: run.first + SequenceNumber(run.entries.count), entries: [])
          bytes = 0
        }
        try evidence.entries(log, through: state.logged.sequence) { sequence, entry in
          run.entries.append(corrected[EntryID.rawValue(log, sequence)] ?? entry)
          bytes += entry.count
          if bytes >= Self.runBytes { try send() }
          progress("rebuild", Int(sequence))
          return true
        }
        try send()
      }
    }
  }

  private func compare(_ collection: CollectionSchema, _ rebuilt: Evidence) throws {
    let digests = try [evidence, rebuilt].map { side in
      try side.read { try? Store.digest(of: collection, $0) }
    }
    if digests[0] != nil, digests[0] == digests[1] { return }
    let (rows, count) = try RowComparison(a: evidence, b: rebuilt).differences(collection, limit: 50)
    for row in rows {
      let fields = row.fields.map { field in
        "\(field.field): \(Self.short(field.a)), the log makes \(Self.short(field.b))"
      }
      damage.append(
        place(
          Damage(
            .row, file: evidence.path, subject: "\(collection.name) \(row.row)",
            detail: row.sides == "both"
              ? fields.joined(separator: "; ")
              : row.sides == "onlyA" ? "the log makes no such row" : "is not in the table",
            lost: 1),
          collection, row))
    }
    if count > rows.count {
      damage.append(
        Damage(
          .row, file: evidence.path, subject: collection.name, detail: "and \(count - rows.count) more rows",
          lost: count - rows.count))
    }
  }

  private static func short(_ value: JSONValue?) -> String {
    let text = value?.shown ?? "–"
    return text.count > 60 ? text.prefix(60) + "…" : text
  }

  private func compareStates(_ rebuilt: Evidence) throws {
    let (ours, made) = (try evidence.logStates(), try rebuilt.logStates())
    for (log, state) in ours.sorted(by: { $0.key < $1.key }) where state.merged.sequence > 0 {
      guard let right = made[log] else { continue }
      let same =
        state.merged == right.merged && state.past.time == right.past.time
        && state.past.clock.mentioned == right.past.clock.mentioned
        && state.past.control.mentioned == right.past.control.mentioned
      if !same {
        damage.append(
          evidence.located(
            Damage(
              .table, file: evidence.path, subject: "logs: \(Naming.log(log))",
              detail: "merged head, time or clock is not what the log gives"),
            table: "logs", keys: Evidence.key(of: log)))
      }
    }
  }

  private func compareWhole(_ table: String, _ rebuilt: Evidence) throws {
    func rows(_ evidence: Evidence) throws -> [[DatabaseValue]] {
      try evidence.read { db in
        try Row.fetchAll(db, sql: "SELECT * FROM \(table) ORDER BY 1, 2\(table == "conflicts" ? ", 3, 4, 5" : "")").map
        {
          Array($0.databaseValues)
        }
      }
    }
    let (ours, made) = (try rows(evidence), try rows(rebuilt))
    guard ours != made else { return }
    let first = zip(ours, made).prefix { $0 == $1 }.count
    let row = first < ours.count ? ours[first] : made.last ?? []
    damage.append(
      evidence.located(
        Damage(
          .table, file: evidence.path, subject: table,
          detail: "row \(first + 1) of \(ours.count) is not what the log makes (\(made.count) rows)", lost: 1),
        table: table, keys: row.prefix(5).map { Evidence.value($0) }))
  }

  // MARK: Places

  private func place(_ damage: Damage, _ collection: CollectionSchema, _ row: RowDifference) -> Damage {
    guard let id = Int64(row.row), let finder = evidence.finder else { return damage }
    return finder.located(damage, table: collection.name, id: id, columns: row.fields.map(\.field))
  }
}
