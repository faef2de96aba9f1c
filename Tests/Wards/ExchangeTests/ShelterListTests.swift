import Exchange
import Formats
import Foundation
import Places
import Testing
import Topology

@Suite struct ShelterListTests {
  static func read(_ text: String, _ fileName: String = "list.csv") throws -> ShelterList {
    try ShelterList(Array(text.utf8), fileName: fileName, topology: Files.topology)
  }

  static let v1 = "市区町村コード,NO,名称,住所,緯度,経度,災害種別_地震,災害種別_崖崩れ、土石流及び地滑り,想定収容人数\n"

  static func cp932(_ text: String) -> [UInt8] { iconv(text, "CP932") }

  /// Japanese whose UTF-8 somebody took for CP932.
  static func garbled(_ text: String) -> String {
    String(decoding: iconv([UInt8](text.utf8), from: "CP932", to: "UTF-8"), as: UTF8.self)
  }

  static func iconv(_ text: String, _ encoding: String) -> [UInt8] {
    iconv([UInt8](text.utf8), from: "UTF-8", to: encoding)
  }

  private static func iconv(_ bytes: [UInt8], from source: String, to target: String) -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/iconv")
    process.arguments = ["-c", "-f", source, "-t", target]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try! process.run()
    input.fileHandleForWriting.write(Data(bytes))
    try! input.fileHandleForWriting.close()
    return [UInt8](output.fileHandleForReading.readDataToEndOfFile())
  }

  @Test func `the shipped sample is a standard data set without a problem`() throws {
    let list = try ShelterList(
      Files.bytes(Files.root.appendingPathComponent("Tools/sample/shelters.csv")), fileName: "shelters.csv",
      topology: Files.topology)
    #expect(list.kind == .standardV2 && list.encoding == .utf8WithMark)
    #expect(list.records.count == 120 && list.problems.isEmpty)
    #expect(Set(list.records.map(\.ward)) == ["13113", "13121", "13108"])
    #expect(list.records[0].neighbourhoods?.count == 2)
    #expect(list.records[0].designations == [.shelter, .emergencySite])
  }

  @Test func `a header is found by its names, after a blank line, with a line break inside, in CP932`() throws {
    let text =
      ",,,,,,,,,,,\r\n避難所_施設名称,地方公共団体コード,都道府県,指定市区町村名,所在地住所,緯度,経度,\"エレベーター有/\n避難スペースが１階\",スロープ等,点字ブロック,車椅子使用者対応トイレ,その他\r\n"
      + "髙井戸①小,131156,東京都,杉並区,東京都杉並区高井戸1-1,35.68,139.62,○,,,○,\r\n" + String(repeating: ",,,,,,,,,,,\r\n", count: 500)
    let list = try ShelterList(Self.cp932(text), fileName: "130001.csv", topology: Files.topology)
    #expect(list.kind == .tokyoShelters && list.encoding == .cp932)
    #expect(list.records.map(\.name) == ["髙井戸①小"])
    #expect(list.records[0].accessibility == ["エレベーター・1階", "車椅子使用者対応トイレ"])
    #expect(list.records[0].line == 4, "a header with a line break takes two lines")
  }

  @Test func `the older release's column names are known too`() throws {
    let list = try Self.read(
      "\u{feff}避難所_名称,地方公共団体コード,都道府県,指定区市町村名,住所,緯度,経度\r\n甲小,131016,東京都,千代田区,東京都千代田区麹町1,35.685,139.74\r\n")
    #expect(list.kind == .tokyoShelters && list.records.count == 1 && list.records[0].ward == "13101")
  }

  @Test func `quoted commas, quotes and line breaks stay in their field, and lines are counted through them`() throws {
    let list = try Self.read(
      Self.v1 + "131016,1,\"甲,乙\",\"一行目\r\n二\"\"行\"\"目\",35.69,139.75,1,,100\r\n131016,2,丙,丁,35.69,bad,1,,\r\n")
    #expect(list.records[0].name == "甲,乙" && list.records[0].address == "一行目\r\n二\"行\"目")
    #expect(list.problems == [ImportProblem(.warning, line: 4, field: "経度", .notANumber("bad"))])
    #expect(list.records[1].longitude == nil, "a bad number costs the number, not the row")
  }

  @Test func `full-width digits, lost zeros and missing check digits are mended only when that is sure`() throws {
    let list = try Self.read(
      Self.v1 + "１３１０１６,1,甲,a,３５．６９,１３９．７５,１,,１,０００\n".replacingOccurrences(of: "１,０００", with: "\"１,０００\"")
        + "13101,2,乙,a,,,,,\n131017,3,丙,a,,,,,\n92011,4,丁,a,,,,,\nabc,5,戊,a,,,,,\n")
    #expect(list.records.map(\.ward) == ["13101", "13101", "09201"])
    #expect(list.records[0].capacity == 1_000 && list.records[0].latitude == 35.69)
    #expect(
      list.problems == [
        ImportProblem(.refused, line: 4, field: "市区町村コード", .badCheckDigit("131017", expected: "131016")),
        ImportProblem(.refused, line: 6, field: "市区町村コード", .notACode("abc")),
      ])
  }

  @Test func `a ward's five digits are that ward, and a prefecture that publishes is not the place`() throws {
    for code in Files.topology.wards.map(\.code) {
      #expect(try Self.read(Self.v1 + "\(code),1,甲,a,,,,,\n").records[0].ward == code)
    }
    let list = try Self.read("全国地方公共団体コード,名称,所在地_連結表記,市区町村コード,想定収容人数\n130001,甲,a,131024,5\n")
    #expect(list.records.map(\.ward) == ["13102"])
  }

  @Test func `a quote that is never closed in the first cell is told, not lost`() throws {
    let list = try Self.read("名称,市区町村コード,住所,想定収容人数\n甲,131016,a,\n\"乙,131016,a,\n丙,131016,a,\n")
    #expect(list.records.map(\.name) == ["甲", "丙"])
    #expect(list.problems == [ImportProblem(.refused, line: 3, field: "", .badQuote)])
  }

  @Test func `a flag that is not 1 is reported, never read as no`() throws {
    let list = try Self.read(Self.v1 + "131016,1,甲,a,,,○,0,\n")
    #expect(list.records[0].hazards == [.earthquake])
    #expect(list.problems == [ImportProblem(.warning, line: 2, field: "災害種別_地震", .notAFlag("○"))])
  }

  @Test func `a missing column means unknown, not no`() throws {
    let list = try Self.read("市区町村コード,名称,住所,指定避難所との重複\n131016,甲,a,\n")
    #expect(list.records[0].hazards == nil && list.records[0].capacity == nil)
  }

  @Test func `extra columns are ignored, empty last cells may be missing, and wrong field counts are refused by line`()
    throws
  {
    let list = try Self.read(
      "市区町村コード,名称,想定収容人数,住所,独自列\n131016,甲,,a,x\n131016,乙\n131016,丙,,a,x,,,\n131016,,,a,x\n131016,丁,,a,b,x\n131016\n")
    #expect(list.records.map(\.name) == ["甲", "乙", "丙"])
    #expect(list.problems.map(\.reason) == [.missing, .wrongFieldCount(found: 6, expected: 5), .missing])
    #expect(list.problems.map(\.line) == [5, 6, 7])
  }

  @Test func `any spreadsheet's separator is read, and a row cut by another one is told`() throws {
    for separator in ["\t", ";"] {
      let list = try Self.read((Self.v1 + "131016,1,甲,a,,,,,\n").replacingOccurrences(of: ",", with: separator))
      #expect(list.records.map(\.name) == ["甲"] && list.problems.isEmpty)
    }
    let list = try Self.read(
      Self.v1 + "131016,1,甲,a,,,,,\n131016;2;乙;a;;;;;\n131016\t3\t丙\ta\t\t\t\t\t\n131016,4,丁，a,,,,,\n131016,5,戊,a、b、c\n"
    )
    #expect(list.records.map(\.name) == ["甲", "戊"])
    #expect(list.problems.map(\.reason) == [.otherSeparator(";"), .otherSeparator("TAB"), .otherSeparator("，")])
    #expect(list.problems.map(\.line) == [3, 4, 5])
  }

  @Test func `a NUL or bytes of no encoding are told by line and field, and cost no other row`() throws {
    for encode in [{ [UInt8]($0.utf8) }, Self.cp932] {
      var bytes = encode(
        Self.v1 + "131016,1,甲小学校,渋谷,,,,,\n131016,2,乙小学校,@,,,,,\n131016,3,#丙小学校,渋谷,,,,,\n131016,4,丁小学校,渋谷,,,,,\n")
      bytes[bytes.firstIndex(of: UInt8(ascii: "@"))!] = 0
      bytes[bytes.firstIndex(of: UInt8(ascii: "#"))!] = 0xff
      let list = try ShelterList(bytes, fileName: "list.csv", topology: Files.topology)
      #expect(list.records.map(\.name) == ["甲小学校", "丁小学校"])
      #expect(list.problems.map(\.line) == [3, 4] && list.problems.map(\.field) == ["住所", "名称"])
      #expect(list.problems.allSatisfy { if case .damagedText = $0.reason { $0.severity == .refused } else { false } })
    }
  }

  @Test func `a list of two encodings is read right, field by field, and says so`() throws {
    let row = "131016,2,見本第二小学校,東京都千代田区見本,,,,,\n"
    let mixed = [UInt8]((Self.v1 + "131016,1,見本小学校,東京都千代田区見本,,,,,\n131016,3,見本第三小学校,a,,,,,\n").utf8) + Self.cp932(row)
    let other = Self.cp932(Self.v1 + "131016,1,見本小学校,東京都千代田区見本,,,,,\n131016,3,見本第三小学校,a,,,,,\n") + [UInt8](row.utf8)
    for (bytes, encoding, name) in [(mixed, TextEncoding.utf8, "CP932"), (other, .cp932, "UTF-8")] {
      let list = try ShelterList(bytes, fileName: "list.csv", topology: Files.topology)
      #expect(list.encoding == encoding && list.records.map(\.name) == ["見本小学校", "見本第三小学校", "見本第二小学校"])
      #expect(list.problems.map(\.reason) == [.otherEncoding(name), .otherEncoding(name)])
      #expect(list.problems.allSatisfy { $0.line == 4 && $0.severity == .warning })
    }
  }

  @Test func `byte-order marks anywhere, UTF-16, EUC-JP and ISO-2022-JP are read`() throws {
    let text = Self.v1 + "131016,1,見本小学校,a,,,,,\n"
    let plain = try ShelterList(
      [UInt8](("\u{feff}\u{feff}" + text + "\u{feff}131016,2,乙,a,,,,,\n").utf8), fileName: "x", topology: Files.topology
    )
    #expect(plain.records.map(\.name) == ["見本小学校", "乙"] && plain.problems.isEmpty)
    for encoding in ["UTF-16", "UTF-16LE", "UTF-16BE", "EUC-JP", "ISO-2022-JP"] {
      let list = try ShelterList(Self.iconv(text, encoding), fileName: "x", topology: Files.topology)
      #expect(list.records.map(\.name) == ["見本小学校"], "\(encoding)")
    }
  }

  @Test func `what was garbled before it came is refused, and so are codes of no ward`() throws {
    let list = try Self.read(
      Self.v1
        + "131016,1,隕区悽蟆丞ｭｦ譬｡,a,,,,,\n131016,2,ã\u{81}\u{82}ã\u{81}\u{84}ã\u{81}\u{86},a,,,,,\n131016,3,見\u{fffd}小,a,,,,,\n13199,4,丁,a,,,,,\n131016,5,戊,東京都足立区見本,,,,,\n"
        .replacingOccurrences(of: "隕区悽蟆丞ｭｦ譬｡", with: Self.garbled("見本小学校")))
    #expect(list.records.map(\.name).suffix(1) == ["戊"])
    #expect(list.problems.filter { $0.severity == .refused }.map(\.line).prefix(2) == [2, 3])
    #expect(list.problems.contains { $0.line == 4 && $0.severity == .refused })
    #expect(list.problems.contains { $0.line == 5 && $0.reason == .notACode("13199") })
    #expect(list.problems.contains { $0.line == 6 && $0.reason == .otherWard("足立区") })
  }

  @Test(arguments: [
    // Never closed; closed in a later row, alone, before a cell, in a row of its own; twice.
    "131016,2,\"乙,a,,,,,\n131016,3,丙,a,,,,,\n131016,4,丁,a,,,,,\n",
    "131016,2,\"乙,a,,,,,\n131016,3,丙,\"a\",,,,,\n131016,4,丁,a,,,,,\n",
    "131016,2,\"乙,a,,,,,\n131016,3,丙,a\"b,,,,,\n131016,4,丁,a,,,,,\n",
    "131016,2,\"乙,a,,,,,\n131016,3,丙,a,,,,,\n131016,4,丁,\"a,1\",,,,,\n",
    "131016,2,\"乙,a,,,,,\n131016,3,丙,\"\",,,,,\n131016,4,丁,a,,,,,\n", "131016,2,乙,\"a\n131016,3,丙,a\n131016,4,丁,a\n",
  ]) func `a quoting error costs its own line alone, and is told by it`(rows: String) throws {
    let list = try Self.read(Self.v1 + "131016,1,甲,a,,,,,\n" + rows)
    #expect(list.records.map(\.name) == ["甲", "丙", "丁"])
    #expect(
      list.problems.filter { $0.severity == .refused } == [ImportProblem(.refused, line: 3, field: "", .badQuote)])
  }

  @Test func `a quotation mark within a cell is kept, and told`() throws {
    let list = try Self.read(Self.v1 + "131016,1,\"甲\"別館,a\"b,,,,,\n")
    #expect(list.records[0].name == "甲別館" && list.records[0].address == "a\"b")
    #expect(list.problems == [ImportProblem(.warning, line: 2, field: "名称", .strayQuote)])
  }

  @Test func `a position in another ward is a warning with the distance`() throws {
    // 荒川区's shelters stand in 豊島区 in the metropolitan list of 2022-03.
    let list = try Self.read("市区町村コード,名称,住所,緯度,経度,想定収容人数\n131181,甲,a,35.7295,139.7109,\n131181,乙,a,35.7362,139.7834,\n")
    #expect(list.records.count == 2)
    guard case .outsideWard(let metres, let ward)? = list.problems.first?.reason, list.problems.count == 1 else {
      Issue.record("\(list.problems)")
      return
    }
    #expect(ward == "豊島区" && (3_000...9_000).contains(metres))
  }

  @Test func `a shelter just across its ward's border is no mistake`() throws {
    // Half of a degree's thousandth is 55 m: a point that near to an outline, on the far side, is a true border case.
    let ward = try #require(Files.topology.ward("13102"))
    let near = ward.outline[0].flatMap { corner in
      [(0.001, 0.0), (-0.001, 0.0), (0.0, 0.001), (0.0, -0.001)].map {
        Position(latitude: corner.latitude + $0.0, longitude: corner.longitude + $0.1)
      }
    }.filter { !ward.contains($0) }
    #expect(near.count > 10)
    for place in near {
      let list = try Self.read(Self.v1 + "131024,1,甲,a,\(place.latitude),\(place.longitude),,,\n")
      #expect(list.problems.isEmpty)
    }
  }

  @Test func `whom a shelter takes stays word for word`() throws {
    for words in ["障がい者（身体障害者手帳1級・2級、知的障がい者）", "障害者", "要配慮者、区が特定した者"] {
      let list = try Self.read("共通ID,施設・場所名,住所,受入対象者\nE1311800079121,甲,a,\(words)\n")
      #expect(list.records[0].accepts == words && list.records[0].designations == [.welfareShelter])
    }
  }

  @Test func `files that are no list say what they are instead`() {
    #expect(throws: ExchangeError.unknownHeader(["a,b,c", "1,2,3"])) { try Self.read("a,b,c\n1,2,3\n") }
    #expect(throws: ExchangeError.duplicateColumn("名称", line: 1)) { try Self.read("市区町村コード,名称,住所,名称,想定収容人数\n") }
    #expect(throws: ExchangeError.unknownHeader(["市区町村コード,名称,住所"])) { try Self.read("市区町村コード,名称,住所\n") }
    #expect(throws: ExchangeError.notFeatureCollection) { try Self.read("{\"type\":\"Feature\"}") }
    #expect(throws: ExchangeError.self) {
      try ShelterList([0xff, 0xfe, 0x81, 0x00], fileName: "x", topology: Files.topology)
    }
    #expect(throws: ExchangeError.self) {
      try ShelterList([0xff, 0xfe, 0x81], fileName: "x", topology: Files.topology)
    }
    #expect(throws: ExchangeError.self) { try Self.read("{\"type\":") }
  }

  @Test func `GSI's GeoJSON gives both designations, by common ID`() throws {
    func feature(_ id: String, _ name: String, _ extra: String) -> String {
      """
      {"type":"Feature","geometry":{"type":"Point","coordinates":[139.7568,35.6941]},"properties":{"NO":1,"共通ID":"\(id)",
      "都道府県名及び市町村名":"東京都千代田区","施設・場所名":"\(name)","住所":"東京都千代田区一ツ橋2-6-14",\(extra)"備考":""}}
      """
    }
    let shelters = try Self.read(
      "{\"type\":\"FeatureCollection\",\"features\":[\(feature("E1310100005112", "甲中", "\"指定緊急避難場所との住所同一\":\"1\",\"受入対象者\":\"障がい者\","))]}"
    )
    #expect(shelters.records[0].designations == [.shelter, .emergencySite] && shelters.records[0].accepts == "障がい者")
    let sites = try Self.read(
      "{\"type\":\"FeatureCollection\",\"features\":[\(feature("E1310100009201", "甲中", "\"洪水\":\"\",\"地震\":\"1\",\"指定避難所との住所同一\":\"\","))]}"
    )
    #expect(sites.kind == .gsiEmergency && sites.records[0].hazards == [.earthquake])
  }

  @Test func `GeoJSON's columns are those of all features, and damage in one costs that one`() throws {
    func feature(_ number: Int, _ name: String, _ extra: String) -> String {
      "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[139.7568,35.6941]},\"properties\":{\"共通ID\":\"E131010000\(number)111\",\"施設・場所名\":\"\(name)\"\(extra)}}"
    }
    let text =
      "{\"type\":\"FeatureCollection\",\"features\":["
      + [
        feature(1, "甲", ""), feature(2, "乙", ",\"洪水\":\"1\",\"備考\":\"裏門から\",\"指定避難所との住所同一\":\"1\""),
        feature(3, "丙@", ""),
        feature(4, "丁\\u0000", ""), feature(5, "戊", ""),
      ].joined(separator: ",") + "]}"
    var bytes = [UInt8](text.utf8)
    bytes[bytes.firstIndex(of: UInt8(ascii: "@"))!] = 0xff
    let list = try ShelterList(bytes, fileName: "x.geojson", topology: Files.topology)
    #expect(list.records.map(\.name) == ["甲", "乙", "戊"])
    #expect(list.records[1].hazards == [.flood] && list.records[1].remarks == "裏門から" && list.records[0].hazards == nil)
    let refused = list.problems.filter { $0.severity == .refused }
    #expect(refused.map(\.line) == [3, 4] && refused.map(\.field) == ["施設・場所名", "施設・場所名"])
  }

  @Test func `random damage never crashes the reader`() throws {
    var bytes = Files.bytes(Files.root.appendingPathComponent("Tools/sample/shelters.csv"))
    bytes = Array(bytes.prefix(6_000))
    var state: UInt64 = 42
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0..<5 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        damaged[Int(state >> 33) % damaged.count] = UInt8(truncatingIfNeeded: state >> 20)
      }
      _ = try? ShelterList(damaged, fileName: "x", topology: Files.topology)
    }
  }

  @Test func `a list that is too long, or has a line that no list has, is refused before it is read`() {
    let line = String(repeating: "x", count: ShelterList.lineLimit + 1)
    #expect(throws: ExchangeError.lineTooLong(line: 2, limit: ShelterList.lineLimit)) {
      _ = try Self.read("名称,住所\n" + line)
    }
    #expect(throws: ExchangeError.tooLarge(limit: ShelterList.byteLimit)) {
      _ = try ShelterList(
        [UInt8](repeating: 10, count: ShelterList.byteLimit + 1), fileName: "x.csv", topology: Files.topology)
    }
  }
}
