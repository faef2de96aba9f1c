import Desk
import Goods

/// 共同調達: what the wards buy together. Each part is of use alone: a contract that somebody typed in is enough to order from.
public enum Procurement {
  public static func services(_ geography: Geography) -> [Service] {
    [
      PurchaseOrder.service, OrderLine.service, Delivery.service, Invoice.service, ContractLine.service,
      Contract.service,
    ]
    .map { $0.under("注文と契約", "Orders and contracts") }
      + [
        Programme.service, Demand.service, Window.service, WardRule.service, RuleNotice.service,
        Charge.service(geography), Baseline.service, Lesson.service,
      ].map { $0.under("共同調達", "Buying together") }
      + [
        Tender.service, Receipt.service, Closing.service, Opening.service, AwardRow.service, OpeningCard.service,
        BidKey.service,
      ].map { $0.under("入札", "Tenders") }
      + [Supplier.service, SupplierWord.service, CatalogueLine.service].map { $0.under("事業者とカタログ", "Suppliers") }
  }
}
