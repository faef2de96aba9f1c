import Desk
import Foundation

/// The services' part of the API's description, made from the endpoints themselves: it cannot say anything else than what
/// the node does.
extension OpenAPI {
  /// The whole description: what belongs to no service, and what follows from the catalogue. JSON is YAML.
  static func yaml(of catalogue: Catalogue) -> String {
    let paths = Dictionary(grouping: catalogue.endpoints, by: \.path).sorted { $0.key < $1.key }
    let known = Set(yaml.split(separator: "\n").filter { $0.hasPrefix("  /api/v1/") }.map { String($0.dropLast()) })
    var text = ""
    for (path, endpoints) in paths {
      let full = "  /api/v1\(path)"
      precondition(!known.contains(full), "\(path) is described twice")
      text += full + ":\n"
      for endpoint in endpoints { text += "    \(endpoint.method.rawValue): \(line(operation(endpoint)))\n" }
    }
    let rows = catalogue.services.flatMap(\.records).sorted { $0.name < $1.name }
      .map { "    \($0.name): \(line(row($0)))\n" }.joined()
    return yaml.replacing("\ncomponents:", with: "\n" + text + "components:") + "\n" + rows
  }

  private static func line(_ json: JSON) -> String { String(decoding: json.bytes, as: UTF8.self) }

  /// A row of a collection as answers have it.
  private static func row(_ records: Records) -> JSON {
    var properties: [String: JSON] = [
      "id": rowSchema("any"), "conflicts": ["type": "array", "items": ["type": "string"]],
      "actions": ["type": "array", "items": ["type": "string"], "description": "what can be done with it now"],
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

  /// What an answer holds of a shape: times and flags as numbers, rows as text.
  private static func shown(_ shape: FieldShape) -> JSON {
    switch shape {
    case .time: ["type": "integer", "description": "milliseconds since 1970"]
    case .flag: ["type": ["integer", "boolean"]]
    case .choice, .text, .secret, .date, .ward: ["type": "string"]
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
    func object(_ properties: [String: JSON]) -> JSON { ["type": "object", "properties": .object(properties)] }
    func reference(_ records: Records, _ members: [Answer.Member]) -> JSON {
      let row: JSON = ["$ref": .text("#/components/schemas/\(records.name)")]
      return members.isEmpty ? row : ["allOf": [row, object(self.members(members))]]
    }
    func list(_ name: String, _ item: JSON, beside: [Answer.Member], _ isPaged: Bool) -> JSON {
      var properties: [String: JSON] = [name: ["type": "array", "items": item]]
      if isPaged {
        properties["next"] = ["type": ["string", "null"], "description": "give it as `after` for the next page"]
      }
      return object(properties.merging(members(beside)) { $1 })
    }
    switch answer {
    case .anything: return ["type": "object"]
    case .row(let records, let members): return reference(records, members)
    case .rows(let name, let records, let members, let others, let isPaged):
      return list(name, reference(records, members), beside: others, isPaged)
    case .members(let members): return object(self.members(members))
    case .list(let name, let members, let others, let isPaged):
      return list(name, object(self.members(members)), beside: others, isPaged)
    }
  }

  private static func members(_ members: [Answer.Member]) -> [String: JSON] {
    var properties: [String: JSON] = [:]
    for member in members {
      let content: JSON =
        switch member.content {
        case .value(let shape): shown(shape)
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

  private static func operation(_ endpoint: Endpoint) -> JSON {
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
    var members: [String: JSON] = ["operationId": .text(endpoint.id), "summary": .text(endpoint.summary)]
    switch endpoint.body {
    case .read:
      parameters += endpoint.form.fields.map { field in
        [
          "name": .text(field.name), "in": "query", "required": .flag(field.isRequired),
          "description": .text("\(field.english) / \(field.japanese)"), "schema": schema(field.shape),
        ]
      }
    case .write:
      let properties = Dictionary(
        uniqueKeysWithValues: endpoint.form.fields.map { field in
          (field.name, described(schema(field.shape), "\(field.english) / \(field.japanese)"))
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
    var responses: [String: JSON] = [
      endpoint.makes ? "201" : "200": [
        "description": "Done", "content": ["application/json": ["schema": schema(endpoint.answer)]],
      ]
    ]
    if endpoint.method == .delete { responses = ["204": ["description": "Done"]] }
    for status in ["400", "401", "403", "404", "409", "413", "415", "429"] {
      responses[status] = ["$ref": "#/components/responses/Refused"]
    }
    members["responses"] = .object(responses)
    return .object(members)
  }

  private static func described(_ schema: JSON, _ text: String) -> JSON {
    guard case .object(var members) = schema else { return schema }
    members["description"] = .text(text)
    return .object(members)
  }

  private static func schema(_ shape: FieldShape) -> JSON {
    switch shape {
    case .text(let limit), .secret(let limit): ["type": "string", "maxLength": JSON(limit)]
    case .integer(let range):
      ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
    case .number(let range): ["type": "number", "minimum": .real(range.lowerBound), "maximum": .real(range.upperBound)]
    case .flag: ["type": "boolean"]
    case .date: ["type": "string", "pattern": "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"]
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
    case .list(let inner, let limit): ["type": "array", "maxItems": JSON(limit), "items": schema(inner)]
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
