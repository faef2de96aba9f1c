import ArgumentParser
import Foundation
import Logging
import Metrics
import NodeService
import ServiceLifecycle
import Terminal
import Web

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick("Ctrl-C か SIGTERM まで、ノードを動かす。", "Run the node until Ctrl-C or SIGTERM."),
    discussion: Language.pick(
      """
      画面と API は --http で待ち受けます。指定しなければこの機械の中だけです。相手は書いた番地を呼び、--gossip で呼ばれます。

        renkei-node run --data DIR --gossip 0.0.0.0:7113 --peer 13121@10.8.0.21:7121 --peer 13108@10.8.0.8:7108
      """,
      """
      Pages and the API listen on --http, for this machine alone unless told otherwise. Peers are called at the
      addresses given, and may call at --gossip:

        renkei-node run --data DIR --gossip 0.0.0.0:7113 --peer 13121@10.8.0.21:7121 --peer 13108@10.8.0.8:7108
      """))

  @Option(help: ArgumentHelp(Language.pick("ノードのフォルダ。", "The node's folder."))) var data: String
  @Option(help: ArgumentHelp(Language.pick("画面と API の待ち受け先、HOST:PORT。", "Where pages and the API listen, HOST:PORT.")))
  var http = "127.0.0.1:8080"
  @Option(
    name: .customLong("host-name"),
    help: ArgumentHelp(
      Language.pick(
        "番地のほかに、ブラウザーがこのノードを呼んでよい名前。何度でも書けます。",
        "A name by which browsers may call this node, besides its addresses. May be given many times.")))
  var hostNames: [String] = []
  @Flag(
    name: .customLong("plain-http"),
    help: ArgumentHelp(
      Language.pick(
        "画面と API を TLS なしで。この機械の中だけ、隣のプログラム用です。",
        "Pages and the API without TLS: only on this machine's own address, for programs beside the node.")))
  var isPlain = false
  @Flag(
    name: .customLong("public"),
    help: ArgumentHelp(
      Language.pick(
        "オープンデータを、サインインなしで誰にでも読ませる: /open/shelters.geojson と .csv、/open/wards.geojson。",
        "Let anybody read the open data, without an account: /open/shelters.geojson and .csv, /open/wards.geojson.")))
  var isPublic = false
  @Option(
    name: .customLong("allow-origin"),
    help: ArgumentHelp(
      Language.pick(
        "鍵を使って API を呼んでよいウェブサイト(例 https://www.city.example.jp)。何度でも書けます。",
        "A web site whose pages may use the API with a token, such as https://www.city.example.jp. May be given many times."
      ))
  )
  var origins: [String] = []
  @Option(
    help: ArgumentHelp(
      Language.pick(
        "相手の呼び出しを待つ先、HOST:PORT。省くと誰も呼べませんが、こちらからは呼びます。",
        "Where peers may call, HOST:PORT. Without it, nobody can; this node still calls others."))) var gossip: String?
  @Option(
    name: .customLong("peer"),
    help: ArgumentHelp(
      Language.pick("呼び出す相手、区コード@HOST:PORT。何度でも書けます。", "A peer to call, WARD@HOST:PORT. May be given many times.")))
  var peers: [String] = []
  @Option(
    help: ArgumentHelp(
      Language.pick(
        "trace、debug、info、notice、warning、error、critical のどれか。",
        "trace, debug, info, notice, warning, error or critical."))) var logLevel = "notice"

  func validate() throws {
    guard NetworkAddress(http) != nil else { throw ValidationError("--http must be HOST:PORT, such as 127.0.0.1:8080") }
    if isPlain, !["127.0.0.1", "::1", "localhost"].contains(NetworkAddress(http)!.host) {
      throw ValidationError("--plain-http is for 127.0.0.1 alone: passwords would cross the network in the clear")
    }
    if let gossip, NetworkAddress(gossip) == nil { throw ValidationError("--gossip must be HOST:PORT") }
    for peer in peers where PeerAddress(peer) == nil {
      throw ValidationError("--peer must be WARD@HOST:PORT, such as 13121@10.8.0.21:7121; got \(peer)")
    }
    for origin in origins {
      guard let url = URL(string: origin), let scheme = url.scheme, ["https", "http"].contains(scheme), url.host != nil,
        url.path.isEmpty, !origin.hasSuffix("/")
      else {
        throw ValidationError(
          "--allow-origin must be SCHEME://HOST, such as https://www.city.example.jp; got \(origin)")
      }
    }
    guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError("unknown log level \(logLevel)") }
  }

  func run() async throws {
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    let metrics = PrometheusRegistry()
    MetricsSystem.bootstrap(metrics)
    var log = Logger(label: "renkei")
    log.logLevel = Logger.Level(rawValue: logLevel)!

    let directory = NodeDirectory(data)
    guard directory.isEnrolled else { throw OperatorFailure.describing(DirectoryError.notANode(path: data)) }
    try Session.keepPrivate(directory)
    let lock = try directory.lock()
    defer { withExtendedLifetime(lock) {} }
    let topology = try Session.topology(of: directory)
    let core = try Session.open(directory, log: log)
    await core.watchKeys()
    let watching = Task { await core.watchLog() }
    defer { watching.cancel() }
    await core.plan(
      topology.links.reduce(into: [:]) { rates, link in
        guard link.between.contains(core.identity.ward.code) else { return }
        for ward in link.between where ward != core.identity.ward.code {
          rates[ward] = max(rates[ward] ?? 0, link.bitsPerSecond / 8)
        }
      })
    let identity = core.identity
    for (option, text) in [("--http", http), ("--gossip", gossip ?? "")] {
      guard let address = NetworkAddress(text) else { continue }
      if let reason = await address.refusal() {
        try await core.close()
        throw OperatorFailure(
          2, ja: "\(option) の \(text) は使えません: \(reason)。別の番号にしてください",
          en: "\(option) \(text) cannot be used: \(reason). Choose another port")
      }
    }
    let links = try LinkService(
      core: core, listen: gossip.flatMap { NetworkAddress($0) }, peers: peers.compactMap { PeerAddress($0) }, log: log)
    let socket = OperatorSocket(
      directory: directory, operator: Operator(core: core, topology: topology, isRunning: true), log: log)
    let address = NetworkAddress(http)!
    let scheme = isPlain ? "http" : "https"
    let https =
      isPlain
      ? nil
      : try await HTTPSRenewal(directory: directory, names: hostNames + [address.host], core: core, log: log)
    let web = WebServer(
      core: core, topology: topology, metrics: metrics, hosts: Set(hostNames), isSecure: !isPlain,
      isPublic: isPublic, origins: Set(origins), log: log
    ).application(on: address, https: https, log: quieter(log)) { port in
      let url = "\(scheme)://\(NetworkAddress(host: address.host, port: port ?? address.port))/"
      Language.say(
        "\(identity.ward.name)のノードが動いています: \(url)", "the node of \(identity.ward.romaji) City is up: \(url)")
      fflush(nil)
    }
    let services: [any Service] = [web, links, socket] + (https.map { [$0] } ?? [])
    do { try await group(of: services, log: quieter(log)).run() } catch {
      try await core.close()
      throw OperatorFailure(
        70, ja: "止まりました: \(error)。--http と --gossip のポートが空いているか確かめてください",
        en: "stopped: \(error). Check that the ports of --http and --gossip are free")
    }
    try await core.close()
    log.notice("stopped cleanly")
  }

  /// When one ends, all do.
  private func group(of services: [any Service], log: Logger) -> ServiceGroup {
    var configuration = ServiceGroupConfiguration(
      services: services.map { service in
        ServiceGroupConfiguration.ServiceConfiguration(
          service: service, successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .gracefullyShutdownGroup)
      },
      gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
    configuration.maximumGracefulShutdownDuration = .seconds(5)
    return ServiceGroup(configuration: configuration)
  }

  /// The servers' own talk is for whoever asks for debugging.
  private func quieter(_ log: Logger) -> Logger {
    var quiet = log
    if quiet.logLevel > .debug { quiet.logLevel = .error }
    return quiet
  }
}
