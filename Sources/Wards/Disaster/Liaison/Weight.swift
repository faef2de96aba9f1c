import Causality
import ChangeModel
import Desk
import GRDB

/// How much an entry weighs.
enum Weight: String, Word {
  case ordinary = "通常"
  case weighty = "重要"
  case urgent = "至急"

  var code: String {
    switch self {
    case .ordinary: "ordinary"
    case .weighty: "weighty"
    case .urgent: "urgent"
    }
  }
}
