import Federation
import Foundation
import Sodium

/// The card of the ward's authority, held to the reader for one decision.
extension Desk {
  public static let card = FormField("card", .secret(4_000), ja: "認証局カードの内容", en: "The content of the authority's card")

  /// - Throws: `Fault` when the form holds no card, or not this ward's.
  public func authority() throws -> SigningKey {
    guard let text = given.text("card") else {
      throw Fault.badValue("card", ja: "認証局カードが要ります", en: "the authority's card is needed")
    }
    guard let record = try? JSONDecoder().decode(AuthorityRecord.self, from: Data(text.utf8)),
      let (ward, key) = try? record.key(in: inquiry.identity.federation), ward == wardIndex
    else {
      throw Fault.badValue("card", ja: "この区の認証局のカードではありません", en: "not the card of this ward's authority")
    }
    return key
  }
}
