/// The API's description, served at `/openapi.yaml`: here what belongs to no service, the rest from the services themselves.
enum OpenAPI {
  static let yaml = """
    openapi: 3.1.0
    info:
      title: Renkei node
      version: "1"
      summary: The HTTP side of one ward's node.
      description: >-
        Every answer is what this node knows now; it goes on when the ward is cut off. Times are milliseconds since 1970 (UTC);
        a field that takes a time takes RFC 3339 as well. Words of the wards' forms are in Japanese; beside each stands its code
        (`stateCode` beside `state`). Ids are whole numbers as text. A list comes in pages: `next` is given as `after` for the
        next one, and is null at the end. What must not be done twice is sent with an `Idempotency-Key`. Paths, names and codes
        stay as they are within version 1; members may be added.
    servers: [{ url: / }]
    security: [{ token: [] }, { session: [] }]
    paths:
      /healthz:
        get:
          operationId: health
          tags: [Node]
          summary: Whether the node serves, and has room to write.
          security: []
          responses:
            "200": { description: The node serves, content: { text/plain: { schema: { type: string } } } }
            "503": { description: "`noSpace`: the disk is full; it serves what only reads", content: { text/plain: { schema: { type: string } } } }
      /readyz:
        get:
          operationId: ready
          tags: [Node]
          summary: Whether the node can do its work.
          security: []
          responses:
            "200": { description: The node can do its work, content: { text/plain: { schema: { type: string } } } }
            "503": { description: "What hinders it, a code of the runbook a line", content: { text/plain: { schema: { type: string } } } }
      /metrics:
        get:
          operationId: metrics
          tags: [Node]
          summary: Figures for Prometheus.
          responses: { "200": { description: Figures in Prometheus' text format, content: { text/plain: { schema: { type: string } } } } }
      /events:
        get:
          operationId: events
          tags: [Node]
          summary: What this node's own pages listen to.
          description: >-
            Server-sent events `rows` and `links`, for the pages: that something is no longer as it was. Programs follow
            `/api/v1/changes`, which loses nothing. The answer does not end before the caller's session or token does.
          responses: { "200": { description: A stream, content: { text/event-stream: { schema: { type: string } } } } }
      /api/v1/me:
        get:
          operationId: me
          tags: [Node]
          summary: Who asks, as this node knows them.
          responses:
            "200": { description: The caller, content: { application/json: { schema: { $ref: "#/components/schemas/Me" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
      /api/v1/version:
        get:
          operationId: version
          tags: [Node]
          summary: Which program answers.
          responses:
            "200": { description: The program, content: { application/json: { schema: { $ref: "#/components/schemas/Version" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
      /api/v1/wards:
        get:
          operationId: wards
          tags: [Node]
          summary: The wards of the federation's map.
          responses:
            "200": { description: The wards, content: { application/json: { schema: { $ref: "#/components/schemas/Wards" } } } }
            "304": { description: As the `ETag` that was sent says }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
      /api/v1/wards.geojson:
        get:
          operationId: wardsOnMap
          tags: [Node]
          summary: The wards' borders, RFC 7946.
          responses:
            "200": { description: A FeatureCollection, content: { application/geo+json: { schema: { $ref: "#/components/schemas/FeatureCollection" } } } }
            "304": { description: As the `ETag` that was sent says }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
      /api/v1/status:
        get:
          operationId: status
          tags: [Node]
          summary: The node's state.
          parameters:
            - { name: digest, in: query, description: "1: also hash every table", schema: { type: string, enum: ["0", "1"] } }
          responses:
            "200": { description: The node's state, content: { application/json: { schema: { $ref: "#/components/schemas/StatusReport" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/links:
        get:
          operationId: links
          tags: [Node]
          summary: The peers and the state of the links.
          responses:
            "200": { description: The peers and the state of the links, content: { application/json: { schema: { $ref: "#/components/schemas/LinksResult" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/inspect/heads:
        get:
          operationId: inspectHeads
          tags: [Node]
          summary: How far the node keeps each log.
          description: How far the node keeps and has merged each log, for renkei-inspect.
          responses:
            "200": { description: The heads, content: { application/json: { schema: { $ref: "#/components/schemas/HeadsReport" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/inspect/log:
        get:
          operationId: inspectLog
          tags: [Node]
          summary: A piece of one log.
          description: About a mebibyte of one log as a bundle, its sections sealed as they are.
          parameters:
            - { name: lane, in: query, required: true, schema: { type: string, enum: [control, life, supply, registry] } }
            - { name: author, in: query, required: true, schema: { type: integer, minimum: 0 } }
            - { name: from, in: query, schema: { type: integer, minimum: 1 } }
          responses:
            "200": { description: A bundle, content: { application/octet-stream: { schema: { type: string, format: binary } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/shelters/{id}/history:
        parameters: [{ $ref: "#/components/parameters/ID" }]
        get:
          operationId: shelterHistory
          tags: [Node]
          summary: Every change of a shelter, oldest first.
          responses:
            "200": { description: "The newest 500 changes, oldest first", content: { application/json: { schema: { $ref: "#/components/schemas/History" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
            "404": { $ref: "#/components/responses/Refused" }
      /api/v1/session:
        get:
          operationId: session
          tags: [Session]
          summary: Who is signed in with this cookie.
          description: Who is signed in with this cookie, and what a page must send with every write.
          security: []
          responses: { "200": { description: The session, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } } }
        post:
          operationId: signIn
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: Sign in.
          security: []
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [login, password], properties: { login: { type: string, maxLength: 40 }, password: { type: string, maxLength: 512 }, code: { type: string, maxLength: 40, description: "The authenticator's number or a printed code, where the account has one" } } } } } }
          responses:
            "422": { $ref: "#/components/responses/Refused" }
            "200": { description: Signed in; the cookie is new, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } }
            "401": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
            "400": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "413": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
        delete:
          operationId: signOut
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: Sign out.
          security: []
          responses: { "204": { description: Out }, "422": { $ref: "#/components/responses/Refused" } }
      /api/v1/session/lock:
        post:
          operationId: lockSession
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: Lock a shared tablet.
          requestBody: { content: { application/json: { schema: { type: object } } } }
          responses:
            "422": { $ref: "#/components/responses/Refused" }
            "204": { description: Locked; a PIN or a password goes on }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
            "413": { $ref: "#/components/responses/Refused" }
      /api/v1/session/switch:
        post:
          operationId: switchPerson
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: Go on as somebody else.
          description: Go on as somebody who gave a password on this device within the last twelve hours.
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [login, pin], properties: { login: { type: string, maxLength: 40 }, pin: { type: string, pattern: "^[0-9]{6}$" } } } } } }
          responses:
            "422": { $ref: "#/components/responses/Refused" }
            "200": { description: Open, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
            "400": { $ref: "#/components/responses/Refused" }
            "413": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
      /api/v1/session/pin:
        post:
          operationId: setPIN
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: Set a PIN of one's own.
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [pin, password], properties: { pin: { type: string, pattern: "^[0-9]{6}$" }, password: { type: string, maxLength: 512 } } } } } }
          responses:
            "422": { $ref: "#/components/responses/Refused" }
            "204": { description: Set }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "413": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/session/app:
        post:
          operationId: offerAuthenticator
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: Begin to set up an authenticator app of one's own.
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [password], properties: { password: { type: string, maxLength: 512 } } } } } }
          responses:
            "200": { description: "The secret, for ten minutes", content: { application/json: { schema: { $ref: "#/components/schemas/AppOffer" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "413": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/session/app/confirmation:
        post:
          operationId: confirmAuthenticator
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: Show that the app has the secret.
          description: From then on signing in takes its number besides the password. Answers eight codes, each good once in its place.
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [mark, code], properties: { mark: { type: string, maxLength: 40 }, code: { type: string, maxLength: 10 } } } } } }
          responses:
            "200": { description: The printed codes, content: { application/json: { schema: { $ref: "#/components/schemas/PrintedCodes" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "413": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/session/password:
        post:
          operationId: changePassword
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: A new password of one's own.
          description: A new password of one's own; every other session of the account ends.
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [old, new], properties: { old: { type: string, maxLength: 512 }, new: { type: string, minLength: 10, maxLength: 128 } } } } } }
          responses:
            "422": { $ref: "#/components/responses/Refused" }
            "200": { description: Changed; the cookie is new, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "413": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
      /api/v1/setup:
        post:
          operationId: firstAdministrator
          tags: [Session]
          parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }]
          summary: Make the first administrator.
          description: Makes the first administrator, with the code that `renkei-node init` printed. It works once.
          security: []
          requestBody: { required: true, content: { application/json: { schema: { type: object, required: [code, login, name, password], properties: { code: { type: string, maxLength: 40 }, login: { type: string, maxLength: 40 }, name: { type: string, maxLength: 60 }, password: { type: string, minLength: 10, maxLength: 128 } } } } } }
          responses:
            "422": { $ref: "#/components/responses/Refused" }
            "200": { description: Made and signed in, content: { application/json: { schema: { $ref: "#/components/schemas/Session" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "401": { $ref: "#/components/responses/Refused" }
            "429": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "413": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
    components:
      securitySchemes:
        token: { type: http, scheme: bearer, description: "From `renkei-node token add`, or the token of a private service" }
        session: { type: apiKey, in: cookie, name: __Host-renkei, description: "Writes need X-CSRF-Token besides" }
      parameters:
        IdempotencyKey:
          name: Idempotency-Key
          in: header
          description: >-
            The caller's own mark of this write, random: sent again with it, however much later, the write is not done again, and
            is answered as the first time, with `Idempotency-Replayed`. Only what a million other writes have followed is
            forgotten. With another content it is refused (422).
          schema: { type: string, minLength: 16, maxLength: 100 }
        IfMatch:
          name: If-Match
          in: header
          description: >-
            The `ETag` of the row as it was read: when it has been changed since, nothing is written, and what stands now is
            answered (412).
          schema: { type: string, maxLength: 1000 }
        EnteredAt:
          name: Entered-At
          in: header
          description: >-
            When a person entered this (RFC 3339, with milliseconds), where that was earlier: it stands as the time of arrival, of
            a count, of a report. A time in the future or more than 14 days ago is a wrong clock's: it is not taken, and the
            audit trail says so.
          schema: { type: string, format: date-time }
        ID: { name: id, in: path, required: true, description: A row id; a whole number as text, schema: { type: string, pattern: "^-?[0-9]{1,19}$" } }
      responses:
        Refused:
          description: What is wrong, where, in both languages
          headers:
            ETag: { description: "Of what stands now, where something else was expected", schema: { type: string } }
            Retry-After: { description: Seconds until it is worth another try, schema: { type: integer } }
          content: { application/problem+json: { schema: { $ref: "#/components/schemas/Problem" } } }
      schemas:
    """
}
