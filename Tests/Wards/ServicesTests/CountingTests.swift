import Causality
import ChangeModel
import Desk
import Goods
import Places
import Replica
import TestSupport
import Testing

/// Heads, counted and changed by several desks at once, and by tablets that come back late.
@Suite struct CountingTests {
  private let wards: Wards
  private let a: Office
  private let b: Office
  private let shelter: RowID

  init() throws {
    wards = try Wards()
    (a, b) = (wards.second, wards.secondOther)
    shelter = try a.shelter("第一", ward: "13102")
    try a.write("countHeads", shelter, ["people": 50])
    try a.meet(b)
  }

  private func people(_ office: Office) throws -> Int64 {
    let shown = try #require(office.read("shelter", shelter)["occupancy"].integer)
    // Whoever adds up sees the same.
    let total = try office.replica.store.readOwn { db in
      Result { try HeadCount.totals(ward: office.replica.identity.ward.code, db) }
    }.get()
    #expect(total.first { $0.ward == "13102" }?.people == Int(shown))
    #expect(try office.read("shelterPicture", shelter)["counter"].integer == shown)
    return shown
  }

  private func conflicts(_ office: Office) throws -> [String] {
    try office.read("conflicts")["conflicts"].list.compactMap { $0["field"].text }
  }

  @Test(arguments: [60, 10, 50, 0] as [Int64])
  func `two desks that count one number at once end at that number, with nothing to settle`(number: Int64) throws {
    try a.write("countHeads", shelter, ["people": .integer(number)])
    try b.write("countHeads", shelter, ["people": .integer(number)])
    try a.meet(b)
    for office in [a, b] {
      #expect(try people(office) == number)
      #expect(try conflicts(office).isEmpty)
      #expect(try office.read("shelter", shelter)["conflicts"].list.isEmpty)
    }
    // What comes after counts once, and the next count ends it.
    try b.write("countHeads", shelter, ["change": 2])
    try a.meet(b)
    #expect(try people(a) == number + 2)
    try a.write("countHeads", shelter, ["people": 33])
    try a.meet(b)
    #expect(try people(a) == 33 && people(b) == 33)
  }

  @Test func `changes that either count had seen are in it, and those that none had seen are added`() throws {
    try a.write("countHeads", shelter, ["change": 3])
    try a.write("countHeads", shelter, ["people": 60])
    try b.write("countHeads", shelter, ["change": -4])
    try b.write("countHeads", shelter, ["people": 60])
    try b.write("countHeads", shelter, ["change": 5])
    try a.meet(b)
    #expect(try people(a) == 65 && people(b) == 65)
  }

  @Test func `three counts of which one knew two others end at the one that is shown`() throws {
    try a.write("countHeads", shelter, ["people": 60])
    try b.write("countHeads", shelter, ["people": 60])
    try b.carry(to: a)
    // This one knew both; the other meanwhile knew one.
    try a.write("countHeads", shelter, ["people": 62])
    b.now = a.now.advanced(byMilliseconds: 10_000)
    try b.write("countHeads", shelter, ["people": 61])
    try a.meet(b)
    #expect(try people(a) == 61 && people(b) == 61)
  }

  @Test func `different numbers are a conflict of the numbers alone, and whichever is chosen is what there is`() throws
  {
    try a.write("countHeads", shelter, ["people": 70])
    try b.write("countHeads", shelter, ["people": 12])
    try b.write("countHeads", shelter, ["change": 1])
    try a.meet(b)
    #expect(try people(a) == people(b))
    #expect(try conflicts(a) == ["counted", "counted"])
    let place: [String: JSON] = ["collection": "shelters", "row": .text("\(shelter)"), "field": "counted"]
    try a.write("settleConflict", nil, .object(place.merging(["value": "70"]) { $1 }))
    try a.meet(b)
    for office in [a, b] {
      #expect(try people(office) == 71)
      #expect(try conflicts(office).isEmpty)
    }
  }

  @Test func `fewer than nobody are shown nowhere`() throws {
    try a.write("countHeads", shelter, ["people": 0])
    try a.write("countHeads", shelter, ["change": -3])
    #expect(try people(a) == 0)
  }

  // MARK: Late

  /// What a tablet sends that was entered some seconds ago.
  private func late(_ office: Office, _ endpoint: String, _ seconds: Int64, _ body: JSON) throws -> JSON {
    office.entered = office.now.advanced(byMilliseconds: -seconds * 1_000)
    defer { office.entered = nil }
    return try office.write(endpoint, shelter, body)
  }

  @Test func `a count made before a newer one does not overwrite it: it is in the notes, and said`() throws {
    try a.write("countHeads", shelter, ["people": 80])
    let answer = try late(a, "countHeads", 3_600, ["people": 12])
    #expect(try people(a) == 80)
    #expect(answer["told"]["ja"].text?.contains("80人") == true && answer["told"]["en"].text != nil)
    let notes = try a.read("shelter", shelter)["notes"].list.compactMap { $0["text"].text }
    #expect(notes.first?.contains("12人") == true && notes.first?.contains("見本 職員") == false)
    // Nor are those counted again who had come before it.
    _ = try late(a, "countHeads", 3_600, ["change": 5])
    #expect(try people(a) == 80)
  }

  @Test func `a count that is late counts where none is newer, at the time at which it was made`() throws {
    a.now = a.now.advanced(byMilliseconds: 7_200_000)
    let answer = try late(a, "countHeads", 3_600, ["people": 12])
    #expect(try people(a) == 12 && answer["told"] == .null)
    #expect(answer["countedAt"].integer == a.now.milliseconds - 3_601_000)
  }

  @Test func `what others changed after a late count is added to it, and what the same tablet changed before is in it`()
    throws
  {
    let start = a.now
    a.now = start.advanced(byMilliseconds: 3_600_000)
    b.now = a.now
    try b.write("countHeads", shelter, ["change": 30])
    try a.meet(b)
    a.now = start.advanced(byMilliseconds: 7_200_000)
    // The tablet saw two come, counted twelve, and saw one more come; all of it before the thirty.
    _ = try late(a, "countHeads", 7_000, ["change": 2])
    _ = try late(a, "countHeads", 6_900, ["people": 12])
    _ = try late(a, "countHeads", 6_800, ["change": 1])
    #expect(try people(a) == 43)
    try a.meet(b)
    #expect(try people(b) == 43)
  }

  @Test func `crowding told late does not undo what was told since`() throws {
    try a.write("tellState", shelter, ["crowding": "full"])
    let answer = try late(a, "tellState", 600, ["crowding": "free", "needs": "水"])
    #expect(answer["crowding"].text == "定員一杯" && answer["needs"].list == ["水"] && answer["told"] != .null)
  }

  @Test func `an evacuee arrived when the desk entered it, and no device's wrong clock decides that`() throws {
    let hour: Int64 = 3_600
    let arrived = try late(a, "checkIn", 8 * hour, ["name": "夜"])["arrivedAt"].integer
    #expect(arrived == a.now.milliseconds - 8 * hour * 1_000 - 1_000)
    for wrong in [-hour, 15 * 24 * hour] {
      #expect(try late(a, "checkIn", wrong, ["name": "時計"])["arrivedAt"].integer == a.now.milliseconds)
    }
    let trail = try a.read("audit", nil, ["action": "checkIn"])["notes"].list.compactMap { $0["user"].text }
    #expect(trail.filter { $0.contains("端末の時計が違う") }.count == 2)
    #expect(trail.filter { $0.contains("入力: ") }.count == 1)
  }

  // MARK: Sent again

  @Test func `a request is known again whatever the clock was meanwhile`() throws {
    let once = (key: [UInt8](repeating: 1, count: 32), content: [UInt8]())
    func register(_ request: (key: [UInt8], content: [UInt8])) throws -> JSON {
      a.request = request
      defer { a.request = nil }
      return try a.write("checkIn", shelter, ["name": "一度"])
    }
    let start = a.now
    let first = try register(once)
    for (index, days) in [31, 400, -9_000].enumerated() {
      a.now = start.advanced(byMilliseconds: Int64(days) * 86_400_000)
      _ = try register((key: [UInt8](repeating: UInt8(index + 2), count: 32), content: []))
      a.now = start.advanced(byMilliseconds: 60_000)
      #expect(try register(once)["id"] == first["id"])
    }
    #expect(try a.read("stays", shelter)["stays"].list.count == 4)
  }
}
