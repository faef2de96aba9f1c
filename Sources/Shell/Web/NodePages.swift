import Causality
import ChangeModel
import Federation
import Foundation
import Hummingbird
import NodeService
import Site
import Sodium

/// A file that was made for one person to take away.
struct Handout: Sendable {
  var name: String
  var content: [UInt8]
  var account: RowID
}

/// The federation's nodes, and the signing of a newcomer's request with the authority's card, held to the reader for that.
extension WebServer {
  func addNodePages(to router: Router<DeskContext>) {
    router.get("/nodes") { request, context in try await nodes(request, context) }
    router.post("/nodes") { request, context in try await enrol(request, context) }
    router.get("/nodes/file/:token") { _, context in
      let token = context.parameters.get("token") ?? ""
      guard let file = await handouts.thing(token, at: clock.now()), file.account == context.principal?.account else {
        throw APIError.notFound("token")
      }
      return Response(
        status: .ok,
        headers: [
          .contentType: "application/octet-stream", .contentDisposition: "attachment; filename=\"\(file.name)\"",
          .cacheControl: "no-store",
        ], body: .init(byteBuffer: ByteBuffer(bytes: file.content)))
    }
  }

  private func nodes(
    _ request: Request, _ context: DeskContext, files: [(token: String, name: String, label: String)] = [],
    fault: APIError? = nil
  ) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    let membership = await core.inspect { $0.membership }
    let peers = try await core.peerReports()
    let own = core.identity.certificate.node
    let now = Instant.now().milliseconds
    let rows = membership.certificates.values.sorted { $0.node < $1.node }.map { certificate -> [String: Any] in
      let ward = core.identity.federation.ward(at: certificate.node.ward)?.code ?? "?"
      let name = "\(ward)-\(certificate.node.serial)"
      let isHere = certificate.node == own
      let isRevoked = membership.isRevoked(certificate.node)
      let hasEnded = certificate.end.map { $0.milliseconds < now } ?? false
      let peer = peers.first { $0.node == name || $0.node == "\(certificate.node)" }
      let heard: Int64? = isHere || peer?.state == "up" ? 0 : peer?.lastHeard.map { max(0, now - $0) }
      return [
        "ward": wardName(ward, language), "name": name, "isHere": isHere, "isRevoked": isRevoked || hasEnded,
        "state": isHere
          ? pick("このノード", "this node")
          : isRevoked ? pick("失効", "revoked") : hasEnded ? pick("証明書の期限切れ", "certificate ended") : pick("有効", "valid"),
        "until": certificate.end.map { language.time($0.milliseconds) } ?? pick("期限なし", "no end"),
        "age": age(heard, language),
      ]
    }
    let words = [
      "ward": pick("区", "Ward"), "node": pick("ノード", "Node"), "state": pick("状態", "State"),
      "until": pick("証明書の期限", "Certificate until"), "heard": pick("最後の受信", "Last heard"),
      "enrol": pick("新しいノードを加える", "Enrol a newcomer"), "request": pick("申請書の内容", "The request"),
      "years": pick("証明書の年数", "Years the certificate holds"), "card": pick("区の管理カードの内容", "The authority's card"),
      "passphrase": pick("区の管理カードのパスフレーズ(施錠されているとき)", "The card's passphrase, when it is locked"),
      "sign": pick("署名して加える", "Sign"), "made": pick("できました。両方を保存してください", "Done: save both"),
      "madeWhy": pick(
        "「ノードのカード」は新しい機械へ運びます。「区の管理カード」は元のカードと置き換えます(番号が進んでいます)。10分で消えます。",
        "Carry the node's card to the new machine. Put the authority's card in the old one's place: its count has gone on. Both go in ten minutes."
      ),
    ]
    return page(
      request,
      frame.render(
        "nodes", title: pick("機器(ノード)", "Nodes"), active: "/network",
        [
          "w": words, "nodes": rows, "hasFiles": !files.isEmpty,
          "files": files.map { ["href": "/nodes/file/\($0.token)", "name": $0.name, "label": $0.label] },
          "mayEnrol": Gate.ownRoutes["POST /nodes"]!.admits(context.user.roles) && context.principal?.account != nil,
          "steps": [
            pick(
              "新しい機械で: renkei-node enrol request --data DIR 申請書",
              "On the new machine: renkei-node enrol request --data DIR REQUEST"),
            pick("ここで、申請書と区の管理カードの内容を貼り付けて署名する", "Here: paste the request and the authority's card, and sign"),
            pick(
              "新しい機械で: renkei-node enrol accept --data DIR カード",
              "On the new machine: renkei-node enrol accept --data DIR CARD"),
          ],
          "why": pick(
            "この連合のすべてのノードです。失くしたノードを外すには、区の管理カードを持って renkei-node revoke を使います。",
            "Every node of this federation. To shut out a lost one, use renkei-node revoke with the authority's card."
          ),
        ]), refusal: fault)
  }

  private func enrol(_ request: Request, _ context: DeskContext) async throws -> Response {
    let sent = try await sent(request)
    try checkForm(sent, context)
    func given(_ name: String) -> String? { sent[name]?.first.flatMap { $0.isEmpty ? nil : $0 } }
    do {
      guard let asked = EnrolmentRequest(given("request") ?? "") else {
        throw APIError.badValue("request", ja: "申請書ではありません", en: "not a request")
      }
      guard let account = context.principal?.account else {
        throw APIError(.forbidden, "forbidden", ja: "サインインした人だけができます", en: "only for somebody who has signed in")
      }
      let years = given("years").map { Int($0) ?? 0 }
      guard years.map((1...100).contains) ?? true else {
        throw APIError.badValue("years", ja: "年数は 1 から 100 までです", en: "between 1 and 100 years")
      }
      let now = Instant.now()
      let end = years.map { now.advanced(byMilliseconds: Int64($0) * 31_556_952_000) }
      let (newcomer, authority) = try await sign(
        asked, AuthorityCard(Data((given("card") ?? "").utf8)), given("passphrase"), until: end, at: now)
      core.keep(.enrol, asked.fingerprint, by: context.user)
      let ward = core.identity.ward.code
      var files: [(String, String, String)] = []
      for (name, label, content) in [
        ("node-\(ward).card", language(request).pick("ノードのカードを保存", "Save the node's card"), newcomer),
        ("authority-\(ward).json", language(request).pick("区の管理カードを保存", "Save the authority's card"), authority),
      ] {
        files.append(
          (await handouts.put(Handout(name: name, content: content, account: account), at: clock.now()), name, label))
      }
      return try await nodes(request, context, files: files)
    } catch let error as FederationError {
      let fault =
        switch error {
        case .wrongPassphrase: APIError.badValue("passphrase", ja: "パスフレーズが違います", en: "not the card's passphrase")
        default:
          APIError.badValue(
            "card", ja: "この区の認証局のカード、またはこの区のノードの申請書ではありません", en: "not this ward's card, or not its node's request")
        }
      return try await nodes(request, context, fault: fault)
    } catch let error as APIError { return try await nodes(request, context, fault: error) }
  }

  /// The newcomer's card, and the authority's with its count gone on.
  private func sign(
    _ asked: EnrolmentRequest, _ card: AuthorityCard, _ passphrase: String?, until end: Instant?, at now: Instant
  ) async throws -> ([UInt8], [UInt8]) {
    let federation = core.federation
    var record = try card.record { passphrase }
    guard try record.key(in: federation).ward == core.identity.certificate.node.ward else {
      throw FederationError.unknownWard(record.ward)
    }
    let ward = core.identity.certificate.node.ward
    let highest = await core.inspect {
      $0.membership.certificates.keys.filter { $0.ward == ward }.map(\.serial).max() ?? 0
    }
    // A copy of the card from before another newcomer must not give its number again.
    record.nextSerial = max(record.nextSerial, highest + 1)
    let signed = try asked.signed(by: &record, in: federation, validUntil: end, at: now)
    return (
      [UInt8](try JSONEncoder().encode(signed)),
      [UInt8](
        try AuthorityCard.file(of: record, passphrase: card.isLocked ? passphrase : nil, random: secureRandomBytes))
    )
  }
}
