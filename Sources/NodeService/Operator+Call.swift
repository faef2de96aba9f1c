import Causality
import Desk
import Foundation
import Orders
import Replica
import Services

extension Operator {
  /// Any endpoint of the services, as the operator at the machine: who can read the node's folder may do everything.
  ///
  /// - Parameters:
  ///   - row: what stands for `{id}` in the endpoint's path.
  ///   - body: the form, as a JSON object.
  func call(_ id: String, row: String?, _ body: String) async throws -> Data {
    let catalogue = Services.catalogue(Geography(topology))
    guard let endpoint = catalogue.endpoints.first(where: { $0.id == id }) else {
      throw OperatorFailure(2, ja: "そのような操作はありません: \(id)", en: "no endpoint is called \(id)")
    }
    let given = try endpoint.form.read(JSON.decode([UInt8](body.utf8)), in: core.identity.federation)
    var inquiry = Inquiry(given: given, user: User("端末の操作者"), now: .now(), identity: core.identity)
    if let row {
      let path = Form([FormField("id", .row(endpoint.subject ?? ""), required: true, ja: "番号", en: "id")])
      inquiry.row = try path.read(.object(["id": .text(row)]), in: core.identity.federation).row("id")
    }
    let asked = inquiry
    switch endpoint.action {
    case .read:
      let seen = try await core.reader.read { db in try catalogue.read(endpoint, asked, db) }
      try await core.edit { replica, _ in
        ((), try catalogue.note(seen, endpoint, asked, on: replica) ?? ReplicaEffects())
      }
      return Data(seen.answer.bytes)
    case .write:
      let written = try await core.edit { replica, now in
        var asked = asked
        asked.now = now
        let (effects, answer) = try catalogue.write(endpoint, asked, on: replica)
        return (answer, effects)
      }
      return Data(written.bytes)
    }
  }
}
