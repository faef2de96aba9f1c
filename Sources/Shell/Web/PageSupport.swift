import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import NodeService
import Places
import Replica
import Site
import Sodium

/// What all pages share: who asks in which language, and the services' answers, under the very rules of the API.
extension WebServer {
  static let languageCookie = "renkei-lang"
  static let themeCookie = "renkei-theme"
  static let sizeCookie = "renkei-size"

  func language(_ request: Request) -> Language {
    let asked = request.uri.queryParameters["lang"].map { String($0) } ?? request.cookies[Self.languageCookie]?.value
    return asked.flatMap { Language(rawValue: $0) } ?? .japanese
  }

  /// The page's surroundings.
  func frame(_ request: Request, _ context: DeskContext) -> Frame {
    let language = language(request)
    let query = request.uri.query.map { text in
      text.split(separator: "&").filter { text in
        !["lang=", "done=", "of=", "mark="].contains { text.hasPrefix($0) }
      }
      .joined(separator: "&")
    }
    let path = request.uri.path + (query.map { $0.isEmpty ? "" : "?" + $0 } ?? "")
    var frame = Frame(
      language: language, ward: wardName(core.identity.ward.code, language),
      isDrill: core.identity.federation.genesis.drill, path: path, now: Instant.now().milliseconds)
    frame.isStill = request.method != .get
    frame.theme = request.cookies[Self.themeCookie].flatMap { ["dark", "light"].contains($0.value) ? $0.value : nil }
    frame.size = request.cookies[Self.sizeCookie].flatMap { ["large", "huge"].contains($0.value) ? $0.value : nil }
    frame.user = context.principal?.user.name
    frame.csrf = context.principal?.csrf
    frame.account = context.principal?.account.map { "\($0)" }
    if let done = request.uri.queryParameters["done"], let endpoint = catalogue.endpoint(String(done)) {
      // What it was done with, where this session's own form says so.
      let of = request.uri.queryParameters["of"].map { String($0).removingPercentEncoding ?? String($0) } ?? ""
      let isOwn =
        request.uri.queryParameters["mark"].map { Gate.isSame(String($0), Self.mark(of, frame.csrf)) } ?? false
      frame.notice = (isOwn ? "\(of): " : "") + endpoint.words.done.text(in: language)
    }
    return frame
  }

  /// Nobody makes a page say what they like by an address: what a notice names bears the session's mark.
  static func mark(_ text: String, _ csrf: String?) -> String {
    blake2b([UInt8]("notice \(csrf ?? "") \(text)".utf8)).bytes.prefix(12).map { String(format: "%02x", $0) }.joined()
  }

  func done(_ endpoint: Endpoint, _ of: String, _ context: DeskContext) -> String {
    "done=\(endpoint.id)&of=\(Self.escaped(of))&mark=\(Self.mark(of, context.principal?.csrf))"
  }

  /// What was done, and with what, for the page that comes next. Of people, nothing is named in an address.
  func done(
    _ endpoint: Endpoint, _ answer: JSON, row: String?, _ request: Request, _ context: DeskContext
  ) async throws -> String {
    let records = endpoint.makes ? endpoint.answer.records : endpoint.subject
    guard let records, !records.isPersonal else { return "done=\(endpoint.id)" }
    let language = language(request)
    let names = known(try await options(language, context))
    var record = answer
    if !endpoint.makes || answer["id"] == .null {
      guard let row, let found = try? await ask("row", ["collection": records.name, "row": row], context) else {
        return "done=\(endpoint.id)"
      }
      record = found
    }
    guard let of = called(record, records, language, known: names), of.count <= 120 else {
      return "done=\(endpoint.id)"
    }
    return done(endpoint, of, context)
  }

  func wardName(_ code: String, _ language: Language) -> String {
    guard let ward = topology.ward(code) else { return code }
    return language.pick(ward.name, "\(ward.romaji) City")
  }

  func wardOptions(_ language: Language) -> [Controls.Option] {
    topology.wards.map { Controls.Option($0.code, wardName($0.code, language)) }
  }

  /// A page that shows what was refused, if anything was: with its status, and what HTTP says of it besides.
  func page(_ request: Request, _ html: String, refusal: APIError?) -> Response {
    var response = page(request, html, status: refusal?.status ?? .ok)
    for field in refusal?.headers ?? [:] { response.headers.append(field) }
    return response
  }

  /// A page, and the language that was asked for kept for the next one.
  func page(_ request: Request, _ html: String, status: HTTPResponse.Status = .ok) -> Response {
    var response = text(html, type: "text/html; charset=utf-8")
    response.status = status
    if request.uri.queryParameters["lang"] != nil {
      response.setCookie(
        Cookie(
          name: Self.languageCookie, value: language(request).rawValue, maxAge: 400 * 86_400, path: "/",
          secure: isSecure,
          httpOnly: true, sameSite: .lax))
    }
    return response
  }

  /// What a person calls an endpoint: a button, a form's or a list's title.
  func title(_ endpoint: String, _ language: Language) -> String { catalogue[endpoint].words.text(in: language) }

  /// What one row of a collection is called.
  func collectionTitle(_ collection: String, _ language: Language) -> String {
    catalogue.records[collection]?.words.text(in: language) ?? collection
  }

  // MARK: Asking the services

  func isAllowed(_ endpoint: String, _ context: DeskContext) -> Bool {
    catalogue.endpoint(endpoint)?.access.admits(context.user.roles) ?? false
  }

  /// An endpoint by its id, if this user may use it.
  func endpoint(_ id: String, _ context: DeskContext) throws -> Endpoint {
    guard let endpoint = catalogue.endpoint(id), !endpoint.isForServices else {
      throw APIError.notFound("endpoint")
    }
    guard isAllowed(id, context) else {
      throw APIError(
        .forbidden, "forbidden", ja: "この役割ではできません。管理者に頼んでください", en: "not for your roles: ask an administrator")
    }
    return endpoint
  }

  /// What a read answers, noted like any other.
  func ask(
    _ id: String, _ texts: [String: String] = [:], row: String? = nil, _ context: DeskContext
  ) async throws -> JSON {
    let endpoint = try endpoint(id, context)
    let given = try endpoint.form.read(texts: texts, in: core.identity.federation)
    var inquiry = Inquiry(given: given, user: context.user, now: .now(), identity: core.identity)
    inquiry.row = try row.map { try self.row($0, endpoint) } ?? nil
    return try await core.look(endpoint, inquiry, in: catalogue).answer
  }

  /// The same, or nothing where the user may not ask.
  func tryAsk(
    _ id: String, _ texts: [String: String] = [:], row: String? = nil, _ context: DeskContext
  ) async throws -> JSON? {
    isAllowed(id, context) ? try await ask(id, texts, row: row, context) : nil
  }

  /// What another ward's people may be looked at for without being asked each time: the one purpose of this ward's declarations
  /// in force; of several, finding people.
  func standingPurpose(_ context: DeskContext) async throws -> String? {
    let declared = try await tryAsk("declarations", [:], context)?["declarations"].list ?? []
    let purposes = Set(
      declared.filter { $0["ward"].text == core.identity.ward.code && $0["inForce"] == true }
        .flatMap { $0["purposes"].list.compactMap(\.text) })
    return purposes.count == 1
      ? purposes.first : purposes.contains(Purpose.safety.rawValue) ? Purpose.safety.rawValue : nil
  }

  func row(_ text: String, _ endpoint: Endpoint) throws -> RowID? {
    // An address that names nothing leads nowhere; an ID that was copied wrong is told so.
    do throws(ResidentID.Fault) {
      if Int64(text) == nil { _ = try ResidentID.row(text) { core.identity.federation.index(ofWard: $0) } }
    } catch {
      guard error == .badCheck else { throw APIError.notFound("id") }
    }
    let path = Form([FormField("id", .row(endpoint.subject?.name ?? "any"), required: true, ja: "番号", en: "id")])
    return try path.read(.object(["id": .text(text)]), in: core.identity.federation).row("id")
  }

  /// - Parameters:
  ///   - was: what the page showed in the fields that it had filled in.
  ///   - mark: of this press of the button, as `Idempotency-Key` has it.
  ///   - entered: when it was entered, as `Entered-At` has it.
  ///   - author: whose entry it is, when that is not whoever is signed in.
  func carryOut(
    _ endpoint: Endpoint, _ body: JSON, was: [String: JSON] = [:], row: String?, mark: String? = nil,
    entered: String? = nil, by author: User? = nil, _ context: DeskContext
  ) async throws -> JSON {
    var given = try endpoint.form.read(body, in: core.identity.federation)
    given.was = endpoint.form.shown(was, in: core.identity.federation)
    var inquiry = Inquiry(given: given, user: author ?? context.user, now: .now(), identity: core.identity)
    if author != nil { inquiry.deliveredBy = context.user.name }
    if let entered { try inquiry.enter(at: entered) }
    inquiry.origin = context.sender
    inquiry.row = try row.map { try self.row($0, endpoint) } ?? nil
    // Who goes back and sends the form again with another content means another entry.
    inquiry.request = try Self.request(mark, endpoint, inquiry).map { (blake2b($0.key + $0.content).bytes, []) }
    return try await carryOut(endpoint, inquiry, context).answer
  }

  /// Where a person does or sees these, as far as they may.
  func links(to endpoints: [String], back: String, _ language: Language, _ context: DeskContext) -> [[String: Any]] {
    // A sample is a drill's.
    let isDrill = core.identity.federation.genesis.drill
    return endpoints.filter { isAllowed($0, context) && (isDrill || !["loadSample", "removeSample"].contains($0)) }.map
    { id in
      return ["href": catalogue[id].isWrite ? "/do/\(id)?_back=\(back)" : "/list/\(id)", "label": title(id, language)]
    }
  }

  // MARK: Names of rows

  /// Rows that a field names are offered by what they are called, as long as there are no more than this.
  private static let mostOffered = 300

  /// The same, with the rows of whatever else these fields name.
  func options(
    for fields: [FormField], _ language: Language, _ context: DeskContext
  ) async throws -> [String: [Controls.Option]] {
    var options = try await options(language, context)
    for field in fields {
      guard case .row(let name) = field.shape, options[name] == nil, let records = catalogue.records[name],
        !records.isPersonal, records.reader.access.admits(context.user.roles)
      else { continue }
      let most = Self.mostOffered
      let rows = try await core.reader.read {
        try RowValues.all(records, "ORDER BY id DESC LIMIT \(most + 1)", [], $0)
      }
      guard rows.count <= most, !rows.isEmpty else { continue }
      let known = known(options)
      options[name] = rows.map { row in
        let parts = records.title.compactMap { part in
          if case .row = part.shape {
            row.row(part.schema.name).flatMap { known["\($0)"] }
          } else {
            records.part(part, of: row)
          }
        }
        return Controls.Option("\(row.id)", parts.isEmpty ? "\(row.id)" : parts.joined(separator: " "))
      }
    }
    return options
  }

  /// The ward's shelters and the items, for the fields that name one.
  func options(_ language: Language, _ context: DeskContext) async throws -> [String: [Controls.Option]] {
    let ward = core.identity.ward.code
    let shelters = try await core.reader.read { db in
      try ShelterSearch.find(ward: ward, limit: 1_000, db).map { ("\($0.id)", Shelter.records.title(of: $0)) }
    }
    let items = try await tryAsk("items", [:], context)?["items"].list ?? []
    return [
      "ward": wardOptions(language), "shelters": shelters.map { Controls.Option($0.0, $0.1) },
      "items": items.compactMap { item in
        item["id"].text.map { id in
          let name = (language == .english ? item["nameEn"].text : nil) ?? item["name"].text ?? id
          // The units are Japanese words, but for letters that everybody reads.
          let unit = item["unit"].text.flatMap { unit in
            language == .japanese || unit.utf8.allSatisfy { $0 < 128 } ? unit : nil
          }
          return Controls.Option(id, unit.map { "\(name) (\($0))" } ?? name)
        }
      },
    ]
  }

  /// Names by id, for tables.
  func known(_ options: [String: [Controls.Option]]) -> [String: String] {
    Dictionary(
      ["ward", "shelters", "items"].flatMap { options[$0] ?? [] }.map { ($0.value, $0.label) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Names by id of items, wards, the ward's own shelters, and the shelters named.
  func names(
    shelters: [JSON], _ language: Language, _ context: DeskContext
  ) async throws -> [String: String] {
    let ids = Set(shelters.compactMap { $0.text.flatMap { Int64($0) } }).sorted().map(RowID.init(rawValue:))
    let found = try await core.reader.read { try ShelterSearch.names(ids, $0) }
    return known(try await options(language, context)).merging(found) { $1 }
  }

  // MARK: Forms

  /// What a browser sent of a form without script.
  func sent(_ request: Request, upTo limit: Int = bodyLimit) async throws -> [String: [String]] {
    try Self.fields(try await Self.body(of: request, upTo: limit))
  }

  static func fields(_ body: ByteBuffer) throws -> [String: [String]] {
    var fields: [String: [String]] = [:]
    for pair in String(buffer: body).split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = plain(parts[0]), let value = plain(parts.count > 1 ? parts[1] : "") else {
        throw APIError.badValue("", ja: "フォームを読めません", en: "not a form")
      }
      fields[name, default: []].append(value)
    }
    return fields
  }

  private static func plain(_ text: Substring) -> String? {
    // A browser sends every end of a line as two characters.
    text.replacing("+", with: " ").removingPercentEncoding?.replacing("\r\n", with: "\n")
  }

  /// - Throws: when the form is not of a page that this session was shown.
  func checkForm(_ sent: [String: [String]], _ context: DeskContext) throws {
    guard let principal = context.principal, !principal.isReadOnly else {
      throw APIError(.forbidden, "read-only", ja: "閲覧のみの鍵です", en: "the token only reads")
    }
    guard let csrf = principal.csrf else { return }
    guard Gate.isSame(sent["_csrf"]?.first ?? "", csrf) else {
      throw APIError(
        .forbidden, "csrf", ja: "時間が経ったため送れませんでした。画面を開き直して、もう一度押してください",
        en: "open the page again: its form is not this session's")
    }
  }

  /// Where to go when a form is done: a path of this node.
  static func back(_ text: String?) -> String {
    guard let text, text.hasPrefix("/"), !text.hasPrefix("//"), !text.contains("\\"),
      text.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value < 127 })
    else { return "/" }
    return text
  }

  /// RFC 3986, section 2.3.
  private static let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

  /// A text as a part of an address.
  static func escaped(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
  }

  static func appending(_ query: String, to path: String) -> String { path + (path.contains("?") ? "&" : "?") + query }
}
