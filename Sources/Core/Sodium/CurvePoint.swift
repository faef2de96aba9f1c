/// Which encodings of curve points a signature may hold: our own check, before libsodium's, so that what counts as
/// signed does not depend on which version of the library a node runs.
///
/// Source: Chalkias, Garillot, Nikolaenko, "Taming the Many EdDSAs" (2020), for the list of small-order encodings.
enum CurvePoint {
  /// Canonical (y < 2^255 - 19) and not of small order.
  static func isAcceptable(_ point: UnsafeRawBufferPointer) -> Bool {
    isCanonical(point) && !isSmallOrder(point)
  }

  /// The little-endian y, its top (sign) bit left out, is below p: only the 19 largest values are not.
  static func isCanonical(_ point: UnsafeRawBufferPointer) -> Bool {
    guard point[31] & 0x7f == 0x7f, point[0] >= 0xed else { return true }
    for index in 1..<31 where point[index] != 0xff { return true }
    return false
  }

  /// The y of the eight points whose order divides 8, little-endian; the sign bit does not matter.
  /// Their non-canonical encodings fall to `isCanonical`.
  private static let smallOrder: [[UInt8]] = [
    [0] + [UInt8](repeating: 0, count: 31),
    [1] + [UInt8](repeating: 0, count: 31),
    [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    [
      0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
      0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
      0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
      0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
  ]

  static func isSmallOrder(_ point: UnsafeRawBufferPointer) -> Bool {
    for candidate in smallOrder where point[31] & 0x7f == candidate[31] {
      var equal = true
      for index in 0..<31 where point[index] != candidate[index] {
        equal = false
        break
      }
      if equal { return true }
    }
    return false
  }
}
