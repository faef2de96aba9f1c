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
    "place": ("場所", "Place"), "source": ("情報源", "Source"), "card": ("カード", "Card"), "from": ("送る区", "From"),
    "to": ("次の状態", "To"), "who": ("できる人", "Who"), "requests": ("要望", "Requests"), "entries": ("件数", "Entries"),
    "hoursSince": ("発災から(時間)", "Hours since"), "inForce": ("有効", "In force"), "register": ("名簿", "Register"),
    "counter": ("数えた人数", "Counted"), "difference": ("差", "Difference"), "isFull": ("満員", "Full"),
    "room": ("あと入れる人数", "Room left"), "byGuideline": ("指針による定員", "By the guideline"),
    "byOldRule": ("旧基準による定員", "By the old rule"), "published": ("公表の定員", "Published"),
    "homeWards": ("住所地別", "By home ward"), "languages": ("言語別", "By language"), "toSettle": ("二重の疑い", "To settle"),
    "have": ("ある数", "There are"), "peopleEach": ("1基あたりの人数", "People to each"), "report": ("報告", "Report"),
    "disagreeing": ("違う報告", "Otherwise"), "reports": ("報告", "Reports"), "stays": ("入所記録", "Stays"),
    "safety": ("安否", "Safety"), "ownShare": ("このノードの持ち分", "This node's share"), "shares": ("持ち分", "Shares"),
    "text": ("内容", "Text"), "reasons": ("理由", "Why"), "score": ("一致の強さ", "Score"), "ids": ("住民ID", "IDs"),
    "rows": ("記録", "Records"), "links": ("判定", "Statements"), "answer": ("回答", "Answer"), "ground": ("根拠", "Ground"),
    "capacity": ("定員", "Capacity"), "toilets": ("トイレ", "Toilets"), "ages": ("年齢区分", "Ages"),
    "needs": ("配慮・必要な物", "Needs"), "neededNow": ("必要な数", "Needed"), "title": ("見出し・災害名", "Title"),
    "toldBy": ("入力者", "Told by"), "askedAt": ("受付日時", "Asked at"), "changedAt": ("変更日時", "Changed at"),
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
    times.formUnion(["at", "time", "observedAt"])
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
      // What somebody reported, in a line.
      if members["source"] != nil, case .text? = members["status"] {
        return ["status", "source", "observedAt", "place"].compactMap { name in
          members[name].map { self.text(name, $0, language, known: known) }
        }.filter { !$0.isEmpty }.joined(separator: " · ")
      }
      if let report = members["report"], members["status"] != nil {
        return self.text(name, report, language, known: known)
      }
      if case .text(let japanese)? = members["ja"], case .text(let english)? = members["en"] {
        return language.pick(japanese, english)
      }
      return members.sorted { $0.key < $1.key }.map { member in
        "\(label(member.key, language)): \(text(member.key, member.value, language, known: known))"
      }.joined(separator: language.pick("、", ", "))
    }
  }
}
