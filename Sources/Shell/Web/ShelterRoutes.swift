import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import NodeService
import Places
import Replica

extension WebServer {
  func addShelterRoutes(to api: RouterGroup<DeskContext>) {
    api.get("/status") { request, _ in
      try json(await core.status(withDigest: request.uri.queryParameters["digest"] == "1", running: true))
    }
    api.get("/links") { _, _ in try json(["links": try await core.peerReports()]) }
    api.get("/shelters") { request, _ in try await listShelters(request) }
    api.post("/shelters") { request, context in
      let patch = try await patch(request, context)
      try context.user.mustWork(at: nil)
      return try json(try await create(patch, by: context.user), status: .created)
    }
    api.get("/shelters/:id") { _, context in try json(try await shelter(rowID(context))) }
    api.patch("/shelters/:id") { request, context in
      let (row, patch) = (try ownRow(context), try await patch(request, context))
      return try json(try await change(row, try patch.edits(isNew: false), by: context.user))
    }
    api.delete("/shelters/:id") { _, context in
      try await delete(try ownRow(context), by: context.user)
      return Response(status: .noContent)
    }
    api.get("/shelters/:id/history") { _, context in try json(try await history(of: rowID(context))) }
    api.post("/shelters/:id/resolve") { request, context in
      let row = try ownRow(context)
      let choice = try await request.decode(as: Resolution.self, context: context)
      _ = try await shelter(row)
      return try json(try await change(row, try await resolution(choice, row), by: context.user))
    }
    api.post("/shelters/:id/keep") { request, context in
      let row = try ownRow(context)
      try await keep(row)
      return try json(try await shelter(row))
    }
    api.get("/conflicts") { request, _ in
      let limit = try number(request, "limit", 1...10_000) ?? 1_000
      let personal = NodeSchema.current.collections.filter(\.isPersonal).map(\.name)
      return try json([
        "conflicts": try await core.reader.read { try ShelterQueries.conflicts(limit: limit, hiding: personal, $0) }
      ])
    }
  }

  // MARK: Reading

  private struct ShelterPage: Codable {
    var shelters: [ShelterView]
    /// Give this as `after` for the next rows; nil at the end.
    var next: String?
  }

  private func listShelters(_ request: Request) async throws -> Response {
    var filter = ShelterFilter()
    let query = request.uri.queryParameters
    filter.ward = query["ward"].map { String($0) }
    filter.text = query["q"].map { String($0) }
    if let status = query["status"] {
      guard let value = ShelterStatus(String(status)) else {
        throw APIError.badValue("status", ja: "開設状況の値ではありません", en: "not a status")
      }
      filter.status = value
    }
    filter.limit = try number(request, "limit", ShelterFilter.limitRange) ?? filter.limit
    if let after = query["after"] {
      guard let id = Int64(after) else { throw APIError.badValue("after", ja: "行の番号ではありません", en: "not a row id") }
      filter.after = id
    }
    let asked = filter
    let shelters = try await core.reader.read { try ShelterQueries.list(asked, $0) }
    return try json(ShelterPage(shelters: shelters, next: shelters.count == asked.limit ? shelters.last?.id : nil))
  }

  private func number(_ request: Request, _ name: String, _ range: ClosedRange<Int>) throws -> Int? {
    guard let text = request.uri.queryParameters[name[...]] else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw APIError.badValue(
        name, ja: "\(range.lowerBound) から \(range.upperBound) までの数にしてください",
        en: "must be a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  private func rowID(_ context: DeskContext) throws -> RowID {
    guard let text = context.parameters.get("id"), let id = Int64(text) else { throw APIError.notFound("id") }
    return RowID(rawValue: id)
  }

  /// A shelter that the user works at.
  private func ownRow(_ context: DeskContext) throws -> RowID {
    let row = try rowID(context)
    try context.user.mustWork(at: row)
    return row
  }

  private func shelter(_ row: RowID) async throws -> ShelterView {
    guard let view = try await core.reader.read({ try ShelterQueries.one(row.rawValue, $0) }) else {
      throw APIError.notFound("id")
    }
    return view
  }

  // MARK: Writing

  private static func note(_ row: RowID, _ user: User, in draft: inout Draft, _ replica: Replica, _ now: Instant) {
    AuditTrail.note(
      [AuditTrail.Note(row, "changeShelter", user: user.name)], in: &draft, by: replica.author, at: now)
  }

  private func patch(_ request: Request, _ context: DeskContext) async throws -> ShelterPatch {
    try await request.decode(as: ShelterPatch.self, context: context)
  }

  private func create(_ patch: ShelterPatch, by user: User) async throws -> ShelterView {
    let edits = try patch.edits(isNew: true)
    guard patch.ward == nil || patch.ward == core.identity.ward.code else {
      throw APIError(
        .forbidden, "forbidden", field: "ward", ja: "他区の避難所は、その区が登録します",
        en: "another ward's shelters are that ward's to enter")
    }
    let row = try await core.edit { replica, now in
      var row: RowID!
      let effects = try replica.batch(at: now) {
        row = try replica.newRows(1)[0]
        var draft = Draft(.life)
        draft.edit(ShelterSchema.shelters, row, edits)
        Self.note(row, user, in: &draft, replica, now)
        _ = try replica.commit(draft, at: now)
      }
      return (row!, effects)
    }
    return try await shelter(row)
  }

  private func change(_ row: RowID, _ edits: [FieldEdit], by user: User) async throws -> ShelterView {
    _ = try await shelter(row)
    try await core.edit { replica, now in
      var draft = Draft(.life)
      draft.edit(ShelterSchema.shelters, row, edits)
      Self.note(row, user, in: &draft, replica, now)
      return ((), try replica.batch(at: now) { _ = try replica.commit(draft, at: now) })
    }
    return try await shelter(row)
  }

  /// Settles that one deleted what another edited: it stays.
  func keep(_ row: RowID) async throws {
    _ = try await shelter(row)
    try await core.edit { replica, now in
      ((), try replica.batch(at: now) { _ = try replica.keep(row, in: ShelterSchema.shelters, at: now) })
    }
  }

  private func delete(_ row: RowID, by user: User) async throws {
    _ = try await shelter(row)
    try await core.edit { replica, now in
      var draft = Draft(.life)
      draft.delete(ShelterSchema.shelters, row)
      Self.note(row, user, in: &draft, replica, now)
      return ((), try replica.batch(at: now) { _ = try replica.commit(draft, at: now) })
    }
  }

  private struct Resolution: Codable {
    var field: String
    /// The value that shall stand; null clears the field.
    var value: String?
  }

  /// The choice must be one of the values that stand in conflict: anything else is an edit, with an edit's checks.
  private func resolution(_ choice: Resolution, _ row: RowID) async throws -> [FieldEdit] {
    guard let field = ShelterSchema.shelters.field(named: choice.field) else {
      throw APIError.badValue("field", ja: "この名前の項目はありません", en: "no such field")
    }
    let chosen = try value(choice.value, field.type)
    let standing = await core.inspect { replica in
      (try? replica.store.state(of: row, in: ShelterSchema.shelters.number))?.register(field.number)
    }
    guard let standing, standing.isConflict,
      ([standing.winner] + standing.others).contains(where: { $0.value == chosen })
    else {
      throw APIError.badValue("value", ja: "食い違っている値の一つを選んでください", en: "choose one of the values in conflict")
    }
    return try ShelterPatch.resolution(field, chosen)
  }

  private func value(_ text: String?, _ type: FieldType) throws -> Value {
    guard let text else { return .null }
    switch type {
    case .text: return .text(text)
    case .integer: if let number = Int64(text) { return .integer(number) }
    case .real: if let number = Double(text), number.isFinite { return .real(number) }
    case .bytes: break
    }
    throw APIError.badValue("value", ja: "この項目の値ではありません", en: "not a value of this field")
  }

  // MARK: History

  private struct HistoryEntry: Codable {
    var time: Int64
    var ward: String
    var author: String
    var sequence: Int
    var action: String
    var changes: [String: String]
  }

  private func history(of row: RowID) async throws -> [String: [HistoryEntry]] {
    let reader = await core.inspect { $0.historyReader }
    let entries = try await core.reader.read { db in try reader.history(of: row, in: ShelterSchema.shelters, db) }
    guard !entries.isEmpty else { throw APIError.notFound("id") }
    return [
      "history": entries.map { entry in
        var changes: [String: String] = [:]
        var action = "delete"
        if case .edit(let edits) = entry.action {
          action = "edit"
          for edit in edits {
            let name = ShelterSchema.shelters.field(edit.field)?.name ?? String(edit.field)
            changes[name] = [changes[name], Self.describe(edit.operation)].compactMap { $0 }.joined(separator: ", ")
          }
        }
        return HistoryEntry(
          time: entry.time.milliseconds, ward: core.identity.federation.ward(at: entry.dot.author.ward)?.code ?? "?",
          author: "\(entry.dot.author)", sequence: Int(entry.dot.sequence), action: action, changes: changes)
      }
    ]
  }

  private static func describe(_ operation: FieldOperation) -> String {
    func plain(_ value: Value) -> String {
      switch value {
      case .null: "–"
      case .integer(let number): String(number)
      case .real(let number): String(number)
      case .text(let text): text
      case .bytes(let bytes): "\(bytes.count) bytes"
      }
    }
    switch operation {
    case .set(let value): return plain(value)
    case .increment(let amount): return amount >= 0 ? "+\(amount)" : "\(amount)"
    case .add(let value), .append(let value): return "+ \(plain(value))"
    case .remove(let value): return "− \(plain(value))"
    case .receive(let amount): return "+\(amount)"
    case .spend(let amount): return "−\(amount)"
    case .handOver(let amount, let receiver): return "\(amount) → \(receiver)"
    case .takeOver(let amount, let giver): return "\(amount) ← \(giver)"
    }
  }
}
