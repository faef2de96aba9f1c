/// What was done, from what is to be done: `開設する` → `開設しました`. Notices are in the past tense (the pages' rule for words).
enum PastTense {
  /// Verbs in る after a character that does not say how they are bent: these as 出る, any other as 送る.
  private static let oneStep: Set<Character> = ["出", "見", "着", "寝", "得"]
  private static let endings: [(String, String)] = [
    ("しない", "しませんでした"), ("する", "しました"), ("す", "しました"), ("む", "みました"), ("ぶ", "びました"), ("く", "きました"), ("ぐ", "ぎました"),
    ("う", "いました"), ("つ", "ちました"),
  ]

  /// - Returns: nil for what is no single act: two verbs side by side, a noun.
  static func of(_ words: String) -> String? {
    guard !words.contains("("),
      words.split(separator: "・").dropLast().allSatisfy({ !$0.hasSuffix("る") && !$0.hasSuffix("す") })
    else { return nil }
    if let (now, past) = endings.first(where: { words.hasSuffix($0.0) }) { return words.dropLast(now.count) + past }
    guard words.hasSuffix("る"), let before = words.dropLast().last else { return nil }
    let isOneStep = "えけせてねへめれげぜでべぺいきしちにひみりぎじびぴ".contains(before) || oneStep.contains(before)
    return words.dropLast() + (isOneStep ? "ました" : "りました")
  }
}

extension Words {
  /// As a notice says it once it is done.
  public var done: Words { Words(PastTense.of(ja) ?? "保存しました(\(ja))", "Done: \(en)") }
}
