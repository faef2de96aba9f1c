import Foundation

/// One spelling for all spellings of a name or an address: what is looked up, never shown.
public enum NameKey {
  /// Characters of names that one family writes in several ways; what a clerk types, and what the register holds, differ.
  /// Each line is one character with its old forms, its variants and those that are often taken for it.
  private static let families = [
    "高髙", "崎﨑嵜碕", "斉斎齋齊齎", "辺邊邉", "浜濱濵", "沢澤", "広廣", "国國圀", "島嶋嶌", "桜櫻", "徳德",
    "真眞", "恵惠", "栄榮", "竜龍", "蔵藏", "条條", "寿壽", "実實", "総總", "豊豐", "吉𠮷", "万萬", "与與", "両兩",
    "乗乘", "亜亞", "仏佛", "会會", "伝傳", "児兒", "円圓", "剣劍劔剱", "勲勳", "励勵", "区區", "参參", "収收",
    "団團", "図圖", "塩鹽", "売賣", "変變", "奥奧", "学學", "宝寶", "寛寬", "対對", "将將", "尽盡", "岳嶽", "峰峯",
    "巌巖", "帰歸", "庁廳", "弥彌", "当當", "応應", "恒恆", "悦悅", "戸戶", "払拂", "抜拔", "拝拜", "挙擧", "揺搖",
    "数數", "斎齋", "断斷", "旧舊", "昼晝", "暁曉", "曽曾", "来來", "栃杤", "桑桒", "桧檜", "梅楳", "楽樂", "様樣",
    "横橫", "欧歐", "歩步", "歳歲", "残殘", "殻殼", "気氣", "沖冲", "涙淚", "浅淺", "済濟", "渋澁", "温溫", "湾灣",
    "滝瀧", "瀬瀨", "為爲", "犠犧", "献獻", "猟獵", "瑶瑤", "畑畠", "発發", "県縣", "礼禮", "禄祿", "秋龝", "稲稻",
    "穂穗", "穣穰", "窪漥", "窓窗", "粛肅", "絵繪", "経經", "緑綠", "縁緣", "縦縱", "繊纖", "聡聰", "芦蘆", "草艸",
    "荘莊", "蒋蔣", "薗園", "薫薰", "蛍螢", "衛衞", "覚覺", "観觀", "訳譯", "証證", "読讀", "讃讚", "賎賤", "賢贒",
    "軽輕", "郎郞", "鄕郷鄉", "酔醉", "釈釋", "鉄鐵銕", "鉱鑛", "鋳鑄", "錬鍊", "鎌鐮", "関關", "闘鬪", "陥陷",
    "険險", "隠隱", "雑雜", "霊靈", "静靜", "館舘", "駅驛", "駆驅", "験驗", "髪髮", "鶏鷄", "鶴寉", "鴎鷗", "麦麥",
    "黄黃", "黒黑", "黙默", "鼓皷", "斉齐", "土圡", "船舩", "富冨", "島嶹", "裏裡", "梁簗", "笹篠", "亀龜", "巻卷",
    "祢禰", "糸絲", "淵渕渊", "橋𣘺", "柳栁桺", "坂阪", "祇祗", "藤籐", "緒緖", "崎埼", "岡崗", "籠篭", "迩邇",
    "頼賴", "昂昻", "煕熙凞", "彦彥", "清淸", "青靑", "穏穩", "虎乕", "随隨", "亘亙", "恋戀", "芸藝", "余餘",
    "体體", "処處", "弁辨瓣辯",
  ]

  private static let folded: [Unicode.Scalar: Unicode.Scalar] = {
    var table: [Unicode.Scalar: Unicode.Scalar] = [:]
    for family in families {
      let scalars = Array(family.unicodeScalars)
      for scalar in scalars.dropFirst() where table[scalar] == nil && scalar != scalars[0] {
        table[scalar] = scalars[0]
      }
    }
    // 嵜 → 崎 → …: each leads to the end of its chain.
    for (from, to) in table {
      var end = to
      var steps = 0
      while let next = table[end], next != from, steps < 4 { (end, steps) = (next, steps + 1) }
      table[from] = end
    }
    return table
  }()

  /// Letters that are no letter with a mark: a stroke goes through them, or two became one.
  private static let latin: [Unicode.Scalar: String] = [
    "đ": "d", "ð": "d", "ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t",
    "ŋ": "n", "ə": "e", "ɖ": "d", "ơ": "o", "ư": "u",
  ]

  /// A Latin letter without its marks: Nguyễn is typed as Nguyen.
  private static func plain(_ scalar: Unicode.Scalar) -> String {
    let small = String(scalar).lowercased()
    guard (0xc0...0x2af).contains(scalar.value) || (0x1e00...0x1eff).contains(scalar.value) else { return small }
    let base = small.decomposedStringWithCanonicalMapping.unicodeScalars.filter { !(0x300...0x36f).contains($0.value) }
    return base.map { latin[$0] ?? String($0) }.joined()
  }

  /// ヴァ is said バ, and ヷ is ワ with marks; ゔ stands for all of them by now.
  private static let vKana: [(String, String)] = [
    ("ゔぁ", "ば"), ("ゔあ", "ば"), ("ゔぃ", "び"), ("ゔい", "び"), ("ゔぇ", "べ"), ("ゔえ", "べ"), ("ゔぉ", "ぼ"), ("ゔお", "ぼ"),
    ("ゔ", "ぶ"), ("ヷ", "ば"), ("ヸ", "び"), ("ヹ", "べ"), ("ヺ", "ぼ"),
  ]

  /// A voicing mark of its own, as some keyboards and programs write it, is put to the kana before it.
  private static func composed(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\u{309b}", "\u{ff9e}": scalars.append("\u{3099}")
      case "\u{309c}", "\u{ff9f}": scalars.append("\u{309a}")
      default: scalars.append(scalar)
      }
    }
    // Foundation leaves a half-width kana's mark beside it: it is put to it by the second step.
    return String(scalars).precomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
  }

  private static func voiced(_ kana: Unicode.Scalar) -> Unicode.Scalar {
    let marked = (String(kana) + "\u{3099}").precomposedStringWithCanonicalMapping.unicodeScalars
    return marked.count == 1 ? marked.first! : kana
  }

  private static let smallKana: [Unicode.Scalar: Unicode.Scalar] = [
    "ぁ": "あ", "ぃ": "い", "ぅ": "う", "ぇ": "え", "ぉ": "お", "っ": "つ", "ゃ": "や", "ゅ": "ゆ", "ょ": "よ", "ゎ": "わ",
    "ゕ": "か", "ゖ": "け", "ゐ": "い", "ゑ": "え", "を": "お", "ぢ": "じ", "づ": "ず",
  ]

  /// Half-width to full, katakana to hiragana, small kana to large, ヴ to ブ, long vowels gone, marks that repeat written out,
  /// variant characters to one, Latin letters without their marks, case and everything that is no letter gone.
  public static func of(_ text: String) -> String { withoutLongVowels(letters(text, repeats: true)) }

  /// The letters and numbers of a text, each as one character for its variants.
  ///
  /// - Parameter repeats: write marks that repeat a character out; without, they go: what is looked for in the middle of a name
  ///   begins with no character to repeat.
  static func letters(_ text: String, repeats: Bool) -> String.UnicodeScalarView {
    var hiragana = String.UnicodeScalarView()
    for scalar in composed(text).unicodeScalars {
      let isKatakana = (0x30a1...0x30f6).contains(scalar.value) || scalar == "ヽ" || scalar == "ヾ"
      hiragana.append(isKatakana ? Unicode.Scalar(scalar.value - 0x60)! : scalar)
    }
    var plain = String(hiragana)
    for (v, b) in vKana { plain = plain.replacingOccurrences(of: v, with: b) }
    var key = String.UnicodeScalarView()
    for scalar in plain.unicodeScalars {
      var folded = scalar
      // A variation selector chooses a shape of the character before it.
      if (0xfe00...0xfe0f).contains(folded.value) || (0xe0100...0xe01ef).contains(folded.value) { continue }
      if (0x300...0x36f).contains(folded.value) || folded == "ー" { continue }
      if ["々", "〻", "ゝ", "ゞ"].contains(folded) {
        guard repeats, let last = key.last else { continue }
        folded = folded == "ゞ" ? voiced(last) : last
      }
      folded = smallKana[folded] ?? Self.folded[folded] ?? folded
      guard folded.properties.isAlphabetic || folded.properties.numericType != nil else { continue }
      key.append(contentsOf: Self.plain(folded).unicodeScalars)
    }
    return key
  }

  /// A telephone number's key: its digits, as they are dialled here.
  public static func ofPhone(_ text: String) -> String {
    let plain = text.precomposedStringWithCompatibilityMapping
    let digits = plain.filter { $0.isASCII && $0.isNumber }
    return plain.contains("+81") && digits.hasPrefix("81")
      ? "0" + digits.dropFirst(2).drop { $0 == "0" } : digits
  }

  /// ゆうこ and ゆこ, おおの and おの are told apart by few who hear them: う after お or う, and a vowel said twice, go.
  static func withoutLongVowels(_ key: String.UnicodeScalarView) -> String {
    var result = String.UnicodeScalarView()
    for scalar in key {
      if let last = result.last, let vowel = vowels[last] {
        if scalar == "う", vowel == "う" || vowel == "お" { continue }
        if scalar == "お", vowel == "お" { continue }
      }
      result.append(scalar)
    }
    return String(result)
  }

  private static let vowels: [Unicode.Scalar: Unicode.Scalar] = {
    var table: [Unicode.Scalar: Unicode.Scalar] = [:]
    let rows: [(Unicode.Scalar, String)] = [
      ("う", "うくすつぬふむゆるぐずぶぷゔ"), ("お", "おこそとのほもよろごぞどぼぽ"),
    ]
    for (vowel, kana) in rows { for scalar in kana.unicodeScalars { table[scalar] = vowel } }
    return table
  }()

  /// An address's key: as above, with 丁目, 番地 and 号 as plain breaks between numbers.
  public static func ofAddress(_ text: String) -> String {
    var plain = text.precomposedStringWithCompatibilityMapping
    let digits = ["一": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9"]
    for (kanji, digit) in digits { plain = plain.replacingOccurrences(of: kanji + "丁目", with: digit + "丁目") }
    for word in ["東京都", "丁目", "番地の", "番地", "番", "号", "−", "‐", "–", "ー", "の"] {
      plain = plain.replacingOccurrences(of: word, with: word == "東京都" ? "" : "-")
    }
    var parts = plain.split { !($0.isLetter || $0.isNumber) }.map { of(String($0)) }
    parts.removeAll { $0.isEmpty }
    return parts.joined(separator: "-")
  }

  /// The keys under which a typed name may lie: as typed, and with the two parts the other way round. Without a space
  /// nobody knows where the parts meet, so every place is tried.
  public static func candidates(_ typed: String) -> [String] {
    let parts = typed.precomposedStringWithCompatibilityMapping.split {
      $0.isWhitespace || $0 == "・" || $0 == "," || $0 == "、"
    }
    if parts.count >= 2 {
      let forward = of(parts.joined())
      let back = of(parts.reversed().joined())
      return forward == back ? [forward] : [forward, back]
    }
    let whole = of(typed)
    let scalars = Array(whole)
    guard (2...16).contains(scalars.count) else { return [whole] }
    var keys = [whole]
    for place in 1..<scalars.count {
      let key = String(scalars[place...] + scalars[..<place])
      if !keys.contains(key) { keys.append(key) }
    }
    return keys
  }
}
