import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Merge
import SignedLog
import Sodium
import Store

/// Names one row, for events and reports.
public struct RowReference: Hashable, Sendable {
  public var collection: UInt32
  public var row: RowID

  public init(_ collection: UInt32, _ row: RowID) {
    self.collection = collection
    self.row = row
  }
}

/// What a transaction did, told after it is on the disk.
public struct ReplicaEffects: Sendable {
  /// Rows that changed, in order, for whoever shows them.
  public var rows: [RowReference] = []
  /// Logs that grew, for whoever passes them on.
  public var logs: Set<LogName> = []
  /// Change sets merged, and set aside as void.
  public var merged = 0
  public var setAside = 0

  public init() {}

  public mutating func add(_ next: ReplicaEffects) {
    rows += next.rows
    logs.formUnion(next.logs)
    merged += next.merged
    setAside += next.setAside
  }
}

/// The synchronous core of a node: takes edits and change sets, verifies, logs, merges.
///
/// Confined to one thread. Time is an argument; there is no clock, no randomness and no concurrency inside, so that the
/// simulator drives the very code that the node runs.
public final class Replica {
  public let identity: NodeIdentity
  public let store: Store
  public internal(set) var membership: Membership
  /// The card's keys, and those that others let this node have until some time.
  public internal(set) var keyring: Keyring
  /// A scratch replica reads with the keys that it was given.
  let learnsKeys: Bool
  /// This node as an author; its epoch goes up when the node finds that it was restored from a copy.
  public internal(set) var author: AuthorNumber

  /// Where this node's own heads are kept beside the database; nil for a replica that never writes twice.
  private let keeper: (any HighWaterKeeper)?
  /// Tells this machine from a copy of its disk that runs elsewhere, so that both do not open the same epochs.
  private let salt: UInt64
  /// What other threads check of the logs ahead; nil: nobody does.
  public var ahead: SignaturesAhead? {
    didSet {
      for node in membership.certificates.keys { tellAhead(of: node) }
      for name in store.logNames { tellAhead(of: name) }
    }
  }

  /// An author is known: its logs may be checked from where they stand.
  func tellAhead(of author: AuthorNumber) { for lane in Lane.allCases { tellAhead(of: LogName(lane, author)) } }

  private func tellAhead(of log: LogName) {
    guard let ahead, let key = membership.key(of: log.author) else { return }
    ahead.keep(context(log, key: key), to: store.state(of: log).logged)
  }

  /// Whether this node's clock is known to stand far from its peers': what it writes says so.
  public var doubtsClock = false
  var keysLoadedAt: Instant?
  /// Epochs that this node opened; nil: not read from the disk yet.
  private var openedEpochs: Set<UInt32>?
  /// Personal keys under which something that is kept here lies; nil: not read from the disk yet.
  var metKeys: Set<AudienceKeyID>?
  /// How often all that is sealed was read again, how many sections the latest such walk came by, and while there is no other.
  public internal(set) var sealedWalks = 0
  var sectionsWalked = 0
  var rest: Range<Int64> = 0..<0
  /// What the keeper holds.
  private var savedMark: HighWaterMark?
  /// What it was given, and may hold or not.
  private var begunMark: HighWaterMark?

  var effects = ReplicaEffects()
  /// Logs that wait for another log, by the one they wait for. Invariant: every log with a backlog is here or `ready`, unless
  /// `mustLookAtAll`.
  var waiters: [LogName: Set<LogName>] = [:]
  /// Logs whose backlog is to be looked at, the next last: somebody waited before it was.
  var ready: [LogName] = []
  /// Look at every log with a backlog: after opening.
  var mustLookAtAll = true
  /// How far waiting change sets of the control lane were searched for what proves itself.
  var searched: [LogName: AuthorPast] = [:]
  /// What a walk over the logs merges: some tables or rows only, while they are made anew. Invariant: `all` between
  /// transactions.
  var scope = MergeScope.all
  /// How far each log was merged when such a walk began: what comes after is new, and merges as a whole.
  var mergedBefore: [LogName: SequenceNumber] = [:]
  /// What this node found in void change sets that proves itself, and has not said yet.
  var unsaid: [RowEdit] = []
  /// Rows that change sets edited which came after their successors, and when. Invariant: none between transactions.
  var lateRows: [UInt32: Set<RowID>] = [:]
  var lateAt = Instant(milliseconds: 0)
  /// The choices between branches that the tables are held to.
  var heldTo: [LogName: BranchChoice] = [:]
  /// A revocation or fork proof came in this transaction: logs are held to it before it ends. Invariant: nil between
  /// transactions, so no log is kept beyond its valid end.
  var limitsChangedAt: Instant?

  /// A transaction failed, and what is kept in memory may be what it would have made.
  private var isStale = false

  private enum Key {
    static let epoch = "epoch"
    static let rowCounter = "row counter"
    /// With the epoch: this node opened it.
    static let opened = "epoch opened"
    static let schema = "schema"
    /// The node's own number: a copy of the file says whose it is.
    static let node = "node"
  }

  /// Opens a replica, enrols the node in its own control log if it never was, and merges what lay waiting.
  ///
  /// - Parameters:
  ///   - schema: without the control lane's collections, which are added.
  ///   - salt: a number that a copy of this machine's disk, running elsewhere, does not have.
  ///   - keeper: what is known outside the database. When that is more than the database knows, some of what this node
  ///     wrote is lost here: it goes on in a new epoch, and fetches back what its peers have.
  public init(
    path: String, identity: NodeIdentity, schema: Schema, keeper: (any HighWaterKeeper)? = nil, salt: UInt64 = 0,
    at now: Instant
  ) throws(ReplicaError) {
    self.identity = identity
    self.keeper = keeper
    self.salt = salt
    keyring = identity.keyring
    learnsKeys = true
    let whole = Schema(ControlSchema.collections + schema.collections)
    do {
      store = try Store(path: path, schema: whole)
      membership = Membership(identity.federation)
      author = identity.author(epoch: UInt32(try store.nodeState(Key.epoch) ?? 0))
    } catch { throw .store(error) }
    try loadMembership()
    do { savedMark = try keeper?.load() } catch { throw .store(error) }
    #if MUTANTS
      if PlantedBug.ignoresMark.isPlanted { savedMark = nil }
    #endif
    if let savedMark, savedMark.isAhead(of: ownMark) { try openEpoch(above: identity.author(epoch: savedMark.epoch)) }
    try loadKeys(at: now)
    try rebuildIfSchemaChanged(at: now)
    try refreshKeys(at: now)
    try noteOwner()
    let isKnown = store.state(of: LogName(.control, author)).logged.sequence > 0
    let mustSay = try isRenewed()
    if !isKnown || mustSay { try enrolSelf(at: now) }
    // A power cut between learning a limit and holding the logs to it: with all keys at hand, it is made good.
    if store.logNames.contains(where: { store.state(of: $0).logged.sequence > membership.lastValid($0) ?? .max }) {
      limitsChangedAt = now
    }
    _ = try batch(at: now) {}
  }

  /// An empty replica that enrols nobody, not even itself, and writes nothing of its own: for making tables anew from a
  /// log, beside those that are to be checked.
  public init(scratch path: String, identity: NodeIdentity, schema: Schema, membership: Membership) throws(ReplicaError)
  {
    self.identity = identity
    self.membership = membership
    keyring = identity.keyring
    learnsKeys = false
    keeper = nil
    salt = 0
    do { store = try Store(path: path, schema: schema) } catch { throw .store(error) }
    author = identity.author(epoch: 0)
  }

  public var federation: Digest { identity.federation.id }

  /// Runs `body`, which may commit and receive any number of times, in one transaction, and says what it did once
  /// that is on the disk. When it throws, nothing of it happened.
  public func batch(at now: Instant, _ body: () throws -> Void) throws(ReplicaError) -> ReplicaEffects {
    effects = ReplicaEffects()
    try transaction(noting: now) {
      try body()
      if self.mustLookAtAll { try self.drainAll(at: now) }
      try self.sayProven(at: now)
      if self.learnsKeys, self.effects.rows.contains(where: { $0.collection == ControlSchema.returned.number }) {
        try self.takeReturned(at: now)
        try self.adoptOwn(at: now)
      }
      if self.learnsKeys, self.effects.rows.contains(where: { $0.collection == ControlSchema.keyGrants.number }) {
        try self.refreshKeys(at: now)
      }
    }
    defer { effects = ReplicaEffects() }
    return effects
  }

  /// Runs `body` in a transaction, or in the one that is under way. When the outermost one fails, what this object
  /// keeps in memory is made to match the disk again.
  ///
  /// - Parameter now: whoever follows this node is to hear of the rows that change; nil: not row by row.
  func transaction<Result>(noting now: Instant? = nil, _ body: () throws -> Result) throws(ReplicaError) -> Result {
    if store.isWriting {
      do { return try body() } catch { throw .of(error) }
    }
    try freshen()
    let (known, unsaid) = (effects.rows.count, unsaid)
    let waiting = (waiters, ready, mustLookAtAll)
    var refusal: ReplicaError?
    let result: Result
    do {
      result = try store.write {
        do {
          let result = try body()
          while let now = self.limitsChangedAt {
            self.limitsChangedAt = nil
            try self.enforceLimits(at: now)
          }
          try self.mergeLate(at: self.lateAt)
          if let now {
            try self.store.noteChanged(self.effects.rows[known...].map { ($0.collection, $0.row) }, at: now)
          }
          try self.beginMark()
          return result
        } catch {
          refusal = error as? ReplicaError
          throw error
        }
      }
    } catch {
      recover()
      // What waits is what waited before: whoever goes on with it goes on.
      (waiters, ready, mustLookAtAll) = waiting
      self.unsaid = unsaid
      // The mark may tell of what was undone; when the disk takes no other now, the next transaction's is one.
      if !isStale { try? saveMark() }
      throw refusal ?? .store(error)
    }
    do { try finishMark() } catch { throw .store(error) }
    return result
  }

  /// How far this author's own logs reach in the database.
  private var ownMark: HighWaterMark {
    HighWaterMark(
      epoch: author.epoch,
      sequences: Lane.allCases.map { store.state(of: LogName($0, author)).logged.sequence })
  }

  /// Before anything is acknowledged that this author wrote: after a loss, the mark knows of it. Before the commit, so that
  /// both go to the disk together: a cut between them leaves a mark of what nobody was told, and costs an epoch.
  private func beginMark() throws(StoreError) {
    #if MUTANTS
      if PlantedBug.forgetsMark.isPlanted { return }
    #endif
    let mark = ownMark
    guard let keeper, mark != begunMark ?? savedMark else { return }
    begunMark = mark
    try keeper.begin(mark)
  }

  private func finishMark() throws(StoreError) {
    guard let begun = begunMark else { return }
    // What could not be flushed is written anew the next time: the kernel may take it for written.
    begunMark = nil
    try keeper?.finish()
    savedMark = begun
  }

  private func saveMark() throws(StoreError) {
    try beginMark()
    try finishMark()
  }

  /// Invariant: the mark beside the database tells all that this author wrote. After an epoch was opened, it does from the
  /// next transaction on.
  var isMarkSaved: Bool {
    guard let savedMark, !isStale, savedMark.epoch == author.epoch else { return true }
    return savedMark == ownMark
  }

  private func recover() {
    limitsChangedAt = nil
    lateRows = [:]
    searched = [:]
    scope = .all
    (metKeys, openedEpochs) = (nil, nil)
    isStale = true
    // When the disk cannot even be read now, the next transaction tries again before it does anything.
    try? freshen()
  }

  /// What this object keeps in memory, as it is on the disk.
  private func freshen() throws(ReplicaError) {
    guard isStale else { return }
    try loadMembership()
    if let now = keysLoadedAt { try loadKeys(at: now) }
    do { author = identity.author(epoch: UInt32(try store.nodeState(Key.epoch) ?? 0)) } catch { throw .store(error) }
    isStale = false
  }

  // MARK: What it knows

  /// How far each log of a lane is kept here, by author.
  public func frontier(_ lane: Lane) -> [(author: AuthorNumber, head: LogHead)] {
    store.logNames.filter { $0.lane == lane }.map { ($0.author, store.state(of: $0).logged) }
  }

  /// The lane's clock: how far each log is merged.
  public func clock(_ lane: Lane) -> VersionVector {
    VersionVector(
      sorted: store.logNames.filter { $0.lane == lane }.compactMap { name in
        let merged = store.merged(name)
        return merged > 0 ? Dot(name.author, merged) : nil
      })
  }

  /// Change sets that are kept but wait for others, with what the first of each log waits for.
  public func waiting() throws(StoreError) -> [(log: LogName, count: Int, need: Need?)] {
    var result: [(log: LogName, count: Int, need: Need?)] = []
    for name in store.logNames where store.state(of: name).waiting > 0 {
      result.append((name, store.state(of: name).waiting, try firstNeed(of: name)))
    }
    return result
  }

  func context(_ log: LogName, key: PublicKey) -> LogContext {
    LogContext(federation: federation, nodeKey: key, log: log)
  }

  // MARK: Rows made here

  /// The counter of the newest row that this author made.
  var rowCounter: UInt64 {
    get throws(StoreError) { UInt64(try store.nodeState("\(Key.rowCounter) \(author.epoch)") ?? 0) }
  }

  func setRowCounter(_ counter: UInt64) throws(StoreError) {
    try store.setNodeState("\(Key.rowCounter) \(author.epoch)", Int64(counter))
  }

  // MARK: Epochs

  /// A peer knows more of this author's log than this node does: the node was restored from an older copy. Writing on
  /// would fork the log, so it goes on as a new author, and fetches back what it had lost like any other's.
  ///
  /// - Parameter isCopied: another machine may do the same at the same time, and must not open the same epoch for ever.
  public func openEpoch(above known: AuthorNumber, isCopied: Bool = false) throws(ReplicaError) {
    guard known.node == author.node, known.epoch >= author.epoch else { return }
    let last = membership.lastEpoch(of: author) ?? NodeCertificate.epochs - 1
    guard known.epoch < last else { throw .epochsExhausted }
    let skipped = isCopied ? blake2b([UInt8]("\(salt) \(known.epoch)".utf8)).prefix % Self.epochsApart : 0
    let next = min(known.epoch + 1 + UInt32(skipped), last)
    Probe.epochOpened.hit()
    try transaction {
      try self.store.setNodeState(Key.epoch, Int64(next))
      try self.store.setNodeState("\(Key.opened) \(next)", 1)
    }
    author = identity.author(epoch: next)
    openedEpochs = nil
  }

  private static let epochsApart: UInt64 = 5

  /// The epochs that this node opened, with the first.
  public var ownEpochs: Set<UInt32> {
    let opened = openedEpochs ?? (try? store.nodeStates("\(Key.opened) ")).map { Set($0.compactMap { UInt32($0) }) }
    openedEpochs = opened
    return (opened ?? []).union([0, author.epoch])
  }

  // MARK: Private

  private func loadMembership() throws(ReplicaError) {
    let (certificates, facts): ([[UInt8]], [[UInt8]])
    do {
      (certificates, facts) = try store.read { db in
        (
          try Data.fetchAll(db, sql: "SELECT certificate FROM members ORDER BY node").map { [UInt8]($0) },
          try Store.facts(db)
        )
      }
    } catch { throw .store(error) }
    membership = Membership(
      identity.federation, certificates: [identity.certificate.bytes] + certificates, facts: facts)
    heldTo = membership.choices
    guard membership.key(of: author) == identity.key.publicKey else {
      throw .ownCertificate(.numberTaken(author.node))
    }
  }

  /// The newest that is known: a renewal may have come by another road than the card.
  public var ownCertificate: NodeCertificate { membership.certificates[author.node] ?? identity.certificate }

  /// The card holds a certificate that the log does not know yet.
  private func isRenewed() throws(ReplicaError) -> Bool {
    guard ownCertificate == identity.certificate else { return false }
    let number = Int64(author.node.rawValue)
    do {
      return try store.read { db in
        try Data.fetchOne(db, sql: "SELECT certificate FROM members WHERE node = ?", arguments: [number])
      }.map { [UInt8]($0) } != identity.certificate.bytes
    } catch { throw .of(error) }
  }

  private func noteOwner() throws(ReplicaError) {
    let number = Int64(author.node.rawValue)
    do {
      guard try store.nodeState(Key.node) != number else { return }
      try store.write { try store.setNodeState(Key.node, number) }
    } catch { throw .store(error) }
  }

  private func enrolSelf(at now: Instant) throws(ReplicaError) {
    var draft = Draft(.control, audience: .anyone)
    draft.edits = ControlSchema.enrolment(identity)
    _ = try commit(draft, at: now)
  }

  /// Fields that an older program kept in the log without knowing them appear when a newer one knows them.
  private func rebuildIfSchemaChanged(at now: Instant) throws(ReplicaError) {
    let fingerprint = Int64(bitPattern: blake2b([UInt8](store.schema.canonicalText.utf8)).prefix)
    do {
      let known = try store.nodeState(Key.schema)
      if known == fingerprint { return }
      #if MUTANTS
        if PlantedBug.forgetsUnknownFields.isPlanted { return }
      #endif
      if known != nil { _ = try rebuild(at: now) }
      try store.write { try store.setNodeState(Key.schema, fingerprint) }
    } catch { throw .of(error) }
  }
}
