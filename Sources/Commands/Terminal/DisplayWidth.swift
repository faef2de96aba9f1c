/// How many cells of a terminal a text takes: kana and ideographs two, marks that combine none.
///
/// Source: Unicode 15 East Asian Width (UAX #11), Wide and Fullwidth; ambiguous characters count one, as terminals in a
/// UTF-8 locale draw them. glibc's `wcwidth` knows the same, but only in a UTF-8 locale, which a rescue shell lacks.
public func displayWidth(_ text: some StringProtocol) -> Int {
  text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
}

private func width(of scalar: Unicode.Scalar) -> Int {
  let value = scalar.value
  if value < 0x300 { return value < 0x20 || (0x7f..<0xa0).contains(value) ? 0 : 1 }
  if scalar.properties.canonicalCombiningClass != .notReordered || value == 0x200b || value == 0x200d
    || (0xfe00...0xfe0f).contains(value)
  {
    return 0
  }
  return wideRanges.contains { $0.contains(value) } ? 2 : 1
}

private let wideRanges: [ClosedRange<UInt32>] = [
  0x1100...0x115f, 0x231a...0x231b, 0x2329...0x232a, 0x23e9...0x23ec, 0x25fd...0x25fe, 0x2614...0x2615,
  0x2648...0x2653, 0x26a1...0x26a1, 0x26aa...0x26ab, 0x2705...0x2705, 0x274c...0x274c, 0x2e80...0x303e,
  0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xa000...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3,
  0xf900...0xfaff, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff,
  0x1f900...0x1f9ff, 0x20000...0x3fffd,
]

/// The text cut to at most `cells`, with `…` where something is missing.
public func cut(_ text: String, to cells: Int) -> String {
  guard displayWidth(text) > cells else { return text }
  var kept = ""
  var used = 0
  for character in text {
    let width = displayWidth(String(character))
    if used + width > cells - 1 { break }
    kept.append(character)
    used += width
  }
  return cells > 0 ? kept + "…" : ""
}

/// The text cut or filled with spaces to exactly `cells`.
public func fitted(_ text: String, to cells: Int, alignRight: Bool = false) -> String {
  let short = cut(text, to: cells)
  let fill = String(repeating: " ", count: max(0, cells - displayWidth(short)))
  return alignRight ? fill + short : short + fill
}

/// The text in a form that cannot steer a terminal: data from elsewhere may hold escape sequences.
public func harmless(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
  var safe = String.UnicodeScalarView()
  for scalar in text.unicodeScalars { safe.append(isUnsafe(scalar) ? "\u{fffd}" : scalar) }
  return String(safe)
}

private func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
  // Overrides of the writing direction can make a line read as another.
  case .format: (0x202a...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
  default: false
  }
}
