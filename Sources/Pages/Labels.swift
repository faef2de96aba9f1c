import ChangeModel
import Desk

/// What the members of an answer are called and how they read: from the forms and the tables that they come from.
public struct Labels: Sendable {
  private var names: [String: (ja: String, en: String)] = [:]
  private var times: Set<String> = []
  private var codes: [String: String] = [:]

  /// Members that no form and no table names.
  private static let own: [String: (String, String)] = [
    "id": ("番号", "ID"), "conflicts": ("食い違い", "Conflicts"), "people": ("人数", "People"), "stock": ("在庫", "Stock"),
    "need": ("必要数", "Need"), "surplus": ("過不足", "Surplus"), "hoursUntilEmpty": ("あと何時間", "Hours left"),
    "state": ("状態", "State"), "day": ("日付", "Day"), "valid": ("有効", "Valid"), "residentId": ("住民ID", "Resident ID"),
    "amount": ("数量", "Amount"), "days": ("日数", "Days"), "endedAt": ("終了", "Ended"), "roles": ("役割", "Roles"),
    "user": ("利用者", "User"), "what": ("内容", "What"), "at": ("日時", "At"), "node": ("ノード", "Node"), "ward": ("区", "Ward"),
    "purpose": ("目的", "Purpose"), "minutes": ("分", "Minutes"), "phase": ("段階", "Phase"), "done": ("済み", "Done"),
    "task": ("やること", "Task"), "service": ("分野", "Service"), "item": ("品目", "Item"), "shelter": ("避難所", "Shelter"),
    "name": ("氏名・名称", "Name"), "kana": ("カナ", "Kana"), "status": ("状態", "Status"), "present": ("在所", "Present"),
    "time": ("日時", "At"), "action": ("操作", "Action"), "subject": ("対象の記録", "Record"),
  ]

  public init(_ endpoints: [Endpoint], _ collections: [CollectionSchema]) {
    for collection in collections {
      for field in collection.fields {
        let name = Column.field(field.name)
        if names[name] == nil { names[name] = (field.japanese, field.english) }
        if field.type == .integer, name.hasSuffix("At") || name == "until" || name == "expiresAt" { times.insert(name) }
      }
    }
    for field in endpoints.flatMap(\.form.fields) {
      names[field.name] = (field.japanese, field.english)
      if field.shape == .time { times.insert(field.name) }
      if case .choice(let list) = field.shape { for choice in list { codes[choice.word] = choice.code } }
      if case .list(.choice(let list), _) = field.shape { for choice in list { codes[choice.word] = choice.code } }
    }
    for (name, label) in Self.own { names[name] = label }
    times.formUnion(["at", "time"])
  }

  public func label(_ name: String, _ language: Language) -> String {
    names[name].map { language.pick($0.ja, $0.en) } ?? name
  }

  /// A value as text, in one line.
  ///
  /// - Parameter known: names of rows, by id: a shelter's, an item's.
  public func text(_ name: String, _ value: JSON, _ language: Language, known: [String: String] = [:]) -> String {
    switch value {
    case .null: return ""
    case .flag(let flag): return flag ? language.pick("はい", "yes") : language.pick("いいえ", "no")
    case .integer(let number):
      return times.contains(name) && number > 1_000_000_000_000 ? language.time(number) : language.number(number)
    case .real(let number):
      return number == number.rounded() && abs(number) < 1e15 ? language.number(Int64(number)) : "\(number)"
    case .text(let text):
      if let name = known[text] { return name }
      if name == "action", Titles.endpoints.contains(text) { return Titles.title(text, language) }
      return language == .english ? codes[text] ?? text : text
    case .list(let list):
      return list.map { self.text(name, $0, language, known: known) }.joined(separator: language.pick("、", ", "))
    case .object(let members):
      if case .text(let japanese)? = members["ja"], case .text(let english)? = members["en"] {
        return language.pick(japanese, english)
      }
      return members.sorted { $0.key < $1.key }.map { member in
        "\(label(member.key, language)): \(text(member.key, member.value, language, known: known))"
      }.joined(separator: language.pick("、", ", "))
    }
  }
}
