import Causality
import ChangeModel
import Crypto
import Federation
import Foundation
import Sodium

/// Whose an entry is that a tablet kept while its node was out of reach.
///
/// Whoever works at the tablet gets a ticket with their session: account, shelter, what may be entered with it and until when,
/// under a code that only this node can make. With the ticket comes a secret, which the tablet keeps as long as that person
/// works there and no longer. Each entry bears the ticket and a seal that the secret makes of what is entered. So an entry is
/// carried out as its own person's, whoever is signed in when the node is there again; and nobody who comes to the tablet
/// later, nor its console, can make an entry in another's name.
///
/// The codes are HMAC-SHA-256 (RFC 2104), which browsers have too. Their key follows from the node's own: tickets outlive a
/// restart, and are no other node's.
public struct QueueTickets: Sendable {
  public struct Ticket: Hashable, Sendable {
    public var account: RowID
    /// The only shelter at which the account worked when it got the ticket.
    public var shelter: RowID?
    /// Names of endpoints.
    public var endpoints: [String]
    public var until: Instant

    public init(account: RowID, shelter: RowID?, endpoints: [String], until: Instant) {
      self.account = account
      self.shelter = shelter
      self.endpoints = endpoints
      self.until = until
    }

    fileprivate var text: String {
      "1.\(account).\(shelter.map { "\($0)" } ?? "-").\(until.milliseconds).\(endpoints.joined(separator: "+"))"
    }

    fileprivate init?(_ text: Substring) {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 5, parts[0] == "1", let account = Int64(parts[1]), let until = Int64(parts[3]) else {
        return nil
      }
      self.init(
        account: RowID(rawValue: account), shelter: Int64(parts[2]).map { RowID(rawValue: $0) },
        endpoints: parts[4].split(separator: "+").map(String.init), until: Instant(milliseconds: until))
    }
  }

  /// Bytes of a ticket, as it is sent: longer than any.
  private static let limit = 1_000

  private let key: SymmetricKey

  public init(_ identity: NodeIdentity) {
    // A signature is the same each time, and nobody else can make it; this one is shown to nobody.
    let signature = identity.key.signature(over: [UInt8]("renkei queue tickets 1".utf8))
    key = SymmetricKey(data: blake2b(signature).bytes)
  }

  /// A ticket as a tablet keeps it, and the secret for its seals, in hexadecimal.
  public func issue(_ ticket: Ticket) -> (text: String, secret: String) {
    let text = ticket.text
    return ("\(text).\(code("ticket", text).hexadecimal)", code("secret", text).hexadecimal)
  }

  /// The ticket that `text` is, where `seal` is the one that its secret makes of `content`; nil otherwise. Whether its time is
  /// over is the caller's to ask.
  public func ticket(_ text: String, seal: String, of content: [UInt8]) -> Ticket? {
    guard text.utf8.count <= Self.limit, let end = text.lastIndex(of: "."), let ticket = Ticket(text[..<end]),
      let mark = [UInt8](hexadecimal: String(text[text.index(after: end)...])), let seal = [UInt8](hexadecimal: seal),
      HMAC<SHA256>.isValidAuthenticationCode(
        mark, authenticating: [UInt8]("ticket \(text[..<end])".utf8), using: key),
      HMAC<SHA256>.isValidAuthenticationCode(
        seal, authenticating: content, using: SymmetricKey(data: code("secret", String(text[..<end]))))
    else { return nil }
    return ticket
  }

  /// The seal that a secret makes, as browsers make it; nil where that is none.
  public static func seal(_ secret: String, _ content: String) -> String? {
    [UInt8](hexadecimal: secret).map { key in
      Array(
        HMAC<SHA256>.authenticationCode(for: [UInt8](content.utf8), using: SymmetricKey(data: key))
      ).hexadecimal
    }
  }

  private func code(_ use: String, _ text: String) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: [UInt8]("\(use) \(text)".utf8), using: key))
  }
}
