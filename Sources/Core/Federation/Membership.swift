import Causality
import ChangeModel
import SignedLog
import Sodium

/// Who is enrolled and how much of what they wrote is valid: derived from the certificates, revocations and fork proofs that
/// the control lane holds. Each of these proves itself, so it counts whoever carried it; learning the same ones in any
/// order gives the same.
public struct Membership: Sendable {
  /// With the amendments that are known.
  public private(set) var identity: FederationIdentity
  /// By node number (epoch 0): the certificate that counts.
  public private(set) var certificates: [AuthorNumber: NodeCertificate] = [:]
  /// All that are known, by node: an amendment may decide anew which counts.
  private var allCertificates: [AuthorNumber: Set<NodeCertificate>] = [:]
  /// Nodes whose certificate no longer holds, since their authority was replaced.
  private var disowned: Set<AuthorNumber> = []
  private var allRevocations: Set<Revocation> = []
  /// Nodes of which something was void, somewhere, that is not any longer.
  private var lifted: Set<AuthorNumber> = []
  /// Those that hold.
  private var revocations: [AuthorNumber: [Revocation]] = [:]
  /// The last change set that the branches of a log share, of logs that fork.
  private var forks: [LogName: LogHead] = [:]
  /// Logs whose branches a revocation chooses from. Past where they part, a number in another author's clock may name either
  /// branch: it says nothing, and nobody waits for it, until that author names the branch that it means.
  public private(set) var choices: [LogName: BranchChoice] = [:]
  /// What `lastEpoch` gives.
  private var lastEpochs: [AuthorNumber: UInt32] = [:]
  /// Proofs about authors that nobody here knows yet, by whoever carried them: nobody fills the room of others.
  private var unproven: [AuthorNumber?: Set<[UInt8]>] = [:]
  private static let unprovenLimit = 64

  public init(_ identity: FederationIdentity) { self.identity = identity }

  /// What a database knows. What does not hold makes no member; it was noted when it was merged.
  public init(_ identity: FederationIdentity, certificates: [[UInt8]], facts: [[UInt8]]) {
    self.init(identity)
    let kept = facts.filter { $0.starts(with: NodeCertificate.magic) }
    let facts = facts.compactMap { TrustFact($0) }
    // Certificates may be those of an authority that an amendment made.
    for fact in facts { if case .amendments = fact { _ = try? takeUp(fact, from: nil) } }
    for bytes in certificates + kept { _ = try? takeUp(bytes) }
    for fact in facts { _ = try? takeUp(fact, from: nil) }
    findChoices()
  }

  /// Whether more than one certificate is known for a node.
  public func hasSeveral(_ node: AuthorNumber) -> Bool { (allCertificates[node.node]?.count ?? 0) > 1 }

  /// Why a certificate does not make a member.
  public enum Refusal: Error, Hashable, Sendable {
    case invalid(FederationError)
    /// The ward's authority gave the number to another key before.
    case numberTaken(AuthorNumber)
  }

  /// Enrols the certificate's node. Doing it twice changes nothing; of two for the node's key, the one that begins later
  /// counts (a renewal), of those that hold.
  @discardableResult
  public mutating func enrol(_ bytes: [UInt8]) throws(Refusal) -> NodeCertificate {
    let certificate = try takeUp(bytes)
    findChoices()
    return certificate
  }

  private mutating func takeUp(_ bytes: [UInt8]) throws(Refusal) -> NodeCertificate {
    let certificate: NodeCertificate
    do { certificate = try NodeCertificate(bytes, in: identity) } catch { throw .invalid(error) }
    if let known = certificates[certificate.node] {
      guard known.key == certificate.key else { throw .numberTaken(certificate.node) }
    } else if !certificate.stands(in: identity) {
      // Of an authority that was replaced, about a node that nobody here knew: it is to take nobody's number.
      throw .invalid(.badAuthoritySignature)
    }
    guard allCertificates[certificate.node, default: []].insert(certificate).inserted else { return certificate }
    choose(certificate.node)
    return certificate
  }

  private mutating func choose(_ node: AuthorNumber) {
    func rank(_ certificate: NodeCertificate) -> (Int, Int64, String) {
      (certificate.stands(in: identity) ? 1 : 0, certificate.validFrom, certificate.bytes.hexadecimal)
    }
    guard let all = allCertificates[node], let best = all.max(by: { rank($0) < rank($1) }) else { return }
    certificates[node] = best
    lastEpochs[node] = all.filter { $0.stands(in: identity) }.map(\.lastEpoch).max()
    if best.stands(in: identity) { disowned.remove(node) } else { disowned.insert(node) }
    if hasSeveral(node), !identity.amendments.amendments.isEmpty { lifted.insert(node) }
  }

  /// Whether what is in a log may come after what followed it: while it was void, nobody waited for it. It counts again by an
  /// amendment, or by a renewal that gives more epochs.
  public func mayComeLate(_ log: LogName) -> Bool {
    lifted.contains(log.author.node)
      || allCertificates[log.author.node]?.contains { $0.lastEpoch < log.author.epoch } ?? false
  }

  /// The last epoch that a node's certificates give it, of those that hold.
  public func lastEpoch(of author: AuthorNumber) -> UInt32? { lastEpochs[author.node] }

  /// All certificates that are known for a node, valid or not.
  public func known(_ node: AuthorNumber) -> [NodeCertificate] {
    (allCertificates[node.node] ?? []).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }

  /// Takes up a revocation, a fork proof or a chain of amendments.
  ///
  /// - Parameter carrier: whose log brought it.
  /// - Returns: whether it says something new.
  public mutating func learn(_ fact: TrustFact, from carrier: AuthorNumber? = nil) throws(Refusal) -> Bool {
    guard try takeUp(fact, from: carrier) else { return false }
    findChoices()
    return true
  }

  private mutating func findChoices() {
    choices = forks.keys.reduce(into: [:]) { choices, log in choices[log] = choice(in: log) }
  }

  private mutating func takeUp(_ fact: TrustFact, from carrier: AuthorNumber?) throws(Refusal) -> Bool {
    switch fact {
    case .revocation(let bytes):
      let revocation: Revocation
      do { revocation = try Revocation(bytes, in: identity) } catch { throw .invalid(error) }
      guard allRevocations.insert(revocation).inserted else { return false }
      if revocation.stands(in: identity) {
        revocations[revocation.node, default: []].append(revocation)
      } else {
        lifted.insert(revocation.node)
      }
      return true
    case .fork(let bytes):
      guard let log = ForkProof.log(claimedBy: bytes) else { throw .invalid(.malformedForkProof) }
      guard certificates[log.author.node] != nil else {
        // What the disk holds had its room when it came.
        guard carrier == nil || unproven[carrier, default: []].count < Self.unprovenLimit else { return false }
        return unproven[carrier, default: []].insert(bytes).inserted
      }
      guard let proof = ForkProof(bytes, federation: identity.id, key: key) else {
        throw .invalid(.malformedForkProof)
      }
      guard proof.shared.sequence < forks[log]?.sequence ?? .max else { return false }
      forks[log] = proof.shared
      return true
    case .amendments(let bytes):
      guard let chain = AmendmentChain(bytes) else { throw .invalid(.malformedAmendment) }
      let before = identity.amendments
      do { identity = try identity.amended(by: chain) } catch { throw .invalid(error) }
      guard identity.amendments != before else { return false }
      for node in allCertificates.keys { choose(node) }
      revocations = Dictionary(grouping: allRevocations.filter { $0.stands(in: identity) }, by: \.node)
      lifted.formUnion(allRevocations.filter { !$0.stands(in: identity) }.map(\.node))
      return true
    }
  }

  /// Looks again at proofs about authors that were unknown.
  ///
  /// - Returns: whether one of them holds.
  public mutating func proveWaiting() -> Bool {
    var isNew = false
    for bytes in Set(unproven.values.joined()).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let log = ForkProof.log(claimedBy: bytes), certificates[log.author.node] != nil else { continue }
      for carrier in unproven.keys { unproven[carrier]?.remove(bytes) }
      if (try? learn(.fork(bytes))) == true { isNew = true }
    }
    return isNew
  }

  /// The key that signs for an author, whatever its epoch; nil for a stranger.
  public func key(of author: AuthorNumber) -> PublicKey? { certificates[author.node]?.key }

  /// The ward's code, for people.
  public func wardCode(of author: AuthorNumber) -> String? { identity.ward(at: author.ward)?.code }

  public func isRevoked(_ author: AuthorNumber) -> Bool {
    revocations[author.node] != nil || disowned.contains(author.node)
  }

  /// What the authorities of a ward have signed that holds: what an amendment has to name for it to go on holding.
  public func statements(ofWard ward: UInt32) -> [[UInt8]] {
    certificates.values.filter { $0.node.ward == ward && !disowned.contains($0.node) }.map(\.bytes)
      + revocations.values.joined().filter { $0.node.ward == ward }.map(\.bytes)
  }

  /// The last valid sequence of a log; nil when all of it is valid, however far it goes. A fork ends a log before it, unless a
  /// revocation says which branch is the true one.
  public func lastValid(_ log: LogName) -> SequenceNumber? {
    if disowned.contains(log.author.node) { return 0 }
    if let last = lastEpochs[log.author.node], log.author.epoch > last { return 0 }
    return pin(of: log)?.sequence ?? forks[log]?.sequence
  }

  /// The last valid change set of a log by its node's revocations: of several, the one with the lowest sequence, then hash.
  public func pin(of log: LogName) -> LogHead? {
    revocations[log.author.node]?.lazy.map { $0.lastValid(log) }.min {
      ($0.sequence, $0.hash.bytes.hexadecimal) < ($1.sequence, $1.hash.bytes.hexadecimal)
    }
  }

  /// What a revocation chooses between the branches of a log; nil when there is nothing to choose.
  private func choice(in log: LogName) -> BranchChoice? {
    guard let fork = forks[log], let pin = pin(of: log), fork.sequence < pin.sequence,
      lastValid(log) == pin.sequence
    else { return nil }
    return BranchChoice(shared: fork, last: pin)
  }

  /// What is certain of what an author had seen.
  public func certain(of past: AuthorPast) -> AuthorPast {
    guard !choices.isEmpty else { return past }
    var past = past
    for (log, choice) in choices where log.lane == past.lane && !choice.isNamed(by: past.branches[log.author]) {
      past.certain[log.author] = choice.shared.sequence
    }
    return past
  }

  /// Nodes that are revoked, and logs that fork with their last valid sequence.
  public var revoked: [AuthorNumber] { Set(revocations.keys).union(disowned).sorted() }
  public var forkedLogs: [LogName: SequenceNumber] { forks.mapValues(\.sequence) }
}

/// What a revocation chooses between the branches of a log.
public struct BranchChoice: Hashable, Sendable {
  /// The last change set that the branches share.
  public var shared: LogHead
  /// The last valid one: it lies on the branch that is the log.
  public var last: LogHead

  /// Whether numbers mean the branch that was chosen, by the hash that their author named; nil: none.
  public func isNamed(by hash: [UInt8]?) -> Bool { hash == last.hash.bytes }
}

/// Something that ends the validity of a log, as the control lane carries it.
public enum TrustFact: Hashable, Sendable {
  case revocation([UInt8])
  case fork([UInt8])
  case amendments([UInt8])

  public var bytes: [UInt8] {
    switch self {
    case .revocation(let bytes), .fork(let bytes), .amendments(let bytes): bytes
    }
  }

  /// What the bytes claim to be; nil for neither.
  public init?(_ bytes: [UInt8]) {
    if bytes.starts(with: Revocation.magic) {
      self = .revocation(bytes)
    } else if bytes.starts(with: ForkProof.magic) {
      self = .fork(bytes)
    } else if bytes.starts(with: AmendmentChain.magic) {
      self = .amendments(bytes)
    } else {
      return nil
    }
  }
}
