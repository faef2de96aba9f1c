/// What costs much is done one after another, and few wait for it: whoever asks for it again and again slows down nobody else.
actor Turnstile {
  private var isBusy = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  private static let queueLimit = 8

  /// - Throws: 429 when too many wait already, and what `body` throws.
  func pass<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
    if isBusy {
      guard waiting.count < Self.queueLimit else { throw APIError.tooMany(seconds: 5) }
      await withCheckedContinuation { waiting.append($0) }
    }
    isBusy = true
    defer { if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() } }
    return try await body()
  }
}
