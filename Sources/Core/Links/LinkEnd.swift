import Gossip

/// What no honest node does.
public enum Offence: Hashable, Sendable, CustomStringConvertible {
  case fault(LinkFault)
  /// A frame above `Message.byteLimit`.
  case oversizedFrame

  public var description: String {
    switch self {
    case .fault(let fault): "\(fault)"
    case .oversizedFrame: "a frame of more than \(Message.byteLimit) bytes"
    }
  }
}

/// Why a link is gone.
public enum LinkEnd: Hashable, Sendable, CustomStringConvertible {
  /// The transport ended, at whichever end.
  case lost
  /// Nothing came from the peer for too long.
  case silent
  /// What an honest node may do too: it is of another federation, or revoked.
  case fault(LinkFault)
  case offence(Offence)
  /// This node's own disk failed in the middle of what the link brought or took.
  case disk
  case cut
  case revoked
  /// Another link to the same peer took its place.
  case replaced

  public var description: String {
    switch self {
    case .lost: "the connection ended"
    case .silent: "silent"
    case .fault(let fault): "\(fault)"
    case .offence(let offence): "\(offence)"
    case .disk: "this node's disk failed"
    case .cut: "cut by the operator"
    case .revoked: "revoked"
    case .replaced: "another link to the node took its place"
    }
  }

  /// The last word to the peer: what it should know of why; nil where it is none of its business, or it cannot hear any more.
  public var farewell: Farewell? {
    switch self {
    case .cut: .cut
    case .revoked: .revoked
    case .offence: .banned
    case .fault(let fault) where fault.isOfOtherVersion: .otherVersion
    case .lost, .silent, .fault, .disk, .replaced: nil
    }
  }
}

/// Why a peer that has proven who it is gets no link.
public enum LinkRefusal: Hashable, Sendable {
  /// Another ward's node than the address should lead to.
  case wrongWard
  /// This node's own number: an address of its own, or a copy of it.
  case ownNumber
  case cut
  case banned
  case revoked
  /// Only an authority that was replaced vouches for it, and nobody here knew it.
  case notVouchedFor
  /// The number is another key's.
  case otherKey
  /// Its certificate has ended.
  case ended
  /// There is a link to it, and that one stays.
  case linked
  case full

  /// What the peer is told; nil where nothing is wrong between the two.
  public var farewell: Farewell? {
    switch self {
    case .wrongWard: .wrongWard
    case .ownNumber, .linked: nil
    case .cut: .cut
    case .banned: .banned
    case .revoked: .revoked
    case .notVouchedFor: .notVouchedFor
    case .otherKey: .otherKey
    case .ended: .ended
    case .full: .full
    }
  }
}
