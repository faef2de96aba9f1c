import Bids
import ChangeModel
import Desk
import Sodium

/// 公告の内容: all that a bid is bound to, as one text whose hash names the version. What another node published is read here and
/// nowhere else.
struct TenderBody: Hashable, Sendable {
  struct Line: Hashable, Sendable {
    var ward: String
    var what: String
    var quantity: Int64
    var from: String?
    var until: String?
  }

  struct Lot: Hashable, Sendable {
    var number: UInt16
    var title: String
    var lines: [Line]
  }

  struct TrusteeKey: Hashable, Sendable {
    var ward: String
    /// From 1, by the ward's place in the federation.
    var index: UInt16
    var key: GroupPoint
  }

  enum Comparison: String, Word {
    case untaxed = "税抜で比べる"
    case taxed = "税込で比べる"
    var code: String { self == .untaxed ? "untaxed" : "taxed" }
    var way: Award.Comparison { self == .untaxed ? .untaxed : .taxed }
  }

  var title: String
  var text: String
  var lots: [Lot]
  /// Wards whose desks take bids in.
  var receivers: [String]
  var trustees: [TrusteeKey]
  var threshold: Int
  var closesAt: Int64
  var opensAt: Int64
  /// 予定価格(税込), where it is published beforehand.
  var reserve: Int64?
  var comparison: Comparison

  static let mostBytes = 30_000
  static let mostLots = 20
  private static let mostLines = 500
  private static let words = 12_000

  /// The wards that take part: they take bids in, or want something of it.
  var wards: Set<String> { Set(receivers).union(lots.flatMap { $0.lines.map(\.ward) }) }

  var hash: Digest { blake2b([UInt8](canonical.utf8)) }

  // MARK: As it is published

  var canonical: String {
    var members: [String: JSON] = [
      "format": "renkei-tender-1", "title": .text(title), "text": .text(text), "threshold": JSON(threshold),
      "closesAt": .integer(closesAt), "opensAt": .integer(opensAt), "comparison": .text(comparison.code),
      "receivers": .list(receivers.map { .text($0) }),
      "trustees": .list(
        trustees.map { ["ward": .text($0.ward), "index": JSON(Int($0.index)), "key": .text($0.key.bytes.hexadecimal)] }),
      "lots": .list(
        lots.map { lot in
          [
            "number": JSON(Int(lot.number)), "title": .text(lot.title),
            "lines": .list(
              lot.lines.map { line in
                var members: [String: JSON] = [
                  "ward": .text(line.ward), "what": .text(line.what), "quantity": .integer(line.quantity),
                ]
                members["from"] = line.from.map { .text($0) }
                members["until"] = line.until.map { .text($0) }
                return .object(members)
              }),
          ]
        }),
    ]
    members["reserve"] = reserve.map { .integer($0) }
    return String(decoding: JSON.object(members).bytes, as: UTF8.self)
  }

  init(
    title: String, text: String, lots: [Lot], receivers: [String], trustees: [TrusteeKey], threshold: Int,
    closesAt: Int64, opensAt: Int64, reserve: Int64?, comparison: Comparison
  ) {
    (self.title, self.text, self.lots, self.receivers) = (title, text, lots, receivers)
    (self.trustees, self.threshold, self.closesAt, self.opensAt) = (trustees, threshold, closesAt, opensAt)
    (self.reserve, self.comparison) = (reserve, comparison)
  }

  /// - Throws: what is wrong with it; only the one form of a body is read, so that two readers never see two.
  init(_ published: String) throws(Fault) {
    guard published.utf8.count <= Self.mostBytes else { throw Self.broken("大きすぎます", "too large") }
    let json = try JSON.decode([UInt8](published.utf8))
    guard json["format"].text == "renkei-tender-1", let title = json["title"].text, let text = json["text"].text,
      let threshold = json["threshold"].integer.flatMap({ Int(exactly: $0) }),
      let closesAt = json["closesAt"].integer, let opensAt = json["opensAt"].integer,
      let comparison = Comparison.allCases.first(where: { $0.code == json["comparison"].text })
    else { throw Self.broken("項目が欠けています", "incomplete") }
    var lots: [Lot] = []
    for lot in json["lots"].list.prefix(Self.mostLots + 1) { lots.append(try Self.lot(lot)) }
    var trustees: [TrusteeKey] = []
    for trustee in json["trustees"].list.prefix(BidTerms.mostTrustees + 1) {
      trustees.append(try Self.trustee(trustee))
    }
    self.init(
      title: title, text: text, lots: lots, receivers: json["receivers"].list.prefix(1_000).compactMap(\.text),
      trustees: trustees, threshold: threshold, closesAt: closesAt, opensAt: opensAt, reserve: json["reserve"].integer,
      comparison: comparison)
    guard canonical == published else { throw Self.broken("決まった書き方ではありません", "not in its one form") }
    try check()
  }

  private static func broken(_ ja: String, _ en: String) -> Fault {
    .refused("id", ja: "この公告の版は使えません(\(ja))", en: "this version of the tender cannot be used (\(en))")
  }

  private static func lot(_ json: JSON) throws(Fault) -> Lot {
    guard let number = json["number"].integer.flatMap({ UInt16(exactly: $0) }), let title = json["title"].text else {
      throw broken("区分が読めません", "a lot cannot be read")
    }
    var lines: [Line] = []
    for line in json["lines"].list.prefix(mostLines + 1) {
      guard let ward = line["ward"].text, let what = line["what"].text, let quantity = line["quantity"].integer else {
        throw broken("明細が読めません", "a line cannot be read")
      }
      lines.append(Line(ward: ward, what: what, quantity: quantity, from: line["from"].text, until: line["until"].text))
    }
    return Lot(number: number, title: title, lines: lines)
  }

  private static func trustee(_ json: JSON) throws(Fault) -> TrusteeKey {
    guard let ward = json["ward"].text, let index = json["index"].integer.flatMap({ UInt16(exactly: $0) }),
      let bytes = json["key"].text.flatMap({ [UInt8](hexadecimal: $0) }), let key = GroupPoint(bytes)
    else { throw broken("開札する区が読めません", "a trustee cannot be read") }
    return TrusteeKey(ward: ward, index: index, key: key)
  }

  /// What every version must be, whoever published it.
  func check() throws(Fault) {
    guard !title.isEmpty, title.utf8.count <= 800, text.utf8.count <= Self.words else {
      throw Self.broken("件名か文が長すぎます", "too long")
    }
    guard !lots.isEmpty, lots.count <= Self.mostLots, Set(lots.map(\.number)).count == lots.count,
      lots.allSatisfy({ $0.lines.count <= Self.mostLines && $0.lines.allSatisfy { $0.quantity > 0 } })
    else { throw Self.broken("区分がないか、多すぎます", "no lots, or too many") }
    guard !receivers.isEmpty, Set(receivers).count == receivers.count else {
      throw Self.broken("受付をする区がありません", "no ward takes bids in")
    }
    // Fewer, or no majority, and a few wards could read every price while bids come in.
    guard trustees.count >= 3, trustees.count <= BidTerms.mostTrustees, threshold > trustees.count / 2,
      threshold <= trustees.count,
      zip(trustees, trustees.dropFirst()).allSatisfy({ $0.index < $1.index }), trustees[0].index > 0,
      Set(trustees.map(\.key)).count == trustees.count
    else { throw Self.broken("開札する区と必要な数が合いません", "the trustees and their number do not fit") }
    guard opensAt >= closesAt, reserve.map({ $0 > 0 }) ?? true else {
      throw Self.broken("開札が締切より前です", "opened before it closes")
    }
  }

  // MARK: What a bid is bound to

  func terms(
    _ tender: RowID, lot: UInt16, supplier number: String, key: PublicKey, in federation: Digest
  ) -> BidTerms? {
    guard lots.contains(where: { $0.number == lot }) else { return nil }
    return BidTerms(
      federation: federation, tender: UInt64(bitPattern: tender.rawValue), version: hash, lot: lot,
      trustees: trustees.map { Trustee(index: $0.index, key: $0.key) }, threshold: threshold, number: number,
      supplier: key)
  }
}

/// A bid as a supplier hands it in: a file that a node's desk takes.
public struct BidFile: Hashable, Sendable {
  public var tender: RowID
  public var lot: UInt16
  /// 法人番号.
  public var supplier: String
  public var key: PublicKey
  public var envelope: [UInt8]
  public var signature: [UInt8]

  public init(
    tender: RowID, lot: UInt16, supplier: String, key: PublicKey, envelope: [UInt8], signature: [UInt8]
  ) {
    (self.tender, self.lot, self.supplier, self.key) = (tender, lot, supplier, key)
    (self.envelope, self.signature) = (envelope, signature)
  }

  public var text: String {
    let json: JSON = [
      "format": "renkei-bid-1", "tender": .text("\(tender)"), "lot": JSON(Int(lot)), "supplier": .text(supplier),
      "key": .text(key.bytes.hexadecimal), "envelope": .text(envelope.hexadecimal),
      "signature": .text(signature.hexadecimal),
    ]
    return String(decoding: json.bytes, as: UTF8.self)
  }

  public static let mostBytes = 2 * SealedBid.mostBytes + 1_000

  /// - Throws: that it is no bid's file.
  public init(_ text: String) throws(Fault) {
    let fault = Fault.badValue("bid", ja: "入札書のファイルではありません", en: "not the file of a bid")
    guard text.utf8.count <= Self.mostBytes, let json = try? JSON.decode([UInt8](text.utf8)),
      json["format"].text == "renkei-bid-1", let tender = json["tender"].text.flatMap({ Int64($0) }),
      let lot = json["lot"].integer.flatMap({ UInt16(exactly: $0) }), let supplier = json["supplier"].text,
      let key = json["key"].text.flatMap({ [UInt8](hexadecimal: $0) }).flatMap({ PublicKey($0) }),
      let envelope = json["envelope"].text.flatMap({ [UInt8](hexadecimal: $0) }),
      let signature = json["signature"].text.flatMap({ [UInt8](hexadecimal: $0) }),
      signature.count == Signature.byteCount
    else { throw fault }
    self.init(
      tender: RowID(rawValue: tender), lot: lot, supplier: supplier, key: key, envelope: envelope, signature: signature)
  }
}

/// What is in the envelope: one form, so that all nodes read one price.
public struct BidText: Hashable, Sendable {
  /// In yen, without tax.
  public var amount: Int64
  /// Three digits of the supplier's choice, for the lottery among equals.
  public var lottery: Int

  public init(amount: Int64, lottery: Int) { (self.amount, self.lottery) = (amount, lottery) }

  public static let amounts: ClosedRange<Int64> = 1...1_000_000_000_000

  public var bytes: [UInt8] { [UInt8](#"{"amount":\#(amount),"lottery":\#(lottery)}"#.utf8) }

  /// Nil for anything but the one form: two amounts, 1e6, "1000", a mark at the beginning.
  public init?(_ bytes: [UInt8]) {
    let text = String(decoding: bytes.reversed().drop { $0 == 0x20 }.reversed(), as: UTF8.self)
    guard let match = text.wholeMatch(of: #/\{"amount":([0-9]{1,13}),"lottery":([0-9]{1,3})\}/#),
      let amount = Int64(match.1), let lottery = Int(match.2), Self.amounts.contains(amount)
    else { return nil }
    self.init(amount: amount, lottery: lottery)
    guard String(decoding: self.bytes, as: UTF8.self) == text else { return nil }
  }
}
