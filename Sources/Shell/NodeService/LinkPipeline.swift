import Federation
import Gossip
import NIOConcurrencyHelpers
import NIOCore
import NIOSSL
import NIOTLS

/// What a link's channel is made of: TLS 1.3 with both sides' certificates, then frames with a length before them.
struct LinkPipeline: Sendable {
  private let context: NIOSSLContext
  private let federation: @Sendable () -> FederationIdentity

  /// - Parameter federation: with the amendments that are known when a link is taken up.
  init(_ identity: NodeIdentity, federation: @escaping @Sendable () -> FederationIdentity) throws {
    let certificate = try NIOSSLCertificate(bytes: LinkCertificate.make(identity), format: .der)
    let key = NIOSSLPrivateKey(customPrivateKey: LinkKey(key: identity.key))
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv13
    // Makes a client's certificate mandatory; whether it is enrolled is our own callback's to say.
    configuration.certificateVerification = .noHostnameVerification
    configuration.trustRoots = .certificates([])
    // BoringSSL's own list has no Ed25519.
    configuration.verifySignatureAlgorithms = [.ed25519]
    configuration.signingSignatureAlgorithms = [.ed25519]
    context = try NIOSSLContext(configuration: configuration)
    self.federation = federation
  }

  typealias LinkChannel = NIOAsyncChannel<[[UInt8]], ByteBuffer>

  /// Adds the handlers. The future gives whom the other end has proven to be, or why it is refused.
  ///
  /// - Parameter heard: told of every byte that comes.
  func configure(
    _ channel: Channel, isClient: Bool, _ heard: LastHeard
  ) throws -> (LinkChannel, EventLoopFuture<NodeCertificate>) {
    try channel.pipeline.syncOperations.addHandler(ByteWatch(heard))
    let peer = channel.eventLoop.makePromise(of: NodeCertificate.self)
    let federation = federation()
    let shown = NIOLockedValueBox<NodeCertificate?>(nil)
    let verify: @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResult>) -> Void = { chain, result in
      do {
        // Only shown so far: that the peer holds the key is proven when the handshake is through.
        let certificate = try LinkCertificate.peer(chain, in: federation)
        shown.withLockedValue { $0 = certificate }
        result.succeed(.certificateVerified)
      } catch {
        peer.fail(error)
        result.succeed(.failed)
      }
    }
    channel.closeFuture.whenComplete { _ in peer.fail(ChannelError.eof) }
    if isClient {
      let handler = try NIOSSLClientHandler(context: context, serverHostname: nil, customVerificationCallback: verify)
      try channel.pipeline.syncOperations.addHandler(handler)
    } else {
      let handler = NIOSSLServerHandler(context: context, customVerificationCallback: verify)
      try channel.pipeline.syncOperations.addHandler(handler)
    }
    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(FrameDecoder()))
    try channel.pipeline.syncOperations.addHandler(
      FrameBatcher { if let certificate = shown.withLockedValue({ $0 }) { peer.succeed(certificate) } })
    return (try LinkChannel(wrappingChannelSynchronously: channel), peer.futureResult)
  }
}

/// When the last byte came over a connection: the half of a frame is a sign of life too.
final class LastHeard: Sendable {
  private let begun = ContinuousClock.now
  private let last = NIOLockedValueBox(ContinuousClock.now)

  func note() { last.withLockedValue { $0 = .now } }

  /// How long ago the last byte came; the beginning counts as one.
  var age: Duration { .now - last.withLockedValue { $0 } }
  /// How long ago the connection began.
  var lifetime: Duration { .now - begun }
}

/// Tells when bytes come, whatever they are.
final class ByteWatch: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let heard: LastHeard

  init(_ heard: LastHeard) { self.heard = heard }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    heard.note()
    context.fireChannelRead(data)
  }
}

/// Cuts the stream into frames: four bytes of length, then that many.
struct FrameDecoder: ByteToMessageDecoder {
  typealias InboundOut = ByteBuffer

  struct TooLong: Error {}

  mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
    guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return .needMoreData }
    guard length <= UInt32(Message.byteLimit) else { throw TooLong() }
    guard buffer.readableBytes >= 4 + Int(length) else { return .needMoreData }
    buffer.moveReaderIndex(forwardBy: 4)
    context.fireChannelRead(wrapInboundOut(buffer.readSlice(length: Int(length))!))
    return .continue
  }

  mutating func decodeLast(context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool) throws
    -> DecodingState
  {
    try decode(context: context, buffer: &buffer)
  }
}

/// Gathers the frames of one read, so that the node takes them in one transaction.
final class FrameBatcher: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = [[UInt8]]

  private var frames: [[UInt8]] = []
  private let handshakeCompleted: () -> Void

  init(handshakeCompleted: @escaping () -> Void) { self.handshakeCompleted = handshakeCompleted }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { handshakeCompleted() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    frames.append(Array(unwrapInboundIn(data).readableBytesView))
    // Thousands of the smallest frames in one read would hold up everybody else.
    if frames.count >= Self.batchLimit { flush(context) }
  }

  private static let batchLimit = 64

  private func flush(_ context: ChannelHandlerContext) {
    guard !frames.isEmpty else { return }
    context.fireChannelRead(wrapInboundOut(frames))
    frames = []
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    flush(context)
    context.fireChannelReadComplete()
  }

  func errorCaught(context: ChannelHandlerContext, error: Error) {
    context.fireErrorCaught(error)
    context.close(promise: nil)
  }
}
