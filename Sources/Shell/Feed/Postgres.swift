import CPostgres

/// One connection to PostgreSQL, by libpq. Not for more than one thread.
final class Postgres {
  /// What the server or the line said.
  struct Failure: Error, Hashable, Sendable {
    var text: String
    /// The line is gone, or the server is not there (yet): worth trying again.
    var isOfLine: Bool
  }

  private let handle: OpaquePointer

  /// - Parameter target: a connection string, `postgresql://…` or `host=… dbname=…`; the password better in `PGPASSFILE`.
  init(_ target: String) throws(Failure) {
    // A line that has gone silent is found out in half a minute, and so is a lock that nobody gives back; what the target says itself
    // stands.
    let settings = [
      ("dbname", target), ("connect_timeout", "10"), ("keepalives_idle", "10"), ("tcp_user_timeout", "30000"),
      ("options", "-c lock_timeout=60000"),
    ]
    guard let handle = Self.connect([settings[0]] + settings.dropFirst().filter { !target.contains("\($0.0)=") }) else {
      throw Failure(text: "no memory for a connection", isOfLine: false)
    }
    self.handle = handle
    guard PQstatus(handle) == CONNECTION_OK else {
      let failure = Failure(text: Self.trimmed(PQerrorMessage(handle)), isOfLine: true)
      throw failure
    }
    PQsetClientEncoding(handle, "UTF8")
    // Notices that a table is there already are nobody's news.
    try run("SET client_min_messages TO warning")
  }

  deinit { PQfinish(handle) }

  private static func connect(_ settings: [(String, String)]) -> OpaquePointer? {
    withTexts(settings.map { Optional($0.0) }, end: true) { names in
      withTexts(settings.map { Optional($0.1) }, end: true) { values in PQconnectdbParams(names, values, 1) }
    }
  }

  private static func trimmed(_ text: UnsafeMutablePointer<CChar>?) -> String {
    text.map { String(cString: $0).split(separator: "\n").joined(separator: " ") } ?? ""
  }

  private func failure(_ result: OpaquePointer?) -> Failure {
    let text = Self.trimmed(result.flatMap { PQresultErrorMessage($0) } ?? PQerrorMessage(handle))
    let state = result.flatMap { PQresultErrorField($0, Int32(UInt8(ascii: "C"))) }.map { String(cString: $0) }
    // A lock that another feed holds is waited for again.
    return Failure(text: text, isOfLine: PQstatus(handle) != CONNECTION_OK || state == "55P03")
  }

  /// Runs statements without arguments.
  func run(_ sql: String) throws(Failure) {
    let result = PQexec(handle, sql)
    defer { PQclear(result) }
    guard [PGRES_COMMAND_OK, PGRES_TUPLES_OK].contains(PQresultStatus(result)) else { throw failure(result) }
  }

  /// The rows of a query, as texts.
  @discardableResult
  func rows(_ sql: String, _ arguments: [String?] = []) throws(Failure) -> [[String?]] {
    let result = Self.withTexts(arguments) {
      PQexecParams(handle, sql, Int32(arguments.count), nil, $0, nil, nil, 0)
    }
    defer { PQclear(result) }
    guard PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK else {
      throw failure(result)
    }
    return (0..<PQntuples(result)).map { row in
      (0..<PQnfields(result)).map { column in
        PQgetisnull(result, row, column) == 1 ? nil : String(cString: PQgetvalue(result, row, column))
      }
    }
  }

  /// Keeps a statement under a name.
  func prepare(_ name: String, _ sql: String) throws(Failure) {
    let result = PQprepare(handle, name, sql, 0, nil)
    defer { PQclear(result) }
    guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw failure(result) }
  }

  func execute(_ name: String, _ arguments: [String?]) throws(Failure) {
    let result = Self.withTexts(arguments) {
      PQexecPrepared(handle, name, Int32(arguments.count), $0, nil, nil, 0)
    }
    defer { PQclear(result) }
    guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw failure(result) }
  }

  private static func withTexts<Result>(
    _ texts: [String?], end: Bool = false, _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
  ) -> Result {
    // One block for all of them, each with its end.
    var (bytes, places): ([CChar], [Int?]) = ([], [])
    for text in end ? texts + [nil] : texts {
      guard let text else {
        places.append(nil)
        continue
      }
      places.append(bytes.count)
      bytes += text.utf8.map { CChar(bitPattern: $0) } + [0]
    }
    return bytes.withUnsafeBufferPointer { block in
      places.map { place in place.map { block.baseAddress! + $0 } }.withUnsafeBufferPointer { body($0.baseAddress) }
    }
  }

  /// `COPY … FROM STDIN`, in the text form.
  ///
  /// - Parameter rows: gives the bytes of some rows each time, nil at the end.
  func copy(_ sql: String, rows: () throws -> [UInt8]?) throws {
    let begun = PQexec(handle, sql)
    defer { PQclear(begun) }
    guard PQresultStatus(begun) == PGRES_COPY_IN else { throw failure(begun) }
    do {
      while let bytes = try rows() {
        let sent = bytes.withUnsafeBytes {
          PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count))
        }
        guard sent == 1 else { throw failure(nil) }
      }
    } catch {
      PQputCopyEnd(handle, "given up")
      while let result = PQgetResult(handle) { PQclear(result) }
      throw error
    }
    guard PQputCopyEnd(handle, nil) == 1 else { throw failure(nil) }
    while let result = PQgetResult(handle) {
      defer { PQclear(result) }
      guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw failure(result) }
    }
  }
}
