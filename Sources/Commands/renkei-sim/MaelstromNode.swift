import Terminal
import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Gossip
import Replica
import Simulation
import Sodium
import Store

/// One Maelstrom node: client operations become edits, edits go to the other nodes by gossip.
final class MaelstromNode {
  private static let elements = CollectionSchema(
    900, "elements", lane: .life, law: .open, fields: [FieldSchema(1, "value", ja: "値", en: "Value")])
  private static let counters = CollectionSchema(
    901, "counters", lane: .life, law: .open, fields: [FieldSchema(1, "sum", .counter, .integer, ja: "計", en: "Sum")])
  /// The one counter of a run.
  private static let counter = RowID(derivedFrom: 1)

  /// Up to so many nodes, everybody keeps a link with everybody, unless a topology is given.
  private static let meshLimit = 10

  private let name: String
  private let replica: Replica
  private let gossip: Gossip
  private var links: [String: MaelstromLink] = [:]
  private let authors: [String: AuthorNumber]
  private var nextLink: UInt64 = 1
  /// Goes up from one life of this node to the next, and within it.
  private var nextSession: UInt64

  private let workload: MaelstromWorkload

  init(_ message: MaelstromMessage, in folder: String, for workload: MaelstromWorkload) throws {
    self.workload = workload
    guard let name = message.body["node_id"] as? String, let names = message.body["node_ids"] as? [String],
      let place = names.firstIndex(of: name), !name.contains("/"), !name.hasPrefix(".")
    else { throw Problem("init に node_id と node_ids がありません", "init lacks node_id and node_ids") }
    self.name = name
    // Every node makes the same federation out of the nodes' names.
    var federation = SimulatedFederation(wards: names.indices.map { (Self.code($0), names[$0]) }, seed: 1)
    var authors: [String: AuthorNumber] = [:]
    var own: NodeIdentity?
    for (index, other) in names.enumerated() {
      let identity = federation.node(ward: index, keySeed: 1)
      authors[other] = identity.certificate.node
      if index == place { own = identity }
    }
    self.authors = authors
    let path = "\(folder)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let now = Instant(milliseconds: WallClock.milliseconds)
    replica = try Replica(
      path: "\(path)/replica.sqlite", identity: own!, schema: Schema([Self.elements, Self.counters]),
      keeper: HighWaterFile(path: "\(path)/high-water"), at: now)
    gossip = Gossip(replica)
    nextSession = UInt64(now.milliseconds) << 20
    let others =
      names.count <= Self.meshLimit
      ? names : [-2, -1, 1, 2].map { names[(place + $0 + names.count) % names.count] }
    for other in others { link(to: other) }
  }

  /// Five digits, one after the other.
  private static func code(_ index: Int) -> String { String(10_000 + index) }

  private func link(to other: String) {
    guard other != name, links[other] == nil, authors[other] != nil else { return }
    links[other] = MaelstromLink(id: LinkID(rawValue: nextLink), session: session())
    nextLink += 1
  }

  private func session() -> UInt64 {
    nextSession += 1
    return nextSession
  }

  var nextDeadline: Tick? {
    let due = links.values.compactMap(\.nextDeadline) + [gossip.nextDeadline].compactMap { $0 }
    return due.min()
  }

  // MARK: One turn

  /// Takes what came; durable before it is acknowledged; then sends what there is to send.
  func turn(_ messages: [MaelstromMessage], at now: Tick, wall: Instant) throws {
    var frames: [(link: LinkID, bytes: [UInt8])] = []
    for message in messages where message.type == MaelstromLink.type { frames += take(message, at: now) }
    if !frames.isEmpty {
      let outcome = try gossip.receive(frames, at: now, wall: wall)
      for (id, _) in outcome.faults { reset(id, at: now) }
    }
    try serve(messages.filter { $0.type != MaelstromLink.type }, at: now, wall: wall)
    for id in gossip.tick(at: now) { reset(id, at: now) }
    for other in links.keys.sorted() { try pump(other, at: now) }
  }

  private func reset(_ id: LinkID, at now: Tick) {
    guard let other = links.first(where: { $0.value.id == id })?.key else { return }
    if links[other]!.isConnected { gossip.disconnected(id, at: now) }
    links[other]!.begin(session: session())
  }

  private func take(_ message: MaelstromMessage, at now: Tick) -> [(link: LinkID, bytes: [UInt8])] {
    link(to: message.source)
    guard let link = links[message.source] else { return [] }
    let wasConnected = link.isConnected
    let frames = links[message.source]!.take(message.body, nextSession: session, at: now)
    if wasConnected, links[message.source]!.session != link.session { gossip.disconnected(link.id, at: now) }
    if links[message.source]!.isConnected, !wasConnected || links[message.source]!.session != link.session {
      gossip.connected(link.id, peer: authors[message.source]!, at: now)
    }
    return frames.map { (link.id, $0) }
  }

  private func pump(_ other: String, at now: Tick) throws {
    let id = links[other]!.id
    while links[other]!.hasRoom, let frame = try gossip.nextFrame(for: id, at: now) { links[other]!.add(frame) }
    if let body = links[other]!.due(at: now) { MaelstromMessage(from: name, to: other, body).send() }
  }

  // MARK: What clients ask

  private func serve(_ messages: [MaelstromMessage], at now: Tick, wall: Instant) throws {
    guard !messages.isEmpty else { return }
    var replies: [MaelstromMessage] = []
    // One transaction for all that came at once: on the disk before anybody is told.
    let effects = try replica.batch(at: wall) {
      for message in messages where message.body["in_reply_to"] == nil {
        replies.append(MaelstromMessage.reply(to: message, try self.answer(message, at: wall)))
      }
    }
    gossip.grew(effects.logs, at: now)
    for reply in replies { reply.send() }
  }

  private func answer(_ message: MaelstromMessage, at now: Instant) throws -> [String: Any] {
    switch message.type {
    case "topology":
      if let neighbours = (message.body["topology"] as? [String: [String]])?[name] {
        for other in neighbours { link(to: other) }
      }
      return ["type": "topology_ok"]
    case "broadcast":
      return try add(message.body["message"], at: now) ?? ["type": "broadcast_ok"]
    case "add" where message.body["element"] != nil:
      return try add(message.body["element"], at: now) ?? ["type": "add_ok"]
    case "add":
      guard let delta = (message.body["delta"] as? NSNumber)?.int64Value else { return Self.error(12, "no delta") }
      if delta != 0 {
        var draft = Draft(.life)
        draft.edit(Self.counters, Self.counter, [FieldEdit(1, .increment(delta))])
        _ = try replica.commit(draft, at: now)
      }
      return ["type": "add_ok"]
    case "read": return try read()
    default: return Self.error(10, "\(message.type) is not supported")
    }
  }

  private static func error(_ code: Int, _ text: String) -> [String: Any] {
    ["type": "error", "code": code, "text": text]
  }

  /// Nil when it is added.
  private func add(_ element: Any?, at now: Instant) throws -> [String: Any]? {
    guard let element,
      let data = try? JSONSerialization.data(withJSONObject: element, options: [.fragmentsAllowed, .sortedKeys])
    else { return Self.error(12, "no element") }
    let text = String(decoding: data, as: UTF8.self)
    let row = RowID(derivedFrom: blake2b([UInt8](text.utf8)).prefix)
    guard try replica.store.state(of: row, in: Self.elements.number) == nil else { return nil }
    var draft = Draft(.life)
    draft.edit(Self.elements, row, [FieldEdit(1, .set(.text(text)))])
    _ = try replica.commit(draft, at: now)
    return nil
  }

  private func read() throws -> [String: Any] {
    let sum = try replica.store.state(of: Self.counter, in: Self.counters.number)?.shown(Self.counters.fields[0])
      .integer
    let texts = try replica.store.read { try String.fetchAll($0, sql: "SELECT value FROM elements ORDER BY id") }
    let elements = texts.compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
    }
    // The schemas are closed: a member too many is malformed.
    switch workload {
    case .broadcast: return ["type": "read_ok", "messages": elements]
    case .gSet: return ["type": "read_ok", "value": elements]
    case .gCounter, .pnCounter: return ["type": "read_ok", "value": sum ?? 0]
    }
  }
}
