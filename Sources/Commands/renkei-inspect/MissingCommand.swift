import ArgumentParser
import Causality
import Inspection
import Terminal

/// A rate such as `2400`, `64k`, `10M` or the name of a kind of road.
struct LinkRate: ExpressibleByArgument {
  let name: String
  let bitsPerSecond: Double

  static let usual = [
    LinkRate(name: "radio", bitsPerSecond: 2_400), LinkRate(name: "satellite", bitsPerSecond: 1_000_000),
    LinkRate(name: "mobile", bitsPerSecond: 10_000_000), LinkRate(name: "fibre", bitsPerSecond: 100_000_000),
  ]

  init(name: String, bitsPerSecond: Double) {
    self.name = name
    self.bitsPerSecond = bitsPerSecond
  }

  init?(argument: String) {
    if let known = Self.usual.first(where: { $0.name == argument }) {
      self = known
      return
    }
    let factor: [Character: Double] = ["k": 1_000, "M": 1_000_000, "G": 1_000_000_000]
    let scale = argument.last.flatMap { factor[$0] }
    guard let number = Double(scale == nil ? argument : String(argument.dropLast())), number > 0, number.isFinite else {
      return nil
    }
    self.init(name: "", bitsPerSecond: number * (scale ?? 1))
  }
}

struct MissingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "missing",
    abstract: Language.pick(
      "相手に足りないもの: バンドルに何が入り、回線で何秒かかるか。",
      "What a peer lacks: what a bundle for it would carry, and how long that takes on a link."))
  @OptionGroup var options: SourceOptions
  @Option(help: ArgumentHelp(Language.pick("相手: 区コード、区名、または 12.1。", "The peer: a ward's code or name, or 12.1.")))
  var peer: String
  @Option(
    help: ArgumentHelp(
      Language.pick(
        "相手のファイル。あれば足りないものが正確に分かる。", "The peer's own file, when at hand: then what it lacks is known exactly."),
      valueName: "source"))
  var has: String?
  @Option(
    help: ArgumentHelp(Language.pick("回線の速さ: 2400、64k、10M、radio など。", "The link's rate: 2400, 64k, 10M, radio …")))
  var rate: [LinkRate] = []

  func run() throws {
    let shortage = try options.look { evidence in
      let known = Array(evidence.papers.certificates.keys)
      let nodes = try Naming(evidence).authors(named: peer, among: known)
      guard nodes.count == 1, let node = nodes.first else {
        throw Problem(
          "ノードが一つに決まりません: \(peer)(\(nodes.sorted().map { "\($0)" }.joined(separator: "、")))",
          "several nodes: \(peer) (\(nodes.sorted().map { "\($0)" }.joined(separator: ", ")))")
      }
      guard try node != evidence.owner()?.node else {
        throw Problem("このノード自身です: \(peer)", "that is this very node: \(peer)")
      }
      let rates = (rate.isEmpty ? LinkRate.usual : rate).map {
        Shortage.Rate(name: $0.name, bitsPerSecond: $0.bitsPerSecond)
      }
      guard let has else { return try Shortage(evidence, for: node, rates: rates) }
      return try Opening.look(has, keys: options.common.keys) {
        try Shortage(evidence, for: node, has: $0, rates: rates)
      }
    }
    if options.common.json { printJSON(shortage) } else { Self.show(shortage, exactly: has != nil) }
  }

  static func show(_ shortage: Shortage, exactly: Bool) {
    guard shortage.changeSets > 0 else {
      return print(
        Style.good(
          Language.pick(
            "● \(shortage.ward ?? "") \(shortage.peer) に足りないものはありません",
            "● \(shortage.ward ?? "") \(shortage.peer) lacks nothing")))
    }
    let most = exactly ? "" : Language.pick("最大 ", "at most ")
    print(
      Style.strong(
        Language.pick(
          "\(shortage.ward ?? "") \(shortage.peer): \(most)\(shortage.changeSets) 件、バンドル \(Text.bytes(shortage.bundleBytes))",
          "\(shortage.ward ?? "") \(shortage.peer): \(most)\(shortage.changeSets) change sets, a bundle of \(Text.bytes(shortage.bundleBytes))"
        )))
    var table = TextTable(
      [Language.pick("レーン", "lane"), Language.pick(">件数", ">change sets"), Language.pick(">量", ">bytes")]
        + shortage.rates.map { ">" + Text.rate($0.bitsPerSecond) })
    for lane in shortage.lanes where lane.changeSets > 0 {
      table.add(
        ["\(Text.lane(lane.lane))", "\(lane.changeSets)", Text.bytes(lane.bytes)] + lane.seconds.map { Text.span($0) })
    }
    table.add(
      [Language.pick("計", "all"), "\(shortage.changeSets)", Text.bytes(shortage.bundleBytes)]
        + shortage.rates.map { Text.span($0.seconds) })
    table.show(indent: 2)
    var logs = TextTable([
      Language.pick("ログ", "log"), Language.pick("区", "ward"), Language.pick("範囲", "range"),
      Language.pick(">量", ">bytes"),
    ])
    for log in shortage.logs.prefix(40) {
      logs.add([Text.log(log.log), log.ward ?? "", "#\(log.from)–#\(log.through)", Text.bytes(log.bytes)])
    }
    logs.show(indent: 2)
    if shortage.logs.count > 40 {
      print(Language.pick("  … 他 \(shortage.logs.count - 40) ログ", "  … \(shortage.logs.count - 40) more logs"))
    }
  }
}

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: Language.pick(
      "すべての相手に、何を運べばよく、どの回線で何秒かかるか。", "For every peer: what there is to carry, and how long on which link."))
  @OptionGroup var options: SourceOptions
  @Option(help: ArgumentHelp(Language.pick("回線の速さ。何度でも。", "A link's rate; may be given many times."))) var rate:
    [LinkRate] = []

  struct Answer: Encodable {
    var schema = "renkei-inspect/plan/1"
    var peers: [Shortage]
  }

  func run() throws {
    let rates = (rate.isEmpty ? LinkRate.usual : rate).map {
      Shortage.Rate(name: $0.name, bitsPerSecond: $0.bitsPerSecond)
    }
    let answer = try options.look { evidence in
      let own = try evidence.owner()?.node
      return Answer(
        peers: try evidence.papers.certificates.keys.filter { $0 != own }.sorted()
          .map { try Shortage(evidence, for: $0, rates: rates) })
    }
    if options.common.json { return printJSON(answer) }
    var table = TextTable(
      [Language.pick("相手", "peer"), "", Language.pick(">件数", ">change sets"), Language.pick(">バンドル", ">bundle")]
        + rates.map { ">" + Text.rate($0.bitsPerSecond) })
    for peer in answer.peers {
      table.add(
        [peer.ward ?? "?", peer.peer, "\(peer.changeSets)", Text.bytes(peer.bundleBytes)]
          + peer.rates.map { peer.changeSets == 0 ? "–" : Text.span($0.seconds) })
    }
    table.show()
    print(
      Style.faint(
        Language.pick(
          "相手から最後に聞いた時点での上限です。作るには: renkei-node bundle export --for 相手 ファイル",
          "At most, by what each last told. To make one: renkei-node bundle export --for PEER FILE")))
  }
}
