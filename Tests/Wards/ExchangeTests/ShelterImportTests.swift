import Causality
import ChangeModel
import Desk
import Exchange
import Foundation
import GRDB
import Places
import Replica
import SignedLog
import TestSupport
import Testing

@Suite struct ShelterImportTests {
  /// A node of each ward that a list speaks of: each imports its own.
  final class Offices {
    private let directory = TemporaryDirectory()
    private var federation = TestFederation(wards: 23)
    private(set) var nodes: [(code: String, replica: Replica)] = []

    func open(_ ward: String) throws -> Replica {
      let identity = federation.node(ward: Int(ward)! - 13_101, keySeed: UInt64(nodes.count + 1))
      let replica = try Replica(
        path: directory.file("\(nodes.count).sqlite"), identity: identity, schema: Schema([Shelter.records.schema]),
        at: .test)
      nodes.append((ward, replica))
      return replica
    }

    /// What became of a list at all of them together.
    func load(_ list: ShelterList) throws -> ImportReport {
      var sum = ImportReport()
      let wards = Set(Files.topology.wards.map(\.code))
      // Lists of all Tokyo speak of cities too, which have no node here.
      sum.ofOthers = list.records.count { !wards.contains($0.ward) }
      sum.rows = sum.ofOthers
      for ward in wards.intersection(list.records.map(\.ward)).sorted() {
        let replica = try nodes.first { $0.code == ward }?.replica ?? open(ward)
        let report = try ShelterImportTests.load(list, into: replica)
        (sum.rows, sum.refused) = (report.rows, report.refused)
        sum.imported += report.imported
        sum.unchanged += report.unchanged
        #expect(report.rows == report.imported + report.unchanged + report.refused + report.ofOthers)
      }
      return sum
    }

    func count() throws -> Int { try nodes.reduce(0) { $0 + (try ShelterImportTests.count($1.replica)) } }
  }

  static func load(_ list: ShelterList, into replica: Replica) throws -> ImportReport {
    var importer = try ShelterImport(replica, source: list.kind.rawValue)
    importer.note(list.problems)
    for start in stride(from: 0, to: list.records.count, by: ShelterImport.portion) {
      _ = try importer.take(list.records[start..<min(start + ShelterImport.portion, list.records.count)], at: .test)
    }
    return importer.report
  }

  static func count(_ replica: Replica, _ filter: String = "1") throws -> Int {
    try replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM shelters WHERE \(filter)")! }
  }

  @Test func `a second import of the same file changes nothing`() throws {
    let offices = Offices()
    let list = try ShelterList(
      Files.bytes(Files.root.appendingPathComponent("Tools/sample/shelters.csv")), fileName: "s",
      topology: Files.topology)
    let first = try offices.load(list)
    #expect(first.imported == 120 && first.unchanged == 0)
    let digests = try offices.nodes.map { try $0.replica.store.tableDigest() }
    let second = try offices.load(list)
    #expect(second.imported == 0 && second.unchanged == 120)
    #expect(try offices.nodes.map { try $0.replica.store.tableDigest() } == digests)
  }

  @Test func `two cut-off nodes of a ward that import one file have the same rows, without a conflict`() throws {
    let offices = Offices()
    let list = try ShelterList(
      Files.bytes(Files.root.appendingPathComponent("Tools/sample/shelters.csv")), fileName: "s",
      topology: Files.topology)
    let (first, second) = (try offices.open("13113"), try offices.open("13113"))
    for replica in [first, second] {
      let report = try Self.load(list, into: replica)
      #expect(report.imported == 40 && report.ofOthers == 80)
    }
    for (source, target) in [(first, second), (second, first)] {
      for log in source.store.logNames where log.author == source.author {
        let entries = try source.store.entries(log, from: 1, byteLimit: 1 << 24)
        _ = try target.batch(at: .test) {
          _ = try target.receive(Run(log, first: 1, entries: entries), from: "t", at: .test)
        }
      }
    }
    #expect(try first.store.tableDigest() == second.store.tableDigest())
    #expect(try Self.count(first) == 40)
    #expect(try first.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM conflicts")! } == 0)
  }

  @Test func `another ward reports about a shelter, and neither closes nor deletes it, on any node`() throws {
    let offices = Offices()
    let list = try ShelterList(
      Files.bytes(Files.root.appendingPathComponent("Tools/sample/shelters.csv")), fileName: "s",
      topology: Files.topology)
    let (own, other) = (try offices.open("13113"), try offices.open("13121"))
    _ = try Self.load(list, into: own)
    func carry(_ source: Replica, _ target: Replica) throws {
      for log in source.store.logNames {
        let entries = try source.store.entries(log, from: 1, byteLimit: 1 << 24)
        _ = try target.batch(at: .test) {
          _ = try target.receive(Run(log, first: 1, entries: entries), from: "t", at: .test)
        }
      }
    }
    try carry(own, other)
    let row = try own.store.read { RowID(rawValue: try Int64.fetchOne($0, sql: "SELECT min(id) FROM shelters")!) }
    let closing = Shelter.status.set(.closed)
    let report = [Shelter.crowding.set(.full), Shelter.notes.append("通行人")]
    func commit(_ edits: [FieldEdit]) throws {
      var draft = Draft(.life)
      draft.edit(Shelter.records, row, edits)
      _ = try other.batch(at: .test) { _ = try other.commit(draft, at: .test) }
    }
    #expect(throws: ReplicaError.foreignRow(collection: "shelters", row: row)) { try commit([closing]) }
    #expect(throws: ReplicaError.foreignRow(collection: "shelters", row: row)) { try commit(report + [closing]) }
    try commit(report)
    // What a node of bad will signs all the same: the part that is its own to say stands, the rest has no effect.
    let log = LogName(.life, other.author)
    let state = other.store.state(of: log)
    let edits = [
      RowEdit(Shelter.records.number, row, .edit([closing, Shelter.needs.add("水")])),
      RowEdit(Shelter.records.number, row, .delete(shares: [])),
    ]
    let entry = VerifiedEntry.sealing(
      [PlainSection(key: 0, secret: nil, bytes: SectionCodec.encode(edits, by: other.author))],
      header: ChangeSetHeader(time: state.past.time.next(at: .test), clock: [], control: []), after: state.past,
      head: state.logged, in: LogContext(federation: other.federation, nodeKey: other.identity.key.publicKey, log: log),
      with: other.identity.key)
    try carry(other, own)
    _ = try own.batch(at: .test) {
      _ = try own.receive(Run(log, first: entry.sequence, entries: [entry.bytes]), from: "t", at: .test)
    }
    let shelter = try #require(try own.store.state(of: row, in: Shelter.records.number))
    #expect(shelter.isVisible && shelter.deletions.isEmpty)
    #expect(shelter.shown(Shelter.status.schema) != .text("閉鎖"))
    #expect(shelter.shown(Shelter.crowding.schema) == .text("定員一杯"))
    #expect(shelter.elements(Shelter.needs.number) == [.text("水")])
  }

  @Test func `a name is not a key, and one facility may have two designations`() throws {
    let offices = Offices()
    let replica = try offices.open("13112")
    let csv =
      "共通ID,施設・場所名,住所,緯度,経度,地震\n"
      + "E1311200001111,瀬田小学校,東京都世田谷区瀬田2-16-3,35.6140,139.6270,\n"
      + "E1311200002111,瀬田小学校,東京都世田谷区瀬田5-1-1,35.6200,139.6330,\n"
      + "E1311200003201,瀬田小学校,東京都世田谷区瀬田２丁目１６番３号,35.6141,139.6271,1\n"
    let list = try ShelterList(Array(csv.utf8), fileName: "x.csv", topology: Files.topology)
    let report = try Self.load(list, into: replica)
    #expect(report.imported == 3)
    #expect(try Self.count(replica) == 2)
    let both = try replica.store.read {
      try String.fetchAll($0, sql: "SELECT designations FROM shelters WHERE common_ids LIKE '%E1311200003201%'")
    }
    #expect(both == ["[\"指定緊急避難場所\",\"指定避難所\"]"])
  }

  private static let header = "市区町村コード,NO,名称,住所,緯度,経度,想定収容人数,電話番号,災害種別_洪水,災害種別_地震\n"

  private static func load(_ rows: String, into replica: Replica, source: String? = nil) throws -> ImportReport {
    let list = try ShelterList(Array((header + rows).utf8), fileName: "list.csv", topology: Files.topology)
    var importer = try ShelterImport(replica, source: source ?? list.kind.rawValue)
    importer.note(list.problems)
    _ = try importer.take(list.records, at: .test)
    return importer.report
  }

  private static func edit(_ replica: Replica, _ row: RowID, _ edits: [FieldEdit]) throws {
    var draft = Draft(.life)
    draft.edit(Shelter.records, row, edits)
    _ = try replica.batch(at: .test) { _ = try replica.commit(draft, at: .test) }
  }

  private static func shelters(_ replica: Replica) throws -> [RowValues] {
    try replica.store.read { try RowValues.all(Shelter.records, "ORDER BY local_id, id", [], $0) }
  }

  @Test func `the same list again leaves a clerk's corrections, a changed list tells what it would undo`() throws {
    let replica = try Offices().open("13113")
    let row = "131130,1,見本小,渋谷区見本1-1,,,500,03-1111-1111,1,1\n"
    #expect(try Self.load(row, into: replica).imported == 1)
    let shelter = try Self.shelters(replica)[0].id
    try Self.edit(
      replica, shelter,
      [
        Shelter.name.set("見本小(東校舎のみ)"), Shelter.capacity.set(320), Shelter.phone.set(nil),
        Shelter.hazards.remove("洪水"),
      ])
    func now() throws -> [String?] {
      let values = try Self.shelters(replica)
      #expect(values.count == 1)
      return [
        values[0][Shelter.name], values[0][Shelter.capacity].map { "\($0)" }, values[0][Shelter.phone],
        values[0][Shelter.remarks],
      ]
        + values[0][Shelter.hazards].sorted()
    }
    let corrected = ["見本小(東校舎のみ)", "320", nil, nil, "地震"]
    for source in [nil, "ほかの一覧"] {
      _ = try Self.load(row, into: replica, source: source)
      #expect(try now() == corrected, "\(source ?? "the same list")")
    }
    #expect(try Self.load(row, into: replica).unchanged == 1)
    // The list changes a word that nobody corrected, and two that somebody did.
    let changed = row.replacingOccurrences(of: "500", with: "450").replacingOccurrences(of: "見本1-1", with: "見本1-1-1")
    for _ in 1...2 {
      let report = try Self.load(changed, into: replica)
      #expect(report.warned == 1 && report.problems.map(\.reason) == [.corrected(list: "450", here: "320")])
      #expect(report.problems[0].field == "想定収容人数")
      #expect(try now() == corrected)
    }
    #expect(try Self.shelters(replica)[0][Shelter.address] == "渋谷区見本1-1-1")
    // Whoever agrees with the list is asked no more.
    try Self.edit(replica, shelter, [Shelter.capacity.set(450)])
    #expect(try Self.load(changed, into: replica).problems.isEmpty)
    // What somebody deleted stays so.
    var draft = Draft(.life)
    draft.delete(Shelter.records, shelter)
    _ = try replica.batch(at: .test) { _ = try replica.commit(draft, at: .test) }
    let report = try Self.load(row, into: replica)
    #expect(report.problems.map(\.reason) == [.deletedHere] && report.unchanged == 1)
    #expect(try Self.shelters(replica).isEmpty)
  }

  @Test(arguments: [
    [
      "131130,,富ヶ谷小学校,渋谷区富ヶ谷1-1,35.6650,139.6880,,,,\n", "131130,,富ケ谷小学校,渋谷区富ヶ谷1-1,35.6650,139.6880,,,,\n",
      "131130,,富が谷小学校,渋谷区富が谷1-1,,,,,,\n",
    ],
    ["131130,,高見小,渋谷区高見3,,,,,,\n", "131130,,髙見小,渋谷区髙見3,,,,,,\n"],
    ["131130,,見本小,渋谷区見本一丁目2番3号,,,,,,\n", "131130,,見本小,渋谷区見本1丁目2-3,,,,,,\n", "131130,,見本小,１丁目２−３,,,,,,\n"],
    ["131130,7,見本小,渋谷区見本1-2-3,,,,,,\n", "131130,7,見本学園,渋谷区見本1-2-3,,,,,,\n"],
    ["131130,7,見本小,渋谷区見本1-2-3,,,,,,\n", "131130,7,見本小,渋谷区移転4-5-6,,,,,,\n"],
    ["131130,,見本小,,,,,,,\n", "131130,,見本小,,,,,,,\n", "131130,,見本小,,,,,,,\n"],
  ]) func `one facility stays one, however the next list writes it`(lists: [String]) throws {
    let replica = try Offices().open("13113")
    for list in lists { #expect(try Self.load(list, into: replica).refused == 0) }
    #expect(try Self.shelters(replica).count == 1)
  }

  @Test func `two facilities stay two, and where a list leaves it open somebody is asked to look`() throws {
    let replica = try Offices().open("13113")
    let first = try Self.load("131130,1,区民会館,渋谷区見本1-2-3,,,,,,\n131130,2,児童館,渋谷区見本1-2-3,,,,,,\n", into: replica)
    #expect(first.imported == 2 && first.problems.isEmpty)
    // Another number and another name at a known address; a known number for something else; a name without a place.
    let second = try Self.load(
      "131130,3,老人館,渋谷区見本1-2-3,,,,,,\n131130,2,別の中学校,渋谷区遠い9-9,,,,,,\n131130,9,区民会館,,,,,,,\n", into: replica)
    #expect(second.imported == 3 && second.problems.map(\.line) == [2, 3, 4])
    #expect(["区民会館", "児童館"].contains { second.problems[0].reason == .besides($0) })
    #expect(second.problems.dropFirst().map(\.reason) == [.besides("児童館"), .takenFor("区民会館")])
    #expect(try Self.shelters(replica).count == 4)
  }

  /// The field's real files, when they lie beside the checkout: rows in, refused, warned, and how long it took.
  @Test func `every real list is imported, and a second time changes nothing`() throws {
    let folder = Files.shared.appendingPathComponent("shelters")
    guard FileManager.default.fileExists(atPath: folder.path) else {
      print("real lists: not beside this checkout, not tried")
      return
    }
    let offices = Offices()
    let gsi = folder.appendingPathComponent("gsi")
    let files =
      try FileManager.default.contentsOfDirectory(atPath: gsi.path).sorted().map { gsi.appendingPathComponent($0) }
      + FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().filter { $0.hasSuffix(".csv") }
      .map { folder.appendingPathComponent($0) }
    for round in 1...2 {
      for file in files {
        let start = Date()
        let list = try ShelterList(Files.bytes(file), fileName: file.lastPathComponent, topology: Files.topology)
        let report = try offices.load(list)
        #expect(
          report.rows == report.imported + report.unchanged + report.refused + report.ofOthers,
          "\(file.lastPathComponent)")
        #expect(report.refused == 0)
        if round == 2 { #expect(report.imported == 0, "\(file.lastPathComponent) \(report)") }
        if round == 1 {
          print(
            "\(file.lastPathComponent): rows \(report.rows) imported \(report.imported) unchanged \(report.unchanged) "
              + "warned \(report.warned) refused \(report.refused) in \(Int(Date().timeIntervalSince(start) * 1000)) ms"
          )
        }
        if file.lastPathComponent == "130001_evacuation_center.csv", round == 1 {
          #expect(list.records.count == 2_636)
          let wards = Dictionary(uniqueKeysWithValues: list.records.map { ($0.line, $0.ward) })
          let arakawa = list.problems.filter { problem in
            if case .outsideWard = problem.reason { wards[problem.line] == "13118" } else { false }
          }
          #expect(arakawa.count == 36, "36 of 荒川区's 37 shelters stand in or beside 豊島区")
        }
      }
    }
    print("facilities after all lists: \(try offices.count())")
  }
}
