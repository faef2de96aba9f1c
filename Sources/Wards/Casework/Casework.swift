import Desk

/// 手続: every procedure by one engine: published as data, filed at any of a ward's desks, decided once.
public enum Casework {
  public static let services = [ProcedureVersion.service, CaseFile.service]
    .map { $0.under("手続", "Procedures") }
}
