import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOSSL
import NIOTLS
import NodeService
import Synchronization

/// One connection's deadlines: what a caller has to do soon, or it is closed. Stands where its bytes are in plain.
final class Visit: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  /// Slow lines take a second or two for a handshake, and half a minute for a desk's page.
  private static let handshake = TimeAmount.seconds(5)
  private static let head = TimeAmount.seconds(10)
  /// Between two requests: a page's own come at once. A clerk's browser goes on where it was.
  private static let rest = TimeAmount.seconds(5)
  private static let restWhereKnown = TimeAmount.seconds(60)
  /// In which a reader takes what lies ready for it: 32 kB, what a line of 9,600 bit/s carries in half of it.
  private static let reading = TimeAmount.seconds(60)

  private enum Phase { case handshake, head, answer, rest }
  private struct State {
    var phase = Phase.handshake
    var end: Scheduled<Void>?
    var readingEnd: Scheduled<Void>?
  }

  private let state = Mutex(State())
  private let channel: any Channel
  private let door: Door
  private let address: CallerAddress
  private let id: Door.ID

  /// - Throws: `ChannelError` when there is no room for it; it is closed then.
  init(_ channel: any Channel, _ door: Door) throws {
    (self.channel, self.door, address) = (channel, door, CallerAddress(channel.remoteAddress))
    guard let id = door.enter(address, close: { channel.close(promise: nil) }) else {
      channel.close(promise: nil)
      throw ChannelError.ioOnClosedChannel
    }
    self.id = id
    channel.closeFuture.whenComplete { [self] _ in
      door.leave(id)
      set(.rest, nil)
      setReading(nil)
    }
  }

  // MARK: What happens

  /// - Parameter isSecure: whether a handshake comes first.
  func begin(isSecure: Bool) { set(isSecure ? .handshake : .head, isSecure ? Self.handshake : Self.head) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { set(.head, Self.head) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // The first bytes of a further request: from here on its head has to come.
    if state.withLock({ $0.phase == .rest }) { set(.head, Self.head) }
    context.fireChannelRead(data)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    setReading(channel.isWritable ? nil : Self.reading)
    context.fireChannelWritabilityChanged()
  }

  /// A request's head is there, and its answer begins.
  func answer() {
    door.note(id, isBusy: true)
    set(.answer, nil)
  }

  /// The answer is written.
  func rest() {
    door.note(id, isBusy: false)
    set(.rest, door.isKnown(address) ? Self.restWhereKnown : Self.rest)
  }

  private func set(_ phase: Phase, _ limit: TimeAmount?) {
    state.withLock { state in
      state.phase = phase
      state.end?.cancel()
      state.end = limit.map { channel.eventLoop.scheduleTask(in: $0) { [channel] in channel.close(promise: nil) } }
    }
  }

  private func setReading(_ limit: TimeAmount?) {
    state.withLock { state in
      state.readingEnd?.cancel()
      state.readingEnd = limit.map {
        channel.eventLoop.scheduleTask(in: $0) { [channel] in channel.close(promise: nil) }
      }
    }
  }
}

/// A body that has to come at a least rate: 256 bytes a second of the time that the node waits for it, and ten seconds besides.
private struct SteadyBody: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  let body: RequestBody
  let channel: any Channel

  static let grace = Duration.seconds(10)
  static let bytesPerSecond = 256

  struct AsyncIterator: AsyncIteratorProtocol {
    var body: RequestBody.AsyncIterator
    let channel: any Channel
    /// How much longer may be waited.
    var left = SteadyBody.grace

    mutating func next() async throws -> ByteBuffer? {
      let start = ContinuousClock.now
      let end = channel.eventLoop.scheduleTask(in: TimeAmount(left)) { [channel] in channel.close(promise: nil) }
      defer { end.cancel() }
      guard let part = try await body.next() else { return nil }
      left -= .now - start
      left = Swift.min(left + .seconds(1) * part.readableBytes / SteadyBody.bytesPerSecond, SteadyBody.grace)
      return part
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: body.makeAsyncIterator(), channel: channel) }
}

/// Connections as the door takes them in: with TLS when there is any, then HTTP.
struct GuardedChannel: ServerChildChannel {
  private let http: HTTP1Channel
  private let door: Door
  /// Asked for each connection: it may be renewed while the node runs.
  private let https: HTTPSRenewal?

  init(_ responder: @escaping HTTPChannelHandler.Responder, _ door: Door, _ https: HTTPSRenewal?) {
    self.door = door
    self.https = https
    http = HTTP1Channel(responder: { request, writer, channel in
      let visit = try? await channel.eventLoop.submit {
        try channel.pipeline.syncOperations.handler(type: Visit.self)
      }.get()
      visit?.answer()
      defer { visit?.rest() }
      var request = request
      request.body = RequestBody(asyncSequence: SteadyBody(body: request.body, channel: channel))
      try await responder(request, writer, channel)
    })
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    channel.eventLoop.makeCompletedFuture {
      let visit = try Visit(channel, door)
      if let https { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: https.context)) }
      try channel.pipeline.syncOperations.addHandler(visit)
      visit.begin(isSecure: https != nil)
    }.flatMap { http.setup(channel: channel, logger: logger) }
  }

  func handle(value: HTTP1Channel.Value, logger: Logger) async { await http.handle(value: value, logger: logger) }
}
