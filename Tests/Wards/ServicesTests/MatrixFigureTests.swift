import Desk
import Foundation
import Testing
import Topology

@testable import Disaster

/// The worked figures of the disaster matrix's design (DISASTER.md, section 2), each as it stands there.
@Suite struct MatrixFigureTests {
  // MARK: D4

  private let minutes: [[Int?]] = [[13, 20, nil], [22, 11, nil], [nil, nil, 31]]

  @Test func `D4: one telephone call to the shelter that was counted last is worth 180 places`() {
    func halls(fresh: Bool) -> [Guidance.Hall] {
      [
        .init(capacity: 400, occupied: 120, age: fresh ? 0 : 6, inflow: 5),
        .init(capacity: 500, occupied: 300, age: fresh ? 0 : 90, inflow: 2),
        .init(capacity: 60, occupied: 10, age: 0, inflow: 0),
      ]
    }
    let stale = halls(fresh: false)
    #expect(stale.map(\.room) == [250, 20, 50])
    #expect(stale.map(\.worthCounting).max() == 180)
    let penalty = [10_000, 10_000, 10_000]
    let plan = Guidance.plan(people: [300, 250, 40], halls: stale, minutes: minutes, penalty: penalty)
    #expect(
      plan.flows.map { [$0.sink, $0.source, $0.units] }.sorted { $0[0] < $1[0] } == [
        [0, 0, 250], [1, 1, 20], [2, 2, 40],
      ])
    #expect(plan.unserved == [50, 230, 0])
    #expect(plan.cost == 2_804_710 && plan.lowerBound == plan.cost)
    let counted = halls(fresh: true)
    #expect(counted.map(\.room) == [280, 200, 50])
    let again = Guidance.plan(people: [300, 250, 40], halls: counted, minutes: minutes, penalty: penalty)
    #expect(again.unserved == [20, 50, 0])
    #expect(again.cost == 707_080)
  }

  @Test func `D4: a river without a bridge nearby makes forty minutes of nine`() throws {
    // Metres north and east of a point in Tokyo.
    func at(_ east: Double, _ north: Double) -> Position {
      Position(
        latitude: 35.68 + north / 111_195, longitude: 139.75 + east / (111_195 * cos(35.68 * .pi / 180)))
    }
    let river = Guidance.Barrier(line: [at(-2_000, 0), at(2_000, 0)], crossings: [at(900, 0)])
    func walk(_ barriers: [Guidance.Barrier]) throws -> Int {
      let metres = try #require(Guidance.metres(from: at(0, -200), to: at(0, 200), barriers))
      return Int((metres / Guidance.speed(isSlow: false)).rounded(.up))
    }
    #expect(try walk([]) == 9)
    #expect(try walk([river]) == 40)
    #expect(abs(try #require(Guidance.metres(from: at(0, -200), to: at(0, 200), [river])) - 2_397) < 2)
    #expect(Guidance.metres(from: at(0, -200), to: at(0, 200), [.init(line: river.line, crossings: [])]) == nil)
  }

  @Test(arguments: [nil, 0]) func `a capacity that is not known makes no room`(capacity: Int?) {
    #expect(Guidance.Hall(capacity: capacity, occupied: 0, age: 0, inflow: 0).room == 0)
  }

  // MARK: D7

  @Test func `D7: staff go where the minutes are least, the urgent first`() {
    let plan = StaffNeed.plan(
      free: [8, 5], asked: [(10, true), (6, false)], minutes: [[40, 25], [20, 50]])
    #expect(
      plan.flows.map { [$0.source, $0.sink, $0.units] }.sorted { $0.lexicographicallyPrecedes($1) } == [
        [0, 0, 5], [0, 1, 3], [1, 0, 5],
      ])
    #expect(plan.unserved == [0, 3])
    #expect(plan.cost == 30_375)
  }

  @Test func `D7: 3,600 buildings in a week take seventy people`() {
    #expect(StaffNeed.people(units: 3_600, rate: 15, days: 7, team: 2) == 70)
    #expect(StaffNeed.people(units: 3_600, rate: 15, days: 7, team: 2) - 28 == 42)
    #expect(StaffNeed.people(units: 0, rate: 15, days: 7, team: 2) == 0)
  }

  // MARK: D14

  @Test func `D14: what is unknown is not nought`() {
    #expect(AtLeast([1_200, nil]).words.ja == "1,200 以上(不明1)")
    #expect(AtLeast([1_200, nil, 500]).words.ja == "1,700 以上(不明1)")
    #expect(AtLeast([]).words.ja == "0")
    #expect(AtLeast([nil]).words.ja == "不明")
    #expect(AtLeast([0]).words.ja == "0")
    #expect(AtLeast([.max, .max, -5]).known != nil)
    #expect(AtLeast([1_234_567]).words.ja == "1,234,567")
  }

  // MARK: D17

  @Test func `D17: a tenth of a per cent decides, and integers decide it`() {
    let losses = [40, 20, 30, 30, 50, 20, 40, 20, 10]
    #expect(DamageClass.woodSecondSurvey.reduce(0) { $0 + $1.weight } == 100)
    #expect(DamageClass.tenths(losses) == 300)
    #expect(DamageClass(tenths: 300) == .middleHalf)
    #expect(DamageClass.tenths(losses.dropLast() + [0]) == 290)
    #expect(DamageClass(tenths: 290) == .half)
    #expect(
      [500, 499, 400, 399, 299, 199, 99].map { DamageClass(tenths: $0) } == [
        .full, .largeHalf, .largeHalf, .middleHalf, .half, .semiHalf, .partial,
      ])
    #expect(
      [180, 179, 100, 50, 49, 0].map { DamageClass(floodedTo: $0) } == [
        .full, .largeHalf, .largeHalf, .middleHalf, .half, .half,
      ])
    #expect(DamageClass(floodedTo: nil) == .partial)
  }

  @Test func `D17: the worst of three, and danger at a glance`() {
    #expect(BuildingCheck.result(atGlance: nil, ["A", "A", "A"]) == .green)
    #expect(BuildingCheck.result(atGlance: nil, ["A", "B", "A"]) == .yellow)
    #expect(BuildingCheck.result(atGlance: nil, ["A", "B", "C"]) == .red)
    #expect(BuildingCheck.result(atGlance: "傾いている", [nil, nil, nil]) == .red)
  }

  // MARK: D18

  @Test func `D18: three methods, and what they come to`() {
    let homes = WasteInput(woodFull: 1_000, woodHalf: 600, otherFull: 100, otherHalf: 80, burntWood: 500)
    #expect(Int(WasteMethod.areas.tonnes(homes).rounded()) == 127_383)
    #expect(Int(WasteMethod.quick.tonnes(homes).rounded()) == 198_996)
    var unburnt = homes
    unburnt.burntWood = 0
    #expect(Int(WasteMethod.state.tonnes(unburnt).rounded()) == 105_869)
    #expect(["7", "6強", "6-", "5+", "5弱"].map { WasteMethod.share(intensity: $0) } == [1, 1, 0.4, 0.1, 0])
  }

  @Test(arguments: [
    (61_905, 0.4, 39_207), (62_512, 1.1, 14_397), (180_249, 1.1, 41_512), (22_783, 1.1, 5_247), (18_572, 0.4, 11_762),
  ])
  func `D18: how large a yard has to be`(tonnes: Int, density: Double, area: Int) {
    let exact = WasteMethod.yard(tonnes: Double(tonnes), years: 3, density: density)
    #expect(abs(exact - Double(area)) <= 0.51)
  }

  @Test func `D18: yards are added up before they are rounded`() {
    let kinds = [(61_905.0, 0.4), (62_512, 1.1), (180_249, 1.1), (22_783, 1.1), (18_572, 0.4)]
    let sum = kinds.reduce(0) { $0 + WasteMethod.yard(tonnes: $1.0, years: 3, density: $1.1) }
    #expect(abs(sum - 112_124.4) < 0.1)
  }

  // MARK: D19

  @Test func `D19: homes by estimate, and by what people wish`() {
    #expect(HousingEstimate.units(destroyed: 1_840, percent: 20) == 368)
    #expect(HousingEstimate.units(destroyed: 1_840, percent: 30) == 552)
    let need = HousingEstimate.scaled(destroyed: 1_840, answered: 1_200, wishing: [150, 120, 80, 50, 20])
    #expect(need.types == [414, 123, 108])
    #expect(need.types.reduce(0, +) == 645)
    #expect(need.people == 1_426)
    #expect(HousingEstimate.scaled(destroyed: 5, answered: 0, wishing: [1]).people == 0)
  }

  // MARK: D1, DC

  @Test func `D1: readiness is worked out`() {
    let fresh = [true, false, true, true, false]
    #expect(Readiness.percent(zip([3, 2, 2, 1, 2], fresh).map { ($0, $1) }) == 60)
    #expect(Readiness.percent([]) == 0)
  }

  @Test func `DC: a gauge proposes, doubts what leaps, and falls silent`() {
    var gauge = GaugeState(.init(standby: 2, caution: 2.5, judgement: 3, danger: 3.5, step: 1))
    gauge.read(2.4, at: 0)
    #expect(gauge.band == .standby)
    gauge.read(2.9, at: 10)
    #expect(gauge.band == .caution && gauge.proposal == nil)
    gauge.read(3.1, at: 20)
    #expect(gauge.proposal == 3)
    gauge.read(3.6, at: 30)
    #expect(gauge.proposal == 4)
    gauge.read(3.4, at: 40)
    #expect(gauge.proposal == 4)
    for minute in stride(from: 50, through: 90, by: 10) { gauge.read(3.38, at: minute) }
    #expect(gauge.proposal == 4)
    gauge.read(3.38, at: 110)
    #expect(gauge.proposal == 3)
    var other = GaugeState(gauge.thresholds)
    other.read(3.1, at: 0)
    other.read(9.9, at: 10)
    #expect(other.flag == .doubtful && other.proposal == 3)
    other.fallSilent()
    #expect(other.flag == .silent && other.band == .judgement)
    var quiet = GaugeState(gauge.thresholds)
    quiet.read(2.41, at: 0)
    #expect([2.44, 2.47].enumerated().map { quiet.read($1, at: 10 + 10 * $0) } == [false, false])
  }

  // MARK: D6

  @Test func `D6: the mark of a drill counts, and nothing is cut`() {
    let title = "避難指示発令(円山町)"
    #expect(title.count == 11)
    func mail(_ title: String, _ body: String, drill: Bool) -> Channel.Rendering {
      Channel.urgentMail.text(title: title, summary: nil, body: body, isDrill: drill)
    }
    #expect(mail(title, "逃げてください", drill: true) == .said("【訓練】\(title)\n逃げてください"))
    #expect("【災害訓練】\(title)".count == 17)
    guard case .refused = mail("【災害訓練】\(title)", "逃げてください", drill: false) else {
      Issue.record("17 characters were taken")
      return
    }
    let body = String(repeating: "あ", count: 100) + "\n" + String(repeating: "い", count: 100)
    #expect(body.count == 201)
    guard case .refused = mail(title, body, drill: false) else {
      Issue.record("201 characters were taken")
      return
    }
    #expect(mail(title, String(body.dropLast()), drill: false) == .said("\(title)\n\(body.dropLast())"))
    for address in ["https://example.jp を見る", "ｈｔｔｐ：//", "a@example.jp"] {
      guard case .refused = mail(title, address, drill: false) else {
        Issue.record("an address was taken: \(address)")
        continue
      }
    }
    for channel in Channel.allCases {
      let drill = channel.text(title: "給水", summary: "あります", body: "あります", isDrill: true)
      let real = channel.text(title: "給水", summary: "あります", body: "あります", isDrill: false)
      guard case .said(let marked) = drill, case .said(let plain) = real else { continue }
      #expect(marked.hasPrefix("【訓練】") && !plain.contains("訓練"))
    }
  }
}
