import Foundation
import Topology

/// Files of this checkout, and, when it is there, the field's real data beside it.
enum Files {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()
  static let shared = root.appendingPathComponent("../shared/data").standardized

  static let topology: Topology = {
    let text = try! String(contentsOf: root.appendingPathComponent("Topology/tokyo23.yaml"), encoding: .utf8)
    return try! Topology(yaml: text)
  }()

  static func bytes(_ url: URL) -> [UInt8] { [UInt8](try! Data(contentsOf: url)) }
}
