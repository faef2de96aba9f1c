import ChangeModel
import Federation

/// Which audiences' keys are used in the log, and which are here: who can read what.
public struct KeyList: Codable, Sendable {
  public struct Key: Codable, Sendable {
    public var id: Int
    /// `everybody` (no key), `federation`, or `audience`.
    public var audience: String
    /// Whether sections under it can be opened here.
    public var held: Bool
    public var sections: Int
    public var bytes: Int
    /// Of those, how many did not open though a key is held.
    public var unopened: Int
  }

  public var schema = "renkei-inspect/keys/1"
  public var source: Source
  public var keys: [Key]
}

extension KeyList {
  public init(_ evidence: Evidence, progress: (Int) -> Void = { _ in }) throws {
    source = Source(evidence)
    var found: [Int: Key] = [:]
    var looked = 0
    for lane in Lane.allCases {
      try LogReader(evidence).forEach(in: lane) { changeSet, _ in
        looked += 1
        progress(looked)
        for section in changeSet.sections {
          let id = Int(section.key)
          var key =
            found[id]
            ?? Key(
              id: id, audience: id == 0 ? "everybody" : id == Int(Keyring.federationKeyID) ? "federation" : "audience",
              held: id == 0 || evidence.papers.secret(section.key) != nil, sections: 0, bytes: 0, unopened: 0)
          key.sections += 1
          key.bytes += section.bytes
          if case .sealed = section.content, key.held { key.unopened += 1 }
          found[id] = key
        }
      }
    }
    keys = found.keys.sorted().map { found[$0]! }
  }
}
