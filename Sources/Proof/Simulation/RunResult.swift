import ChangeModel

/// What happened in a run, counted.
public struct RunCounts: Codable, Hashable, Sendable {
  public var events = 0
  public var writes = 0
  /// Edits that could not be made: the node was down, or had no share to spend.
  public var turnedAway = 0
  public var merged = 0
  public var sessions = 0
  public var frames = 0
  public var bytes = 0
  public var lost = 0
  public var duplicated = 0
  public var reordered = 0
  public var crashes = 0
  public var diskErrors = 0
  public var rotten = 0
  public var damageFound = 0
  /// Logs of which a node found that its file had lost something that it had acknowledged.
  public var noticedLosses = 0
  public var bundles = 0
  public var bundleBytes = 0
  public var lies = 0
  /// Links that a node closed because of what came over them.
  public var faults = 0
  /// Links that a node did not take up.
  public var refusals = 0
  public var expectations = 0
  public var forkedLogs = 0
  public var excused = 0
  /// Acknowledged edits that are void in the end: written with a key that was cut, or on a branch.
  public var void = 0

  public init() {}

  public static func += (left: inout Self, right: Self) {
    for path in allCounts { left[keyPath: path] += right[keyPath: path] }
  }

  private nonisolated(unsafe) static let allCounts: [WritableKeyPath<Self, Int>] = [
    \.events, \.writes, \.turnedAway, \.merged, \.sessions, \.frames, \.bytes, \.lost, \.duplicated, \.reordered,
    \.crashes, \.diskErrors, \.rotten, \.damageFound, \.noticedLosses, \.bundles, \.bundleBytes, \.lies, \.faults,
    \.refusals,
    \.expectations, \.forkedLogs, \.excused, \.void,
  ]
}

/// One moment of a run, for curves.
public struct CurveSample: Codable, Hashable, Sendable {
  public var at: Moment
  /// By node: change sets acknowledged somewhere, and not void, that it lacks; -1 when it is down.
  public var lacks: [Int]
  /// By node: seconds since the oldest of these was written.
  public var staleness: [Int]
  public var roadsUp: Int
  public var bytes: Int
}

/// Something to show beside the curves.
public struct Happening: Codable, Hashable, Sendable {
  public enum Kind: String, Codable, Sendable {
    case cut, heal, down, up, damaged
  }

  public var at: Moment
  public var kind: Kind
  /// A road for `cut` and `heal`, else a node.
  public var place: Int
}

public struct RoadReport: Codable, Hashable, Sendable {
  public var ends: [String]
  public var kind: String
  public var bytes: Int
  public var frames: Int
  public var changeSets: Int
  /// The same from the end of all trouble on.
  public var bytesAfterHeal: Int
  public var changeSetsAfterHeal: Int
  public var bitsPerSecond: Int
}

public struct RunResult: Codable, Hashable, Sendable {
  public var scenario: String
  public var seed: UInt64
  public var violations: [Violation]
  public var simulatedSeconds: Double
  public var traceDigest: String
  public var counts: RunCounts
  /// From the end of all trouble until everybody kept the same, and how long it might have taken.
  public var convergedSeconds: Double?
  public var boundSeconds: Double
  /// How often each change set came to a node, on average.
  public var copies: Double
  /// The most nodes that a change set went over after the heal, and the mean.
  public var mostHops: Int
  public var meanHops: Double
  public var nodes: [String]
  /// Whose acknowledged edits are void, and how many.
  public var voidOf: [String: Int]
  /// Places of the core that the run came by.
  public var probes: [String]
  public var roads: [RoadReport]
  public var samples: [CurveSample]
  public var happenings: [Happening]
}
