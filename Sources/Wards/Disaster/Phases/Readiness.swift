/// 事前整理の度合い: worked out from what is there, never ticked.
public enum Readiness {
  /// - Parameter items: what each weighs, and whether what it asks for is there and fresh; what no row exists for is not.
  /// - Returns: per cent.
  public static func percent(_ items: [(weight: Int, isFresh: Bool)]) -> Int {
    let all = items.reduce(0) { $0 + $1.weight }
    guard all > 0 else { return 0 }
    return items.reduce(0) { $0 + ($1.isFresh ? $1.weight : 0) } * 100 / all
  }
}
