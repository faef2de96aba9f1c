import Causality

extension RowState {
  /// What does not hold of the row's own promises; empty when all do. Costs a look at every value.
  public func checkInvariants() -> [String] {
    var broken: [String] = []
    func expect(_ holds: Bool, _ promise: @autoclosure () -> String) { if !holds { broken.append(promise()) } }
    expect(Self.ascends(registers) { $0.field < $1.field }, "registers out of order")
    expect(Self.ascends(buriedRegisters) { $0.field < $1.field }, "buried registers out of order")
    expect(Self.ascends(sets) { $0.field < $1.field }, "sets out of order")
    expect(Self.ascends(buriedSets) { $0.field < $1.field }, "buried sets out of order")
    expect(Self.ascends(contributions) { $0.field < $1.field }, "contributions out of order")
    expect(Self.ascends(deletions, by: <), "deletions out of order")
    for cell in registers + buriedRegisters {
      let siblings = [cell.winner] + cell.others
      expect(Self.ascends(siblings) { $0.stamp > $1.stamp }, "field \(cell.field) does not show its newest value")
      expect(siblings.allSatisfy { Self.ascends($0.against, by: <) }, "field \(cell.field): marks out of order")
    }
    for cell in sets + buriedSets {
      expect(!cell.adds.isEmpty, "set \(cell.field) is empty")
      expect(
        Self.ascends(cell.adds) { ($0.value, $0.stamp) < ($1.value, $1.stamp) }, "set \(cell.field): adds out of order")
    }
    for cell in contributions {
      expect(!cell.contributions.isEmpty, "contributions \(cell.field) are empty")
      expect(Self.ascends(cell.contributions) { $0.author < $1.author }, "field \(cell.field): authors out of order")
      for contribution in cell.contributions {
        expect(
          contribution.against.allSatisfy { $0.last > contribution.buriedThrough },
          "field \(cell.field): what \(contribution.author) did is buried and stands against a deletion")
      }
    }
    expect(
      (buriedRegisters.isEmpty && buriedSets.isEmpty) || !deletions.isEmpty,
      "values are buried, and nothing was deleted")
    return broken
  }

  /// Whether each element comes before the next, and none equals it.
  private static func ascends<Element>(
    _ elements: [Element], by isBefore: (Element, Element) -> Bool
  ) -> Bool {
    zip(elements, elements.dropFirst()).allSatisfy(isBefore)
  }
}
