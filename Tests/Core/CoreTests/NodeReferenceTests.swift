import Causality
import Federation
import TestSupport
import Testing

/// One grammar for nodes, in every command: OPERATIONS.md, E12.
struct NodeReferenceTests {
  private static let authority = TestFederation(wards: 2, seed: 1).identity.genesis.wards[0]
  private static let ward: Genesis.Ward = {
    var ward = authority
    (ward.code, ward.name, ward.romaji) = ("13104", "新宿区", "Shinjuku")
    return ward
  }()
  private static let node = AuthorNumber(ward: 3, serial: 1, epoch: 0)

  @Test(arguments: [
    "13104", "13104-1", "13104.1", "3.1", "3.1.0", "新宿区", "新宿", "新宿区-1", "Shinjuku", "shinjuku", "shinjuku-1",
  ])
  func `every name that is shown anywhere names the node`(_ text: String) {
    #expect(NodeReference.names(text, Self.node, of: Self.ward))
  }

  @Test(arguments: ["13105", "13104-2", "3.2", "3.1.1", "4.1", "渋谷区", "新宿区-", "新宿区-x", "-1", "3", "3.1.0.0", ".", ""])
  func `nothing else does`(_ text: String) {
    #expect(!NodeReference.names(text, Self.node, of: Self.ward))
  }

  @Test func `without the papers a number still does`() {
    #expect(NodeReference.names("3.1", Self.node, of: nil) && !NodeReference.names("13104", Self.node, of: nil))
  }
}
