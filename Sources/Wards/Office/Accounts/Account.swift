import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Sodium

/// A person who may sign in at this ward's nodes.
public struct Account: Hashable, Sendable {
  public var id: RowID
  public var login: String
  public var name: String
  public var roles: Set<Role>
  /// The only shelter that the person works at.
  public var shelter: RowID?
  /// Sessions that began before this moment are over.
  public var changedAt: Int64
  public var hasEnded: Bool

  /// Until when an administrator lets the person look at many people.
  public var looksUntil: Instant?
  /// A password alone is not enough for the person.
  public var needsSecond: Bool

  public var user: User { User(name, roles: roles, shelter: shelter, account: id, looksUntil: looksUntil) }

  init(_ values: RowValues) {
    id = values.id
    login = values[AccountRow.login] ?? ""
    name = values[AccountRow.name] ?? ""
    roles = Set(values[AccountRow.roles].compactMap { Role(word: $0) })
    shelter = values[AccountRow.shelter]
    changedAt = values[AccountRow.changedAt]?.milliseconds ?? 0
    hasEnded = values[AccountRow.endedAt] != nil
    looksUntil = values[AccountRow.looksUntil]
    needsSecond = values[AccountRow.needsSecond] ?? false
  }

  /// - Parameter ward: the ward's index; another ward's account is nobody here.
  public static func fetch(_ id: RowID, ward: UInt32, _ db: Database) throws -> Account? {
    guard id.made?.author.ward == ward else { return nil }
    return try RowValues.fetch(id, AccountRow.records, db).map { Account($0) }
  }

  /// A login as it is kept, however a keyboard writes it: 「Ｔａｎａｋａ　」 is `tanaka`.
  public static func plain(login: String) -> String {
    PasswordPolicy.plain(login).trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
  }

  /// Those of this ward that have not ended under a login: two when cut-off nodes made the same one.
  public static func all(login: String, ward: UInt32, _ db: Database) throws -> [Account] {
    // As it was typed too: older accounts have capital letters. Another ward's rows are left out before the list is cut.
    try RowValues.all(
      AccountRow.records, "WHERE login IN (?, ?) AND ended_at IS NULL AND id >> 53 = ? ORDER BY id LIMIT 8",
      [plain(login: login), login, Int64(ward)], db
    ).filter { $0.id.made?.author.ward == ward }.map { Account($0) }
  }

  public enum Secret: Sendable {
    case password, pin

    var field: Field<String> { self == .password ? Credential.password : Credential.pin }
  }

  /// What the account's person signs in with.
  public func hash(of secret: Secret, _ db: Database) throws -> PasswordHash? {
    try RowValues.fetch(id, Credential.records, db)?[secret.field].flatMap { PasswordHash($0) }
  }
}

extension Account {
  /// Whether the person may work at a device: not at any, where a second factor is needed and there is no authenticator.
  ///
  /// - Parameter device: the number that the device shows.
  public func mayWork(at device: String?, _ db: Database) throws -> Bool {
    guard needsSecond, try secondFactor(db) == nil else { return true }
    return try device.map { try DeviceRow.isEnrolled($0, ward: id.ward, db) } ?? false
  }

  /// What shows, besides the password, that it is the account's person.
  public struct SecondFactor: Sendable {
    public var secret: [UInt8]
    /// Of its time steps, the last that was used.
    public var lastStep: Int64
    /// Hashes of the printed codes that are left.
    public var codes: [String]
  }

  /// - Returns: nil when the person has set none up.
  public func secondFactor(_ db: Database) throws -> SecondFactor? {
    guard let values = try RowValues.fetch(id, Credential.records, db),
      let secret = values[Credential.app].flatMap({ [UInt8](hexadecimal: $0) })
    else { return nil }
    return SecondFactor(secret: secret, lastStep: values[Credential.appStep] ?? 0, codes: values[Credential.codes])
  }
}

/// A device or a program that may use the API until a time.
public struct Token: Hashable, Sendable {
  public var id: RowID
  public var name: String
  public var roles: Set<Role>
  public var isReadOnly: Bool

  public var looksUntil: Instant?

  public var user: User { User(name, roles: roles, account: id, looksUntil: looksUntil) }

  private static let prefix = "rk1-"
  private static let secretBytes = 32

  /// A new token's text, and what is kept of it.
  static func make() -> (text: String, hash: [UInt8]) {
    let text = prefix + secureRandomBytes(secretBytes).hexadecimal
    return (text, blake2b([UInt8](text.utf8)).bytes)
  }

  public static func looksLikeOne(_ text: String) -> Bool { text.hasPrefix(prefix) }

  /// The token that `text` is, when it is valid now.
  public static func find(_ text: String, ward: UInt32, at now: Instant, _ db: Database) throws -> Token? {
    guard looksLikeOne(text), text.utf8.count == prefix.utf8.count + 2 * secretBytes else { return nil }
    let hash = blake2b([UInt8](text.utf8)).bytes
    let found = try RowValues.all(
      TokenRow.records, "WHERE hash = ? AND ended_at IS NULL AND until > ? AND id >> 53 = ? LIMIT 1",
      [Data(hash), now.milliseconds, Int64(ward)], db
    ).first
    guard let found, found.id.made?.author.ward == ward else { return nil }
    return Token(
      id: found.id, name: found[TokenRow.name] ?? "", roles: Set(found[TokenRow.roles].compactMap { Role(word: $0) }),
      isReadOnly: found[TokenRow.readOnly] ?? false, looksUntil: found[TokenRow.looksUntil])
  }
}
