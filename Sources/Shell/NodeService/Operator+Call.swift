import Catalogue
import Causality
import Desk
import Foundation
import Goods
import Replica

extension Operator {
  /// Any endpoint of the services, as the operator at the machine: who can read the node's folder may do everything.
  ///
  /// - Parameters:
  ///   - row: what stands for `{id}` in the endpoint's path.
  ///   - body: the form, as a JSON object.
  func call(_ id: String, row: String?, _ body: String) async throws -> Data {
    let catalogue = Services.catalogue(Geography(topology))
    guard let endpoint = catalogue.endpoint(id) else {
      throw OperatorFailure(2, ja: "そのような操作はありません: \(id)", en: "no endpoint is called \(id)")
    }
    let given = try endpoint.form.read(JSON.decode([UInt8](body.utf8)), in: core.identity.federation)
    var inquiry = Inquiry(given: given, user: user, now: .now(), identity: core.identity)
    if let row {
      let path = Form([FormField("id", .row(endpoint.subject?.name ?? "any"), required: true, ja: "番号", en: "id")])
      inquiry.row = try path.read(.object(["id": .text(row)]), in: core.identity.federation).row("id")
    }
    let answer =
      endpoint.isWrite
      ? try await core.carryOut(endpoint, inquiry, in: catalogue).answer
      : try await core.look(endpoint, inquiry, in: catalogue).answer
    return Data(answer.bytes)
  }
}
