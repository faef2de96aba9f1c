import ChangeModel
import GRDB
import GRDBSQLite
import Sodium

/// Hashes of the tables that the log makes: equal on all nodes with equal clocks and equal keys, byte for byte.
public struct TableDigest: Hashable, Sendable {
  /// By collection name, in the schema's order; hidden rows and log entries are part of their collection's hash.
  public var collections: [(name: String, digest: Digest)]

  /// One hash over all.
  public var combined: Digest {
    let hash = HashStream()
    for (_, digest) in collections { hash.update(digest) }
    return hash.digest()
  }

  /// Collections that only those read whom a ward lets in.
  public var personal: Set<String> = []

  /// One hash over what every ward reads: equal on all nodes with equal clocks, whatever keys they hold.
  public var shared: Digest {
    let hash = HashStream()
    for (name, digest) in collections where !personal.contains(name) { hash.update(digest) }
    return hash.digest()
  }

  public static func == (left: Self, right: Self) -> Bool { left.combined == right.combined }
  public func hash(into hasher: inout Hasher) { hasher.combine(combined) }
}

extension TableDigest {
  /// Reads every row of every shared table once: about a second for a million rows.
  public init(of schema: Schema, _ db: Database) throws {
    collections = try schema.collections.map { ($0.name, try Store.digest(of: $0, db)) }
    personal = Set(schema.collections.filter(\.isPersonal).map(\.name))
  }
}

extension Store {
  public func tableDigest() throws(StoreError) -> TableDigest { try read { try TableDigest(of: schema, $0) } }

  /// One collection's hash, of any replica's database.
  public static func digest(of collection: CollectionSchema, _ db: Database) throws -> Digest {
    guard let connection = db.sqliteConnection else { throw StoreError.refused(0, "no connection") }
    return try digest(of: collection, on: connection)
  }

  private static func digest(of collection: CollectionSchema, on connection: OpaquePointer) throws(StoreError) -> Digest
  {
    let hash = HashStream()
    let columns = (["id"] + collection.fields.map(\.name) + ["causal"]).map { "\"\($0)\"" }.joined(separator: ", ")
    try feed(Statement("SELECT \(columns) FROM \"\(collection.name)\" ORDER BY id", on: connection), to: hash)
    let hidden = "SELECT id, causal FROM hidden_rows WHERE collection = \(collection.number) ORDER BY id"
    try feed(Statement(hidden, on: connection), to: hash)
    for field in collection.fields where field.kind == .log {
      let entries = """
        SELECT row, time, author, sequence, position, buried, value FROM "\(Migrations.entryTable(collection, field))"
        ORDER BY row, time, author, sequence, position
        """
      try feed(Statement(entries, on: connection), to: hash)
    }
    return hash.digest()
  }

  /// Each value with its kind and length, so that no two contents feed the same bytes.
  private static func feed(_ rows: Statement, to hash: borrowing HashStream) throws(StoreError) {
    var writer = ByteWriter(capacity: 512)
    while try rows.step() {
      writer.bytes.removeAll(keepingCapacity: true)
      for column in 0..<rows.columnCount {
        switch rows.value(column) {
        case .null: writer.byte(0)
        case .integer(let number):
          writer.byte(1)
          writer.bigEndian(number)
        case .real(let number):
          writer.byte(2)
          writer.bigEndian(number.bitPattern)
        case .text(var text):
          writer.byte(3)
          text.withUTF8 { utf8 in writer.blob(utf8) }
        case .bytes(let bytes):
          writer.byte(4)
          writer.blob(bytes)
        }
      }
      hash.update(writer.bytes)
    }
    hash.update(UInt8(0xff))
  }
}
