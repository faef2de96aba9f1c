import Causality
import Desk
import Federation
import Hummingbird
import NodeService
import Office
import Site
import Sodium

/// A second factor that works offline: an authenticator app's six digits, or one of eight printed codes, each once.
extension WebServer {
  /// An app that has not shown yet that it has the secret.
  struct NewApp: Sendable {
    var account: Account
    var secret: [UInt8]
  }

  struct AppStart: Codable { var password: String }
  struct AppOffer: Codable {
    /// To be sent back with the first code.
    var mark: String
    /// As it is typed into the app: base32 (RFC 4648).
    var secret: String
  }
  struct AppProof: Codable { var mark: String; var code: String }
  struct PrintedCodes: Codable { var codes: [String] }

  static let codeCount = 8

  // MARK: Setting it up

  func offerApp(_ given: AppStart, _ request: Request, _ context: DeskContext) async throws -> AppOffer {
    let account = try await me(context)
    _ = try await prove(.password, login: account.login, given.password, request, context)
    let secret = TimeCode.makeSecret()
    let mark = await newApps.put(NewApp(account: account, secret: secret), at: clock.now())
    return AppOffer(mark: mark, secret: TimeCode.text(of: secret))
  }

  func confirmApp(_ given: AppProof, _ context: DeskContext) async throws -> PrintedCodes {
    let account = try await me(context)
    guard let app = await newApps.thing(given.mark, at: clock.now()), app.account.id == account.id else {
      throw APIError.badValue("mark", ja: "時間切れです。最初からやり直してください", en: "too late: begin again")
    }
    let buckets = Attempts.Bucket.all("\u{1f}app \(account.id)", from: context.address, device: nil)
    if let seconds = await sessions.charge(buckets, at: clock.now()) { throw APIError.tooMany(seconds: seconds) }
    guard let step = TimeCode.step(of: Self.digits(given.code), app.secret, after: 0, at: .now()) else {
      throw APIError.badValue("code", ja: "番号が違います。端末の時計も確かめてください", en: "a wrong number: see the device's clock too")
    }
    await sessions.noteSuccess(buckets)
    let codes = (0..<Self.codeCount).map { _ in FirstCode.text() }
    try await write(account.user) { desk in
      let old = try desk.read { try account.secondFactor($0) }?.codes ?? []
      return [
        Accounts.credentials(
          account.id,
          [Credential.app.set(app.secret.hexadecimal), Credential.appStep.set(step)]
            + old.map(Credential.codes.remove) + codes.map { Credential.codes.add(Self.kept($0)) }, desk)
      ]
    }
    await newApps.drop(given.mark)
    accessLog.note(.credentialChanged, from: context.address, who: context.caller.who, ["what": "authenticator"])
    return PrintedCodes(codes: codes)
  }

  // MARK: Signing in with it

  /// Uses the code up, in the transaction that looks at it.
  ///
  /// - Throws: 401 where the account has a second factor and this is not it, or needs one and this device is not enrolled.
  func proveSecond(_ code: String?, of account: Account, _ device: Device?) async throws {
    try await proveDevice(account, device)
    guard try await core.reader.read({ try account.secondFactor($0) }) != nil else { return }
    guard let code, !code.isEmpty else {
      throw APIError(
        .unauthorized, "code-required", field: "code", ja: "認証アプリの6桁の番号か、控えのコードも入れてください",
        en: "the authenticator's six digits, or a printed code, are needed too")
    }
    try await write(account.user) { desk in
      guard let factor = try desk.read({ try account.secondFactor($0) }) else { return [] }
      if let step = TimeCode.step(of: Self.digits(code), factor.secret, after: factor.lastStep, at: desk.now) {
        return [Accounts.credentials(account.id, [Credential.appStep.set(step)], desk)]
      }
      guard factor.codes.contains(Self.kept(code)) else { throw Self.wrongCode }
      return [Accounts.credentials(account.id, [Credential.codes.remove(Self.kept(code))], desk)]
    }
  }

  /// - Throws: 401 where the account's person may not work at this device.
  func proveDevice(_ account: Account, _ device: Device?) async throws {
    guard try await core.reader.read({ try account.mayWork(at: device?.code, $0) }) else {
      throw Self.notEnrolled(device)
    }
  }

  private static func notEnrolled(_ device: Device?) -> APIError {
    guard let device else {
      return APIError(
        .unauthorized, "device-required", ja: "この人は、登録した端末でだけサインインできます。この端末では、先にサインイン画面を開いてください",
        en: "this account signs in at enrolled devices alone; open the sign-in page on this one first")
    }
    return APIError(
      .unauthorized, "device-required",
      ja: "この端末は登録されていません。管理者に、この端末の番号を伝えてください: \(device.code)",
      en: "this device is not enrolled; tell an administrator its number: \(device.code)")
  }

  private static let wrongCode = APIError(
    .unauthorized, "wrong-code", field: "code", ja: "認証アプリの番号か控えのコードが違うか、もう使われました",
    en: "the authenticator's digits or the printed code are wrong, or were used")

  private static func digits(_ text: String) -> String { PasswordPolicy.plain(text).filter(\.isNumber) }

  /// What is kept of a printed code.
  private static func kept(_ code: String) -> String {
    blake2b(Array(FirstCode.plain(PasswordPolicy.plain(code)).utf8)).bytes.hexadecimal
  }
}
