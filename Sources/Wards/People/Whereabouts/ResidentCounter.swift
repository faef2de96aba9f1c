import Causality
import ChangeModel
import Desk
import GRDB
import Replica
import Sodium
import Store

/// 窓口: what residents say of themselves without signing in, and what the ward tells them. A report from the counter is nobody's
/// proven word: it waits at the node that took it, in no log and on no link, until somebody of the staff admits it to the ward's
/// records or dismisses it. So nobody without an account fills the wards' lines, or hides another's call for help.
public enum ResidentCounter {
  private static let admitted = CounterReport.records

  /// How many of those who are hurt or ask for help nobody has dealt with: here and not looked at yet, and admitted.
  public static func calls(_ db: Database, ward: UInt32) throws -> (waiting: Int, admitted: Int) {
    (
      try Store.waitingCalls(db),
      try Int.fetchOne(
        db,
        sql: """
          SELECT count(*) FROM counter_reports
          WHERE settled_at IS NULL AND state IN ('けがをしています', '助けが必要です') AND id >> 53 = ?1
          """, arguments: [Int64(ward)]) ?? 0
    )
  }

  // MARK: What a resident says

  /// As a resident is asked, who is no "name of a record".
  private static let form = [
    FormField("state", CounterReport.state.shape, required: true, ja: "いまの状態", en: "How you are"),
    CounterReport.name.asked, CounterReport.kana.asked, CounterReport.birth.asked,
    FormField("place", CounterReport.place.shape, ja: "いまいる場所", en: "Where you are"), CounterReport.phone.asked,
    CounterReport.message.asked,
  ]

  private static let report = Endpoint.write(
    "reportOneself", "/counter/reports", "無事を知らせる・助けを求める", "Say how you are, or ask for help", for: .anyone,
    "A resident says how they are, or asks for help. Nobody needs to sign in; staff of this node read it.", form,
    makes: true,
    answers: .members([
      .init("received", .flag, "受け付けました", "Received"), Shown.column(CounterReport.receipt),
    ])
  ) { desk in
    let given = desk.given
    // Nobody is helped without a place; and who is safe is somebody.
    if given.text("state") == SaidState.safe.rawValue {
      guard given.text("name") != nil || given.text("kana") != nil else {
        throw Fault.badValue("name", ja: "氏名を入れてください", en: "give your name")
      }
    } else if given.text("place") == nil {
      throw Fault.badValue(
        "place", ja: "いまいる場所を入れてください(住所や近くの建物)", en: "say where you are: an address, or a building nearby")
    }
    let receipt = receipt()
    var said = given.values
    said[CounterReport.receipt.name] = .text(receipt)
    let origin = desk.inquiry.origin ?? Origin(address: "-", block: "-")
    try desk.replica.store.keepWaiting(
      JSON.object(said).bytes,
      isUrgent: desk.given.text("state") != SaidState.safe.rawValue, from: origin.address, of: origin.block,
      at: desk.now)
    // Whoever sent it learns that it is there, and nothing else.
    return Written([], about: [], touching: admitted) { _ in ["received": true, "receipt": .text(receipt)] }
  }

  /// Six letters and digits that nobody mistakes for others when they are read out: enough to find one of a night's reports by.
  private static func receipt() -> String {
    let letters = Array("ABCDEFGHJKMNPQRSTUVWXYZ23456789")
    // 248 is 8 times 31: every letter is as likely.
    let drawn = secureRandomBytes(64).filter { $0 < 248 }.prefix(6).map { letters[Int($0) % letters.count] }
    return String(drawn.prefix(3)) + "-" + String(drawn.dropFirst(3))
  }

  // MARK: What staff see of it

  /// Of one sender, and of one network, so many stand in the list of all; a list of that sender's alone shows the rest.
  private static let (shownOfEach, shownOfBlock) = (3, 10)
  /// In the list of all senders, or of one.
  private static let most = 200

  private static let from = FormField("from", .text(60), ja: "発信元(アドレスかネットワーク)", en: "Sender (address or network)")

  private static let said: [any AnyField] = [
    CounterReport.state, CounterReport.name, CounterReport.kana, CounterReport.birth, CounterReport.place,
    CounterReport.phone, CounterReport.message, CounterReport.reportedAt, CounterReport.receipt,
  ]
  private static let members: [Answer.Member] =
    [.init("id", .text(20), "番号", "Id").always] + said.map(Shown.column) + [
      .init("from", from.shape, from.japanese, from.english),
      .init("network", from.shape, "発信元のネットワーク", "Network"),
      .init("ofSender", .integer(Numbers.people), "同じ発信元の届け出", "From this sender"),
      .init("actions", .list(.text(60), 10), "操作", "Actions"),
    ]

  /// Under which this node's list of what waits stands in the trail: the last number that it may give a row, and never will.
  /// Who is named in the list is nobody's record.
  private static func trailName(_ inquiry: Inquiry) -> RowID {
    RowID(author: inquiry.identity.certificate.node, counter: RowID.counterLimit)
  }

  private static let list = Endpoint.read(
    "counterReports", "/counter/reports", "住民からの連絡", "Reports from the counter", for: .people,
    "What residents said at this node's counter and nobody has looked at yet: calls for help first, then the newest. Of each sender the first few, with how many there are; with `from`, all of one sender or network.",
    [from],
    answers: .list(
      "reports", members,
      beside: [
        Answer.Member(
          "more", .integer(Numbers.people), "ほかの届け出(発信元で絞ると出ます)", "And so many more (narrow down by sender)"
        ).always,
        .init("lost", .integer(Numbers.people), "多すぎたため消えた届け出", "Gone because there were too many"),
      ])
  ) { look in
    // What was said to the ward is no one shelter's.
    try look.inquiry.user.mustWork(at: nil)
    let sender = look.given.text("from")
    let all = try Store.waiting(look.db, from: sender)
    let counts = all.reduce(into: [String: Int]()) { $0[$1.address, default: 0] += 1 }
    var (ofSender, ofBlock): ([String: Int], [String: Int]) = ([:], [:])
    let shown = all.filter { report in
      guard sender == nil else { return true }
      guard ofSender[report.address, default: 0] < shownOfEach, ofBlock[report.block, default: 0] < shownOfBlock else {
        return false
      }
      ofSender[report.address, default: 0] += 1
      ofBlock[report.block, default: 0] += 1
      return true
    }.prefix(most)
    if !shown.isEmpty { look.saw(trailName(look.inquiry)) }
    let lost = try Store.waitingLost(look.db)
    return [
      "reports": .list(try shown.map { try view($0, ofSender: counts[$0.address] ?? 0, look.inquiry) }),
      "more": JSON(all.count - shown.count), "lost": lost == 0 ? .null : .integer(lost),
    ]
  }

  private static func view(_ report: WaitingReport, ofSender count: Int, _ inquiry: Inquiry) throws -> JSON {
    guard case .object(var members) = try JSON.decode(report.content) else { return .null }
    members = members.filter { $0.value != .null }
    members["id"] = .text("\(report.id)")
    members["reportedAt"] = .integer(report.at.milliseconds)
    members["from"] = .text(report.address)
    if report.block != report.address { members["network"] = .text(report.block) }
    members["ofSender"] = JSON(count)
    members["actions"] = ["admitCounterReport", "dismissCounterReport"]
    return .object(members)
  }

  // MARK: What they do with it

  /// What waits under the number that the path names.
  private static func waiting(_ desk: Desk) throws -> WaitingReport {
    try desk.inquiry.user.mustWork(at: nil)
    guard let number = desk.inquiry.row?.rawValue, let report = try desk.replica.store.waitingReport(number) else {
      throw Fault.notFound("id")
    }
    return report
  }

  private static let admit = Endpoint.write(
    "admitCounterReport", "/counter/reports/{id}/admission", "受理する", "Admit", for: .people,
    "Take a report into the ward's records: its other nodes see it from then on. With a note, it is dealt with too.",
    [
      FormField(
        "note", CounterReport.note.shape, ja: "対応の記録(入れると対応済みになります)", en: "What was done (then it is dealt with)")
    ],
    makes: true, answers: .row(admitted)
  ) { desk in
    let report = try waiting(desk)
    let row = try desk.newRow()
    guard case .object(let said) = try JSON.decode(report.content) else { throw Fault.notFound("id") }
    var edits = Submission(values: said).edits(form.map(\.name) + [CounterReport.receipt.name], of: admitted)
    edits.append(CounterReport.reportedAt.set(report.at))
    if let note = desk.given.text("note") {
      edits += [
        CounterReport.note.set(note), CounterReport.settledAt.set(desk.now),
        CounterReport.settledBy.set(desk.inquiry.user.name),
      ]
    }
    var draft = admitted.draft()
    draft.edit(admitted, row, edits, for: .ward(desk.wardIndex, .identity))
    try desk.replica.store.dropWaiting(report)
    return Written([draft], about: [row]) { look in try look.answer(row, admitted) }
  }.often(4)

  private static let dismiss = Endpoint.write(
    "dismissCounterReport", "/counter/reports/{id}/dismissal", "受理しない", "Dismiss", for: .people,
    "A report that is none: it goes, and reached no other node.",
    [
      FormField(
        "andOlder", .flag, ja: "同じ発信元の、これより前の届け出もすべて", en: "And all that the same sender said before it")
    ],
    warning: Words("届け出は消え、元に戻せません。", "The report goes, and cannot be brought back."),
    answers: .members([.init("dismissed", .integer(Numbers.people), "消した届け出", "Dismissed")])
  ) { desk in
    let count = try desk.replica.store.dropWaiting(try waiting(desk), andOlder: desk.given.flag("andOlder"))
    return Written([], about: [trailName(desk.inquiry)], touching: admitted) { _ in ["dismissed": JSON(count)] }
  }

  private static let records = Endpoint.read(
    "admittedReports", admitted.path, "受理した届け出", "Reports that were admitted", for: .people,
    "What was admitted at this ward's counters and nobody has dealt with yet: who asks for help first.",
    Paging.fields(of: admitted.name), answers: .rows("reports", admitted, isPaged: true)
  ) { look in
    let page = try look.page(
      admitted, where: "settled_at IS NULL AND id >> 53 = ?1", [Int64(look.inquiry.wardIndex)],
      by: ["CASE state WHEN '助けが必要です' THEN 0 WHEN 'けがをしています' THEN 1 ELSE 2 END", "reported_at"], usual: 500)
    return page.answer(
      "reports", try page.rows.filter { try look.maySee($0, admitted) }.map { .object(try look.view($0, admitted)) })
  }

  private static let settle = Action(
    "settleCounterReport", .step("settlement"), admitted, "対応済みにする", "Dealt with", for: .people,
    takes: [CounterReport.note.needed],
    when: [
      .ownRow("他区の窓口への届け出です", "a report from another ward's counter"),
      .missing(CounterReport.settledAt, "すでに対応済みです", "was dealt with already"),
    ], stamps: [.now(CounterReport.settledAt), .user(CounterReport.settledBy)])

  public static let service = Service(
    "住民の窓口", "The residents' counter", records: [admitted, Notice.records], actions: Notice.actions + [settle],
    lists: [Notice.list], endpoints: [report, list, admit, dismiss, records],
    menu: ["counterReports", "admittedReports"])
}
