import Causality

/// Microseconds since the start of a run.
public typealias Moment = Int64

/// One node of a run.
public struct PlannedNode: Codable, Hashable, Sendable {
  /// The ward's place in the plan's list.
  public var ward: Int
  public var name: String
  /// Enrolled and running when the run begins; otherwise it joins, or is a copy, later.
  public var isThere = true
  /// Runs the older program until it is updated.
  public var isOld = false
  /// The node whose key and disk this one copies.
  public var copyOf: Int?
}

/// One way between two nodes.
public struct PlannedRoad: Codable, Hashable, Sendable {
  public var ends: [Int]
  public var kind: String
  public var bitsPerSecond: Int
  public var latencyMilliseconds: Int
  /// The share of packets that have to be sent again.
  public var loss: Double
  public var isUp = true
}

/// What a road does to frames besides carrying them.
public struct Weather: Codable, Hashable, Sendable {
  /// Shares of frames that vanish, come twice, come out of order, or come late.
  public var loss = 0.0
  public var duplicate = 0.0
  public var reorder = 0.0
  public var late = 0.0
  /// How late at most, in milliseconds; most are far less.
  public var lateMilliseconds = 0

  public static let fair = Weather()

  public init() {}
}

/// One thing that happens in a run. Nodes and roads by their places in the plan.
public enum Step: Codable, Hashable, Sendable {
  /// Somebody works: what exactly follows from the seed and from what the node shows.
  case work(node: Int, seed: UInt64)
  case cut(road: Int)
  case heal(road: Int)
  /// What `from` sends gets lost; the other way works.
  case oneWay(road: Int, from: Int)
  case rate(road: Int, bitsPerSecond: Int)
  case weather(road: Int, Weather)
  /// Power goes: at once, or in the middle of what the node writes next.
  case crash(node: Int, afterOperations: Int?)
  case start(node: Int)
  case diskFull(node: Int, isFull: Bool)
  case diskErrors(node: Int, rate: Double)
  /// Power goes, and some bits of the file turn before it returns.
  case rot(node: Int, bits: Int)
  case backup(node: Int)
  /// The backup comes back in place of the file; with the mark kept beside it, when the whole disk is put back.
  case restore(node: Int, withMark: Bool)
  /// A second machine starts with the node's key and disk.
  case copy(node: Int)
  case clock(node: Int, offsetMilliseconds: Int64, driftPerMillion: Int)
  /// A hostile peer speaks to the node for a while, with a key of its own or that of a node that was stolen.
  case liar(node: Int, key: Int?, seed: UInt64, lasting: Moment)
  /// The authority of the node's ward revokes it, at another node.
  case revoke(node: Int, at: Int)
  case join(node: Int)
  case leave(node: Int)
  /// A bundle for `to`, on the way for a while.
  case carry(from: Int, to: Int, lasting: Moment, isLost: Bool)
  case upgrade(node: Int)
  case expect(Expectation)
}

/// What must hold at a moment of a scenario.
public enum Expectation: Codable, Hashable, Sendable {
  /// These nodes keep the same and show the same.
  case agree([Int])
  /// Something that `of` wrote is not at `at`.
  case lacks(at: Int, of: Int)
  /// All that `of` wrote until `by` is at `at`.
  case has(at: Int, of: Int, by: Moment)
  /// The node holds back at least so much, with a reason.
  case refused(at: Int, least: Int)
  /// At least so many fields at the node hold more than one value.
  case conflicts(at: Int, least: Int)
  /// Some node tells that the log of this one has two branches.
  case fork(of: Int)
  /// The node writes in a later epoch than its first.
  case newEpoch(of: Int)
}

public struct TimedStep: Codable, Hashable, Sendable {
  public var at: Moment
  public var step: Step

  public init(_ at: Moment, _ step: Step) {
    self.at = at
    self.step = step
  }
}

/// A whole run before it happens: nothing in it is left to chance but the roads' own noise, which follows from the seed.
/// As a file it can be replayed, and shrunk by leaving steps out.
public struct Plan: Codable, Hashable, Sendable {
  public static let format = "renkei-plan-1"

  public var format = Plan.format
  public var scenario: String
  public var seed: UInt64
  /// Code and name of each ward.
  public var wards: [[String]]
  public var nodes: [PlannedNode]
  public var roads: [PlannedRoad]
  /// In the order of their time.
  public var steps: [TimedStep]
  /// When all trouble ends, and everybody gets the time to agree.
  public var healsAt: Moment
  /// The bound on copies of each change set per node, on roads that lose nothing.
  public var copyBound: Double?
  /// Work is what the product's own services do, by its own rules and schema; otherwise plain edits of every kind.
  public var services: Bool?
}
