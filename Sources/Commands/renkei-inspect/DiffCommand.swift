import ArgumentParser
import Foundation
import Glibc
import Inspection
import NodeService
import Terminal

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: Language.pick(
      "二つのノード・ファイル・バンドルの違い: 時計、表、行、そしてどの変更記録によるか。",
      "What two nodes, files or bundles do not share: by clock, table and row, and which change sets explain it."),
    discussion: Language.pick("違えば終了コード 1。", "Exit code 1 when they differ."))
  @OptionGroup var common: CommonOptions
  @Option(help: ArgumentHelp(Language.pick("表ごとに示す行の数。", "Rows to tell of each table."))) var rows = 100
  @Argument(help: ArgumentHelp(Language.pick("一方。", "One side.")), completion: .file()) var a: String
  @Argument(help: ArgumentHelp(Language.pick("他方。", "The other side.")), completion: .file()) var b: String

  func run() throws {
    let progress = Progress()
    let difference = try Opening.look(a, keys: common.keys ?? borrowedKeys(b)) { left in
      try Opening.look(b, keys: common.keys ?? borrowedKeys(a), against: left) { right in
        try Difference(left, right, rowLimit: rows) {
          progress.update($0, of: nil, Language.pick("比べています", "comparing"))
        }
      }
    }
    progress.finish()
    if common.json { printJSON(difference) } else { show(difference) }
    if !difference.equal { throw ExitCode(1) }
  }

  /// A side without papers of its own is read with the other side's.
  private func borrowedKeys(_ other: String) -> String? {
    FileManager.default.fileExists(atPath: other + "/card.json") ? other : nil
  }

  private func show(_ difference: Difference) {
    for source in [difference.a, difference.b] where source.salvaged {
      print(
        Style.bad(
          Language.pick(
            "壊れています: \(source.name)(読めた部分だけを比べます)", "damaged: \(source.name) (only what could be saved is compared)")))
    }
    if !difference.sealedTables.isEmpty {
      print(
        Style.faint(
          Language.pick(
            "  持つ鍵が違うため比べていない表: \(difference.sealedTables.joined(separator: ", "))",
            "  not compared, since the sides hold different keys: \(difference.sealedTables.joined(separator: ", "))")))
    }
    guard !difference.equal else {
      let hasBundle = [difference.a, difference.b].contains { $0.kind == .bundle }
      return print(
        Style.good(
          hasBundle
            ? Language.pick("● バンドルに新しいものはありません", "● the bundle brings nothing new")
            : Language.pick("● 同じです", "● equal")))
    }
    print(
      Style.warning(
        Language.pick(
          "● 異なります — A だけにある記録 \(difference.onlyA)、B だけにある記録 \(difference.onlyB)",
          "● they differ — \(difference.onlyA) change sets only in A, \(difference.onlyB) only in B")))
    print(Style.faint("  A \(difference.a.name)\n  B \(difference.b.name)"))
    var logs = TextTable([Language.pick("ログ", "log"), Language.pick("区", "ward"), ">A", ">B", ""])
    for log in difference.logs {
      logs.add([
        TextTable.Cell(Text.log(log.log)), TextTable.Cell(log.ward ?? ""), TextTable.Cell("\(log.a)"),
        TextTable.Cell("\(log.b)"),
        TextTable.Cell(
          log.forkAt.map { Language.pick("分岐 #\($0) から", "forks at #\($0)") }
            ?? Language.pick("\(abs(log.a - log.b)) 件", "\(abs(log.a - log.b)) change sets"),
          log.forkAt == nil ? .plain : .bad),
      ])
    }
    if !logs.isEmpty { logs.show(indent: 2) }
    for table in difference.tables {
      let count = table.differingRows.map { Language.pick("異なる行 \($0)", "\($0) rows differ") } ?? ""
      print(
        Language.pick(
          "表 \(table.table): \(table.digestA) ≠ \(table.digestB) \(count)",
          "table \(table.table): \(table.digestA) ≠ \(table.digestB) \(count)"))
    }
    for row in difference.rows { show(row) }
    if difference.unexplainedRows > 0 {
      print(
        Style.bad(
          Language.pick(
            "変更記録で説明のつかない行が \(difference.unexplainedRows) あります。verify で確かめてください",
            "\(difference.unexplainedRows) rows that no change set explains: run verify")))
    }
    if difference.sealedSections > 0 {
      print(
        Style.faint(
          Language.pick("開けない封 \(difference.sealedSections)", "\(difference.sealedSections) sections are sealed")))
    }
  }

  private func show(_ row: RowDifference) {
    let side = [
      "onlyA": Language.pick("A だけ", "only in A"), "onlyB": Language.pick("B だけ", "only in B"),
      "notCompared": Language.pick("関わる行", "touched"),
    ][row.sides]
    print(Style.strong(harmless("  \(row.table) \(row.row) \(row.name ?? "")")) + (side.map { " (\($0))" } ?? ""))
    if row.sides == "both" {
      for field in row.fields {
        print(harmless("    \(field.field): A \(field.a?.shown ?? "–") | B \(field.b?.shown ?? "–")"))
      }
    }
    for reason in row.explainedBy {
      let text =
        "\(reason.side.uppercased()) \(Text.log(reason.log)) #\(reason.sequence) \(reason.ward ?? "") \(Text.time(reason.time)): \(reason.edit)"
      print("    " + Style.faint(cut(harmless(text), to: max(60, (Text.width ?? 160) - 4))))
    }
  }
}

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: Language.pick(
      "連鎖、署名、証明書、そして表を作り直しと比べて確かめる。", "Check chains, signatures, certificates, and the tables against a rebuild."),
    discussion: Language.pick(
      "壊れたバイトの場所と、そのために失われるものを示します。正しくなければ終了コード 1。",
      "Says the first bad byte and what is lost because of it. Exit code 1 when something does not hold."))
  @OptionGroup var options: SourceOptions
  @Option(help: ArgumentHelp(Language.pick("作り直しに使うフォルダ。", "Where the tables are made anew."), valueName: "folder"))
  var scratch = NSTemporaryDirectory()

  func run() throws {
    guard FileManager.default.isWritableFile(atPath: scratch) else {
      throw Problem("--scratch のフォルダに書けません: \(scratch)", "cannot write to the folder of --scratch: \(scratch)")
    }
    let folder = ScratchFolder(scratch + "/renkei-inspect-\(getuid())")
    folder.sweep()
    let file: ScratchFile
    do { file = try folder.file() } catch {
      throw Problem(
        "自分だけの作業フォルダを作れません。--scratch で別の場所を指定してください: \(scratch)",
        "cannot make a folder of its own to work in: name another place with --scratch: \(scratch)")
    }
    // At the end of its time, and at any other: what the limit holds is let go by nobody.
    TimeLimit.beforeEnd { file.remove() }
    defer { file.remove() }
    let progress = Progress()
    let verification = try options.look { evidence in
      try Verifier(evidence) { what, count in
        progress.update(count, of: nil, Language.pick("確かめています \(what)", "checking \(what)"))
      }.run(scratch: file.path)
    }
    progress.finish()
    if options.common.json { printJSON(verification) } else { show(verification) }
    if !verification.sound { throw ExitCode(1) }
  }

  private func show(_ found: Verification) {
    let isUnchecked = !found.sound && found.damage.isEmpty && found.lost.changeSets == 0
    print(
      isUnchecked
        ? Style.warning(Language.pick("● 何も確かめられません", "● nothing could be checked"))
        : found.sound
          ? found.unchecked > 0
            ? Style.warning(Language.pick("● 確かめられた分は正しい", "● what could be checked holds"))
            : Style.good(Language.pick("● 正しい", "● it holds"))
          : Style.bad(Language.pick("● 正しくない", "● it does NOT hold"))
    )
    if found.source.salvaged {
      print(Style.bad(Language.pick("  壊れたデータベースから読めた部分です", "  what could be saved of a damaged database")))
    }
    print(
      Language.pick(
        "  変更記録 \(found.changeSets) 件の連鎖と署名、証明書 \(found.certificates.members)\(found.certificates.checked ? "" : "(発行者の署名は確かめられません)")",
        "  chains and signatures of \(found.changeSets) change sets, \(found.certificates.members) certificates\(found.certificates.checked ? "" : " (their authorities unchecked: no genesis at hand)")"
      ))
    if found.unchecked > 0 {
      print(
        Style.warning(
          Language.pick(
            "  前の記録がなく確かめられない \(found.unchecked) 件(--base で前の部分を指定)",
            "  \(found.unchecked) could not be checked without what comes before them: give --base")))
    }
    let reasons = [
      "noTables": ("表がありません", "there are no tables"), "noKeys": ("鍵がありません(--keys)", "no keys (--keys)"),
      "logDamaged": ("記録が壊れているため", "the log is damaged"),
      "behind": ("取り込みの途中のため。少し待ってもう一度", "it is merging what it holds: try again in a moment"),
    ]
    print(
      found.tables.checked
        ? Language.pick(
          "  表 \(found.tables.compared.count) を記録から作り直して比べました",
          "  \(found.tables.compared.count) tables compared with a rebuild from the log")
        : Style.warning(
          Language.pick("  表は比べていません: ", "  tables not compared: ")
            + (reasons[found.tables.reason ?? ""].map { Language.pick($0.0, $0.1) } ?? "")))
    for damage in found.damage { print("  " + Style.bad("✗ ") + describe(damage)) }
    if found.lost.changeSets > 0 {
      print(
        Language.pick(
          "  使えない記録 \(found.lost.changeSets) 件、それに続く他の記録 \(found.lost.dependents) 件。持っている相手: \(found.lost.knownElsewhere.isEmpty ? "不明" : found.lost.knownElsewhere.joined(separator: ", "))",
          "  \(found.lost.changeSets) change sets cannot be used, \(found.lost.dependents) others follow them. Known to have them: \(found.lost.knownElsewhere.isEmpty ? "nobody" : found.lost.knownElsewhere.joined(separator: ", "))"
        ))
    }
  }
}
