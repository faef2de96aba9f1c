import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Goods
import People
import Places
import Replica

/// 見本データ: some shelters, families, goods and a request to try everything with, made by the services themselves, and
/// taken away again without a trace in what is shown. In a drill alone: nobody may take a sample for a neighbour.
public enum SampleData {
  private static let source = "見本データ"
  private static let household = "見本世帯"
  private static let place = "見本備蓄倉庫"

  private static let shelters: [(name: String, kana: String, capacity: Int, area: Int64?)] = [
    ("見本第一小学校", "ミホンダイイチショウガッコウ", 400, 700), ("見本第二小学校", "ミホンダイニショウガッコウ", 320, 560),
    ("見本中学校", "ミホンチュウガッコウ", 600, 1_050), ("見本区民センター", "ミホンクミンセンター", 150, nil),
    ("見本スポーツセンター", "ミホンスポーツセンター", 900, nil), ("見本福祉会館", "ミホンフクシカイカン", 60, nil),
  ]

  private static let people: [(household: Int, family: String, given: String, kana: (String, String), birth: String)] =
    [
      (1, "見本", "太郎", ("ミホン", "タロウ"), "1958-03-02"), (1, "見本", "花子", ("ミホン", "ハナコ"), "1960-11-23"),
      (2, "例田", "一郎", ("レイダ", "イチロウ"), "1984-07-07"), (2, "例田", "さくら", ("レイダ", "サクラ"), "1986-04-29"),
      (2, "例田", "みなと", ("レイダ", "ミナト"), "2024-05-05"), (3, "試山", "良子", ("タメシヤマ", "ヨシコ"), "1941-01-15"),
      (4, "仮野", "次郎", ("カリノ", "ジロウ"), "1999-09-09"), (4, "仮野", "梅", ("カリノ", "ウメ"), "1972-02-02"),
    ]

  /// - Parameter endpoints: of the other services, through which everything is made.
  static func service(_ endpoints: [Endpoint]) -> Service {
    let steps = Dictionary(uniqueKeysWithValues: endpoints.map { ($0.id, $0) })
    let own: [Endpoint] = [
      .write(
        "loadSample", "/sample", "見本データを入れる", "Load sample data", for: .oversight, "Load the sample data, in a drill.",
        answers: .members([.init("rows", .integer(Numbers.any), "件数", "Rows")])
      ) { desk in
        try mustDrill(desk)
        guard try present(desk).isEmpty else {
          throw Fault.refused("id", ja: "見本データはすでに入っています", en: "the sample data is here already")
        }
        let (rows, places) = try load(steps, desk)
        return Written([], about: places) { _ in ["rows": JSON(rows)] }
      }.often(0),
      .write(
        "removeSample", "/sample/removal", "見本データを消す", "Remove the sample data", for: .oversight,
        "Take the sample data away.",
        warning: Words(
          "見本の避難所と、そこで受け付けた人・物資・要請がすべて消えます。本物の人を見本の避難所に入れていないか確かめてください。",
          "The sample shelters go, with everybody and everything entered there. Make sure that nobody real is among them."
        ),
        answers: .members([.init("rows", .integer(Numbers.any), "件数", "Rows")])
      ) { desk in
        try mustDrill(desk)
        let rows = try present(desk)
        guard !rows.isEmpty else { throw Fault.refused("id", ja: "見本データはありません", en: "there is no sample data") }
        guard try !isPromised(desk) else {
          throw Fault.refused(
            "id", ja: "見本の要請に、他区が物資を割り当てています。先にその区に取り消してもらってください",
            en: "another ward has set goods aside for a sample request: let it call them off first")
        }
        var drafts: [Draft] = []
        for (collection, row, audience) in rows {
          if drafts.last.map({ $0.lane != collection.lane || $0.sections.reduce(0) { $0 + $1.edits.count } >= 200 })
            ?? true
          {
            drafts.append(Draft(collection.lane))
          }
          drafts[drafts.count - 1].delete(collection, row, for: audience)
        }
        let places = rows.filter { $0.0.name == Shelter.records.name }.map(\.1)
        return Written(drafts, about: places) { [count = rows.count] _ in ["rows": JSON(count)] }
      }.often(0),
    ]
    return Service("見本データ", "Sample data", records: [], endpoints: own, menu: ["loadSample", "removeSample"])
  }

  private static func mustDrill(_ desk: Desk) throws {
    guard desk.inquiry.identity.federation.genesis.drill else {
      throw Fault.refused("id", ja: "見本データは訓練の連合だけで使えます", en: "sample data is for drills alone")
    }
  }

  // MARK: Loading

  /// - Returns: how many steps it took, and the shelters.
  private static func load(_ steps: [String: Endpoint], _ desk: Desk) throws -> (Int, [RowID]) {
    var count = 0
    /// Does what a person would do by form, within the transaction under way; the row that it made.
    func step(_ id: String, _ given: [String: JSON], at row: RowID? = nil) throws -> RowID? {
      guard let endpoint = steps[id], case .write(let body) = endpoint.body else { preconditionFailure("no \(id)") }
      var inquiry = desk.inquiry
      inquiry.given = try endpoint.form.read(.object(given), in: inquiry.identity.federation)
      inquiry.row = row
      let written = try body(Desk(replica: desk.replica, inquiry: inquiry))
      for draft in written.drafts where !draft.isEmpty { _ = try desk.replica.commit(draft, at: desk.now) }
      count += 1
      return written.subjects.first
    }

    var places: [RowID] = []
    for shelter in shelters {
      let row = try desk.newRow()
      var draft = Shelter.records.draft()
      draft.edit(
        Shelter.records, row,
        [
          Shelter.name.set(shelter.name), Shelter.kana.set(shelter.kana), Shelter.ward.set(desk.ward),
          Shelter.capacity.set(Int64(shelter.capacity)), Shelter.status.set(.notOpen), Shelter.source.set(source),
        ])
      _ = try desk.replica.commit(draft, at: desk.now)
      count += 1
      places.append(row)
      if let area = shelter.area {
        _ = try step("openShelter", ["area": .integer(area), "toilets": 8, "staff": 6], at: row)
      }
    }
    _ = try step("installCatalogue", [:])
    for person in people {
      let resident = try step(
        "registerResident",
        [
          "familyName": .text(person.family), "givenName": .text(person.given), "familyKana": .text(person.kana.0),
          "givenKana": .text(person.kana.1), "birth": .text(person.birth),
          "household": .text("\(household)\(person.household)"), "address": .text("見本町\(person.household)丁目1-1"),
        ])!
      if person.household <= 2 {
        _ = try step("checkIn", ["resident": .text("\(resident)")], at: places[person.household - 1])
      } else if person.household == 3 {
        _ = try step("reportSafety", ["resident": .text("\(resident)"), "status": "無事", "source": "家族・知人"])
      }
    }
    for (shelter, people) in [(0, 182), (1, 96), (2, 410)] {
      _ = try step("countHeads", ["people": JSON(people)], at: places[shelter])
    }
    for (code, amount) in [("water", Int64(2_400)), ("blanket", 180)] {
      let item = JSON.text("\(Items.row(code: code))")
      _ = try step("addLot", ["item": item, "amount": .integer(amount), "place": .text(place)])
    }
    _ = try step(
      "requestGoods",
      [
        "shelter": .text("\(places[2])"), "item": .text("\(Items.row(code: "water"))"), "quantity": 1_200,
        "urgency": "至急",
      ])
    return (count, places)
  }

  // MARK: Taking away

  /// Whether another ward's goods stand aside for a sample request: taken away, they would come back to nobody.
  private static func isPromised(_ desk: Desk) throws -> Bool {
    try desk.read { db in
      try RowValues.all(
        Allocation.records,
        """
        WHERE id >> 53 <> ?2 AND request IN (
          SELECT id FROM requests WHERE id >> 53 = ?2
            AND shelter IN (SELECT id FROM shelters WHERE source = '\(source)' AND ward = ?1 AND id >> 53 = ?2))
        LIMIT 100
        """, [desk.ward, Int64(desk.wardIndex)], db)
    }.contains { ![.cancelled, .inspected].contains(AllocationState($0)) }
  }

  /// This ward's sample rows, by the marks that they bear, lane by lane; what depends on others first.
  private static func present(_ desk: Desk) throws -> [(Records, RowID, Audience?)] {
    let ward = desk.wardIndex
    let identity = Audience.ward(ward, .identity)
    let shelters = "SELECT id FROM shelters WHERE source = '\(source)' AND ward = ?1 AND id >> 53 = ?2"
    let residents = "SELECT id FROM residents WHERE household GLOB '\(household)*' AND id >> 53 = ?2"
    // ?1 is the ward's code, ?2 its number.
    let requests = "SELECT id FROM requests WHERE shelter IN (\(shelters)) AND id >> 53 = ?2"
    let own = "AND id >> 53 = ?2"
    let queries: [(Records, String, Audience?)] = [
      (
        Stay.records,
        "SELECT id FROM stays WHERE (shelter IN (\(shelters)) OR resident IN (\(residents))) \(own)",
        identity
      ), (SafetyReport.records, "SELECT id FROM safety_reports WHERE resident IN (\(residents)) \(own)", identity),
      (ShelterReport.records, "SELECT id FROM shelter_reports WHERE shelter IN (\(shelters))", nil),
      (Shelter.records, shelters, nil), (Resident.records, residents, identity),
      (Allocation.records, "SELECT id FROM allocations WHERE request IN (\(requests)) \(own)", nil),
      (GoodsRequest.records, requests, nil),
      (
        Lot.records,
        "SELECT id FROM lots WHERE ward = ?1 \(own) AND (place = '\(place)' OR shelter IN (\(shelters)))", nil
      ),
    ]
    return try desk.read { db in
      try queries.flatMap { collection, query, audience in
        try Int64.fetchAll(db, sql: query, arguments: [desk.ward, Int64(ward)])
          .map { (collection, RowID(rawValue: $0), audience) }
      }
    }
  }
}
