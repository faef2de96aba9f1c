import ChangeModel
import Desk
import GRDB

/// Shelters found by ward, status and part of a name, and what is said of many at once.
public enum ShelterSearch {
  static let endpoint = Endpoint.read(
    "shelters", "/shelters", "避難所", "Shelters", for: .staff,
    "Shelters by ward, status, crowding, kind and part of a name.",
    [
      Shelter.ward.asked, Shelter.status.asked, Shelter.crowding.asked, Shelter.facility.asked,
      FormField("q", .text(100), ja: "名称・カナ・所在地の一部", en: "Part of a name, kana or address"),
    ] + Paging.fields(of: "shelters"), answers: .rows("shelters", Shelter.records, isPaged: true)
  ) { look in
    let given = look.given
    let limit = given.int("limit") ?? 100
    let rows = try find(
      ward: given.text("ward"), status: given.text("status"), crowding: given.text("crowding"),
      facility: given.text("facility"), text: given.text("q"), after: given.row("after"), limit: limit, look.db)
    let views = try rows.map { JSON.object(try look.view($0, Shelter.records)) }
    return Page(rows: rows, of: limit).answer("shelters", views)
  }

  /// Shelters by their ids, each condition that is nil left out.
  ///
  /// - Parameter text: part of a name, kana or address.
  public static func find(
    ward: String? = nil, status: String? = nil, crowding: String? = nil, facility: String? = nil, text: String? = nil,
    after: RowID? = nil, limit: Int, _ db: Database
  ) throws -> [RowValues] {
    try RowValues.all(
      Shelter.records,
      """
      WHERE (?1 IS NULL OR id > ?1) AND (?2 IS NULL OR ward = ?2) AND (?3 IS NULL OR status = ?3)
        AND (?4 IS NULL OR instr(name, ?4) OR instr(kana, ?4) OR instr(address, ?4))
        AND (?6 IS NULL OR crowding = ?6) AND (?7 IS NULL OR facility = ?7)
      ORDER BY id LIMIT ?5
      """, [after?.rawValue, ward, status, text, limit, crowding, facility], db)
  }

  /// A shelter's newest notes, newest first.
  static func notes(_ shelter: RowID, _ look: Look) throws -> JSON {
    let rows = try Row.fetchAll(
      look.db,
      sql: """
        SELECT time >> 16 AS time, author, value FROM shelters_notes WHERE row = ? AND buried = 0
        ORDER BY time DESC, author DESC LIMIT 200
        """, arguments: [shelter.rawValue])
    return .list(
      rows.map {
        [
          "time": JSON(Int64.fromDatabaseValue($0["time"])), "node": JSON(look.inquiry.node($0["author"] as Int64)),
          "text": JSON(String.fromDatabaseValue($0["value"])),
        ]
      })
  }

  /// Shelters' names by id, as text; those that this node does not know are left out.
  public static func names(_ ids: [RowID], _ db: Database) throws -> [String: String] {
    let rows = try RowValues.all(
      Shelter.records, "WHERE id IN (SELECT value FROM json_each(?))", [RowValues.list(ids)], db)
    return Dictionary(uniqueKeysWithValues: rows.map { ("\($0.id)", $0[Shelter.name] ?? "") })
  }

  /// Shelters, those that are open, and people in them, for each ward.
  public static func totals(_ db: Database) throws -> [(ward: String, shelters: Int, open: Int, people: Int)] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT ward, count(*) AS shelters, sum(status IN ('開設', '常設')) AS open,
          CAST(max(-9e15, min(9e15, total(\(Shelter.occupancy.sql(in: "shelters", recounts: "?1"))))) AS INTEGER) AS people
        FROM shelters GROUP BY ward ORDER BY ward
        """, arguments: [try Shelter.occupancy.recounts(in: Shelter.records, db)]
    ).map { row in
      func number(_ column: String) -> Int { Int(Int64.fromDatabaseValue(row[column]) ?? 0) }
      return (
        String.fromDatabaseValue(row["ward"]) ?? "", number("shelters"), number("open"), number("people")
      )
    }
  }
}
