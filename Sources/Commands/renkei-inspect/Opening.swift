import ArgumentParser
import ChangeModel
import Federation
import Foundation
import GRDB
import Glibc
import Inspection
import NodeService
import Runbook
import SignedLog
import Terminal
import Topology

/// Options that every command has.
struct CommonOptions: ParsableArguments {
  /// Seconds: longer than anything that is asked of a ward's replica by hand, and no longer than a person waits.
  static let usualTimeout = 60
  static let longestTimeout = 86_400

  @Option(help: ArgumentHelp(Language.pick("ja か en。", "ja or en."))) var lang: Language?
  @Option(
    help: ArgumentHelp(
      Language.pick("この秒数で終わらなければやめる(終了コード 2)。", "Give up after so many seconds, with exit code 2."),
      valueName: "seconds"))
  var timeout = CommonOptions.usualTimeout
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON で出す。", "Print JSON for programs."))) var json = false
  @Option(
    help: ArgumentHelp(
      Language.pick(
        "署名の確認と復号に使う、同じ連合のノードのフォルダ。SOURCE がノードのフォルダなら要りません。",
        "A node's folder of the same federation, to check signatures and open sections with; a SOURCE that is one needs none."
      ),
      valueName: "folder"))
  var keys: String?
}

extension Language: ExpressibleByArgument {}

/// One thing to look at.
struct SourceOptions: ParsableArguments {
  @OptionGroup var common: CommonOptions
  @Option(
    help: ArgumentHelp(
      Language.pick(
        "バンドルの前の部分を持つノードかデータベース。", "A node or database that has what comes before a bundle's change sets."),
      valueName: "source"))
  var base: String?
  @Argument(
    help: ArgumentHelp(
      Language.pick("ノードのフォルダ、データベース、バンドル、または URL。", "A node's folder, a database, a bundle or a URL.")),
    completion: .file())
  var source: String

  func look<Result>(fetching lanes: Set<Lane> = Set(Lane.allCases), _ body: (Evidence) throws -> Result) throws
    -> Result
  {
    try Opening.look(source, keys: common.keys, base: base, fetching: lanes, body)
  }
}

extension Evidence {
  /// For what prints as it reads: finds damage before the first line is out.
  func probe() throws {
    guard kind == .database, !isSalvaged, !isOpenElsewhere else { return }
    let found = try read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
    guard found == "ok" else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: found) }
  }

  /// Bundles and live nodes bring change sets, not tables: "nothing there" would be no answer.
  func requireTables() throws {
    guard !hasTables else { return }
    throw Problem(
      "\(name) には表がありません(変更記録だけです)。ノードのフォルダかデータベースで調べてください",
      "\(name) has no tables, only change sets: look at a node's folder or a database")
  }
}

/// Finds out what a source is, and opens it.
enum Opening {
  static let schema = Schema(ControlSchema.collections + NodeSchema.current.collections)

  /// Opens a source and looks at it; when its database is damaged, looks at what can be saved instead.
  static func look<Result>(
    _ source: String, keys: String? = nil, base: String? = nil, fetching lanes: Set<Lane> = Set(Lane.allCases),
    against other: Evidence? = nil, _ body: (Evidence) throws -> Result
  ) throws -> Result {
    if let base {
      return try look(base, keys: keys) { try look(source, keys: keys, fetching: lanes, against: $0, body) }
    }
    if source.hasPrefix("http://") || source.hasPrefix("https://") {
      let node = try LiveNode(source)
      return try body(try node.evidence(identity: identity(keys: keys, beside: nil), lanes: lanes, base: other))
    }
    let named = try databasePath(source)
    // A link's file is elsewhere, and its write-ahead log and card beside it; a link to the file may have a card beside it, too.
    let path = Evidence.real(named)
    let beside = [named, path].map { ($0 as NSString).deletingLastPathComponent }
    let identity = try identity(keys: keys, beside: beside.first { isNode($0) } ?? beside[1])
    switch try kind(of: path) {
    case .bundle:
      return try body(.bundle(path, name: source, identity: identity, schema: schema, base: other))
    default:
      return try Evidence.examining(path, name: source, identity: identity, schema: schema, body)
    }
  }

  private static func isNode(_ folder: String) -> Bool { NodeDirectory(folder.isEmpty ? "." : folder).isEnrolled }

  private static func databasePath(_ source: String) throws -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: source, isDirectory: &isFolder) else {
      if source.contains(":"), !source.contains("/") {
        throw Problem("https:// を付けてください: https://\(source)", "with https:// before it: https://\(source)")
      }
      throw InspectionError.cannotRead(path: source, code: ENOENT)
    }
    guard isFolder.boolValue else { return source }
    let inside = NodeDirectory(source).replica
    guard FileManager.default.fileExists(atPath: inside) else {
      guard NodeDirectory(source).isEnrolled else { throw InspectionError.unknownKind(path: source) }
      throw Problem(
        "まだ一度も動いていないノードです(replica.sqlite がありません): \(source)",
        "a node that has never run (there is no replica.sqlite): \(source)")
    }
    return inside
  }

  /// By its first bytes, of which some may be damaged; then by its name.
  private static func kind(of path: String) throws -> Evidence.Kind {
    // A pipe would be waited for, a device read without end.
    var status = stat()
    guard stat(path, &status) == 0 else { throw InspectionError.cannotRead(path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Problem("普通のファイルではありません: \(path)", "not a regular file: \(path)")
    }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw InspectionError.cannotRead(path: path, code: errno)
    }
    let start = [UInt8]((try? handle.read(upToCount: 16)) ?? Data())
    try? handle.close()
    func likeness(_ magic: String) -> Int { zip(start, magic.utf8).count { $0 == $1 } }
    if likeness("SQLite format 3\0") >= 10 { return .database }
    if let head = SealedBackup.head(path) {
      let time = Text.time(head.made.milliseconds)
      throw Problem(
        "封をした控えです: \(path)(ノード \(head.node)、\(time)、\(head.program))。renkei-node unseal で開けたファイルを調べてください",
        "a sealed backup: \(path) (node \(head.node), \(time), \(head.program)). Open it with renkei-node unseal, and look at that file"
      )
    }
    if likeness("RKB1") >= 3 { return .bundle }
    switch (path as NSString).pathExtension {
    case "sqlite", "db", "sqlite3": return .database
    case "rkb", "bundle": return .bundle
    default: throw InspectionError.unknownKind(path: path)
    }
  }

  /// The card and key beside a database, or of the folder that was named.
  static func identity(keys: String?, beside folder: String?) throws -> NodeIdentity? {
    if let keys {
      do { return try NodeDirectory(keys).identity() } catch {
        throw Problem(
          "--keys はノードのフォルダ(card.json と node.key のある)ではありません: \(keys)",
          "--keys is not a node's folder (with card.json and node.key): \(keys)")
      }
    }
    guard let folder, isNode(folder) else { return nil }
    do { return try NodeDirectory(folder.isEmpty ? "." : folder).identity() } catch {
      note(
        "このノードの証明カードか鍵を読めません。署名と復号は確かめられません(\(error))",
        "cannot read this node's card or key: signatures and sections cannot be checked (\(error))")
      return nil
    }
  }

  static func note(_ japanese: String, _ english: String) {
    FileHandle.standardError.write(Data("renkei-inspect: \(Language.pick(japanese, english))\n".utf8))
  }

  // MARK: What lies beside a database

  /// What a node that runs on the folder says of its peers, and what it says is wrong.
  static func live(_ source: String, _ evidence: Evidence) -> LinksAnswer? {
    if source.hasPrefix("http") { return (try? LiveNode(source))?.knownLinks }
    guard evidence.isOpenElsewhere else { return nil }
    let directory = NodeDirectory(folder(of: source))
    guard FileManager.default.fileExists(atPath: directory.socket),
      let data = try? OperatorClient(directory: directory).perform(.links, progress: { _ in })
    else { return nil }
    return try? JSONDecoder().decode(LinksAnswer.self, from: data).bounded
  }

  struct LinksAnswer: Decodable {
    var links: [LivePeer]
    var problems: [Runbook.Problem]?

    var bounded: LinksAnswer { LinksAnswer(links: links.map(\.bounded), problems: problems) }
  }

  /// The wards and links that the node was made with.
  static func topology(_ source: String) -> Topology? {
    guard let data = FileManager.default.contents(atPath: folder(of: source) + "/topology.yaml") else { return nil }
    return try? Topology(yaml: String(decoding: data, as: UTF8.self))
  }

  private static func folder(of source: String) -> String {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: source, isDirectory: &isFolder), isFolder.boolValue { return source }
    let folder = (Evidence.real(source) as NSString).deletingLastPathComponent
    return folder.isEmpty ? "." : folder
  }
}

/// What is wrong with a source, said once before a report.
func showDamage(_ evidence: Evidence) {
  if evidence.isSalvaged {
    print(
      Style.bad(
        Language.pick(
          "壊れたデータベースです。読み取れた部分だけを示します。", "A damaged database: what follows is what could be saved.")))
  }
  if !evidence.newerMigrations.isEmpty {
    print(
      Style.warning(
        Language.pick(
          "新しい版のプログラムが書いたファイルです(\(harmless(evidence.newerMigrations.joined(separator: ", "))))。知らない項目は示しません。",
          "Written by a newer program (\(harmless(evidence.newerMigrations.joined(separator: ", ")))): what this one does not know is not shown."
        )))
  }
  for damage in evidence.damage { print("  " + Style.bad("✗ ") + describe(damage)) }
}

func describe(_ damage: Damage) -> String {
  let names: [Damage.Kind: (String, String)] = [
    .truncated: ("途中で切れています", "cut short"), .header: ("ヘッダの破損", "header"),
    .writeAheadLog: ("書き込みログの破損", "write-ahead log"), .page: ("ページの破損", "page"),
    .table: ("表の破損", "table"), .changeSet: ("変更記録の破損", "change set"), .missing: ("欠落", "missing"),
    .row: ("行の不一致", "row"), .frame: ("フレームの破損", "frame"), .certificate: ("証明書", "certificate"),
  ]
  let name = names[damage.kind].map { Language.pick($0.0, $0.1) } ?? damage.kind.rawValue
  var place = ""
  if let file = damage.file {
    place = " — \((file as NSString).lastPathComponent)"
    if let offset = damage.offset {
      let end = offset + max(damage.length ?? 1, 1) - 1
      place += Language.pick(" のバイト ", " byte ") + (end > offset ? "\(offset)–\(end)" : "\(offset)")
    }
  }
  let lost = damage.lost > 1 ? Language.pick("(失われる記録 \(damage.lost))", " (\(damage.lost) lost)") : ""
  return harmless("\(name): \(damage.subject)\(place): \(damage.detail)\(lost)")
}
