import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Replica

/// 決裁の権利: one unit of a stock for each case, which one node holds: what decides is done there alone, so that two desks that are cut
/// off from each other never both decide. It is handed over, or taken over from a node that is lost, with the authority's card.
enum CaseRight {
  static let unit = StockField(1, "unit", 1...1, "権利", "Right")

  static let records = Records(
    304, "case_rights", "決裁の権利", "Right to decide", lane: .registry, law: .keptByWard(open: []), reader: .staff,
    fields: [unit], title: [unit])

  static func row(_ file: RowID, _ desk: Desk) -> RowID { desk.derivedRow(["case right", "\(file)"]) }

  /// Duties are not held by anybody yet: until then, what decides is for headquarters and welfare.
  static func mayDecide(_ user: User, _ field: String) throws {
    guard user.roles.isDisjoint(with: [.headquarters, .welfare]) else { return }
    throw Fault(.forbidden, field: field, ja: "決裁は災害対策本部か福祉の担当が行います", en: "headquarters or welfare decide")
  }

  /// Who holds it; of several, after a takeover from a node that was not lost, the one that took it over.
  static func holder(_ file: RowID, _ look: Look) throws -> AuthorNumber? {
    let row = RowID(
      derivedFrom: Ticket.digest("case right\u{1f}\(file)").prefix, ward: look.inquiry.wardIndex)
    return try StockShares.of(row, records, unit, look.db).filter { $0.value > 0 }.keys.max()
  }

  /// - Throws: where the case can be decided, when that is not here.
  static func mustHold(_ file: RowID, _ desk: Desk) throws {
    guard let (_, others) = try desk.lacking(1, of: row(file, desk), records, unit) else { return }
    throw Fault.refused(
      "act",
      ja: others.isEmpty ? "決裁の権利がまだ届いていません" : "決裁できるのは \(others.split(separator: ":")[0]) です。そこで決裁するか、引き継いでください",
      en: others.isEmpty
        ? "nobody holds its right here yet"
        : "decided at \(others.split(separator: ":")[0]): decide there, or have it handed over")
  }

  private static let node = FormField(
    "node", .text(20), required: true, ja: "ノード(例 13113-2)", en: "Node, such as 13113-2")

  private static func named(_ desk: Desk) throws -> AuthorNumber {
    guard let node = desk.inquiry.identity.federation.author(named: desk.given.text("node")!),
      node.ward == desk.wardIndex, desk.replica.membership.key(of: node) != nil, node.node != desk.replica.author.node
    else {
      throw Fault.badValue("node", ja: "自区の、ほかのノードを入れてください", en: "another node of this ward")
    }
    return desk.writing(node)
  }

  private static let own = [Condition.ownRow("他区の案件です", "another ward's case")]

  private static let handOver = Endpoint.write(
    "handOverCase", "/cases/{id}/handover", "決裁を引き渡す", "Hand a case over", for: .people,
    "Another node of this ward decides the case from now on.", [node], of: CaseFile.records, when: own,
    answers: .row(CaseFile.records, and: CaseFile.members)
  ) { desk in
    let (row, _) = try desk.subject(CaseFile.records)
    try mayDecide(desk.inquiry.user, "id")
    let receiver = try named(desk)
    try mustHold(row, desk)
    var draft = records.draft()
    draft.edit(records, Self.row(row, desk), [unit.handOver(1, to: receiver)])
    return Written([draft], about: [row]) { try CaseFile.answer(row, &$0) }
  }

  private static let takeOver = Endpoint.write(
    "takeOverCase", "/cases/{id}/takeover", "失われたノードの決裁を引き継ぐ", "Take a lost node's case over", for: .people,
    "The ward's authority decides that this node decides a case in the place of one that is lost.",
    [node, Desk.card.required, Desk.passphrase], of: CaseFile.records, when: own,
    warning: Words(
      "そのノードが本当に失われたときだけ行います。まだ動いていると、同じ案件が二度決裁されます。",
      "Only when that node is really lost: if it still works, the case is decided twice."),
    answers: .row(CaseFile.records, and: CaseFile.members)
  ) { desk in
    let (row, _) = try desk.subject(CaseFile.records)
    let giver = try named(desk)
    _ = try desk.authority()
    guard try desk.shares(Self.row(row, desk), records, unit)[giver] ?? 0 > 0 else {
      throw Fault.refused("node", ja: "そのノードは権利を持っていません", en: "that node does not hold it")
    }
    var draft = records.draft()
    draft.edit(records, Self.row(row, desk), [unit.takeOver(1, from: giver)])
    return Written([draft], about: [row]) { try CaseFile.answer(row, &$0) }
  }.byTwo

  static let endpoints = [handOver, takeOver]
}
