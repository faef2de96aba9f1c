import Casework
import Causality
import ChangeModel
import Desk
import Disaster
import GRDB
import Goods
import Office
import OwnRegisters
import People
import Places
import Procurement
import Sodium

/// All that the wards' node does: the one list of services. A new one is a line here and a file of its own.
public enum Services {
  /// Those that need no map: all but orders and plans are the same wherever the wards lie.
  private static func declared(_ geography: Geography) -> [Service] {
    (Disaster.services + Places.services).map { $0.under("災害と避難所", "Disaster and shelters") }
      + People.services.map { $0.under("安否・人", "People") } + Disaster.matrix
      + Goods.services(geography).map { $0.under("物資", "Goods") } + Procurement.services(geography) + Casework.services
      + [OwnRegisters.service]
      + Office.services.map { $0.under("管理", "Administration") }
  }

  private static let mapless = complete(Geography([]))

  /// With what goes through all of them: own items, conflicts, the audit trail, sample data.
  private static func complete(_ geography: Geography) -> [Service] {
    let services = declared(geography)
    let own = OwnItems.service(services.flatMap(\.records).filter(\.takesOwnItems), confidence: confidence)
    let audit = AuditTrail.service(rules, actions: (services + [own]).flatMap(\.endpoints).map(\.id))
    let all = services + [own, audit]
    let conflicts = Conflicts.service(all.flatMap(\.records))
    let rows = Rows.service(all.flatMap(\.records))
    let changes = Changes.service(all.flatMap(\.records))
    return all + [conflicts, rows, changes, SampleData.service(all.flatMap(\.endpoints))]
  }

  /// Every collection of the services, the core's own apart.
  public static let records = mapless.flatMap(\.records)
  public static let collections = records.map(\.schema)
  public static let indexes = mapless.flatMap(\.indexes)

  public static func catalogue(_ geography: Geography) -> Catalogue {
    Catalogue(complete(geography), rules: rules)
  }

  /// For whom a row of a personal collection is, as its own service decides.
  @Sendable private static func confidence(_ values: RowValues, _ db: Database) throws -> Confidence {
    if values.integer("guarded") == 1 { return .protected }
    let ward = values.id.ward
    if try Residents.isGuarded(values.row("resident"), of: ward, db) { return .protected }
    return values.collection.number == AssistancePlan.records.number ? .care : .identity
  }

  private static let rules = PersonRules(
    mayReach: { try Residents.mayReach($0, $1, $2) }, isProtected: { try Residents.isProtected($0, $1) },
    grounds: { try Declarations.purposes($0, ward: $1, at: $2) }, user: { try Accounts.user($0, $1) })
}
