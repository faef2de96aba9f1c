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

  private static let smallKana: [Unicode.Scalar: Unicode.Scalar] = [
    "ぁ": "あ", "ぃ": "い", "ぅ": "う", "ぇ": "え", "ぉ": "お", "っ": "つ", "ゃ": "や", "ゅ": "ゆ", "ょ": "よ", "ゎ": "わ",
    "ゕ": "か", "ゖ": "け", "ゐ": "い", "ゑ": "え", "を": "お", "ぢ": "じ", "づ": "ず",
  ]

  /// Half-width to full, katakana to hiragana, small kana to large, long vowels gone, variant characters to one, case and
  /// everything that is no letter gone.
  public static func of(_ text: String) -> String {
    var key = String.UnicodeScalarView()
    for scalar in letters(text) {
      if scalar != "々" { key.append(scalar) } else if let last = key.last { key.append(last) }
    }
    return withoutLongVowels(key)
  }

  /// The letters and numbers of a text, each as one character for its variants: what needs no character beside it to be known.
  static func letters(_ text: String) -> String.UnicodeScalarView {
    var key = String.UnicodeScalarView()
    // Foundation leaves a half-width voicing mark beside its kana: it is put to it by the second step.
    let plain = text.precomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
    for scalar in plain.unicodeScalars {
      var folded = scalar
      if (0x30a1...0x30f6).contains(scalar.value) { folded = Unicode.Scalar(scalar.value - 0x60)! }
      // A variation selector chooses a shape of the character before it.
      if (0xfe00...0xfe0f).contains(folded.value) || (0xe0100...0xe01ef).contains(folded.value) { continue }
      if folded == "ー" { continue }
      folded = smallKana[folded] ?? Self.folded[folded] ?? folded
      guard folded.properties.isAlphabetic || folded.properties.numericType != nil else { continue }
      key.append(contentsOf: String(folded).lowercased().unicodeScalars)
    }
    return key
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
