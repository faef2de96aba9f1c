/// What people in a shelter need, by the standards in force; each figure with its source.
public enum ShelterStandards {
  /// Square metres for one person: the Cabinet Office's guideline of 13 December 2024, after the Sphere Handbook 2018.
  public static let area = 3.5
  /// Tokyo's older rule, by which published capacities were worked out: 3.3 m² for two.
  public static let oldArea = 1.65
  /// People to a toilet in the first days, and later (the same guideline; Sphere 2018).
  public static let toiletEarly = 50
  public static let toiletLater = 20
  /// When "later" begins.
  public static let laterAfter: Int64 = 3 * 86_400_000
  /// Litres of water to drink and cook, for one person and day (Tokyo's regional disaster plan).
  public static let water = 3.0
  public static let meals = 3.0

  public static func capacity(_ area: Double, each: Double = area) -> Int {
    Int(min(max(area / each, 0), 1e9).rounded(.down))
  }

  public static func toilets(for people: Int, each: Int) -> Int { (min(people, 1_000_000_000) + each - 1) / each }
}
