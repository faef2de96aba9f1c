import Catalogue
import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import Goods
import Places
import Replica
import TestSupport

/// A ward's node and its services, spoken to as a desk does.
final class Office {
  static let catalogue = Services.catalogue(
    Geography([
      .init(code: "13101", office: .init(latitude: 35.69, longitude: 139.75), neighbours: ["13102"]),
      .init(code: "13102", office: .init(latitude: 35.67, longitude: 139.77), neighbours: ["13101", "13103"]),
      .init(code: "13103", office: .init(latitude: 35.66, longitude: 139.75), neighbours: ["13102"]),
    ]))

  let replica: Replica
  var now = Instant.test
  /// When what is written next was entered, and the mark that it bears; nil for now, and for none.
  var entered: Instant?
  var request: (key: [UInt8], content: [UInt8])?
  var user = User("見本 職員")
  /// Who stands by, where two persons do something.
  var second: User? = User("立会 花子", account: RowID(rawValue: 99))

  init(_ path: String, _ identity: NodeIdentity) throws {
    replica = try Replica(path: path, identity: identity, schema: Schema(Services.collections), at: .test)
    try replica.store.makeIndexes(Services.indexes)
  }

  func inquiry(_ endpoint: Endpoint, _ row: RowID?, _ body: JSON) throws -> Inquiry {
    var inquiry = Inquiry(
      given: try endpoint.form.read(body, in: replica.identity.federation), row: row, user: user, now: now,
      identity: replica.identity)
    if let entered { inquiry.enter(at: entered) }
    inquiry.request = request
    inquiry.second = second
    return inquiry
  }

  @discardableResult
  func write(_ id: String, _ row: RowID? = nil, _ body: JSON = [:]) throws -> JSON {
    let endpoint = Self.catalogue[id]
    now = now.advanced(byMilliseconds: 1_000)
    return try Self.catalogue.write(endpoint, inquiry(endpoint, row, body), on: replica).answer
  }

  func read(_ id: String, _ row: RowID? = nil, _ body: JSON = [:]) throws -> JSON {
    let endpoint = Self.catalogue[id]
    let inquiry = try inquiry(endpoint, row, body)
    let seen = try replica.store.readOwn { db in Result { try Self.catalogue.read(endpoint, inquiry, db) } }.get()
    _ = try Self.catalogue.note(seen, endpoint, inquiry, on: replica)
    return seen.answer
  }

  func carry(to other: Office) throws {
    for log in replica.store.logNames {
      let known = other.replica.store.logged(log)
      guard replica.store.logged(log) > known else { continue }
      let entries = try replica.store.entries(log, from: known + 1, byteLimit: 1 << 24)
      _ = try other.replica.batch(at: now) {
        _ = try other.replica.receive(Run(log, first: known + 1, entries: entries), from: "test", at: now)
      }
    }
  }

  func meet(_ other: Office) throws {
    try carry(to: other)
    try other.carry(to: self)
  }

  /// Past all rules of the desk, but not past the laws at merge.
  func edit(_ records: Records, _ row: RowID, _ edits: [FieldEdit]) throws {
    var draft = records.draft()
    draft.edit(records, row, edits)
    _ = try replica.commit(draft, at: now)
  }

  func shelter(_ name: String, ward: String) throws -> RowID {
    let row = try replica.newRows(1)[0]
    try edit(
      Shelter.records, row,
      [
        Shelter.name.set(name), Shelter.ward.set(ward), Shelter.area.set(700), Shelter.status.set(.open),
      ])
    return row
  }
}

/// Two wards, the second with two nodes, each with its authority's card.
final class Wards {
  let folder = TemporaryDirectory()
  private var federation: TestFederation
  let first: Office
  let second: Office
  let secondOther: Office

  init(drill: Bool = false) throws {
    federation = TestFederation(wards: 3, seed: 11, drill: drill)
    federation.emergency = true
    func office(_ ward: Int, _ key: UInt64, _ federation: inout TestFederation, _ folder: TemporaryDirectory) throws
      -> Office
    {
      try Office(folder.file("\(key).sqlite"), federation.node(ward: ward, keySeed: key))
    }
    first = try office(0, 1, &federation, folder)
    second = try office(1, 2, &federation, folder)
    secondOther = try office(1, 3, &federation, folder)
    try first.meet(second)
    try second.meet(secondOther)
    try first.meet(second)
  }

  func card(_ ward: Int) -> JSON {
    .text(String(decoding: try! JSONEncoder().encode(federation.authorities[ward]), as: UTF8.self))
  }
}

extension JSON {
  var row: RowID { RowID(rawValue: Int64(self["id"].text ?? "") ?? 0) }
}
