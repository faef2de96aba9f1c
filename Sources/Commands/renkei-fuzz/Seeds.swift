import Catalogue
import Causality
import ChangeModel
import Federation
import Foundation
import Gossip
import Replica
import SignedLog
import Sodium

/// Well-formed inputs to begin with: an edit of every field of every collection, a message of every kind.
enum Seeds {
  static func write(_ target: Target, to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (number, bytes) in make(target).enumerated() {
      try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/seed-\(number)"))
    }
  }

  private static func make(_ target: Target) -> [[UInt8]] {
    switch target {
    case .changeSet:
      Schema(ControlSchema.collections + Services.collections).collections.map(section) + [statements()]
    case .frame: messages.map { $0.encoded() }
    case .bundle: [[0]] + messages.map { [126] + Bundle.frame($0) } + [[8] + messages.flatMap { Bundle.frame($0) }]
    case .csv: lists.map { [UInt8]($0.utf8) }
    case .topology: [[UInt8](network.utf8)]
    }
  }

  private static let author = AuthorNumber(ward: 101, serial: 1, epoch: 0)

  private static func section(_ schema: CollectionSchema) -> [UInt8] {
    let fields = schema.fields.flatMap { field in operations(field).map { FieldEdit(field.number, $0) } }
    let own = RowEdit(schema.number, RowID(author: author, counter: 1), .edit(fields))
    let derived = RowEdit(schema.number, RowID(derivedFrom: 1 << 40), .edit(fields))
    let gone = RowEdit(schema.number, RowID(author: author, counter: 1), .delete(shares: []))
    let lane = UInt8(Lane.allCases.firstIndex(of: schema.lane)!)
    // 0x80 and a multiple of the number of lanes: a section in a good frame.
    let lanes = UInt8(Lane.allCases.count)
    let first = (0x80...0xff).first { $0 % lanes == lane && $0 >= 0x80 }!
    return [first] + SectionCodec.encode([own, derived, gone], by: author)
  }

  /// A revocation and an amendment that hold, as an authority signs them: what no fuzzer comes upon.
  private static func statements() -> [UInt8] {
    let federation = Wards.federation()
    let keys = federation.authorities.map { SigningKey(seed: [UInt8](hexadecimal: $0.seed)!)! }
    let author = AuthorNumber(ward: 0, serial: 1, epoch: 0)
    var chain = AmendmentChain(federation.identity.id)
    chain.append(Amendment(ward: 1, authority: keys[0].publicKey, keeping: [[1, 2, 3]]))
    for (ward, key) in keys.enumerated() { chain.signLast(with: key, of: UInt32(ward)) }
    let revocation = try! federation.authorities[0].revocation(
      of: AuthorNumber(ward: 0, serial: 9, epoch: 0), in: federation.identity, cut: [:])
    let edits = [
      ControlSchema.amending(chain, reason: "盗難"), ControlSchema.revoking(revocation, reason: "紛失"),
    ]
    let lanes = UInt8(Lane.allCases.count)
    let lane = UInt8(Lane.allCases.firstIndex(of: .control)!)
    return [(0x80...0xff).first { $0 % lanes == lane }!] + SectionCodec.encode(edits, by: author)
  }

  private static func operations(_ field: FieldSchema) -> [FieldOperation] {
    let value: Value =
      switch field.type {
      case .integer: .integer(-300)
      case .real: .real(35.5)
      case .text: .text("水")
      case .bytes: .bytes([1, 2, 3])
      }
    switch field.kind {
    case .register: return [.set(value), .set(.null)]
    case .counter: return [.increment(5)]
    case .set: return [.add(value), .remove(value)]
    case .log: return [.append(value)]
    case .stock: return [.receive(9), .spend(2), .handOver(3, to: author), .takeOver(1, from: author)]
    }
  }

  private static var messages: [Message] {
    let log = LogName(.life, author)
    return [
      .hello(federation: Digest(repeatElement(7, count: Digest.byteCount)), author: author, program: "renkei-node 0.2"),
      .summary([1, 2, 3, 4], wall: nil),
      .heads(.life, [HeadReport(log: log, sequence: 3, hash: 9)]), .ask(log, from: 1, offset: 0),
      .run(Run(log, first: 1, entries: [[UInt8](repeating: 1, count: 80), [UInt8](repeating: 2, count: 65)])),
      .fragment(log, 1, offset: 0, total: 300, [1, 2, 3]), .ping(5), .pong(6, total: 9_000),
      .acknowledgement(total: 70_000, held: 200), .farewell(.revoked),
    ]
  }

  private static let lists = [
    """
    市区町村コード,NO,施設・場所名,住所,洪水,崖崩れ、土石流及び地滑り,高潮,地震,津波,大規模な火事,内水氾濫,火山現象,指定避難所との住所同一,緯度,経度,備考
    13101,1,見本小学校,東京都千代田区1-1-1,1,,,1,,,,,,35.69,139.75,"二行の
    備考"
    """,
    "全国地方公共団体コード,ID,名称,所在地_連結表記,緯度,経度,想定収容人数\r\n131016,1,見本中学校,東京都千代田区１丁目２番３号,35.69,139.75,１２０\r\n",
    """
    {"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[139.75,35.69]},
    "properties":{"市町村コード":"13101","施設名":"見本","所在地":"千代田区"}}]}
    """,
  ]

  /// Two wards, one triangle each.
  static let network = """
    format: renkei-topology-1
    name: 二区
    wards:
    \(ward("13101", neighbour: "13102", west: 139.7))
    \(ward("13102", neighbour: "13101", west: 139.8))
    links:
      - { between: ["13101", "13102"], kind: fibre, bits-per-second: 1000, latency-ms: 5, loss: 0.1 }
    """

  private static func ward(_ code: String, neighbour: String, west: Double) -> String {
    """
      - { code: "\(code)", name: 見本区, kana: みほんく, romaji: Mihon, office: { latitude: 35.65, longitude: \(west + 0.05) },
          population: { count: 1, year: 2020, source: 見本 }, neighbours: ["\(neighbour)"],
          outline: [[[35.6, \(west)], [35.7, \(west)], [35.7, \(west + 0.1)], [35.6, \(west + 0.1)]]] }
    """
  }
}
