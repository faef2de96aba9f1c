import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Replica
import Sodium

/// Keys, sealed to the nodes that may have them.
enum KeyDrafts {
  /// Grants in one change set: each takes about 150 bytes.
  private static let perDraft = 200

  /// Lets all nodes of another ward, as far as they are known here, read what this ward tells it; nil when they can.
  static func tell(_ ward: UInt32, _ desk: Desk) throws -> Draft? {
    let identity = desk.replica.identity
    let keyring = desk.replica.keyring
    guard let id = keyring.newestKey(for: .told(by: desk.wardIndex, to: ward)), let key = keyring[id] else {
      throw Fault.refused(
        "toWard", ja: "このノードには他区へ知らせる鍵がありません。カードを作り直してください",
        en: "this node's card has no key for telling other wards; have it made anew")
    }
    let known = try desk.read {
      Set(
        try Int64.fetchAll($0, sql: "SELECT node FROM key_grants WHERE \"key\" = ?", arguments: [Int64(id)]))
    }
    let nodes = nodes(of: ward, desk).filter { !known.contains(Int64($0.node.rawValue)) }
    guard !nodes.isEmpty else {
      guard known.isEmpty else { return nil }
      throw Fault.refused(
        "toWard", ja: "その区のノードをまだ知りません。つながってから行ってください",
        en: "no node of that ward is known here yet; try again when it has been met")
    }
    var draft = Draft(.control, audience: .anyone)
    for grant in key.withSecretBytes({ secret in
      grants(of: secret, as: id, to: nodes, until: nil, ground: "told \(id)", by: identity)
    }) { draft.append(grant.edit) }
    return draft
  }

  /// Opens the boxes that were prepared for this ward, and seals what is in them to this ward's nodes.
  static func open(
    _ confidences: [Confidence], with authority: SigningKey, until: Int64, ground: String, _ desk: Desk
  ) throws -> [Draft] {
    let identity = desk.replica.identity
    let boxes = try desk.read {
      try Row.fetchAll(
        $0, sql: "SELECT \"key\", box FROM emergency_boxes WHERE ward = ? ORDER BY \"key\"", arguments: [desk.ward])
    }
    let nodes = nodes(of: desk.wardIndex, desk)
    var grants: [KeyGrant] = []
    for row in boxes {
      guard let raw = Int64.fromDatabaseValue(row["key"]), let id = AudienceKeyID(exactly: raw),
        case .ward(let ward, let confidence)? = Audience(key: id), ward != desk.wardIndex,
        confidences.contains(confidence), let box = Data.fromDatabaseValue(row["box"]),
        let secret = authority.open(sealedBox: [UInt8](box), to: authority.publicKey),
        // With its authority's word, which goes along with it.
        desk.replica.membership.identity.key(secret, as: id) != nil
      else { continue }
      grants += self.grants(of: secret, as: id, to: nodes, until: until, ground: ground, by: identity)
    }
    return stride(from: 0, to: grants.count, by: perDraft).map { start in
      var draft = Draft(.control, audience: .anyone)
      for grant in grants[start..<min(start + perDraft, grants.count)] { draft.append(grant.edit) }
      return draft
    }
  }

  /// Ends every grant that follows from `ground`.
  static func end(_ ground: String, _ desk: Desk) throws -> [Draft] {
    let rows = try desk.read {
      try Row.fetchAll(
        $0, sql: "SELECT id, \"key\", node FROM key_grants WHERE ground = ? ORDER BY id", arguments: [ground])
    }
    return stride(from: 0, to: rows.count, by: perDraft).map { start in
      var draft = Draft(.control, audience: .anyone)
      for row in rows[start..<min(start + perDraft, rows.count)] {
        guard let id = Int64.fromDatabaseValue(row["id"]), let key = Int64.fromDatabaseValue(row["key"]),
          let node = Int64.fromDatabaseValue(row["node"])
        else { continue }
        // Key and node again: only with them can a node tell whether the author may.
        draft.edit(
          ControlSchema.keyGrants, RowID(rawValue: id),
          [
            FieldEdit(grantField("key"), .set(.integer(key))), FieldEdit(grantField("node"), .set(.integer(node))),
            FieldEdit(grantField("until"), .set(desk.now.value)),
          ], for: .anyone)
      }
      return draft
    }
  }

  /// The core keeps the grants' collection itself, without fields of the desk's kind.
  private static func grantField(_ name: String) -> UInt32 { ControlSchema.keyGrants.field(named: name)!.number }

  private static func nodes(of ward: UInt32, _ desk: Desk) -> [NodeCertificate] {
    let membership = desk.replica.membership
    return membership.certificates.values.filter { $0.node.ward == ward && !membership.isRevoked($0.node) }
      .sorted { $0.node < $1.node }
  }

  private static func grants(
    of secret: [UInt8], as key: AudienceKeyID, to nodes: [NodeCertificate], until: Int64?, ground: String,
    by identity: NodeIdentity
  ) -> [KeyGrant] {
    nodes.compactMap { node in
      identity.key.sealedBox(of: secret, to: node.key).map {
        KeyGrant(key: key, node: node.node, box: $0, until: until, ground: ground)
      }
    }
  }
}
