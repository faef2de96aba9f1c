import ArgumentParser
import ChangeModel
import Foundation
import Inspection
import Terminal

struct ConflictsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conflicts",
    abstract: Language.pick(
      "食い違いの一覧。解決はノードで行います。", "Conflicts, with every value. Settling them is done at the node."))
  @OptionGroup var options: SourceOptions
  @Option(help: ArgumentHelp(Language.pick("この表だけ。", "Of this table."))) var table: String?
  @Option(parsing: .unconditional, help: ArgumentHelp(Language.pick("この行だけ。", "Of this row."))) var row: Int64?

  func run() throws {
    try options.look { evidence in
      try evidence.requireTables()
      let list = try ConflictList(evidence, table: table, row: row.map { RowID(rawValue: $0) })
      if options.common.json { return printJSON(list) }
      showDamage(evidence)
      if list.conflicts.isEmpty { return print(Style.good(Language.pick("● 食い違いはありません", "● no conflicts"))) }
      for conflict in list.conflicts {
        print(
          Style.strong(
            harmless(
              "\(conflict.table) \(conflict.row) \(conflict.name.map { "\($0) " } ?? "")\(conflict.field ?? Language.pick("削除と編集", "deletion against edit"))"
            ))
        )
        for value in conflict.values {
          let text = conflict.field == nil ? Language.pick("削除した", "deleted it") : value.value.shown
          let mark = value.shown ? Language.pick("表示中", "shown") : "     "
          print(
            harmless(
              "  \(fitted(mark, to: 8))\(value.ward ?? "") \(value.author)#\(value.sequence)  \(Text.time(conflict.field == nil ? nil : value.time))  \(text)"
            ))
        }
      }
    }
  }
}

struct ForksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forks",
    abstract: Language.pick(
      "二つに分かれたログ: 疑いと、二つのファイルによる証明。", "Logs with two branches: noticed, or proven by two files."))
  @OptionGroup var options: SourceOptions
  @Option(
    name: .customLong("with"),
    help: ArgumentHelp(
      Language.pick("比べる相手。何度でも。", "What to compare with; may be given many times."), valueName: "source"))
  var others: [String] = []

  func run() throws {
    let list = try options.look { evidence in try compare(evidence, others[...], []) }
    if options.common.json { printJSON(list) } else { show(list) }
    if !list.forks.isEmpty { throw ExitCode(1) }
  }

  private func compare(_ evidence: Evidence, _ rest: ArraySlice<String>, _ opened: [Evidence]) throws -> ForkList {
    guard let next = rest.first else { return try ForkList(evidence, comparedWith: opened) }
    return try Opening.look(next, keys: options.common.keys, against: evidence) {
      try compare(evidence, rest.dropFirst(), opened + [$0])
    }
  }

  private func show(_ list: ForkList) {
    if list.forks.isEmpty { return print(Style.good(Language.pick("● 分岐は知られていません", "● no fork is known"))) }
    let states = [
      "settled": ("決着: 証拠が行き渡り、ログはその前まで", "settled: the proof spreads, the log ends before it"),
      "noticed": ("相手の知らせによる疑い", "noticed by a peer"), "proven": ("証明: 同じ鍵が二つに署名", "proven: one key signed both"),
      "unproven": ("一方の署名が正しくない", "one signature does not hold"),
    ]
    for fork in list.forks {
      let state = states[fork.state].map { Language.pick($0.0, $0.1) } ?? fork.state
      print(Style.bad("\(Text.log(fork.log)) #\(fork.sequence)") + " \(fork.ward ?? "") — \(state)")
      for (index, source) in fork.sources.enumerated() {
        print(harmless("    \(source) \(index < fork.signatures.count ? fork.signatures[index] : "")"))
      }
    }
  }
}

struct MembersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "members",
    abstract: Language.pick("登録されたノード、証明書、期。", "Enrolled nodes, their certificates and epochs."))
  @OptionGroup var options: SourceOptions

  func run() throws {
    try options.look(fetching: [.control]) { evidence in
      let list = try MemberList(evidence)
      if options.common.json { return printJSON(list) }
      showDamage(evidence)
      var table = TextTable([
        Language.pick("ノード", "node"), Language.pick("区", "ward"), Language.pick("鍵", "key"),
        Language.pick("証明", "chain"),
        Language.pick("有効", "valid from"), Language.pick("期", "epochs"), Language.pick(">変更記録", ">change sets"),
      ])
      for member in list.members {
        table.add([
          TextTable.Cell(member.node), TextTable.Cell("\(member.wardName ?? "?") \(member.ward ?? "")"),
          TextTable.Cell(String(member.key.prefix(16)) + "…"),
          member.chain == "authority"
            ? TextTable.Cell(Language.pick("区の発行者が署名", "signed by the ward's authority"), .good)
            : TextTable.Cell(Language.pick("未確認(--keys)", "unchecked (--keys)"), .warning),
          TextTable.Cell(Text.time(member.validFrom) + (member.validUntil.map { " – \(Text.time($0))" } ?? "")),
          TextTable.Cell(member.epochs.map(String.init).joined(separator: ", ")),
          TextTable.Cell("\(member.changeSets)"),
        ])
      }
      table.show()
      for refused in list.refused {
        print(
          Style.bad(
            Language.pick(
              "正しくない証明書: \(refused.node ?? "?"): \(refused.reason)",
              "refused: \(refused.node ?? "?"): \(refused.reason)")))
      }
      if list.revocations.isEmpty {
        print(Style.faint(Language.pick("失効したノード: なし", "revoked nodes: none")))
      }
      for node in list.revocations {
        let ward = list.members.first { $0.node == node }?.wardName ?? "?"
        print(Style.warning(Language.pick("失効: \(ward) \(node)", "revoked: \(ward) \(node)")))
      }
    }
  }
}

struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: Language.pick(
      "誰が何を読めるか: 宛先の鍵と、それで封じた量。", "Who can read what: audiences' keys, and how much is sealed with each."))
  @OptionGroup var options: SourceOptions

  func run() throws {
    let progress = Progress()
    try options.look { evidence in
      let list = try KeyList(evidence) { progress.update($0, of: nil, Language.pick("数えています", "counting")) }
      progress.finish()
      if options.common.json { return printJSON(list) }
      showDamage(evidence)
      var table = TextTable([
        Language.pick(">鍵", ">key"), Language.pick("読める人", "who reads"), Language.pick("ここで開けるか", "held here"),
        Language.pick(">封", ">sections"), Language.pick(">量", ">bytes"), "",
      ])
      let names = [
        "everybody": ("誰でも(封なし)", "anyone (not sealed)"), "federation": ("連合の全ノード", "every node"),
        "audience": ("限られた宛先", "named wards"),
      ]
      for key in list.keys {
        table.add([
          TextTable.Cell("\(key.id)"),
          TextTable.Cell(names[key.audience].map { Language.pick($0.0, $0.1) } ?? key.audience),
          key.held
            ? TextTable.Cell(Language.pick("はい", "yes"), .good) : TextTable.Cell(Language.pick("いいえ", "no"), .warning),
          TextTable.Cell("\(key.sections)"), TextTable.Cell(Text.bytes(key.bytes)),
          TextTable.Cell(
            key.unopened > 0 ? Language.pick("鍵が合わない \(key.unopened)", "\(key.unopened) did not open") : "", .bad),
        ])
      }
      table.show()
    }
  }
}

struct GraphCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, dot }

  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: Language.pick("このノードから見た網。", "The network as the node sees it."))
  @OptionGroup var options: SourceOptions
  @Option(help: ArgumentHelp(Language.pick("text、json、dot。", "text, json or dot."))) var format = Format.text

  func run() throws {
    let overview = try options.look(fetching: [.control]) { try StatusCommand.overview($0, options.source) }
    let view = NetworkView(overview)
    switch options.common.json ? .json : format {
    case .json: printJSON(view)
    case .dot: print(view.dot(), terminator: "")
    case .text:
      let now = WallClock.milliseconds
      print(Style.strong("\(overview.wardName ?? "?") \(overview.node ?? "?")"))
      for (index, link) in view.links.enumerated() {
        let node = view.nodes[index + 1]
        let branch = index == view.links.count - 1 ? "└" : "├"
        let (line, style): (String, Style) =
          switch link.state {
          case "up": ("──────", .good)
          case "cut": ("─ ✂ ──", .warning)
          case "down": ("─ × ──", .bad)
          default: ("┄┄┄┄┄┄", .faint)
          }
        let road =
          link.road.map { "\(Text.road($0.kind)) \(Text.rate(Double($0.bitsPerSecond)))" }
          ?? Language.pick("直通の計画なし", "no planned road")
        let age = Text.ago(node.newestChangeSet, now: now)
        print(
          "\(branch)\(style(line)) \(fitted(node.wardName ?? "?", to: 10)) \(fitted(node.node, to: 8)) "
            + Language.pick("知識 \(age)", "knowledge \(age)") + "  " + Style.faint(road))
      }
    }
  }
}
