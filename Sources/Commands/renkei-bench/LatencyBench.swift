import ArgumentParser
import Causality
import ChangeModel
import Dispatch
import Foundation
import Gossip
import Replica
import SignedLog
import Synchronization

/// What a clerk waits for an edit while a large backlog comes in.
struct LatencyBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latency",
    abstract: "The 99th percentile of a clerk's commit while a backlog is merged, beside that of an idle node.",
    discussion: """
      Edits and a link's frames wait for one writer; a frame brings 64 KiB of change sets, as a link's does. The writer leaves a \
      frame for whoever waits, as a node does.
      """)
  @OptionGroup var options: BenchOptions
  @Option(help: "Edits on each side.") var edits = 500
  @Flag(help: "Nobody is let in before a frame is merged.") var patient = false

  func run() throws {
    let stream = SignedStream(rows: options.rows, perChangeSet: 100, seed: options.seed, keepsChanges: false)
    let folder = BenchFolder()
    let node = try BusyNode(stream, at: folder.path + "/replica.sqlite", isPatient: patient)
    let idle = try measure(node) { $0 < edits }
    node.begin()
    var busy: [Double] = []
    let time = try seconds { busy = try measure(node) { _ in !node.isDone } }
    let (ours, floor) = (percentile(busy), percentile(idle))
    BenchResult(
      name: "latency", ratio: ours / floor, ours: ours * 1_000, floor: floor * 1_000, unit: "ms",
      spread: [ours / floor, ours / floor], rows: options.rows,
      details: [
        "changes merged a second meanwhile": Double(options.rows) / time, "edits while merging": Double(busy.count),
        "median while merging, ms": median(busy) * 1_000, "median when idle, ms": median(idle) * 1_000,
      ]
    ).show(options.json)
  }

  /// A clerk who saves every few milliseconds for as long as `goesOn`.
  private func measure(_ node: BusyNode, while goesOn: (Int) -> Bool) throws -> [Double] {
    var (waits, random): ([Double], RandomNumbers) = ([], RandomNumbers(seed: options.seed))
    while goesOn(waits.count) {
      waits.append(try seconds { try node.commit() })
      usleep(UInt32(2_000 + random.below(6_000)))
    }
    return waits
  }

  private func percentile(_ waits: [Double]) -> Double { waits.sorted()[max(0, waits.count * 99 / 100 - 1)] }
}

/// A replica behind one queue, with a link over which frames come. Only the queue touches it.
private final class BusyNode: @unchecked Sendable {
  private let queue = DispatchQueue(label: "writer")
  private let replica: Replica
  private let gossip: Gossip
  private let link = LinkID(rawValue: 1)
  private var frames: [[UInt8]]
  private var rest: [(link: LinkID, message: Message)] = []
  private let isPatient: Bool
  private let waiting = Atomic<Int>(0)
  private let done = Atomic<Bool>(false)

  init(_ stream: SignedStream, at path: String, isPatient: Bool) throws {
    replica = try TakingReplica(stream, at: path).replica
    self.isPatient = isPatient
    gossip = Gossip(replica, program: "bench")
    frames = Self.frames(stream.runs).reversed()
    let peer = stream.identities[1].author(epoch: 0)
    gossip.connected(link, peer: peer, at: Tick(milliseconds: 0))
    frames.append(Message.hello(federation: replica.federation, author: peer, program: "bench").encoded())
  }

  var isDone: Bool { done.load(ordering: .relaxed) }

  /// Frames are merged from now on, one after another.
  func begin() {
    queue.async {
      do { try self.takeNext() } catch { preconditionFailure("a frame was not taken: \(error)") }
      if self.frames.isEmpty, self.rest.isEmpty, !self.replica.mustGoOn {
        self.done.store(true, ordering: .relaxed)
      } else {
        self.begin()
      }
    }
  }

  private func takeNext() throws {
    let isWanted = { !self.isPatient && self.waiting.load(ordering: .relaxed) > 0 }
    let (now, wall) = (Tick(milliseconds: 1), TakingReplica.now)
    let outcome =
      rest.isEmpty && !replica.mustGoOn
      ? try gossip.receive([(link, frames.removeLast())], at: now, wall: wall, until: isWanted)
      : try gossip.goOn(with: rest, at: now, wall: wall, until: isWanted)
    guard outcome.faults.isEmpty else { throw BenchFailure("\(outcome.faults)") }
    rest = outcome.rest
  }

  func commit() throws {
    waiting.add(1, ordering: .relaxed)
    defer { waiting.subtract(1, ordering: .relaxed) }
    try queue.sync {
      var draft = Draft(.life)
      draft.edit(
        Workload.evacuees, try replica.newRows(1)[0],
        [FieldEdit(3, .set(.text("佐藤 花子"))), FieldEdit(6, .set(.text("無事")))])
      _ = try replica.batch(at: TakingReplica.now) { _ = try replica.commit(draft, at: TakingReplica.now) }
    }
  }

  /// Each author's change sets in runs of up to 64 KiB, in the order in which the first of each was written.
  private static func frames(_ runs: [Run]) -> [[UInt8]] {
    var (open, frames): ([LogName: Run], [[UInt8]]) = ([:], [])
    for run in runs {
      guard var known = open[run.log] else {
        open[run.log] = run
        continue
      }
      if known.byteCount + run.byteCount > 64 * 1024 {
        frames.append(Message.run(known).encoded())
        known = run
      } else {
        known.entries += run.entries
      }
      open[run.log] = known
    }
    return frames + open.values.sorted { $0.log < $1.log }.map { Message.run($0).encoded() }
  }
}
