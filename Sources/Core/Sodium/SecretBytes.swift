import CSodium

/// Secret bytes in libsodium's guarded memory: not swapped, not in a core dump, wiped when freed.
public final class SecretBytes: @unchecked Sendable {
  public let count: Int
  private let memory: UnsafeMutableRawPointer

  /// Copies `bytes`; the caller's copy is the caller's to forget.
  public init(_ bytes: [UInt8]) {
    Library.start()
    count = bytes.count
    guard let memory = sodium_malloc(max(bytes.count, 1)) else {
      preconditionFailure("no memory left for a secret key")
    }
    self.memory = memory
    bytes.withUnsafeBytes { if let base = $0.baseAddress { memory.copyMemory(from: base, byteCount: bytes.count) } }
    // Written once, here; read-only ever after, which is what makes sharing it between threads safe.
    sodium_mprotect_readonly(memory)
  }

  deinit { sodium_free(memory) }

  public func withBytes<Result>(_ body: (UnsafePointer<UInt8>) throws -> Result) rethrows -> Result {
    try body(UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)))
  }
}
