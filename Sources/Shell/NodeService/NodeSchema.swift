import Catalogue
import ChangeModel

/// The collections that this program knows, besides the control lane's.
public enum NodeSchema {
  public static let current = Schema(Services.collections + [DrillSchema.records])
}
