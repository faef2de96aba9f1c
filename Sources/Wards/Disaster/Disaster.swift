import Desk

/// What a ward does in a disaster besides people and goods: one declared service for each row of the wards' matrix.
public enum Disaster {
  /// The disaster itself, its phases and checklists.
  public static let services = [Disasters.service]

  public static let matrix = [
    EvacuationOrder.service, EvacuationArea.service, GuidanceGroup.service, GuidanceLeg.service,
    ChronicleEntry.service, WardTask.service, Liaison.service, Broadcast.service, Outage.service, SupplyPoint.service,
    BuildingCheck.service, DamageCount.service, StaffPool.service, StaffRequest.service, StaffPledge.service,
    WasteEstimate.service, WasteSite.service, WasteAid.service, HousingEstimate.service, HousingSite.service,
  ]
}
