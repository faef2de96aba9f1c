import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Sodium

/// Private services that the ward admitted: each sees, with its token, what residents let it see, under names of its own.
public enum PrivateServices {
  private static let records = PrivateService.records
  private static let hidden = Shown.columns(PrivateService.tokenHash)

  private static func hash(_ token: String) -> String { blake2b([UInt8](token.utf8)).bytes.hexadecimal }

  private static let register = Endpoint.write(
    "registerService", records.path, "民間サービスを登録する", "Register a private service", for: .administration,
    "Admit a private service. The token is shown once.",
    [PrivateService.name.needed, PrivateService.operator.needed, PrivateService.scopes.needed], makes: true,
    answers: .row(records, and: [.init("token", .secret(200), "鍵", "Token")])
  ) { desk in
    let row = try desk.newRow()
    let token = "rk-" + secureRandomBytes(32).hexadecimal
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["name", "operator", "scopes"], of: records) + [
        PrivateService.tokenHash.set(hash(token)), PrivateService.ward.set(desk.ward),
      ])
    return Written([draft], about: [row]) { look in
      guard case .object(var members) = try look.answer(row, records, hiding: hidden) else { return .null }
      members["token"] = .text(token)
      return .object(members)
    }
  }

  private static let end = Endpoint.write(
    "endService", records.path + "/{id}/end", "民間サービスを終える", "End a private service", for: .administration,
    "A private service sees nothing from now on.", of: records,
    when: [
      .own(PrivateService.ward, "登録した区だけが終了できます", "only the ward that admitted it can end it"),
      .missing(PrivateService.endedAt, "すでに終了しています", "ended already"),
    ], answers: .row(records)
  ) { desk in
    let (row, _) = try desk.subject(records)
    var draft = records.draft()
    draft.edit(records, row, [PrivateService.endedAt.set(desk.now)])
    return Written([draft], about: [row]) { look in try look.answer(row, records, hiding: hidden) }
  }

  private static let list = Endpoint.read(
    "services", records.path, "民間サービス", "Private services", for: .staff, "The private services that were admitted.",
    Paging.fields(of: records.name), answers: .rows("services", records, isPaged: true)
  ) { look in
    let page = try look.page(records, usual: 1_000)
    return page.answer("services", try page.rows.map { .object(try look.view($0, records, hiding: hidden)) })
  }

  // MARK: What a service sees

  private static let keys: Set<UInt32> = [Disclosure.nameKey.number, Disclosure.kanaKey.number]

  private static let members =
    [Answer.Member("pseudonym", .text(40), "仮名", "Pseudonym")]
    + [
      Disclosure.name, Disclosure.kana, Disclosure.birth, Disclosure.sex, Disclosure.address, Disclosure.phone,
      Disclosure.language, Disclosure.assistance,
    ].map(Shown.column)

  private static let resident: Endpoint = {
    var endpoint = Endpoint.read(
      "serviceResident", "/service/residents/{pseudonym}", "サービスに見える住民", "A resident as a service sees them",
      for: .anyone,
      "What one resident lets the asking service see, under that service's own name for the resident.",
      answers: .members(members)
    ) { look in try seen(&look) }
    endpoint.isForServices = true
    return endpoint
  }()

  private static func seen(_ look: inout Look) throws -> JSON {
    let (inquiry, db) = (look.inquiry, look.db)
    guard let token = inquiry.token,
      let service = try RowValues.all(
        records, "WHERE token_hash = ? AND ended_at IS NULL LIMIT 1", [hash(token)], db
      ).first
    else {
      throw Fault(.unauthorized, field: "authorization", ja: "有効なトークンを付けてください", en: "send a valid bearer token")
    }
    let consents = try RowValues.all(
      Consent.records, "WHERE pseudonym = ? AND service = ? ORDER BY id LIMIT 100",
      [inquiry.key, service.id.rawValue], db
    ).filter { Consent.isValid($0, at: inquiry.now) }
    guard let first = consents.first, let row = first[Consent.resident], inquiry.isOwn(row),
      try Consents.pseudonym(of: row, for: service.id, inquiry.identity) == inquiry.key,
      let resident = try RowValues.fetch(row, Resident.records, db)
    else { throw Fault.notFound("pseudonym") }
    let scopes = Set(consents.flatMap { $0[Consent.scopes] }).sorted().compactMap { Scope(rawValue: $0) }
    var members: [String: JSON] = ["pseudonym": JSON(inquiry.key)]
    for (field, text) in try Consents.told(resident, scopes, db) where !keys.contains(field.number) {
      members[field.name] = .text(text)
    }
    look.saw(row)
    look.viewer = (User(service[PrivateService.name] ?? "?"), first[Consent.purpose] ?? "-")
    return .object(members)
  }

  public static let service = Service(
    "民間サービス", "Private services", records: [records], endpoints: [register, end, list, resident],
    menu: ["services"])
}
