import Causality
import ChangeModel
import Foundation
import SignedLog
import Sodium

/// The collections of the control lane that the core itself reads: who may write, and who may read what. Readable by
/// anyone.
public enum ControlSchema {
  /// One row for each enrolled node; the row's id comes from its key, so that each node can be enrolled only once.
  public static let certificates = CollectionSchema(
    1, "certificates", lane: .control, law: .open,
    fields: [
      FieldSchema(1, "ward", ja: "区コード", en: "ward code"),
      FieldSchema(2, "serial", .register, .integer, ja: "機番", en: "node serial"),
      FieldSchema(3, "node_key", ja: "公開鍵", en: "node key"),
      FieldSchema(4, "certificate", .register, .bytes, ja: "証明書", en: "certificate"),
    ])

  /// What a declared disaster opens of a ward, sealed to another ward's authority: prepared before the disaster, so that
  /// a ward that is cut off can open it with its own authority's card.
  public static let emergencyBoxes = CollectionSchema(
    2, "emergency_boxes", lane: .control, law: .open,
    fields: [
      FieldSchema(1, "key", .register, .integer, ja: "鍵番号", en: "key id"),
      FieldSchema(2, "ward", ja: "受け手の区コード", en: "receiving ward"),
      FieldSchema(3, "box", .register, .bytes, ja: "封をした鍵", en: "sealed key"),
    ])

  /// An audience's key for one node, sealed to it, until a time, and why.
  public static let keyGrants = CollectionSchema(
    3, "key_grants", lane: .control, law: .open,
    fields: [
      FieldSchema(1, "key", .register, .integer, ja: "鍵番号", en: "key id"),
      FieldSchema(2, "node", .register, .integer, ja: "受け手のノード", en: "receiving node"),
      FieldSchema(3, "box", .register, .bytes, ja: "封をした鍵", en: "sealed key"),
      FieldSchema(4, "until", .register, .integer, ja: "期限", en: "until"),
      FieldSchema(5, "ground", ja: "根拠", en: "ground"),
    ])

  /// What ends the validity of logs, and for people, of which node and why. The statement counts, not the row: it proves
  /// itself, and holds whatever becomes of the row.
  public static let revocations = CollectionSchema(
    6, "revocations", lane: .control, law: .open,
    fields: [
      FieldSchema(1, "node", .register, .integer, ja: "ノード", en: "node"),
      FieldSchema(2, "statement", .register, .bytes, ja: "失効書", en: "revocation"),
      FieldSchema(3, "reason", ja: "理由", en: "reason"),
    ])

  public static let forkProofs = CollectionSchema(
    7, "fork_proofs", lane: .control, law: .open,
    fields: [
      FieldSchema(1, "author", .register, .integer, ja: "書き手", en: "author"),
      FieldSchema(2, "proof", .register, .bytes, ja: "分岐の証拠", en: "proof of the fork"),
      FieldSchema(3, "lane", ja: "系統", en: "lane"),
      FieldSchema(4, "sequence", .register, .integer, ja: "番号", en: "sequence"),
    ])

  /// The wards' authorities that were replaced: the whole chain, in each row.
  public static let amendments = CollectionSchema(
    13, "amendments", lane: .control, law: .open,
    fields: [
      FieldSchema(1, "count", .register, .integer, ja: "件数", en: "amendments"),
      FieldSchema(2, "statement", .register, .bytes, ja: "改正書", en: "chain of amendments"),
      FieldSchema(3, "reason", ja: "理由", en: "reason"),
    ])

  /// Void change sets of logs that fork: for the node that wrote them and may have lost them, byte for byte, still sealed; and
  /// who has said one again as a whole, so that nobody does so twice.
  public static let returned = CollectionSchema(
    14, "returned_change_sets", lane: .registry, law: .open,
    fields: [
      FieldSchema(1, "lane", ja: "系統", en: "lane"),
      FieldSchema(2, "author", .register, .integer, ja: "書き手", en: "author"),
      FieldSchema(3, "sequence", .register, .integer, ja: "番号", en: "sequence"),
      FieldSchema(4, "previous", .register, .bytes, ja: "前のハッシュ", en: "hash of the one before"),
      FieldSchema(5, "change_set", .register, .bytes, ja: "変更セット", en: "change set"),
      FieldSchema(6, "said_by", .register, .integer, ja: "言い直した書き手", en: "said again by"),
    ])

  public static let collections = [
    certificates, emergencyBoxes, keyGrants, revocations, forkProofs, amendments, returned,
  ]

  /// Whoever said a change set again as a whole.
  public static func sayingAgain(_ hash: Digest, by author: AuthorNumber) -> RowEdit {
    RowEdit(returned.number, returnedRow(hash), [FieldEdit(6, .set(.integer(Int64(author.rawValue))))])
  }

  /// One row for each change set, whoever hands it back.
  public static func returnedRow(_ hash: Digest) -> RowID {
    RowID(derivedFrom: blake2b([UInt8]("returned ".utf8) + hash.bytes).prefix)
  }

  public static func returning(
    _ bytes: [UInt8], _ log: LogName, at sequence: SequenceNumber, after previous: Digest, as row: RowID
  ) -> [RowEdit] {
    [
      RowEdit(
        returned.number, row,
        [
          FieldEdit(1, .set(.text(log.lane.name))), FieldEdit(2, .set(.integer(Int64(log.author.rawValue)))),
          FieldEdit(3, .set(.integer(Int64(sequence)))), FieldEdit(4, .set(.bytes(previous.bytes))),
          FieldEdit(5, .set(.bytes(bytes))),
        ])
    ]
  }

  public static let certificateField: UInt32 = 4
  public static let factField: UInt32 = 2

  /// Whether an edit of the boxes and grants is for its author to make: a ward hands out its own keys and what it tells others, and a
  /// ward that a disaster lets in hands what it may read to its own nodes. Anybody else's has no effect, on every node alike.
  public static func admits(_ edit: RowEdit, by author: AuthorNumber) -> Bool {
    guard edit.collection == emergencyBoxes.number || edit.collection == keyGrants.number else { return true }
    guard case .edit(let fields) = edit.action else { return false }
    func integer(_ number: UInt32) -> Int64? {
      for field in fields where field.field == number {
        if case .set(.integer(let value)) = field.operation { return value }
      }
      return nil
    }
    guard let key = integer(1).flatMap({ AudienceKeyID(exactly: $0) }), let writer = Audience(key: key)?.writer else {
      return false
    }
    if edit.collection == emergencyBoxes.number { return writer == author.ward }
    guard let node = integer(2).flatMap({ UInt32(exactly: $0) }).flatMap(AuthorNumber.init) else { return false }
    if case .told? = Audience(key: key) { return author.ward == writer }
    return author.ward == writer || author.ward == node.ward
  }

  public static func certifying(_ certificate: NodeCertificate, in identity: FederationIdentity) -> RowEdit {
    RowEdit(
      certificates.number, RowID(derivedFrom: blake2b(certificate.key.bytes).prefix),
      [
        FieldEdit(1, .set(identity.ward(at: certificate.node.ward).map { .text($0.code) } ?? .null)),
        FieldEdit(2, .set(.integer(Int64(certificate.node.serial)))),
        FieldEdit(3, .set(.text(certificate.key.bytes.hexadecimal))),
        FieldEdit(4, .set(.bytes(certificate.bytes))),
      ])
  }

  /// The edits by which a node makes itself known, its first of all.
  public static func enrolment(_ identity: NodeIdentity) -> [RowEdit] {
    // Who does not know the authority yet learns of it first.
    let chain = identity.federation.amendments
    let amended = chain.amendments.isEmpty ? [] : [amending(chain, reason: nil)]
    let own = certifying(identity.certificate, in: identity.federation)
    return amended + [own] + preparing(identity.emergency, in: identity.federation)
  }

  /// Boxes for a disaster; one that no ward of the federation could open is left out.
  private static func preparing(
    _ boxes: [EnrolmentCard.EmergencyBox], in identity: FederationIdentity
  ) -> [RowEdit] {
    boxes.compactMap { sealed in
      guard let box = [UInt8](hexadecimal: sealed.box), let ward = identity.ward(at: sealed.ward) else { return nil }
      return RowEdit(
        emergencyBoxes.number,
        RowID(derivedFrom: blake2b([UInt8]("emergency \(sealed.id) \(ward.code)".utf8)).prefix),
        [
          FieldEdit(1, .set(.integer(Int64(sealed.id)))), FieldEdit(2, .set(.text(ward.code))),
          FieldEdit(3, .set(.bytes(box))),
        ])
    }
  }

  /// A ward's new audience keys, for its nodes and for a disaster.
  public static func renewing(_ renewal: KeyRenewal, in identity: FederationIdentity) -> [RowEdit] {
    renewal.keys.compactMap { sealed in
      guard let box = [UInt8](hexadecimal: sealed.box), let node = AuthorNumber(rawValue: sealed.node) else {
        return nil
      }
      return KeyGrant(key: sealed.id, node: node, box: box, until: nil, ground: KeyRenewal.ground).edit
    } + preparing(renewal.emergency, in: identity)
  }

  public static func revoking(_ revocation: Revocation, reason: String) -> RowEdit {
    RowEdit(
      revocations.number, RowID(derivedFrom: blake2b(revocation.bytes).prefix),
      [
        FieldEdit(1, .set(.integer(Int64(revocation.node.rawValue)))), FieldEdit(2, .set(.bytes(revocation.bytes))),
        FieldEdit(3, .set(.text(reason))),
      ])
  }

  public static func amending(_ chain: AmendmentChain, reason: String?) -> RowEdit {
    let statement = [
      FieldEdit(1, .set(.integer(Int64(chain.amendments.count)))), FieldEdit(2, .set(.bytes(chain.bytes))),
    ]
    return RowEdit(
      amendments.number, RowID(derivedFrom: blake2b(chain.bytes).prefix),
      statement + (reason.map { [FieldEdit(3, .set(.text($0)))] } ?? []))
  }

  public static func proving(_ fork: ForkProof) -> RowEdit {
    RowEdit(
      forkProofs.number, RowID(derivedFrom: blake2b(fork.bytes).prefix),
      [
        FieldEdit(1, .set(.integer(Int64(fork.log.author.rawValue)))), FieldEdit(2, .set(.bytes(fork.bytes))),
        FieldEdit(3, .set(.text(fork.log.lane.name))), FieldEdit(4, .set(.integer(Int64(fork.sequence)))),
      ])
  }

  /// The revocations, fork proofs and amendments in a list of edits, valid or not.
  public static func facts(in edits: [RowEdit]) -> [TrustFact] {
    edits.flatMap { edit -> [TrustFact] in
      guard [revocations, forkProofs, amendments].contains(where: { $0.number == edit.collection }),
        case .edit(let fields) = edit.action
      else { return [] }
      return fields.compactMap { field in
        guard field.field == factField, case .set(.bytes(let bytes)) = field.operation else { return nil }
        return TrustFact(bytes)
      }
    }
  }

  /// The certificates that a list of edits would enrol, valid or not.
  public static func certificates(in edits: [RowEdit]) -> [[UInt8]] {
    edits.flatMap { edit -> [[UInt8]] in
      guard edit.collection == certificates.number, case .edit(let fields) = edit.action else { return [] }
      return fields.compactMap { field in
        guard field.field == certificateField, case .set(.bytes(let bytes)) = field.operation else { return nil }
        return bytes
      }
    }
  }
}

/// One audience's key for one node.
public struct KeyGrant: Hashable, Sendable {
  public var key: AudienceKeyID
  public var node: AuthorNumber
  public var box: [UInt8]
  /// Milliseconds since 1970; nil: no end.
  public var until: Int64?
  /// The row of the declaration or consent that it follows from.
  public var ground: String

  public init(key: AudienceKeyID, node: AuthorNumber, box: [UInt8], until: Int64?, ground: String) {
    self.key = key
    self.node = node.node
    self.box = box
    self.until = until
    self.ground = ground
  }

  /// One row for each key, node and ground, on whichever node it is written.
  public var row: RowID { RowID(derivedFrom: blake2b([UInt8]("grant \(key) \(node.rawValue) \(ground)".utf8)).prefix) }

  public var edit: RowEdit {
    RowEdit(
      ControlSchema.keyGrants.number, row,
      [
        FieldEdit(1, .set(.integer(Int64(key)))), FieldEdit(2, .set(.integer(Int64(node.rawValue)))),
        FieldEdit(3, .set(.bytes(box))), FieldEdit(4, .set(until.map { .integer($0) } ?? .null)),
        FieldEdit(5, .set(.text(ground))),
      ])
  }
}

extension NodeIdentity {
  /// This identity with what `grants` let it read besides.
  public func opening(_ grants: [KeyGrant]) -> NodeIdentity {
    var identity = self
    identity.keyring = keyring(with: grants, in: federation)
    return identity
  }

  /// The card's keys, and those that `grants` let this node have.
  ///
  /// - Parameter federation: with the amendments that are known. A ward's key counts only with its authority's word.
  public func keyring(with grants: [KeyGrant], in federation: FederationIdentity) -> Keyring {
    var ring = keyring
    for grant in grants
    where grant.node == certificate.node && ring[grant.key] == nil
      && Audience(key: grant.key)?.writer != nil
    {
      guard let content = key.open(sealedBox: grant.box, to: key.publicKey) else { continue }
      // What nobody answers for is no key, and keeps none away that comes after it.
      guard let opened = federation.key(content, as: grant.key) else { continue }
      ring.add(opened, as: grant.key, vouched: content)
    }
    return ring
  }
}
