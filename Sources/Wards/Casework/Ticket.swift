import Causality
import ChangeModel
import Desk
import GRDB
import Procedures
import Sodium

/// 受付票: how far a case is, for whoever has its receipt, at any node of any ward. It says nothing of the person or the procedure, and
/// nobody finds it without the receipt: its id is the receipt's hash.
enum Ticket {
  /// No more than this: a state by its name would tell every ward, and whoever reads the traffic, what somebody applies for.
  private static func words(_ stage: Procedure.Stage) -> String {
    switch stage {
    case .received: "受付"
    case .underWay: "処理中"
    case .applicant: "申請者の対応待ち"
    case .over: "終わり"
    }
  }

  static let state = Field.text(1, "state", 60, "段階", "Stage")
  static let changedOn = Field.date(2, "changed_on", "変わった日", "Changed on")
  static let ward = Field.ward(3, "ward", of: .first, "担当の区", "Ward")

  static let records = Records(
    305, "tickets", "受付票", "Ticket", lane: .registry, law: .keptByWard(open: []), reader: .staff,
    fields: [state, changedOn, ward], title: [state])

  private static let letters = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

  /// `13113-7K2M-9QXD-4TRW`: sixty bits that nobody guesses.
  static func code(ward: String) -> String {
    let random = secureRandomBytes(12).map { String(letters[Int($0) & 31]) }
    return ([ward] + stride(from: 0, to: 12, by: 4).map { random[$0..<$0 + 4].joined() }).joined(separator: "-")
  }

  static func digest(_ text: String) -> Digest { blake2b([UInt8](text.utf8)) }

  static func row(_ code: String, ward: UInt32) -> RowID {
    RowID(derivedFrom: digest("renkei ticket 1\u{1f}\(code)").prefix, ward: ward)
  }

  static func edits(_ stage: Procedure.Stage, _ day: String, _ desk: Desk) -> [FieldEdit] {
    [state.set(words(stage)), changedOn.set(day), ward.set(desk.ward)]
  }

  static let ask = Endpoint.read(
    "ticket", "/tickets", "申請の進み具合", "How far a case is", for: .anyone,
    "By its receipt, at any node: how far a case is, and which ward has it.",
    [FormField("code", .code(30), required: true, ja: "受付番号", en: "Receipt")],
    answers: .members([
      .init("state", .text(60), "段階", "Stage"), .init("changedOn", .date, "変わった日", "Changed on"),
      .init("ward", .ward, "担当の区", "Ward"),
    ])
  ) { look in
    let code = look.given.text("code")!.uppercased()
    guard
      let ward = code.split(separator: "-").first.flatMap({
        look.inquiry.identity.federation.index(ofWard: String($0))
      }), let ticket = try RowValues.fetch(row(code, ward: ward), records, look.db)
    else {
      throw Fault(
        .notFound, field: "code", ja: "この受付番号の申請は、まだここに届いていません。番号を確かめてください",
        en: "nothing of this receipt has come here yet: check it")
    }
    return ["state": JSON(ticket[state]), "changedOn": JSON(ticket[changedOn]), "ward": JSON(ticket[Self.ward])]
  }
}
