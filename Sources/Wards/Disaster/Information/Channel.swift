import Desk
import Foundation

/// A way to tell residents, and what it can take. Its text is a function of the message alone; too long is refused, never cut.
enum Channel: String, Word {
  case site = "ウェブサイト"
  case urgentMail = "緊急速報メール"
  case mail = "登録メール"
  case posts = "SNS"
  case loudspeakers = "防災行政無線"
  case notice = "館内掲示"

  var code: String {
    switch self {
    case .site: "site"
    case .urgentMail: "urgent-mail"
    case .mail: "mail"
    case .posts: "posts"
    case .loudspeakers: "loudspeakers"
    case .notice: "notice"
    }
  }

  enum Rendering: Equatable {
    case said(String)
    case refused(Words)
  }

  /// 緊急速報メール (as one published gateway's code has it, 2014; not verified with today's carriers).
  private static let urgent = (title: 15, body: 200)
  /// One post.
  private static let post = 140
  /// Read aloud in a minute (ours).
  private static let spoken = 250

  /// - Parameter isDrill: what the federation's genesis says; nothing else marks a drill, and nothing unmarks it.
  func text(of message: RowValues, isDrill: Bool) -> Rendering {
    text(
      title: message[Broadcast.title] ?? "", summary: message[Broadcast.summary], body: message[Broadcast.body] ?? "",
      isDrill: isDrill)
  }

  func text(title: String, summary: String?, body: String, isDrill: Bool) -> Rendering {
    let mark = isDrill ? DrillMark.word : ""
    let title = mark + title
    switch self {
    case .site, .mail, .notice: return .said("\(title)\n\n\(body)")
    case .urgentMail:
      let short = summary ?? body
      guard title.count <= Self.urgent.title else { return Self.tooLong("件名", "title", title.count, Self.urgent.title) }
      guard !Self.holdsAddress(short) else {
        return .refused(Words("本文に URL やメールアドレスは入れられません", "no URL and no mail address may stand in it"))
      }
      guard short.count <= Self.urgent.body else { return Self.tooLong("本文", "text", short.count, Self.urgent.body) }
      return .said("\(title)\n\(short)")
    case .posts:
      let text = "\(title) \(summary ?? body)"
      guard text.count <= Self.post else { return Self.tooLong("文", "text", text.count, Self.post) }
      return .said(text)
    case .loudspeakers:
      let text = "\(title)。\(summary ?? body)"
      guard text.count <= Self.spoken else { return Self.tooLong("文", "text", text.count, Self.spoken) }
      return .said(text)
    }
  }

  private static func holdsAddress(_ text: String) -> Bool {
    let text = text.precomposedStringWithCompatibilityMapping.lowercased()
    return text.contains("http") || text.contains("www.") || text.contains("@")
  }

  private static func tooLong(_ ja: String, _ en: String, _ count: Int, _ limit: Int) -> Rendering {
    .refused(
      Words("\(ja)が \(count) 字です。\(limit) 字までにしてください", "the \(en) is \(count) characters long: \(limit) at most"))
  }
}
