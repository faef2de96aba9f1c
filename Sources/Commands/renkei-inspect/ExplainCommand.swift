import ArgumentParser
import Runbook
import Terminal

/// The runbook: what each problem means, what was lost, what to do.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: Language.pick(
      "問題の意味、失われたもの、することを示す。", "What a problem means, what was lost, what to do."))
  @OptionGroup var common: CommonOptions
  @Argument(
    help: ArgumentHelp(Language.pick("status が示す符号。なければ一覧。", "The code that status shows; all of them without it.")))
  var code: String?

  func run() throws {
    guard let code else {
      for code in Runbook.Problem.Code.allCases {
        let (ja, en) = code.page.title
        print("\(code.rawValue.padding(toLength: 18, withPad: " ", startingAt: 0)) \(Language.pick(ja, en))")
      }
      return
    }
    guard let known = Runbook.Problem.Code(rawValue: code) else {
      let all = Runbook.Problem.Code.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem("知らない符号です: \(code)(あるもの: \(all))", "no such code: \(code) (there are \(all))")
    }
    let page = known.page
    if common.json { return printJSON(Answer(known)) }
    print(Style.bad(Language.pick(page.title.ja, page.title.en)))
    print(Language.pick(page.meaning.ja, page.meaning.en))
    print(Language.pick("失われたもの: \(page.lost.ja)", "What was lost: \(page.lost.en)"))
    for (number, step) in page.steps.enumerated() {
      print("  \(number + 1). \(Language.pick(step.ja, step.en))")
      if let command = step.command { print("     \(command)") }
    }
  }

  private struct Answer: Encodable {
    struct Step: Encodable {
      var command: String?
      var ja: String
      var en: String
    }

    var schema = "renkei-inspect/explain/1"
    var code: String
    var title: [String: String]
    var meaning: [String: String]
    var lost: [String: String]
    var steps: [Step]

    init(_ code: Runbook.Problem.Code) {
      let page = code.page
      func both(_ words: Page.Both) -> [String: String] { ["ja": words.ja, "en": words.en] }
      self.code = code.rawValue
      (title, meaning, lost) = (both(page.title), both(page.meaning), both(page.lost))
      steps = page.steps.map { Step(command: $0.command, ja: $0.ja, en: $0.en) }
    }
  }
}
