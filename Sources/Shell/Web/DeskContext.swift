import ChangeModel
import Desk
import Hummingbird

/// What a request's handlers know besides the request: where it comes from and who asks.
struct DeskContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// The caller's address without its port.
  let address: String
  /// The network that the address is a part of.
  let origin: Origin
  var principal: Principal?

  init(source: Source) {
    coreContext = .init(source: source)
    address = source.channel.remoteAddress?.ipAddress ?? "local"
    origin = Origin(of: address)
  }

  /// Who asks; only a route that anyone may use has none.
  var user: User { principal?.user ?? User("(署名なし)", roles: []) }
}

/// Who asks: a person who has signed in, or a token.
struct Principal: Sendable {
  var user: User
  /// Nil for a token.
  var account: RowID?
  /// What a page must send along with a write; nil for a token, which no browser adds by itself.
  var csrf: String?
  var isReadOnly = false
}
