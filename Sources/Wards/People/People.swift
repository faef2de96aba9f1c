import Desk

/// Who people are, where they are, and whether they are safe; and what residents are told.
public enum People {
  /// In the menu's order.
  public static let services = [
    Declarations.service, ResidentCounter.service, Residents.service, SafetyInquiries.service, Stays.service,
    Safety.service, Consents.service, PrivateServices.service,
  ]
}
