import Catalogue
import ChangeModel
import Desk
import Federation
import Foundation
import Sodium
import Testing

/// What stands in signed change sets for ever: numbers, kinds and types of every collection and field. `RENKEI_WRITE_VECTORS=1`
/// writes it anew, which is a change of what every node decides.
@Suite struct SchemaTests {
  private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("schema.txt")

  @Test func `every number, name, kind and type is what it was: changing one rebuilds every node's tables`() throws {
    let text = Schema(ControlSchema.collections + Services.collections).canonicalText + "\n"
    if ProcessInfo.processInfo.environment["RENKEI_WRITE_VECTORS"] == "1" {
      try text.write(to: Self.golden, atomically: true, encoding: .utf8)
    }
    let known = try String(contentsOf: Self.golden, encoding: .utf8)
    let (now, before) = (text.split(separator: "\n"), known.split(separator: "\n"))
    for line in before { #expect(now.contains(line), "changed or gone") }
    for line in now { #expect(before.contains(line), "new: add it to schema.txt") }
  }

  @Test func `numbers of collections lie in their ranges, and each is used once`() {
    let numbers = (ControlSchema.collections + Services.collections).map(\.number)
    #expect(Set(numbers).count == numbers.count)
    // Disaster matrix and exchange, procurement, information base.
    let ranges: [ClosedRange<UInt32>] = [1...199, 200...259, 300...399]
    for number in numbers { #expect(ranges.contains { $0.contains(number) }, "\(number)") }
  }

  @Test func `every collection has words, a law and a reader that fits it, and a title where people see it`() {
    for records in Services.records {
      #expect(!records.words.ja.isEmpty && !records.words.en.isEmpty, "\(records.name)")
      #expect(Set(records.fields.map(\.name)).count == records.fields.count, "\(records.name)")
      let isShown = records.reader.access != .roles([]) && records.schema.law != .appendOnly
      #expect(!isShown || !records.title.isEmpty, "\(records.name) has no title")
      if !records.states.isEmpty {
        #expect(records.field(named: "state") == nil, "\(records.name): the state has the name of a column")
      }
    }
  }

  @Test func `every endpoint has words in both languages, and is of a collection that there is`() {
    for service in Services.catalogue(.init([])).services {
      for endpoint in service.endpoints {
        #expect(!endpoint.words.ja.isEmpty && !endpoint.words.en.isEmpty && !endpoint.summary.isEmpty, "\(endpoint.id)")
        if let subject = endpoint.subject {
          #expect(Services.records.contains { $0.number == subject.number }, "\(endpoint.id)")
        }
      }
    }
  }
}
