import Causality
import Federation
import Gossip
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Where a node listens, or where a peer is to be found.
public struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// From `HOST:PORT` or `[IPv6]:PORT`.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { return nil }
    self.init(host: host, port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Why nobody can listen here, in the system's words; nil when one can.
  public func refusal() async -> String? {
    do {
      let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1).bind(host: host, port: port).get()
      try await channel.close()
      return nil
    } catch let error as IOError { return String(cString: strerror(error.errnoCode)) } catch { return "\(error)" }
  }
}

/// A peer that this node calls: a ward, and where its node listens.
public struct PeerAddress: Hashable, Sendable {
  public var ward: String
  public var address: NetworkAddress

  public init(ward: String, address: NetworkAddress) {
    self.ward = ward
    self.address = address
  }

  /// From `WARD@HOST:PORT`.
  public init?(_ text: String) {
    let parts = text.split(separator: "@", maxSplits: 1)
    guard parts.count == 2, let address = NetworkAddress(String(parts[1])) else { return nil }
    self.init(ward: String(parts[0]), address: address)
  }
}

/// Listens for peers, and calls those it was told of whenever the node's links want it.
public struct LinkService: Service {
  private let core: NodeCore
  private let listen: NetworkAddress?
  private let peers: [PeerAddress]
  private let log: Logger
  private let pipeline: LinkPipeline
  private let handshakes: HandshakeLimit
  private let clock = SteadyClock()

  /// The links' own thread: what a peer floods it with holds up no page.
  private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  /// Proving who one is takes five kilobytes and several turns: as long as bytes come, the line is only slow.
  private static let handshakeLimit = Duration.seconds(120)
  /// One turn over a satellite, and what a narrow line carries before it.
  private static let handshakeSilence = Duration.seconds(20)

  public init(core: NodeCore, listen: NetworkAddress?, peers: [PeerAddress], log: Logger) throws {
    self.core = core
    self.listen = listen
    self.peers = peers
    self.log = log
    handshakes = HandshakeLimit(called: Set(peers.compactMap { CallerAddress($0.address.host) }))
    pipeline = try LinkPipeline(core.identity) { core.federation }
  }

  /// Runs until shutdown is asked for; links are closed then. Once for each core.
  ///
  /// - Throws: when the address cannot be listened on.
  public func run() async throws {
    try await cancelWhenGracefulShutdown {
      try await withThrowingTaskGroup(of: Void.self) { group in
        if let listen { group.addTask { try await accept(on: listen) } }
        group.addTask { await callPeers() }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  // MARK: Incoming

  private func accept(on address: NetworkAddress) async throws {
    do {
      let server = try await ServerBootstrap(group: Self.loops)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.autoRead, value: false)
        .bind(host: address.host, port: address.port) { $0.eventLoop.makeSucceededFuture($0) }
      log.notice("listening for peers", metadata: ["address": "\(server.channel.localAddress.map { "\($0)" } ?? "")"])
      try await withThrowingDiscardingTaskGroup { group in
        try await server.executeThenClose { incoming in
          for try await channel in incoming {
            guard let place = handshakes.enter(CallerAddress(channel.remoteAddress), at: clock.now()) else {
              channel.close(promise: nil)
              continue
            }
            group.addTask {
              await serve(channel, from: nil) { handshakes.leave(place) }
            }
          }
        }
      }
    } catch is CancellationError {
    } catch {
      log.critical("cannot listen for peers", metadata: ["address": "\(address)", "error": "\(error)"])
      throw error
    }
  }

  // MARK: Outgoing

  /// Calls whom the core says, when it says so, until the task ends.
  private func callPeers() async {
    let known = peers.compactMap { peer in
      core.identity.federation.index(ofWard: peer.ward).map { (peer: peer, ward: $0) }
    }
    for peer in peers where !known.contains(where: { $0.peer == peer }) {
      log.error("no ward of this federation", metadata: ["ward": "\(peer.ward)", "address": "\(peer.address)"])
    }
    let calls = await core.beginCalls(known.map { ($0.ward, "\($0.peer.address)") })
    await withDiscardingTaskGroup { group in
      for await index in calls { group.addTask { await call(known[index].peer, index) } }
    }
  }

  private func call(_ peer: PeerAddress, _ index: Int) async {
    switch await connect(peer) {
    case .success(let channel): await serve(channel, from: index)
    case .failure(let failure): await core.callFailed(index, failure)
    }
  }

  private func connect(_ peer: PeerAddress) async -> Result<any Channel, CallFailure> {
    do {
      let channel = try await ClientBootstrap(group: Self.loops)
        .connectTimeout(.seconds(5))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelOption(.autoRead, value: false)
        .connect(host: peer.address.host, port: peer.address.port) { $0.eventLoop.makeSucceededFuture($0) }
      return .success(channel)
    } catch {
      let failure = CallFailure(connecting: error)
      log.debug(
        "cannot reach a peer",
        metadata: ["ward": "\(peer.ward)", "address": "\(peer.address)", "reason": "\(failure.english)"])
      return .failure(failure)
    }
  }

  // MARK: Either way

  /// - Parameters:
  ///   - called: the place in the list of the address that was called, which is answered here; nil when the other end
  ///     called.
  ///   - proven: called once, when the other end has proven who it is or is gone.
  private func serve(_ channel: Channel, from called: Int?, proven: @Sendable () -> Void = {}) async {
    var isProven = false
    var failure = CallFailure.ended
    let heard = LastHeard()
    do {
      let isClient = called != nil
      let (channel, peer) = try await channel.served { [pipeline] in
        try pipeline.configure($0, isClient: isClient, heard)
      }
      try await channel.executeThenClose { inbound, outbound in
        let watch = channel.channel.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
          guard heard.age > Self.handshakeSilence || heard.lifetime > Self.handshakeLimit else { return }
          channel.channel.close(promise: nil)
        }
        defer { watch.cancel() }
        let certificate = try await withTaskCancellationHandler {
          try await peer.get()
        } onCancel: {
          channel.channel.close(promise: nil)
        }
        watch.cancel()
        isProven = true
        proven()
        let close: @Sendable (Farewell?) -> Void = { reason in
          let channel = channel.channel
          guard let reason else { return channel.close(promise: nil) }
          channel.writeAndFlush(Self.framed(Message.farewell(reason).encoded())).whenComplete { _ in
            channel.close(promise: nil)
          }
          // Nobody waits for a peer that reads no more.
          _ = channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
        let address = channel.channel.remoteAddress.flatMap { remote in
          remote.ipAddress.flatMap { host in remote.port.map { "\(NetworkAddress(host: host, port: $0))" } }
        }
        let answer = await core.connected(certificate, from: called, address: address, heard, close: close)
        guard case .up(let id, let wake) = answer else {
          if case .refused(let reason?) = answer {
            try await outbound.write(Self.framed(Message.farewell(reason).encoded()))
          }
          return
        }
        handshakes.prove(CallerAddress(channel.channel.remoteAddress), at: clock.now())
        await withTaskGroup(of: Void.self) { group in
          group.addTask(priority: CoreExecutor.patient) { await receive(inbound, on: id) }
          group.addTask { await send(outbound, on: id, wake) }
          await group.next()
          group.cancelAll()
        }
        await core.disconnected(id)
      }
    } catch {
      log.debug("link ended", metadata: ["error": "\(error)"])
      failure = heard.lifetime > Self.handshakeSilence ? .silent : CallFailure(shaking: error)
    }
    guard !isProven else { return }
    proven()
    if let called { await core.callFailed(called, failure) }
  }

  private static func framed(_ frame: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(frame.count + 4)
    buffer.writeInteger(UInt32(frame.count))
    buffer.writeBytes(frame)
    return buffer
  }

  private func receive(_ inbound: NIOAsyncChannelInboundStream<[[UInt8]]>, on id: LinkID) async {
    // While these go to the disk, the next frames' signatures are checked; more are not read: a fast peer waits for a slow disk.
    var taking: Task<Int64, Never>?
    do {
      for try await frames in inbound {
        for frame in frames {
          core.ahead.check([frame])
          // Pages are made on the same threads.
          await Task.yield()
        }
        if let pause = await taking?.value, pause > 0 { try await Task.sleep(for: .milliseconds(pause)) }
        taking = Task(priority: CoreExecutor.patient) { await core.received(frames, on: id) }
      }
    } catch is FrameDecoder.TooLong {
      _ = await taking?.value
      await core.receivedTooMuch(on: id)
    } catch {}
    _ = await taking?.value
  }

  private func send(
    _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, on id: LinkID, _ wake: AsyncStream<Void>
  ) async {
    for await _ in wake {
      while let (frame, busy) = await core.nextFrame(for: id) {
        // A frame is made when the link has taken the one before: what is urgent waits for one frame at most.
        do {
          try await outbound.write(Self.framed(frame))
          if let busy { try await Task.sleep(for: busy) }
        } catch { return }
      }
    }
  }
}
