import Causality
import ChangeModel
import Desk
import Foundation
import Goods
import Hummingbird
import People
import Places
import Site

/// The desk of one shelter: reception, goods, the daily report, with or without the node in reach. All of it is one page, so
/// that a tablet that keeps the page keeps the desk.
extension WebServer {
  /// What a family tells first: of each person, and of all of them.
  private static let (ofPerson, ofFamily) = (
    ["familyName", "name", "familyKana", "kana", "birth", "sex", "needs"], ["homeWard", "address", "phone"]
  )
  private static let further = ["party", "resident", "ageGroup", "allergies", "language", "pets", "note", "guarded"]

  /// As one asks for it at a desk, where one form calls it otherwise.
  private static let deskLabels: [String: Words] = [
    "name": Words("名(氏名でも可)", "Given name"), "kana": Words("カナ(名)", "Kana of the given name"),
    "birth": Words("年齢か生年月日", "Age or date of birth"), "needs": Words("配慮が必要なこと", "Needs"),
  ]

  func shelterDesk(_ request: Request, _ context: DeskContext) async throws -> Response {
    guard let text = context.parameters.get("id"), let id = Int64(text) else { throw APIError.notFound("id") }
    let answer = try await ask("shelter", row: text, context)
    let home = core.identity.ward.code
    let (found, count) = try await core.reader.read { db in
      (
        try RowValues.fetch(RowID(rawValue: id), Shelter.records, db),
        try HeadCount.of(RowID(rawValue: id), ward: home, db)
      )
    }
    guard let shelter = found else { throw APIError.notFound("id") }
    let row = "\(shelter.id)"
    let ward = shelter[Shelter.ward] ?? ""
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let isOwn = ward == home
    let isOpen = Shelters.isOpen(shelter)
    let mayWork = isOwn && isAllowed("checkIn", context) && (context.user.shelter.map { $0.rawValue == id } ?? true)
    let all = try await options(language, context)
    let names = known(all)
    let stock = try await tryAsk("lots", ["shelter": row], context)?["lots"].list ?? []
    let orders = try await tryAsk("requests", ["shelter": row, "show": "すべて"], context)?["requests"].list ?? []
    let heard = try await ages()[ward]
    let name = ShelterWords.name(shelter, language)
    var values: [String: Any] = [
      "w": deskWords(language), "id": row, "name": name, "code": shelter[Shelter.status]?.code ?? "unknown",
      "status": ShelterWords.status(shelter, language), "address": shelter[Shelter.address] ?? "",
      "hasAddress": shelter[Shelter.address] != nil, "hasConflict": !answer["conflicts"].list.isEmpty,
      "conflictMark": pick("要確認", "to check"), "people": language.number(count.people),
      "count": ShelterWords.count(count, language) ?? "", "counter": count.counter, "register": count.register ?? 0,
      "capacity": shelter[Shelter.capacity].map { language.number($0) } ?? "–",
      "crowding": shelter.text("crowding") == nil ? "–" : ShelterWords.crowding(shelter, language),
      "staff": shelter[Shelter.staff].map { language.number($0) } ?? "–",
      "hasOld": !isOwn || heard ?? 0 >= 60_000, "old": age(of: ward, heard, language), "canWork": mayWork,
      "isOpen": isOpen, "isAtWork": mayWork && isOpen,
      "actions": actions(on: row, isOpen: isOpen, isOwn && mayWork, language, context),
      "needs": shelter[Shelter.needs].map { need(String($0), row, all, language, context) },
      "hasNeeds": !shelter[Shelter.needs].isEmpty,
      "crowdings": [ShelterCrowding.free, .congested, .full].map {
        [
          "value": $0.rawValue, "label": ShelterWords.crowding($0, language),
          "isChosen": shelter[Shelter.crowding] == $0,
        ] as [String: Any]
      },
      "hasStock": !stock.isEmpty,
      "stock": stock.map {
        ["item": names[$0["item"].text ?? ""] ?? "?", "amount": language.number($0["amount"].integer ?? 0)]
      },
      "hasNotes": !answer["notes"].list.isEmpty,
      "notes": answer["notes"].list.prefix(30).map {
        ["time": $0["time"].integer.map { language.time($0) } ?? "", "text": $0["text"].text ?? ""]
      },
    ]
    let open = orders.filter { $0["cancelledAt"] == .null && $0["decision"].text != Decision.refuse.rawValue }
    values["orders"] = open.suffix(20).reversed().map { order -> [String: Any] in
      var shown = summary(order, names, language)
      shown["stage"] = stage(order, language)
      return shown
    }
    values["hasOrders"] = !open.isEmpty
    if mayWork && isOpen {
      values.merge(try await reception(row, all, language, context)) { $1 }
      values["report"] = try await report(row, count, language, context)
      values["request"] = requestForm(row, open, all, language, context)
    }
    var desk = page(request, frame.render("desk", title: name, active: "/shelters", values))
    desk.headers[.account] = frame.account
    return desk
  }

  private func deskWords(_ language: Language) -> [String: String] {
    let pick = language.pick
    return [
      "people": pick("避難者", "People"), "capacity": pick("定員", "Capacity"), "crowding": pick("混雑", "Crowding"),
      "staff": pick("職員", "Staff"), "count": pick("人数", "Head count"), "open": title("openShelter", language),
      "openMore": pick("設備・職員数も入れて開設する", "Open it, with its equipment and staff"),
      "counted": pick("数え直した人数", "Counted anew"), "less": pick("一人減らす", "One fewer"),
      "more": pick("一人増やす", "One more"), "save": pick("この人数に訂正", "Correct to this"),
      "desk": pick("避難所の窓口", "The shelter's desk"), "reception": pick("受付", "Check in"),
      "goods": pick("物資", "Goods"), "report": pick("日報", "Daily report"), "other": pick("ほか", "More"),
      "checkIn": pick("受付", "Check in"), "checkInButton": pick("受付する", "Check in"),
      "enter": pick(
        "Enter でも受け付けます。氏・住所は次の人に残ります。",
        "Enter checks in too. The family name and the address stay for the next person."),
      "reader": pick("身分証を読み取る(免許証・マイナンバーカードの券面)", "Read an identity card (licence, My Number card)"),
      "readerHint": pick("読み取り機で読むと、下に入ります。番号は残しません", "A reader's text fills in the form; no number is kept"),
      "nextFamily": pick("次の家族へ", "Next family"),
      "further": pick("ほかの項目(電話・世帯・アレルギーなど)", "Further fields (phone, allergies …)"),
      "counting": pick("避難者数にも加える", "Count them in the head count too"),
      "entered": pick("直前の受付", "Entered last"), "change": pick("直す", "Mend"), "cancel": pick("取り消す", "Cancel"),
      "sure": pick("{}さんの受付を取り消しますか。", "Cancel the check-in of {}?"),
      "waits": pick("この端末に保存(未送信)", "kept on this device, not sent"),
      "cancelled": pick("{}さんの受付を取り消しました", "The check-in of {} is cancelled"),
      "doubted": pick("二重登録の疑い", "entered twice?"),
      "card": pick("家族カードを読み取る", "Scan a family's card"), "camera": pick("カメラ", "Camera"),
      "needs": pick("必要な物", "Needs"), "enough": pick("足りました", "Enough now"), "ask": pick("要請する", "Request"),
      "needMore": pick("必要な物を加える", "Needs also"), "add": pick("加える", "Add"),
      "requests": pick("要請の状況", "Requests"), "noRequests": pick("要請はまだありません。", "Nothing was asked for yet."),
      "asked": pick("すでに要請しています: ", "Asked for already: "),
      "stock": pick("この避難所の在庫", "Stock here"), "item": pick("品目", "Item"), "amount": pick("数量", "Amount"),
      "notes": pick("記録", "Notes"),
      "reportWhy": pick(
        "名簿の人数と、前の日報の内容が入っています。違うところだけ直して出してください。",
        "Filled in from the register and the last report: mend what differs, and send it."),
    ]
  }

  private func age(of ward: String, _ heard: Int64?, _ language: Language) -> String {
    let pick = language.pick
    guard let heard else { return pick("この区からはまだ何も届いていません", "nothing was heard from this ward yet") }
    let age = language.age(milliseconds: heard)
    return ward == core.identity.ward.code
      ? pick("この区のほかの機器からの情報は\(age)のものです", "what other nodes of this ward wrote is known as of \(age)")
      : pick(
        "\(wardName(ward, language))の情報は\(age)のものです", "what \(wardName(ward, language)) wrote is known as of \(age)")
  }

  private func actions(
    on row: String, isOpen: Bool, _ works: Bool, _ language: Language, _ context: DeskContext
  ) -> [[String: Any]] {
    let reads = ["stays", "shelterPicture", "shelterReports", "auditOf"].filter { isAllowed($0, context) }.map {
      ["href": "/list/\($0)?_row=\(row)", "label": title($0, language)]
    }
    let papers = [
      ("stays", "/paper/register/\(row)", "避難者名簿(A4)", "Register (A4)"),
      ("shelterReports", "/paper/report/\(row)", "避難所日報(A4)", "Daily report (A4)"),
    ]
    .filter { isAllowed($0.0, context) }.map { ["href": $0.1, "label": language.pick($0.2, $0.3)] as [String: Any] }
    guard works else { return reads + papers }
    let own = [["href": "/own/shelters/\(row)", "label": title("enterOwnValues", language)]]
    let close =
      isOpen && isAllowed("closeShelter", context)
      ? [["href": "/do/closeShelter?_row=\(row)&_back=/shelters/\(row)", "label": title("closeShelter", language)]] : []
    return reads + papers + own + close
  }

  /// A need in the shelter's own word, and the item that it may be asked for as.
  private func need(
    _ need: String, _ row: String, _ options: [String: [Controls.Option]], _ language: Language, _ context: DeskContext
  ) -> [String: Any] {
    let item = (options["items"] ?? []).first { PlaceKey.isPart(need, of: [$0.label]) }?.value
    let about = item.map { "&item=\($0)" } ?? "&note=\(Self.escaped(need))"
    return [
      "need": need, "canAsk": isAllowed("requestGoods", context),
      "ask": "/do/requestGoods?shelter=\(row)\(about)&_back=/shelters/\(row)",
    ]
  }

  private func reception(
    _ row: String, _ all: [String: [Controls.Option]], _ language: Language, _ context: DeskContext
  ) async throws -> [String: Any] {
    let form = catalogue["checkIn"].form.fields
    func controls(_ names: [String]) -> [[String: Any]] {
      Controls(
        names.compactMap { name in form.first { $0.name == name } }, language, options: ["ward": all["ward"] ?? []]
      )
      .values(["homeWard": [core.identity.ward.code]]).map { control in
        var control = control
        let name = control["name"] as? String ?? ""
        if let label = Self.deskLabels[name] { control["label"] = language.pick(label.ja, label.en) }
        if name == "birth" { control["example"] = language.pick("45・昭和25年4月1日・不明", "45, 1950-04-01, unknown") }
        if let kana = ["familyName": "familyKana", "name": "kana"][name] { control["kana"] = kana }
        control["stays"] = Self.ofFamily.contains(name) || ["familyName", "familyKana", "party"].contains(name)
        return control
      }
    }
    // Who stands at the desk is looked up by the card, where a declaration lets the ward do so.
    let purpose = try await standingPurpose(context)
    return [
      "looksUp": purpose != nil, "purpose": purpose ?? "", "controls": controls(Self.ofPerson + Self.ofFamily),
      "furtherFields": ["controls": controls(Self.further)],
    ]
  }

  /// The daily report, with what is known already.
  private func report(
    _ row: String, _ count: HeadCount, _ language: Language, _ context: DeskContext
  ) async throws -> [String: Any]? {
    guard isAllowed("reportShelter", context) else { return nil }
    let last = try await ask("shelterReports", ["limit": "1"], row: row, context)["reports"].list.first ?? .null
    let register = try await tryAsk("shelterPicture", row: row, context)?["register"] ?? .null
    let fields = catalogue["reportShelter"].form.fields
    var given = ["day": [JapaneseDay.text(.now())], "people": ["\(count.people)"]]
    for name in ["staff", "volunteers", "power", "mains", "outside"] {
      given[name] = last[name].text.map { [$0] } ?? last[name].integer.map { ["\($0)"] }
    }
    for name in ["ages", "needs"] {
      guard case .object(let counts) = register[name] else { continue }
      for (word, number) in counts { given["\(name).\(word)"] = ["\(number.integer ?? 0)"] }
    }
    return ["controls": Controls(fields, language).values(given), "title": title("reportShelter", language)]
  }

  private func requestForm(
    _ row: String, _ open: [JSON], _ all: [String: [Controls.Option]], _ language: Language, _ context: DeskContext
  ) -> [String: Any]? {
    guard isAllowed("requestGoods", context) else { return nil }
    let fields = catalogue["requestGoods"].form.fields.filter { $0.name != "shelter" }
    // What is asked for already, by item, so that nobody asks twice without knowing.
    let asked = open.reduce(into: [String: JSON]()) { asked, order in
      guard let item = order["item"].text else { return }
      let time = order["askedAt"].integer.map { language.time($0) } ?? ""
      asked[item] = .text("\(language.number(order["quantity"].integer ?? 0)) (\(time))")
    }
    return [
      "title": title("requestGoods", language), "controls": Controls(fields, language, options: all).values(),
      "asked": String(decoding: JSON.object(asked).bytes, as: UTF8.self),
    ]
  }

  /// How far a request has come, as whoever asked wants to know it.
  private func stage(_ order: JSON, _ language: Language) -> [[String: Any]] {
    let pick = language.pick
    let states = Set(order["allocations"].list.compactMap { $0["stateCode"].text })
    let promised = order["promised"].integer ?? 0
    let steps: [(String, String, Bool)] = [
      ("要請", "asked", true), ("承認", "approved", order["decision"].text == Decision.approve.rawValue),
      ("手配", "promised", promised > 0),
      ("輸送", "on the way", !states.isDisjoint(with: ["shipped", "arrived", "inspected"])),
      ("到着", "here", !states.isDisjoint(with: ["arrived", "inspected"])),
    ]
    return steps.map { ["label": pick($0.0, $0.1), "isDone": $0.2] }
  }
}
