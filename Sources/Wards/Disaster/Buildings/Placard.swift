import Causality
import ChangeModel
import Desk

/// The placard on the door.
enum Placard: String, Word {
  case green = "調査済"
  case yellow = "要注意"
  case red = "危険"

  var code: String {
    switch self {
    case .green: "inspected"
    case .yellow: "caution"
    case .red: "dangerous"
    }
  }
}
