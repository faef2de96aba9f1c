import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Replica
import Sodium

/// Whom a resident lets see what: another ward, or a private service under a name of its own for this person.
public enum Consents {
  static let schema = RegistrySchema.consents

  public static let scopes = [
    Choice("氏名", "name"), Choice("カナ", "kana"), Choice("生年月日", "birth"), Choice("性別", "sex"), Choice("住所", "address"),
    Choice("電話番号", "phone"), Choice("使用言語", "language"), Choice("避難支援", "assistance"),
  ]

  /// The fields of a disclosure that the scopes allow: both names and keys of a resident's record.
  static func disclosed(_ resident: RowValues, _ scopes: [String], _ db: Database) throws -> [String: String] {
    func joined(_ columns: [String]) -> String? {
      let text = columns.compactMap(resident.text).joined(separator: " ")
      return text.isEmpty ? nil : text
    }
    var fields: [String: String] = [:]
    for scope in scopes {
      switch scope {
      case "氏名":
        fields["name"] = joined(["family_name", "given_name"])
        fields["name_key"] = resident.text("name_key")
      case "カナ":
        fields["kana"] = joined(["family_kana", "given_kana"])
        fields["kana_key"] = resident.text("kana_key")
      case "生年月日": fields["birth"] = resident.text("birth")
      case "性別": fields["sex"] = resident.text("sex")
      case "住所": fields["address"] = resident.text("address")
      case "電話番号": fields["phone"] = resident.text("phone")
      case "使用言語": fields["language"] = resident.text("language")
      case "避難支援":
        guard let plan = try Residents.assistance(of: resident.id, db) else { continue }
        fields["assistance"] = (plan.texts("grounds") + [plan.text("plan")].compactMap(\.self)).joined(separator: "、")
      default: continue
      }
    }
    return fields
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

  static func isValid(_ values: RowValues, at now: Instant) -> Bool {
    values.integer("withdrawn_at") == nil && values.integer("until").map { $0 > now.milliseconds } ?? false
  }

  private static func view(_ values: RowValues, _ inquiry: Inquiry) -> JSON {
    var members = values.json()
    members["residentId"] = JSON(values.row("resident").flatMap { Residents.text($0, inquiry) })
    members["valid"] = .flag(isValid(values, at: inquiry.now))
    return .object(members)
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "giveConsent", "/residents/{id}/consents", "A resident lets a ward or a private service see some of the record.",
      [
        FormField("service", .row("services"), ja: "提供先サービス", en: "Service"),
        FormField("toWard", .ward, ja: "提供先の区", en: "Receiving ward"),
        FormField("scopes", .list(.choice(scopes), 20), required: true, ja: "提供する項目", en: "Scopes"),
        FormField("use", .text(200), required: true, ja: "利用目的", en: "Purpose"),
        FormField("until", .time, required: true, ja: "有効期限", en: "Until"),
      ], of: "residents", makes: true
    ) { desk in
      let (resident, values, _) = try Residents.own(desk)
      let until = desk.given.integer("until")!
      guard until > desk.now.milliseconds else {
        throw Fault.badValue("until", ja: "有効期限が過ぎています", en: "is in the past")
      }
      let service = desk.given.row("service")
      let other = desk.given.text("toWard")
      guard (service == nil) != (other == nil) else {
        throw Fault.badValue("service", ja: "サービスか区のどちらか一つを選んでください", en: "choose either a service or a ward")
      }
      let scopes = desk.given.texts("scopes")
      let row = try desk.newRow()
      var edits = [
        FieldEdit(1, .set(.integer(resident.rawValue))), FieldEdit(5, .set(.text(desk.given.text("use")!))),
        FieldEdit(6, .set(.integer(until))), FieldEdit(8, .set(.text(desk.inquiry.user.name))),
        FieldEdit(9, .set(.integer(desk.now.milliseconds))),
      ]
      edits += scopes.map { FieldEdit(4, .add(.text($0))) }
      var draft = Draft(.registry)
      var drafts: [Draft] = []
      if let service {
        let found = try desk.find(service, in: RegistrySchema.services, "service")
        guard found.integer("ended_at") == nil else {
          throw Fault.refused("service", ja: "終了したサービスです", en: "the service has ended")
        }
        if let excess = scopes.first(where: { !found.texts("scopes").contains($0) }) {
          throw Fault.badValue(
            "scopes", ja: "このサービスが求めていない項目です: \(excess)", en: "the service does not ask for \(excess)")
        }
        edits.append(FieldEdit(2, .set(.integer(service.rawValue))))
        edits.append(
          FieldEdit(10, .set(.text(try pseudonym(of: resident, for: service, desk.replica.identity)))))
      }
      if let other {
        guard other != desk.ward, let index = desk.inquiry.identity.federation.index(ofWard: other) else {
          throw Fault.badValue("toWard", ja: "他の区を選んでください", en: "choose another ward")
        }
        guard values.integer("guarded") != 1 else {
          throw Fault.refused("toWard", ja: "保護されている住民です", en: "the resident is protected")
        }
        edits.append(FieldEdit(3, .set(.text(other))))
        let fields = try desk.read { try disclosed(values, scopes, $0) }
        var copy = [
          FieldEdit(1, .set(.integer(resident.rawValue))), FieldEdit(2, .set(.integer(row.rawValue))),
          FieldEdit(13, .set(.integer(until))),
        ]
        for field in RegistrySchema.disclosures.fields {
          if let text = fields[field.name] { copy.append(FieldEdit(field.number, .set(.text(text)))) }
        }
        draft.edit(RegistrySchema.disclosures, try desk.newRow(), copy, for: .told(by: desk.wardIndex, to: index))
        if let grants = try KeyDrafts.tell(index, desk) { drafts.append(grants) }
      }
      draft.edit(schema, row, edits, for: .ward(desk.wardIndex, .disclosure))
      let inquiry = desk.inquiry
      return Written(drafts + [draft], about: [resident]) { db in
        guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
        return view(values, inquiry)
      }
    },
    .write(
      "withdrawConsent", "/consents/{id}/withdrawal", "Take a consent back: from now on nothing is shown.",
      of: "consents"
    ) {
      desk in
      let (row, values) = try desk.subject(schema)
      guard let resident = values.row("resident"), desk.inquiry.isOwn(resident) else { throw Residents.foreign }
      guard values.integer("withdrawn_at") == nil else {
        throw Fault.refused("id", ja: "すでに撤回されています", en: "withdrawn already")
      }
      var draft = Draft(.registry)
      draft.edit(
        schema, row, [FieldEdit(7, .set(.integer(desk.now.milliseconds)))], for: .ward(desk.wardIndex, .disclosure))
      for told in try desk.read({
        try RowValues.all(RegistrySchema.disclosures, "WHERE consent = ? ORDER BY id", [row.rawValue], $0)
      }) {
        guard let ward = values.text("ward"), let index = desk.inquiry.identity.federation.index(ofWard: ward) else {
          continue
        }
        draft.delete(RegistrySchema.disclosures, told.id, for: .told(by: desk.wardIndex, to: index))
      }
      let inquiry = desk.inquiry
      return Written([draft], about: [resident]) { db in
        guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
        return view(values, inquiry)
      }
    },
    .read("consents", "/residents/{id}/consents", "A resident's consents, valid and past.", of: "residents") {
      inquiry, db in
      let rows = try RowValues.all(
        schema, "WHERE resident = ? ORDER BY id LIMIT 1000", [inquiry.row!.rawValue], db)
      return Seen(["consents": .list(rows.map { view($0, inquiry) })])
    },
    .write(
      "registerService", "/services", "Admit a private service. The token is shown once.",
      [
        FormField("name", .text(100), required: true, ja: "サービス名", en: "Name"),
        FormField("operator", .text(100), required: true, ja: "事業者", en: "Operator"),
        FormField("scopes", .list(.choice(scopes), 20), required: true, ja: "求める項目", en: "Scopes"),
      ], makes: true
    ) { desk in
      let row = try desk.newRow()
      let token = "rk-" + secureRandomBytes(32).hexadecimal
      var draft = Draft(.registry)
      draft.edit(
        RegistrySchema.services, row,
        desk.given.edits(["name", "operator", "scopes"], of: RegistrySchema.services) + [
          FieldEdit(4, .set(.text(hash(token)))), FieldEdit(6, .set(.text(desk.ward))),
        ])
      return Written([draft], about: [row]) { db in
        guard let values = try RowValues.fetch(row, RegistrySchema.services, db) else { throw Fault.notFound("id") }
        var members = values.json(hiding: ["token_hash"])
        members["token"] = .text(token)
        return .object(members)
      }
    },
    .write("endService", "/services/{id}/end", "A private service sees nothing from now on.", of: "services") { desk in
      let (row, values) = try desk.subject(RegistrySchema.services)
      guard values.text("ward") == desk.ward else {
        throw Fault(.forbidden, field: "id", ja: "登録した区だけが終了できます", en: "only the ward that admitted it can end it")
      }
      var draft = Draft(.registry)
      draft.edit(RegistrySchema.services, row, [FieldEdit(5, .set(.integer(desk.now.milliseconds)))])
      return Written([draft], about: [row]) { db in
        .object(try RowValues.fetch(row, RegistrySchema.services, db)?.json(hiding: ["token_hash"]) ?? [:])
      }
    },
    .read("services", "/services", "The private services that were admitted.") { _, db in
      Seen([
        "services": .list(
          try RowValues.all(RegistrySchema.services, "ORDER BY id LIMIT 1000", [], db).map {
            .object($0.json(hiding: ["token_hash"]))
          })
      ])
    },
    forServices(
      .read(
        "serviceResident", "/service/residents/{pseudonym}",
        "What one resident lets the asking service see, under that service's own name for the resident."
      ) { inquiry, db in
        guard let token = inquiry.token,
          let service = try RowValues.all(
            RegistrySchema.services, "WHERE token_hash = ? AND ended_at IS NULL LIMIT 1", [hash(token)], db
          ).first
        else {
          throw Fault(.unauthorized, field: "authorization", ja: "有効なトークンを付けてください", en: "send a valid bearer token")
        }
        let consents = try RowValues.all(
          schema, "WHERE pseudonym = ? AND service = ? ORDER BY id LIMIT 100", [inquiry.key, service.id.rawValue], db
        ).filter { isValid($0, at: inquiry.now) }
        guard let first = consents.first, let resident = first.row("resident"), inquiry.isOwn(resident),
          try pseudonym(of: resident, for: service.id, inquiry.identity) == inquiry.key,
          let values = try RowValues.fetch(resident, RegistrySchema.residents, db)
        else { throw Fault.notFound("pseudonym") }
        let scopes = Set(consents.flatMap { $0.texts("scopes") }).sorted()
        var members: [String: JSON] = ["pseudonym": JSON(inquiry.key)]
        for (name, text) in try disclosed(values, scopes, db) where !name.hasSuffix("_key") {
          members[name] = .text(text)
        }
        return Seen(
          .object(members), subjects: [resident],
          viewer: (User(service.text("name") ?? "?"), first.text("purpose") ?? "-"))
      }),
  ]

  private static func forServices(_ endpoint: Endpoint) -> Endpoint {
    var endpoint = endpoint
    endpoint.isForServices = true
    return endpoint
  }

  static func hash(_ token: String) -> String { blake2b([UInt8](token.utf8)).bytes.hexadecimal }
}
