import Desk

/// What a ward adds to the shared system without anybody's program: registers of its own.
public enum OwnRegisters {
  public static let service = Service(
    "区独自の台帳", "Own registers", records: [OwnRegister.records] + OwnEntry.all, actions: OwnRegister.actions,
    lists: [OwnRegister.list],
    endpoints: OwnRegister.endpoints + OwnEntry.endpoints + OwnEntries.endpoints + [OwnEntryFile.endpoint],
    menu: ["waitingOwnEntries"])
}
