import CoreMetrics
import NodeService
import Runbook
import Synchronization

/// A swift-metrics backend that answers in Prometheus' text format. Small on purpose: counters, gauges, and sums of
/// recorded values, which is all that a node has.
public final class PrometheusRegistry: MetricsFactory {
  private struct Series: Hashable, Comparable {
    var name: String
    var labels: String

    static func < (left: Self, right: Self) -> Bool { (left.name, left.labels) < (right.name, right.labels) }
  }

  /// A metric is never made up by a request's path: labels beyond these many go uncounted.
  private static let seriesLimit = 2_000

  private let values = Mutex<[Series: Double]>([:])

  public init() {}

  fileprivate func update(_ name: String, _ labels: String, _ change: (inout Double) -> Void) {
    let series = Series(name: name, labels: labels)
    values.withLock { values in
      guard values[series] != nil || values.count < Self.seriesLimit else { return }
      change(&values[series, default: 0])
    }
  }

  // MARK: MetricsFactory

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    Handler(self, label, dimensions)
  }
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    Handler(self, label, dimensions)
  }
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    Handler(self, label, dimensions)
  }
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    Handler(self, label, dimensions)
  }
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}

  private final class Handler: CounterHandler, RecorderHandler, TimerHandler, MeterHandler {
    private let registry: PrometheusRegistry
    private let name: String
    private let labels: String

    init(_ registry: PrometheusRegistry, _ label: String, _ dimensions: [(String, String)]) {
      self.registry = registry
      name = PrometheusRegistry.identifier(label)
      labels = dimensions.map { "\(PrometheusRegistry.identifier($0))=\"\(PrometheusRegistry.escaped($1))\"" }.joined(
        separator: ",")
    }

    func increment(by amount: Int64) { registry.update(name, labels) { $0 += Double(amount) } }
    func reset() { registry.update(name, labels) { $0 = 0 } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
      registry.update(name + "_sum", labels) { $0 += value }
      registry.update(name + "_count", labels) { $0 += 1 }
    }
    func recordNanoseconds(_ duration: Int64) {
      registry.update(name + "_seconds_sum", labels) { $0 += Double(duration) / 1e9 }
      registry.update(name + "_seconds_count", labels) { $0 += 1 }
    }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { registry.update(name, labels) { $0 = value } }
    func increment(by amount: Double) { registry.update(name, labels) { $0 += amount } }
    func decrement(by amount: Double) { registry.update(name, labels) { $0 -= amount } }
  }

  /// What Prometheus takes as a name.
  fileprivate static func identifier(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" ? $0 : "_" })
  }

  fileprivate static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  // MARK: Exposition

  /// Everything, with the node's state as gauges.
  func exposition(with status: StatusReport) -> String {
    var lines = values.withLock { values in values.map { (series: $0, value: $1) } }
    func gauge(_ name: String, _ labels: String, _ value: Double) {
      lines.append((Series(name: name, labels: labels), value))
    }
    for lane in status.lanes {
      gauge("renkei_change_sets", "lane=\"\(lane.lane)\"", Double(lane.changeSets))
      gauge("renkei_change_sets_waiting", "lane=\"\(lane.lane)\"", Double(lane.waiting))
    }
    for (table, rows) in status.rows { gauge("renkei_rows", "table=\"\(table)\"", Double(rows)) }
    for peer in status.peers {
      let labels = "node=\"\(peer.node)\",ward=\"\(peer.ward)\""
      gauge("renkei_link_up", labels, peer.state == "up" ? 1 : 0)
      if let lacks = peer.lacks { gauge("renkei_peer_lacks_change_sets", labels, Double(lacks)) }
      if let way = peer.onTheirWay { gauge("renkei_peer_change_sets_on_their_way", labels, Double(way)) }
      if let bytes = peer.lacksBytes { gauge("renkei_peer_lacks_bytes", labels, Double(bytes)) }
      if let heard = peer.lastHeard { gauge("renkei_peer_last_heard_seconds", labels, Double(heard) / 1_000) }
      if let round = peer.roundTripMilliseconds {
        gauge("renkei_link_round_trip_seconds", labels, Double(round) / 1_000)
      }
      if let rate = peer.bytesPerSecondMeasured { gauge("renkei_link_measured_bytes_per_second", labels, Double(rate)) }
    }
    for code in Problem.Code.allCases {
      let here = status.problems.filter { $0.code == code }
      gauge("renkei_problem", "code=\"\(code.rawValue)\"", Double(here.reduce(0) { $0 + ($1.count ?? 1) }))
    }
    if let end = status.certificateUntil { gauge("renkei_certificate_end_seconds", "", Double(end) / 1_000) }
    gauge("renkei_conflicts", "", Double(status.conflicts))
    gauge("renkei_quarantined", "", Double(status.quarantined))
    gauge("renkei_forked_logs", "", Double(status.forked))
    gauge("renkei_members", "", Double(status.members))
    gauge("renkei_database_bytes", "", Double(status.databaseBytes))
    gauge("renkei_write_ahead_log_bytes", "", Double(status.writeAheadLogBytes ?? 0))
    var last: String?
    return lines.sorted { $0.series < $1.series }.map { series, value in
      let head = series.name == last ? "" : Self.head(of: series.name)
      last = series.name
      let number = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
      return head
        + (series.labels.isEmpty ? "\(series.name) \(number)\n" : "\(series.name){\(series.labels)} \(number)\n")
    }.joined()
  }

  /// What a metric of the node's own tells; those of libraries have no words here.
  private static let help: [String: String] = [
    "renkei_change_sets": "Change sets kept, by lane.",
    "renkei_change_sets_waiting": "Change sets that wait for others, by lane.",
    "renkei_change_sets_merged_total": "Change sets merged since the start.",
    "renkei_change_sets_set_aside_total": "Change sets set aside since the start.",
    "renkei_strangers_refused_total": "Reports of people who did not sign in that were refused: too many at once.",
    "renkei_rows": "Rows, by table.", "renkei_link_up": "1 when a peer is linked.",
    "renkei_peer_lacks_change_sets": "Change sets that a peer has not said to keep.",
    "renkei_peer_change_sets_on_their_way": "Of these, those that were sent and are not acknowledged.",
    "renkei_peer_lacks_bytes": "Bytes of the change sets that a peer has not said to keep.",
    "renkei_peer_last_heard_seconds": "When a peer was last heard, in seconds since 1970.",
    "renkei_link_round_trip_seconds": "There and back on an idle link.",
    "renkei_link_measured_bytes_per_second": "What a link was measured to carry.",
    "renkei_problem": "How many of each problem of the runbook there are: renkei-inspect explain CODE.",
    "renkei_certificate_end_seconds": "When this node's certificate ends, in seconds since 1970.",
    "renkei_conflicts": "Conflicts that nobody has settled.", "renkei_quarantined": "Refused change sets.",
    "renkei_forked_logs": "Logs with two branches.", "renkei_members": "Nodes that are enrolled.",
    "renkei_database_bytes": "Bytes of the database.",
    "renkei_write_ahead_log_bytes":
      "Of these, bytes of the write-ahead log: they grow while a program goes on reading.",
  ]

  private static func head(of name: String) -> String {
    guard let help = help[name] else { return "" }
    return "# HELP \(name) \(help)\n# TYPE \(name) \(name.hasSuffix("_total") ? "counter" : "gauge")\n"
  }
}
