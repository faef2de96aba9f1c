import Causality
import ChangeModel
import Desk

/// For devices and programs: the hash of a random token is as good as nothing to whoever reads it.
public enum TokenRow {
  public static let name = Field.text(1, "name", 60, "名称", "Name")
  public static let roles = SetField(2, "roles", of: .choice(Role.allCases.map(\.choice)), atMost: 7, "役割", "Roles")
  public static let readOnly = Field.flag(3, "read_only", "閲覧のみ", "Read only")
  public static let until = Field.deadline(4, "until", "有効期限", "Until")
  public static let hash = Field.bytes(5, "hash", "ハッシュ", "Hash")
  public static let endedAt = Field.time(6, "ended_at", "終了日時", "Ended at")
  /// As an account's.
  public static let looksUntil = Field.deadline(7, "looks_until", "多人数の閲覧を認める期限", "May look at many people until")

  public static let records = Records(
    12, "tokens", "機器の鍵", "Device token", lane: .control, law: .keptByMaker, reader: .roles(.administration),
    fields: [name, roles, readOnly, until, hash, endedAt, looksUntil],
    title: [name],
    indexes: [[hash]])
}
