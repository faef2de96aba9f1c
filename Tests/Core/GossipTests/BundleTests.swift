import Causality
import ChangeModel
import Gossip
import Replica
import SignedLog
import TestSupport
import Testing

@Suite struct BundleTests {
  /// A bundle of one ward's work, and how its frames lie in it.
  static func sample() throws -> (bytes: [UInt8], source: Replica, network: GossipNetwork) {
    let network = try GossipNetwork(nodes: 3, seed: 11)
    for _ in 0..<20 {
      try network.commit(0, edits: 3)
      try network.commit(0, lane: .supply)
      try network.commit(1)
    }
    network.connect(0, 1)
    try network.settle(first: 2)
    try network.commit(0)
    try network.commit(0, lane: .supply)
    var bytes: [UInt8] = []
    _ = try network.nodes[0].replica.exportBundle(for: nil, at: .test) { bytes += $0 }
    return (bytes, network.nodes[0].replica, network)
  }

  /// Imports as a node does: frame by frame, past damage inside a frame, until the framing itself is lost.
  static func load(_ bytes: [UInt8], into target: Replica) throws -> (taken: Int, fault: BundleFault?) {
    var reader = BundleReader(federation: target.federation)
    var taken = 0
    var fault: BundleFault?
    _ = try target.batch(at: .test) {
      reader.feed(bytes)
      while true {
        do {
          guard let message = try reader.next() else { break }
          guard case .run(let run) = message else { continue }
          taken += try target.receive(run, from: "bundle", at: .test).taken
        } catch let error as BundleFault {
          fault = error
          break
        }
      }
      if fault == nil { do { try reader.finish() } catch let error as BundleFault { fault = error } }
    }
    return (taken, fault)
  }

  static func freshTarget(_ index: Int, _ directory: TemporaryDirectory) throws -> Replica {
    var federation = TestFederation(wards: 3, seed: 11)
    let identity = federation.node(ward: 2, keySeed: 11)
    return try Replica(
      path: directory.file("\(index).sqlite"), identity: identity, schema: TestSchema.schema, at: .test)
  }

  /// Every change set of the target is one of the source's, byte for byte, and its tables follow from them.
  static func checkSubset(_ target: Replica, of source: Replica, _ note: String) throws {
    for log in target.store.logNames where log.author != target.author {
      let head = target.store.state(of: log).logged.sequence
      guard head > 0 else { continue }
      let ours = try target.store.entries(log, from: 1, byteLimit: 1 << 24)
      let theirs = try source.store.entries(log, from: 1, byteLimit: 1 << 24)
      #expect(theirs.starts(with: ours), "\(note)")
    }
  }

  @Test func `a bundle with any one byte flipped gives only true change sets, and all before the damage`() throws {
    let (bytes, source, _) = try Self.sample()
    let directory = TemporaryDirectory()
    let wholeFrames = Self.framesEnd(bytes)
    var index = 0
    for offset in stride(from: 0, to: bytes.count, by: 97) {
      var damaged = bytes
      damaged[offset] ^= 1 << UInt8(index % 8)
      let target = try Self.freshTarget(index, directory)
      let (taken, _) = try Self.load(damaged, into: target)
      // Frames that end before the flipped byte are untouched.
      let expected = wholeFrames.filter { $0.end <= offset }.reduce(0) { $0 + $1.entries }
      #expect(taken >= expected, "offset \(offset)")
      try Self.checkSubset(target, of: source, "offset \(offset)")
      try target.store.close()
      index += 1
    }
    print("tampered bundle: \(index) offsets of \(bytes.count) bytes")
  }

  @Test func `a bundle cut anywhere gives its whole frames`() throws {
    let (bytes, source, _) = try Self.sample()
    let directory = TemporaryDirectory()
    let frames = Self.framesEnd(bytes)
    for (index, length) in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 40)).enumerated() {
      let target = try Self.freshTarget(index, directory)
      let (taken, fault) = try Self.load(Array(bytes[..<length]), into: target)
      #expect(taken == frames.filter { $0.end <= length }.reduce(0) { $0 + $1.entries })
      if !frames.contains(where: { $0.end == length }), length != Bundle.headerBytes {
        #expect(fault != nil, "cut at \(length)")
      }
      try Self.checkSubset(target, of: source, "cut at \(length)")
      try target.store.close()
    }
  }

  @Test func `a whole bundle brings a node without any link to the same tables`() throws {
    let (bytes, _, network) = try Self.sample()
    let target = network.nodes[2].replica
    let (taken, fault) = try Self.load(bytes, into: target)
    #expect(fault == nil && taken > 60)
    var back: [UInt8] = []
    _ = try target.exportBundle(for: network.nodes[0].replica.author, at: .test) { back += $0 }
    #expect(back.count < 1_000, "what the reader wrote or has seen does not travel back")
    _ = try Self.load(back, into: network.nodes[0].replica)
    let first = try network.nodes[0].replica.store.tableDigest()
    #expect(try target.store.tableDigest() == first)
  }

  @Test func `an empty card is a receipt, and only its maker can write one`() throws {
    let (bytes, source, network) = try Self.sample()
    let target = network.nodes[2].replica
    _ = try Self.load(bytes, into: target)
    func changeSets(for reader: AuthorNumber, from replica: Replica) throws -> (count: Int, bytes: [UInt8]) {
      var bytes: [UInt8] = []
      return (try replica.exportBundle(for: reader, at: .test) { bytes += $0 }, bytes)
    }
    #expect(try changeSets(for: target.author, from: source).count > 60)
    func receipt(_ bytes: [UInt8]) throws -> SignedHeads? {
      var reader = BundleReader(federation: source.federation)
      reader.feed(bytes)
      var found: SignedHeads?
      while let message = try reader.next() { if case .signedHeads(let heads) = message { found = heads } }
      return found
    }
    func take(_ receipt: SignedHeads?) throws -> Bool {
      var isTaken = false
      let receipt = try #require(receipt)
      _ = try source.batch(at: .test) { isTaken = try source.take(receipt) }
      return isTaken
    }
    // The reader's own change sets go back first: the second card to the source is empty.
    let first = try changeSets(for: source.author, from: target)
    _ = try Self.load(first.bytes, into: source)
    let there = try receipt(try changeSets(for: target.author, from: source).bytes)
    _ = try target.batch(at: .test) { _ = try target.take(try #require(there)) }
    let empty = try changeSets(for: source.author, from: target)
    #expect(empty.count == 0)
    for offset in [4, empty.bytes.count - 1, empty.bytes.count - 70] {
      var forged = empty.bytes
      forged[offset] ^= 1
      let told = try? receipt(forged)
      #expect(try told.flatMap { $0 }.map { try !take($0) } ?? true, "byte \(offset)")
    }
    #expect(try changeSets(for: target.author, from: source).count > 60)
    #expect(try take(try receipt(empty.bytes)))
    #expect(try changeSets(for: target.author, from: source).count == 0)
  }

  @Test func `a bundle of another federation is refused`() throws {
    let (bytes, _, _) = try Self.sample()
    let directory = TemporaryDirectory()
    var foreign = TestFederation(wards: 3, seed: 12)
    let replica = try Replica(
      path: directory.file("f.sqlite"), identity: foreign.node(ward: 0, keySeed: 1), schema: TestSchema.schema,
      at: .test)
    let (taken, fault) = try Self.load(bytes, into: replica)
    #expect(taken == 0 && fault == .wrongFederation)
  }

  /// Where each frame ends and how many change sets it holds, from the layout in FORMAT.md alone.
  static func framesEnd(_ bytes: [UInt8]) -> [(end: Int, entries: Int)] {
    var frames: [(end: Int, entries: Int)] = []
    var offset = 36
    while offset + 4 <= bytes.count {
      let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      guard bytes[offset + 4] == 5 else {
        frames.append((offset + 4 + length, 0))
        offset += 4 + length
        continue
      }
      var cursor = offset + 6
      func varint() -> Int {
        var value = 0
        var shift = 0
        while bytes[cursor] >= 0x80 {
          value |= Int(bytes[cursor] & 0x7f) << shift
          shift += 7
          cursor += 1
        }
        value |= Int(bytes[cursor]) << shift
        cursor += 1
        return value
      }
      _ = varint()
      _ = varint()
      frames.append((offset + 4 + length, varint()))
      offset += 4 + length
    }
    return frames
  }
}
