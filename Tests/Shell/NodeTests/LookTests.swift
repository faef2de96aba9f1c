import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import Hummingbird
import HummingbirdTesting
import NodeService
import Testing

@testable import Web

/// Marks in every personal field, and every page and endpoint asked for with every role: who reads what, and that each look
/// is written down.
@Suite struct LookTests {
  /// Whose a mark is.
  private enum Owner: Hashable {
    case resident, guarded, stay, otherStay, guardedStay, report, inquiry, counter, plan, consent, own
  }

  /// Who may ever see it: the collection's reader, and of whom must not be found those who protect that person.
  private static let readers: [Owner: Set<Role>] = [
    .resident: [.headquarters, .shelter, .welfare], .guarded: [.welfare],
    .stay: [.headquarters, .shelter, .welfare], .otherStay: [.headquarters, .shelter, .welfare],
    .guardedStay: [.headquarters, .shelter, .welfare], .report: [.headquarters, .shelter, .welfare],
    .inquiry: [.headquarters, .shelter, .welfare], .counter: [.headquarters, .shelter, .welfare],
    .plan: [.headquarters, .shelter, .welfare], .consent: [.welfare], .own: [.headquarters, .shelter, .welfare],
  ]

  private final class Planted {
    var marks: [String: Owner] = [:]
    /// Ids to put into paths and queries.
    var ids: [String] = []
    var collections: [(collection: String, row: String, isGuarded: Bool)] = []
    var shelters: (own: String, other: String) = ("", "")
    private var next = 0

    /// Questions for a row.
    var rows: [String] {
      collections.flatMap { place in
        let purposes = place.isGuarded ? ["", "&purpose=protection"] : [""]
        return purposes.map { "collection=\(place.collection)&row=\(place.row)\($0)" }
      }
    }

    /// Questions for somebody of each kind.
    var names: [String] {
      Dictionary(marks.sorted { $0.key < $1.key }.map { ($0.value, $0.key) }) { first, _ in first }.values.sorted().map
      {
        "name=\($0.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!)"
      }
    }

    /// A text of letters that folds to itself, so that searching finds it.
    func mark(_ owner: Owner) -> JSON {
      next += 1
      let text =
        "ザ" + String(next).map { ["ア", "カ", "サ", "タ", "ナ", "ハ", "マ", "ヤ", "ラ", "ワ"][Int(String($0))!] }.joined() + "ザ"
      marks[text] = owner
      return .text(text)
    }
  }

  private static func make(
    _ core: NodeCore, _ endpoint: String, _ body: [String: JSON], row: String? = nil
  ) async throws -> String {
    try await WebTests.call(core, endpoint, .object(body), row: row)["id"].text ?? ""
  }

  private static func person(_ planted: Planted, _ owner: Owner) -> [String: JSON] {
    [
      "familyName": planted.mark(owner), "givenName": planted.mark(owner), "familyKana": planted.mark(owner),
      "givenKana": planted.mark(owner), "address": planted.mark(owner), "phone": planted.mark(owner),
      "birth": "1980-05-01", "language": planted.mark(owner), "household": planted.mark(owner),
      "note": planted.mark(owner),
    ]
  }

  private static func stay(_ planted: Planted, _ owner: Owner) -> [String: JSON] {
    [
      "name": planted.mark(owner), "kana": planted.mark(owner), "address": planted.mark(owner),
      "phone": planted.mark(owner), "birth": "1980-05-01", "party": planted.mark(owner),
      "allergies": [planted.mark(owner)], "note": planted.mark(owner),
    ]
  }

  private static func plant(_ core: NodeCore) async throws -> Planted {
    let planted = Planted()
    let own = try await make(core, "addShelter", ["name": "甲", "status": "開設"])
    let other = try await make(core, "addShelter", ["name": "乙", "status": "開設"])
    planted.shelters = (own, other)
    let resident = try await make(core, "registerResident", person(planted, .resident))
    let guarded = try await make(core, "registerResident", person(planted, .guarded).merging(["guarded": true]) { $1 })
    let plans = [
      try await make(
        core, "planAssistance", ["plan": planted.mark(.plan), "contact": planted.mark(.plan)], row: resident),
      try await make(core, "planAssistance", ["plan": planted.mark(.guarded)], row: guarded),
    ]
    let stays = [
      try await make(core, "checkIn", stay(planted, .stay), row: own),
      try await make(core, "checkIn", stay(planted, .otherStay), row: other),
      try await make(core, "checkIn", stay(planted, .guardedStay).merging(["guarded": true]) { $1 }, row: own),
    ]
    let report = try await make(
      core, "reportSafety",
      [
        "name": planted.mark(.report), "kana": planted.mark(.report), "status": "無事", "source": "巡回",
        "place": planted.mark(.report), "message": planted.mark(.report), "reporter": planted.mark(.report),
      ])
    let asked = try await make(
      core, "askToBeInformed",
      ["name": planted.mark(.inquiry), "asker": planted.mark(.inquiry), "contact": planted.mark(.inquiry)])
    _ = try await make(
      core, "reportOneself",
      [
        "state": "助けが必要です", "name": planted.mark(.counter), "place": planted.mark(.counter),
        "phone": planted.mark(.counter), "message": planted.mark(.counter),
      ])
    let field = try await make(
      core, "addOwnField", ["collection": "residents", "labelJa": "持病", "labelEn": "Illness", "kind": "文字"])
    var values: [String] = []
    for (row, owner) in [(resident, Owner.own), (guarded, .guarded)] {
      values.append(
        try await make(
          core, "enterOwnValues",
          ["collection": "residents", "row": .text(row), "field": .text(field), "value": planted.mark(owner)]))
    }
    // What others say of who must not be found is as hidden as the person.
    let told = try await make(
      core, "reportSafety",
      ["resident": .text(guarded), "status": "無事", "source": "巡回", "place": planted.mark(.guarded)])
    let sought = try await make(
      core, "askToBeInformed",
      ["resident": .text(guarded), "asker": planted.mark(.guarded), "contact": planted.mark(.guarded)])
    let service = try await make(core, "registerService", ["name": "電力", "operator": "東電", "scopes": ["氏名"]])
    _ = try await make(
      core, "giveConsent",
      [
        "service": .text(service), "scopes": ["氏名"], "use": planted.mark(.consent),
        "until": .integer(Instant.now().milliseconds + 86_400_000),
      ], row: resident)
    planted.ids = [own, other, resident, guarded, report, asked] + stays
    planted.collections =
      [("residents", resident, false), ("residents", guarded, true), ("shelters", own, false)]
      + [("safety_reports", report, false), ("safety_reports", told, true)]
      + [("safety_inquiries", asked, false), ("safety_inquiries", sought, true)]
      + stays.map { ("stays", $0, false) } + zip(plans, [false, true]).map { ("assistance", $0, $1) }
      + zip(values, [false, true]).map { ("own_values_registry_personal", $0, $1) }
    return planted
  }

  /// What there is to ask of an endpoint: each row, each name, as far as it takes one.
  private static func questions(_ endpoint: Endpoint, _ planted: Planted) -> [String] {
    let fields = Set(endpoint.form.fields.map(\.name))
    return [""] + (fields.contains("row") ? planted.rows : []) + (fields.contains("name") ? planted.names : [])
      + (fields.contains("birth") ? ["birth=1980", "birth=1980-05-01"] : [])
      + (fields.contains("purpose") ? ["purpose=protection"] : [])
  }

  /// Every address that a reading route has with what was planted.
  private static func addresses(_ route: String, _ web: WebServer, _ planted: Planted, _ role: Role) -> [String] {
    if route.contains("{endpoint}") {
      return web.catalogue.endpoints.filter {
        !$0.isForServices && $0.access.admits([role]) && $0.isWrite == route.hasPrefix("/do/")
      }.flatMap { endpoint in
        let path = route.replacing("{endpoint}", with: endpoint.id)
        if endpoint.path.contains("{id}") { return planted.ids.map { "\(path)?_row=\($0)" } }
        return questions(endpoint, planted).map { "\(path)?\($0)" }
      }
    }
    if route.contains("{collection}") {
      return planted.collections.map {
        route.replacing("{collection}", with: $0.collection).replacing("{row}", with: $0.row)
      }
    }
    if let endpoint = web.catalogue.endpoints.first(where: { $0.path == route && !$0.isWrite }) {
      let asked = questions(endpoint, planted).map { "\(route)?\($0)" }
      return route.contains("{id}")
        ? planted.ids.flatMap { id in asked.map { $0.replacing("{id}", with: id) } } : asked
    }
    if route.contains("{id}") { return planted.ids.map { route.replacing("{id}", with: $0) } }
    // What somebody who looks for people would ask of a page.
    return [route, "\(route)?birth=1980", "\(route)?all=true"] + planted.names.map { "\(route)?\($0)" }
  }

  /// How many change sets there are: each look that is written down makes one, and nothing else here does.
  private static func notes(_ core: NodeCore) async throws -> Int {
    try await core.reader.read { db in try Int.fetchOne(db, sql: "SELECT sum(logged) FROM logs") ?? 0 }
  }

  /// Whose marks a text shows, without those that were typed into the question: they come back in the form and tell nobody
  /// anything.
  private static func told(_ text: String, asked: String, _ marks: [String: Owner]) -> Set<Owner> {
    // By bytes: thousands of pages are looked through, and characters would take minutes.
    let bytes = Data(text.utf8)
    return Set(
      marks.filter { bytes.range(of: Data($0.key.utf8)) != nil && !asked.contains($0.key) }.map(\.value))
  }

  @Test func `nobody sees what is not for their role, and every look at somebody is written down`() async throws {
    try await WebTests.withServer { client, core in
      let planted = try await Self.plant(core)
      let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry())
      let reading = web.access.keys.filter { $0.hasPrefix("GET ") && $0 != "GET /events" }.map {
        String($0.dropFirst(4))
      }
      .filter { !$0.contains("{pseudonym}") && !$0.hasSuffix(".css") && !$0.hasSuffix(".js") }.sorted()
      let tally = Tally()
      for role in Role.allCases {
        let token = try await WebTests.token(core, roles: [role])
        for route in reading where web.access["GET \(route)"]!.admits([role]) {
          for address in Self.addresses(route, web, planted, role) {
            let before = try await Self.notes(core)
            let answer = try await WebTests.send(
              client, .get, address, headers: [.authorization: "Bearer \(token)", .accept: "text/html"])
            #expect(answer.status < 500, "\(address): \(answer.status)")
            let told = Self.told(answer.text, asked: address.removingPercentEncoding ?? address, planted.marks)
            tally.count(told, role)
            guard !told.isEmpty else { continue }
            let unfit = told.filter { !Self.readers[$0]!.contains(role) }
            #expect(unfit.isEmpty, "\(role) reads \(unfit) at \(address)")
            let after = try await Self.notes(core)
            #expect(after > before, "\(role) at \(address) saw \(told), and nothing is written down")
          }
        }
      }
      #expect(tally.asked > 1_000 && tally.shown > 100, "\(tally.asked) asked, \(tally.shown) shown something")
      // The test can see: what is for a role is found by it somewhere.
      for (owner, roles) in Self.readers {
        #expect(tally.seen[owner] == roles, "\(owner) is seen by \(tally.seen[owner] ?? [])")
      }
    }
  }

  private final class Tally {
    private(set) var asked = 0
    private(set) var shown = 0
    private(set) var seen: [Owner: Set<Role>] = [:]

    func count(_ told: Set<Owner>, _ role: Role) {
      asked += 1
      shown += told.isEmpty ? 0 : 1
      for owner in told { seen[owner, default: []].insert(role) }
    }
  }

  @Test func `whoever works at one shelter reads of no other's people, by no way`() async throws {
    try await WebTests.withServer { client, core in
      let planted = try await Self.plant(core)
      let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry())
      let user = User("一所", roles: [.shelter], shelter: RowID(rawValue: Int64(planted.shelters.own)!))
      let tally = Tally()
      for endpoint in web.catalogue.endpoints where !endpoint.isWrite && endpoint.access.admits([.shelter]) {
        for texts in Self.submissions(endpoint, planted) {
          guard let given = try? endpoint.form.read(texts: texts, in: core.identity.federation) else { continue }
          for id in endpoint.path.contains("{id}") ? planted.ids : [""] {
            let inquiry = Inquiry(
              given: given, row: Int64(id).map(RowID.init(rawValue:)), user: user, now: .now(), identity: core.identity)
            guard let answer = try? await core.look(endpoint, inquiry, in: web.catalogue) else { continue }
            let asked = texts.values.joined(separator: " ")
            let told = Self.told(String(decoding: answer.answer.bytes, as: UTF8.self), asked: asked, planted.marks)
            #expect(told.isSubset(of: [.stay, .guardedStay]), "\(endpoint.id) \(texts) \(id): \(told)")
            tally.count(told, .shelter)
          }
        }
      }
      #expect(tally.seen[.stay] != nil, "the own shelter's people are shown")
    }
  }

  /// What may be asked of an endpoint: as far as its form has the fields.
  private static func submissions(_ endpoint: Endpoint, _ planted: Planted) -> [[String: String]] {
    let fields = Set(endpoint.form.fields.map(\.name))
    let other = planted.marks.first { $0.value == .otherStay }!.key
    let bodies: [[String: String]] =
      [[:], ["birth": "1980-05-01"], ["name": other], ["purpose": "protection"]]
      + planted.marks.keys.sorted().map { ["name": $0] }
      + planted.collections.map { ["collection": $0.collection, "row": $0.row] }
    return bodies.filter { fields.isSuperset(of: $0.keys) }
  }
}
