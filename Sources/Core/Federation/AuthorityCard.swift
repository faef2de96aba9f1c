import Foundation
import Sodium

/// An authority's record as it lies on a card: open, as it is made for a drill, or locked by a passphrase.
///
/// A locked card gives nothing to who finds it: the record is sealed (XChaCha20-Poly1305) with a key of the passphrase
/// (Argon2id, RFC 9106, 64 MiB, three passes). Wrong passphrases and damage look alike.
public struct AuthorityCard: Sendable {
  private struct Locked: Codable {
    static let format = "renkei-authority-locked-1"
    var format = Locked.format
    var ward: String
    /// Hexadecimal.
    var salt: String
    var nonce: String
    var box: String
  }

  /// The fewest characters of a passphrase: who has the card can try as often as they like.
  public static let shortestPassphrase = 16

  private let file: Data
  private let locked: Locked?

  /// - Throws: `malformedCard` when the file is no authority's card.
  public init(_ file: Data) throws(FederationError) {
    self.file = file
    locked = (try? JSONDecoder().decode(Locked.self, from: file)).flatMap { $0.format == Locked.format ? $0 : nil }
    guard locked != nil || Self.record(file) != nil else { throw .malformedCard("authority file") }
  }

  public var isLocked: Bool { locked != nil }

  /// The record of a card; a passphrase is asked for only when the card is locked.
  ///
  /// - Throws: `wrongPassphrase`.
  public func record(passphrase: () throws -> String?) throws -> AuthorityRecord {
    guard let locked else { return Self.record(file)! }
    guard let salt = [UInt8](hexadecimal: locked.salt), let nonce = [UInt8](hexadecimal: locked.nonce),
      nonce.count == AudienceKey.nonceBytes, let box = [UInt8](hexadecimal: locked.box)
    else { throw FederationError.malformedCard("authority file") }
    guard let key = AudienceKey(passphrase: try passphrase() ?? "", salt: salt),
      let plain = box.withUnsafeBytes({ key.open($0, nonce: nonce) }), let record = Self.record(Data(plain))
    else { throw FederationError.wrongPassphrase }
    return record
  }

  /// The file of a record, locked when a passphrase is given.
  ///
  /// - Parameter random: bytes that nobody can guess.
  /// - Throws: `shortPassphrase`.
  public static func file(
    of record: AuthorityRecord, passphrase: String?, random: (_ count: Int) -> [UInt8]
  ) throws(FederationError) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    // Our own plain types always encode.
    let plain = try! encoder.encode(record)
    guard let passphrase else { return plain }
    guard passphrase.count >= shortestPassphrase else { throw .shortPassphrase }
    let (salt, nonce) = (random(AudienceKey.saltBytes), random(AudienceKey.nonceBytes))
    guard let key = AudienceKey(passphrase: passphrase, salt: salt) else { throw .wrongPassphrase }
    return try! encoder.encode(
      Locked(
        ward: record.ward, salt: salt.hexadecimal, nonce: nonce.hexadecimal,
        box: key.seal([UInt8](plain), nonce: nonce).hexadecimal))
  }

  private static func record(_ data: Data) -> AuthorityRecord? {
    (try? JSONDecoder().decode(AuthorityRecord.self, from: data)).flatMap {
      $0.format == AuthorityRecord.format ? $0 : nil
    }
  }
}
