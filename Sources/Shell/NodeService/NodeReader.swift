import GRDB
import Store

/// Reads the tables on any thread, each time on one snapshot.
public struct NodeReader: Sendable {
  private let database: any DatabaseReader

  init(database: any DatabaseReader) { self.database = database }

  public func read<Result: Sendable>(_ body: @Sendable @escaping (Database) throws -> Result) async throws -> Result {
    try await database.read(body)
  }
}
