import Causality
import ChangeModel
import Desk
import Disaster
import Federation
import GRDB
import Goods
import Office
import People
import Places
import Sodium

/// All that the wards' node does, in one place: collections, endpoints, and what it keeps beside the shared tables.
public enum Services {
  /// The collections of every service, the core's own apart.
  public static let collections =
    Registry.collections + AccountSchema.collections + [ShelterSchema.shelters] + ShelterWork.collections
    + People.collections + Stock.collections
    + Orders.collections + Phases.collections + OwnItems.collections + AuditTrail.collections

  public static let indexes =
    Registry.indexes + AccountSchema.indexes + ShelterWork.indexes + People.indexes + Stock.indexes + Orders.indexes
    + OwnItems.indexes
    + AuditTrail.indexes

  /// For whom a row of a personal collection is, as its own service decides.
  private static func confidence(_ values: RowValues, _ db: Database) throws -> Confidence {
    if values.integer("guarded") == 1 { return .protected }
    let ward = values.id.made?.author.ward ?? 0
    if try Residents.isGuarded(values.row("resident"), of: ward, db) { return .protected }
    return values.collection.number == RegistrySchema.assistance.number ? .care : .identity
  }

  /// Under which name somebody who must not be found stands in the audit trail, which every ward reads: one that only the
  /// own ward can make.
  @Sendable private static func conceal(_ subject: RowID, _ inquiry: Inquiry, _ db: Database) throws -> RowID {
    let isGuarded = try [RegistrySchema.residents, PeopleSchema.stays].contains {
      try RowValues.fetch(subject, $0, db)?.integer("guarded") == 1
    }
    let key = Audience.ward(inquiry.wardIndex, .disclosure).key()
    guard isGuarded, inquiry.isOwn(subject), let secret = inquiry.identity.keyring[key] else { return subject }
    let tag = secret.tag("audit", withUnsafeBytes(of: subject.rawValue.bigEndian) { [UInt8]($0) })
    return RowID(derivedFrom: tag.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  public static func catalogue(_ geography: Geography) -> Catalogue {
    let own = [
      RegistrySchema.residents, RegistrySchema.assistance, ShelterSchema.shelters, ShelterWork.reports,
      PeopleSchema.stays, PeopleSchema.safety, StockSchema.items, StockSchema.lots, OrderSchema.requests,
      OrderSchema.allocations,
    ]
    let services =
      Registry.endpoints + Accounts.endpoints + ShelterWork.endpoints + People.endpoints + Stock.endpoints
      + Orders.endpoints(geography) + Phases.endpoints
      + OwnItems.endpoints(own, purpose: Purpose.field, confidence: confidence)
      + AuditTrail.endpoints(conceal) + Conflicts.endpoints(collections)
    return Catalogue(
      services + SampleData.endpoints(services), consent: Purpose.consent.rawValue, conceal: conceal
    ) { db, ward, now in try Declarations.purposes(db, ward: ward, at: now) }
  }
}
