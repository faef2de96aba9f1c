import Desk
import Foundation
import Hummingbird
import People
import Site

/// What a printed code of ours says.
enum ScannedCode {
  /// A delivery, by its allocation's number.
  case allocation(String)
  /// A family's card, by its first resident's ID.
  case family(String)

  private static let slip = "RENKEI:A:"

  /// What a delivery's slip says.
  static func slip(_ allocation: String) -> String { slip + allocation }

  init?(_ scanned: String) {
    let text = scanned.precomposedStringWithCompatibilityMapping.uppercased().filter { !$0.isWhitespace }
    if text.count > 12, Int64(text) != nil {
      // The number that stands on a slip, typed.
      self = .allocation(text)
    } else if text.hasPrefix(Self.slip), Int64(text.dropFirst(Self.slip.count)) != nil {
      self = .allocation(String(text.dropFirst(Self.slip.count)))
    } else if text.hasPrefix(FamilyCard.prefix),
      let first = text.dropFirst(FamilyCard.prefix.count).split(separator: ".").first
    {
      self = .family(String(first))
    } else if text.split(separator: "-").count == 3 {
      self = .family(text)
    } else {
      return nil
    }
  }
}

/// One field for every printed code: a scanner types into it, a tablet's camera reads for it, or a person types the number.
extension WebServer {
  func addScanPage(to router: Router<DeskContext>) {
    router.get("/scan") { request, context in
      var frame = frame(request, context)
      let pick = frame.language.pick
      let scanned = Self.query(request)["code"]?.first ?? ""
      switch ScannedCode(scanned) {
      case .allocation(let id):
        if let order = try? await ask("allocation", row: id, context)["request"].text {
          return Response.redirect(to: "/orders/\(order)#a\(id)")
        }
        frame.error = pick("この配送の情報はまだ届いていません: \(id)", "This node has not heard of this delivery yet: \(id)")
      case .family(let id):
        return Response.redirect(to: "/person/\(Self.escaped(id))")
      case nil where !scanned.isEmpty:
        frame.error = pick("連携の二次元コードや番号ではありません。もう一度読み取ってください", "Not a code of ours: scan again")
      case nil: break
      }
      return page(
        request,
        frame.render(
          "scan", title: pick("読み取り", "Scan"), active: "/menu",
          [
            "label": pick("送り状か家族カードの二次元コード、または番号", "The code of a delivery slip or a family's card, or its number"),
            "open": pick("開く", "Open"), "camera": pick("カメラで読み取る", "Read with the camera"),
            "noCamera": pick(
              "この端末ではカメラで読み取れません。読取機か番号の入力を使ってください。",
              "This device cannot read with its camera: use a scanner, or type the number."),
          ]))
    }
  }

  /// A code as a picture, black on white in every theme.
  func qr(_ text: String) -> [String: Any] {
    guard let code = QRCode(text) else { return ["side": 1, "path": "", "text": text] }
    return ["side": code.size + 8, "path": code.path, "text": text]
  }
}
