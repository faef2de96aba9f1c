import Foundation

/// 災害廃棄物の発生量: how many tonnes a quake leaves, by three methods that are never mixed.
public struct WasteInput: Hashable, Sendable {
  /// Homes, by how they are built and how far they are lost.
  public var woodFull = 0.0, woodHalf = 0.0, otherFull = 0.0, otherHalf = 0.0
  public var burntWood = 0.0

  public init(woodFull: Double, woodHalf: Double, otherFull: Double, otherHalf: Double, burntWood: Double) {
    (self.woodFull, self.woodHalf, self.otherFull, self.otherHalf) = (woodFull, woodHalf, otherFull, otherHalf)
    self.burntWood = burntWood
  }
}

/// What the methods count with. Ours to change: a ward's own floor areas come as data.
public struct WasteUnits: Hashable, Sendable {
  /// Square metres of a wooden home and of another.
  public var woodArea = 95.4, otherArea = 300.0
  /// Tonnes a square metre: wood, other, burnt wood (Tokyo's plan 2022; PLATEAU).
  public var wood = 0.6, other = 1.0, burnt = 0.23
  /// Tonnes a home destroyed and half destroyed (quick method for a quake under the capital).
  public var full = 161.0, half = 32.2
  /// 環境省 2018: tonnes a square metre of a wooden home and of another, and how much of one half destroyed is torn down.
  public var stateWood = 0.6, stateOther = 1.2, tornDown = 0.2

  public init() {}
}

public enum WasteMethod: String, CaseIterable, Sendable {
  case areas = "床面積"
  case quick = "簡易"
  case state = "環境省2018"

  /// Tonnes. Nothing is rounded before the sum is.
  public func tonnes(_ homes: WasteInput, _ units: WasteUnits = WasteUnits()) -> Double {
    switch self {
    case .areas:
      (homes.woodFull + homes.woodHalf / 2) * units.woodArea * units.wood
        + (homes.otherFull + homes.otherHalf / 2) * units.otherArea * units.other
        + homes.burntWood * units.woodArea * units.burnt
    case .quick:
      (homes.woodFull + homes.otherFull) * units.full + (homes.woodHalf + homes.otherHalf) * units.half
    case .state:
      (homes.woodFull + homes.woodHalf * units.tornDown) * units.woodArea * units.stateWood
        + (homes.otherFull + homes.otherHalf * units.tornDown) * units.otherArea * units.stateOther
    }
  }

  /// How far a scenario's figures hold where the ground shook less than it assumes (ours; the page says so).
  public static func share(intensity: String) -> Double {
    switch intensity {
    case "7", "6+", "6強": 1
    case "6-", "6弱": 0.4
    case "5+", "5強": 0.1
    default: 0
    }
  }

  /// 仮置場: square metres for waste that is worked off over some years.
  public static func yard(tonnes: Double, years: Double, density: Double) -> Double {
    (tonnes - tonnes / years) / density / 5 * 1.9
  }
}
