import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Sodium

/// A disaster is declared: with the card of the ward's authority, what the law lets this ward see of others' people opens,
/// for a purpose and a time.
public enum Declarations {
  private static let records = Declaration.records

  /// No declaration lasts longer; a longer disaster is declared again.
  private static let longest: Int64 = 30 * 86_400_000

  /// The purposes for which a ward may look at others' people now.
  public static func purposes(_ db: Database, ward: String, at now: Instant) throws -> Set<String> {
    Set(
      try RowValues.all(
        records, "WHERE ward = ? AND \"until\" > ? AND ended_at IS NULL", [ward, now.milliseconds], db
      ).flatMap { $0[Declaration.purposes] })
  }

  private static let members = [Answer.Member("inForce", .flag, "有効", "In force")]

  private static func view(_ declaration: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(declaration, records)
    members["inForce"] = .flag(Declaration.isInForce(declaration, at: look.now))
    return .object(members)
  }

  private static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let declaration = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return try view(declaration, &look)
  }

  private static let declare = Endpoint.write(
    "declare", records.path, "緊急時の情報共有を開始する", "Begin sharing in an emergency", for: .command,
    "Declare a disaster with the authority's card: what the law opens of other wards' people can be read here.",
    [
      Declaration.title.needed, Declaration.purposes.needed, Declaration.until.needed, Declaration.reason.needed,
      Desk.card.required, Desk.passphrase,
    ], makes: true,
    warning: Words(
      "この区の管理カード(秘密の鍵)のファイルを選びます。ほかの区の人の記録が、選んだ目的で見られるようになります(災害対策基本法 第49条の11・第86条の15)。期限は30日以内です。",
      "Open the file of this ward's authority's card and paste all of it. At most 30 days."),
    answers: .row(records, and: members)
  ) { desk in
    let authority = try desk.authority()
    let until = desk.given.integer("until")!
    guard until > desk.now.milliseconds, until <= desk.now.milliseconds + longest else {
      throw Fault.badValue("until", ja: "期限は今から 30 日以内にしてください", en: "must be within 30 days from now")
    }
    let row = try desk.newRow()
    let purposes = desk.given.texts("purposes").sorted()
    let confidences = purposes.compactMap { Purpose(rawValue: $0) }.flatMap(\.opens)
    let statement = """
      renkei declaration 1
      \(row)
      \(purposes.joined(separator: ","))
      \(desk.now.milliseconds)
      \(until)
      \(desk.given.text("reason")!)
      """
    let signature = authority.signature(over: desk.inquiry.identity.federation.id.bytes + [UInt8](statement.utf8))
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["title", "purposes", "reason", "until"], of: records) + [
        Declaration.ward.set(desk.ward), Declaration.declaredBy.set(desk.inquiry.user.name),
        Declaration.declaredAt.set(desk.now), Declaration.signature.set(signature),
      ])
    let grants = try KeyDrafts.open(confidences, with: authority, until: until, ground: ground(row), desk)
    return Written([draft] + grants, about: [row]) { look in try answer(row, &look) }
  }.byTwo

  /// As the grants that follow from it name it.
  private static func ground(_ row: RowID) -> String { "declaration \(row)" }

  private static let end = Endpoint.write(
    "endDeclaration", records.path + "/{id}/end", "緊急時の情報共有を終える", "End sharing in an emergency", for: .command,
    "End a declaration: what it opened closes.", of: records,
    when: [
      .own(Declaration.ward, "開始した区だけが終えられます", "only the ward that declared it can end it"),
      .missing(Declaration.endedAt, "すでに解除されています", "ended already"),
    ],
    warning: Words(
      "この情報共有で見られるようになった他区の人の記録が、見られなくなります。",
      "Other wards' people that this declaration opened close again."),
    answers: .row(records, and: members)
  ) { desk in
    let (row, _) = try desk.subject(records)
    var draft = records.draft()
    draft.edit(records, row, [Declaration.endedAt.set(desk.now)])
    return Written([draft] + (try KeyDrafts.end(ground(row), desk)), about: [row]) { look in try answer(row, &look) }
  }

  private static let list = Endpoint.read(
    "declarations", records.path, "緊急時の情報共有", "Sharing in an emergency", for: .staff,
    "Every ward's declarations, newest first.",
    Paging.fields(of: records.name), answers: .rows("declarations", records, and: members, isPaged: true)
  ) { look in
    let page = try look.page(records, by: ["declared_at"], newestFirst: true, usual: 1_000)
    return page.answer("declarations", try page.rows.map { try view($0, &look) })
  }

  public static let service = Service(
    "緊急時の情報共有", "Sharing in an emergency", records: [records], endpoints: [declare, end, list], menu: ["declarations"],
    indexes: ["CREATE INDEX IF NOT EXISTS key_grants_ground ON key_grants (ground)"])
}
