import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Replica
import Sodium

/// A disaster is declared: with the card of the ward's authority, what the law lets this ward see of others' people opens,
/// for a purpose and a time.
public enum Declarations {
  static let schema = RegistrySchema.declarations

  /// No declaration lasts longer; a longer disaster is declared again.
  private static let longest: Int64 = 30 * 86_400_000

  /// The purposes for which a ward may look at others' people now.
  public static func purposes(_ db: Database, ward: String, at now: Instant) throws -> Set<String> {
    Set(
      try RowValues.all(
        schema, "WHERE ward = ? AND \"until\" > ? AND ended_at IS NULL", [ward, now.milliseconds], db
      ).flatMap { $0.texts("purposes") })
  }

  private static func view(_ values: RowValues, _ inquiry: Inquiry) -> JSON {
    var members = values.json()
    members["inForce"] = .flag(
      values.integer("ended_at") == nil && values.integer("until") ?? 0 > inquiry.now.milliseconds)
    return .object(members)
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "declare", "/declarations",
      "Declare a disaster with the authority's card: what the law opens of other wards' people can be read here.",
      [
        FormField("title", .text(100), required: true, ja: "災害名", en: "Disaster"),
        FormField("purposes", .list(.choice(Purpose.declarable), 4), required: true, ja: "利用目的", en: "Purposes"),
        FormField("until", .time, required: true, ja: "期限", en: "Until"),
        FormField("reason", .text(500), required: true, ja: "理由", en: "Reason"), Desk.card.required,
        Desk.passphrase,
      ], makes: true
    ) { desk in
      let authority = try desk.authority()
      let until = desk.given.integer("until")!
      guard until > desk.now.milliseconds, until <= desk.now.milliseconds + longest else {
        throw Fault.badValue("until", ja: "期限は今から 30 日以内にしてください", en: "must be within 30 days from now")
      }
      let row = try desk.newRow()
      let purposes = desk.given.texts("purposes").sorted()
      let confidences = purposes.compactMap { Purpose(rawValue: $0) }.flatMap(\.opens)
      let statement =
        "renkei declaration 1\n\(row)\n\(purposes.joined(separator: ","))\n\(desk.now.milliseconds)\n\(until)\n\(desk.given.text("reason")!)"
      let signature = authority.signature(over: desk.inquiry.identity.federation.id.bytes + [UInt8](statement.utf8))
      var draft = Draft(.control, audience: .anyone)
      draft.edit(
        schema, row,
        desk.given.edits(["title", "purposes", "reason", "until"], of: schema) + [
          FieldEdit(1, .set(.text(desk.ward))), FieldEdit(5, .set(.text(desk.inquiry.user.name))),
          FieldEdit(6, .set(.integer(desk.now.milliseconds))), FieldEdit(9, .set(.bytes(signature))),
        ], for: .anyone)
      let grants = try KeyDrafts.open(confidences, with: authority, until: until, ground: "declaration \(row)", desk)
      let inquiry = desk.inquiry
      return Written([draft] + grants, about: [row]) { db in
        guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
        return view(values, inquiry)
      }
    },
    .write("endDeclaration", "/declarations/{id}/end", "End a declaration: what it opened closes.", of: "declarations")
    {
      desk in
      let (row, values) = try desk.subject(schema)
      guard values.text("ward") == desk.ward else {
        throw Fault(.forbidden, field: "id", ja: "宣言した区だけが解除できます", en: "only the ward that declared it can end it")
      }
      guard values.integer("ended_at") == nil else { throw Fault.refused("id", ja: "すでに解除されています", en: "ended already") }
      var draft = Draft(.control, audience: .anyone)
      draft.edit(schema, row, [FieldEdit(8, .set(.integer(desk.now.milliseconds)))], for: .anyone)
      let inquiry = desk.inquiry
      return Written([draft] + (try KeyDrafts.end("declaration \(row)", desk)), about: [row]) { db in
        guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
        return view(values, inquiry)
      }
    },
    .read("declarations", "/declarations", "Every ward's declarations, newest first.") { inquiry, db in
      Seen([
        "declarations": .list(
          try RowValues.all(schema, "ORDER BY declared_at DESC, id DESC LIMIT 1000", [], db).map { view($0, inquiry) })
      ])
    },
  ]
}
