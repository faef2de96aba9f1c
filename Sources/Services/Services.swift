import Causality
import ChangeModel
import Desk
import GRDB
import Orders
import People
import Phases
import Registry
import Shelters
import Stock

/// All that the wards' node does, in one place: collections, endpoints, and what it keeps beside the shared tables.
public enum Services {
  /// The collections of every service, the core's own apart.
  public static let collections =
    Registry.collections + [ShelterSchema.shelters] + ShelterWork.collections + People.collections + Stock.collections
    + Orders.collections + Phases.collections + AuditTrail.collections

  public static let indexes =
    Registry.indexes + ShelterWork.indexes + People.indexes + Stock.indexes + Orders.indexes + Phases.indexes
    + AuditTrail.indexes

  /// For whom a row of a personal collection is, as its own service decides.
  private static func confidence(_ values: RowValues, _ db: Database) throws -> Confidence {
    if values.integer("guarded") == 1 { return .protected }
    if try Residents.isGuarded(values.row("resident"), db) { return .protected }
    return values.collection.number == RegistrySchema.assistance.number ? .care : .identity
  }

  public static func catalogue(_ geography: Geography) -> Catalogue {
    let own = [
      RegistrySchema.residents, RegistrySchema.assistance, ShelterSchema.shelters, ShelterWork.reports,
      PeopleSchema.stays, PeopleSchema.safety, StockSchema.items, StockSchema.lots, OrderSchema.requests,
      OrderSchema.allocations,
    ]
    return Catalogue(
      Registry.endpoints + ShelterWork.endpoints + People.endpoints + Stock.endpoints + Orders.endpoints(geography)
        + Phases.endpoints(own, purpose: Purpose.field, confidence: confidence) + AuditTrail.endpoints,
      consent: Purpose.consent.rawValue
    ) { db, ward, now in try Declarations.purposes(db, ward: ward, at: now) }
  }
}
