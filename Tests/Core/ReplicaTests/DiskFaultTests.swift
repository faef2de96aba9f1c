import Causality
import ChangeModel
import Foundation
import Replica
import Simulation
import Store
import TestSupport
import Testing

/// A whole replica on a disk that loses power, fills up, or fails at every single operation: what was acknowledged is
/// there, and the replica goes on by itself when the disk does.
@Suite struct DiskFaultTests {
  /// Every point with `RENKEI_FULL=1`, else every tenth: which ones are the same each time.
  private static let step = ProcessInfo.processInfo.environment["RENKEI_FULL"] == nil ? 10 : 1

  /// Commits and counts; what was acknowledged is known outside the disk.
  private final class Clerk {
    let disk: VirtualDisk
    private(set) var replica: Replica
    private(set) var acknowledged: [RowID: String] = [:]
    private(set) var errors: [StoreError] = []

    init(seed: UInt64) throws {
      disk = VirtualDisk(seed: seed)
      replica = try StoreFailureTests.open(disk.path("a.sqlite"))
    }

    func write(_ count: Int, bytes: Int = 300) {
      for number in 0..<count {
        let text = "\(number) " + String(repeating: "x", count: bytes)
        do {
          let row = try replica.newRows(1)[0]
          var draft = Draft(.life)
          draft.edit(TestSchema.things, row, [FieldEdit(1, .set(.text(text)))])
          _ = try replica.batch(at: .test) { _ = try replica.commit(draft, at: .test) }
          acknowledged[row] = text
        } catch ReplicaError.store(let error) { errors.append(error) } catch {
          Issue.record("no clear error: \(error)")
        }
      }
    }

    /// Opens the file anew, unless the disk will not have it.
    func open() {
      do { try reopen() } catch ReplicaError.store(let error) { errors.append(error) } catch {
        Issue.record("no clear error: \(error)")
      }
    }

    /// Reads every row, cold or not.
    func look() {
      for row in acknowledged.keys.sorted() {
        do throws(StoreError) {
          _ = try replica.store.state(of: row, in: TestSchema.things.number)
        } catch { errors.append(error) }
      }
    }

    /// As a machine that was switched on again does.
    func reopen() throws { replica = try StoreFailureTests.open(disk.path("a.sqlite")) }

    /// How many acknowledged rows are not there as they were written.
    func lost() throws -> Int {
      try acknowledged.count { row, text in
        try replica.store.state(of: row, in: TestSchema.things.number)?.shown(TestSchema.things.field(1)!)
          != .text(text)
      }
    }

    func isSound() throws -> Bool { try replica.verify(scratch: disk.path("scratch.sqlite"), at: .test).isSound }
  }

  @Test func `200 power cuts in the middle of work: nothing acknowledged is lost`() throws {
    var (acknowledged, lost, interrupted) = (0, 0, 0)
    for seed in stride(from: UInt64(0), to: 200, by: Self.step) {
      let clerk = try Clerk(seed: seed)
      clerk.write(5)
      clerk.disk.cutPower(afterOperations: 1 + Int(seed) * 3 / 2)
      clerk.write(60, bytes: 40 * Int(seed % 25))
      clerk.disk.cutPower()
      interrupted += clerk.errors.isEmpty ? 0 : 1
      clerk.disk.restorePower()
      try clerk.reopen()
      acknowledged += clerk.acknowledged.count
      let missing = try clerk.lost()
      lost += missing
      #expect(missing == 0, "seed \(seed)")
      #expect(try clerk.isSound(), "seed \(seed)")
      clerk.write(3)
      #expect(try clerk.lost() == 0, "seed \(seed), after the cut")
    }
    print("power cuts, \(interrupted) in the middle of work: \(acknowledged) acknowledged, \(lost) lost")
    #expect(interrupted * Self.step > 150)
  }

  @Test func `a disk that fills up at any of 100 points says so, and the replica goes on when there is space`() throws {
    var full = 0
    for point in stride(from: 1, through: 100, by: Self.step) {
      let clerk = try Clerk(seed: UInt64(point))
      clerk.write(3)
      clerk.disk.fill(at: point)
      clerk.write(40, bytes: 2_000)
      #expect(Set(clerk.errors) == [.diskFull], "point \(point): \(Set(clerk.errors))")
      full += clerk.errors.count
      // Reading goes on meanwhile.
      #expect(try clerk.lost() == 0, "point \(point), while full")
      clerk.disk.mend()
      let before = clerk.errors.count
      clerk.write(5)
      #expect(clerk.errors.count == before, "point \(point): \(clerk.errors.last!)")
      #expect(try clerk.lost() == 0 && clerk.isSound(), "point \(point)")
    }
    print("full at \(100 / Self.step) points: \(full) refusals, all of them clear")
  }

  @Test(arguments: DiskOperation.allCases, [false, true])
  func `a disk that fails at any operation, once or for ever, says so and loses nothing`(
    operation: DiskOperation, forever: Bool
  ) throws {
    var refusals = 0
    for point in stride(from: 1, through: 100, by: Self.step) {
      let clerk = try Clerk(seed: UInt64(point))
      clerk.write(operation == .read ? 60 : 3, bytes: operation == .read ? 3_500 : 300)
      clerk.disk.fail(operation, at: point, forever: forever)
      // A replica that opens reads; one that runs has most of it in memory.
      if operation == .read {
        clerk.open()
        clerk.look()
      }
      clerk.write(30)
      refusals += clerk.errors.count
      #expect(
        clerk.errors.allSatisfy { if case .inputOutput = $0 { true } else { false } },
        "\(operation) \(point): \(Set(clerk.errors))")
      if !forever { #expect(clerk.errors.count <= 1, "\(operation) \(point): \(clerk.errors)") }
      clerk.disk.mend()
      let before = clerk.errors.count
      clerk.write(3)
      #expect(clerk.errors.count == before, "\(operation) \(point), mended: \(clerk.errors.last!)")
      #expect(try clerk.lost() == 0 && clerk.isSound(), "\(operation) \(point)")
      // What the node believes and what the disk holds are the same.
      clerk.disk.cutPower()
      clerk.disk.restorePower()
      try clerk.reopen()
      #expect(try clerk.lost() == 0, "\(operation) \(point), after a power cut")
    }
    print(
      "\(operation) fails at each of \(100 / Self.step) points, \(forever ? "for ever" : "once"): \(refusals) refusals")
  }
}
