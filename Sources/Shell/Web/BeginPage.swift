import Causality
import Desk
import Foundation
import Hummingbird
import Places
import Site

/// 発災したとき: what a headquarters does first, on one page, in order, each step with what it does and by which law; what is done is
/// ticked. The steps are the services' own.
extension WebServer {
  func addBeginPage(to router: Router<DeskContext>) {
    router.get("/begin") { request, context in try await begin(request, context) }
  }

  private func begin(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let own = core.identity.ward.code
    let now = Instant.now()
    let disaster = try await ask("disasters", [:], context)["disasters"].list.first { $0["endedAt"] == .null }
    let declared = try await ask("declarations", [:], context)["declarations"].list.first {
      $0["ward"].text == own && $0["inForce"] == true
    }
    let shelters = try await core.reader.read { try ShelterSearch.find(ward: own, limit: 1_000, $0) }
    let open = shelters.filter(Shelters.isOpen)
    let closed = shelters.filter { !Shelters.isOpen($0) }
    let name = disaster?["name"].text ?? ""
    // A form takes times as a browser's own field has them.
    func field(_ time: Instant) -> String {
      Controls.texts(.integer(time.milliseconds / 60_000 * 60_000), .time).first ?? ""
    }
    let steps: [[String: Any]] = [
      step(
        "tellDisaster", pick("1. 発災を登録する", "1. Enter the disaster"),
        pick(
          "災害対策本部を設置した時刻から、段階とやることリストが始まります。ほかの区にも伝わります。",
          "Phases and checklists begin with it. Every ward hears of it."),
        isDone: disaster != nil, done: name, given: ["quakeAt": [field(now)]], language, context),
      step(
        "declare", pick("2. 緊急時の情報共有を開始する", "2. Begin sharing in an emergency"),
        pick(
          "災害対策基本法 第49条の11・第86条の15により、ほかの区の人の記録が、選んだ目的で見られるようになります。だれが何を見たかは、すべて記録されます。区の管理カード(秘密の鍵)のファイルを使います。",
          "By the Disaster Countermeasures Basic Act, articles 49-11 and 86-15: other wards' people can be looked at for these purposes, and every look is written down. It takes the file of the ward's authority's card."
        ),
        isDone: declared != nil, done: declared?["title"].text ?? "",
        given: [
          "title": [name], "purposes": ["安否確認"], "until": [field(now.advanced(byMilliseconds: 7 * 86_400_000))],
          "reason": [pick("災害対策本部の設置", "the headquarters is set up")],
        ], language, context),
    ]
    return page(
      request,
      frame.render(
        "begin", title: pick("発災したとき", "When a disaster has struck"), active: "/",
        [
          "steps": steps, "shelterStep": pick("3. 避難所を開設する", "3. Open the shelters"),
          "openCount": pick(
            "開設中 \(open.count) か所 / \(shelters.count) か所", "\(open.count) of \(shelters.count) are open"),
          "canOpen": isAllowed("openShelter", context) && !closed.isEmpty,
          "shelters": closed.map {
            ["id": "\($0.id)", "name": ShelterWords.name($0, language), "address": $0[Shelter.address] ?? ""]
          },
          "openAll": pick("選んだ避難所を開設", "Open those chosen"), "tickAll": pick("すべて選ぶ", "Choose all"),
          "next": pick("4. 次にすること", "4. What to do next"),
          "nextWhy": pick("状況の画面に、急ぐものから並びます。", "On the situation page, the most pressing first."),
          "toSituation": pick("状況へ", "To the situation"), "checklist": title("checklist", language),
          "done": pick("済み", "done"),
        ]))
  }

  private func step(
    _ id: String, _ heading: String, _ why: String, isDone: Bool, done: String, given: [String: [String]],
    _ language: Language,
    _ context: DeskContext
  ) -> [String: Any] {
    let mayDo = isAllowed(id, context) && !isDone
    return [
      "id": id, "heading": heading, "why": why, "isDone": isDone, "what": done, "mayDo": mayDo,
      "button": title(id, language),
      "controls": mayDo
        ? Controls(catalogue[id].form.fields, language, options: ["ward": wardOptions(language)]).values(given) : [],
    ]
  }
}
