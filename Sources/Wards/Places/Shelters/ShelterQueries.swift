import Foundation
import GRDB

/// One shelter as the API and the pages show it.
public struct ShelterView: Codable, Hashable, Sendable {
  public var id: String
  public var ward: String?
  public var name: String?
  public var kana: String?
  public var address: String?
  public var latitude: Double?
  public var longitude: Double?
  public var phone: String?
  public var status: String?
  public var statusCode: String?
  public var crowding: String?
  public var crowdingCode: String?
  public var occupancy: Int
  public var capacity: Int?
  public var needs: [String]
  public var designations: [String]
  public var hazards: [String]
  public var accepts: String?
  public var commonIDs: [String]
  public var remarks: String?
  public var source: String?
  public var facility: String?
  /// Square metres.
  public var area: Double?
  public var staff: Int?
  public var toilets: Int?
  /// Milliseconds since 1970.
  public var openedAt: Int64?
  public var closedAt: Int64?
  /// Fields of which two people wrote different values without knowing of each other; `` (empty) when the row was
  /// deleted by one while another edited it.
  public var conflicts: [String]
  /// Newest first; only when one shelter is asked for.
  public var notes: [Note]?

  public struct Note: Codable, Hashable, Sendable {
    /// Milliseconds since 1970.
    public var time: Int64
    public var author: Int64
    public var text: String
  }
}

/// One value of a field in conflict.
public struct ConflictView: Codable, Hashable, Sendable {
  public var collection: String
  public var row: String
  public var name: String?
  public var field: String
  public var kind: String
  public var shown: Bool
  public var value: String?
  public var author: Int64
  public var sequence: Int64
  public var time: Int64
}

/// What a list of shelters is asked for.
public struct ShelterFilter: Hashable, Sendable {
  public var ward: String?
  public var status: ShelterStatus?
  /// Part of a name, kana or address.
  public var text: String?
  public var limit = 100
  /// Rows after this id.
  public var after: Int64?

  public static let limitRange = 1...1_000

  public init() {}
}

public enum ShelterQueries {
  private static let columns = """
    id, ward, name, kana, address, latitude, longitude, phone, status, crowding, occupancy, capacity, needs, designations,
    hazards, accepts, common_ids, remarks, source, facility, area, staff, toilets, opened_at, closed_at,
    (SELECT group_concat(DISTINCT field) FROM conflicts WHERE collection = 'shelters' AND row = shelters.id) AS conflicts
    """

  public static func list(_ filter: ShelterFilter, _ db: Database) throws -> [ShelterView] {
    var conditions = ["id > :after"]
    var arguments: [String: (any DatabaseValueConvertible)?] = ["after": filter.after ?? .min, "limit": filter.limit]
    if let ward = filter.ward {
      conditions.append("ward = :ward")
      arguments["ward"] = ward
    }
    if let status = filter.status {
      conditions.append("status = :status")
      arguments["status"] = status.rawValue
    }
    if let text = filter.text, !text.isEmpty {
      conditions.append("(instr(name, :text) OR instr(kana, :text) OR instr(address, :text))")
      arguments["text"] = text
    }
    let sql = "SELECT \(columns) FROM shelters WHERE \(conditions.joined(separator: " AND ")) ORDER BY id LIMIT :limit"
    return try Row.fetchAll(db, sql: sql, arguments: StatementArguments(arguments)).map(view)
  }

  public static func one(_ id: Int64, _ db: Database) throws -> ShelterView? {
    guard let row = try Row.fetchOne(db, sql: "SELECT \(columns) FROM shelters WHERE id = ?", arguments: [id]) else {
      return nil
    }
    var shelter = view(row)
    shelter.notes = try Row.fetchAll(
      db,
      sql: """
        SELECT time >> 16 AS time, author, value FROM shelters_notes WHERE row = ? AND buried = 0
        ORDER BY time DESC, author DESC LIMIT 200
        """, arguments: [id]
    ).map {
      ShelterView.Note(
        time: integer($0, "time") ?? 0, author: integer($0, "author") ?? 0, text: text($0, "value") ?? "")
    }
    return shelter
  }

  /// Shelters' names by id, as text; those that this node does not know are left out.
  public static func names(_ ids: [Int64], _ db: Database) throws -> [String: String] {
    let rows = try Row.fetchAll(
      db, sql: "SELECT id, coalesce(name, '') FROM shelters WHERE id IN (SELECT value FROM json_each(?))",
      arguments: [String(decoding: try JSONEncoder().encode(ids), as: UTF8.self)])
    return Dictionary(uniqueKeysWithValues: rows.map { (String($0[0] as Int64), $0[1] as String) })
  }

  /// - Parameter hidden: collections of which nothing is listed: what is personal shows where the person does.
  public static func conflicts(limit: Int, hiding hidden: [String], _ db: Database) throws -> [ConflictView] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT collection, row, field, kind, shown, value, author, sequence, time >> 16 AS time,
          (SELECT name FROM shelters WHERE id = row) AS name
        FROM conflicts WHERE collection NOT IN (SELECT value FROM json_each(?)) ORDER BY collection, row, field, shown DESC, time DESC LIMIT ?
        """, arguments: [String(decoding: try JSONEncoder().encode(hidden), as: UTF8.self), limit]
    ).map(conflict)
  }

  /// The values that stand in conflict in one row.
  public static func conflicts(of row: Int64, in collection: String, _ db: Database) throws -> [ConflictView] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT collection, row, field, kind, shown, value, author, sequence, time >> 16 AS time, NULL AS name
        FROM conflicts WHERE collection = ? AND row = ? ORDER BY field, shown DESC, time DESC LIMIT 200
        """, arguments: [collection, row]
    ).map(conflict)
  }

  private static func conflict(_ row: Row) -> ConflictView {
    ConflictView(
      collection: text(row, "collection") ?? "", row: String(integer(row, "row") ?? 0), name: text(row, "name"),
      field: text(row, "field") ?? "", kind: text(row, "kind") ?? "", shown: integer(row, "shown") == 1,
      value: plain(row, "value"), author: integer(row, "author") ?? 0, sequence: integer(row, "sequence") ?? 0,
      time: integer(row, "time") ?? 0)
  }

  /// Shelters by status, and people in them, for each ward.
  public static func totals(_ db: Database) throws -> [(ward: String, shelters: Int, open: Int, people: Int)] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT ward, count(*) AS shelters, sum(status IN ('開設', '常設')) AS open, 
          CAST(max(-9e15, min(9e15, total(occupancy))) AS INTEGER) AS people
        FROM shelters GROUP BY ward ORDER BY ward
        """
    ).map { row in
      (
        text(row, "ward") ?? "", Int(integer(row, "shelters") ?? 0), Int(integer(row, "open") ?? 0),
        Int(integer(row, "people") ?? 0)
      )
    }
  }

  // MARK: Columns. A value of another type than expected reads as nothing: it never stops the program.

  private static func text(_ row: Row, _ column: String) -> String? { String.fromDatabaseValue(row[column]) }
  private static func integer(_ row: Row, _ column: String) -> Int64? { Int64.fromDatabaseValue(row[column]) }

  private static func plain(_ row: Row, _ column: String) -> String? {
    let value: DatabaseValue = row[column]
    switch value.storage {
    case .null: return nil
    case .int64(let number): return String(number)
    case .double(let number): return String(number)
    case .string(let text): return text
    case .blob(let data): return data.map { String(format: "%02x", $0) }.joined()
    }
  }

  private static func list(_ row: Row, _ column: String) -> [String] {
    guard let json = text(row, column) else { return [] }
    return (try? JSONDecoder().decode([String].self, from: Data(json.utf8))) ?? []
  }

  private static func view(_ row: Row) -> ShelterView {
    let status = text(row, "status")
    let crowding = text(row, "crowding")
    let fields = text(row, "conflicts")
    let conflicts = fields?.split(separator: ",", omittingEmptySubsequences: false).map { String($0) } ?? []
    return ShelterView(
      id: String(integer(row, "id") ?? 0), ward: text(row, "ward"), name: text(row, "name"), kana: text(row, "kana"),
      address: text(row, "address"), latitude: Double.fromDatabaseValue(row["latitude"]),
      longitude: Double.fromDatabaseValue(row["longitude"]), phone: text(row, "phone"), status: status,
      statusCode: status.flatMap { ShelterStatus($0) }?.code, crowding: crowding,
      crowdingCode: crowding.flatMap { ShelterCrowding($0) }?.code, occupancy: Int(integer(row, "occupancy") ?? 0),
      capacity: integer(row, "capacity").map { Int($0) }, needs: list(row, "needs"),
      designations: list(row, "designations"), hazards: list(row, "hazards"), accepts: text(row, "accepts"),
      commonIDs: list(row, "common_ids"), remarks: text(row, "remarks"), source: text(row, "source"),
      facility: text(row, "facility"), area: Double.fromDatabaseValue(row["area"]),
      staff: integer(row, "staff").map { Int($0) }, toilets: integer(row, "toilets").map { Int($0) },
      openedAt: integer(row, "opened_at"), closedAt: integer(row, "closed_at"),
      conflicts: conflicts)
  }
}
