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
    ] + Paging.fields(of: "shelters"),
    answers: .rows("shelters", Shelter.records, and: HeadCount.members, isPaged: true)
  ) { look in
    let given = look.given
    let limit = given.int("limit") ?? 100
    let rows = try find(
      ward: given.text("ward"), statuses: given.text("status").flatMap(ShelterStatus.init(rawValue:)).map { [$0] },
      crowding: given.text("crowding"), facility: given.text("facility"), text: given.text("q"),
      after: given.row("after"), limit: limit, look.db)
    let counts = try HeadCount.of(rows.map(\.id), ward: look.ward, look.db)
    let views = try rows.map {
      JSON.object(try look.view($0, Shelter.records).merging(counts[$0.id]?.json ?? [:]) { $1 })
    }
    return Page(rows: rows, of: limit).answer("shelters", views)
  }

  /// Shelters by their ids, each condition that is nil left out.
  ///
  /// - Parameter text: part of a name, kana or address, in any spelling.
  public static func find(
    ward: String? = nil, statuses: [ShelterStatus]? = nil, crowding: String? = nil, facility: String? = nil,
    text: String? = nil, after: RowID? = nil, limit: Int, _ db: Database
  ) throws -> [RowValues] {
    let given = statuses.map { String(decoding: JSON.list($0.map { .text($0.rawValue) }).bytes, as: UTF8.self) }
    let sql = """
      WHERE (?1 IS NULL OR id > ?1) AND (?2 IS NULL OR ward = ?2)
        AND (?3 IS NULL OR status IN (SELECT value FROM json_each(?3)))
        AND (?4 IS NULL OR crowding = ?4) AND (?5 IS NULL OR facility = ?5) ORDER BY id LIMIT ?6
      """
    func arguments(_ limit: Int) -> StatementArguments {
      [after?.rawValue, ward, given, crowding, facility, limit]
    }
    guard let text else { return try RowValues.all(Shelter.records, sql, arguments(limit), db) }
    // What is typed is compared with what is written here, in code: SQL knows nothing of spellings.
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT id, name, kana, name_en, address FROM shelters \(sql)"), arguments: arguments(-1))
    var found: [RowID] = []
    while found.count < limit, let row = try rows.next() {
      let texts = ["name", "kana", "name_en", "address"].compactMap { String.fromDatabaseValue(row[$0]) }
      guard PlaceKey.isPart(text, of: texts), let id = Int64.fromDatabaseValue(row["id"]) else { continue }
      found.append(RowID(rawValue: id))
    }
    return try RowValues.all(
      Shelter.records, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", [RowValues.list(found)], db)
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
}
