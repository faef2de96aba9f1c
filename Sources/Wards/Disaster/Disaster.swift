import Desk

/// What a ward does in a disaster, phase by phase.
public enum Disaster {
  public static let services = [Disasters.service]
}
