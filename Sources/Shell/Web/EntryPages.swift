import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import NodeService
import Office
import Site

/// How a device comes here: what it has to trust, and, in a drill, by a link that signs in.
extension WebServer {
  func addEntryPages(to router: Router<DeskContext>) {
    router.get("/trust") { request, context in try trust(request, context) }
    router.get("/trust/ca.pem") { _, _ in
      guard let file = try? String(contentsOfFile: authority.authorityFile, encoding: .utf8) else {
        throw APIError.notFound("ca.pem")
      }
      return Response(
        status: .ok,
        headers: [
          .contentType: "application/x-pem-file",
          .contentDisposition: "attachment; filename=\"renkei-\(core.identity.ward.code).pem\"",
        ], body: .init(byteBuffer: ByteBuffer(string: file)))
    }
    // In two steps: who only looks at a link, or has a program that does so, does not use it up.
    router.get("/enter/:token") { request, context in
      let account = try await link(context) { $0.account($1, at: $2) }
      return entry(request, context, account)
    }
    router.post("/enter/:token") { request, context in
      let account = try await link(context) { $0.take($1, at: $2) }
      var response = Response.redirect(to: "/start")
      response.headers[values: .setCookie] = try await signedIn(account, request, context).headers[values: .setCookie]
      return response
    }
  }

  private var authority: HTTPSCertificate { HTTPSCertificate(directory: core.directory) }

  private func link(
    _ context: DeskContext, _ look: (EntryLink, String, Instant) -> RowID?
  ) async throws -> Account {
    let ward = core.identity.certificate.node.ward
    guard core.identity.federation.genesis.drill, let token = context.parameters.get("token"),
      let row = look(EntryLink(directory: core.directory), token, .now()),
      let account = try await core.reader.read({ try Account.fetch(row, ward: ward, $0) }), !account.hasEnded
    else {
      throw APIError(
        .notFound, "no-link", ja: "このリンクは使用済みか、期限が切れています。パスワードでサインインしてください",
        en: "this link was used, or has ended: sign in with the password")
    }
    return account
  }

  private func entry(_ request: Request, _ context: DeskContext, _ account: Account) -> Response {
    let frame = frame(request, context)
    let pick = frame.language.pick
    return page(
      request,
      frame.render(
        "enter", title: pick("訓練に入る", "Enter the drill"),
        [
          "path": request.uri.path, "who": account.name,
          "roles": account.roles.map(\.choice).map { pick($0.word, $0.code) }.sorted().joined(
            separator: pick("、", ", ")),
          "why": pick("このリンクは一度だけ使えます。", "This link can be used once."), "button": pick("始める", "Begin"),
        ]))
  }

  private func trust(_ request: Request, _ context: DeskContext) throws -> Response {
    let frame = frame(request, context)
    let pick = frame.language.pick
    let host = request.head.authority ?? "127.0.0.1"
    return page(
      request,
      frame.render(
        "trust", title: pick("ほかの端末をつなぐ", "Connect another device"),
        [
          "address": "https://\(host)/", "fingerprint": (try? authority.fingerprint()) ?? "–",
          "steps": [
            pick("端末を同じ Wi-Fi(庁内・避難所のネットワーク)につなぎます。", "Put the device on the same network."),
            pick(
              "下の証明書をその端末に入れ、「信頼する」にします(iPad: 設定 → 一般 → VPNとデバイス管理、情報 → 証明書信頼設定。Android: 設定 → セキュリティ → 証明書のインストール)。",
              "Install the certificate below on it and trust it (iPad: Settings, General, VPN & Device Management, then About, Certificate Trust; Android: Settings, Security, Install a certificate)."
            ),
            pick("入れる前に、下の指紋が、設置した人の控えと同じことを確かめます。", "Compare the fingerprint with the one on paper first."),
            pick("この区の機器のアドレスを開きます。", "Open this node's address."),
          ],
          "w": [
            "address": pick("アドレス", "Address"), "fingerprint": pick("指紋(SHA-256)", "Fingerprint (SHA-256)"),
            "get": pick("証明書を受け取る", "Get the certificate"),
            "signIn": pick("サインイン", "Sign in"),
          ],
        ]))
  }
}
