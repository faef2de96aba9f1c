import Causality

/// Wrong passwords and PINs, counted by whoever may be guessing. After as many as are free each further one has to wait: 30
/// seconds, twice as long each time, up to the longest. An hour of quiet forgives. Time is the steady clock's: whoever sets
/// the wall clock right locks nobody out.
struct Attempts {
  /// Whom wrong tries are held against.
  struct Bucket {
    fileprivate var key: String
    fileprivate var free: Int
    /// Milliseconds.
    fileprivate var longest: Int64

    fileprivate static func stranger(_ login: String, _ address: String) -> Bucket {
      Bucket(key: "\(login)\u{1f}\(address)", free: 5, longest: 900_000)
    }

    /// A device that has signed this person in before answers for itself: strangers at the same address, and those who guess
    /// at the same login elsewhere, neither slow nor lock it (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
    /// Of others, those who share an address are slowed, and not locked.
    static func all(_ login: String, from address: String, device: String?) -> [Bucket] {
      if let device { return [Bucket(key: "device \(device)\u{1f}\(login)", free: 5, longest: 900_000)] }
      return [
        stranger(login, address), Bucket(key: "login \(login)", free: 50, longest: 900_000),
        Bucket(key: "address \(address)", free: 30, longest: 30_000),
      ]
    }
  }

  private struct Record {
    var failures = 0
    var last: Tick
  }

  private var records: [String: Record] = [:]

  private static let forgiven: Int64 = 3_600_000
  private static let limit = 10_000

  /// Seconds to wait before another try is looked at; nil when there is none.
  func wait(_ buckets: [Bucket], at now: Tick) -> Int? {
    buckets.compactMap { bucket in
      guard let record = records[bucket.key], record.failures >= bucket.free else { return nil }
      let pause = min(Int64(30_000) << min(record.failures - bucket.free, 5), bucket.longest)
      let left = pause - now.milliseconds(since: record.last)
      return left > 0 ? Int((left + 999) / 1_000) : nil
    }.max()
  }

  mutating func fail(_ buckets: [Bucket], at now: Tick) {
    for bucket in buckets {
      makeRoom(at: now)
      var record = records[bucket.key] ?? Record(last: now)
      if now.milliseconds(since: record.last) > Self.forgiven { record.failures = 0 }
      record.failures += 1
      record.last = now
      records[bucket.key] = record
    }
  }

  /// Takes back what this very caller added: who mistypes and then gets in leaves nothing for the others of the address.
  mutating func succeed(_ buckets: [Bucket]) {
    guard let share = buckets.first.flatMap({ records[$0.key]?.failures }) else { return }
    for bucket in buckets { take(share, from: bucket) }
  }

  /// Takes back the last one.
  mutating func withdraw(_ buckets: [Bucket]) { for bucket in buckets { take(1, from: bucket) } }

  private mutating func take(_ count: Int, from bucket: Bucket) {
    guard let failures = records[bucket.key]?.failures else { return }
    if failures > count { records[bucket.key]?.failures = failures - count } else { records[bucket.key] = nil }
  }

  /// Whoever floods this list loses its oldest half, and not the node its memory.
  private mutating func makeRoom(at now: Tick) {
    guard records.count >= Self.limit else { return }
    records = records.filter { now.milliseconds(since: $0.value.last) < Self.forgiven }
    guard records.count >= Self.limit else { return }
    let cut = records.values.map(\.last).sorted()[records.count / 2]
    records = records.filter { $0.value.last > cut }
  }
}
