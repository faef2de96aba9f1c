import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Replica

/// All that a node's services do, and the one way to do it: checked, noted in the audit trail, on the disk.
public struct Catalogue: Sendable {
  public let services: [Service]
  public let endpoints: [Endpoint]
  /// Every collection, by its name.
  public let records: [String: Records]
  private let byID: [String: Endpoint]
  /// The rows that forms change, by their paths: whoever reads there sees the same row.
  private let changing: [String: @Sendable (RowID, Database) throws -> RowValues?]
  /// What can be done with a row of a collection, by its name: in the order of the services.
  private let steps: [String: [Endpoint]]
  private let rules: PersonRules

  /// - Precondition: no two collections and no two endpoints have one name, and no two endpoints one path and method.
  public init(_ services: [Service], rules: PersonRules) {
    self.rules = rules
    self.services = services
    endpoints = services.flatMap(\.endpoints)
    records = Dictionary(uniqueKeysWithValues: services.flatMap(\.records).map { ($0.name, $0) })
    byID = Dictionary(uniqueKeysWithValues: endpoints.map { ($0.id, $0) })
    changing = Dictionary(
      endpoints.compactMap { endpoint in endpoint.changing.map { (endpoint.path, $0) } },
      uniquingKeysWith: { first, _ in first })
    steps = Dictionary(
      grouping: endpoints.filter { $0.isWrite && $0.subject != nil && $0.path.contains("{id}") },
      by: { $0.subject!.name })
    precondition(Set(endpoints.map { "\($0.method) \($0.path)" }).count == endpoints.count)
  }

  public func endpoint(_ id: String) -> Endpoint? { byID[id] }

  /// Whether whoever asks may know of the person whose row this is.
  func mayReach(_ row: RowValues, _ records: Records, _ inquiry: Inquiry, _ db: Database) throws -> Bool {
    guard records.isPersonal, records.reader.station == nil else { return true }
    guard let column = records.reader.person else {
      return try records.reader.isOfNobody ? inquiry.user.shelter == nil : rules.mayReach(row.id, inquiry, db)
    }
    // Whom only a name tells of is nobody's of one shelter.
    guard let person = row.row(column) else { return inquiry.user.shelter == nil }
    guard case .row(let target)? = records.fields.first(where: { $0.schema.name == column })?.shape else {
      return false
    }
    let bearers = self.records[target].map { [$0] } ?? self.records.values.filter { $0.isPersonal && $0.takesOwnItems }
    for bearer in bearers.sorted(by: { $0.number < $1.number }) {
      guard let found = try RowValues.fetch(person, bearer, db) else { continue }
      return try bearer.admits(found, inquiry) && mayReach(found, bearer, inquiry, db)
    }
    return try rules.mayReach(person, inquiry, db)
  }

  /// - Precondition: there is one of this name.
  public subscript(id: String) -> Endpoint {
    guard let endpoint = byID[id] else { preconditionFailure("no endpoint \(id)") }
    return endpoint
  }

  /// What whoever asks can do with a row as it stands: their roles allow it, and no condition refuses it.
  public func actions(on record: RowValues, _ records: Records, _ inquiry: Inquiry) -> [Endpoint] {
    // Who works at one shelter alone takes no steps elsewhere.
    guard (try? inquiry.user.mustWork(where: record, records)) != nil else { return [] }
    return (steps[records.name] ?? []).filter {
      $0.access.admits(inquiry.user.roles) && $0.refusal(of: record, inquiry) == nil
    }
  }

  /// Works a write out and commits it, within one transaction. On the replica's thread.
  ///
  /// - Parameter committed: told each change set with its dot, before the transaction is on the disk.
  /// - Returns: what the transaction did, and the answer as it stands after it.
  public func write(
    _ endpoint: Endpoint, _ inquiry: Inquiry, on replica: Replica, committed: (Draft, Dot) -> Void = { _, _ in }
  ) throws -> Done {
    guard case .write(let body) = endpoint.body else { preconditionFailure("\(endpoint.id) only reads") }
    guard !endpoint.path.contains("{id}") || inquiry.row != nil else { throw Fault.notFound("id") }
    var inquiry = inquiry
    inquiry.given = try endpoint.form.dated(inquiry.given, at: inquiry.now)
    let desk = Desk(replica: replica, inquiry: inquiry, catalogue: self)
    var answer = JSON.null
    var isRepeated = false
    var tag: String?
    var failure: (any Error)?
    var touched: Records?
    do {
      var effects = try replica.batch(at: inquiry.now) {
        do {
          if let request = inquiry.request, let kept = try replica.store.answer(toRequest: request.key) {
            guard kept.content == request.content else { throw Fault.reused }
            // Of what was done very long ago, only that it was is remembered.
            (answer, isRepeated) = (kept.answer.isEmpty ? .null : try JSON.decode(kept.answer), true)
            return
          }
          try check(endpoint, desk)
          try checkUnchanged(endpoint, desk)
          var written = try body(desk)
          let notes = try notes(
            on: written.subjects, endpoint, desk, purpose: inquiry.given.text("purpose"), written.drafts)
          for index in written.drafts.indices where !written.drafts[index].isEmpty {
            AuditTrail.note(notes, in: &written.drafts[index], by: replica.author, at: inquiry.now)
            committed(written.drafts[index], try replica.commit(written.drafts[index], at: inquiry.now))
          }
          if written.drafts.allSatisfy(\.isEmpty) {
            try note(
              written.subjects, endpoint, desk, purpose: inquiry.given.text("purpose"), written.drafts, committed)
          }
          answer = desk.telling(try self.answer(written, endpoint, desk, committed))
          if endpoint.changing != nil { tag = try desk.read { try standing(endpoint, desk.inquiry, $0)?.tag } }
          touched = written.touched
          if let request = inquiry.request {
            try replica.store.keepAnswer(
              answer.withoutSecrets.bytes, toRequest: request.key, with: request.content, at: inquiry.now.milliseconds)
          }
        } catch {
          failure = Fault.of(error)
          throw error
        }
      }
      if let touched { effects.rows.append(RowReference(touched.number, RowID(rawValue: 0))) }
      return Done(effects: effects, answer: answer, isRepeated: isRepeated, tag: tag)
    } catch { throw failure ?? error }
  }

  /// That the row admits the step, whoever takes it works there, and two persons do what two do.
  private func check(_ endpoint: Endpoint, _ desk: Desk) throws {
    try SecondPerson.check(endpoint, desk.inquiry)
    guard !endpoint.when.isEmpty, let records = endpoint.subject else { return }
    let (_, record) = try desk.subject(records)
    if let fault = endpoint.refusal(of: record, desk.inquiry) { throw fault }
  }

  /// That nobody has changed, since the caller saw it, what the caller would write over.
  private func checkUnchanged(_ endpoint: Endpoint, _ desk: Desk) throws {
    guard desk.inquiry.expected != nil || !desk.given.was.isEmpty else { return }
    let row = try desk.read { try standing(endpoint, desk.inquiry, $0) }
    if let expected = desk.inquiry.expected {
      guard let tag = row?.tag, expected.contains(tag) || expected.contains("*") else {
        throw Fault(
          .changed, field: "If-Match", ja: "読んだ後に変えられています。今の内容を確かめて、もう一度送ってください",
          en: "it was changed since you read it: look at what stands now, and send again")
      }
    }
    if let fault = desk.given.overtaken(endpoint.form, row) { throw fault }
  }

  /// The row that an endpoint shows or changes, as it stands.
  private func standing(_ endpoint: Endpoint, _ inquiry: Inquiry, _ db: Database) throws -> RowValues? {
    guard let row = inquiry.row, let subject = endpoint.subject else { return nil }
    return try changing[endpoint.path].map { try $0(row, db) } ?? RowValues.fetch(row, subject, db)
  }

  /// What a write shows once it is done. Whom it shows besides those whom it changed is noted too, before anybody sees it.
  private func answer(
    _ written: Written, _ endpoint: Endpoint, _ desk: Desk, _ committed: (Draft, Dot) -> Void
  ) throws -> JSON {
    let (answer, shown) = try desk.read { db in
      var look = Look(desk.inquiry, db, self)
      return (try written.answer(&look), look.subjects)
    }
    let others = shown.subtracting(written.subjects).sorted()
    try note(others, endpoint, desk, purpose: desk.given.text("purpose"), nil, committed)
    return answer
  }

  /// Answers a read, on any thread. Whom it shows has to be noted, with `note`, before anybody sees it.
  ///
  /// - Throws: `Fault` when it would show another ward's people and no purpose is given, or none that is in force.
  public func read(_ endpoint: Endpoint, _ inquiry: Inquiry, _ db: Database) throws -> Seen {
    guard case .read(let body) = endpoint.body else { preconditionFailure("\(endpoint.id) writes") }
    var inquiry = inquiry
    inquiry.given = try endpoint.form.dated(inquiry.given, at: inquiry.now)
    if endpoint.path.contains("{id}") {
      guard let row = inquiry.row else { throw Fault.notFound("id") }
      // Of people, whoever asks may not know that there is no such row.
      if let subject = endpoint.subject, !subject.isPersonal, try RowValues.fetch(row, subject, db) == nil {
        throw Fault.notFound("id")
      }
    }
    var look = Look(inquiry, db, self)
    let answer = try body(&look)
    let seen = Seen(
      answer: answer, subjects: look.subjects.sorted(), viewer: look.viewer,
      tag: endpoint.isOfOneRow ? try standing(endpoint, inquiry, db)?.tag : nil)
    guard !endpoint.isForServices else { return seen }
    let purpose = inquiry.given.text("purpose")
    if purpose == nil, try seen.subjects.contains(where: { try inquiry.isOwn($0) && rules.isProtected($0, db) }) {
      throw Fault.badValue(
        "purpose", ja: "所在を知らせない人の記録です。見る目的を入れてください",
        en: "a record of somebody who must not be found: say for what purpose it is looked at")
    }
    let foreign = seen.subjects.filter { !inquiry.isOwn($0) }
    guard !foreign.isEmpty else { return seen }
    guard let purpose else {
      throw Fault.badValue(
        "purpose", ja: "他区の個人情報を見る目的を入れてください", en: "say for what purpose another ward's personal data is looked at")
    }
    let isGrounded =
      purpose == Purpose.consent.rawValue
      ? foreign.allSatisfy(look.consented.contains) : try rules.grounds(db, inquiry.ward, inquiry.now).contains(purpose)
    guard isGrounded else {
      throw Fault(
        .forbidden, field: "purpose", ja: "その目的で他区の個人情報を見る根拠(緊急時の情報共有または本人の同意)がありません: \(purpose)",
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
    var inquiry = inquiry
    if let viewer = seen.viewer { inquiry.user = viewer.user }
    let desk = Desk(replica: replica, inquiry: inquiry)
    return try replica.batch(at: inquiry.now) {
      try note(seen.subjects, endpoint, desk, purpose: seen.viewer?.purpose ?? inquiry.given.text("purpose"))
    }
  }

  /// Within a batch.
  private func note(
    _ subjects: [RowID], _ endpoint: Endpoint, _ desk: Desk, purpose: String?, _ drafts: [Draft]? = nil,
    _ committed: (Draft, Dot) -> Void = { _, _ in }
  ) throws {
    let notes = try notes(on: subjects, endpoint, desk, purpose: purpose, drafts)
    for start in stride(from: 0, to: notes.count, by: Self.notesEach) {
      var draft = Draft(.registry)
      AuditTrail.note(
        Array(notes[start..<min(start + Self.notesEach, notes.count)]), in: &draft, by: desk.replica.author,
        at: desk.now)
      committed(draft, try desk.replica.commit(draft, at: desk.now))
    }
  }

  /// - Parameter drafts: what is about to be written, in which new rows are; nil after a look, which shows people alone.
  private func notes(
    on subjects: [RowID], _ endpoint: Endpoint, _ desk: Desk, purpose: String?, _ drafts: [Draft]?
  ) throws -> [AuditTrail.Note] {
    let inquiry = desk.inquiry
    let user = inquiry.signature(SecondPerson.mark(endpoint, inquiry))
    return try desk.read { db in
      try subjects.map { subject in
        guard let pseudonyms = Pseudonyms(inquiry.identity),
          try inquiry.isOwn(subject) && !(drafts.map { try isShared(subject, $0, db) } ?? false)
        else { return AuditTrail.Note(subject, endpoint.id, purpose: purpose, user: user) }
        let name = pseudonyms.name(of: subject)
        // A private service's purpose is no word of ours: it stands as it is.
        let purpose = purpose.map { Purpose(rawValue: $0) == nil ? $0 : pseudonyms.seal($0, of: name) }
        return AuditTrail.Note(name, pseudonyms.seal(endpoint.id, of: name), purpose: purpose, user: user)
      }
    }
  }

  /// Whether a row is everybody's to know, by the tables or by what is about to be written. What is in no table is not.
  private func isShared(_ row: RowID, _ drafts: [Draft], _ db: Database) throws -> Bool {
    let edits = drafts.flatMap(\.sections).flatMap(\.edits).filter { $0.row == row }
    return try records.values.contains { records in
      guard !records.isPersonal, records.schema.law != .appendOnly else { return false }
      if edits.contains(where: { $0.collection == records.number }) { return true }
      let sql = "SELECT 1 FROM \"\(records.name)\" WHERE id = ?"
      return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [row.rawValue]) != nil
    }
  }

  /// Who made a change, by the note in the same change set; nil when it bears none.
  ///
  /// - Parameter time: of the change, in milliseconds.
  public func user(of dot: Dot, in lane: Lane, at time: Int64, _ db: Database) throws -> String? {
    guard let user = try AuditTrail.user(of: dot, in: lane, at: time, db) else { return nil }
    guard let account = AuditTrail.account(user) else { return user }
    let besides = AuditTrail.besides(user)
    return try rules.user(account, db).map { "\($0.name) (\($0.login))\(besides)" } ?? "\(account)\(besides)"
  }

  /// Notes in one change set, and in one field edit list: `Limits.fieldEdits` bounds it.
  private static let notesEach = 100
}

/// What a write did, and how it answers.
public struct Done: Sendable {
  public let effects: ReplicaEffects
  public let answer: JSON
  /// It was done before, on the same request, and not again.
  public let isRepeated: Bool
  /// Of the row that it changed, as it stands after it.
  public let tag: String?
}

/// What a read found, and whose data it showed.
public struct Seen: Sendable {
  public let answer: JSON
  public let subjects: [RowID]
  let viewer: (user: User, purpose: String)?
  /// Of the one row that it shows.
  public let tag: String?
}

extension JSON {
  /// What is shown once is not kept.
  fileprivate var withoutSecrets: JSON {
    guard case .object(var members) = self, members.removeValue(forKey: "token") != nil else { return self }
    return .object(members)
  }
}
