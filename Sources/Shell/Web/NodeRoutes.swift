import Causality
import ChangeModel
import Desk
import Hummingbird
import NIOCore
import NodeService
import Places
import Replica
import Runbook

/// What the API tells of the node itself, and of a shelter's past.
extension WebServer {
  func addNodeRoutes(to api: RouterGroup<DeskContext>) {
    api.get("/status") { request, _ in
      let digest = request.uri.queryParameters["digest"] ?? "0"
      guard digest == "0" || digest == "1" else { throw APIError.badValue("digest", ja: "0 か 1 です", en: "is 0 or 1") }
      return try json(await core.status(withDigest: digest == "1", running: true))
    }
    api.get("/links") { _, _ in try json(try await core.linksResult()) }
    api.get("/shelters/:id/history") { _, context in
      guard let id = context.parameters.get("id").flatMap({ Int64($0) }) else { throw APIError.notFound("id") }
      return try json(try await history(of: RowID(rawValue: id)))
    }
  }

  /// Whether the node can do its work: 503 with what hinders it when it cannot. No word of anybody's data.
  func ready() async throws -> Response {
    let problems = try await core.linksResult().problems.filter { $0.level == .broken }
    let text = problems.isEmpty ? "ok\n" : problems.map { "\($0.code.rawValue)\n" }.joined()
    return Response(
      status: problems.isEmpty ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }

  struct History: Codable {
    struct Entry: Codable {
      enum Action: String, Codable, CaseIterable { case edit, delete }

      /// In milliseconds since 1970.
      var time: Int64
      var ward: String
      var node: String
      var sequence: Int
      var action: Action
      /// What was done to each field, in signs: `+5`, `− 毛布`.
      var changes: [String: String]
    }

    /// The newest 500, oldest first.
    var history: [Entry]
    /// Whether there are older ones.
    var isCut: Bool
  }

  /// Every change of a row that can be read here, oldest first. It reads the whole lane: one at a time.
  func story(of row: RowID, in schema: CollectionSchema) async throws -> [RowHistoryEntry] {
    try await histories.pass {
      let reader = await core.inspect { $0.historyReader }
      return try await core.reader.read { db in try reader.history(of: row, in: schema, db) }
    }
  }

  private static let historyLimit = 500

  private func history(of row: RowID) async throws -> History {
    let entries = try await story(of: row, in: Shelter.records.schema)
    guard !entries.isEmpty else { throw APIError.notFound("id") }
    return History(
      history: entries.suffix(Self.historyLimit).map { entry in
        var changes: [String: String] = [:]
        var action = History.Entry.Action.delete
        if case .edit(let edits) = entry.action {
          action = .edit
          for edit in edits {
            let name = Shelter.records.schema.field(edit.field)?.name ?? String(edit.field)
            changes[name] = [changes[name], Self.describe(edit.operation)].compactMap { $0 }.joined(separator: ", ")
          }
        }
        return History.Entry(
          time: entry.time.milliseconds, ward: core.identity.federation.ward(at: entry.dot.author.ward)?.code ?? "?",
          node: core.federation.reference(to: entry.dot.author), sequence: Int(entry.dot.sequence), action: action,
          changes: changes)
      }, isCut: entries.count > Self.historyLimit)
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
