import Desk

/// Who may sign in, and with what.
public enum Office {
  public static let services = [Accounts.service, DeviceRow.service, Accounts.tokenService]
}
