import Exchange
import Foundation
import Testing
import Topology

@Suite struct TopologyTests {
  static let text = try! String(contentsOf: Files.root.appendingPathComponent("Topology/tokyo23.yaml"), encoding: .utf8)

  @Test func `the 23 wards, their borders and links are complete`() throws {
    let topology = try Topology(yaml: Self.text)
    #expect(topology.wards.count == 23)
    #expect(topology.wards.map(\.neighbours.count).reduce(0, +) == 112, "56 borders, each told twice")
    #expect(topology.wards.map(\.population.count).reduce(0, +) > 9_000_000)
    for ward in topology.wards { #expect(ward.distance(from: ward.office) < 300, "\(ward.name)") }
    let linked = Set(topology.links.flatMap(\.between))
    #expect(linked.count == 23)
  }

  @Test(arguments: [
    ("code: \"13113\"", "code: \"131\"", "wards[12].code"),
    ("name: 渋谷区", "nam: 渋谷区", "wards[12].nam"),
    ("kind: fibre, bits-per-second: 1000000000", "kind: string, bits-per-second: 1", "links[0].kind"),
    ("loss: 0.05", "loss: 5", "links[78].loss"),
    ("code: \"13113\"", "code: \"13112\"", "wards"),
    ("format: renkei-topology-1", "format: renkei-topology-9", "format"),
    ("year: 2020", "year: twenty", "wards[0].population.year"),
    ("between: [\"13101\", \"13102\"]", "between: [\"13101\", \"99999\"]", "links"),
  ])
  func `a mistake is named with its line and field`(from: String, to: String, field: String) throws {
    let range = try #require(Self.text.range(of: from))
    let broken = Self.text.replacingCharacters(in: range, with: to)
    let line = Self.text[..<range.lowerBound].count { $0 == "\n" } + 1
    do {
      _ = try Topology(yaml: broken)
      Issue.record("not refused")
    } catch {
      #expect(error.field == field)
      if !["wards", "links"].contains(field) { #expect(error.line == line, "\(error)") }
    }
  }

  @Test func `broken YAML is an error with its line`() {
    #expect(throws: TopologyError.self) { try Topology(yaml: "format: [") }
    #expect(throws: TopologyError.self) { try Topology(yaml: "") }
  }

  @Test func `check digits follow the ministry's rule`() throws {
    for (code, digit) in [("13101", 6), ("13113", 0), ("13118", 1), ("13120", 2), ("01100", 2)] {
      #expect(MunicipalityCode.checkDigit(code) == digit)
    }
    #expect(throws: MunicipalityCode.Fault.badCheckDigit(expected: "131016")) {
      try MunicipalityCode.fiveDigits("131017")
    }
  }
}
