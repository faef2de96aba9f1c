import Causality
import ChangeModel
import Desk
import GRDB

/// 安否: reports from anybody, each with its source and time; what is shown is the newest of the most trustworthy, of equally
/// trustworthy ones the word of the person's own ward; and all that say otherwise stand beside it.
public enum Safety {
  private static let records = SafetyReport.records

  /// What the reports on one person say together.
  struct Verdict {
    var shown: RowValues
    /// How the person is, as far as anybody may say so: of a death, one report alone is no proof.
    var status: String?
    /// Reports that say something else, whatever time they claim.
    var disagreeing: [RowValues]
  }

  /// When it was seen, by the report's own word: never later than it was written.
  private static func observed(_ report: RowValues) -> Int64 {
    min(report[SafetyReport.observedAt]?.milliseconds ?? 0, report.written?.at.milliseconds ?? .max)
  }

  private static func isDeath(_ report: RowValues) -> Bool { report[SafetyReport.status] == SafetyStatus.dead.rawValue }

  private static func isReliableDeath(_ report: RowValues) -> Bool {
    isDeath(report) && report[SafetyReport.source]?.mayTellDeath == true
  }

  /// The newest report of the best tier that has one; within a tier the word of the person's own ward comes first. The same
  /// on every node that holds the same reports.
  ///
  /// A death shows when two who may tell of one did, in two wards or at two desks of one.
  static func judge(_ reports: [RowValues]) -> Verdict? {
    func isHome(_ report: RowValues) -> Int {
      report[SafetyReport.resident]?.made.map { $0.author.ward == report.id.made?.author.ward } == true ? 1 : 0
    }
    func rank(_ report: RowValues) -> (Int, Int, Int64, RowID) {
      // Nobody tells of the own death.
      let tier = isDeath(report) && !isReliableDeath(report) ? 2 : report[SafetyReport.source]?.tier ?? 3
      return (-tier, isHome(report), observed(report), report.id)
    }
    let standing = reports.filter { $0[SafetyReport.withdrawnAt] == nil }
    guard let shown = standing.max(by: { rank($0) < rank($1) }) else { return nil }
    let tellers = Set(
      standing.filter(isReliableDeath).map { ["\($0.id.made?.author.ward ?? 0)", $0[SafetyReport.enteredBy] ?? ""] })
    let status =
      isDeath(shown) && tellers.count < 2 ? SafetyStatus.unconfirmedDeath.word : shown[SafetyReport.status]
    let disagreeing = standing.filter { $0[SafetyReport.status] != shown[SafetyReport.status] }
      .sorted { (observed($0), $0.id) > (observed($1), $1.id) }
    return Verdict(shown: shown, status: status, disagreeing: disagreeing)
  }

  /// What is said of a person, under any of the IDs: what was not taken back, and the own ward's word, before all else.
  static func reports(on residents: [RowID], _ db: Database) throws -> [RowValues] {
    try RowValues.all(
      records,
      """
      WHERE resident IN (SELECT value FROM json_each(?))
      ORDER BY withdrawn_at IS NULL DESC, id >> 53 = resident >> 53 DESC, observed_at DESC, id DESC LIMIT 500
      """, [RowValues.list(residents)], db)
  }

  // MARK: Answers

  private static let members = [Shown.ward, Shown.residentID]

  static func view(_ report: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(report, records, hiding: Shown.columns(SafetyReport.nameKey, SafetyReport.kanaKey))
    members["ward"] = JSON(look.inquiry.ward(of: report.id))
    members["residentId"] = JSON(report[SafetyReport.resident].flatMap { Residents.text($0, look.inquiry) })
    return .object(members)
  }

  private static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let report = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return try view(report, &look)
  }

  /// How somebody is, as an answer says it.
  ///
  /// - Parameter stay: where the person is now. A check-in is a sighting: who was missed or thought dead before it is not, and
  ///   of whom nobody has said anything, that much is known. How somebody is said to be, well or hurt, it does not change.
  static func standing(
    _ verdict: Verdict?, present stay: RowValues? = nil, _ look: inout Look
  ) throws -> [String: JSON] {
    guard let stay, isSeen(stay, after: verdict) else {
      guard let verdict else { return ["status": .text(SafetyStatus.unconfirmed.rawValue)] }
      return [
        "status": JSON(verdict.status), "report": try view(verdict.shown, &look),
        "disagreeing": .list(try verdict.disagreeing.map { try view($0, &look) }),
      ]
    }
    look.saw(stay, of: stay[Stay.resident])
    let overtaken = (verdict.map { [$0.shown] + $0.disagreeing }) ?? []
    return [
      "status": .text(SafetyStatus.seen.word), "shelter": JSON(stay[Stay.shelter].map { "\($0)" }),
      "arrivedAt": JSON(stay[Stay.arrivedAt]?.milliseconds),
      "disagreeing": .list(try overtaken.map { try view($0, &look) }),
    ]
  }

  /// Whether a check-in says more than what was reported.
  private static func isSeen(_ stay: RowValues, after verdict: Verdict?) -> Bool {
    guard let verdict else { return true }
    let isKnown = [.safe, .slightlyInjured, .seriouslyInjured].contains(verdict.status.flatMap(SafetyStatus.init))
    let arrived = min(stay[Stay.arrivedAt]?.milliseconds ?? 0, stay.written?.at.milliseconds ?? .max)
    return !isKnown && arrived > observed(verdict.shown)
  }

  static let status = Answer.Member(
    "status", .choice(SafetyStatus.choices + [SafetyStatus.unconfirmedDeath, SafetyStatus.seen]),
    SafetyReport.status.words.ja,
    SafetyReport.status.words.en)

  static let standingMembers = [
    status, Answer.Member("report", .object(.row(records, and: members)), "報告", "Report"),
    Answer.Member("disagreeing", .objects(.row(records, and: members)), "違う報告", "Otherwise"), Shown.shelter,
    Shown.arrivedAt,
  ]

  // MARK: Reporting

  private static let columns = [
    SafetyReport.resident.asked, SafetyReport.name.asked, SafetyReport.kana.asked, SafetyReport.birth.asked,
    SafetyReport.homeWard.asked, SafetyReport.kind.asked, SafetyReport.status.needed, SafetyReport.source.needed,
    SafetyReport.reporter.asked, SafetyReport.place.asked, SafetyReport.shelter.asked, SafetyReport.message.asked,
  ]

  private static let report = Endpoint.write(
    "reportSafety", records.path, "安否を報告する", "Report how somebody is", for: .people, "Report how somebody is.",
    columns + [SafetyReport.observedAt.asked], makes: true, answers: .row(records, and: members)
  ) { desk in
    let given = desk.given
    let resident = given.row("resident")
    guard resident != nil || given.text("name") != nil || given.text("kana") != nil else {
      throw Fault.badValue("name", ja: "氏名・カナ・住民IDのどれかを入れてください", en: "give a name, kana or a resident's ID")
    }
    if let resident, resident.made == nil || desk.inquiry.ward(of: resident) == nil {
      throw Fault.badValue("resident", ja: "住民の ID ではありません", en: "not a resident's ID")
    }
    guard
      given.text("status") != SafetyStatus.dead.rawValue || given.text("source") != SafetySource.person.rawValue
    else {
      throw Fault.badValue(
        "source", ja: "本人が自分の死亡を知らせることはできません。情報源を選び直してください",
        en: "nobody tells of the own death: choose who said so")
    }
    let observed = given.integer("observedAt") ?? desk.enteredAt.milliseconds
    let row = try desk.newRow()
    var edits = given.edits(columns.map(\.name), of: records)
    edits += [
      SafetyReport.observedAt.set(Instant(milliseconds: observed)), SafetyReport.enteredBy.set(desk.inquiry.user.name),
    ]
    for (key, text) in [(SafetyReport.nameKey, given.text("name")), (SafetyReport.kanaKey, given.text("kana"))] {
      if let text { edits.append(key.set(NameKey.of(text))) }
    }
    if !given.has("homeWard"), let resident, let ward = desk.inquiry.ward(of: resident) {
      edits.append(SafetyReport.homeWard.set(ward))
    }
    var draft = records.draft()
    draft.edit(records, row, edits, for: try audience(resident, desk))
    return Written([draft], about: [row] + [resident].compactMap(\.self)) { look in try answer(row, &look) }
  }.often(10)

  /// Who may read what is said of somebody.
  static func audience(_ resident: RowID?, _ desk: Desk) throws -> Audience {
    Residents.audience(
      desk.wardIndex, guarded: try desk.read { try Residents.isGuarded(resident, of: desk.wardIndex, $0) })
  }

  private static let withdraw = Endpoint.write(
    "withdrawSafety", records.path + "/{id}/withdrawal", "安否の報告を取り消す", "Withdraw a report", for: .people,
    "A report was wrong.", of: records,
    when: [
      .ownRow("他区が受けた報告です", "a report that another ward took"),
      .missing(SafetyReport.withdrawnAt, "すでに取り消されています", "withdrawn already"),
    ], answers: .row(records, and: members)
  ) { desk in
    let (row, report) = try desk.subject(records)
    let resident = report[SafetyReport.resident]
    var draft = records.draft()
    draft.edit(records, row, [SafetyReport.withdrawnAt.set(desk.enteredAt)], for: try audience(resident, desk))
    return Written([draft], about: [row] + [resident].compactMap(\.self)) { look in try answer(row, &look) }
  }

  private static let one = Endpoint.read(
    "safetyOf", Resident.records.path + "/{id}/safety", "安否", "How somebody is", for: .people,
    "How somebody is: the most trustworthy report, and those that disagree.", [Purpose.field], of: Resident.records,
    answers: .members(
      standingMembers + [Answer.Member("reports", .objects(.row(records, and: members)), "報告", "Reports"), Shown.stays])
  ) { look in
    // Reports on any ID of the same person count.
    let row = look.inquiry.row!
    let ids = try Identities.union(of: row, look.db)
    guard
      try !Identities.areGuarded(ids, look) || Residents.protects(row, look.inquiry),
      try Residents.mayReach(row, look.inquiry, look.db)
    else { throw Fault.notFound("id") }
    let reports = try reports(on: ids, look.db)
    let stays = try ids.flatMap {
      try RowValues.all(Stay.records, "WHERE resident = ? ORDER BY arrived_at DESC LIMIT 20", [$0.rawValue], look.db)
    }.filter { try look.maySee($0, Stay.records) }
    if !reports.isEmpty || !stays.isEmpty { look.saw(row) }
    let present = try Whereabouts.of(ids, look)
    var members = try standing(judge(reports), present: present, &look)
    members["reports"] = .list(try reports.map { try view($0, &look) })
    members["stays"] = .list(try stays.map { try Stays.view($0, &look) })
    return .object(members)
  }

  public static let service = Service("安否", "How people are", records: [records], endpoints: [report, withdraw, one])
}
