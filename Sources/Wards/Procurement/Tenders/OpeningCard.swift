import Bids
import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Replica
import Sodium

/// 開札カード: the ward's part in opening bids. The key lies on a card of the contracts section and nowhere else; its public half is a
/// row, which the ward's authority has signed.
enum OpeningCard {
  static let generation = Field.integer(1, "generation", 1...1_000, "世代", "Generation")
  static let key = Field.code(2, "key", 64, "開札鍵", "Opening key")
  /// That the ward's authority says so: its signature.
  static let proof = Field.code(3, "proof", 256, "証明", "Proof").aside
  static let endedAt = Field.time(4, "ended_at", "廃止日時", "Ended at")

  static let records = Records(
    224, "opening_keys", "開札鍵", "Opening key", lane: .control, law: .keptByWard(open: []), reader: .staff,
    fields: [generation, key, endedAt, proof] + Kept.fields, title: [Kept.ward, generation],
    states: [.has(endedAt, "ended", "廃止", "ended", .ended), .otherwise("current", "使用中", "in use", .done)],
    indexes: [[key]])

  // MARK: The card

  private struct Card: Codable {
    static let format = "renkei-opening-card-1"
    var format = Card.format
    var ward: String
    var generation: Int64
    /// Hexadecimal; sealed where there is a salt.
    var salt: String?
    var nonce: String?
    var secret: String
  }

  private static func text(_ secret: [UInt8], _ ward: String, _ generation: Int64, passphrase: String?) throws -> String
  {
    var card = Card(ward: ward, generation: generation, salt: nil, nonce: nil, secret: secret.hexadecimal)
    if let passphrase {
      let (salt, nonce) = (secureRandomBytes(AudienceKey.saltBytes), secureRandomBytes(AudienceKey.nonceBytes))
      guard let key = AudienceKey(passphrase: passphrase, salt: salt) else {
        throw Fault.badValue("newPassphrase", ja: "このパスフレーズは使えません", en: "cannot be used")
      }
      card.secret = key.seal(secret, nonce: nonce).hexadecimal
      (card.salt, card.nonce) = (salt.hexadecimal, nonce.hexadecimal)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    return String(decoding: try encoder.encode(card), as: UTF8.self)
  }

  static let openingCard = FormField(
    "openingCard", .secret(8_000), required: true, ja: "開札カードの内容", en: "The opening card")
  static let openingPassphrase = FormField(
    "openingPassphrase", .secret(512), ja: "開札カードのパスフレーズ", en: "The opening card's passphrase")

  /// The key of the card that the form holds.
  ///
  /// - Throws: where it is no card, another ward's, or not its passphrase.
  static func key(_ desk: Desk) throws -> OpeningKey {
    let fault = Fault.badValue("openingCard", ja: "この区の開札カードではありません", en: "not this ward's opening card")
    guard let text = desk.given.text("openingCard"),
      let card = try? JSONDecoder().decode(Card.self, from: Data(text.utf8)),
      card.format == Card.format, card.ward == desk.ward, var secret = [UInt8](hexadecimal: card.secret)
    else { throw fault }
    if let salt = card.salt.flatMap({ [UInt8](hexadecimal: $0) }),
      let nonce = card.nonce.flatMap({ [UInt8](hexadecimal: $0) })
    {
      guard nonce.count == AudienceKey.nonceBytes,
        let key = AudienceKey(passphrase: desk.given.text("openingPassphrase") ?? "", salt: salt),
        let plain = secret.withUnsafeBytes({ key.open($0, nonce: nonce) })
      else { throw Fault.badValue("openingPassphrase", ja: "パスフレーズが違います", en: "not the card's passphrase") }
      secret = plain
    }
    guard let key = OpeningKey(secret) else { throw fault }
    return key
  }

  // MARK: The row

  private static func signed(
    _ ward: String, _ generation: Int64, _ key: [UInt8], in federation: FederationIdentity
  ) -> [UInt8] {
    [UInt8]("renkei opening key 1\u{1f}\(federation.id.bytes.hexadecimal)\u{1f}\(ward)\u{1f}\(generation)\u{1f}".utf8)
      + key
  }

  /// The key of a row, where the ward's authority signed it.
  private static func key(of row: RowValues, _ ward: String, in federation: FederationIdentity) -> GroupPoint? {
    guard let index = federation.index(ofWard: ward), row.id.ward == index,
      let bytes = row[key].flatMap({ [UInt8](hexadecimal: $0) }), let point = GroupPoint(bytes),
      let signature = row[proof].flatMap({ [UInt8](hexadecimal: $0) }),
      federation.authority(ofWard: index)?.verifies(
        signature, over: signed(ward, row[generation] ?? 0, bytes, in: federation)) == true
    else { return nil }
    return point
  }

  /// A ward's key of today; nil where it has none.
  static func current(_ ward: String, _ db: Database, in federation: FederationIdentity) throws -> GroupPoint? {
    let rows = try RowValues.all(
      records, "WHERE ward = ?1 AND ended_at IS NULL ORDER BY generation DESC, id", [ward], db)
    return rows.lazy.compactMap { key(of: $0, ward, in: federation) }.first
  }

  /// Whether a key is, or was, a ward's own: a tender that names others could be opened by whoever made them.
  static func isOwn(_ key: GroupPoint, of ward: String, _ db: Database, in federation: FederationIdentity) throws
    -> Bool
  {
    try RowValues.all(records, "WHERE key = ?1 AND ward = ?2 ORDER BY id", [key.bytes.hexadecimal, ward], db).contains {
      Self.key(of: $0, ward, in: federation) == key
    }
  }

  private static let make = Endpoint.write(
    "makeOpeningCard", "/opening-keys", "開札カードを作る", "Make an opening card", for: .goods,
    "A new key for opening bids: the card is shown once, its public half is a row signed by the ward's authority.",
    [
      Desk.card.required, Desk.passphrase,
      FormField(
        "newPassphrase", .secret(512), ja: "開札カードに付けるパスフレーズ(16文字以上)",
        en: "A passphrase for the opening card (16 characters or more)"),
    ], makes: true, warning: Words("開札カードの内容は一度だけ表示されます。失うと、この区は開札に加われません。", "The card is shown once."),
    answers: .members([
      .init("id", .row("opening_keys"), "番号", "Id"), .init("token", .secret(8_000), "開札カード", "The card"),
    ])
  ) { desk in
    let authority = try desk.authority()
    let passphrase = desk.given.text("newPassphrase")
    guard desk.inquiry.identity.federation.genesis.drill || (passphrase?.count ?? 0) >= AuthorityCard.shortestPassphrase
    else {
      throw Fault.badValue(
        "newPassphrase", ja: "\(AuthorityCard.shortestPassphrase) 文字以上のパスフレーズを付けてください",
        en: "give a passphrase of \(AuthorityCard.shortestPassphrase) characters or more")
    }
    let secret = GroupScalar(reducing: secureRandomBytes(64)).bytes
    guard let opening = OpeningKey(secret) else { throw Fault.refused("card", ja: "もう一度試してください", en: "try again") }
    let last = try desk.read {
      try Int64.fetchOne(
        $0.cachedStatement(sql: "SELECT max(generation) FROM opening_keys WHERE ward = ?"), arguments: [desk.ward])
    }
    let number = (last ?? 0).held + 1
    let row = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, row,
      Kept.edits(desk) + [
        generation.set(number), key.set(opening.key.bytes.hexadecimal),
        proof.set(
          authority.signature(
            over: signed(desk.ward, number, opening.key.bytes, in: desk.inquiry.identity.federation)
          ).hexadecimal),
      ])
    let card = try text(secret, desk.ward, number, passphrase: passphrase)
    return Written([draft], about: [row]) { _ in ["id": .text("\(row)"), "token": .text(card)] }
  }

  static let service = Service(
    "開札鍵", "Opening keys", records: [records],
    actions: [
      Action(
        "endOpeningKey", .step("end"), records, "開札鍵を廃止する", "End an opening key", for: .goods,
        when: [Kept.own, .missing(endedAt, "廃止されています", "ended already")], stamps: [.now(endedAt)],
        warning: Words("これから公告する入札では使えなくなります。公告済みの入札は、カードがあれば開けます。", "No new tender uses it."))
    ],
    lists: [
      Listing("openingKeys", records, "開札鍵", "Opening keys", filters: [Kept.ward], open: [endedAt], newest: Kept.at)
    ],
    endpoints: [make])
}
