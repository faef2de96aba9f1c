import ChangeModel
import Desk
import Hummingbird
import NodeService

/// What a request's handlers know besides the request: where it comes from and who asks.
struct DeskContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let origin: CallerAddress
  let caller = Caller()
  var principal: Principal?
  /// The browser, where it has a number.
  var device: Device?

  init(source: Source) {
    coreContext = .init(source: source)
    origin = CallerAddress(source.channel.remoteAddress)
  }

  /// The caller's address, as callers are counted.
  var address: String { origin.description }
  /// The same, with the network that it is a part of.
  var sender: Origin { Origin(of: address) }

  /// Who asks; only a route that anyone may use has none.
  var user: User { principal?.user ?? User("(署名なし)", roles: []) }
}

/// Who asks: a person who has signed in, or a token.
struct Principal: Sendable {
  var user: User
  /// The account's row, or the token's.
  var row: RowID
  /// Nil for a token.
  var account: RowID?
  /// What a page must send along with a write; nil for a token, which no browser adds by itself.
  var csrf: String?
  var isReadOnly = false

  /// `account 123`, `token 456`: who it is in the log.
  var name: String { "\(account == nil ? "token" : "account") \(row)" }
}
