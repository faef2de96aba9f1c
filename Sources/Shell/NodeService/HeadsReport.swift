import Causality
import ChangeModel
import Federation
import Replica
import SignedLog
import Sodium
import Store

/// How far a node keeps and has merged each log. The field names are its JSON form.
public struct HeadsReport: Codable, Sendable {
  public struct Head: Codable, Sendable {
    public var lane: String
    /// The author's number.
    public var author: UInt32
    public var sequence: UInt32
    public var merged: UInt32
    /// Of the chain at `sequence`, hexadecimal.
    public var hash: String
  }

  /// The federation's id, hexadecimal.
  public var federation: String
  public var node: UInt32
  public var epoch: UInt32
  public var logs: [Head]

  public init(_ replica: Replica) {
    federation = replica.federation.bytes.hexadecimal
    node = replica.author.node.rawValue
    epoch = replica.author.epoch
    logs = replica.store.logNames.map { log in
      let state = replica.store.state(of: log)
      return Head(
        lane: log.lane.name, author: log.author.rawValue, sequence: state.logged.sequence,
        merged: state.merged.sequence, hash: state.logged.hash.bytes.hexadecimal)
    }
  }
}
