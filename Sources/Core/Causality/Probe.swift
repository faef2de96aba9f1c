import Synchronization

/// A place in the core that a night of the simulator should come by: what no night reaches, no night has judged. After
/// FoundationDB's CODE_PROBE. A sweep tells which were reached, and with `--probes` does not hold when one never was.
public enum Probe: Int, CaseIterable, Sendable {
  // Gossip.
  case fragmentResumed, questionAskedAgain, logGivenUp, logWaitedItsTurn, lineSlowed, roundTripSought, framesLost
  case branchSuspected, branchLookedBack, forkMetOnLink, strangerAwaited, repeatRefused, tooMuchOfOneAuthor
  // Replica.
  case changeSetWaited, changeSetCameLate, changeSetMalformed, foreignRowRefused, epochOpened, logCut, setAsideTakenBack
  case branchAdopted, branchHandedBack
  case keyCameLater, newcomerIntroduced, runOutOfOrder, backlogLeft
  // Merge and store.
  case valuesConcurrent, rowContested, rowCameBack, transactionFailed
  // Links.
  case callsCrossed, peerBanned
  // Bundles.
  case bundleDamaged

  /// Places to which no night of the ordinary sweep leads yet: tests alone come by. Each is a night that is missing.
  public static let missing: Set<Probe> = [
    // Authorities that are replaced, and what was void before.
    .changeSetCameLate, .setAsideTakenBack,
    // Who holds a stolen key writes sense, and its own rows.
    .changeSetMalformed, .foreignRowRefused,
    // No card is damaged; no liar asks for the same four megabytes again, or fills a disk; keys are granted in the services' nights alone.
    .bundleDamaged, .repeatRefused, .tooMuchOfOneAuthor, .keyCameLater,
  ]

  private static let reached = Atomic<UInt64>(0)

  /// The program came by here.
  @inline(__always)
  public func hit() { Self.reached.bitwiseOr(1 << UInt64(rawValue), ordering: .relaxed) }

  /// Those that were reached since it was last asked, by name.
  public static func take() -> [String] {
    let bits = reached.exchange(0, ordering: .relaxed)
    return allCases.filter { bits >> UInt64($0.rawValue) & 1 == 1 }.map { "\($0)" }
  }
}
