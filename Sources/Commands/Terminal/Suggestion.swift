/// What somebody may have meant by a word that there is not.
public enum Suggestion {
  /// The known word that is nearest, by how many letters differ (Levenshtein, 1966); nil when none is near.
  public static func nearest(to word: String, among known: [String]) -> String? {
    let ranked = known.map { ($0, distance(Array(word), Array($0))) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
    return ranked.flatMap { $0.1 <= max(1, word.count / 3) ? $0.0 : nil }
  }

  /// What is said of a first word that is no command; nil when it is one, or an option.
  public static func complaint(of words: [String], commands: [String]) -> String? {
    guard let word = words.first(where: { $0 != "help" }), !word.hasPrefix("-"), !commands.contains(word),
      word != "help"
    else { return nil }
    let meant = nearest(to: word, among: commands)
    return Language.pick(
      "\(word) という命令はありません\(meant.map { "。\($0) のことですか" } ?? "。--help で一覧")",
      "there is no command \(word)\(meant.map { ": did you mean \($0)?" } ?? "; --help lists them")")
  }

  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, left) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, right) in b.enumerated() {
        let cost = min(row[j + 1] + 1, row[j] + 1, diagonal + (left == right ? 0 : 1))
        (diagonal, row[j + 1]) = (row[j + 1], cost)
      }
    }
    return row[b.count]
  }
}
