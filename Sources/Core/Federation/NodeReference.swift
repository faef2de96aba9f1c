import Causality

/// How people name a node in every command: by its ward (`渋谷区`, `Shibuya`, `13113`), which means all of the ward's nodes,
/// with its number where there are several (`13113-2`, `渋谷区-2`; `13113-2.1` in its second epoch alone), or as change sets
/// bear it (`12.2`, `12.2.0` for one epoch).
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
    guard let dash = text.lastIndex(of: "-") else { return false }
    let parts = text[text.index(after: dash)...].split(separator: ".", omittingEmptySubsequences: false).map {
      UInt32($0)
    }
    guard parts.count <= 2, parts[0] == author.serial, parts.count == 1 || parts[1] == author.epoch else {
      return false
    }
    return isOf(ward, String(text[..<dash]))
  }

  private static func isOf(_ ward: Genesis.Ward, _ text: String) -> Bool {
    text == ward.code || text == ward.name || text == String(ward.name.dropLast())
      || text.lowercased() == ward.romaji.lowercased()
  }
}

extension FederationIdentity {
  /// How answers name a node: `13113-1`, and in a later epoch `13113-1.2`.
  public func reference(to author: AuthorNumber) -> String {
    guard let ward = ward(at: author.ward) else { return "\(author)" }
    return "\(ward.code)-\(author.serial)" + (author.epoch == 0 ? "" : ".\(author.epoch)")
  }

  /// The node that `13113-1`, `13113-1.2` or `12.1.2` names; nil for a text of another form, or a ward that is not of this
  /// federation.
  public func author(named text: String) -> AuthorNumber? {
    let dash = text.firstIndex(of: "-")
    let numbers = (dash.map { text[text.index(after: $0)...] } ?? text[...])
      .split(separator: ".", omittingEmptySubsequences: false).map { UInt32($0) }
    var parts = numbers.compactMap(\.self)
    guard parts.count == numbers.count else { return nil }
    if let dash {
      guard let ward = index(ofWard: String(text[..<dash])) else { return nil }
      parts.insert(ward, at: 0)
      if parts.count == 2 { parts.append(0) }
    }
    guard parts.count == 3, parts.allSatisfy({ $0 < AuthorNumber.partLimit }) else { return nil }
    return AuthorNumber(ward: parts[0], serial: parts[1], epoch: parts[2])
  }
}
