import ChangeModel
import Federation
import Hummingbird
import Office
import Sodium

/// A browser that somebody has signed in at before, as its own cookie says: under the node's MAC, so that nobody makes one up.
/// It proves nothing about who sits there; it tells the ward's own tablets from strangers when passwords are guessed, and once
/// an administrator has enrolled it, it is a second factor.
struct Device: Sendable {
  /// Random, and the same as long as the browser keeps the cookie.
  var name: String
  /// Who has given the right password here, the latest first.
  var people: [RowID]

  /// As many as share a tablet in a shift, and more.
  private static let peopleLimit = 40
  /// Seconds: browsers keep no cookie longer than 400 days (RFC 6265bis, 5.5).
  static let lifetime = 400 * 86_400
  private static let label = "device cookie"

  init() {
    name = secureRandomBytes(16).hexadecimal
    people = []
  }

  /// From a cookie.
  ///
  /// - Returns: nil when this node did not make it.
  init?(cookie: String, key: AudienceKey) {
    let parts = cookie.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, cookie.utf8.count < 2_000,
      Gate.isSame(String(parts[2]), Self.mac(parts[0] + "." + parts[1], key))
    else { return nil }
    name = String(parts[0])
    people = parts[1].split(separator: "-").compactMap { Int64($0).map(RowID.init(rawValue:)) }
  }

  /// What it shows of itself to whoever is to enrol it. Leads to no cookie.
  var code: String { DeviceRow.code(of: blake2b(Array("device \(name)".utf8)).prefix) }

  func cookie(key: AudienceKey) -> String {
    let content = "\(name).\(people.map { "\($0.rawValue)" }.joined(separator: "-"))"
    return "\(content).\(Self.mac(content, key))"
  }

  mutating func note(_ person: RowID) {
    people = [person] + people.filter { $0 != person }.prefix(Self.peopleLimit - 1)
  }

  private static func mac(_ content: some StringProtocol, _ key: AudienceKey) -> String {
    key.tag(label, Array(content.utf8)).hexadecimal
  }
}

extension WebServer {
  private var deviceCookieName: String { isSecure ? "__Host-renkei-device" : "renkei-device" }
  private var deviceKey: AudienceKey { core.identity.key.audienceKey("renkei devices") }

  /// The browser as its cookie says; nil for one that nobody has signed in at.
  func device(_ request: Request) -> Device? {
    request.cookies[deviceCookieName].flatMap { Device(cookie: $0.value, key: deviceKey) }
  }

  /// `response`, and the browser knows from now on that `person` signed in there.
  func remembering(_ person: RowID, _ request: Request, _ response: Response) -> Response {
    var device = device(request) ?? Device()
    device.note(person)
    return remembering(device, response)
  }

  /// `response`, and the browser is this device from now on.
  func remembering(_ device: Device, _ response: Response) -> Response {
    var response = response
    response.setCookie(
      Cookie(
        name: deviceCookieName, value: device.cookie(key: deviceKey), maxAge: Device.lifetime, path: "/",
        secure: isSecure, httpOnly: true, sameSite: .strict))
    return response
  }
}
