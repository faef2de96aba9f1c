/// The API's description, served at `/openapi.yaml`.
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
      /api/v1/conflicts:
        get:
          operationId: conflicts
          parameters:
            - { name: limit, in: query, schema: { type: integer, minimum: 1, maximum: 10000 } }
          responses:
            "200": { description: Every value of every field in conflict, content: { application/json: { schema: { type: object } } } }
            "400": { $ref: "#/components/responses/Refused" }
      /api/v1/shelters:
        get:
          operationId: listShelters
          parameters:
            - { name: ward, in: query, schema: { type: string, pattern: "^[0-9]{5}$" } }
            - { name: status, in: query, schema: { $ref: "#/components/schemas/Status" } }
            - { name: q, in: query, description: "Part of a name, kana or address", schema: { type: string } }
            - { name: limit, in: query, schema: { type: integer, minimum: 1, maximum: 1000 } }
            - { name: after, in: query, description: "`next` of the page before", schema: { type: string, pattern: "^-?[0-9]{1,18}$" } }
          responses:
            "200":
              description: A page of shelters
              content:
                application/json:
                  schema:
                    type: object
                    required: [shelters]
                    properties:
                      shelters: { type: array, items: { $ref: "#/components/schemas/Shelter" } }
                      next: { type: string }
            "400": { $ref: "#/components/responses/Refused" }
        post:
          operationId: createShelter
          requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/ShelterPatch" } } } }
          responses:
            "201": { description: Made and on the disk, content: { application/json: { schema: { $ref: "#/components/schemas/Shelter" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
      /api/v1/shelters/{id}:
        parameters: [{ $ref: "#/components/parameters/ID" }]
        get:
          operationId: getShelter
          responses:
            "200": { description: The shelter, content: { application/json: { schema: { $ref: "#/components/schemas/Shelter" } } } }
            "404": { $ref: "#/components/responses/Refused" }
        patch:
          operationId: changeShelter
          requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/ShelterPatch" } } } }
          responses:
            "200": { description: Changed and on the disk, content: { application/json: { schema: { $ref: "#/components/schemas/Shelter" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "404": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
        delete:
          operationId: deleteShelter
          responses:
            "204": { description: Deleted }
            "403": { $ref: "#/components/responses/Refused" }
            "404": { $ref: "#/components/responses/Refused" }
      /api/v1/shelters/{id}/history:
        parameters: [{ $ref: "#/components/parameters/ID" }]
        get:
          operationId: shelterHistory
          responses:
            "200": { description: "Every change, oldest first", content: { application/json: { schema: { type: object } } } }
            "404": { $ref: "#/components/responses/Refused" }
      /api/v1/shelters/{id}/resolve:
        parameters: [{ $ref: "#/components/parameters/ID" }]
        post:
          operationId: resolveConflict
          description: Gives a field one value, which replaces every value that this node sees.
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [field]
                  properties: { field: { type: string }, value: { type: [string, "null"] } }
          responses:
            "200": { description: Settled, content: { application/json: { schema: { $ref: "#/components/schemas/Shelter" } } } }
            "400": { $ref: "#/components/responses/Refused" }
            "403": { $ref: "#/components/responses/Refused" }
            "404": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
      /api/v1/shelters/{id}/keep:
        parameters: [{ $ref: "#/components/parameters/ID" }]
        post:
          operationId: keepShelter
          description: >-
            Settles a shelter that one deleted while another edited it (`conflicts` holds an empty name): all that it
            shows stays. To settle it the other way, delete it.
          requestBody: { required: true, content: { application/json: { schema: { type: object } } } }
          responses:
            "200": { description: Kept, content: { application/json: { schema: { $ref: "#/components/schemas/Shelter" } } } }
            "403": { $ref: "#/components/responses/Refused" }
            "404": { $ref: "#/components/responses/Refused" }
            "409": { $ref: "#/components/responses/Refused" }
            "415": { $ref: "#/components/responses/Refused" }
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
        ID: { name: id, in: path, required: true, description: A row id; a whole number as text, schema: { type: string, pattern: "^-?[0-9]{1,18}$" } }
      responses:
        Refused:
          description: What is wrong, where, in both languages
          content: { application/json: { schema: { $ref: "#/components/schemas/Error" } } }
      schemas:
        Status:
          type: string
          enum: [未開設, 開設, 閉鎖, 常設, 不明, その他, notopen, open, close, permanent, unknown, other]
        Crowding:
          type: string
          enum: [空き, 混雑, 定員一杯, 不明, free, congestion, full, unknown]
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
        ShelterPatch:
          type: object
          properties:
            ward: { type: string, pattern: "^[0-9]{5}$" }
            name: { type: string, minLength: 1, maxLength: 400 }
            kana: { type: string, maxLength: 400 }
            address: { type: string, maxLength: 400 }
            latitude: { type: number, minimum: 20, maximum: 46 }
            longitude: { type: number, minimum: 122, maximum: 154 }
            phone: { type: string, maxLength: 100 }
            capacity: { type: integer, minimum: 0, maximum: 10000000 }
            remarks: { type: string, maxLength: 400 }
            status: { $ref: "#/components/schemas/Status" }
            crowding: { $ref: "#/components/schemas/Crowding" }
            occupancyChange: { type: integer, minimum: -100000, maximum: 100000 }
            addNeeds: { type: array, maxItems: 100, items: { type: string, minLength: 1, maxLength: 400 } }
            removeNeeds: { type: array, maxItems: 100, items: { type: string, minLength: 1, maxLength: 400 } }
            note: { type: string, maxLength: 400 }
        Shelter:
          type: object
          required: [id, occupancy, needs, designations, hazards, commonIDs, conflicts]
          properties:
            id: { type: string }
            ward: { type: string }
            name: { type: string }
            status: { type: string }
            statusCode: { type: string }
            crowding: { type: string }
            crowdingCode: { type: string }
            occupancy: { type: integer }
            capacity: { type: integer }
            needs: { type: array, items: { type: string } }
            designations: { type: array, items: { type: string } }
            hazards: { type: array, items: { type: string } }
            commonIDs: { type: array, items: { type: string } }
            conflicts: { type: array, items: { type: string } }
    """
}
