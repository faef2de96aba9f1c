import Desk
import Foundation
import NodeService

/// The services' part of the API's description, made from the endpoints themselves: it cannot say anything else than what
/// the node does.
extension OpenAPI {
  /// The whole description: what belongs to no service, and what follows from the catalogue. JSON is YAML.
  static func yaml(of catalogue: Catalogue) -> String {
    var paths: [String: [(method: String, operation: JSON)]] = [:]
    var tags: [JSON] = [tag("Node", "ノード"), tag("Session", "サインイン")]
    for service in catalogue.services where !service.endpoints.isEmpty {
      tags.append(tag(service.words.en, service.words.ja))
      for endpoint in service.endpoints {
        paths["/api/v1\(endpoint.path)", default: []].append(
          (endpoint.method.rawValue, operation(endpoint, of: service)))
        for format in ListFormat.of(endpoint) {
          paths["/api/v1\(endpoint.path)\(format.rawValue)", default: []].append(
            ("get", file(format, of: endpoint, service)))
        }
      }
    }
    for records in catalogue.services.flatMap(\.records) where !records.published.isEmpty {
      for format in ListFormat.allCases where format == .csv || records.place != nil {
        paths["/open\(records.path)\(format.rawValue)", default: []].append(("get", openFile(format, of: records)))
      }
    }
    paths["/open/wards.geojson"] = [("get", openMap)]
    let known = Set(
      yaml.split(separator: "\n").filter { $0.hasPrefix("  /") }.map { String($0.dropFirst(2).dropLast()) })
    var text = ""
    for (path, operations) in paths.sorted(by: { $0.key < $1.key }) {
      precondition(!known.contains(path), "\(path) is described twice")
      text += "  \(path):\n"
      for (method, operation) in operations { text += "    \(method): \(line(operation))\n" }
    }
    let rows = catalogue.services.flatMap(\.records).map { ($0.name, row($0)) }
    let schemas = (rows + own).sorted { $0.0 < $1.0 }.map { "    \($0.0): \(line($0.1))\n" }.joined()
    return yaml.replacing("\npaths:", with: "\ntags: \(line(.list(tags)))\npaths:")
      .replacing("\ncomponents:", with: "\n" + text + "components:") + "\n" + schemas
  }

  private static func tag(_ en: String, _ ja: String) -> JSON { ["name": .text(en), "description": .text(ja)] }

  /// What belongs to no collection.
  private static let own: [(String, JSON)] = [
    ("Problem", CodableSchema.of(APIError.Body.self)), ("Session", CodableSchema.of(WebServer.SessionView.self)),
    ("StatusReport", CodableSchema.of(StatusReport.self)), ("LinksResult", CodableSchema.of(LinksResult.self)),
    ("HeadsReport", CodableSchema.of(HeadsReport.self)), ("History", CodableSchema.of(WebServer.History.self)),
    ("AppOffer", CodableSchema.of(WebServer.AppOffer.self)),
    ("PrintedCodes", CodableSchema.of(WebServer.PrintedCodes.self)),
    ("Me", CodableSchema.of(WebServer.Me.self)), ("Version", CodableSchema.of(WebServer.VersionReport.self)),
    ("Wards", ["type": "object", "required": ["wards"], "properties": ["wards": ["type": "array", "items": ward]]]),
    (
      "FeatureCollection",
      [
        "type": "object", "required": ["type", "features"],
        "properties": [
          "type": ["type": "string", "const": "FeatureCollection"], "features": ["type": "array", "items": feature],
          // In a drill alone.
          "isDrill": ["type": "boolean"],
        ],
      ]
    ),
  ]

  private static let ward: JSON = {
    let texts = Dictionary(
      uniqueKeysWithValues: ["code", "name", "kana", "romaji"].map { ($0, ["type": "string"] as JSON) })
    let others: [String: JSON] = [
      "population": ["type": "integer"], "latitude": ["type": "number"], "longitude": ["type": "number"],
      "neighbours": ["type": "array", "items": ["type": "string"]],
    ]
    let properties = texts.merging(others) { $1 }
    return [
      "type": "object", "required": .list(properties.keys.sorted().map { .text($0) }),
      "properties": .object(properties),
    ]
  }()

  private static let feature: JSON = [
    "type": "object", "required": ["type", "geometry", "properties"],
    "properties": [
      "type": ["type": "string", "const": "Feature"], "id": ["type": "string"],
      "geometry": [
        "type": ["object", "null"],
        "properties": ["type": ["type": "string"], "coordinates": ["type": "array", "items": [:]]],
      ],
      "properties": ["type": "object", "additionalProperties": true],
    ],
  ]

  private static func line(_ json: JSON) -> String { String(decoding: json.bytes, as: UTF8.self) }

  /// A row of a collection as answers have it.
  private static func row(_ records: Records) -> JSON {
    var properties: [String: JSON] = [
      "id": rowSchema("any"), "conflicts": ["type": "array", "items": ["type": "string"]],
      "actions": ["type": "array", "items": ["type": "string"], "description": "what can be done with it now"],
      "updatedAt": [
        "type": "integer",
        "description": "when a value of it was last written, in milliseconds since 1970; sums and notes apart",
      ],
      "updatedBy": ["type": "string", "description": "by which node: 13113-1"],
    ]
    if !records.states.isEmpty {
      properties["state"] = ["type": "string", "enum": .list(records.states.map { .text($0.words.ja) })]
      properties["stateCode"] = ["type": "string", "enum": .list(records.states.map { .text($0.code) })]
    }
    for field in records.fields where field.schema.type != .bytes && field.schema.kind != .log {
      properties[field.name] = described(shown(field.shape), "\(field.words.en) / \(field.words.ja)")
      if case .choice(let choices) = field.shape {
        properties[field.name + "Code"] = code(choices)
      }
    }
    return ["type": "object", "required": ["id"], "properties": .object(properties)]
  }

  /// What an answer holds of a shape: times as numbers, rows as text.
  private static func shown(_ shape: FieldShape) -> JSON {
    switch shape {
    case .time: ["type": "integer", "description": "milliseconds since 1970"]
    case .flag: ["type": "boolean"]
    case .choice, .text, .secret, .code, .date, .birth, .ward: ["type": "string"]
    case .decimal: ["type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"]
    case .integer: ["type": "integer"]
    case .number: ["type": "number"]
    case .row(let collection): rowSchema(collection)
    case .list(let inner, _): ["type": "array", "items": shown(inner)]
    case .counts: ["type": "object", "additionalProperties": ["type": "integer"]]
    }
  }

  private static func rowSchema(_ collection: String) -> JSON {
    ["type": "string", "pattern": "^-?[0-9]{1,19}$", "x-collection": .text(collection)]
  }

  private static func schema(_ answer: Answer) -> JSON {
    func object(_ properties: [String: JSON], required: [String] = []) -> JSON {
      ["type": "object", "properties": .object(properties), "required": .list(required.map { .text($0) })]
    }
    func members(_ members: [Answer.Member]) -> JSON { object(properties(members), required: sure(members)) }
    func sure(_ members: [Answer.Member]) -> [String] { members.filter(\.isSure).map(\.name) }
    func reference(_ records: Records, _ others: [Answer.Member]) -> JSON {
      let row: JSON = ["$ref": .text("#/components/schemas/\(records.name)")]
      return others.isEmpty ? row : ["allOf": [row, members(others)]]
    }
    func list(_ name: String, _ item: JSON, beside: [Answer.Member], _ isPaged: Bool) -> JSON {
      var properties: [String: JSON] = [name: ["type": "array", "items": item]]
      if isPaged {
        properties["next"] = ["type": ["string", "null"], "description": "give it as `after` for the next page"]
      }
      return object(
        properties.merging(self.properties(beside)) { $1 }, required: [name] + (isPaged ? ["next"] : []) + sure(beside))
    }
    switch answer {
    case .nothing: return [:]
    case .anyRow(let all, let others):
      let row: JSON = ["anyOf": .list(all.map { ["$ref": .text("#/components/schemas/\($0.name)")] })]
      return others.isEmpty ? row : ["allOf": [row, members(others)]]
    case .row(let records, let others): return reference(records, others)
    case .rows(let name, let records, let others, let beside, let isPaged):
      return list(name, reference(records, others), beside: beside, isPaged)
    case .members(let all): return members(all)
    case .list(let name, let all, let beside, let isPaged): return list(name, members(all), beside: beside, isPaged)
    }
  }

  private static func properties(_ members: [Answer.Member]) -> [String: JSON] {
    var properties: [String: JSON] = [:]
    for member in members {
      let content: JSON =
        switch member.content {
        case .value(let shape): member.isSure ? shown(shape) : shown(shape).orNull
        case .object(let answer): schema(answer)
        case .objects(let answer): ["type": "array", "items": schema(answer)]
        }
      properties[member.name] = described(content, "\(member.words.en) / \(member.words.ja)")
      if case .choice(let choices)? = member.shape { properties[member.name + "Code"] = code(choices) }
    }
    return properties
  }

  /// A word's code, which no change of the word changes.
  private static func code(_ choices: [Choice]) -> JSON {
    ["type": "string", "enum": .list(choices.map { .text($0.code) })]
  }

  /// The parameters that stand in a path.
  private static func places(_ endpoint: Endpoint) -> [JSON] {
    var parameters: [JSON] = []
    if endpoint.path.contains("{id}") {
      var schema: [String: JSON] = [
        "type": "string", "pattern": "^-?[0-9]{1,19}$|^[0-9]{5}-[0-9A-Z]{4}-[0-9A-Z]{6,8}$",
      ]
      if let subject = endpoint.subject { schema["x-collection"] = .text(subject.name) }
      parameters.append(["name": "id", "in": "path", "required": true, "schema": .object(schema)])
    }
    if endpoint.path.contains("{pseudonym}") {
      parameters.append([
        "name": "pseudonym", "in": "path", "required": true,
        "schema": ["type": "string", "pattern": "^p-[0-9a-f]{32}$"],
      ])
    }
    return parameters
  }

  private static func queries(_ endpoint: Endpoint, without left: Set<String> = []) -> [JSON] {
    endpoint.form.fields.filter { !left.contains($0.name) }.map { field in
      [
        "name": .text(field.name), "in": "query", "required": .flag(field.isRequired),
        "description": .text("\(field.english) / \(field.japanese)"), "schema": schema(field.shape),
      ]
    }
  }

  private static let refused: JSON = ["$ref": "#/components/responses/Refused"]
  private static let unchanged: JSON = ["description": "As the `ETag` that was sent says"]

  /// A list whole, in another form.
  private static func file(_ format: ListFormat, of endpoint: Endpoint, _ service: Service) -> JSON {
    var responses: [String: JSON] = ["200": ["description": "The list", "content": content(format)], "304": unchanged]
    for status in ["400", "401", "403", "404", "413", "429", "503"] { responses[status] = refused }
    let ending = format.rawValue.dropFirst()
    return [
      "operationId": .text(endpoint.id + ending.prefix(1).uppercased() + ending.dropFirst()),
      "tags": [.text(service.words.en)], "summary": .text("\(endpoint.summary) Whole, as \(ending)."),
      "parameters": .list(places(endpoint) + queries(endpoint, without: ["limit", "after"])),
      "responses": .object(responses),
    ]
  }

  private static func content(_ format: ListFormat) -> JSON {
    switch format {
    case .csv: ["text/csv": ["schema": ["type": "string"]]]
    case .geoJSON: ["application/geo+json": ["schema": ["$ref": "#/components/schemas/FeatureCollection"]]]
    }
  }

  private static func openFile(_ format: ListFormat, of records: Records) -> JSON {
    let ending = format.rawValue.dropFirst()
    return published(
      "open\(records.name.prefix(1).uppercased())\(records.name.dropFirst())\(ending.prefix(1).uppercased())\(ending.dropFirst())",
      "\(records.words.en): what anybody may know of it, where the node publishes it.", content(format))
  }

  private static let openMap = published(
    "openWardsGeojson", "The wards' borders, where the node publishes them.", content(.geoJSON))

  private static func published(_ id: String, _ summary: String, _ content: JSON) -> JSON {
    [
      "operationId": .text(id), "tags": ["Node"], "summary": .text(summary), "security": [],
      "responses": [
        "200": ["description": "The list", "content": content], "304": unchanged, "404": refused, "429": refused,
      ],
    ]
  }

  private static func operation(_ endpoint: Endpoint, of service: Service) -> JSON {
    var parameters = places(endpoint)
    var members: [String: JSON] = [
      "operationId": .text(endpoint.id), "summary": .text(endpoint.summary), "tags": [.text(service.words.en)],
      "description": .text(endpoint.words.ja),
    ]
    switch endpoint.body {
    case .read: parameters += queries(endpoint)
    case .write:
      parameters += ["IdempotencyKey", "EnteredAt"].map { ["$ref": .text("#/components/parameters/\($0)")] }
      if endpoint.path.contains("{id}") { parameters.append(["$ref": "#/components/parameters/IfMatch"]) }
      let properties = Dictionary(
        uniqueKeysWithValues: endpoint.form.fields.map { field in
          (field.name, described(given(field), "\(field.english) / \(field.japanese)"))
        })
      members["requestBody"] = [
        "required": .flag(endpoint.form.fields.contains(where: \.isRequired)),
        "content": [
          "application/json": [
            "schema": [
              "type": "object", "additionalProperties": false, "properties": .object(properties),
              "required": .list(endpoint.form.fields.filter(\.isRequired).map { .text($0.name) }),
            ]
          ]
        ],
      ]
    }
    if endpoint.isForServices {
      members["security"] = [["token": []]]
    } else if endpoint.access == .anyone {
      members["security"] = []
    }
    members["parameters"] = .list(parameters)
    var content: [String: JSON] = ["application/json": ["schema": schema(endpoint.answer)]]
    if endpoint.isFollowed { content["text/event-stream"] = ["schema": ["type": "string"]] }
    var responses: [String: JSON] =
      switch endpoint.answer {
      case .nothing: ["204": ["description": "Done"]]
      default:
        [
          endpoint.makes ? "201" : "200": [
            "description": .text(endpoint.isWrite ? "Done: \(endpoint.summary)" : endpoint.summary),
            "content": .object(content),
          ]
        ]
      }
    if !endpoint.isWrite { responses["304"] = unchanged }
    for status in ["400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "503"] {
      responses[status] = refused
    }
    members["responses"] = .object(responses)
    return .object(members)
  }

  /// What a body may hold of a field: null, which clears it, unless it must be given.
  private static func given(_ field: FormField) -> JSON {
    guard case .object(var members) = schema(field.shape) else { return [:] }
    if field.isRequired {
      if case .text = field.shape { members["minLength"] = 1 }
      if case .secret = field.shape { members["minLength"] = 1 }
      return .object(members)
    }
    if case .list(let several)? = members["oneOf"] { members["oneOf"] = .list(several + [["type": "null"]]) }
    if let type = members["type"] { members["type"] = [type, "null"] }
    if case .list(let words)? = members["enum"] { members["enum"] = .list(words + [.null]) }
    return .object(members)
  }

  private static func described(_ schema: JSON, _ text: String) -> JSON {
    guard case .object(var members) = schema else { return schema }
    members["description"] = .text(text)
    return .object(members)
  }

  private static func schema(_ shape: FieldShape) -> JSON {
    switch shape {
    case .text(let limit), .secret(let limit), .code(let limit): ["type": "string", "maxLength": JSON(limit)]
    case .decimal(let places, _):
      [
        "oneOf": [
          // As people write it too: `¥3,630`.
          [
            "type": "string",
            "pattern": .text("^[-−－▲△]?[¥￥]?[0-9０-９][0-9０-９,，]{0,23}([.．][0-9０-９]{1,\(places)})?円?$"),
          ], ["type": "integer"],
        ]
      ]
    case .integer(let range):
      ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
    case .number(let range): ["type": "number", "minimum": .real(range.lowerBound), "maximum": .real(range.upperBound)]
    case .flag: ["type": "boolean"]
    case .date: ["type": "string", "pattern": "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"]
    case .birth:
      [
        "type": "string", "maxLength": 60,
        "examples": ["1950-04-01", "1950-04", "1950", "昭和25年4月1日", "昭和25年頃", "50歳くらい", "不明"],
      ]
    case .time: ["oneOf": [["type": "string", "format": "date-time"], ["type": "integer", "minimum": 0]]]
    case .choice(let choices):
      [
        "type": "string",
        "enum": .list(choices.flatMap { $0.word == $0.code ? [.text($0.word)] : [.text($0.word), .text($0.code)] }),
      ]
    case .row(let collection):
      [
        "type": "string", "pattern": "^-?[0-9]{1,19}$|^[0-9]{5}-[0-9A-Z]{4}-[0-9A-Z]{6,8}$",
        "x-collection": .text(collection),
      ]
    case .ward: ["type": "string", "pattern": "^[0-9]{5}$"]
    case .list(let inner, let limit):
      ["type": "array", "maxItems": JSON(limit), "items": schema(inner).notEmpty]
    case .counts(let choices):
      [
        "type": "object", "additionalProperties": false,
        "properties": .object(
          Dictionary(
            choices.flatMap { [$0.word, $0.code] }.map { ($0, JSON.object(["type": "integer", "minimum": 0])) },
            uniquingKeysWith: { first, _ in first })),
      ]
    }
  }
}

extension JSON {
  /// Or nothing.
  fileprivate var orNull: JSON {
    guard case .object(var members) = self, let type = members["type"], type.text != nil else { return self }
    members["type"] = [type, "null"]
    return .object(members)
  }

  /// Of texts: none of no length.
  fileprivate var notEmpty: JSON {
    guard case .object(var members) = self, members["type"] == "string", members["enum"] == nil,
      members["pattern"] == nil
    else { return self }
    members["minLength"] = 1
    return .object(members)
  }
}
