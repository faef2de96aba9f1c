import Causality
import ChangeModel
import Desk

/// Somebody who could help: another ward, or a supplier whom a ward speaks for. Whoever is asked answers in two fields.
public enum Offer {
  public static let request = Field.row(1, "request", of: "requests", "要請", "Request")
  public static let ward = Field.ward(2, "ward", of: .first, "申し出た区", "Offering ward")
  public static let supplier = Field.text(3, "supplier", 100, "事業者", "Supplier")
  public static let item = Field.row(4, "item", of: "items", "品目", "Item")
  public static let quantity = Field.integer(5, "quantity", 1...1_000_000_000, "数量", "Quantity")
  public static let availableAt = Field.deadline(6, "available_at", "出せる日時", "Available at")
  public static let note = Field.text(7, "note", 500, "備考", "Note")
  public static let offeredAt = Field.time(8, "offered_at", "申出日時", "Offered at")
  public static let answer = Field<OfferAnswer>.word(9, "answer", "回答", "Answer")
  public static let answeredAt = Field.time(10, "answered_at", "回答日時", "Answered at")

  public static let records = Records(
    74, "offers", "申し出", "Offer", lane: .supply, law: .keptByWard(open: [answer.number, answeredAt.number]),
    reader: .staff,
    fields: [request, ward, supplier, item, quantity, availableAt, note, offeredAt, answer, answeredAt],
    title: [item, quantity, ward],
    states: [
      State("accepted", "受諾", "accepted", .done) { offer, _ in offer[answer] == .accept },
      State("declined", "辞退", "declined", .ended) { offer, _ in offer[answer] == .decline },
      .otherwise("waiting", "回答待ち", "waiting for an answer", .open),
    ],
    indexes: [[request]])
}

/// What the asking ward answers.
public enum OfferAnswer: String, Word {
  case accept = "受ける"
  case decline = "断る"

  public var code: String {
    switch self {
    case .accept: "accept"
    case .decline: "decline"
    }
  }
}
