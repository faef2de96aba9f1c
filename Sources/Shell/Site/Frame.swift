import Desk
import Foundation

/// What is around every page: who works where, the menu, the language.
public struct Frame: Sendable {
  public var language: Language
  /// How somebody wants it to look, where not as the device says: `dark` or `light`; `large` or `huge`.
  public var theme: String?
  public var size: String?
  /// The language of the page itself, where it is neither of the two (BCP 47).
  public var tongue: String?
  /// The ward as people call it.
  public var ward: String
  public var isDrill: Bool
  public var user: String?
  /// The account of whoever works here, by its row.
  public var account: String?
  /// Sent back with every form.
  public var csrf: String?
  /// Of the page, for the language switch: path and query without the language.
  public var path: String
  /// What was done just now.
  public var notice: String?
  public var error: String?
  /// Not to be asked for again by itself: it answers what somebody sent, or looking at it is written down.
  public var isStill = false

  /// Of this page: a form that is sent twice with it is one entry.
  private let mark = UUID().uuidString
  /// When the page was made, in milliseconds since 1970: it stands on what is printed.
  private let now: Int64

  public init(language: Language, ward: String, isDrill: Bool, path: String, now: Int64) {
    self.now = now
    self.language = language
    self.ward = ward
    self.isDrill = isDrill
    self.path = path
  }

  /// The main pages: path, and what they are called.
  private static let menu: [(path: String, ja: String, en: String)] = [
    ("/", "状況", "Situation"), ("/shelters", "避難所", "Shelters"), ("/people", "安否・人", "People"),
    ("/goods", "物資", "Goods"), ("/conflicts", "要確認", "To check"), ("/network", "通信", "Network"),
    ("/menu", "メニュー", "Menu"),
  ]

  /// What has no place in the bar at a phone's foot: the menu leads there.
  private static let second: Set<String> = ["/conflicts", "/network"]

  /// Of the main pages those that a phone's menu has to lead to.
  public static func further(_ language: Language) -> [(path: String, label: String)] {
    menu.filter { second.contains($0.path) }.map { ($0.path, language.pick($0.ja, $0.en)) }
  }

  /// The main pages, by their paths.
  public static func pages(_ language: Language) -> [(href: String, label: String)] {
    menu.map { ($0.path, language.pick($0.ja, $0.en)) }
  }

  /// - Parameter active: the path of the main page that this one belongs to.
  public func render(_ template: String, title: String, active: String = "", _ values: [String: Any]) -> String {
    let pick = language.pick
    let separator = path.contains("?") ? "&" : "?"
    var page = values
    page["frame"] =
      [
        "theme": theme.map { [$0] } ?? [], "size": size.map { [$0] } ?? [],
        "lang": tongue ?? language.rawValue, "hasOther": tongue == nil, "otherLang": language.other.rawValue,
        "other": pick("English", "日本語"),
        "switch": "\(path)\(separator)lang=\(language.other.rawValue)", "title": title, "ward": ward,
        "isDrill": isDrill,
        "drill": pick("訓練", "DRILL"), "hasUser": user != nil, "user": user ?? "", "csrf": csrf ?? "", "mark": mark,
        "path": path,
        "account": account ?? "", "hasAccount": account != nil,
        "signOut": pick("サインアウト", "Sign out"), "skip": pick("本文へ", "Skip to the content"),
        "menuLabel": pick("メニュー", "Menu"), "isStill": isStill, "hasNotice": notice != nil, "notice": notice ?? "",
        "hasError": error != nil,
        "error": error ?? "", "live": pick("自動更新中", "Live"),
        "stale": pick(
          "圏外です。表示は古いままです", "Out of reach: what you see is not updated"),
        "print": pick("印刷する", "Print"), "printed": language.time(now),
        "unsent": pick("未送信", "Not sent"), "locked": pick("サインインすると送られます", "Sent when you have signed in"),
        "ended": pick("サインインが切れました。開き直してください", "Signed out: open the page again"),
        "done": pick("受け付けました", "Saved"), "look": pick("要確認", "to look at"),
        "unread": pick("身分証を読み取れません。手で入れてください", "The card cannot be read: type it in"),
        "kept": pick("この端末に保存しました(未送信):", "Kept on this device, not sent yet:"),
        "held": pick("送れず、未送信に残しました", "Refused, and kept among what is not sent"),
        "lost": pick(
          "保存も送信もできていません。この端末には残せません。紙に控えて、もう一度押してください:",
          "Neither kept nor sent: this device can keep nothing. Write it down, and press again:"),
        "unreached": pick(
          "圏外です。入力はこの画面に残っています。つながってから、もう一度押してください",
          "No contact with the node. What you entered is still here: press again when there is contact"),
        "strange": pick("区の機器ではないものが断ったか、入力が壊れています", "Refused by something that is not the node, or damaged"),
        "find": pick("探す", "Find"), "findWhat": pick("避難所・画面・人の名前", "A shelter, a page, a person's name"),
        "keys": pick(
          "/ 探す\n+ − 人数を増減する(避難所の窓口)\nn 次の人の名前へ\nEnter 受け付ける\n? このキーの一覧",
          "/ find\n+ − one more, one fewer (a shelter's desk)\nn the next person's name\nEnter check in\n? this list"),
        "keysLabel": pick("キーの一覧", "Keys"), "help": "/help" + (Help.page(for: path).map { "/\($0.rawValue)" } ?? ""),
        "helpLabel": pick("使い方", "Help"),
        "menu": user == nil
          ? []
          : Self.menu.map {
            [
              "path": $0.path, "label": pick($0.ja, $0.en), "isActive": $0.path == active,
              "isSecond": Self.second.contains($0.path),
            ] as [String: Any]
          },
      ].merging(Templates.frameAssets) { $1 } as [String: Any]
    return Templates.render(template, page)
  }
}
