import Causality
import ChangeModel
import Federation
import Sodium

/// Who is signed in at this node. A session belongs to a browser; several people of one shelter may share it, one at a
/// time. It is kept in memory alone: a node that starts anew asks everybody to sign in again. Its times are the steady clock's:
/// none lasts longer because the wall clock went back.
actor Sessions {
  /// After so long without a request a session is locked: what was entered stays in the browser, and a password or PIN
  /// goes on with it.
  static let idle: Int64 = 30 * 60_000
  /// So long a password counts: a shift.
  static let shift: Int64 = 12 * 3_600_000
  private static let sessionLimit = 10_000

  struct Person: Sendable {
    var account: RowID
    /// The account's `changed_at` when the password was given: another one, and it has to be given again.
    var version: Int64
    var since: Tick
  }

  struct Session: Sendable {
    let csrf: String
    /// Those who gave their password here; the last is whoever did so last.
    var people: [Person]
    /// Who works now; nil while locked.
    var current: RowID?
    var seen: Tick
    /// The browser as it calls itself, and where it is: for a person who looks for a lost device.
    var device: String
  }

  private var sessions: [Digest: Session] = [:]
  private var attempts = Attempts()
  /// Called when somebody may do less than a moment ago: those who listen are looked at again.
  private let narrowed: @Sendable () -> Void

  init(narrowed: @escaping @Sendable () -> Void = {}) { self.narrowed = narrowed }

  private static func key(_ cookie: String) -> Digest { blake2b([UInt8](cookie.utf8)) }

  /// The session of a cookie as it is now.
  ///
  /// - Parameter isUsed: whether a person asks: what a page does by itself keeps nobody signed in.
  func session(_ cookie: String, at now: Tick, isUsed: Bool = true) -> Session? {
    let key = Self.key(cookie)
    guard var session = sessions[key] else { return nil }
    session.people.removeAll { now.milliseconds(since: $0.since) > Self.shift }
    guard !session.people.isEmpty else {
      sessions[key] = nil
      return nil
    }
    let isIdle = now.milliseconds(since: session.seen) > Self.idle
    if isIdle || !session.people.contains(where: { $0.account == session.current }) { session.current = nil }
    if session.current != nil, isUsed { session.seen = now }
    sessions[key] = session
    return session
  }

  /// Signs a person in, beside those who share the browser: a new cookie each time, so that none that was known before
  /// is worth anything after.
  func begin(_ account: RowID, version: Int64, sharing cookie: String?, device: String, at now: Tick) -> (
    cookie: String, session: Session
  ) {
    var people: [Person] = []
    if let cookie, let old = session(cookie, at: now) {
      people = old.people.filter { $0.account != account }
      sessions[Self.key(cookie)] = nil
    }
    if sessions.count >= Self.sessionLimit, let oldest = sessions.min(by: { $0.value.seen < $1.value.seen }) {
      sessions[oldest.key] = nil
    }
    let new = secureRandomBytes(32).hexadecimal
    let session = Session(
      csrf: secureRandomBytes(32).hexadecimal,
      people: people + [Person(account: account, version: version, since: now)],
      current: account, seen: now, device: device)
    sessions[Self.key(new)] = session
    return (new, session)
  }

  /// Goes on as one of those who share the browser; they have proven themselves by PIN or password.
  func go(on cookie: String, as account: RowID, at now: Tick) -> Session? {
    guard var session = session(cookie, at: now), session.people.contains(where: { $0.account == account }) else {
      return nil
    }
    session.current = account
    session.seen = now
    sessions[Self.key(cookie)] = session
    return session
  }

  func lock(_ cookie: String) {
    sessions[Self.key(cookie)]?.current = nil
    narrowed()
  }

  func end(_ cookie: String) {
    sessions[Self.key(cookie)] = nil
    narrowed()
  }

  // MARK: All of them

  private static func name(_ key: Digest) -> String { Array(key.bytes.prefix(12)).hexadecimal }

  /// Every session that counts, the latest first, under a name that is no cookie.
  ///
  /// - Parameter account: only those that this person shares.
  func all(of account: RowID?, at now: Tick) -> [(name: String, session: Session)] {
    sessions.filter { _, session in
      session.people.contains {
        now.milliseconds(since: $0.since) <= Self.shift && (account == nil || $0.account == account)
      }
    }.map { (Self.name($0.key), $0.value) }.sorted { $0.session.seen > $1.session.seen }
  }

  func name(of cookie: String) -> String { Self.name(Self.key(cookie)) }

  /// Takes a person out of a session by its name; with nil, everybody.
  func end(named name: String, for account: RowID?) {
    guard let key = sessions.keys.first(where: { Self.name($0) == name }) else { return }
    sessions[key]?.people.removeAll { account == nil || $0.account == account }
    if sessions[key]?.people.isEmpty == true { sessions[key] = nil }
    narrowed()
  }

  /// Takes a person out of a session: the account ended, or its password is another.
  func forget(_ account: RowID, in cookie: String) {
    let key = Self.key(cookie)
    sessions[key]?.people.removeAll { $0.account == account }
    if sessions[key]?.people.isEmpty == true { sessions[key] = nil }
  }

  // MARK: Guessing

  /// Counts a try as a wrong one before it is looked at, so that many at once are no more than one after another.
  ///
  /// - Returns: seconds to wait, and nothing is counted; nil to go on.
  func charge(_ buckets: [Attempts.Bucket], at now: Tick) -> Int? {
    if let seconds = attempts.wait(buckets, at: now) { return seconds }
    attempts.fail(buckets, at: now)
    return nil
  }

  /// The try could not be looked at.
  func withdraw(_ buckets: [Attempts.Bucket]) { attempts.withdraw(buckets) }

  func noteSuccess(_ buckets: [Attempts.Bucket]) { attempts.succeed(buckets) }
}
