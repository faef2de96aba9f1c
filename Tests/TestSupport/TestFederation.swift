import Causality
import Foundation
import Simulation

/// The simulator's federation serves tests too: its keys follow from its seed.
public typealias TestFederation = SimulatedFederation

extension SimulatedFederation {
  public init(wards: Int, seed: UInt64 = 1, drill: Bool = false) {
    self.init(wards: (0..<wards).map { (String(13101 + $0), "試験区\($0)") }, seed: seed, drill: drill)
  }
}

extension Instant {
  public static let test = quake
}

/// A directory that goes when the test ends.
public final class TemporaryDirectory {
  public let path: String

  public init() {
    path = NSTemporaryDirectory() + "renkei-test-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func file(_ name: String) -> String { path + "/" + name }
}
