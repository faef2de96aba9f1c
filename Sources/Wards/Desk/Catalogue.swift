import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Replica

/// All that a node's services do, and the one way to do it: checked, noted in the audit trail, on the disk.
public struct Catalogue: Sendable {
  public let endpoints: [Endpoint]
  /// Which purposes let a ward look at another's data now: the words of the declarations in force.
  public let grounds: @Sendable (Database, String, Instant) throws -> Set<String>
  /// The purpose "the person agreed".
  public let consent: String
  /// The name under which a subject stands in the audit trail.
  private let conceal: @Sendable (RowID, Inquiry, Database) throws -> RowID

  public init(
    _ endpoints: [Endpoint], consent: String,
    conceal: @escaping @Sendable (RowID, Inquiry, Database) throws -> RowID,
    grounds: @escaping @Sendable (Database, String, Instant) throws -> Set<String>
  ) {
    self.endpoints = endpoints
    self.grounds = grounds
    self.consent = consent
    self.conceal = conceal
    precondition(Set(endpoints.map(\.id)).count == endpoints.count)
  }

  public subscript(id: String) -> Endpoint {
    guard let endpoint = endpoints.first(where: { $0.id == id }) else { preconditionFailure("no endpoint \(id)") }
    return endpoint
  }

  /// Works a write out and commits it, within one transaction. On the replica's thread.
  ///
  /// - Parameter committed: told each change set with its dot, before the transaction is on the disk.
  /// - Returns: what the transaction did, and the answer as it stands after it.
  public func write(
    _ endpoint: Endpoint, _ inquiry: Inquiry, on replica: Replica, committed: (Draft, Dot) -> Void = { _, _ in }
  ) throws -> (ReplicaEffects, JSON) {
    guard case .write(let body) = endpoint.action else { preconditionFailure("\(endpoint.id) only reads") }
    guard !endpoint.path.contains("{id}") || inquiry.row != nil else { throw Fault.notFound("id") }
    let desk = Desk(replica: replica, inquiry: inquiry)
    var answer: ((Database) throws -> JSON)!
    var failure: (any Error)?
    let effects: ReplicaEffects
    do {
      effects = try replica.batch(at: inquiry.now) {
        do {
          if let key = inquiry.requestKey, let kept = try replica.store.answer(toRequest: key) {
            let again = try JSON.decode(kept)
            answer = { _ in again }
            return
          }
          var written = try body(desk)
          answer = written.answer
          let notes = try desk.read { db in try written.subjects.map { try conceal($0, inquiry, db) } }.map {
            AuditTrail.Note(
              $0, endpoint.id, purpose: inquiry.given.text("purpose"), user: inquiry.user.name)
          }
          for index in written.drafts.indices where !written.drafts[index].isEmpty {
            AuditTrail.note(notes, in: &written.drafts[index], by: replica.author, at: inquiry.now)
            committed(written.drafts[index], try replica.commit(written.drafts[index], at: inquiry.now))
          }
          if let key = inquiry.requestKey {
            var kept = try desk.read(answer)
            // What is shown once is not kept.
            if case .object(var members) = kept, members.removeValue(forKey: "token") != nil { kept = .object(members) }
            try replica.store.keepAnswer(kept.bytes, toRequest: key, at: inquiry.now.milliseconds)
          }
        } catch {
          failure = Fault.of(error)
          throw error
        }
      }
    } catch { throw failure ?? error }
    return (effects, try desk.read(answer))
  }

  /// Answers a read, on any thread. What it shows of another ward's people has to be noted, with `note`, before anybody
  /// sees it.
  ///
  /// - Throws: `Fault` when it would show such data and no purpose is given, or none that is in force.
  public func read(_ endpoint: Endpoint, _ inquiry: Inquiry, _ db: Database) throws -> Seen {
    guard case .read(let body) = endpoint.action else { preconditionFailure("\(endpoint.id) writes") }
    guard !endpoint.path.contains("{id}") || inquiry.row != nil else { throw Fault.notFound("id") }
    let seen = try body(inquiry, db)
    let foreign = seen.subjects.filter { !inquiry.isOwn($0) }
    guard !foreign.isEmpty, !endpoint.isForServices else { return seen }
    guard let purpose = inquiry.given.text("purpose") else {
      throw .badValue(
        "purpose", ja: "他区の個人情報を見る目的を入れてください", en: "say for what purpose another ward's personal data is looked at")
    }
    let isGrounded =
      purpose == consent
      ? foreign.allSatisfy(seen.consented.contains) : try grounds(db, inquiry.ward, inquiry.now).contains(purpose)
    guard isGrounded else {
      throw Fault(
        .forbidden, field: "purpose", ja: "その目的で他区の個人情報を見る根拠(災害の宣言または本人の同意)がありません: \(purpose)",
        en: "no declaration in force and no consent allows looking at another ward's data for this purpose: \(purpose)")
    }
    return seen
  }

  /// Writes down who saw whose data. On the replica's thread.
  ///
  /// - Returns: nil when there is nothing to note.
  public func note(
    _ seen: Seen, _ endpoint: Endpoint, _ inquiry: Inquiry, on replica: Replica
  ) throws -> ReplicaEffects? {
    guard !seen.subjects.isEmpty else { return nil }
    let desk = Desk(replica: replica, inquiry: inquiry)
    let notes = try desk.read { db in try seen.subjects.map { try conceal($0, inquiry, db) } }.map {
      AuditTrail.Note(
        $0, endpoint.id, purpose: seen.viewer?.purpose ?? inquiry.given.text("purpose"),
        user: seen.viewer?.user.name ?? inquiry.user.name)
    }
    return try replica.batch(at: inquiry.now) {
      for start in stride(from: 0, to: notes.count, by: Self.notesEach) {
        var draft = Draft(.registry)
        AuditTrail.note(
          Array(notes[start..<min(start + Self.notesEach, notes.count)]), in: &draft, by: replica.author,
          at: inquiry.now)
        _ = try replica.commit(draft, at: inquiry.now)
      }
    }
  }

  /// Notes in one change set, and in one field edit list: `Limits.fieldEdits` bounds it.
  private static let notesEach = 100
}

extension Error where Self == Fault {
  static func badValue(_ field: String, ja: String, en: String) -> Fault {
    Fault(.badValue, field: field, ja: ja, en: en)
  }
}
