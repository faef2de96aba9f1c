import Causality
import Desk
import Foundation
import Hummingbird
import NodeService
import Office

/// Entries that a desk's page kept while the node was out of reach: carried out as those of whoever made them, whoever is
/// signed in when they come.
extension WebServer {
  /// So long a ticket may be used: as long as an entry may have waited.
  private static let ticketLife: Int64 = 14 * 86_400_000

  /// What `account` may go on entering without the node.
  func ticket(for account: Account) -> SessionView.Ticket? {
    let endpoints = catalogue.endpoints.filter { $0.isQueued && $0.access.admits(account.roles) }.map(\.id)
    guard !endpoints.isEmpty else { return nil }
    let (text, secret) = tickets.issue(
      .init(
        account: account.id, shelter: account.shelter, endpoints: endpoints,
        until: Instant.now().advanced(byMilliseconds: Self.ticketLife)))
    return SessionView.Ticket(text: text, secret: secret, endpoints: endpoints)
  }

  /// What the seal is of: which form, which press of its button, and what it says.
  static func sealed(_ path: String, mark: String, _ body: ByteBuffer) -> [UInt8] {
    [UInt8]("\(path)\n\(mark)\n".utf8) + Array(buffer: body)
  }

  /// The endpoint of an entry with a ticket, and whose entry it is when that is not whoever is signed in; nil where there is no
  /// ticket.
  ///
  /// - Throws: 403 when the ticket does not hold, or its person may not do this any longer. The browser keeps the entry.
  func queued(_ request: Request, _ context: DeskContext) async throws -> (endpoint: Endpoint, author: User?)? {
    guard let text = request.headers[.queueTicket] else { return nil }
    guard let principal = context.principal, !principal.isReadOnly,
      principal.csrf.map({ Gate.isSame(request.headers[.csrf] ?? "", $0) }) ?? true
    else {
      throw APIError(
        .forbidden, "csrf", ja: "時間が経ったため送れませんでした。画面を開き直して、もう一度押してください",
        en: "X-CSRF-Token is missing or not this session's")
    }
    let name = context.parameters.get("endpoint") ?? ""
    let content = Self.sealed(
      "/do/\(name)", mark: request.headers[.idempotencyKey] ?? "", try await Self.body(of: request))
    guard let ticket = tickets.ticket(text, seal: request.headers[.queueSeal] ?? "", of: content),
      ticket.until > .now(), ticket.endpoints.contains(name), let endpoint = catalogue.endpoint(name), endpoint.isQueued
    else {
      throw APIError(
        .forbidden, "no-ticket", ja: "だれの入力か確かめられません。内容を見て、自分の入力として送るか、消してください",
        en: "whose entry this is cannot be told: look at it, and send it as your own or discard it")
    }
    let ward = core.identity.certificate.node.ward
    guard let account = try await core.reader.read({ try Account.fetch(ticket.account, ward: ward, $0) }),
      !account.hasEnded
    else {
      throw APIError(
        .forbidden, "account-ended", ja: "入力した人の利用者登録は終わっています。内容を見て、自分の入力として送るか、消してください",
        en: "the account of whoever entered this has ended: look at it, and send it as your own or discard it")
    }
    let code = device(request)?.code
    guard try await core.reader.read({ try account.mayWork(at: code, $0) }) else {
      throw APIError(
        .forbidden, "forbidden", ja: "入力した人は、登録した端末でだけ働けます。内容を見て、自分の入力として送るか、消してください",
        en: "whoever entered this works at enrolled devices alone: look at it, and send it as your own or discard it")
    }
    guard endpoint.access.admits(account.roles) else {
      throw APIError(
        .forbidden, "forbidden", ja: "\(account.name)さんの役割ではできません。できる人が内容を見て、自分の入力として送るか、消してください",
        en:
          "not for the roles of \(account.name): let somebody who may look at it, and send it as their own or discard it"
      )
    }
    // Who was at one shelter when it was entered entered it there.
    var author = account.user
    author.shelter = account.shelter ?? ticket.shelter
    return (endpoint, account.id == principal.account ? nil : author)
  }
}
