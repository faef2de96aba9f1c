import Desk

/// Two records side by side, so that a person sees at a glance in what they differ.
public struct PairTable: Sendable {
  private let labels: Labels
  private let language: Language
  private let known: [String: String]

  private static let hidden: Set<String> = [
    "id", "conflicts", "enteredBy", "movedFrom", "guarded", "disclosed", "doubles", "kind", "resident", "actions",
  ]
  private static let first = [
    "residentId", "name", "familyName", "givenName", "kana", "familyKana", "givenKana", "birth", "sex", "ageGroup",
    "address", "phone", "ward", "shelter", "arrivedAt",
  ]

  public init(_ labels: Labels, _ language: Language, known: [String: String]) {
    self.labels = labels
    self.language = language
    self.known = known
  }

  public func rows(_ left: JSON, _ right: JSON) -> [[String: Any]] {
    guard case .object(let one) = left, case .object(let other) = right else { return [] }
    func rank(_ name: String) -> (Int, String) { (Self.first.firstIndex(of: name) ?? Self.first.count, name) }
    let names = Set(one.keys).union(other.keys).filter { name in
      !Self.hidden.contains(name) && !(name.hasSuffix("Code") && one[String(name.dropLast(4))] != nil)
        && ![left[name], right[name]].allSatisfy { $0 == .null || $0 == .list([]) }
    }
    return names.sorted { rank($0) < rank($1) }.map { name in
      let texts = [left, right].map { labels.text(name, $0[name], language, known: known) }
      return [
        "label": labels.label(name, language), "left": texts[0], "right": texts[1], "isDifferent": texts[0] != texts[1],
        "mark": language.pick("違い", "differs"),
      ]
    }
  }
}
