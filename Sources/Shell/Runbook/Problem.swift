/// One thing that is wrong with a node, or between it and others: what `status`, `/readyz`, the metrics and the pages name.
public struct Problem: Codable, Hashable, Sendable {
  /// One page of the runbook each. The order is that of urgency: the first is said first.
  public enum Code: String, Codable, CaseIterable, Sendable {
    // Nothing more can be entered, or what is here cannot be relied on.
    case damage, noSpace, ownRevoked, certificateEnded
    // Somebody has to look.
    case newerFile, tablesDiffer, tooMuch, refusedThere, twin, fork, keysOpened, ownClock, clockAhead, neverJoined,
      banned,
      tornLog,
      certificateEnds
    // It goes on by itself, or by card.
    case waiting, cut, cutThere, linksDown, peersBehind, longLog
    // Good to know.
    case revokedPeer, byCard, newEpoch, conflicts, quarantined
  }

  /// How urgent: the exit code of a check that counts as Nagios does.
  public enum Level: Int, Comparable, Sendable {
    case sound, behind, attention, broken

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  public var code: Code
  /// Whom or what it is about: a ward's node, an address, a folder.
  public var subject: String?
  /// What is known besides: a reason, an amount.
  public var detail: Detail?
  public var count: Int?
  /// Milliseconds since 1970.
  public var since: Int64?

  /// What is known besides, in both languages.
  public struct Detail: Codable, Hashable, Sendable {
    public var ja: String
    public var en: String

    public init(ja: String, en: String) {
      self.ja = ja
      self.en = en
    }
  }

  public init(_ code: Code, subject: String? = nil, detail: Detail? = nil, count: Int? = nil, since: Int64? = nil) {
    self.code = code
    self.subject = subject
    self.detail = detail
    self.count = count
    self.since = since
  }

  public var level: Level { code.level }
}

extension Problem.Code {
  public var level: Problem.Level {
    switch self {
    case .damage, .noSpace, .ownRevoked, .certificateEnded: .broken
    case .newerFile, .tablesDiffer, .tooMuch, .twin, .fork, .keysOpened, .ownClock, .clockAhead, .neverJoined,
      .refusedThere,
      .banned, .tornLog,
      .certificateEnds:
      .attention
    case .waiting, .cut, .cutThere, .linksDown, .peersBehind, .longLog: .behind
    case .revokedPeer, .byCard, .newEpoch, .conflicts, .quarantined: .sound
    }
  }
}

extension [Problem] {
  /// The worst first.
  public var inOrder: [Problem] {
    let places = Dictionary(uniqueKeysWithValues: Problem.Code.allCases.enumerated().map { ($1, $0) })
    return sorted { (places[$0.code]!, $0.subject ?? "") < (places[$1.code]!, $1.subject ?? "") }
  }

  public var level: Problem.Level { map(\.level).max() ?? .sound }
}
