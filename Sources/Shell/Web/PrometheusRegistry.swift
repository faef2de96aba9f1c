import CoreMetrics
import NodeService
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
    }
    gauge("renkei_conflicts", "", Double(status.conflicts))
    gauge("renkei_quarantined", "", Double(status.quarantined))
    gauge("renkei_forked_logs", "", Double(status.forked))
    gauge("renkei_members", "", Double(status.members))
    gauge("renkei_database_bytes", "", Double(status.databaseBytes))
    return lines.sorted { $0.series < $1.series }.map { series, value in
      let number = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
      return series.labels.isEmpty ? "\(series.name) \(number)\n" : "\(series.name){\(series.labels)} \(number)\n"
    }.joined()
  }
}
