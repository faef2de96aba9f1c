import ArgumentParser
import Catalogue
import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Goods
import People
import Replica
import Simulation
import Store

/// Searching for people: the whole endpoint, on names as people remember them, beside one exact look-up in SQLite.
struct SearchBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract:
      "Looking for somebody among so many residents, in variant spellings, beside one exact look-up by an index."
  )
  @OptionGroup var options: BenchOptions
  @Option(help: "Searches of each kind.") var searches = 400
  @Option(help: "Keep the database in this folder, and use it again when it is there.") var keep: String?

  private static let families = [
    "佐藤 サトウ", "鈴木 スズキ", "髙橋 タカハシ", "高橋 タカハシ", "田中 タナカ", "伊藤 イトウ", "渡邊 ワタナベ", "渡辺 ワタナベ", "山本 ヤマモト",
    "中村 ナカムラ", "小林 コバヤシ", "加藤 カトウ", "吉田 ヨシダ", "山田 ヤマダ", "佐々木 ササキ", "齋藤 サイトウ", "斉藤 サイトウ", "松本 マツモト",
    "井上 イノウエ", "木村 キムラ", "林 ハヤシ", "清水 シミズ", "大﨑 オオサキ", "阿部 アベ", "池田 イケダ", "橋本 ハシモト", "石川 イシカワ", "前田 マエダ",
  ]
  private static let first = ["花", "一", "健", "幸", "美", "大", "翔", "結", "陽", "真", "直", "由", "和", "雅", "千", "彩", "優", "智"]
  private static let second = [
    "子", "郎", "太", "美", "介", "香", "人", "奈", "輝", "衣", "樹", "菜", "哉", "恵", "平", "乃", "斗", "代",
  ]
  private static let sounds = [
    "ハナ", "イチ", "ケン", "ユキ", "ミ", "ダイ", "ショウ", "ユイ", "ヨウ", "マ", "ナオ", "ユ", "カズ", "マサ", "チ", "アヤ", "ユウ", "トモ",
  ]
  private static let ends = [
    "コ", "ロウ", "タ", "ミ", "スケ", "カ", "ト", "ナ", "キ", "イ", "キ", "ナ", "ヤ", "エ", "ヘイ", "ノ", "ト", "ヨ",
  ]

  private struct Person {
    var family: String
    var given: String
    var familyKana: String
    var givenKana: String
    var birth: String
  }

  private static func person(_ random: inout RandomNumbers) -> Person {
    let family = random.pick(families).split(separator: " ").map(String.init)
    let (a, b) = (random.below(first.count), random.below(second.count))
    let birth =
      "\(1930 + random.below(90))-\(String(format: "%02d", 1 + random.below(12)))-\(String(format: "%02d", 1 + random.below(28)))"
    return Person(
      family: family[0], given: first[a] + second[b], familyKana: family[1], givenKana: sounds[a] + ends[b],
      birth: birth)
  }

  func run() throws {
    var federation = SimulatedFederation(wards: [("13113", "渋谷区"), ("13121", "足立区")], seed: options.seed)
    let identity = federation.node(ward: 0, keySeed: 1)
    let folder = BenchFolder()
    let now = Instant.quake
    let path = (keep ?? folder.path) + "/replica.sqlite"
    let isThere = FileManager.default.fileExists(atPath: path)
    let replica = try Replica(
      path: path, identity: identity, schema: Schema(Services.collections), at: now)
    try replica.store.makeIndexes(Services.indexes)
    var random = RandomNumbers(seed: options.seed)
    var known: [Person] = []
    let schema = Resident.records
    func field(_ name: String, _ text: String) -> FieldEdit {
      FieldEdit(schema.field(named: name)!.number, .set(.text(text)))
    }
    let began = ContinuousClock.now
    for start in stride(from: 0, to: options.rows, by: 10_000) {
      _ = try replica.batch(at: now) {
        if isThere {
          for _ in 0..<10_000 {
            let person = Self.person(&random)
            if random.chance(0.002) { known.append(person) }
            _ = random.below(5_000)
          }
          return
        }
        for _ in stride(from: start, to: min(start + 10_000, options.rows), by: 100) {
          let rows = try replica.newRows(100)
          var draft = Draft(.registry)
          for row in rows {
            let person = Self.person(&random)
            if random.chance(0.002) { known.append(person) }
            draft.edit(
              schema, row,
              [
                field("family_name", person.family), field("given_name", person.given),
                field("family_kana", person.familyKana), field("given_kana", person.givenKana),
                field("birth", person.birth), field("address", "渋谷区見本1-2-\(random.below(5_000))"),
                field("name_key", NameKey.of(person.family + person.given)),
                field("kana_key", NameKey.of(person.familyKana + person.givenKana)),
              ], for: .ward(0, .identity))
          }
          _ = try replica.commit(draft, at: now)
        }
      }
    }
    try replica.store.checkpoint()
    let filled = began.duration(to: .now)

    let catalogue = Services.catalogue(Geography([]))
    let endpoint = catalogue["searchPeople"]
    let kinds: [(name: String, query: (Person) -> [String: JSON])] = [
      ("as registered", { ["name": .text($0.family + $0.given)] }),
      ("variant characters", { ["name": .text(Self.variant($0.family + $0.given))] }),
      ("half-width kana", { ["name": .text(Self.halfWidth($0.familyKana + " " + $0.givenKana))] }),
      ("swapped order", { ["name": .text($0.given + " " + $0.family)] }),
      ("swapped, no space", { ["name": .text($0.given + $0.family)] }),
      ("kana and birth date", { ["name": .text($0.familyKana + $0.givenKana), "birth": .text($0.birth)] }),
      ("family name alone", { ["name": .text($0.family)] }),
    ]
    var all: [Double] = []
    var floors: [Double] = []
    var details: [String: Double] = [:]
    for (name, query) in kinds {
      var times: [Double] = []
      for _ in 0..<searches {
        let person = random.pick(known)
        let given = try endpoint.form.read(.object(query(person)), in: identity.federation)
        let inquiry = Inquiry(given: given, user: User("bench"), now: now, identity: identity)
        var answer: Seen!
        times.append(
          try seconds {
            answer = try replica.store.read { db in Result { try catalogue.read(endpoint, inquiry, db) } }.get()
          } * 1_000)
        let found = answer.answer["people"].list
        // Found, unless more people than are shown bear the name.
        let isThere = found.contains { $0["person"]["birth"].text == person.birth }
        guard isThere || found.count == 50 else { throw BenchFailure("\(name): \(person) was not found") }
        // Somebody else, whose pages the search has not just read.
        let other = random.pick(known)
        floors.append(
          try seconds {
            _ = try replica.store.read { db in
              try Row.fetchAll(
                db.cachedStatement(sql: "SELECT * FROM residents WHERE name_key = ? LIMIT 50"),
                arguments: [NameKey.of(other.family + other.given)])
            }
          } * 1_000)
      }
      times.sort()
      details["\(name), median ms"] = times[times.count / 2]
      details["\(name), 99 % ms"] = times[times.count * 99 / 100]
      all += times
    }
    all.sort()
    floors.sort()
    details["all, 99 % ms"] = all[all.count * 99 / 100]
    details["filling, rows/s"] = Double(options.rows) / (Double(filled.components.seconds) + 0.001)
    let ratio = all[all.count / 2] / floors[floors.count / 2]
    BenchResult(
      name: "search", ratio: ratio, ours: all[all.count / 2], floor: floors[floors.count / 2], unit: "ms",
      spread: [all.first! / floors[floors.count / 2], all[all.count * 99 / 100] / floors[floors.count / 2]],
      rows: options.rows,
      details: details
    ).show(options.json)
  }

  private static let variants: [Character: Character] = [
    "髙": "高", "高": "髙", "齋": "斉", "斉": "齊", "邊": "辺", "辺": "邉", "﨑": "崎", "々": "佐", "真": "眞", "恵": "惠",
  ]

  private static func variant(_ name: String) -> String { String(name.map { variants[$0] ?? $0 }) }

  private static func halfWidth(_ kana: String) -> String {
    kana.applyingTransform(.fullwidthToHalfwidth, reverse: false) ?? kana
  }
}
