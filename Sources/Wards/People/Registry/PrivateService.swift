import Causality
import ChangeModel
import Desk

/// A private service that the ward admitted, with the hash of its token.
public enum PrivateService {
  public static let name = Field.text(1, "name", 100, "サービス名", "Name")
  public static let `operator` = Field.text(2, "operator", 100, "事業者", "Operator")
  public static let scopes = SetField(3, "scopes", of: .choice(Scope.choices), atMost: 20, "求める項目", "Scopes")
  public static let tokenHash = Field.text(4, "token_hash", 2_000, "トークンのハッシュ", "Token hash")
  public static let endedAt = Field.time(5, "ended_at", "終了日時", "Ended at")
  public static let ward = Field.ward(6, "ward", of: .first, "登録区", "Registering ward")

  public static let records = Records(
    44, "services", "民間サービス", "Private service", lane: .registry, law: .keptByMaker, reader: .staff,
    fields: [name, `operator`, scopes, tokenHash, endedAt, ward],
    title: [name],
    states: [
      .has(endedAt, "ended", "終了", "ended", .ended), .otherwise("admitted", "利用中", "admitted", .underWay),
    ], hidden: [tokenHash])
}
