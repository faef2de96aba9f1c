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

  /// Columns that lead where nothing is declared: what a person looks for first.
  private static let first = [
    "name", "familyName", "givenName", "kana", "familyKana", "givenKana", "residentId", "birth", "title", "login",
    "label", "item", "shelter", "ward", "status", "state", "amount", "people", "priority",
  ]
  /// Members that are for programs.
  private static let hidden: Set<String> = [
    "id", "nameKey", "kanaKey", "addressKey", "book", "version", "next", "whoJa", "rows", "score", "actions", "known",
  ]
  /// Of what can be done with a record so much stands there at once; the rest is behind a press.
  private static let shownActions = 1
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
      within(name).list(lists.count > 1 ? labels.label(name, language) : "", value, actions)
    }
    // What has parts of its own is a part of the page; counts of words are a line.
    let parts = members.filter { if case .object(let within) = $0.value { Self.isPart(within) } else { false } }
    for (name, value) in parts.sorted(by: { $0.key < $1.key }) {
      sections += within(name).sections(value) { _ in [] }.map {
        $0.merging(["heading": labels.label(name, language), "hasHeading": true]) { $1 }
      }
    }
    let plain = members.filter {
      lists[$0.key] == nil && parts[$0.key] == nil && !Self.hidden.contains($0.key) && $0.value != .null
        && $0.value != .list([]) && $0.value != .object([:])
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

  private func within(_ name: String) -> RecordTable { RecordTable(labels.within(name), language, known: known) }

  /// A record within a record: it says more than one thing that is no number of something.
  private static func isPart(_ members: [String: JSON]) -> Bool {
    members.count > 2 && members["ja"] == nil && members["status"] == nil
      && members.keys.allSatisfy { $0.utf8.allSatisfy { $0 < 128 } }
      && !members.keys.allSatisfy { $0.allSatisfy(\.isNumber) }
  }

  /// Whether anybody sees anything of a text.
  public static func isSeen(_ text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
      !scalar.properties.isWhitespace && !scalar.properties.isDefaultIgnorableCodePoint
        && scalar.properties.generalCategory != .control
    }
  }

  private func isNumber(_ value: JSON, _ name: String) -> Bool {
    switch value {
    case .integer, .real: !labels.isTime(name)
    default: false
    }
  }

  private static func isRecords(_ items: [JSON]) -> Bool {
    items.isEmpty || items.contains { if case .object = $0 { true } else { false } }
  }

  /// Without what stands there for programs: a word's code beside the word, the other language's text.
  private func readable(_ members: [String: JSON]) -> [String: JSON] {
    var members = members.filter { name, _ in
      !(name.hasSuffix("Code") && members[String(name.dropLast(4))] != nil)
    }
    // A text in the other language stands beside its own: `figure`, `figureEn`.
    for (name, text) in members where name.hasSuffix("En") && members[String(name.dropLast(2))] != nil {
      if language == .english { members[String(name.dropLast(2))] = text }
      members[name] = nil
    }
    if let japanese = members["ja"], let english = members["en"] {
      members["ja"] = nil
      members["en"] = nil
      members["what"] = language == .japanese ? japanese : english
    }
    return members
  }

  private func rank(_ name: String) -> (Int, String) {
    let order = labels.order.isEmpty ? Self.first : labels.order
    return (order.firstIndex(of: name) ?? order.count, name)
  }

  /// What a record is called, by its title's fields; nil where that cannot be read.
  private func called(_ record: JSON) -> String? {
    let parts = labels.title.map { name in
      let text = labels.text(name, record[name], language, known: known)
      // A row of which nobody knows what it is called has but a number, which says nothing.
      return labels.target(of: name) != nil && Int64(text) != nil ? "" : text
    }.filter { Self.isSeen($0) }
    return parts.isEmpty ? nil : parts.joined(separator: " ")
  }

  private func list(_ heading: String, _ value: JSON, _ actions: (JSON) -> [[String: Any]]) -> [String: Any] {
    let records = value.list.prefix(Self.limit).map { record -> JSON in
      guard case .object(let members) = record else { return record }
      var seen = readable(members)
      seen["stateCode"] = members["stateCode"]
      return .object(seen)
    }
    var names: Set<String> = []
    for case .object(let members) in records {
      for (name, value) in members
      where value != .null && value != .list([]) && !Self.hidden.contains(name) && name != "stateCode" {
        names.insert(name)
      }
    }
    // Where all records lie is the page's own subject.
    for name in ["shelter", "ward"] where records.count > 1 && Set(records.map { $0[name] }).count == 1 {
      names.remove(name)
    }
    // A record is called by its title, in a column of its own, where the list is of declared records.
    let isTitled = !labels.title.isEmpty && records.contains { called($0) != nil }
    if isTitled { names.subtract(labels.title) }
    names.subtract(labels.aside)
    // Who wrote it last, the record's own page says.
    if isTitled { names.subtract(["updatedAt", "updatedBy"]) }
    let columns = (isTitled ? [""] : []) + names.sorted { rank($0) < rank($1) }
    let rows = records.map { row($0, columns, actions($0)) }
    let numeric = columns.map { name in records.contains { isNumber($0[name], name) } }
    let isCut = value.list.count > Self.limit
    return [
      "isList": true, "heading": heading, "hasHeading": !heading.isEmpty,
      "first": zip(columns, numeric).prefix(1).map {
        ["label": $0.isEmpty ? labels.subject.text(in: language) : labels.label($0, language), "isNumber": $1]
          as [String: Any]
      },
      "columns": zip(columns, numeric).dropFirst().map {
        ["label": labels.label($0, language), "isNumber": $1] as [String: Any]
      },
      "rows": rows, "isEmpty": rows.isEmpty,
      "hasActions": rows.contains { $0["hasActions"] as? Bool == true }, "isCut": isCut,
      "cut": language.pick(
        "\(language.number(Int64(value.list.count))) 件のうち \(Self.limit) 件。条件で絞ってください",
        "\(Self.limit) of \(language.number(Int64(value.list.count))): narrow it down"),
    ]
  }
  private func cell(_ name: String, of record: JSON) -> [String: Any] {
    var cell: [String: Any] = ["isBadge": false, "label": "", "isNumber": false, "isShort": false, "isState": false]
    let value = record[name]
    switch name {
    case "": cell["text"] = called(record) ?? ""
    case "conflicts" where !value.list.isEmpty:
      cell.merge(["isBadge": true, "text": language.pick("要確認", "to check"), "isShort": true]) { $1 }
    default:
      let (text, isNumber) = (labels.text(name, value, language, known: known), isNumber(value, name))
      let tone = name == "state" ? record["stateCode"].text.flatMap { labels.tones[$0] } : nil
      cell.merge([
        "text": text, "label": labels.label(name, language), "isNumber": isNumber,
        "isShort": !isNumber && text.count <= 16, "isState": tone != nil, "style": tone ?? "",
      ]) { $1 }
    }
    return cell
  }

  private func row(_ record: JSON, _ columns: [String], _ actions: [[String: Any]]) -> [String: Any] {
    let cells = columns.map { cell($0, of: record) }
    // The record itself opens by its name.
    let page = actions.first { $0["isPage"] as? Bool == true }?["href"]
    let offered = actions.filter { $0["isPage"] == nil }
    return [
      "name": cells.prefix(1).map { cell in
        // A name that shows nothing is none, and has to be pressed all the same.
        let text = (cell["text"] as? String) ?? ""
        let shown = Self.isSeen(text) ? text : language.pick("(名称なし)", "(no name)")
        return cell.merging(["href": page ?? "", "hasPage": page != nil, "text": page == nil ? text : shown]) { $1 }
      },
      "cells": Array(cells.dropFirst()), "actions": Array(offered.prefix(Self.shownActions)),
      "hasActions": !offered.isEmpty, "more": Array(offered.dropFirst(Self.shownActions)),
      "hasMore": offered.count > Self.shownActions,
    ]
  }
}
