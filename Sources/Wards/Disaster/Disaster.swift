import Desk

/// What a ward does in a disaster besides people and goods: one declared service for each row of the wards' matrix.
public enum Disaster {
  /// The disaster itself, its phases and checklists.
  public static let services = [Disasters.service]

  /// In the menu's order.
  public static let matrix =
    [Bulletin.service, EvacuationOrder.service, EvacuationArea.service, GuidanceGroup.service, GuidanceLeg.service]
    .map { $0.under("避難・誘導", "Evacuation") }
    + [ChronicleEntry.service, WardTask.service, Liaison.service, Broadcast.service]
    .map { $0.under("連絡・発信", "Liaison and messages") }
    + [Outage.service, SupplyPoint.service, BuildingCheck.service, DamageCount.service, SituationReport.service]
    .map { $0.under("被害と復旧", "Damage and repair") }
    + [StaffRequest.service, StaffPledge.service, StaffPool.service].map { $0.under("職員の応援", "Staff") }
    + [WasteEstimate.service, WasteSite.service, WasteAid.service].map { $0.under("災害廃棄物", "Waste") }
    + [HousingEstimate.service, HousingSite.service].map { $0.under("仮設住宅", "Housing") }
}
