import Causality

/// How people name a node in every command: by its ward (`渋谷区`, `Shibuya`, `13113`), which means all of the ward's nodes,
/// with its number where there are several (`13113-2`, `渋谷区-2`), or as change sets bear it (`12.2`, `12.2.0` for one epoch).
public enum NodeReference {
  /// - Parameter ward: of the author; nil when nobody knows the federation's wards: then only numbers name a node.
  public static func names(_ text: String, _ author: AuthorNumber, of ward: Genesis.Ward?) -> Bool {
    let numbers = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt32($0) }
    if !numbers.contains(nil), (2...3).contains(numbers.count) {
      // A ward's code is longer than any index.
      let isWard =
        numbers[0] == author.ward || (numbers.count == 2 && ward.map { text.hasPrefix($0.code + ".") } ?? false)
      return isWard && numbers[1] == author.serial && (numbers.count == 2 || numbers[2] == author.epoch)
    }
    guard let ward else { return false }
    if isOf(ward, text) { return true }
    guard let dash = text.lastIndex(of: "-"), let serial = UInt32(text[text.index(after: dash)...]) else {
      return false
    }
    return serial == author.serial && isOf(ward, String(text[..<dash]))
  }

  private static func isOf(_ ward: Genesis.Ward, _ text: String) -> Bool {
    text == ward.code || text == ward.name || text == String(ward.name.dropLast())
      || text.lowercased() == ward.romaji.lowercased()
  }
}
