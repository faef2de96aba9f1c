import Catalogue
import Causality
import ChangeModel
import Exchange
import Federation
import Foundation
import Gossip
import Replica
import SignedLog
import Simulation
import Sodium
import Topology

/// What a reader is given when bytes come from anywhere. Each target takes any bytes, and traps when a promise of the
/// reader's is broken; a reader's own error is an answer.
enum Target: String, CaseIterable {
  case changeSet = "change-set"
  case frame, bundle, csv, topology

  @MainActor
  func run(_ bytes: [UInt8]) {
    switch self {
    case .changeSet: Wards.shared.takeChangeSet(bytes)
    case .frame: Wards.shared.takeFrame(bytes)
    case .bundle: Wards.shared.takeBundle(bytes)
    case .csv: Self.readList(bytes)
    case .topology: _ = try? Topology(yaml: String(decoding: bytes, as: UTF8.self))
    }
  }

  private static let network = try! Topology(yaml: Seeds.network)

  private static func readList(_ bytes: [UInt8]) {
    // Lists come in any encoding and with any name; the name matters for one publisher's only.
    guard let list = try? ShelterList(bytes, fileName: "mergeFromCity_13101.csv", topology: network) else { return }
    precondition(list.records.allSatisfy { !$0.name.isEmpty && $0.line > 0 })
  }
}

/// Two wards' nodes: one that writes what the fuzzer says, signed as its own, and one that has to take it.
@MainActor
final class Wards {
  static let shared = Wards()
  private static let now = Instant.quake
  private static let steady = Tick(milliseconds: 0)

  private struct Undo: Error {}

  private let writer: NodeIdentity
  private let reader: Replica
  private let gossip: Gossip
  private var links: UInt64 = 0

  /// The same in every process.
  nonisolated static func federation() -> SimulatedFederation {
    var federation = SimulatedFederation(wards: [("13101", "千代田区"), ("13102", "中央区")], seed: 1)
    federation.emergency = true
    return federation
  }

  private init() {
    var federation = Self.federation()
    writer = federation.node(ward: 0, keySeed: 1)
    let schema = Schema(Services.collections)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("renkei-fuzz-\(UUID())").path
    try! FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let reader = try! Replica(
      path: folder + "/reader", identity: federation.node(ward: 1, keySeed: 2), schema: schema, at: Self.now)
    let other = try! Replica(path: folder + "/writer", identity: writer, schema: schema, at: Self.now)
    for log in other.store.logNames {
      let run = Run(log, first: 1, entries: try! other.store.entries(log, from: 1, byteLimit: 1 << 20))
      _ = try! reader.batch(at: Self.now) { _ = try reader.receive(run, from: "fuzz", at: Self.now) }
    }
    self.reader = reader
    gossip = Gossip(reader)
    // Both files are open; nothing of them is to stay behind.
    try! FileManager.default.removeItem(atPath: folder)
  }

  /// The first byte says the lane, and whether what follows is a whole change set or one section in a good frame. What
  /// could be read at all is signed, taken and merged, and undone again.
  func takeChangeSet(_ bytes: [UInt8]) {
    guard let first = bytes.first, bytes.count <= Limits.changeSetBytes - 256 else { return }
    let author = writer.author(epoch: 0)
    let log = LogName(Lane.allCases[Int(first) % Lane.allCases.count], author)
    let state = reader.store.state(of: log)
    var body = [UInt8](bytes.dropFirst())
    if first & 0x80 != 0 {
      guard let edits = try? body.decoding({ raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: author) })
      else { return }
      // What was read is written and read again as itself.
      let again = SectionCodec.encode(edits, by: author)
      let same = try? again.decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: author) }
      precondition(same == edits)
      body = framed(body, after: state.past)
    }
    let layout = try? (body + [UInt8](repeating: 0, count: Signature.byteCount)).decoding {
      raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: state.past)
    }
    guard layout != nil else { return }
    let context = LogContext(federation: reader.federation, nodeKey: writer.key.publicKey, log: log)
    let entry = VerifiedEntry.signing(body, after: state.logged, in: context, with: writer.key)
    var isTaken = false
    do {
      _ = try reader.batch(at: Self.now) {
        _ = try reader.receive(
          Run(log, first: entry.sequence, entries: [entry.bytes]), from: "fuzz", at: Self.now)
        precondition(reader.store.state(of: log).logged.sequence == entry.sequence, "a signed change set was not kept")
        isTaken = true
        throw Undo()
      }
    } catch { precondition(isTaken, "\(error)") }
    precondition(reader.store.state(of: log).logged == state.logged)
  }

  private func framed(_ section: [UInt8], after past: AuthorPast) -> [UInt8] {
    var header = ByteWriter(capacity: 64)
    let time = HybridTime(milliseconds: Self.now.milliseconds + 1_000, logical: 0)
    ChangeSetLayout.writeHeader(
      ChangeSetHeader(time: time, clock: [], control: []), sections: 1, after: past, to: &header)
    header.varint(UInt32(0))
    header.blob(section)
    return header.bytes
  }

  /// One message, as read; then as a peer's, after its greeting.
  func takeFrame(_ bytes: [UInt8]) {
    let message = try? bytes.decoding { raw throws(MalformedBytes) in try Message(raw) }
    if let message {
      let again = message.encoded()
      precondition((try? again.decoding { raw throws(MalformedBytes) in try Message(raw) }) == message)
    }
    links += 1
    let link = LinkID(rawValue: links)
    gossip.connected(link, peer: writer.author(epoch: 0), at: Self.steady)
    let hello = Message.hello(federation: reader.federation, author: writer.author(epoch: 0), program: "").encoded()
    do {
      _ = try gossip.receive([(link, hello), (link, bytes)], at: Self.steady, wall: Self.now)
      while let frame = try gossip.nextFrame(for: link, at: Self.steady) {
        precondition(frame.count <= Message.byteLimit)
      }
    } catch { preconditionFailure("\(error)") }
    gossip.disconnected(link, at: Self.steady)
  }

  /// A card, read in pieces as the first byte says, behind a good header unless that byte is odd.
  func takeBundle(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    var card = BundleReader(federation: reader.federation)
    let content = (first & 1 == 0 ? Bundle.header(federation: reader.federation) : []) + bytes.dropFirst()
    let piece = Int(first >> 1) + 1
    var start = 0
    while start < content.count {
      let end = min(start + piece, content.count)
      card.feed(content[start..<end])
      start = end
      do throws(BundleFault) {
        while let message = try card.next() { precondition(!message.encoded().isEmpty) }
      } catch { return }
      precondition(card.offset <= end)
    }
    _ = try? card.finish()
  }
}
