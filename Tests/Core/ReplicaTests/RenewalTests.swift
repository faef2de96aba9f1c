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

/// What an authority does after a node is gone, and before its certificate ends.
struct RenewalTests {
  var nodes = AudienceTests()

  private func seal(_ name: String, on replica: Replica, for audience: Audience) throws {
    var draft = Draft(.registry)
    draft.edit(AudienceTests.people, try replica.newRows(1)[0], [FieldEdit(1, .set(.text(name)))], for: audience)
    _ = try replica.commit(draft, at: .test)
  }

  private func exchange(_ replicas: Replica...) throws {
    for _ in 0..<2 {
      for source in replicas { for target in replicas where source !== target { try nodes.carry(source, target) } }
    }
  }

  @Test mutating func `what a ward seals after it made its keys anew, the stolen keys do not open`() throws {
    let (home, colleague, stolen, other) = (
      try nodes.node(ward: 0, 1), try nodes.node(ward: 0, 2), try nodes.node(ward: 0, 3), try nodes.node(ward: 1, 4)
    )
    let (own, told) = (Audience.ward(0, .identity), Audience.told(by: 0, to: 1))
    try exchange(home, colleague, stolen, other)
    let secret = try #require(home.keyring[told.key()]).withSecretBytes { $0 }
    let box = try #require(home.identity.key.sealedBox(of: secret, to: other.identity.key.publicKey))
    var draft = Draft(.control, audience: .anyone)
    draft.append(KeyGrant(key: told.key(), node: other.author, box: box, until: nil, ground: "consent").edit)
    _ = try home.commit(draft, at: .test)
    try seal("前野 花子", on: home, for: own)
    try seal("前野 知世", on: home, for: told)
    try exchange(home, colleague, stolen, other)
    #expect(try nodes.names(stolen) == ["前野 花子", "前野 知世"])
    #expect(try nodes.names(other) == ["前野 知世"])

    let revocation = try nodes.federation.authorities[0].revocation(
      of: stolen.author, in: nodes.federation.identity, cut: home.cut(of: stolen.author))
    draft = Draft(.control, audience: .anyone)
    draft.edits = [ControlSchema.revoking(revocation, reason: "盗難")]
    _ = try home.commit(draft, at: .test)
    let staying = home.membership.certificates.values.filter { !home.membership.isRevoked($0.node) }
    let renewal = try nodes.federation.renewKeys(ofWard: 0, for: Array(staying), above: home.keyGeneration)
    #expect(Set(renewal.keys.map(\.node)) == [home.author.rawValue, colleague.author.rawValue])
    _ = try home.renewKeys(renewal, at: .test)
    #expect(home.keyGeneration == 1)
    #expect(throws: ReplicaError.self) { try other.renewKeys(renewal, at: .test) }

    try seal("後藤 太郎", on: home, for: own)
    try seal("後藤 告子", on: home, for: told)
    // Who has not heard of the new keys goes on with the old ones.
    try seal("後藤 遅子", on: colleague, for: own)
    // Whoever stole the node gets hold of everything that was written.
    try exchange(home, colleague, stolen, other)
    let all = ["前野 花子", "前野 知世", "後藤 太郎", "後藤 告子", "後藤 遅子"]
    #expect(Set(try nodes.names(home)) == Set(all))
    #expect(Set(try nodes.names(colleague)) == Set(all))
    #expect(colleague.keyGeneration == 1)
    #expect(Set(try nodes.names(stolen)) == ["前野 花子", "前野 知世", "後藤 遅子"])
    #expect(Set(try nodes.names(other)) == ["前野 知世", "後藤 告子"])

    // A node that is enrolled later gets the old keys and the new.
    let late = try nodes.node(ward: 0, 5)
    try exchange(home, late)
    #expect(Set(try nodes.names(late)) == Set(all))
    // What is prepared for a disaster is there for the new keys, too.
    let boxes = try other.store.read {
      try Int64.fetchAll($0, sql: "SELECT \"key\" FROM emergency_boxes WHERE ward = '13102' ORDER BY 1")
    }
    #expect(Set([Confidence.identity, .care].map { Int64(Audience.ward(0, $0).key(1)) }).isSubset(of: boxes))
  }

  @Test mutating func `when a grant to another ward has ended, the ward is told until it has made its keys anew`()
    throws
  {
    let (home, other) = (try nodes.node(ward: 0, 1), try nodes.node(ward: 1, 2))
    try exchange(home, other)
    let own = Audience.ward(0, .identity)
    let secret = try #require(home.keyring[own.key()]).withSecretBytes { $0 }
    let box = try #require(home.identity.key.sealedBox(of: secret, to: other.identity.key.publicKey))
    let until = Instant.test.milliseconds + 1_000
    var draft = Draft(.control, audience: .anyone)
    draft.append(KeyGrant(key: own.key(), node: other.author, box: box, until: until, ground: "consent").edit)
    _ = try home.commit(draft, at: .test)
    #expect(try home.openedKeys(at: .test) == 0)
    let after = Instant.test.advanced(byMilliseconds: 1_000)
    #expect(try home.openedKeys(at: after) == 1)
    let renewal = try nodes.federation.renewKeys(
      ofWard: 0, for: home.membership.certificates.values.filter { $0.node.ward == 0 }, above: home.keyGeneration)
    _ = try home.renewKeys(renewal, at: after)
    #expect(try home.openedKeys(at: after) == 0)
  }

  @Test mutating func `a key under which nothing lies makes nobody read all that is sealed again`() throws {
    let (home, other) = (try nodes.node(ward: 0, 1), try nodes.node(ward: 1, 2))
    try exchange(home, other)
    let told = Audience.told(by: 0, to: 1)
    try seal("前野 花子", on: home, for: told)
    try exchange(home, other)
    func grant(_ generation: UInt32) throws {
      let secret = try #require(home.keyring[told.key()]).withSecretBytes { $0 }
      let box = try #require(home.identity.key.sealedBox(of: secret, to: other.identity.key.publicKey))
      var draft = Draft(.control, audience: .anyone)
      draft.append(
        KeyGrant(key: told.key(generation), node: other.author, box: box, until: nil, ground: "consent").edit)
      _ = try home.commit(draft, at: .test)
      try exchange(home, other)
    }
    let before = other.sealedWalks
    for generation in 1...20 { try grant(UInt32(generation)) }
    #expect(other.keyring.ids.contains(told.key(20)))
    #expect(other.sealedWalks == before)
    #expect(try nodes.names(other) == [])
    try grant(0)
    #expect(other.sealedWalks == before + 1)
    #expect(try nodes.names(other) == ["前野 花子"])
    // What comes later under a key that was given before is read as it comes.
    try seal("後藤 告子", on: home, for: told)
    try exchange(home, other)
    #expect(try nodes.names(other).count == 2)
    #expect(other.sealedWalks == before + 1)
  }

  @Test mutating func `keys that another ward's node says are no keys`() throws {
    let (home, other) = (try nodes.node(ward: 0, 1), try nodes.node(ward: 1, 2))
    try exchange(home, other)
    let id = Audience.ward(0, .identity).key(7)
    let box = try #require(
      other.identity.key.sealedBox(of: [UInt8](repeating: 1, count: 32), to: home.identity.key.publicKey))
    var draft = Draft(.control, audience: .anyone)
    draft.append(KeyGrant(key: id, node: home.author, box: box, until: nil, ground: KeyRenewal.ground).edit)
    _ = try? other.commit(draft, at: .test)
    try exchange(home, other)
    #expect(home.keyGeneration == 0)
  }

  @Test mutating func `a node that will be found out to be stolen makes no key of its ward`() throws {
    let (home, stolen) = (try nodes.node(ward: 0, 1), try nodes.node(ward: 0, 2))
    try exchange(home, stolen)
    var draft = Draft(.control, audience: .anyone)
    for confidence in [Confidence.identity, .credential] {
      let id = Audience.ward(0, confidence).key(1_023)
      let secret = [UInt8](repeating: 7, count: 32)
      for content in [secret, secret + stolen.identity.key.signature(over: secret)] {
        let box = try #require(stolen.identity.key.sealedBox(of: content, to: home.identity.key.publicKey))
        let ground = "\(content.count)"
        draft.append(KeyGrant(key: id, node: home.author, box: box, until: nil, ground: ground).edit)
      }
    }
    _ = try stolen.batch(at: .test) { _ = try stolen.commit(draft, at: .test) }
    try exchange(home, stolen)
    #expect(home.keyGeneration == 0)
    let renewal = try nodes.federation.renewKeys(
      ofWard: 0, for: [home.identity.certificate], above: home.keyGeneration)
    _ = try home.renewKeys(renewal, at: .test)
    #expect(home.keyGeneration == 1)
  }

  @Test mutating func `a renewed certificate reaches everybody, and an ended one ends links only`() throws {
    let year: Int64 = 31_556_952_000
    let key = SigningKey(seed: [UInt8](repeating: 9, count: 32))!
    let first = try nodes.federation.enrol(key, ward: 0, validUntil: .test.advanced(byMilliseconds: year))
    let path = nodes.folder.file("renewed.sqlite")
    var home = try Replica(path: path, identity: NodeIdentity(first, key: key), schema: AudienceTests.schema, at: .test)
    let other = try nodes.node(ward: 1, 2)
    try exchange(home, other)
    let known = try #require(other.membership.certificates[home.author.node])
    #expect(!known.hasEnded(at: .test.advanced(byMilliseconds: year)))
    #expect(known.hasEnded(at: .test.advanced(byMilliseconds: year + NodeCertificate.clockTolerance + 1)))

    let second = try nodes.federation.renew(known, validUntil: .test.advanced(byMilliseconds: 2 * year))
    let identity = try NodeIdentity(second, key: key)
    #expect(identity.certificate.node == home.author.node)
    try home.store.close()
    home = try Replica(path: path, identity: identity, schema: AudienceTests.schema, at: .test)
    let written = home.store.logged(LogName(.control, home.author))
    try exchange(home, other)
    #expect(other.membership.certificates[home.author.node] == identity.certificate)
    // It is said once, however often the node starts.
    try home.store.close()
    home = try Replica(path: path, identity: identity, schema: AudienceTests.schema, at: .test)
    #expect(home.store.logged(LogName(.control, home.author)) == written)
  }

  @Test func `a locked card opens with its passphrase alone`() throws {
    let record = AuthorityRecord(
      ward: "13101", seed: (0..<32).map { UInt8($0) }, federationKey: [UInt8](repeating: 2, count: 32))
    let passphrase = "三毛猫と 青い鉛筆と 夕立の匂い"
    let file = try AuthorityCard.file(of: record, passphrase: passphrase, random: secureRandomBytes)
    for secret in [record.seed, record.federationKey] { #expect(file.range(of: Data(secret.utf8)) == nil) }
    let card = try AuthorityCard(file)
    #expect(card.isLocked)
    #expect(try card.record { passphrase }.seed == record.seed)
    for wrong in [nil, "", "三毛猫と 青い鉛筆と 夕立の音"] {
      #expect(throws: FederationError.wrongPassphrase) { try card.record { wrong } }
    }
    // Every part of the file counts.
    let text = String(decoding: file, as: UTF8.self)
    for part in ["box", "nonce", "salt"] {
      let at = try #require(text.range(of: "\"\(part)\" : \"")).upperBound
      var damaged = text
      damaged.replaceSubrange(at...at, with: text[at] == "0" ? "1" : "0")
      let broken = try AuthorityCard(Data(damaged.utf8))
      #expect(throws: FederationError.wrongPassphrase) { try broken.record { passphrase } }
    }
    #expect(throws: FederationError.shortPassphrase) {
      try AuthorityCard.file(of: record, passphrase: "短い合い言葉", random: secureRandomBytes)
    }
    #expect(
      try AuthorityCard(AuthorityCard.file(of: record, passphrase: nil, random: secureRandomBytes)).record { nil }.seed
        == record.seed)
    #expect(throws: FederationError.malformedCard("authority file")) { try AuthorityCard(Data("{}".utf8)) }
  }
}
