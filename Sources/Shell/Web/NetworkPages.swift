import Causality
import Desk
import Foundation
import Hummingbird
import NodeService
import Runbook
import Site

/// A link's state in a person's words.
enum LinkWords {
  static func state(_ state: String, _ language: Language) -> String {
    switch state {
    case "up": language.pick("接続", "linked")
    case "cut": language.pick("訓練で遮断", "cut for a drill")
    case "banned": language.pick("拒否中", "refused for now")
    case "revoked": language.pick("失効", "revoked")
    default: language.pick("切断", "not linked")
    }
  }
}

/// Links, what waits, and cards for a courier, for somebody who is no engineer.
extension WebServer {
  /// A bundle that a browser sends: a card's worth.
  private static let bundleLimit = 256 << 20

  func addNetworkPages(to router: Router<DeskContext>) {
    router.get("/network") { request, context in try await network(request, context) }
    router.post("/network") { request, context in
      let sent = try await sent(request)
      try checkForm(sent, context)
      guard core.identity.federation.genesis.drill, let ward = sent["ward"]?.first, !ward.isEmpty else {
        throw APIError(
          .forbidden, "forbidden", field: "ward", ja: "訓練のときだけ、区を選んで行えます", en: "in a drill alone, and for one ward")
      }
      let command: OperatorCommand = sent["what"]?.first == "cut" ? .cut(ward: ward) : .heal(ward: ward)
      _ = try await operated(command, context)
      return Response.redirect(to: "/network")
    }
    router.get("/network/bundle") { _, context in try await bundle(context) }
    router.get("/import") { request, context in importPage(request, context) }
    router.post("/import") { request, context in try await takeShelters(request, context) }
    router.post("/network/bundle") { request, context in try await takeBundle(request, context) }
  }

  private func operated(_ command: OperatorCommand, _ context: DeskContext) async throws -> Data {
    try await Operator(core: core, topology: topology, isRunning: true, user: context.user).perform(command) { _ in }
  }

  /// How it stands with one peer, as one would say it.
  private func sentence(about peer: StatusReport.Peer, _ name: String, _ now: Int64, _ language: Language) -> String {
    let pick = language.pick
    var sentence: String
    if peer.state == "up" {
      sentence = pick("つながっています。", "Linked.")
    } else if let heard = peer.lastHeard {
      let age = language.age(milliseconds: now - heard)
      sentence = pick("\(name)からの最終受信: \(now - heard < 60_000 ? "たった今" : age)。", "\(name) was last heard \(age).")
    } else {
      sentence = pick("\(name)とはまだ通信していません。", "Nothing was heard from \(name) yet.")
    }
    if let lacks = peer.lacks, lacks > 0 {
      let size = language.bytes(Int64(peer.lacksBytes ?? 0))
      let count = language.number(Int64(lacks))
      sentence += pick(
        "\(count) 件の変更が届いていません。カードで運ぶなら \(size) です。", " \(count) changes wait for it; a card would need \(size).")
      if let way = peer.onTheirWay, way > 0 {
        let count = language.number(Int64(way))
        sentence += pick("うち \(count) 件は送っているところです。", " \(count) of them are on their way.")
      }
    } else if peer.lacks == 0 {
      sentence += pick("すべて届いています。", " It has everything.")
    }
    return sentence
  }

  private func network(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let status = try await core.status(withDigest: false, running: true)
    let mayOperate = Gate.ownRoutes["POST /network"]!.admits(context.user.roles)
    let now = Instant.now().milliseconds
    let peers = status.peers.map { peer -> [String: Any] in
      let name = wardName(peer.ward, language)
      let sentence = sentence(about: peer, name, now, language)
      let next = peer.nextCall.map { max(0, $0 - now) / 1_000 }
      let more = [
        peer.roundTripMilliseconds.map { pick("往復 \($0) ミリ秒", "round trip \($0) ms") },
        peer.failedCalls.map { pick("応答なし \($0) 回", "no answer \($0) times") },
        next.map { pick("\($0) 秒後にまた呼びます", "called again in \($0) s") },
        peer.banReason.map { pick("理由: \($0)", "because: \($0)") },
      ].compactMap(\.self)
      let isCut = peer.state == "cut"
      return [
        "ward": "\(name) \(peer.ward)-\(peer.node.split(separator: ".").dropFirst().first ?? "")", "state": peer.state,
        "stateLabel": LinkWords.state(peer.state, language),
        "sentence": sentence, "hasMore": !more.isEmpty, "more": more.joined(separator: " · "), "code": peer.ward,
        "canDrill": mayOperate && status.drill, "drillValue": isCut ? "heal" : "cut",
        "drillLabel": isCut ? pick("訓練の遮断をやめる", "Heal the link") : pick("訓練で遮断する", "Cut for a drill"),
      ]
    }
    let problems = status.problems.filter { $0.level >= .attention }.map { problem -> [String: Any] in
      [
        "sentence": pick(problem.sentence.ja, problem.sentence.en),
        "meaning": pick(problem.code.page.meaning.ja, problem.code.page.meaning.en),
        "lost": pick(problem.code.page.lost.ja, problem.code.page.lost.en),
      ]
    }
    let waiting = status.lanes.reduce(0) { $0 + $1.waiting }
    let all = status.lanes.reduce(0) { $0 + $1.changeSets }
    let words = [
      "courier": pick("メモリーカードで運ぶ", "By memory card"),
      "courierWhy": pick(
        "通信が切れていても、カードで運べば届きます。保存したファイルをカードに入れ、相手の区で読み込んでください。中身は署名され、個人の記録は封をされています。",
        "What no link carries, a card does. Put the exported file on a card and take it in at the other node. It is signed, and personal records in it are sealed."
      ),
      "nodes": pick("機器(ノード)の一覧・新しい機器を加える", "All nodes, and newcomers"),
      "export": pick("カードに保存する", "Save for a card"), "import": pick("受け取ったファイル", "A file that was brought"),
      "take": pick("カードから読み込む", "Take in"),
    ]
    return page(
      request,
      frame.render(
        "network", title: pick("通信", "Network"), active: "/network",
        [
          "w": words, "problems": problems, "hasProblems": !problems.isEmpty, "peers": peers, "isAlone": peers.isEmpty,
          "alone": pick("ほかの区の機器はまだありません。", "No other ward's node is known yet."), "canCarry": mayOperate,
          "summary": waiting == 0
            ? pick(
              "届いた変更はすべて取り込み済みです(\(language.number(Int64(all))) 件)。",
              "All changes that have come are taken in (\(language.number(Int64(all)))).")
            : pick(
              "変更 \(language.number(Int64(all))) 件のうち \(language.number(Int64(waiting))) 件は、前の変更が届くのを待っています。",
              "Of \(language.number(Int64(all))) changes, \(language.number(Int64(waiting))) wait for earlier ones."),
        ]))
  }

  // MARK: Cards

  private func bundle(_ context: DeskContext) async throws -> Response {
    let file = try core.directory.scratch.file()
    let made = try JSONDecoder().decode(
      BundleResult.self, from: try await operated(.exportBundle(file: file.path, reader: nil), context))
    guard let handle = FileHandle(forReadingAtPath: file.path) else {
      throw APIError(.serviceUnavailable, "unavailable", ja: "読めません", en: "cannot read it")
    }
    let name = "renkei-\(core.identity.ward.code).bundle"
    return Response(
      status: .ok,
      headers: [.contentType: "application/octet-stream", .contentDisposition: "attachment; filename=\"\(name)\""],
      // The file is there for as long as somebody reads it; no more than a piece of it is in memory.
      body: ResponseBody(contentLength: made.bytes) { [file] writer in
        while let piece = try handle.read(upToCount: 1 << 18), !piece.isEmpty {
          try await writer.write(ByteBuffer(bytes: piece))
        }
        try handle.close()
        withExtendedLifetime(file) {}
        try await writer.finish(nil)
      })
  }

  private func takeBundle(_ request: Request, _ context: DeskContext) async throws -> Response {
    let language = language(request)
    return try await taking(request, atMost: Self.bundleLimit) { file in
      let result = try JSONDecoder().decode(
        BundleResult.self, from: try await operated(.importBundle(file: file), context))
      let refused = result.refused?.count ?? 0
      return language.pick(
        (result.changeSets == 0
          ? "すでに届いている内容でした。新しいものはありません。" : "新しい変更 \(result.changeSets) 件を読み込みました(すでにあるもの \(result.known ?? 0) 件)。")
          + (refused == 0 ? "" : "\(refused) 件は受け付けられませんでした。"),
        "took \(result.changeSets) new changes (\(result.known ?? 0) known, \(refused) refused)")
    }
  }

  // MARK: Lists of shelters

  private func importPage(_ request: Request, _ context: DeskContext) -> Response {
    let frame = frame(request, context)
    let pick = frame.language.pick
    let words = [
      "file": pick("避難所一覧のファイル", "The list of shelters"), "take": pick("取り込む", "Take in"),
      "shelters": pick("避難所を見る", "See the shelters"),
      "noscript": pick(
        "スクリプトを使えない端末では、サーバーの機械で renkei-node import を行ってください。",
        "Without script, use `renkei-node import` on the node's machine."),
    ]
    return page(
      request,
      frame.render(
        "import", title: pick("避難所一覧を取り込む", "Take in a list of shelters"), active: "/menu",
        [
          "w": words,
          "why": pick(
            "デジタル庁の標準データセット、国土地理院の指定緊急避難場所、内閣府の形式(CSV・GeoJSON、UTF-8・CP932)を読みます。自分の区の行だけが入り、同じファイルをもう一度入れても増えません。",
            "Reads the Digital Agency's, the Geospatial Information Authority's and the Cabinet Office's forms (CSV, GeoJSON; UTF-8, CP932). Only the own ward's lines are taken, and the same file again adds nothing."
          ),
        ]))
  }

  private func takeShelters(_ request: Request, _ context: DeskContext) async throws -> Response {
    let language = language(request)
    return try await taking(request, atMost: Operator.listBytes) { file in
      let data = try await imports.pass { try await operated(.importShelters(file: file, source: nil), context) }
      let result = try JSONDecoder().decode(ImportResult.self, from: data)
      // Every row that was not taken is told by its line, before what was merely doubtful.
      let (refused, doubtful) = (result.problems.filter(\.isRefused), result.problems.filter { !$0.isRefused })
      var problems = (refused + doubtful.prefix(50)).prefix(1_000).map { problem in
        language.pick(
          "\(problem.line)行目 \(problem.field): \(problem.reasonJapanese)\(problem.isRefused ? "(取り込みません)" : "")",
          "line \(problem.line) \(problem.field): \(problem.reason)\(problem.isRefused ? " (not taken)" : "")")
      }
      let more = result.problems.count - problems.count
      if more > 0 { problems.append(language.pick("ほかに \(more) 件", "and \(more) more")) }
      let summary = language.pick(
        (result.imported == 0 ? "変更はありません。" : "\(result.imported) 件を取り込みました。")
          + "\(result.rows) 行のうち、登録済み \(result.unchanged) 件、注意 \(result.warned) 件、取り込めない行 \(result.refused) 件、ほかの区の行 \(result.ofOthers) 件(取り込みません)",
        "took \(result.imported) of \(result.rows) lines (\(result.unchanged) unchanged, \(result.warned) warned, \(result.refused) refused, \(result.ofOthers) of other wards)"
      )
      return ([summary] + problems).joined(separator: "\n")
    }
  }

  // MARK: Files that a browser sends

  /// Keeps what a browser sends in a file of our own while it is worked on. Of the name that it gives, only the ending counts.
  private func taking(
    _ request: Request, atMost limit: Int, _ body: (String) async throws -> String
  ) async throws -> Response {
    let language = language(request)
    let ending = request.uri.queryParameters["name"]?.split(separator: ".").last.map { String($0.lowercased()) } ?? ""
    let isKnown = ["csv", "json", "geojson"].contains(ending)
    let file = try core.directory.scratch.file(isKnown ? ".\(ending)" : "")
    guard let handle = FileHandle(forWritingAtPath: file.path)
    else { throw APIError(.serviceUnavailable, "unavailable", ja: "書き込めません", en: "cannot write") }
    var count = 0
    for try await piece in request.body {
      count += piece.readableBytes
      guard count <= limit else {
        throw APIError(
          .contentTooLarge, "too-large", ja: "大きすぎます。サーバーの機械で取り込んでください",
          en: "too large: take it in on the node's machine")
      }
      try handle.write(contentsOf: Data(buffer: piece))
    }
    try handle.close()
    defer { withExtendedLifetime(file) {} }
    do { return text(try await body(file.path), type: "text/plain; charset=utf-8") } catch {
      let fault = APIError.of(error)
      var answer = text(language.pick(fault.body.ja, fault.body.en), type: "text/plain; charset=utf-8")
      answer.status = fault.status
      return answer
    }
  }
}
