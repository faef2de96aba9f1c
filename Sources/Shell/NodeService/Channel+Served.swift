import NIOConcurrencyHelpers
import NIOCore

extension Channel {
  /// Sets up a channel that was made with reading off, for the task that serves it, and lets it read.
  ///
  /// Not in the bootstrap: an `NIOAsyncChannel` that nobody serves, because the server or the call ended in between, stops
  /// the process when it is freed. Here the one who makes it is the one who closes it.
  func served<Served: Sendable>(_ configure: @escaping @Sendable (any Channel) throws -> Served) async throws -> Served
  {
    do {
      let served = try await eventLoop.submit {
        // On its own event loop, a channel that is closed says so at once. Handlers added to it would wait for ever.
        let isClosed = NIOLockedValueBox(false)
        self.closeFuture.whenComplete { _ in isClosed.withLockedValue { $0 = true } }
        guard !isClosed.withLockedValue({ $0 }) else { throw ChannelError.ioOnClosedChannel }
        return try configure(self)
      }.get()
      setOption(.autoRead, value: true).whenFailure { _ in self.close(promise: nil) }
      return served
    } catch {
      close(promise: nil)
      throw error
    }
  }
}
