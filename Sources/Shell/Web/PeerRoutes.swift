import Build
import ChangeModel
import Desk
import Gossip
import Hummingbird
import NodeService
import Topology

/// What a program asks before anything else: who it is here, which program this node is, and where the wards lie.
extension WebServer {
  func addPeerRoutes(to api: RouterGroup<DeskContext>) {
    api.get("/me") { _, context in try json(me(context)) }
    api.get("/version") { _, _ in try json(VersionReport()) }
    api.get("/wards") { _, _ in answer(["wards": .list(topology.wards.map(Self.ward))], isPersonal: false) }
    api.get("/wards.geojson") { _, _ in wardsOnMap }
  }

  struct Me: Codable {
    enum Kind: String, Codable, CaseIterable { case token, session }

    var kind: Kind
    var name: String
    /// Codes, as `renkei-node token add --role` takes them.
    var roles: [String]
    /// The only shelter to work at.
    var shelter: String?
    var readOnly: Bool
    /// Of the node that answers.
    var ward: String
    var node: String
  }

  private func me(_ context: DeskContext) -> Me {
    let user = context.user
    return Me(
      kind: context.principal?.account == nil ? .token : .session, name: user.name,
      roles: user.roles.map(\.rawValue).sorted(), shelter: user.shelter.map { "\($0)" },
      readOnly: context.principal?.isReadOnly ?? true, ward: core.identity.ward.code,
      node: core.federation.reference(to: core.identity.certificate.node))
  }

  struct VersionReport: Codable {
    var program = "renkei-node"
    var version = Build.version
    var commit = Build.commit
    /// Of the API: another number, another meaning.
    var api = 1
    /// Of links between nodes, as the first message bears it.
    var protocolVersion = Int(Message.protocolVersion)
  }

  // MARK: Wards

  private static func ward(_ ward: Ward) -> JSON {
    [
      "code": .text(ward.code), "name": .text(ward.name), "kana": .text(ward.kana), "romaji": .text(ward.romaji),
      "population": JSON(ward.population.count), "latitude": .real(ward.office.latitude),
      "longitude": .real(ward.office.longitude), "neighbours": .list(ward.neighbours.map { .text($0) }),
    ]
  }

  /// The wards' borders (RFC 7946): one MultiPolygon each, its rings counter-clockwise.
  var wardsOnMap: Response {
    let features = topology.wards.map { ward -> JSON in
      let rings = ward.outline.map { ring -> JSON in
        [.list((Self.isClockwise(ring) ? ring.reversed() : ring).map { [.real($0.longitude), .real($0.latitude)] })]
      }
      return [
        "type": "Feature", "id": .text(ward.code), "geometry": ["type": "MultiPolygon", "coordinates": .list(rings)],
        "properties": Self.ward(ward),
      ]
    }
    let content: JSON = ["type": "FeatureCollection", "features": .list(features)]
    return Response(
      status: .ok, headers: [.contentType: ListFormat.geoJSON.type, .cacheControl: Self.revalidated],
      body: .init(byteBuffer: ByteBuffer(bytes: content.bytes)))
  }

  private static func isClockwise(_ ring: [Position]) -> Bool {
    zip(ring, ring.dropFirst()).reduce(0) { $0 + ($1.1.longitude - $1.0.longitude) * ($1.1.latitude + $1.0.latitude) }
      > 0
  }
}
