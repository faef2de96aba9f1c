import Causality
import Foundation

/// Warnings and what they mean for people who may have to leave.
enum JMAWarning {
  /// 警戒レベル by the agency's code, of hazards for which people leave.
  private static let levels: [String: Int] = [
    "10": 2, "03": 3, "43": 4, "33": 5,  // 大雨
    "29": 2, "09": 3, "49": 4, "39": 5,  // 土砂災害
    "19": 2, "08": 3, "48": 4, "38": 5,  // 高潮
    "18": 2, "04": 3, "30": 3, "31": 3, "40": 4, "41": 4, "51": 5, "53": 5,  // 洪水・氾濫
  ]

  private static let hazards: [(word: String, hazard: String)] = [
    ("土砂", "土砂災害"), ("高潮", "高潮"), ("氾濫", "洪水"), ("洪水", "洪水"), ("浸水", "内水氾濫"), ("大雨", "内水氾濫"),
  ]

  /// In the words of evacuation orders; another hazard by its own name.
  static func hazard(of name: String) -> String {
    let plain = name.precomposedStringWithCompatibilityMapping
    return hazards.first { plain.contains($0.word) }?.hazard ?? plain
  }

  /// By the code, and by the digit in the name where there is one: where the two differ, the higher. nil for hazards for which
  /// nobody leaves.
  static func level(code: String?, name: String) -> Int? {
    let plain = name.precomposedStringWithCompatibilityMapping
    guard hazards.contains(where: { plain.contains($0.word) }) else { return nil }
    let said = plain.range(of: "レベル").flatMap { plain[$0.upperBound...].first?.wholeNumberValue }
    let both = [code.flatMap { levels[$0] }, said].compactMap(\.self).filter { (1...5).contains($0) }
    return both.max()
  }

  /// What a ward would order at a level.
  static func order(at level: Int) -> EvacuationKind? {
    switch level {
    case 3: .elderly
    case 4: .everybody
    case 5: .emergency
    default: nil
    }
  }
}
