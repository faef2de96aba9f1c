import ArgumentParser
import Bids
import Build
import ChangeModel
import Desk
import Foundation
import Glibc
import Procurement
import Sodium
import Terminal

/// What a supplier has of all this: a key, and envelopes.
@main
struct RenkeiBid: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renkei-bid",
    abstract: Language.pick("入札書に封をする。開くのは、区がいっしょにだけ。", "Seals a bid: only the wards together can open it."),
    discussion: Language.pick(
      """
      鍵を作り、区の窓口で登録してもらい、公告の入札用ファイルで封をする:

        renkei-bid key --out kagi.json
        renkei-bid show --tender koukoku.json
        renkei-bid seal --tender koukoku.json --key kagi.json --supplier 5835678256246 --amount 1700000 --out nyuusatsu.json

      終了コード: 0 済んだ、2 使い方か入力の誤り、70 プログラムの誤り。
      """,
      """
      Make a key, have a ward's counter register it, and seal with the file of the tender:

        renkei-bid key --out key.json
        renkei-bid show --tender tender.json
        renkei-bid seal --tender tender.json --key key.json --supplier 5835678256246 --amount 1700000 --out bid.json

      Exit codes: 0 done, 2 wrong usage or input, 70 our fault.
      """),
    version: "renkei-bid \(Build.text)", subcommands: [Key.self, Show.self, Seal.self])

  static func main() {
    // Whatever is made from here on is its owner's alone.
    umask(0o077)
    let words = Array(CommandLine.arguments.dropFirst())
    if let complaint = Suggestion.complaint(of: words, commands: ["key", "show", "seal"]) { complain(complaint, 2) }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let fault as Fault {
      complain(Language.pick(fault.japanese, fault.english), 2)
    } catch let error as CocoaError {
      complain(error.localizedDescription, 2)
    } catch {
      let code = exitCode(for: error)
      guard code == .success || code == .validationFailure else { complain("\(error)", 70) }
      let text = fullMessage(for: error)
      (code == .success ? FileHandle.standardOutput : .standardError).write(Data((text + "\n").utf8))
      Foundation.exit(code == .success ? 0 : 2)
    }
  }

  private static func complain(_ text: String, _ code: Int32) -> Never {
    FileHandle.standardError.write(Data("renkei-bid: \(text)\n".utf8))
    Foundation.exit(code)
  }

  /// - Throws: where something is there already: a key that is lost cannot be made again.
  static func write(_ text: String, to path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw Fault.refused("out", ja: "\(path) はもうあります。別の名前にしてください", en: "\(path) is there already: choose another name")
    }
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  static func read(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
  }
}

struct Key: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick("署名鍵を作る。登録する 64 文字を示す。", "Make a signing key; tells the 64 characters to register."))
  @Option(help: ArgumentHelp(Language.pick("鍵のファイル(人に渡さない)。", "The key's file, for nobody else."))) var out: String

  static let format = "renkei-bid-key-1"

  func run() throws {
    let seed = secureRandomBytes(SigningKey.seedBytes)
    guard let key = SigningKey(seed: seed) else { throw ExitCode(70) }
    let json: JSON = ["format": .text(Self.format), "seed": .text(seed.hexadecimal)]
    try RenkeiBid.write(String(decoding: json.bytes, as: UTF8.self), to: out)
    print(key.publicKey.bytes.hexadecimal)
  }

  static func read(_ path: String) throws -> SigningKey {
    guard let json = try? JSON.decode([UInt8](try RenkeiBid.read(path).utf8)), json["format"].text == format,
      let key = json["seed"].text.flatMap({ [UInt8](hexadecimal: $0) }).flatMap({ SigningKey(seed: $0) })
    else {
      throw Fault.badValue("key", ja: "\(path) は署名鍵のファイルではありません", en: "\(path) is not the file of a signing key")
    }
    return key
  }
}

struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick("入札用ファイルの内容を示す。", "Tell what a tender's file says."))
  @Option(help: ArgumentHelp(Language.pick("入札用ファイル。", "The tender's file."))) var tender: String
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON で出す。", "Print JSON for programs."))) var json = false

  func run() throws {
    let file = try TenderFile(try RenkeiBid.read(tender))
    guard !json else {
      let told: JSON = [
        "title": .text(file.title), "hash": .text(file.hash.bytes.hexadecimal),
        "lots": .list(file.lots.map { JSON(Int($0)) }), "threshold": JSON(file.threshold),
        "trustees": .list(file.trustees.map { .text($0) }), "receivers": .list(file.receivers.map { .text($0) }),
        "closesAt": .integer(file.closesAt.milliseconds),
      ]
      return print(String(decoding: told.bytes, as: UTF8.self))
    }
    Language.say("件名: \(file.title)", "title: \(file.title)")
    Language.say("区分: \(file.lots.map { "\($0)" }.joined(separator: "、"))", "lots: \(file.lots)")
    Language.say(
      "締切: \(JapaneseDay.time(file.closesAt))  受付: \(file.receivers.joined(separator: "、"))",
      "until: \(JapaneseDay.time(file.closesAt))  taken in at: \(file.receivers.joined(separator: ", "))")
    Language.say(
      "開札: \(file.trustees.count) 区のうち \(file.threshold) 区がそろったとき(\(file.trustees.joined(separator: "、")))",
      "opened by \(file.threshold) of \(file.trustees.count): \(file.trustees.joined(separator: ", "))")
    Language.say("公告のハッシュ: \(file.hash.bytes.hexadecimal)", "hash: \(file.hash.bytes.hexadecimal)")
  }
}

struct Seal: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick("入札書に封をする。", "Seal a bid."))
  @Option(help: ArgumentHelp(Language.pick("入札用ファイル。", "The tender's file."))) var tender: String
  @Option(help: ArgumentHelp(Language.pick("署名鍵のファイル。", "The signing key's file."))) var key: String
  @Option(help: ArgumentHelp(Language.pick("法人番号(13 桁)。", "Corporate number, 13 digits."))) var supplier: String
  @Option(help: ArgumentHelp(Language.pick("区分。", "Lot."))) var lot: UInt16 = 1
  @Option(help: ArgumentHelp(Language.pick("入札額(税抜・円)。", "Amount in yen, without tax."))) var amount: Int64
  @Option(
    help: ArgumentHelp(
      Language.pick("くじの数(0〜999)。なければ乱数。", "Digits for the lottery, 0 to 999; at random where not given.")))
  var lottery: Int?
  @Option(help: ArgumentHelp(Language.pick("入札書のファイル。", "The bid's file."))) var out: String

  func validate() throws {
    guard BidText.amounts.contains(amount) else { throw ValidationError("--amount: \(BidText.amounts)") }
    guard (0...999).contains(lottery ?? 0) else { throw ValidationError("--lottery: 0 to 999") }
  }

  func run() throws {
    let file = try TenderFile(try RenkeiBid.read(tender))
    let signing = try Key.read(key)
    guard let terms = file.terms(lot: lot, supplier: supplier, key: signing.publicKey) else {
      throw Fault.badValue("lot", ja: "区分 \(lot) はありません", en: "there is no lot \(lot)")
    }
    // Four bytes for three digits: no digit is likelier than another by a millionth.
    let random = secureRandomBytes(4).reduce(0) { $0 << 8 | Int($1) } % 1_000
    let text = BidText(amount: amount, lottery: lottery ?? random)
    guard let bid = SealedBid(text.bytes, for: terms, by: signing, seed: secureRandomBytes(32)) else {
      throw ExitCode(70)
    }
    let sealed = BidFile(
      tender: file.tender, lot: lot, supplier: supplier, key: signing.publicKey, envelope: bid.envelope,
      signature: bid.signature)
    try RenkeiBid.write(sealed.text, to: out)
    Language.say(
      "封をしました。受付のときのハッシュ: \(bid.hash.bytes.hexadecimal)", "sealed; its hash at the desk: \(bid.hash.bytes.hexadecimal)")
  }
}
