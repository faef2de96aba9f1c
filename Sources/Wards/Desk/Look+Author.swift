import Causality
import GRDB

extension Look {
  /// This node as an author, in the epoch in which it writes: only what this author holds can this node give away.
  public var author: AuthorNumber {
    get throws {
      let epoch = try Int64.fetchOne(db.cachedStatement(sql: "SELECT value FROM node_state WHERE key = 'epoch'"))
      return inquiry.identity.author(epoch: UInt32(clamping: epoch ?? 0))
    }
  }
}
