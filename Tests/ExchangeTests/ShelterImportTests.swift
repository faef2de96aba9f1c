import Causality
import ChangeModel
import Exchange
import Foundation
import GRDB
import Replica
import Shelters
import Testing
import TestSupport

@Suite struct ShelterImportTests {
  static func replica(_ directory: TemporaryDirectory, ward: Int = 0) throws -> Replica {
    var federation = TestFederation(wards: 23)
    let identity = federation.node(ward: ward, keySeed: 1)
    return try Replica(
      path: directory.file("\(ward).sqlite"), identity: identity, schema: Schema([ShelterSchema.shelters]), at: .test)
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
    let directory = TemporaryDirectory()
    let replica = try Self.replica(directory)
    let list = try ShelterList(
      Files.bytes(Files.root.appendingPathComponent("Tools/sample/shelters.csv")), fileName: "s",
      topology: Files.topology)
    let first = try Self.load(list, into: replica)
    #expect(first.imported == 120 && first.unchanged == 0)
    let digest = try replica.store.tableDigest()
    let second = try Self.load(list, into: replica)
    #expect(second.imported == 0 && second.unchanged == 120)
    #expect(try replica.store.tableDigest() == digest)
  }

  @Test func `two cut-off nodes that import one file have the same rows, without a conflict`() throws {
    let directory = TemporaryDirectory()
    let list = try ShelterList(
      Files.bytes(Files.root.appendingPathComponent("Tools/sample/shelters.csv")), fileName: "s",
      topology: Files.topology)
    let (first, second) = (try Self.replica(directory, ward: 0), try Self.replica(directory, ward: 1))
    for replica in [first, second] { _ = try Self.load(list, into: replica) }
    for (source, target) in [(first, second), (second, first)] {
      for log in source.store.logNames where log.author == source.author {
        let entries = try source.store.entries(log, from: 1, byteLimit: 1 << 24)
        _ = try target.batch(at: .test) {
          _ = try target.receive(Run(log, first: 1, entries: entries), from: "t", at: .test)
        }
      }
    }
    #expect(try first.store.tableDigest() == second.store.tableDigest())
    #expect(try Self.count(first) == 120)
    #expect(try first.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM conflicts")! } == 0)
  }

  @Test func `a name is not a key, and one facility may have two designations`() throws {
    let directory = TemporaryDirectory()
    let replica = try Self.replica(directory)
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

  /// The field's real files, when they lie beside the checkout: rows in, refused, warned, and how long it took.
  @Test func `every real list is imported, and a second time changes nothing`() throws {
    let folder = Files.shared.appendingPathComponent("shelters")
    guard FileManager.default.fileExists(atPath: folder.path) else {
      print("real lists: not beside this checkout, not tried")
      return
    }
    let directory = TemporaryDirectory()
    let replica = try Self.replica(directory)
    let gsi = folder.appendingPathComponent("gsi")
    let files =
      try FileManager.default.contentsOfDirectory(atPath: gsi.path).sorted().map { gsi.appendingPathComponent($0) }
      + FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().filter { $0.hasSuffix(".csv") }
      .map { folder.appendingPathComponent($0) }
    for round in 1...2 {
      for file in files {
        let start = Date()
        let list = try ShelterList(Files.bytes(file), fileName: file.lastPathComponent, topology: Files.topology)
        let report = try Self.load(list, into: replica)
        #expect(report.rows == report.imported + report.unchanged + report.refused, "\(file.lastPathComponent)")
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
    print("facilities after all lists: \(try Self.count(replica))")
  }
}
