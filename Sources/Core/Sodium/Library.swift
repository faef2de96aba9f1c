import CSodium

/// Starts libsodium once. Everything in this target goes through it.
enum Library {
  private static let started: Bool = {
    precondition(sodium_init() >= 0, "libsodium could not start")
    return true
  }()

  @inline(__always)
  static func start() { _ = started }
}

/// `count` unpredictable bytes from the operating system.
public func secureRandomBytes(_ count: Int) -> [UInt8] {
  Library.start()
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    randombytes_buf(buffer.baseAddress!, count)
    filled = count
  }
}
