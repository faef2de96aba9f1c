import ChangeModel
import Desk

/// The information base: IDs, links, consent, declarations.
public enum Registry {
  public static let collections = RegistrySchema.collections
  public static let indexes = RegistrySchema.indexes
  public static let endpoints =
    Residents.endpoints + ResidentSearch.endpoints + Identities.endpoints + Consents.endpoints + Declarations.endpoints
}
