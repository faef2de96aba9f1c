import Desk

/// Where people can go.
public enum Places {
  public static let services = [Shelters.service, AcceptanceRequest.service]
}
