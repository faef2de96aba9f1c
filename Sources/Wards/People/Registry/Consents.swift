import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Replica
import Sodium

/// Whom a resident lets see what: another ward, or a private service under a name of its own for this person.
public enum Consents {
  private static let records = Consent.records

  /// What the scopes let be told of a resident, by the fields of a disclosure: names with their keys.
  static func told(_ resident: RowValues, _ scopes: [Scope], _ db: Database) throws -> [(Field<String>, String)] {
    func joined(_ fields: [Field<String>]) -> String? {
      let text = fields.compactMap { resident[$0] }.joined(separator: " ")
      return text.isEmpty ? nil : text
    }
    let told = try scopes.flatMap { scope -> [(Field<String>, String?)] in
      switch scope {
      case .name:
        [
          (Disclosure.name, joined([Resident.familyName, Resident.givenName])),
          (Disclosure.nameKey, resident[Resident.nameKey]),
        ]
      case .kana:
        [
          (Disclosure.kana, joined([Resident.familyKana, Resident.givenKana])),
          (Disclosure.kanaKey, resident[Resident.kanaKey]),
        ]
      case .birth: [(Disclosure.birth, resident[Resident.birth])]
      case .sex: [(Disclosure.sex, resident[Resident.sex])]
      case .address: [(Disclosure.address, resident[Resident.address])]
      case .phone: [(Disclosure.phone, resident[Resident.phone])]
      case .language: [(Disclosure.language, resident[Resident.language])]
      case .assistance:
        [
          (
            Disclosure.assistance,
            try AssistancePlans.of(resident.id, db).map { plan in
              (plan[AssistancePlan.grounds] + [plan[AssistancePlan.plan]].compactMap(\.self)).joined(separator: "、")
            }
          )
        ]
      }
    }
    return told.compactMap { field, text in text.map { (field, $0) } }
  }

  /// A name for a resident that only one service knows; nobody without the ward's key can tell which two are one person.
  static func pseudonym(of resident: RowID, for service: RowID, _ identity: NodeIdentity) throws -> String {
    let key = Audience.ward(identity.certificate.node.ward, .disclosure).key()
    guard let secret = identity.keyring[key] else {
      throw Fault.refused(
        ja: "このノードには仮名の鍵がありません。カードを作り直してください", en: "this node has no key for pseudonyms; have its card made anew")
    }
    let tag = secret.tag("service \(service)", withUnsafeBytes(of: resident.rawValue.bigEndian) { [UInt8]($0) })
    return "p-" + [UInt8](tag.prefix(16)).hexadecimal
  }

  // MARK: Answers

  private static let members = [Shown.residentID, Answer.Member("valid", .flag, "有効", "Valid")]

  /// Whose consent it is stands in the trail beside the row.
  private static func view(_ consent: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(consent, records)
    if let resident = consent[Consent.resident] {
      look.saw(resident)
      members["residentId"] = JSON(Residents.text(resident, look.inquiry))
    }
    members["valid"] = .flag(Consent.isValid(consent, at: look.now))
    return .object(members)
  }

  private static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let consent = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return try view(consent, &look)
  }

  // MARK: Giving

  /// What a consent for a private service holds besides.
  private static func admit(
    _ service: RowID, of resident: RowID, _ scopes: [Scope], _ desk: Desk
  ) throws -> [FieldEdit] {
    let found = try desk.find(service, in: PrivateService.records, "service")
    guard found[PrivateService.endedAt] == nil else {
      throw Fault.refused("service", ja: "終了したサービスです", en: "the service has ended")
    }
    if let excess = scopes.map(\.rawValue).first(where: { !found[PrivateService.scopes].contains($0) }) {
      throw Fault.badValue("scopes", ja: "このサービスが求めていない項目です: \(excess)", en: "the service does not ask for \(excess)")
    }
    return [
      Consent.service.set(service),
      Consent.pseudonym.set(try pseudonym(of: resident, for: service, desk.replica.identity)),
    ]
  }

  /// A copy for another ward, with the key to it where that ward's nodes have none yet.
  private static func tell(
    _ other: String, of resident: RowValues, _ scopes: [Scope], consent: RowID, until: Instant, _ draft: inout Draft,
    _ desk: Desk
  ) throws -> [Draft] {
    guard other != desk.ward, let index = desk.inquiry.identity.federation.index(ofWard: other) else {
      throw Fault.badValue("toWard", ja: "他の区を選んでください", en: "choose another ward")
    }
    guard resident[Resident.guarded] != true else {
      throw Fault.refused("toWard", ja: "保護されている住民です", en: "the resident is protected")
    }
    let copy = try desk.read { try told(resident, scopes, $0) }.map { field, text in field.set(text) }
    draft.edit(
      Disclosure.records, try desk.newRow(),
      [Disclosure.resident.set(resident.id), Disclosure.consent.set(consent), Disclosure.until.set(until)] + copy,
      for: .told(by: desk.wardIndex, to: index))
    return try KeyDrafts.tell(index, desk).map { [$0] } ?? []
  }

  private static let give = Endpoint.write(
    "giveConsent", Resident.records.path + "/{id}/consents", "同意を記録する", "Record a consent", for: .welfare,
    "A resident lets a ward or a private service see some of the record.",
    [
      Consent.service.asked, FormField("toWard", .ward, ja: "提供先の区", en: "Receiving ward"), Consent.scopes.needed,
      FormField("use", Consent.purpose.shape, required: true, ja: "利用目的", en: "Purpose"), Consent.until.needed,
    ], of: Resident.records, when: Residents.ours, makes: true, answers: .row(records, and: members)
  ) { desk in
    let (resident, values, _) = try Residents.subject(desk)
    let until = Instant(milliseconds: desk.given.integer("until")!)
    guard until > desk.now else {
      throw Fault.badValue("until", ja: "有効期限が過ぎています", en: "is in the past")
    }
    let scopes = desk.given.texts("scopes").compactMap { Scope(rawValue: $0) }
    let row = try desk.newRow()
    var edits = [
      Consent.resident.set(resident), Consent.purpose.set(desk.given.text("use")!), Consent.until.set(until),
      Consent.takenBy.set(desk.inquiry.user.name), Consent.givenAt.set(desk.now),
    ]
    edits += scopes.map { Consent.scopes.add($0.rawValue) }
    var draft = records.draft()
    var keys: [Draft] = []
    switch (desk.given.row("service"), desk.given.text("toWard")) {
    case (let service?, nil): edits += try admit(service, of: resident, scopes, desk)
    case (nil, let other?):
      edits.append(Consent.ward.set(other))
      keys = try tell(other, of: values, scopes, consent: row, until: until, &draft, desk)
    default:
      throw Fault.badValue("service", ja: "サービスか区のどちらか一つを選んでください", en: "choose either a service or a ward")
    }
    draft.edit(records, row, edits, for: .ward(desk.wardIndex, .disclosure))
    return Written(keys + [draft], about: [row, resident]) { look in try answer(row, &look) }
  }.often(2)

  // MARK: Taking back

  private static let withdraw = Endpoint.write(
    "withdrawConsent", records.path + "/{id}/withdrawal", "同意を取り消す", "Withdraw a consent", for: .welfare,
    "Take a consent back: from now on nothing is shown.", of: records,
    when: [
      Condition(.forbidden, Residents.foreign.ja, Residents.foreign.en) { consent, inquiry in
        consent[Consent.resident].map { inquiry.isOwn($0) } ?? false
      },
      .missing(Consent.withdrawnAt, "すでに撤回されています", "withdrawn already"),
    ], answers: .row(records, and: members)
  ) { desk in
    let (row, consent) = try desk.subject(records)
    var draft = records.draft()
    draft.edit(records, row, [Consent.withdrawnAt.set(desk.now)], for: .ward(desk.wardIndex, .disclosure))
    if let index = consent[Consent.ward].flatMap({ desk.inquiry.identity.federation.index(ofWard: $0) }) {
      for told in try desk.read({
        try RowValues.all(Disclosure.records, "WHERE consent = ? ORDER BY id", [row.rawValue], $0)
      }) {
        draft.delete(Disclosure.records, told.id, for: .told(by: desk.wardIndex, to: index))
      }
    }
    return Written([draft], about: [row] + [consent[Consent.resident]].compactMap(\.self)) { look in
      try answer(row, &look)
    }
  }

  private static let list = Endpoint.read(
    "consents", Resident.records.path + "/{id}/consents", "同意", "Consents", for: .welfare,
    "A resident's consents, valid and past.", Paging.fields(of: records.name) + [Purpose.field], of: Resident.records,
    answers: .rows("consents", records, and: members, isPaged: true)
  ) { look in
    let page = try look.page(records, where: "resident = ?1", [look.inquiry.row!.rawValue], usual: 1_000)
    return page.answer("consents", try page.rows.filter { try look.maySee($0, records) }.map { try view($0, &look) })
  }

  public static let service = Service(
    "本人の同意", "Consent", records: [records, Disclosure.records], endpoints: [give, withdraw, list])
}
