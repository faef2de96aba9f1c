import ChangeModel
import Shelters

/// The collections that this program knows, besides the control lane's.
public enum NodeSchema {
  public static let current = Schema([ShelterSchema.shelters, DrillSchema.records])
}
