import Desk
import Testing

@testable import Procurement

/// Worked figures of joint procurement (design, section 9), each beside its name there.
@Suite struct ProcurementFigureTests {
  @Test func `G1: what was saved is reckoned on what was accepted, and a loss is shown`() {
    func saved(_ lines: [(before: Int64, price: Int64, accepted: Int64)]) -> [Int64] {
      lines.map { Saving.of(before: $0.before * 1_000, price: $0.price * 1_000, accepted: $0.accepted) }
    }
    let paper = saved([(1_980, 1_720, 1_190), (1_850, 1_720, 3_000), (2_020, 1_720, 1_500)])
    #expect(paper == [309_400, 390_000, 450_000] && paper.total == 1_149_400)
    let blankets = saved([(3_200, 3_050, 500), (2_900, 3_050, 400), (3_300, 3_050, 300)])
    #expect(blankets == [75_000, -60_000, 75_000] && blankets.total == 90_000)
    let charges: [Int64] = [114_524, 228_875, 156_601]
    #expect(zip(zip(paper, blankets).map { $0 + $1 }, charges).map { $0 - $1 } == [269_876, 101_125, 368_399])
  }

  @Test func `G2: parts of a charge sum to the whole, whatever the rule`() throws {
    let (people, taken): ([Int64], [Int64]) = ([229_671, 691_298, 464_550], [1_190, 3_000, 1_500])
    func parts(_ total: Int64, _ rules: [(Int64, [Int64])]) -> [Int64]? {
      Apportionment.weights(rules.map { (share: $0.0, inputs: $0.1) }).flatMap {
        Apportionment.parts(of: total, by: $0)
      }
    }
    #expect(parts(500_000, [(1_000, [1, 1, 1])]) == [166_667, 166_667, 166_666])
    #expect(parts(500_000, [(1_000, people)]) == [82_883, 249_472, 167_645])
    #expect(parts(500_000, [(1_000, taken)]) == [104_570, 263_620, 131_810])
    #expect(parts(500_000, [(300, [1, 1, 1]), (400, people), (300, taken)]) == [114_524, 228_875, 156_601])
    #expect(parts(100, [(1_000, [1, 1, 1])]) == [34, 33, 33])
    // Nobody to bear it, and numbers past all reckoning.
    #expect(parts(100, [(1_000, [0, 0])]) == nil && parts(100, []) == nil)
    #expect(parts(.max, [(1_000, [.max, .max]), (1_000, [.max, 1]), (1_000, [3, .max])]) == nil)
    for count in 1...40 {
      let parts = try #require(Apportionment.parts(of: 100, by: (1...count).map { Int128($0 * $0) }))
      #expect(parts.reduce(0, +) == 100)
    }
  }

  @Test func `G3: tax is worked out once for each rate, and lines in whole yen`() {
    #expect(Yen.tax(3 * 105, rate: 100, .down) == 31)
    var sum = NetByRate()
    for (net, rate) in [(1_299, 100), (2_345, 100), (987, 80), (333, 80)] as [(Int64, Int64)] {
      sum.add(net, rate: rate)
    }
    #expect(Yen.tax(sum.nets[100]!, rate: 100, .down) == 364 && Yen.tax(sum.nets[80]!, rate: 80, .down) == 105)
    #expect(sum.tax(.down) == 469)
    #expect(Yen.line(238_644, at: 25_037) == 5_974_929 && Yen.line(1, at: 999) == 0)
    // A discount is as much less as the same amount would be more.
    for rounding in Rounding.allCases {
      #expect(Yen.tax(-105, rate: 100, rounding) == -Yen.tax(105, rate: 100, rounding))
    }
    #expect(Rounding.allCases.map { Yen.tax(105, rate: 100, $0) } == [10, 11, 11])
  }

  @Test func `G4 to G6: the lottery, the contract's price, and the two ways to hold a bid against the reserve`() {
    #expect(Award.lottery([42, 102, 248]) == 2 && Award.lottery([628, 250, 341]) == 1)
    #expect(Award.lottery([466, 437, 241, 781]) == 1)
    #expect(Award.contractPrice(bid: 1_700_000) == 1_870_000 && Award.contractPrice(bid: 1_234_567) == 1_358_023)
    #expect(!Award.isWithin(bid: 1_700_001, reserve: 1_870_001, .untaxed))
    #expect(Award.isWithin(bid: 1_700_001, reserve: 1_870_001, .taxed))
    #expect(Award.isWithin(bid: 1_700_000, reserve: 1_870_001, .untaxed))
  }

  @Test func `G7: what may be bought without a tender, and how many are invited`() {
    #expect(DirectAward.isAllowed(1_500_000, .purchase, on: "2026-05-01"))
    #expect(!DirectAward.isAllowed(1_500_001, .purchase, on: "2026-05-01"))
    #expect(
      DirectAward.isAllowed(800_000, .hire, on: "2025-04-01")
        && !DirectAward.isAllowed(800_001, .hire, on: "2025-04-01"))
    #expect(
      DirectAward.limit(.purchase, on: "2025-03-31") == 800_000 && DirectAward.limit(.hire, on: "2025-03-31") == 400_000
    )
    // Of wards that buy together, the strictest.
    #expect(!DirectAward.isAllowed(1_000_000, .purchase, on: "2026-05-01", own: [1_500_000, 1_500_000, 800_000]))
    let goods = Bands([(800_000, 2), (3_000_000, 4), (10_000_000, 5)], above: 6)
    #expect([799_999, 800_000, 2_999_999, 3_000_000, 9_999_999, 10_000_000].map(goods.figure) == [2, 4, 4, 5, 5, 6])
    let leases = Bands([(400_000, 2), (3_000_000, 4), (10_000_000, 5), (20_000_000, 6)], above: 7)
    #expect([399_999, 400_000, 20_000_000].map(leases.figure) == [2, 4, 7])
  }

  @Test func `G8: until when goods are inspected and paid`() {
    #expect(DueDates.inspection(told: "2026-03-02") == "2026-03-12")
    #expect(DueDates.payment(claimed: "2026-03-20") == "2026-04-19")
    #expect(DueDates.payment(claimed: "2026-03-20", inspectedLateBy: 3) == "2026-04-16")
    #expect(DueDates.payment(claimed: "2026-03") == nil)
  }

  @Test func `G9 and G10: points for a price`() {
    let lowest: Int64 = 60_500_000
    let prices: [Int64] = [63_200_000, 61_800_000, 60_500_000]
    #expect(prices.map { Award.points(price: $0, lowest: lowest, most: 25) } == [23_931, 24_474, 25_000])
    #expect(Award.points(price: 1_700_000, lowest: 1_660_000, most: 90) == 87_882)
    #expect(Award.points(price: 1_660_000, lowest: 1_660_000, most: 90) == 90_000)
  }

  @Test func `G11: the wards that can begin together`() throws {
    let windows = [
      StartWindows.Window(ward: "渋谷", earliest: "2026-04-01", latest: "2026-09-30", units: 800),
      StartWindows.Window(ward: "足立", earliest: "2026-07-01", latest: "2026-12-31", units: 1_500),
      StartWindows.Window(ward: "葛飾", earliest: "2026-06-01", latest: "2026-10-31", units: 900),
      StartWindows.Window(ward: "江東", earliest: "2026-10-01", latest: "2027-03-31", units: 1_200),
    ]
    #expect(StartWindows.starts(windows).map(\.units) == [800, 1_700, 3_200, 3_600])
    let best = try #require(StartWindows.best(windows))
    #expect(best.start == "2026-10-01" && best.wards == ["足立", "葛飾", "江東"])
    let pair = try #require(StartWindows.bestPair(windows))
    #expect(pair.first.wards == ["渋谷", "足立", "葛飾"] && pair.second.wards == ["江東"])
    #expect(pair.first.units + pair.second.units == 4_400)
    #expect(StartWindows.best([]) == nil && StartWindows.bestPair([]) == nil)
  }

  @Test func `G14: check digits, and a bar code that would pass for a My Number`() {
    for number in ["5835678256246", "8000000000001", "2700012050002"] { #expect(CheckedNumber.isCorporate(number)) }
    #expect(!CheckedNumber.isCorporate("5835678256247") && !CheckedNumber.isCorporate("583567825624"))
    #expect(
      CheckedNumber.isInvoiceRegistration("T5835678256246") && !CheckedNumber.isInvoiceRegistration("5835678256246"))
    #expect(CheckedNumber.isTradeItem("4901234567894") && !CheckedNumber.isTradeItem("4901234567890"))
    #expect(CheckedNumber.isTradeItem("049000000085") && MyNumber.isIn("049000000085"))
  }

  @Test func `a price is read as people write it, and never passes through floating point`() {
    for (text, number) in [
      ("1,980", 1_980_000), ("¥25.037", 25_037), ("２５円", 25_000), ("0.999", 999), ("▲100", -100_000),
      ("1 980", 1_980_000),
    ] as [(String, Int64)] { #expect(FixedPoint.read(text, places: 3) == number, "\(text)") }
    for text in ["", "1.", "1.2345", "12a", "1..2", "円", "--1", "1,98０.5.1", "9999999999999999999"] {
      #expect(FixedPoint.read(text, places: 3) == nil, "\(text)")
    }
    for number in [0, 1, 10, 999, 1_000, 25_037, 1_980_000, -1, -25_037] as [Int64] {
      #expect(FixedPoint.read(FixedPoint.text(number, places: 3), places: 3) == number)
    }
    #expect(FixedPoint.text(1_980_000, places: 3) == "1980" && FixedPoint.text(-5, places: 3) == "-0.005")
  }

  @Test(arguments: [
    ("N-1", "ｎ１", true), ("1-23", "12-3", false), ("1-23", "１―２３", true), ("2026-1-11", "2026-11-1", false),
    ("A 7", "a-7", true), ("第7号", "7", false), ("--", "++", false), ("1ー2", "1-2", true),
  ])
  func `a paper's number is the same in any width and with any hyphen, and another is another`(
    _ one: String, _ other: String, _ isSame: Bool
  ) { #expect((Kept.folded(one) == Kept.folded(other)) == isSame) }
}
