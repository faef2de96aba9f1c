import Topology
import Yams

/// A story for a federation, as `Topology/scenarios/*.yaml` tells it: who is there, what they work, what goes wrong and
/// when, and what must hold. With a seed it makes a `Plan`.
///
/// What a file may say stands in `Topology/scenarios/README.md`.
public struct Scenario {
  public static let format = "renkei-scenario-1"

  /// The file's name without its ending.
  public var id: String
  /// Which nights its seeds are: two files that name the same one have the same nights, but for what they say otherwise. So a
  /// copy of a file, with a line taken out, shows what that line did.
  public var stream: String
  public var japaneseName: String
  public var englishName: String
  /// The topology's file, seen from the scenario's.
  public var topology: String
  public var lasts: Moment
  /// How often a sweep takes this scenario, beside others.
  public var share: Int
  /// The bound on how often each change set comes to a node.
  public var copyBound: Double?

  let nodes: Fields?
  let links: [String]
  let work: Fields?
  let faults: [FaultKind: Double]
  /// Each seed has some kinds of fault only, and more of them: runs that differ find more than runs that are alike.
  /// Source: Groce et al., "Swarm Testing" (2012).
  let isSwarm: Bool
  let timeline: [Fields]

  static let actions = [
    "cut", "heal", "islands", "one-way", "rate", "weather", "flap", "outage", "crash", "start", "blackout", "disk",
    "rot",
    "backup", "restore", "copy", "clock", "liar", "hostile", "courier", "join", "leave", "upgrade", "work", "expect",
  ]

  /// - Throws: `TopologyError` for the first thing in the header that is wrong. The timeline is read when it is planned.
  public init(yaml text: String, id: String) throws(TopologyError) {
    let file = try Fields(
      yaml: text,
      [
        "format", "name", "about", "topology", "nodes", "links", "lasts", "work", "faults", "swarm", "timeline", "end",
        "share", "stream",
      ])
    guard try file.text("format") == Self.format else { throw file.fault("format", "must be \(Self.format)") }
    self.id = id
    stream = file.has("stream") ? try file.text("stream") : ""
    let name = try Fields(file.node("name"), "name", ["ja", "en"])
    japaneseName = try name.text("ja")
    englishName = try name.text("en")
    topology = try file.text("topology")
    lasts = try file.span("lasts")
    share = try file.integer("share", 0...1_000, or: 10)
    nodes =
      file.has("nodes")
      ? try Fields(
        file.node("nodes"), "nodes", ["wards", "per-ward", "total", "joining", "copies", "old", "within", "neighbours"])
      : nil
    links = try file.texts("links")
    work = file.has("work") ? try Fields(file.node("work"), "work", ["per-hour", "until", "kind"]) : nil
    var faults: [FaultKind: Double] = [:]
    if file.has("faults") {
      let fields = try Fields(file.node("faults"), "faults", FaultKind.allCases.map(\.rawValue))
      for kind in FaultKind.allCases where fields.has(kind.rawValue) {
        faults[kind] = try fields.number(kind.rawValue, 0...10_000)
      }
    }
    self.faults = faults
    isSwarm = try file.flag("swarm")
    timeline =
      file.has("timeline")
      ? try file.list("timeline").enumerated().map { index, node throws(TopologyError) in
        try Fields(node, "timeline[\(index)]", ["at"] + Self.actions)
      } : []
    let end = file.has("end") ? try Fields(file.node("end"), "end", ["copies"]) : nil
    copyBound = try end.flatMap { end throws(TopologyError) in
      end.has("copies") ? try end.number("copies", 1...100) : nil
    }
  }
}

/// What goes wrong by chance; in files with how often an hour, over the whole federation.
public enum FaultKind: String, CaseIterable, Sendable {
  case cut, flap, island, narrow, weather, blackout, crash, rot, backup, restore, rewind, copy, clock, liar, courier,
    join
  case leave, upgrade
  case oneWay = "one-way"
  case tornWrite = "torn-write"
  case diskFull = "disk-full"
  case diskError = "disk-error"
  case stolenKey = "stolen-key"
}
