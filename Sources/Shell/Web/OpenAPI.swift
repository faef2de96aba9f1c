/// The API's description, served at `/openapi.yaml`: here what belongs to no service, the rest from the services themselves.
enum OpenAPI {
  static let yaml = """
    openapi: 3.1.0
    info:
      title: Renkei node
      version: "1"
      description: >-
        The HTTP side of one ward's node. Every answer is what this node knows now; it goes on when the ward is cut off.
    servers: [{ url: / }]
    security: [{ token: [] }, { session: [] }]
    paths:
      /healthz:
        get:
          operationId: health
          responses: { "200": { description: The node serves, content: { text/plain: { schema: { type: string } } } } }
      /readyz:
        get:
          operationId: ready
          responses:
            "200": { description: The node can do its work, content: { text/plain: { schema: { type: string } } } }
            "503": { description: What hinders it, a code of the runbook a line, content: { text/plain: { schema: { type: string } } } }
      /metrics:
        get:
          operationId: metrics
          responses: { "200": { description: Figures in Prometheus' text format, content: { text/plain: { schema: { type: string } } } } }
      /events:
        get:
          operationId: events
          description: Server-sent events `rows` and `links`. The answer does not end.
          responses: { "200": { description: A stream, content: { text/event-stream: { schema: { type: string } } } } }
      /api/v1/status:
        get:
          operationId: status
          parameters:
            - { name: digest, in: query, description: "1: also hash every table", schema: { type: string, enum: ["0", "1"] } }
          responses: { "200": { description: The node's state, content: { application/json: { schema: { type: object } } } } }
      /api/v1/links:
        get:
          operationId: links
          responses: { "200": { description: The peers and the state of the links, content: { application/json: { schema: { type: object } } } } }
      /api/v1/inspect/heads:
        get:
          operationId: inspectHeads
          description: How far the node keeps and has merged each log, for renkei-inspect.
          responses: { "200": { description: The heads, content: { application/json: { schema: { type: object } } } } }
      /api/v1/inspect/log:
        get:
          operationId: inspectLog
          description: About a mebibyte of one log as a bundle, its sections sealed as they are.
          parameters:
            - { name: lane, in: query, required: true, schema: { type: string, enum: [control, life, supply, registry] } }
            - { name: author, in: query, required: true, schema: { type: integer, minimum: 0 } }
            - { name: from, in: query, schema: { type: integer, minimum: 1 } }
          responses:
            "200": { description: A bundle, content: { application/octet-stream: { schema: { type: string, format: binary } } } }
            "400": { $ref: "#/components/responses/Refused" }
      /api/v1/shelters/{id}/history:
        parameters: [{ $ref: "#/components/parameters/ID" }]
        get:
          operationId: shelterHistory
          responses:
            "200": { description: "Every change, oldest first", content: { application/json: { schema: { type: object } } } }
            "404": { $ref: "#/components/responses/Refused" }
      /api/v1/session:
        get:
          operationId: session
          description: Who is signed in with this cookie, and what a page must send with every write.
          security: []
          responses: { "200": { description: The session, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } } }
        post:
          operationId: signIn
          security: []
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [login, password], properties: { login: { type: string, maxLength: 40 }, password: { type: string, maxLength: 512 } } } } } }
          responses:
            "200": { description: Signed in; the cookie is new, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } }
            "401": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
        delete:
          operationId: signOut
          security: []
          responses: { "204": { description: Out } }
      /api/v1/session/lock:
        post:
          operationId: lockSession
          requestBody: { content: { application/json: { schema: { type: object } } } }
          responses: { "204": { description: Locked; a PIN or a password goes on } }
      /api/v1/session/switch:
        post:
          operationId: switchPerson
          description: Go on as somebody who gave a password on this device within the last twelve hours.
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [login, pin], properties: { login: { type: string, maxLength: 40 }, pin: { type: string, pattern: "^[0-9]{6}$" } } } } } }
          responses:
            "200": { description: Open, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/session/pin:
        post:
          operationId: setPIN
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [pin, password], properties: { pin: { type: string, pattern: "^[0-9]{6}$" }, password: { type: string, maxLength: 512 } } } } } }
          responses:
            "204": { description: Set }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
      /api/v1/session/password:
        post:
          operationId: changePassword
          description: A new password of one's own; every other session of the account ends.
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [old, new], properties: { old: { type: string, maxLength: 512 }, new: { type: string, minLength: 10, maxLength: 128 } } } } } }
          responses:
            "200": { description: Changed; the cookie is new, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
      /api/v1/setup:
        post:
          operationId: firstAdministrator
          description: Makes the first administrator, with the code that `renkei-node init` printed. It works once.
          security: []
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [code, login, name, password], properties: { code: { type: string, maxLength: 40 }, login: { type: string, maxLength: 40 }, name: { type: string, maxLength: 60 }, password: { type: string, minLength: 10, maxLength: 128 } } } } } }
          responses:
            "200": { description: Made and signed in, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
    components:
      securitySchemes:
        token: { type: http, scheme: bearer, description: "From `renkei-node token add`, or the token of a private service" }
        session: { type: apiKey, in: cookie, name: __Host-renkei, description: "Writes need X-CSRF-Token besides" }
      parameters:
        ID: { name: id, in: path, required: true, description: A row id; a whole number as text, schema: { type: string, pattern: "^-?[0-9]{1,19}$" } }
      responses:
        Refused:
          description: What is wrong, where, in both languages
          content: { application/json: { schema: { $ref: "#/components/schemas/Error" } } }
      schemas:
        Error:
          type: object
          required: [error, ja, en]
          properties: { error: { type: string }, field: { type: string }, ja: { type: string }, en: { type: string } }
        Session:
          type: object
          required: [state, people]
          properties:
            state: { type: string, enum: [open, locked, none] }
            login: { type: string }
            name: { type: string }
            roles: { type: array, items: { type: string } }
            shelter: { type: string }
            csrf: { type: string }
            people: { type: array, items: { type: object, required: [login, name], properties: { login: { type: string }, name: { type: string } } } }
    """
}
