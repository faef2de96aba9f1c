import ArgumentParser
import Causality
import ChangeModel
import Desk
import Inspection
import Procurement
import Terminal

/// A tender's opening worked out anew from the rows alone: closings, call, envelopes and shares are proofs, and this checks them.
struct OpeningCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "opening",
    abstract: Language.pick(
      "入札の開札を、行だけから確かめる。通信は要りません。", "Prove a tender's opening from the rows alone, offline."),
    discussion: Language.pick(
      "終了コード: 0 開札も落札も判定のとおり、1 まだ開いていないか、判定と違う落札がある。",
      "Exit code: 0 opened, and every award is what the bids come to; 1 not open yet, or an award is not."))
  @OptionGroup var options: SourceOptions
  @Argument(
    help: ArgumentHelp(Language.pick("入札の番号。なければ一覧。", "The tender's number; a list where none is given.")))
  var tender: Int64?

  func run() throws {
    let isRight = try options.look { evidence -> Bool in
      try evidence.requireTables()
      guard let federation = evidence.papers.identity?.federation else {
        throw Problem("連合のファイルがありません。--keys でノードのフォルダを指定してください", "no federation: give a node's folder with --keys")
      }
      return try evidence.read { db in
        guard let tender else {
          for (row, title) in try OpeningProof.tenders(db) { print("\(row)  \(harmless(title))") }
          return true
        }
        let proof = try OpeningProof(RowID(rawValue: tender), db, in: federation)
        if options.common.json {
          print(String(decoding: proof.json.bytes, as: UTF8.self))
        } else {
          show(proof.json)
        }
        return proof.isRight
      }
    }
    if !isRight { throw ExitCode(1) }
  }

  private func words(_ text: JSON) -> String {
    harmless(Language.pick(text["ja"].text ?? "", text["en"].text ?? ""))
  }

  private func show(_ proof: JSON) {
    print(Style.strong(harmless(proof["title"].text ?? "")) + "  " + words(proof["stage"]))
    for closing in proof["closings"].list {
      print(harmless("  \(closing["ward"].text ?? "") \(words(closing["status"])) \(closing["bids"].integer ?? 0)"))
    }
    let released = proof["released"].list.compactMap(\.text).joined(separator: " ")
    print(
      Language.pick("  分担: \(released)  必要 ", "  shares: \(released)  needed ") + "\(proof["threshold"].integer ?? 0)")
    var table = TextTable([
      Language.pick("入札書", "bid"), Language.pick("分担", "shares"), Language.pick("入札額", "amount"),
      Language.pick("順位", "rank"), Language.pick("判定", "verdict"),
    ])
    for bid in proof["bids"].list {
      table.add([
        String((bid["hash"].text ?? "").prefix(16)), "\(bid["shares"].integer ?? 0)",
        bid["amount"].integer.map { "\($0)" } ?? "",
        bid["rank"].integer.map { "\($0)" } ?? "", words(bid["verdict"]),
      ])
    }
    table.show(width: Text.width)
    for award in proof["awards"].list {
      let lot = award["lot"].integer ?? 0
      print(Language.pick("落札 区分 \(lot): ", "award of lot \(lot): ") + words(award["verdict"]))
    }
  }
}
