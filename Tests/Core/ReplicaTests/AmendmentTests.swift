import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Replica
import SignedLog
import Sodium
import TestSupport
import Testing

/// A ward's card is stolen; the wards give it another authority.
struct AmendmentTests {
  var nodes: AudienceTests
  /// Authorities by ward.
  private var keys: [SigningKey] {
    nodes.federation.authorities.map { SigningKey(seed: [UInt8](hexadecimal: $0.seed)!)! }
  }
  let newAuthority = SigningKey(seed: [UInt8](repeating: 77, count: 32))!

  init() {
    nodes = AudienceTests()
    nodes.federation = TestFederation(wards: 5, seed: 9)
  }

  private func amendment(_ statements: [[UInt8]], signedBy wards: [UInt32]) -> AmendmentChain {
    var chain = AmendmentChain(nodes.federation.identity.id)
    chain.append(Amendment(ward: 0, authority: newAuthority.publicKey, keeping: statements))
    for ward in wards { chain.signLast(with: keys[Int(ward)], of: ward) }
    return chain
  }

  private func say(_ edit: RowEdit, on replica: Replica) throws {
    var draft = Draft(.control, audience: .anyone)
    draft.edits = [edit]
    _ = try replica.batch(at: .test) { _ = try replica.commit(draft, at: .test) }
  }

  private func write(_ text: String, on replica: Replica) throws {
    var draft = Draft(.registry)
    draft.edit(AudienceTests.open, try replica.newRows(1)[0], [FieldEdit(1, .set(.text(text)))])
    _ = try replica.batch(at: .test) { _ = try replica.commit(draft, at: .test) }
  }

  private func texts(_ replica: Replica) throws -> Set<String> {
    try replica.store.read { Set(try String.fetchAll($0, sql: "SELECT text FROM open")) }
  }

  private func exchange(_ replicas: Replica...) throws {
    for _ in 0..<3 {
      for source in replicas { for target in replicas where source !== target { try nodes.carry(source, target) } }
    }
  }

  @Test mutating func `three of five make an amendment, two do not, nor three with one false`() throws {
    let identity = nodes.federation.identity
    #expect(identity.threshold == 3)
    #expect(throws: FederationError.malformedAmendment) { try identity.amended(by: amendment([], signedBy: [1, 2])) }
    var forged = amendment([], signedBy: [1, 2])
    forged.signLast(with: newAuthority, of: 3)
    #expect(throws: FederationError.malformedAmendment) { try identity.amended(by: forged) }
    let chain = amendment([], signedBy: [1, 2, 3])
    #expect(try identity.amended(by: chain).amendments == chain)
    #expect(AmendmentChain(chain.bytes) == chain)
    for cut in stride(from: 0, to: chain.bytes.count, by: 7) {
      #expect(AmendmentChain(Array(chain.bytes[..<cut])) == nil)
    }
    // A signature is for this federation, this place in the chain and this content.
    var second = chain
    second.append(chain.amendments[0])
    #expect(throws: FederationError.malformedAmendment) { try identity.amended(by: second) }
    let other = TestFederation(wards: 5, seed: 10).identity
    #expect(throws: FederationError.wrongFederation) { try other.amended(by: chain) }
  }

  /// The thief enrols a node of their own, and revokes an honest one. Whether the amendment comes before or after.
  @Test(arguments: [true, false])
  mutating func `what a stolen card signed is undone, whatever the order`(amendmentFirst: Bool) throws {
    let (home, other, far) = (
      try nodes.node(ward: 0, 1), try nodes.node(ward: 1, 2), try nodes.node(ward: 2, 3)
    )
    try write("盗難の前", on: home)
    try exchange(home, other, far)
    // Somebody writes over what the node wrote that will be revoked falsely, having seen it.
    let row = try #require(try home.store.read { try Int64.fetchOne($0, sql: "SELECT id FROM open") })
    try exchange(home, other, far)
    var over = Draft(.registry)
    over.edit(AudienceTests.open, RowID(rawValue: row), [FieldEdit(1, .set(.text("書き直し")))])
    _ = try other.batch(at: .test) { _ = try other.commit(over, at: .test) }
    try exchange(home, other, far)
    let chain = amendment(other.membership.statements(ofWard: 0), signedBy: [1, 2, 4])

    // The thief, with the old card.
    let false0 = try nodes.node(ward: 0, 66)
    try write("偽の記録", on: false0)
    let log = LogName(.control, home.author)
    let revocation = try nodes.federation.authorities[0].revocation(
      of: home.author, in: nodes.federation.identity, cut: [log: try #require(try home.head(of: log, at: 1))])
    try say(ControlSchema.revoking(revocation, reason: "偽"), on: false0)

    let target = far
    if amendmentFirst {
      try say(ControlSchema.amending(chain, reason: "盗難"), on: other)
      try nodes.carry(other, target)
      try nodes.carry(false0, target)
    } else {
      // It reaches everybody: nobody has in its log any longer what the honest node wrote.
      for replica in [home, other, target] { try nodes.carry(false0, replica) }
      #expect(try texts(target) == ["書き直し", "偽の記録"])
      #expect(target.membership.isRevoked(home.author))
      try say(ControlSchema.amending(chain, reason: "盗難"), on: other)
      try nodes.carry(other, target)
    }
    try exchange(home, other, target)
    for replica in [home, other, target] {
      #expect(try texts(replica) == ["書き直し"], "\(replica.author)")
      let conflicts = try replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM conflicts") }
      #expect(conflicts == 0, "\(replica.author): what was void came after its successor")
      #expect(!replica.membership.isRevoked(home.author))
      #expect(replica.membership.isRevoked(false0.author) || replica.membership.key(of: false0.author) == nil)
      #expect(try replica.store.tableDigest().shared == home.store.tableDigest().shared)
    }
    // Whoever was falsely revoked goes on, and what it writes arrives.
    try write("復旧の後", on: home)
    try exchange(home, other, target)
    #expect(try texts(target) == ["書き直し", "復旧の後"])

    // The database says the same when it is opened again.
    let path = nodes.folder.file("2-3.sqlite")
    let identity = target.identity
    try target.store.close()
    let opened = try Replica(path: path, identity: identity, schema: AudienceTests.schema, at: .test)
    #expect(opened.membership.identity.amendments == chain)
    #expect(try texts(opened) == ["書き直し", "復旧の後"])
    try write("その後", on: home)
    try nodes.carry(home, opened)
    #expect(try texts(opened) == ["書き直し", "復旧の後", "その後"])
  }

  @Test
  mutating func `a newcomer of the new authority is taken up by who has not heard of it, and gets the ward's keys`()
    throws
  {
    let (home, other) = (try nodes.node(ward: 0, 1), try nodes.node(ward: 1, 2))
    var draft = Draft(.registry)
    draft.edit(
      AudienceTests.people, try home.newRows(1)[0], [FieldEdit(1, .set(.text("古野 鍵子")))], for: .ward(0, .identity))
    _ = try home.commit(draft, at: .test)
    try exchange(home, other)
    let chain = amendment(home.membership.statements(ofWard: 0), signedBy: [1, 2, 3])
    let amended = try nodes.federation.identity.amended(by: chain)

    var record = AuthorityRecord(
      ward: "13101", seed: [UInt8](repeating: 77, count: 32),
      federationKey: try #require(home.keyring[Keyring.federationKeyID]).withSecretBytes { $0 })
    record.nextSerial = 9
    record.generation = home.keyGeneration
    record.firstGeneration = home.keyGeneration + 1
    let key = SigningKey(seed: [UInt8](repeating: 5, count: 32))!
    // The old card is nobody's any more.
    var old = nodes.federation.authorities[0]
    #expect(throws: FederationError.unknownWard("13101")) { try old.enrol(key.publicKey, in: amended, at: .test) }
    let card = try record.enrol(key.publicKey, in: amended, at: .test)
    let late = try Replica(
      path: nodes.folder.file("late.sqlite"), identity: NodeIdentity(card, key: key), schema: AudienceTests.schema,
      at: .test)
    try write("新しい認証局のノードから", on: late)
    // It meets another ward first, which knows of no amendment.
    try nodes.carry(late, other)
    #expect(try texts(other) == ["新しい認証局のノードから"])
    #expect(other.membership.identity.amendments == chain)
    try exchange(home, late, other)
    #expect(try nodes.names(late) == [])

    let staying = home.membership.certificates.values.filter { $0.node.ward == 0 }
    let renewal = try record.renewKeys(for: Array(staying), above: home.keyGeneration, in: home.membership.identity)
    _ = try home.renewKeys(renewal, at: .test)
    try exchange(home, late, other)
    #expect(try nodes.names(late) == ["古野 鍵子"])
    #expect(late.keyGeneration == 1)
  }
}
