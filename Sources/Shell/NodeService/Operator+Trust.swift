import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import Replica
import SignedLog
import Sodium
import Store

/// A node as people name it: its ward's code and its number there, `13113-2`.
public struct NodeName: Codable, Hashable, Sendable, CustomStringConvertible {
  public var ward: String
  public var serial: UInt32

  /// From what names one node, as `NodeReference` has it: `13113-2`, `渋谷区-2`, `12.2`.
  public init?(_ text: String, in identity: FederationIdentity) {
    let last = text.split(whereSeparator: { "-.".contains($0) }).dropFirst().first
    guard let last, let serial = UInt32(last), (1..<AuthorNumber.partLimit).contains(serial) else { return nil }
    for (index, ward) in identity.genesis.wards.enumerated()
    where NodeReference.names(text, AuthorNumber(ward: UInt32(index), serial: serial, epoch: 0), of: ward) {
      self.ward = ward.code
      self.serial = serial
      return
    }
    return nil
  }

  public var description: String { "\(ward)-\(serial)" }

  public func number(in identity: FederationIdentity) throws -> AuthorNumber {
    guard let index = identity.index(ofWard: ward) else { throw FederationError.unknownWard(ward) }
    return AuthorNumber(ward: index, serial: serial, epoch: 0)
  }
}

/// How far one log of a node is known, and by which change set.
public struct LogCut: Codable, Hashable, Sendable {
  public var lane: String
  public var epoch: UInt32
  public var sequence: UInt32
  /// Its chain hash, hexadecimal.
  public var hash: String
}

public struct CutResult: Codable, Sendable {
  public var node: String
  public var logs: [LogCut]

  /// The cut as a revocation names it.
  public func cut(of node: AuthorNumber) -> [LogName: LogHead] {
    Dictionary(
      uniqueKeysWithValues: logs.compactMap { log in
        guard let lane = Lane.allCases.first(where: { $0.name == log.lane }),
          let hash = [UInt8](hexadecimal: log.hash), hash.count == Digest.byteCount
        else { return nil }
        let author = AuthorNumber(ward: node.ward, serial: node.serial, epoch: log.epoch)
        return (LogName(lane, author), LogHead(sequence: SequenceNumber(log.sequence), hash: Digest(hash)))
      })
  }
}

public struct RevokeResult: Codable, Sendable {
  public var node: String
  /// Change sets that were here and are void now; they are kept apart.
  public var setAside: Int
}

/// The nodes of a ward that are not revoked, as one of them knows them.
public struct WardNodes: Codable, Sendable {
  public var ward: String
  /// Of the audience keys.
  public var generation: UInt32
  /// Hexadecimal.
  public var certificates: [String]
  /// What the ward's authorities have signed that holds, hexadecimal.
  public var statements: [String]
  /// The highest number that any certificate of the ward bears, valid or not.
  public var highestSerial: UInt32

  init(_ replica: Replica) {
    ward = replica.identity.ward.code
    generation = replica.keyGeneration
    certificates = replica.membership.certificates.values
      .filter { $0.node.ward == replica.author.ward && !replica.membership.isRevoked($0.node) }
      .sorted { $0.node < $1.node }.map(\.bytes.hexadecimal)
    highestSerial =
      replica.membership.certificates.keys.filter { $0.ward == replica.author.ward }.map(\.serial).max() ?? 0
    statements = replica.membership.statements(ofWard: replica.author.ward).map(\.hexadecimal)
  }

  public func nodes(in identity: FederationIdentity) throws -> [NodeCertificate] {
    try certificates.map { text in
      guard let bytes = [UInt8](hexadecimal: text) else { throw FederationError.malformedCertificate }
      return try NodeCertificate(bytes, in: identity)
    }
  }
}

public struct AmendResult: Codable, Sendable {
  /// How many the federation has now.
  public var amendments: Int
}

public struct RenewKeysResult: Codable, Sendable {
  public var ward: String
  public var generation: UInt32
  public var nodes: Int
}

public struct SetAsideResult: Codable, Sendable {
  public struct Branch: Codable, Sendable {
    public var lane: String
    public var author: String
    public var ward: String?
    public var first: Int
    public var changeSets: Int
    public var revoked: Bool
  }

  public var branches: [Branch]
}

public struct AdoptResult: Codable, Sendable {
  public var changeSets: Int
  public var edits: Int
  /// Edits of a stock's share, which only their author could make: to be counted anew by a person.
  public var left: Int
  /// Sections that this node can neither read nor write: they stay for whoever can.
  public var unread: Int
}

extension Operator {
  func knownCut(of name: NodeName) async throws -> CutResult {
    let node = try name.number(in: core.identity.federation)
    let cut = await core.inspect { $0.cut(of: node) }
    guard !cut.isEmpty else {
      throw OperatorFailure(2, ja: "このノードは知られていません: \(name)", en: "no such node is known here: \(name)")
    }
    return CutResult(
      node: "\(name)",
      logs: cut.sorted { $0.key < $1.key }.map {
        LogCut(
          lane: $0.key.lane.name, epoch: $0.key.author.epoch, sequence: $0.value.sequence,
          hash: $0.value.hash.bytes.hexadecimal)
      })
  }

  func revoke(_ statement: String, _ reason: String) async throws -> RevokeResult {
    guard let bytes = [UInt8](hexadecimal: statement) else { throw FederationError.malformedRevocation }
    let revocation = try Revocation(bytes, in: core.federation)
    let before = try await core.inspect { try $0.setAsideBranches() }.reduce(0) { $0 + $1.count }
    let (name, user) = (core.federation.reference(to: revocation.node), user)
    try await core.edit { replica, now in
      var draft = Draft(.control, audience: .anyone)
      draft.edits = [ControlSchema.revoking(revocation, reason: reason)]
      return (
        (),
        try replica.batch(at: now) {
          // Before it: a node that revokes itself says nothing more.
          try replica.note(
            .revoke, to: replica.membership.key(of: revocation.node), "\(name)_\(reason)", by: user, at: now)
          _ = try replica.commit(draft, at: now)
        }
      )
    }
    await core.dropRevoked()
    let after = try await core.inspect { try $0.setAsideBranches() }.reduce(0) { $0 + $1.count }
    return RevokeResult(node: "\(revocation.node)", setAside: after - before)
  }

  func amend(_ chain: String, _ reason: String) async throws -> AmendResult {
    guard let bytes = [UInt8](hexadecimal: chain), let chain = AmendmentChain(bytes) else {
      throw FederationError.malformedAmendment
    }
    _ = try core.federation.amended(by: chain)
    let user = user
    try await core.edit { replica, now in
      var draft = Draft(.control, audience: .anyone)
      draft.edits = [ControlSchema.amending(chain, reason: reason)]
      return (
        (),
        try replica.batch(at: now) {
          try replica.note(.amend, reason, by: user, at: now)
          _ = try replica.commit(draft, at: now)
        }
      )
    }
    await core.dropRevoked()
    return AmendResult(amendments: core.federation.amendments.amendments.count)
  }

  func renewKeys(_ renewal: KeyRenewal) async throws -> RenewKeysResult {
    let user = user
    let generation = try await core.edit { replica, now in
      let effects = try replica.batch(at: now) {
        _ = try replica.renewKeys(renewal, at: now)
        try replica.note(.renewKeys, "\(renewal.generation)", by: user, at: now)
      }
      return (replica.keyGeneration, effects)
    }
    return RenewKeysResult(
      ward: core.identity.ward.code, generation: generation, nodes: Set(renewal.keys.map(\.node)).count)
  }

  func setAside() async throws -> SetAsideResult {
    try await core.inspect { replica in
      SetAsideResult(
        branches: try replica.setAsideBranches().map { branch in
          SetAsideResult.Branch(
            lane: branch.log.lane.name, author: "\(branch.log.author)",
            ward: replica.membership.wardCode(of: branch.log.author), first: Int(branch.first),
            changeSets: branch.count, revoked: replica.membership.isRevoked(branch.log.author))
        })
    }
  }

  func adopt(_ lane: String, _ author: String) async throws -> AdoptResult {
    let branches = try await core.inspect { try $0.setAsideBranches() }
    guard let branch = branches.first(where: { $0.log.lane.name == lane && "\($0.log.author)" == author }) else {
      throw OperatorFailure(
        2, ja: "このログの取り置きはありません: \(lane) \(author)", en: "nothing of this log is set aside: \(lane) \(author)")
    }
    let user = user
    return try await core.edit { replica, now in
      var adoption = Adoption()
      let effects = try replica.batch(at: now) {
        adoption = try replica.adopt(branch.log, at: now)
        try replica.note(
          .adopt, to: replica.membership.key(of: branch.log.author), "\(lane)_\(author)", by: user, at: now)
      }
      return (
        AdoptResult(
          changeSets: adoption.changeSets, edits: adoption.edits, left: adoption.left, unread: adoption.unread), effects
      )
    }
  }
}
