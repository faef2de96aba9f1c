import Causality
import Gossip

/// A way between two nodes, as it is now.
struct Road {
  let ends: (Int, Int)
  let kind: String
  let latency: Moment
  let loss: Double
  let plannedRate: Int
  var rate: Int
  /// Since when it carries so much.
  var rateSince: Moment = 0
  var isUp: Bool
  /// The node whose frames vanish on this road.
  var mute: Int?
  var weather = Weather.fair

  // What passed, over all sessions.
  var bytes = 0
  var frames = 0
  var changeSets = 0

  var japaneseKind: String {
    switch kind {
    case "fibre": "光回線"
    case "leased": "専用線"
    case "mobile": "携帯回線"
    case "satellite": "衛星回線"
    case "radio": "無線"
    default: "Wi-Fi"
    }
  }

  init(_ planned: PlannedRoad) {
    ends = (planned.ends[0], planned.ends[1])
    kind = planned.kind
    latency = Moment(planned.latencyMilliseconds) * 1_000
    loss = planned.loss
    plannedRate = planned.bitsPerSecond
    rate = planned.bitsPerSecond
    isUp = planned.isUp
  }
}

/// Two nodes that can speak to each other, by whichever of their roads is best.
struct Pair {
  let ends: (Int, Int)
  let roads: [Int]

  func other(than node: Int) -> Int { ends.0 == node ? ends.1 : ends.0 }
}

/// One connection between two nodes on one road: a stream that loses nothing until it breaks, as TLS is; unless the
/// scenario's weather says otherwise.
struct Session {
  /// How far one end is.
  enum EndState {
    /// It does not know yet whom it meets.
    case shaking
    case open
    case closed
  }

  let id: Int
  let road: Int
  /// Node and life at each end. The first one called.
  let ends: [Int]
  let lives: [Int]
  /// The address that it called, by its place in its list.
  let address: Int
  let link: LinkID
  /// When the first called the second.
  let begun: Tick
  var state = [EndState.shaking, .shaking]
  /// Nothing passes any more: the road was cut or an end lost its power.
  var isBroken = false
  /// Weather once lay on it, in which a transport loses what no transport loses: an honest peer may seem to speak before
  /// its hello.
  var isUnruly = false
  var busyUntil: [Moment] = [0, 0]
  var lastArrival: [Moment] = [0, 0]

  func isOpen(_ end: Int) -> Bool { state[end] == .open }
  func end(of node: Int) -> Int { ends[0] == node ? 0 : 1 }
}
