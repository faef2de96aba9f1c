import Causality

/// Wrong passwords and PINs, counted by whoever may be guessing. After `free` of them each further one has to wait: 30
/// seconds, twice as long each time, 15 minutes at most. An hour of quiet forgives.
struct Attempts {
  private struct RowValues {
    var failures = 0
    var last: Instant
  }

  private var records: [String: RowValues] = [:]

  private static let forgiven: Int64 = 3_600_000
  private static let limit = 10_000

  /// Seconds to wait before another try is looked at.
  func wait(_ key: String, free: Int, at now: Instant) -> Int? {
    guard let record = records[key], record.failures >= free else { return nil }
    let pause = Int64(30_000) << min(record.failures - free, 5)
    let left = record.last.milliseconds + min(pause, 900_000) - now.milliseconds
    return left > 0 ? Int((left + 999) / 1_000) : nil
  }

  mutating func fail(_ key: String, at now: Instant) {
    if records.count >= Self.limit {
      records = records.filter { now.milliseconds - $0.value.last.milliseconds < Self.forgiven }
      // Whoever floods this list loses its oldest half, and not the node its memory.
      if records.count >= Self.limit {
        let cut = records.values.map(\.last.milliseconds).sorted()[records.count / 2]
        records = records.filter { $0.value.last.milliseconds > cut }
      }
    }
    var record = records[key] ?? RowValues(last: now)
    if now.milliseconds - record.last.milliseconds > Self.forgiven { record.failures = 0 }
    record.failures += 1
    record.last = now
    records[key] = record
  }

  mutating func succeed(_ key: String) { records[key] = nil }
}
