import Desk
import Foundation
import Hummingbird
import Mustache
import NodeService
import Shelters

/// The first page: this node, its links, the shelters. It works without script; with it, it refreshes itself.
extension WebServer {
  /// How many shelters one page shows.
  private static let pageRows = 200

  private static let template: MustacheTemplate = {
    MustacheContentTypes.register(HTMLText(), named: HTMLText.name)
    return try! MustacheTemplate(string: "{{% CONTENT_TYPE:\(HTMLText.name)}}\n" + Assets.statusPage)
  }()

  func statusPage(_ request: Request, _ user: User) async throws -> Response {
    let query = request.uri.queryParameters
    let english = query["lang"] == "en"
    var filter = ShelterFilter()
    filter.limit = Self.pageRows
    filter.ward = query["ward"].map { String($0) }.flatMap { $0.isEmpty ? nil : $0 }
    filter.text = query["q"].map { String($0) }.flatMap { $0.isEmpty ? nil : $0 }
    filter.after = query["after"].flatMap { Int64($0) }
    let asked = filter
    let status = try await core.status(withDigest: false, running: true)
    let (shelters, totals) = try await core.reader.read { db in
      let totals = try ShelterQueries.totals(db)
      return (
        try ShelterQueries.list(asked, db),
        totals.map { [$0.ward, String($0.shelters), String($0.open), String($0.people)] }
      )
    }
    let words = english ? Words.english : Words.japanese
    let page: [String: Any] = [
      "lang": english ? "en" : "ja",
      "other": english ? "?lang=ja" : "?lang=en",
      "words": words,
      "user": user.name,
      "title": english ? "\(wardLabel(status.ward, english)) · Renkei" : "\(status.wardName) · 連携",
      "ward": wardLabel(status.ward, english),
      "drill": status.drill,
      "changeSets": grouped(status.lanes.reduce(0) { $0 + $1.changeSets }),
      "waiting": grouped(status.lanes.reduce(0) { $0 + $1.waiting }),
      "conflicts": grouped(status.conflicts),
      "hasConflicts": status.conflicts > 0,
      "links": status.peers.map { link($0, words, english) },
      "hasLinks": !status.peers.isEmpty,
      "totals": totals.map { total(ward: $0[0], figures: Array($0.dropFirst()), english) },
      "shelters": shelters.map { shelter($0, words, english) },
      "hasShelters": !shelters.isEmpty,
      "q": asked.text ?? "",
      "wards": wardChoices(asked.ward, totals.map { $0[0] }, english),
      "next": shelters.count == asked.limit ? nextPage(asked, shelters.last!.id, english) : "",
      "hasNext": shelters.count == asked.limit,
    ]
    return text(Self.template.render(page), type: "text/html; charset=utf-8")
  }

  // MARK: Parts

  private func wardLabel(_ code: String, _ english: Bool) -> String {
    guard let ward = topology.ward(code) else { return code }
    return english ? "\(ward.romaji) City" : ward.name
  }

  private func grouped(_ number: Int) -> String {
    String(String(number).reversed().enumerated().flatMap { $0 > 0 && $0 % 3 == 0 ? [",", $1] : [$1] }.reversed())
  }

  private func link(_ peer: StatusReport.Peer, _ words: [String: String], _ english: Bool) -> [String: Any] {
    let heard: String
    if let last = peer.lastHeard {
      heard = Self.age(milliseconds: max(0, Int64(Date().timeIntervalSince1970 * 1_000) - last), english)
    } else {
      heard = words["never"]!
    }
    return [
      "ward": wardLabel(peer.ward, english), "state": peer.state, "stateLabel": words["link-\(peer.state)"]!,
      "heard": heard, "lacks": peer.lacks.map { grouped($0) } ?? "–",
    ]
  }

  private static func age(milliseconds: Int64, _ english: Bool) -> String {
    let seconds = milliseconds / 1_000
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60)
    if hours > 0 { return english ? "\(hours) h \(minutes) min ago" : "\(hours) 時間 \(minutes) 分前" }
    if minutes > 0 { return english ? "\(minutes) min ago" : "\(minutes) 分前" }
    return english ? "\(seconds) s ago" : "\(seconds) 秒前"
  }

  private func total(ward: String, figures: [String], _ english: Bool) -> [String: Any] {
    let numbers = figures.map { Int($0).map(grouped) ?? $0 }
    return ["ward": wardLabel(ward, english), "shelters": numbers[0], "open": numbers[1], "people": numbers[2]]
  }

  private func shelter(_ shelter: ShelterView, _ words: [String: String], _ english: Bool) -> [String: Any] {
    let status = shelter.statusCode.flatMap { words["status-\($0)"] } ?? shelter.status ?? ""
    let crowding = shelter.crowdingCode.flatMap { words["crowding-\($0)"] } ?? shelter.crowding ?? ""
    return [
      "name": shelter.name ?? words["unnamed"]!, "ward": wardLabel(shelter.ward ?? "", english),
      "address": shelter.address ?? "", "status": status, "statusCode": shelter.statusCode ?? "unknown",
      "crowding": crowding, "people": grouped(shelter.occupancy),
      "capacity": shelter.capacity.map { grouped($0) } ?? "–", "needs": shelter.needs.joined(separator: "、"),
      "conflict": !shelter.conflicts.isEmpty, "id": shelter.id,
    ]
  }

  private func wardChoices(_ chosen: String?, _ present: [String], _ english: Bool) -> [[String: Any]] {
    present.map { ["code": $0, "label": wardLabel($0, english), "selected": $0 == chosen] }
  }

  private func nextPage(_ filter: ShelterFilter, _ last: String, _ english: Bool) -> String {
    var parts = ["after=\(last)", "lang=\(english ? "en" : "ja")"]
    let allowed = CharacterSet.alphanumerics
    if let ward = filter.ward?.addingPercentEncoding(withAllowedCharacters: allowed) { parts.append("ward=\(ward)") }
    if let text = filter.text?.addingPercentEncoding(withAllowedCharacters: allowed) { parts.append("q=\(text)") }
    return "?" + parts.joined(separator: "&")
  }
}

/// The page's words, in both languages.
enum Words {
  static let japanese = [
    "node": "このノード", "changeSets": "変更記録", "waiting": "待機中", "conflicts": "食い違い", "links": "通信",
    "peer": "相手", "state": "状態", "heard": "最後の受信", "lacks": "相手の未受信", "noLinks": "他の区のノードはまだ知られていません。",
    "shelters": "避難所", "name": "名称", "ward": "区", "address": "所在地", "status": "開設", "crowding": "混雑", "people": "避難者",
    "capacity": "定員", "needs": "必要な物", "search": "名称・住所で探す", "all": "すべての区", "show": "表示", "none": "避難所がありません。",
    "other": "English", "next": "次へ", "drill": "訓練", "never": "なし", "unnamed": "(名称なし)", "open": "開設中",
    "conflictMark": "食い違いあり", "live": "自動更新中", "stale": "更新が止まっています", "summary": "区ごとの状況", "signOut": "サインアウト",
    "link-up": "接続", "link-down": "切断", "link-cut": "訓練で遮断", "link-banned": "拒否中",
    "status-notopen": "未開設", "status-open": "開設", "status-close": "閉鎖", "status-permanent": "常設",
    "status-unknown": "不明",
    "status-other": "その他", "crowding-free": "空き", "crowding-congestion": "混雑", "crowding-full": "定員一杯",
    "crowding-unknown": "不明",
  ]
  static let english = [
    "node": "This node", "changeSets": "Change sets", "waiting": "Waiting", "conflicts": "Conflicts", "links": "Links",
    "peer": "Peer", "state": "State", "heard": "Last heard", "lacks": "Peer lacks",
    "noLinks": "No other ward's node is known yet.",
    "shelters": "Shelters", "name": "Name", "ward": "Ward", "address": "Address", "status": "Status",
    "crowding": "Crowding",
    "people": "People", "capacity": "Capacity", "needs": "Needs", "search": "Name or address", "all": "All wards",
    "show": "Show",
    "none": "There are no shelters.", "other": "日本語", "next": "Next", "drill": "Drill", "never": "never",
    "unnamed": "(no name)", "open": "Open", "conflictMark": "in conflict", "live": "Live",
    "stale": "No longer updating",
    "summary": "By ward", "signOut": "Sign out", "link-up": "up", "link-down": "down", "link-cut": "cut for a drill",
    "link-banned": "banned for now",
    "status-notopen": "not open", "status-open": "open", "status-close": "closed", "status-permanent": "permanent",
    "status-unknown": "unknown", "status-other": "other", "crowding-free": "space", "crowding-congestion": "crowded",
    "crowding-full": "full", "crowding-unknown": "unknown",
  ]
}
