import Desk
import Replica

/// The one way to an endpoint of the services, for the API, the pages and the operator's command line.
extension NodeCore {
  /// What a read answers, and whose data it shows. Nobody sees people before it is written down who saw them.
  public nonisolated func look(_ endpoint: Endpoint, _ inquiry: Inquiry, in catalogue: Catalogue) async throws -> Seen {
    let seen = try await reader.read { db in try catalogue.read(endpoint, inquiry, db) }
    if !seen.subjects.isEmpty { try await note(seen, endpoint, inquiry, in: catalogue) }
    return seen
  }

  /// - Throws: when the user looked at too many people within the hour.
  private func note(_ seen: Seen, _ endpoint: Endpoint, _ inquiry: Inquiry, in catalogue: Catalogue) throws {
    try looks.admit(seen.subjects, by: inquiry.user, at: inquiry.now)
    try edit { replica, _ in
      ((), try catalogue.note(seen, endpoint, inquiry, on: replica) ?? ReplicaEffects())
    }
  }

  /// Carries a write out, at the core's own time.
  public func carryOut(_ endpoint: Endpoint, _ inquiry: Inquiry, in catalogue: Catalogue) throws -> Done {
    try edit { replica, now in
      var inquiry = inquiry
      inquiry.now = now
      let done = try catalogue.write(endpoint, inquiry, on: replica)
      // Who may do what is written down where the operator reads it too: accounts and tokens, made, changed and ended.
      if endpoint.access == .administration, !done.isRepeated {
        log.notice(
          "administration",
          metadata: [
            "event": "\(endpoint.id)", "row": "\(inquiry.row.map { "\($0)" } ?? done.answer["id"].text ?? "-")",
            "who": "\(inquiry.user.account.map { "\($0)" } ?? "operator")",
          ])
      }
      return (done, done.effects)
    }
  }
}
