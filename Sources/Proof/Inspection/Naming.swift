import Causality
import ChangeModel
import Federation
import Foundation
import SignedLog
import Sodium

/// How authors, logs, rows and values are named in every report.
public struct Naming {
  public let papers: Papers
  public let schema: Schema

  public init(_ evidence: Evidence) {
    papers = evidence.papers
    schema = evidence.schema
  }

  public func ward(_ author: AuthorNumber) -> String? { papers.ward(of: author)?.name }

  /// `渋谷区 12.1.0`.
  public func author(_ author: AuthorNumber) -> String {
    ward(author).map { "\($0) \(author)" } ?? "\(author)"
  }

  public static func log(_ log: LogName) -> String { "\(log.lane.name) \(log.author)" }

  public func collection(_ number: UInt32) -> String { schema.collection(number)?.name ?? "#\(number)" }

  public func field(_ collection: UInt32, _ number: UInt32) -> String {
    schema.collection(collection)?.field(number)?.name ?? "#\(number)"
  }

  /// Those authors that are known here and that a text names.
  public func authors(named text: String, among known: some Sequence<AuthorNumber>) throws(InspectionError)
    -> Set<AuthorNumber>
  {
    let found = Set(known.filter { NodeReference.names(text, $0, of: papers.ward(of: $0)) })
    guard !found.isEmpty else { throw .unknownNode(text) }
    return found
  }
}

extension Value {
  /// For a person: text as it is, bytes by their first few.
  public var shown: String {
    switch self {
    case .null: "–"
    case .integer(let number): String(number)
    case .real(let number): String(number)
    case .text(let text): text
    case .bytes(let bytes):
      "x'\(Array(bytes.prefix(8)).hexadecimal)\(bytes.count > 8 ? "…'(\(bytes.count))" : "'")"
    }
  }
}

extension FieldOperation {
  /// A mark that says what is done, then the value: `=開設`, `+3`.
  public var shown: String {
    switch self {
    case .set(let value): "= \(value.shown)"
    case .increment(let amount): amount < 0 ? "\(amount)" : "+\(amount)"
    case .add(let value): "∪ \(value.shown)"
    case .remove(let value): "∖ \(value.shown)"
    case .append(let value): "⊕ \(value.shown)"
    case .receive(let amount): "receive \(amount)"
    case .spend(let amount): "spend \(amount)"
    case .handOver(let amount, let author): "hand over \(amount) → \(author)"
    case .takeOver(let amount, let author): "take over \(amount) ← \(author)"
    }
  }

  /// The operation's name in JSON.
  public var name: String {
    switch self {
    case .set: "set"
    case .increment: "increment"
    case .add: "add"
    case .remove: "remove"
    case .append: "append"
    case .receive: "receive"
    case .spend: "spend"
    case .handOver: "handOver"
    case .takeOver: "takeOver"
    }
  }

  var value: Value {
    switch self {
    case .set(let value), .add(let value), .remove(let value), .append(let value): value
    case .increment(let amount), .receive(let amount), .spend(let amount), .handOver(let amount, _),
      .takeOver(let amount, _):
      .integer(amount)
    }
  }
}

extension Digest {
  /// The first eight bytes, as reports show it.
  public var short: String { Array(bytes.prefix(8)).hexadecimal }
}
