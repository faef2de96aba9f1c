import Causality
import ChangeModel
import Federation
import Foundation
import Gossip
import Links
import Replica
import Runbook
import Store

/// What is wrong with this node, and between it and others, as far as it knows.
extension NodeCore {
  /// Less than SQLite needs to commit anything safely, in bytes.
  private static let leastRoom = 4 << 20
  /// Not one change set more, in bytes.
  private static let noRoomAtAll = 256 << 10
  /// From then on a certificate's end is told beforehand, in milliseconds.
  private static let soon: Int64 = 14 * 86_400_000
  /// How far ahead another clock may be: two that NTP keeps differ by far less.
  private static let skew: Int64 = 2_000
  /// How far off a clock may seem over a link, in milliseconds: what it told was some time under way.
  private static let seeming: Int64 = 15_000

  /// Something was refused because the disk is full, or not.
  func noteDisk(_ error: any Error) {
    let cause: StoreError? =
      switch error {
      case ReplicaError.store(let cause): cause
      case let error as StoreError: error
      default: nil
      }
    if cause == .diskFull { noRoom.withLockedValue { $0 = $0 ?? .now() } }
  }

  /// Something is on the disk.
  func hasRoom(_ effects: ReplicaEffects) { if !effects.logs.isEmpty { noRoom.withLockedValue { $0 = nil } } }

  /// Nothing more can be written: something was refused, or there is nothing left to write on.
  public nonisolated var isDiskFull: Bool {
    noRoom.withLockedValue { $0 != nil } || freeBytes ?? .max < Self.noRoomAtAll
  }

  nonisolated var freeBytes: Int? {
    (try? FileManager.default.attributesOfFileSystem(forPath: directory.path)[.systemFreeSize] as? Int).flatMap { $0 }
  }

  /// Looks whether there is room again, while nobody writes.
  func lookForRoom() {
    guard noRoom.withLockedValue({ $0 != nil }) else { return }
    do {
      try replica.store.write { try replica.store.setNodeState("room", Instant.now().milliseconds) }
      noRoom.withLockedValue { $0 = nil }
    } catch { noteDisk(error) }
  }

  /// The clock is behind a time that has been; nil: it is not.
  ///
  /// - Returns: whether that is news.
  func noteClock(behind time: Date?) -> Bool {
    defer { clockBehind = time }
    return time != clockBehind
  }

  /// The worst first.
  ///
  /// - Parameter peers: as `peers()` has them.
  func problems(_ peers: [StatusReport.Peer], _ counts: StoreCounts) -> [Problem] {
    var found = own() + clocks() + logs()
    for report in links.neverAnswered {
      guard let failure = callFailures[report.address] else { continue }
      found.append(
        Problem(
          .neverJoined, subject: addresses[report.address],
          detail: .init(ja: failure.japanese, en: failure.english), count: report.failures))
    }
    for (peer, refusal) in refusedThere.sorted(by: { $0.key < $1.key }) {
      guard refusal.reason != .cut else {
        found.append(Problem(.cutThere, subject: name(peer), since: refusal.at.milliseconds))
        continue
      }
      found.append(
        Problem(
          .refusedThere, subject: name(peer), detail: .init(ja: refusal.reason.japanese, en: "\(refusal.reason)"),
          since: refusal.at.milliseconds))
    }
    for peer in peers where peer.state == "banned" {
      found.append(
        Problem(
          .banned, subject: peer.wardName, detail: peer.banReason.map { .init(ja: $0, en: $0) },
          since: peer.bannedUntil))
    }
    func count(_ code: Problem.Code, _ number: Int) { if number > 0 { found.append(Problem(code, count: number)) } }
    count(.cut, peers.count { $0.state == "cut" })
    // A ward without an address here that does not call is reached by card: that it is not linked is no fault.
    let down = peers.filter { $0.state == "down" }
    count(.linksDown, down.count { $0.address != nil })
    count(.byCard, down.count { $0.address == nil })
    count(.peersBehind, peers.count { $0.state == "up" && $0.lacks ?? 0 > 0 })
    for peer in peers where peer.state == "revoked" { found.append(Problem(.revokedPeer, subject: peer.wardName)) }
    count(.conflicts, counts.conflicts)
    count(.quarantined, counts.quarantined)
    return found.inOrder
  }

  /// What is wrong with the node itself.
  private func own() -> [Problem] {
    var found: [Problem] = []
    let (free, noRoomSince) = (freeBytes, noRoom.withLockedValue { $0 })
    if noRoomSince != nil || free ?? .max < Self.leastRoom {
      let room = free.map { Problem.Detail(ja: "空き \($0 >> 10) KB", en: "\($0 >> 10) KB free") }
      found.append(Problem(.noSpace, subject: directory.path, detail: room, since: noRoomSince?.milliseconds))
    }
    if replica.membership.isRevoked(replica.author) { found.append(Problem(.ownRevoked)) }
    if let end = replica.ownCertificate.end {
      let left = end.milliseconds - Instant.now().milliseconds
      if left < 0 {
        found.append(Problem(.certificateEnded, since: end.milliseconds))
      } else if left < Self.soon {
        let days = left / 86_400_000
        found.append(Problem(.certificateEnds, detail: .init(ja: "あと \(days) 日", en: "in \(days) days")))
      }
    }
    if !replica.twinEpochs.isEmpty { found.append(Problem(.twin, count: replica.twinEpochs.count)) }
    if let opened = try? replica.openedKeys(at: .now()), opened > 0 {
      found.append(Problem(.keysOpened, count: opened))
    }
    if replica.author.epoch > 0 { found.append(Problem(.newEpoch, count: Int(replica.author.epoch))) }
    let size = writeAheadLogBytes
    if size > Self.longLog {
      let held = isLogHeld
      found.append(
        Problem(
          .longLog,
          detail: .init(
            ja: "\(size >> 20) MB\(held ? "、読み続けているプログラムがあります" : "")",
            en: "\(size >> 20) MB\(held ? ", some program goes on reading" : "")")))
    }
    return found
  }

  /// Whose clock is wrong, by what all say over their links: what most agree on is the time.
  private func clocks() -> [Problem] {
    if let clockBehind {
      let day = clockBehind.formatted(.iso8601.year().month().day())
      return [
        Problem(.ownClock, detail: .init(ja: "\(day) より前の日付です", en: "it shows a day before \(day)"))
      ]
    }
    let told = gossip.reports().compactMap { report in report.clockAhead.map { (report.peer, $0) } }
    // Of two clocks nobody knows which one is wrong.
    guard told.count >= 2 else { return [] }
    func far(_ milliseconds: Int64) -> Problem.Detail {
      let seconds = (abs(milliseconds) + 500) / 1_000
      let (minutes, hours) = ((seconds + 30) / 60, (seconds + 1_800) / 3_600)
      let (ja, en) =
        seconds < 120
        ? ("\(seconds) 秒", "\(seconds) s")
        : seconds < 7_200 ? ("\(minutes) 分", "\(minutes) min") : ("\(hours) 時間", "\(hours) h")
      return milliseconds > 0
        ? .init(ja: "\(ja)進んでいます", en: "\(en) fast") : .init(ja: "\(ja)遅れています", en: "\(en) slow")
    }
    let median = told.map(\.1).sorted()[told.count / 2]
    if abs(median) > Self.seeming { return [Problem(.ownClock, detail: far(-median), count: told.count)] }
    return told.filter { abs($0.1 - median) > Self.seeming }.sorted { $0.0 < $1.0 }.map {
      Problem(.clockAhead, subject: name($0.0), detail: far($0.1))
    }
  }

  /// What the logs tell.
  private func logs() -> [Problem] {
    var found: [Problem] = []
    var ahead: (author: AuthorNumber, by: Int64)?
    // Who is linked tells what its clock says now; of others, only what they wrote is known. A time that was once ahead is
    // taken over by all who saw it.
    let linked = Set(gossip.reports().filter { $0.clockAhead != nil }.map(\.peer))
    var waiting = 0
    let now = Instant.now().milliseconds
    for log in replica.store.logNames {
      let state = replica.store.state(of: log)
      waiting += state.waiting
      let lead = state.past.time.milliseconds &- now
      if log.author.node != replica.author.node, linked.count < 2, lead > max(ahead?.by ?? 0, Self.skew) {
        ahead = (log.author, lead)
      }
    }
    if let ahead {
      let seconds = ahead.by / 1_000
      found.append(
        Problem(
          .clockAhead, subject: name(ahead.author), detail: .init(ja: "\(seconds) 秒進んでいます", en: "\(seconds) s fast")))
    }
    let forked = gossip.suspectedForks.union(replica.membership.forkedLogs.keys)
    for node in Set(forked.map(\.author.node)).sorted() { found.append(Problem(.fork, subject: name(node))) }
    for (node, bytes) in gossip.excessive.sorted(by: { $0.key < $1.key }) {
      found.append(
        Problem(.tooMuch, subject: name(node), detail: .init(ja: "\(bytes >> 20) MB", en: "\(bytes >> 20) MB")))
    }
    for node in gossip.unequal.sorted() { found.append(Problem(.tablesDiffer, subject: name(node))) }
    if waiting > 0 { found.append(Problem(.waiting, count: waiting)) }
    return found
  }

  private func name(_ node: AuthorNumber) -> String {
    let ward = identity.federation.ward(at: node.ward)
    return "\(ward?.name ?? "?") \(ward?.code ?? "?")-\(node.serial)"
  }
}

extension Farewell {
  fileprivate var japanese: String {
    switch self {
    case .revoked: "失効"
    case .ended: "証明書の期限切れ"
    case .notVouchedFor: "認証局が保証していない"
    case .otherKey: "同じ番号の別の鍵"
    case .cut: "運用者が遮断"
    case .banned: "規則を破ったため"
    case .full: "接続が多すぎる"
    case .wrongWard: "宛先の区と違う"
    case .otherVersion: "通信の版が違う(どちらかを更新する)"
    }
  }
}
