import ChangeModel
import Desk
import Sodium

/// 開札の呼出の内容: every bid that the closings list, with all that its verdict needs, as one text. Shares name its hash; what anybody
/// writes afterwards into receipts, keys, suppliers or closings changes nothing.
struct CallText: Hashable, Sendable {
  enum Mark: String, Sendable {
    case admitted = "ok"
    /// 指名停止 at the call, by a ward that takes part.
    case suspended
    /// No ward that takes part registered the signing key.
    case unregistered
    /// 封筒未着: nobody has the envelope; left out by a decision.
    case missing
  }

  struct Line: Hashable, Sendable {
    var hash: String
    var lot: UInt16 = 0
    var number = "-"
    var key = "-"
    var ward = "-"
    var mark: Mark
  }

  var version: String
  /// Of each receiving ward: the hash of its list.
  var closings: String
  var lines: [Line]

  var admitted: String {
    lines.map { "\($0.hash) \($0.lot) \($0.number) \($0.key) \($0.ward) \($0.mark.rawValue)" }.joined(separator: "\n")
  }

  var hash: Digest {
    blake2b([UInt8]("renkei opening call 1\u{1f}\(version)\u{1f}\(closings)\u{1f}\(admitted)".utf8))
  }

  init(version: String, closings: String, lines: [Line]) {
    (self.version, self.closings, self.lines) = (version, closings, lines)
  }

  /// Nil unless the row holds the one form.
  init?(_ row: RowValues) {
    guard let version = row[Opening.Call.version], let closings = row[Opening.Call.closings] else { return nil }
    self.init(version: version, closings: closings, lines: [])
    let text = row[Opening.Call.admitted] ?? ""
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ").map(String.init)
      guard parts.count == 6, Closing.isHash(parts[0]), let lot = UInt16(parts[1]), let mark = Mark(rawValue: parts[5])
      else { return nil }
      lines.append(
        Line(hash: parts[0], lot: lot, number: parts[2], key: parts[3], ward: parts[4], mark: mark))
    }
    guard lines.count <= Receipt.mostBids, admitted == text, lines.map(\.hash) == Set(lines.map(\.hash)).sorted() else {
      return nil
    }
  }
}
