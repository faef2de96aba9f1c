import Causality
import ChangeModel
import Desk
import Exchange
import Federation
import Formats
import Foundation
import Gossip
import Places
import Replica
import SignedLog
import Topology

/// What a node's own operator can ask of it, by the command line, on a running node or on a folder at rest.
public enum OperatorCommand: Codable, Hashable, Sendable {
  case status(digest: Bool)
  case importShelters(file: String, source: String?)
  case exportTable(table: String, file: String)
  case exportBundle(file: String, reader: String?)
  case importBundle(file: String)
  case links
  /// A ward's code, or nil for all.
  case cut(ward: String?)
  case heal(ward: String?)
  /// Nil lifts the limit.
  case throttle(ward: String, bitsPerSecond: Int?)
  /// Drill records of this many bytes, into the registry lane.
  case fill(bytes: Int)
  case verify
  case rebuild
  /// How far the logs of a node are known here, by ward code and serial.
  case knownCut(of: NodeName)
  /// A revocation, in hexadecimal, and why.
  case revoke(statement: String, reason: String)
  /// The nodes of this node's ward that are not revoked; and new audience keys for them.
  case wardNodes
  case renewKeys(KeyRenewal)
  /// A chain of amendments, in hexadecimal, and why.
  case amend(chain: String, reason: String)
  /// What was cut out of the logs here; and to say it again as this node's own word.
  case setAside
  case adopt(lane: String, author: String)
  /// An endpoint of the services: the row in its path, and its form as JSON.
  case call(endpoint: String, row: String?, body: String)
}

/// An answer that a person or a program can act on.
public struct OperatorFailure: Error, Codable, Hashable, Sendable {
  /// 1: the answer is no. 2: wrong usage or input. 70: our fault.
  public var exitCode: Int32
  public var japanese: String
  public var english: String

  public init(_ exitCode: Int32, ja japanese: String, en english: String) {
    self.exitCode = exitCode
    self.japanese = japanese
    self.english = english
  }
}

/// Carries out an operator's commands on a node's core.
public struct Operator: Sendable {
  let core: NodeCore
  let topology: Topology
  /// Whether links are there to speak of.
  private let isRunning: Bool
  /// Who stands in the audit trail for it.
  let user: User

  /// Whoever works at the machine itself: nobody has signed in there.
  public static let atMachine = User("端末の操作者")

  public init(core: NodeCore, topology: Topology, isRunning: Bool, user: User = Operator.atMachine) {
    self.core = core
    self.topology = topology
    self.isRunning = isRunning
    self.user = user
  }

  /// - Parameter progress: takes a line now and then while a long command runs.
  /// - Returns: the result as JSON.
  /// - Throws: `OperatorFailure`.
  public func perform(
    _ command: OperatorCommand, progress: @escaping @Sendable (String) async -> Void
  ) async throws(OperatorFailure) -> Data {
    do {
      switch command {
      case .status(let digest): return encode(try await core.status(withDigest: digest, running: isRunning))
      case .importShelters(let file, let source): return encode(try await importShelters(file, source, progress))
      case .exportTable(let table, let file): return encode(try await exportTable(table, file))
      case .exportBundle(let file, let reader): return encode(try await exportBundle(file, reader))
      case .importBundle(let file): return encode(try await importBundle(file, progress))
      case .links: return encode(try await core.linksResult())
      case .cut(let ward): return encode(try await core.setCut(true, nodes(ward)))
      case .heal(let ward): return encode(try await core.setCut(false, nodes(ward)))
      case .throttle(let ward, let bits):
        return encode(try await core.throttle(nodes(ward), bytesPerSecond: bits.map { max($0 / 8, 1) }))
      case .fill(let bytes): return encode(["records": try await core.fill(bytes: bytes)] as [String: Int])
      case .knownCut(let name): return encode(try await knownCut(of: name))
      case .revoke(let statement, let reason): return encode(try await revoke(statement, reason))
      case .wardNodes: return encode(await core.inspect(WardNodes.init))
      case .renewKeys(let renewal): return encode(try await renewKeys(renewal))
      case .amend(let chain, let reason): return encode(try await amend(chain, reason))
      case .setAside: return encode(try await setAside())
      case .adopt(let lane, let author): return encode(try await adopt(lane, author))
      case .call(let endpoint, let row, let body): return try await call(endpoint, row: row, body)
      case .verify: return encode(try await core.verify())
      case .rebuild: return encode(try await core.rebuild())
      }
    } catch let failure as OperatorFailure { throw failure } catch { throw .describing(error) }
  }

  private func encode(_ value: some Encodable) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try! encoder.encode(value)
  }

  /// A list's bytes, and no more than one has: what is longer, or has no end, is not read to its end.
  private func read(_ file: String) throws -> [UInt8] {
    guard let handle = FileHandle(forReadingAtPath: file), let data = try? handle.read(upToCount: Self.listBytes + 1)
    else { throw OperatorFailure(2, ja: "ファイルを読めません: \(file)", en: "cannot read the file: \(file)") }
    guard data.count <= Self.listBytes else { throw ExchangeError.tooLarge(limit: Self.listBytes) }
    return [UInt8](data)
  }

  /// The longest list of shelters that is taken in.
  public static let listBytes = ShelterList.byteLimit

  /// Those that a text names; all without one.
  private func nodes(_ name: String?) async throws -> [AuthorNumber] {
    let peers = await core.knownPeers()
    guard let name else { return peers }
    let chosen = peers.filter { NodeReference.names(name, $0, of: core.identity.federation.ward(at: $0.ward)) }
    guard !chosen.isEmpty else {
      throw OperatorFailure(
        2, ja: "知らないノードです: \(name)。渋谷区、13113、13113-2 のように書いてください",
        en: "unknown node: \(name). Give a ward or a node of it: Shibuya, 13113, 13113-2")
    }
    return chosen
  }

  // MARK: Lists and tables

  private func importShelters(
    _ file: String, _ source: String?, _ progress: @Sendable (String) async -> Void
  ) async throws -> ImportResult {
    let start = ContinuousClock.now
    let name = (file as NSString).lastPathComponent
    let list = try ShelterList(read(file), fileName: name, topology: topology)
    let label = source ?? list.kind.rawValue
    let user = user
    var importer = try await core.inspect { replica in
      var shelters = try ShelterImport(replica, source: label)
      let subject = Replica.row(ofNodeWith: replica.identity.key.publicKey)
      shelters.note = AuditTrail.Note(
        subject, OperatorAct.importShelters.rawValue, purpose: String(name.prefix(150)), user: user.name)
      return ImportBox(shelters)
    }
    await core.inspect { _ in importer.value.note(list.problems) }
    var done = 0
    while done < list.records.count {
      let portion = Array(list.records[done..<min(done + ShelterImport.portion, list.records.count)])
      importer = try await core.importPortion(portion, importer)
      done += portion.count
      // Said after the portion is on the disk: what was said is kept, whatever happens next.
      await progress("\(done)/\(list.records.count)")
      // The node is being stopped: what was said is kept, and the same command goes on from there.
      try Task.checkCancellation()
    }
    let report = await core.inspect { _ in importer.value.report }
    let elapsed = ContinuousClock.now - start
    return ImportResult(
      file: file, list: list.kind.rawValue, encoding: list.encoding.rawValue, notice: list.notice, rows: report.rows,
      imported: report.imported, unchanged: report.unchanged, warned: report.warned, refused: report.refused,
      ofOthers: report.ofOthers,
      seconds: Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18,
      problems: report.problems.map {
        ImportResult.Problem(
          severity: $0.severity.rawValue, line: $0.line, field: $0.field, reason: $0.reason.english,
          reasonJapanese: $0.reason.japanese)
      })
  }

  private func exportTable(_ table: String, _ file: String) async throws -> ExportResult {
    let schema = await core.inspect { $0.store.schema }
    guard let collection = schema.collection(named: table) else {
      let known = schema.collections.map(\.name).joined(separator: ", ")
      throw OperatorFailure(2, ja: "表がありません: \(table)(あるもの: \(known))", en: "no such table: \(table) (known: \(known))")
    }
    guard !collection.isPersonal else {
      throw OperatorFailure(
        1, ja: "個人の記録は書き出せません。目的を付けて API で見てください: \(table)",
        en: "personal records are not exported; look at them through the API, with a purpose: \(table)")
    }
    let mark = DrillMark(core.identity.federation)
    let (csv, rows) = try await core.reader.read { db in try TableCSV.make(collection, mark, db) }
    let new = try NewFile(file)
    try new.write([UInt8](csv))
    _ = try new.finish()
    return ExportResult(table: table, rows: rows, file: file)
  }

  // MARK: Bundles

  private func exportBundle(_ file: String, _ reader: String?) async throws -> BundleResult {
    guard let reader else { return try await exportBundle(file, for: nil) }
    let named = try await nodes(reader)
    guard named.count == 1 else {
      let all = named.map { "\(core.wardCode($0))-\($0.serial)" }.joined(separator: ", ")
      throw OperatorFailure(
        2, ja: "\(reader) のノードはいくつもあります: \(all)。一つを書いてください",
        en: "\(reader) has several nodes: \(all). Name one of them")
    }
    return try await exportBundle(file, for: named[0])
  }

  private func exportBundle(_ file: String, for reader: AuthorNumber?) async throws -> BundleResult {
    let result = try await core.exportBundle(to: file, for: reader)
    let name = reader.map { core.federation.reference(to: $0) } ?? "-"
    core.keep(.exportBundle, "\(name)_\(result.changeSets)", by: user)
    return result
  }

  private func importBundle(_ file: String, _ progress: @Sendable (String) async -> Void) async throws -> BundleResult {
    guard let handle = FileHandle(forReadingAtPath: file) else {
      throw OperatorFailure(2, ja: "ファイルを読めません: \(file)", en: "cannot read the file: \(file)")
    }
    defer { try? handle.close() }
    var reader = BundleReader(federation: core.identity.federation.id)
    var result = BundleResult(file: file, bytes: 0, changeSets: 0, known: 0, refused: [])
    var atEnd = false
    var receipt: SignedHeads?
    while !atEnd {
      let piece = try handle.read(upToCount: 1 << 20) ?? Data()
      atEnd = piece.isEmpty
      result.bytes += piece.count
      reader.feed(piece)
      var runs: [Run] = []
      do throws(BundleFault) {
        while let message = try reader.next() {
          if case .run(let run) = message { runs.append(run) }
          if case .signedHeads(let heads) = message { receipt = heads }
        }
        if atEnd { try reader.finish() }
      } catch {
        switch error {
        case .notABundle, .wrongFederation: throw error
        case .damaged(let offset, let reason):
          // The framing may hold beyond a damaged frame, but no later change set of that log does.
          result.damage = "byte \(offset): \(reason.reason.rawValue)"
        case .cut(let offset): result.damage = "byte \(offset): the file ends in the middle of a frame"
        }
        atEnd = true
      }
      for run in runs { core.ahead.check(run) }
      while true {
        let (outcomes, rest) = try await core.receive(runs, from: file)
        for (outcome, run) in outcomes {
          result.changeSets += outcome.taken
          result.known! += outcome.known
          if let refusal = outcome.refusal {
            result.refused!.append(
              BundleResult.Refusal(
                log: "\(run.log.lane.name) \(run.log.author)",
                sequence: Int(run.first) + outcome.known + outcome.taken, reason: "\(refusal)"))
          }
        }
        guard let rest else { break }
        runs = rest
      }
      await progress("\(result.bytes) B")
    }
    // Its maker may be somebody whom the bundle itself has made known.
    if let receipt, try await core.take(receipt) {
      result.maker = core.federation.reference(to: receipt.author)
      result.made = receipt.made.milliseconds
    }
    core.keep(.importBundle, "\(result.maker ?? "-")_\(result.changeSets)", by: user)
    return result
  }
}

/// Carries an import between the core's thread and the command that drives it; only the core's thread looks inside.
final class ImportBox: @unchecked Sendable {
  var value: ShelterImport
  init(_ value: ShelterImport) { self.value = value }
}

extension NodeCore {
  func importPortion(_ records: [ShelterRecord], _ importer: ImportBox) throws -> ImportBox {
    try edit { _, now in
      let effects = try importer.value.take(records, at: now)
      return (importer, effects)
    }
  }

  func knownPeers() -> [AuthorNumber] {
    Set(replica.membership.certificates.keys).union(transports.values.map(\.peer)).subtracting([replica.author.node])
      .sorted()
  }

  func exportBundle(to file: String, for reader: AuthorNumber?) throws -> BundleResult {
    // A card pulled out early holds no half bundle under the right name.
    let new = try NewFile(file)
    let count = try replica.exportBundle(for: reader, at: .now(), emit: new.write)
    return BundleResult(file: file, bytes: try new.finish(), changeSets: count)
  }

  /// Takes runs in one transaction, as far as nobody waits.
  ///
  /// - Returns: what became of each, and what is left for the next; nil: nothing.
  func receive(_ runs: [Run], from source: String) throws -> ([(RunOutcome, Run)], rest: [Run]?) {
    let isWanted = { self.executor.isWanted }
    return try edit { replica, now in
      var (outcomes, rest): ([(RunOutcome, Run)], [Run]) = ([], runs)
      let effects = try replica.batch(at: now) {
        repeat {
          guard !rest.isEmpty else { return try replica.goOn(at: now, until: isWanted) }
          let run = rest.removeFirst()
          let outcome = try replica.receive(run, from: source, at: now, until: isWanted)
          outcomes.append((outcome, run))
          if let left = outcome.rest { rest.insert(left, at: 0) }
        } while !isWanted()
      }
      return ((outcomes, rest.isEmpty && !replica.mustGoOn ? nil : rest), effects)
    }
  }

  /// - Returns: whether it is the word of an enrolled node.
  func take(_ receipt: SignedHeads) throws -> Bool {
    try edit { replica, now in
      var isTaken = false
      let effects = try replica.batch(at: now) { isTaken = try replica.take(receipt) }
      return (isTaken, effects)
    }
  }

  func setCut(_ isCut: Bool, _ nodes: [AuthorNumber]) async throws -> LinksResult {
    for node in nodes {
      decide(isCut ? .cut(node) : .heal(node))
      if !isCut { gossip.allowMore(of: node) }
    }
    announceLinks()
    return try await linksResult()
  }

  func throttle(_ nodes: [AuthorNumber], bytesPerSecond: Int?) async throws -> LinksResult {
    for node in nodes { try limit(node, bytesPerSecond: bytesPerSecond) }
    return try await linksResult()
  }

  func verify() throws -> VerifyResult {
    // Tables are compared with logs of which all is merged that can be.
    try mergeWaiting()
    let scratch = try directory.scratch.file()
    let report = try withExtendedLifetime(scratch) { try replica.verify(scratch: scratch.path, at: .now()) }
    return VerifyResult(
      sound: report.isSound, changeSets: report.entries,
      badLogs: report.badLogs.map {
        VerifyResult.BadLog(log: "\($0.log.lane.name) \($0.log.author)", sequence: Int($0.sequence), reason: $0.refusal)
      },
      differingTables: report.differingTables,
      digest: try replica.store.tableDigest().shared.bytes.map { String(format: "%02x", $0) }.joined())
  }

  func rebuild() async throws -> StatusReport {
    let effects = try replica.rebuild(at: .now())
    log.notice("rebuilt the tables", metadata: ["changeSets": "\(effects.merged)"])
    return try await status(withDigest: true, running: false)
  }
}
