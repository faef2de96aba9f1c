import ChangeModel
import Desk

/// Disasters and the checklist of their phases.
public enum Phases {
  public static let collections = [Disasters.schema, Disasters.marks]
  public static let endpoints = Disasters.endpoints
}
