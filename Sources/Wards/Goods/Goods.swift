import Desk

/// 備蓄・支援物資: what there is, whose it is to give, who asks for it, and how it gets there.
public enum Goods {
  /// In the menu's order.
  public static func services(_ geography: Geography) -> [Service] {
    [
      Lots.service, Items.service, Outlook.service, Shares.service, Requests.service, Allocations.service,
      Planning.service(geography),
    ]
  }
}
