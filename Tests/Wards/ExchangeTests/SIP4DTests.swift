import Desk
import Testing

@testable import Exchange

/// SIP4D-ZIP: what is written holds, and what a public checker takes though it is wrong is refused.
@Suite struct SIP4DTests {
  private static let layer = Layer(
    "01-001-01", "避難所", category: "避難", ward: Field.ward(1),
    [
      .init("id", "ID") { _ in nil }, .init("name", "施設名称", required: true) { _ in nil },
      .init("eststts", "開設状況", .words([Choice("開設", "open"), Choice("不明", "unknown")]), required: true) { _ in nil },
      .init("capacity", "収容人数", .integer) { _ in nil }, .init("starttime", "開設日時", .time) { _ in nil },
    ])

  private static func package(
    _ change: (inout [(name: String, value: JSON)]) -> Void = { _ in }, latitude: Double = 35.66,
    longitude: Double = 139.0,
    isDrill: Bool = true, twice: Bool = false
  ) -> [SIP4DPackage.File] {
    var properties: [(name: String, value: JSON)] = [
      ("citycode", "13113"), ("cityname", "渋谷区"), ("id", "E1"), ("name", "見本小学校"), ("eststts", "open"),
      ("capacity", 300),
      ("starttime", "2026-11-30T13:45:00"), ("rk_id", "1"), ("rk_conflict", .null),
    ]
    change(&properties)
    let feature = SIP4DPackage.Feature(properties: properties, latitude: latitude, longitude: longitude)
    return SIP4DPackage(
      layer, twice ? [feature, feature] : [feature],
      SIP4DPackage.About(
        ward: ("13113", "渋谷区"), disaster: "見本地震", revision: 3, isDrill: isDrill, at: "2026-11-30T14:00:00", note: "",
        contact: "a@example.jp")
    ).files
  }

  private static func problems(_ files: [SIP4DPackage.File], isDrill: Bool? = true) -> [String] {
    SIP4DCheck.problems(files, layer, isDrill: isDrill)
  }

  @Test func `what is written holds: floats with their point, the drill in every place that says so`() {
    let files = Self.package()
    #expect(Self.problems(files).isEmpty)
    #expect(files.map(\.name) == ["sip4d_zip_meta.json", "13113_01-001-01.geojson", "13113_01-001-01_columns.json"])
    let map = String(decoding: files[1].bytes, as: UTF8.self)
    #expect(map.contains("[139.0,35.66]") && map.contains(#""capacity":300"#) && map.contains(#""rk_conflict":null"#))
    let meta = String(decoding: files[0].bytes, as: UTF8.self)
    #expect(meta.contains("訓練") && meta.contains("【訓練】見本地震"))
    let earnest = Self.package(isDrill: false).map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
    #expect(!earnest.contains("訓練") && Self.problems(Self.package(isDrill: false), isDrill: false).isEmpty)
    #expect(Self.problems(Self.package(isDrill: false)) == ["testflg: 通常"])
    // No feature at all is a package too.
    let none = SIP4DPackage(
      Self.layer, [],
      .init(
        ward: ("13113", "渋谷区"), disaster: "x", revision: 0, isDrill: true, at: "2026-11-30T14:00:00", note: "",
        contact: ""))
    #expect(Self.problems(none.files).isEmpty)
  }

  /// Each of these a public checker takes (design, section 4.1).
  @Test func `the seven wrong packages are refused, and why`() {
    func set(_ name: String, _ value: JSON) -> [SIP4DPackage.File] {
      Self.package { properties in
        properties = properties.filter { $0.name != name } + [(name, value)]
      }
    }
    #expect(Self.problems(Self.package { $0.removeAll { $0.name == "name" } }) == ["feature 0: name missing"])
    #expect(Self.problems(set("eststts", .null)) == ["feature 0: eststts missing"])
    #expect(Self.problems(Self.package(latitude: 139.7, longitude: 35.6)) == ["feature 0: position 35.6, 139.7"])
    #expect(Self.problems(Self.package(twice: true)) == ["feature 1: id 1 twice"])
    #expect(Self.problems(set("capacity", -1)) == ["feature 0: capacity is -1"])
    #expect(Self.problems(Self.package(isDrill: false)) == ["testflg: 通常"])
    var cut = Self.package()
    cut[1].bytes = [UInt8](String(decoding: cut[1].bytes, as: UTF8.self).replacing("[139.0,35.66]", with: "null").utf8)
    #expect(Self.problems(cut) == ["feature 0: geometry"])
    // And what every checker refuses.
    #expect(Self.problems(set("eststts", "開設")) == ["feature 0: eststts: 開設"])
    #expect(Self.problems(set("starttime", "2026-11-30T010:05:02")) == ["feature 0: starttime is no time"])
    var marked = Self.package()
    marked[1].bytes = [0xef, 0xbb, 0xbf] + marked[1].bytes
    #expect(!Self.problems(marked).isEmpty && !Self.problems(Array(Self.package().dropLast())).isEmpty)
  }
}
