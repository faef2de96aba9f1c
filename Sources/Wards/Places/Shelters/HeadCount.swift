import ChangeModel
import Desk
import GRDB

/// 避難者数: how many people are in a shelter. A desk's counter and the register of who checked in both say it, and a desk that
/// keeps the one need not keep the other: the higher holds, on every page, in every sum and for what is needed. Only the own
/// ward's register is known; other wards' figures stay as their desks tell them.
public struct HeadCount: Hashable, Sendable {
  public var counter: Int64
  /// Nil for another ward's shelter.
  public var register: Int64?
  public var people: Int64

  /// Whether the two say different things, where a register is kept.
  public var differs: Bool { people != counter || (register ?? 0) > 0 && register != counter }

  /// What a query of all shelters needs besides: where several counts of a counter stand, and entries that do not count.
  public struct Besides {
    public var recounts: String
    public var uncounted: String

    public init(_ db: Database) throws {
      recounts = try Shelter.occupancy.recounts(in: Shelter.records, db)
      uncounted = RowValues.list(try SameStays.uncounted(db).sorted())
    }
  }

  /// The shelters that are open.
  public static let open = "status IN ('開設', '常設')"

  /// A query of all shelters by `id`, `ward`, `status`, `counter`, `register` and `people`. A merged counter may say anything:
  /// people are 0 to a thousand million.
  ///
  /// - Parameters:
  ///   - own: the SQL parameter that holds the node's own ward.
  ///   - recounts: the one that holds `Besides.recounts`.
  ///   - uncounted: the one that holds `Besides.uncounted`.
  public static func all(own: String, recounts: String, uncounted: String) -> String {
    """
    SELECT id, ward, status, counter, register, min(1000000000, max(0, counter, ifnull(register, 0))) AS people FROM (
      SELECT h.id, h.ward, h.status, \(Shelter.occupancy.sql(in: "h", recounts: recounts)) AS counter,
        iif(h.ward = \(own), (
          SELECT count(*) FROM stays s WHERE s.shelter = h.id AND s.left_at IS NULL
            AND s.id NOT IN (SELECT value FROM json_each(\(uncounted)))), NULL) AS register
      FROM shelters h)
    """
  }

  /// - Parameter ward: the node's own.
  public static func of(_ shelters: [RowID], ward: String, _ db: Database) throws -> [RowID: HeadCount] {
    let besides = try Besides(db)
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: "\(all(own: "?1", recounts: "?3", uncounted: "?4")) WHERE id IN (SELECT value FROM json_each(?2))"),
      arguments: [ward, RowValues.list(shelters), besides.recounts, besides.uncounted])
    return rows.reduce(into: [:]) { counts, row in
      func number(_ column: String) -> Int64? { Int64.fromDatabaseValue(row[column]) }
      counts[RowID(rawValue: number("id") ?? 0)] = HeadCount(
        counter: number("counter") ?? 0, register: number("register"), people: number("people") ?? 0)
    }
  }

  /// Of one shelter; nobody where there is none.
  public static func of(_ shelter: RowID, ward: String, _ db: Database) throws -> HeadCount {
    try of([shelter], ward: ward, db)[shelter] ?? HeadCount(counter: 0, register: nil, people: 0)
  }

  /// What is said of one ward's shelters together.
  public struct Total: Hashable, Sendable {
    public var ward: String
    public var shelters: Int
    public var open: Int
    /// In those that are open.
    public var people: Int
    /// Counted in those that are not.
    public var elsewhere: Int
  }

  /// - Parameter ward: the node's own.
  public static func totals(ward: String, _ db: Database) throws -> [Total] {
    let besides = try Besides(db)
    return try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT ward, count(*) AS shelters, total(\(open)) AS open, total(iif(\(open), people, 0)) AS people,
            total(iif(\(open), 0, people)) AS elsewhere
          FROM (\(all(own: "?1", recounts: "?2", uncounted: "?3"))) GROUP BY ward ORDER BY ward
          """), arguments: [ward, besides.recounts, besides.uncounted]
    ).map { row in
      func number(_ column: String) -> Int { Int(min(Double.fromDatabaseValue(row[column]) ?? 0, 9e15)) }
      return Total(
        ward: String.fromDatabaseValue(row["ward"]) ?? "", shelters: number("shelters"), open: number("open"),
        people: number("people"), elsewhere: number("elsewhere"))
    }
  }

  // MARK: Answers

  static let members: [Answer.Member] = [
    .init("people", .integer(Numbers.people), "避難者数(数えた人数と名簿の多いほう)", "People: the higher of counter and register"),
    .init("registered", .integer(Numbers.people), "名簿の人数", "People in the register"),
  ]

  var json: [String: JSON] {
    ["people": .integer(people)].merging(register.map { ["registered": .integer($0)] } ?? [:]) { $1 }
  }
}
