import Causality
import ChangeModel

/// How many people each account and token looked at in the last hour, at this node: nobody carries off a ward's register by
/// looking at it, unless a second person says yes.
///
/// Kept in memory: a node that starts anew begins anew; the audit trail does not.
public struct LookTally: Sendable {
  /// A shelter's whole register, twice over.
  public static let most = 500
  static let hour: Int64 = 3_600_000

  /// Whom each looked at, and when last. Never more than `most` of each but where somebody allowed it.
  private var seen: [RowID: [RowID: Instant]] = [:]

  public init() {}

  /// - Throws: when these would be too many; none of them may be shown then.
  public mutating func admit(_ people: [RowID], by user: User, at now: Instant) throws(Fault) {
    // Who is at the machine itself has the whole database before them.
    guard let account = user.account, !people.isEmpty else { return }
    var known = seen[account, default: [:]].filter { now.milliseconds - $0.value.milliseconds < Self.hour }
    for person in people { known[person] = now }
    guard known.count <= Self.most || user.looksUntil.map({ $0 > now }) ?? false else {
      throw Fault(
        .forbidden, field: "id",
        ja: "1 時間に見られるのは \(Self.most) 人までです。仕事で要るときは、別の人が「多人数の閲覧を認める」で承認します。管理者に頼んでください",
        en:
          "no more than \(Self.most) people can be looked at in an hour: where work needs more, an administrator has to allow it"
      )
    }
    seen[account] = known
    // Whoever has not looked for an hour is forgotten.
    if seen.count > 1_000 {
      seen = seen.filter { $0.value.values.contains { now.milliseconds - $0.milliseconds < Self.hour } }
    }
  }
}
