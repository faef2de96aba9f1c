import ChangeModel
import Replica
import SignedLog

extension SignaturesAhead {
  /// Checks the change sets that a link's frames bring, before gossip takes them. What makes no sense is gossip's to refuse.
  public func check(_ frames: [[UInt8]]) {
    for frame in frames where frame.first == Message.runTag {
      let message = try? frame.decoding { raw throws(MalformedBytes) in try Message(raw) }
      if case .run(let run)? = message { check(run) }
    }
  }
}
