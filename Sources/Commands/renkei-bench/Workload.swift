import Causality
import ChangeModel
import Federation
import Sodium

/// Evacuees registered at shelters by 23 wards' desks: eight fields; of the changes, 30 % touch one field of an
/// earlier row (four in five a row of the same desk). Seeded; two runs write the same.
struct Workload {
  static let evacuees = CollectionSchema(
    50, "evacuees", lane: .life, law: .open,
    fields: [
      FieldSchema(1, "ward", ja: "区", en: "ward"),
      FieldSchema(2, "shelter", ja: "避難所", en: "shelter"),
      FieldSchema(3, "name", ja: "氏名", en: "name"),
      FieldSchema(4, "kana", ja: "カナ", en: "kana"),
      FieldSchema(5, "birth_date", ja: "生年月日", en: "birth date"),
      FieldSchema(6, "status", ja: "状態", en: "status"),
      FieldSchema(7, "headcount", .register, .integer, ja: "人数", en: "headcount"),
      FieldSchema(8, "note", ja: "備考", en: "note"),
    ])

  static let writers = 23

  struct Change {
    var writer: Int
    var row: RowID
    var isNew: Bool
    var fields: [FieldEdit]
  }

  private var random: RandomNumbers
  private var counters = [UInt64](repeating: 0, count: writers)

  init(seed: UInt64) { random = RandomNumbers(seed: seed) }

  private static let surnames = [
    ("佐藤", "サトウ"), ("鈴木", "スズキ"), ("高橋", "タカハシ"), ("田中", "タナカ"), ("渡辺", "ワタナベ"), ("伊藤", "イトウ"),
    ("山本", "ヤマモト"), ("中村", "ナカムラ"), ("小林", "コバヤシ"), ("加藤", "カトウ"), ("吉田", "ヨシダ"), ("山田", "ヤマダ"),
    ("佐々木", "ササキ"), ("山口", "ヤマグチ"), ("松本", "マツモト"), ("井上", "イノウエ"), ("木村", "キムラ"), ("林", "ハヤシ"),
    ("斎藤", "サイトウ"), ("清水", "シミズ"), ("長谷川", "ハセガワ"), ("阿部", "アベ"), ("森", "モリ"), ("池田", "イケダ"),
  ]
  private static let givenNames = [
    ("花子", "ハナコ"), ("太郎", "タロウ"), ("陽菜", "ヒナ"), ("蓮", "レン"), ("結衣", "ユイ"), ("大翔", "ヒロト"), ("美咲", "ミサキ"),
    ("健一", "ケンイチ"), ("幸子", "サチコ"), ("和夫", "カズオ"), ("恵子", "ケイコ"), ("翔太", "ショウタ"), ("優子", "ユウコ"),
    ("誠", "マコト"), ("真由美", "マユミ"), ("浩二", "コウジ"), ("明美", "アケミ"), ("直樹", "ナオキ"), ("さくら", "サクラ"),
  ]
  private static let states = ["無事", "軽傷", "重傷", "要介護", "体調不良", "帰宅"]
  private static let notes = [
    "車椅子", "透析 週3回", "乳児あり ミルク必要", "アレルギー(卵・小麦)", "犬1匹", "常備薬 残り3日", "母と連絡取れず", "英語のみ",
    "杖歩行 手すり希望", "妊娠8か月", "認知症 付き添いあり", "眼鏡紛失", "自宅全壊", "帰宅困難 横浜市",
  ]

  /// One change by a writer.
  mutating func next(by writer: Int, author: AuthorNumber, authors: [AuthorNumber]) -> Change {
    if random.chance(0.3), let (row, owner) = earlierRow(writer, authors) {
      return Change(writer: owner, row: row, isNew: false, fields: [update()])
    }
    counters[writer] += 1
    let (surname, given) = (random.pick(Self.surnames), random.pick(Self.givenNames))
    let year = 1930 + random.below(95)
    let date = "\(year)-\(pad(1 + random.below(12)))-\(pad(1 + random.below(28)))"
    var fields = [
      FieldEdit(1, .set(.text(String(13101 + writer)))),
      FieldEdit(2, .set(.text("第\(1 + random.below(12))避難所"))),
      FieldEdit(3, .set(.text("\(surname.0) \(given.0)"))),
      FieldEdit(4, .set(.text("\(surname.1) \(given.1)"))),
      FieldEdit(5, .set(.text(date))),
      FieldEdit(6, .set(.text(random.pick(Self.states)))),
      FieldEdit(7, .set(.integer(Int64(1 + random.below(5))))),
    ]
    fields.append(FieldEdit(8, .set(random.chance(0.4) ? .text(random.pick(Self.notes)) : .text(""))))
    return Change(writer: writer, row: RowID(author: author, counter: counters[writer]), isNew: true, fields: fields)
  }

  private mutating func earlierRow(_ writer: Int, _ authors: [AuthorNumber]) -> (RowID, Int)? {
    let owner = random.chance(0.8) ? writer : random.below(Self.writers)
    guard counters[owner] > 0 else { return nil }
    return (RowID(author: authors[owner], counter: 1 + UInt64(random.below(Int(counters[owner])))), writer)
  }

  private mutating func update() -> FieldEdit {
    switch random.below(4) {
    case 0: FieldEdit(6, .set(.text(random.pick(Self.states))))
    case 1: FieldEdit(7, .set(.integer(Int64(1 + random.below(6)))))
    case 2: FieldEdit(2, .set(.text("第\(1 + random.below(12))避難所")))
    default: FieldEdit(8, .set(.text(random.pick(Self.notes))))
    }
  }

  private func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
}
