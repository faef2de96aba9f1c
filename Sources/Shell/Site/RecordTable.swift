import Desk

/// Any answer of the services as a table: a list of records, or one record's members.
public struct RecordTable: Sendable {
  private let labels: Labels
  private let language: Language
  /// Names of rows, by id.
  private let known: [String: String]

  public init(_ labels: Labels, _ language: Language, known: [String: String]) {
    self.labels = labels
    self.language = language
    self.known = known
  }

  /// Columns that lead: what a person looks for first.
  private static let first = [
    "name", "familyName", "givenName", "kana", "familyKana", "givenKana", "residentId", "birth", "title", "login",
    "label", "item", "shelter", "ward", "status", "state", "amount", "people", "priority",
  ]
  /// Members that are for programs.
  private static let hidden: Set<String> = [
    "id", "nameKey", "kanaKey", "addressKey", "book", "version", "next", "whoJa", "rows", "score", "actions",
  ]
  /// Records that one page shows.
  public static let limit = 500

  /// The lists of an answer, each with its columns and rows; what stands beside them, as a table of members.
  ///
  /// - Parameter actions: what can be done with a record, by its id.
  public func sections(_ answer: JSON, actions: (JSON) -> [[String: Any]]) -> [[String: Any]] {
    guard case .object(let all) = answer else { return [list("", answer, actions)] }
    let members = readable(all)
    let lists = members.filter { if case .list(let items) = $0.value { Self.isRecords(items) } else { false } }
    var sections = lists.sorted { $0.key < $1.key }.map { name, value in
      list(lists.count > 1 ? labels.label(name, language) : "", value, actions)
    }
    let plain = members.filter {
      lists[$0.key] == nil && !Self.hidden.contains($0.key) && $0.value != .null && $0.value != .list([])
    }
    if !plain.isEmpty {
      let order = plain.sorted { rank($0.key) < rank($1.key) }
      sections.insert(
        [
          "isMembers": true, "heading": "",
          "members": order.map { name, value in
            [
              "label": labels.label(name, language), "value": labels.text(name, value, language, known: known),
              "isBadge": name == "conflicts",
            ]
          },
          "actions": actions(answer), "hasActions": !actions(answer).isEmpty,
        ], at: 0)
    }
    return sections
  }

  private static func isRecords(_ items: [JSON]) -> Bool {
    items.isEmpty || items.contains { if case .object = $0 { true } else { false } }
  }

  /// Without what stands there for programs: a word's code beside the word, the other language's text.
  private func readable(_ members: [String: JSON]) -> [String: JSON] {
    var members = members.filter { name, _ in
      !(name.hasSuffix("Code") && members[String(name.dropLast(4))] != nil)
    }
    if let japanese = members["ja"], let english = members["en"] {
      members["ja"] = nil
      members["en"] = nil
      members["what"] = language == .japanese ? japanese : english
    }
    return members
  }

  private func rank(_ name: String) -> (Int, String) { (Self.first.firstIndex(of: name) ?? Self.first.count, name) }

  private func list(_ heading: String, _ value: JSON, _ actions: (JSON) -> [[String: Any]]) -> [String: Any] {
    let records = value.list.prefix(Self.limit).map { record -> JSON in
      if case .object(let members) = record { .object(readable(members)) } else { record }
    }
    var names: Set<String> = []
    for case .object(let members) in records {
      for (name, value) in members where value != .null && value != .list([]) && !Self.hidden.contains(name) {
        names.insert(name)
      }
    }
    // Where all records lie is the page's own subject.
    for name in ["shelter", "ward"] where records.count > 1 && Set(records.map { $0[name] }).count == 1 {
      names.remove(name)
    }
    let columns = names.sorted { rank($0) < rank($1) }
    let rows = records.map { record -> [String: Any] in
      let cells = columns.map { name -> [String: Any] in
        let value = record[name]
        let isNumber: Bool
        switch value {
        case .integer, .real: isNumber = true
        default: isNumber = false
        }
        if name == "conflicts", !value.list.isEmpty {
          return ["isBadge": true, "text": language.pick("要確認", "to check"), "isNumber": false, "isShort": true]
        }
        let text = labels.text(name, value, language, known: known)
        return ["text": text, "isBadge": false, "isNumber": isNumber, "isShort": !isNumber && text.count <= 16]
      }
      let offered = actions(record)
      return ["cells": cells, "actions": offered, "hasActions": !offered.isEmpty]
    }
    let isCut = value.list.count > Self.limit
    return [
      "isList": true, "heading": heading, "hasHeading": !heading.isEmpty,
      "columns": columns.map { ["label": labels.label($0, language)] }, "rows": rows, "isEmpty": rows.isEmpty,
      "hasActions": rows.contains { $0["hasActions"] as? Bool == true }, "isCut": isCut,
      "cut": language.pick(
        "\(language.number(Int64(value.list.count))) 件のうち \(Self.limit) 件。条件で絞ってください",
        "\(Self.limit) of \(language.number(Int64(value.list.count))): narrow it down"),
    ]
  }
}
