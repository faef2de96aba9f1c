import Federation
import Foundation
import Sodium

/// The card of the ward's authority, held to the reader for one decision.
extension Desk {
  public static let card = FormField(
    "card", .secret(8_000), ja: "区の管理カードの内容", en: "The content of the authority's card")
  public static let passphrase = FormField(
    "passphrase", .secret(512), ja: "区の管理カードのパスフレーズ", en: "The passphrase of the authority's card")

  /// - Throws: `Fault` when the form holds no card, not this ward's, or not its passphrase.
  public func authority() throws -> SigningKey {
    guard let text = given.text("card") else {
      throw Fault.badValue("card", ja: "区の管理カードが要ります", en: "the authority's card is needed")
    }
    do {
      let record = try AuthorityCard(Data(text.utf8)).record { given.text("passphrase") }
      let (ward, key) = try record.key(in: replica.membership.identity)
      guard ward == wardIndex else { throw FederationError.unknownWard(record.ward) }
      return key
    } catch FederationError.wrongPassphrase {
      throw Fault.badValue("passphrase", ja: "パスフレーズが違います", en: "not the card's passphrase")
    } catch {
      throw Fault.badValue("card", ja: "この区の認証局のカードではありません", en: "not the card of this ward's authority")
    }
  }
}
