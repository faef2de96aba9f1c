import Desk
import Foundation

/// The services' part of the API's description, made from the endpoints themselves: it cannot say anything else than what
/// the node does.
extension OpenAPI {
  /// The whole description: what is written by hand, and what follows from the catalogue. JSON is YAML.
  static func yaml(with endpoints: [Endpoint]) -> String {
    let paths = Dictionary(grouping: endpoints, by: \.path).sorted { $0.key < $1.key }
    let known = Set(yaml.split(separator: "\n").filter { $0.hasPrefix("  /api/v1/") }.map { String($0.dropLast()) })
    var text = ""
    for (path, endpoints) in paths {
      let full = "  /api/v1\(path)"
      precondition(!known.contains(full), "\(path) is described twice")
      text += full + ":\n"
      for endpoint in endpoints {
        let operation = String(decoding: operation(endpoint).bytes, as: UTF8.self)
        text += "    \(endpoint.method.rawValue): \(operation)\n"
      }
    }
    return yaml.replacingOccurrences(of: "\ncomponents:", with: "\n" + text + "components:")
  }

  private static func operation(_ endpoint: Endpoint) -> JSON {
    var parameters: [JSON] = []
    if endpoint.path.contains("{id}") {
      var schema: [String: JSON] = [
        "type": "string", "pattern": "^-?[0-9]{1,18}$|^[0-9]{5}-[0-9A-Z]{4}-[0-9A-Z]{6,8}$",
      ]
      if let subject = endpoint.subject { schema["description"] = .text("a row of \(subject)") }
      parameters.append(["name": "id", "in": "path", "required": true, "schema": .object(schema)])
    }
    if endpoint.path.contains("{pseudonym}") {
      parameters.append([
        "name": "pseudonym", "in": "path", "required": true,
        "schema": ["type": "string", "pattern": "^p-[0-9a-f]{32}$"],
      ])
    }
    var members: [String: JSON] = ["operationId": .text(endpoint.id), "summary": .text(endpoint.summary)]
    switch endpoint.action {
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
    if endpoint.isForServices { members["security"] = [["token": []]] }
    members["parameters"] = .list(parameters)
    var responses: [String: JSON] = [
      endpoint.makes ? "201" : "200": [
        "description": "Done", "content": ["application/json": ["schema": ["type": "object"]]],
      ]
    ]
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
        "type": "string", "pattern": "^-?[0-9]{1,18}$|^[0-9]{5}-[0-9A-Z]{4}-[0-9A-Z]{6,8}$",
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
