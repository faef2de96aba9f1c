import Causality
import Synchronization

/// A bucket for each caller: a burst, then a steady rate. When there are too many callers to keep apart, those who have
/// been quiet longest are forgotten.
final class RateLimit: Sendable {
  private struct Bucket {
    var level: Double
    var seen: Tick
  }

  private let burst: Double
  private let perSecond: Double
  private let buckets = Mutex<[String: Bucket]>([:])

  static let callers = 10_000

  init(burst: Int, perSecond: Double) {
    self.burst = Double(burst)
    self.perSecond = perSecond
  }

  /// Whole seconds until somebody who was refused may ask again, when nobody else does.
  var pause: Int { Int((1 / perSecond).rounded(.up)) }

  /// Whether `caller` may ask once more now.
  func admits(_ caller: String, at now: Tick) -> Bool {
    buckets.withLock { buckets in
      var bucket = buckets[caller] ?? Bucket(level: burst, seen: now)
      let elapsed = Double(max(now.milliseconds(since: bucket.seen), 0)) / 1_000
      bucket.level = min(burst, bucket.level + elapsed * perSecond)
      bucket.seen = now
      let admitted = bucket.level >= 1
      if admitted { bucket.level -= 1 }
      if buckets[caller] == nil, buckets.count >= Self.callers {
        let seen = buckets.values.map(\.seen).sorted()
        let cut = seen[seen.count / 4]
        buckets = buckets.filter { $0.value.seen > cut }
      }
      buckets[caller] = bucket
      return admitted
    }
  }
}
