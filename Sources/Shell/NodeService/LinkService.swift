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

/// Listens for peers, calls those it was told of, and keeps calling.
public struct LinkService: Service {
  private let core: NodeCore
  private let listen: NetworkAddress?
  private let peers: [PeerAddress]
  private let log: Logger
  private let pipeline: LinkPipeline
  private let gate = DialGate()
  private let handshakes = HandshakeLimit()

  /// The links' own thread: what a peer floods it with holds up no page.
  private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  /// Connecting and proving who one is, over a satellite and back twice.
  private static let handshakeLimit = Duration.seconds(15)

  public init(core: NodeCore, listen: NetworkAddress?, peers: [PeerAddress], log: Logger) throws {
    self.core = core
    self.listen = listen
    self.peers = peers
    self.log = log
    pipeline = try LinkPipeline(core.identity) { core.federation }
  }

  /// Runs until shutdown is asked for; links are closed then.
  ///
  /// - Throws: when the address cannot be listened on.
  public func run() async throws {
    try await cancelWhenGracefulShutdown {
      try await withThrowingTaskGroup(of: Void.self) { group in
        if let listen { group.addTask { try await accept(on: listen) } }
        for peer in peers { group.addTask { await call(peer) } }
        group.addTask { await wait() }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  /// Keeps a node running that has no address to listen on or to call.
  private func wait() async { while !Task.isCancelled { try? await Task.sleep(for: .seconds(86_400)) } }

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
            let address = channel.remoteAddress?.ipAddress ?? ""
            guard handshakes.enter(address) else {
              channel.close(promise: nil)
              continue
            }
            group.addTask {
              await serve(channel, isOutgoing: false, ward: nil) { handshakes.leave(address) }
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

  /// Calls a peer again and again: at once after a link that held, else after a pause that doubles up to half a minute,
  /// spread at random so that a returning network is not met by everybody at one moment.
  private func call(_ peer: PeerAddress) async {
    var pause = Duration.milliseconds(250)
    var failures = 0
    while !Task.isCancelled {
      if await core.wants(ward: peer.ward) {
        await gate.enter()
        let channel = Task.isCancelled ? nil : await connect(peer)
        await gate.leave()
        var held = Duration.zero
        if let channel { held = await serve(channel, isOutgoing: true, ward: peer.ward) }
        pause = held > .seconds(10) ? .milliseconds(250) : min(pause * 2, .seconds(30))
        failures = held > .zero ? 0 : failures + 1
      } else {
        pause = .milliseconds(250)
        failures = 0
      }
      let wait = pause * Double.random(in: 0.5...1)
      await core.called(
        ward: peer.ward, at: "\(peer.address)", failures: failures, next: failures > 0 ? wait : nil)
      try? await Task.sleep(for: wait)
    }
  }

  private func connect(_ peer: PeerAddress) async -> Channel? {
    do {
      return try await ClientBootstrap(group: Self.loops)
        .connectTimeout(.seconds(5))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelOption(.autoRead, value: false)
        .connect(host: peer.address.host, port: peer.address.port) { $0.eventLoop.makeSucceededFuture($0) }
    } catch {
      log.debug("cannot reach a peer", metadata: ["ward": "\(peer.ward)", "address": "\(peer.address)"])
      return nil
    }
  }

  // MARK: Either way

  /// - Parameter proven: called once, when the other end has proven who it is or is gone.
  /// - Returns: how long the link was up.
  @discardableResult
  private func serve(
    _ channel: Channel, isOutgoing: Bool, ward: String?, proven: @Sendable () -> Void = {}
  ) async -> Duration {
    var start: ContinuousClock.Instant?
    var isProven = false
    defer { if !isProven { proven() } }
    do {
      let (channel, peer) = try await channel.served { [pipeline] in try pipeline.configure($0, isClient: isOutgoing) }
      try await channel.executeThenClose { inbound, outbound in
        let timeout = channel.channel.eventLoop.scheduleTask(in: .seconds(Self.handshakeLimit.components.seconds)) {
          channel.channel.close(promise: nil)
        }
        let certificate = try await withTaskCancellationHandler {
          try await peer.get()
        } onCancel: {
          channel.channel.close(promise: nil)
        }
        timeout.cancel()
        isProven = true
        proven()
        if let ward, core.wardCode(certificate.node) != ward { throw LinkRefusal.wrongWard(expected: ward) }
        let close: @Sendable () -> Void = { channel.channel.close(promise: nil) }
        let address = channel.channel.remoteAddress.flatMap { remote in
          remote.ipAddress.flatMap { host in remote.port.map { "\(NetworkAddress(host: host, port: $0))" } }
        }
        guard
          let (id, wake) = await core.linkUp(certificate, isOutgoing: isOutgoing, address: address, close: close)
        else { return }
        start = .now
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await receive(inbound, on: id) }
          group.addTask { await send(outbound, on: id, wake) }
          await group.next()
          group.cancelAll()
        }
        await core.linkDown(id)
      }
    } catch {
      log.debug("link ended", metadata: ["error": "\(error)"])
    }
    return start.map { .now - $0 } ?? .zero
  }

  private func receive(_ inbound: NIOAsyncChannelInboundStream<[[UInt8]]>, on id: LinkID) async {
    // The next frames are read when these are on the disk: a fast peer waits for a slow disk.
    do {
      for try await frames in inbound {
        let pause = await core.received(frames, on: id)
        if pause > 0 { try await Task.sleep(for: .milliseconds(pause)) }
      }
    } catch is FrameDecoder.TooLong {
      await core.offended(id, "a frame of more than \(Message.byteLimit) bytes")
    } catch {}
  }

  private func send(
    _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, on id: LinkID, _ wake: AsyncStream<Void>
  ) async {
    for await _ in wake {
      while let (frame, busy) = await core.nextFrame(for: id) {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(frame.count + 4)
        buffer.writeInteger(UInt32(frame.count))
        buffer.writeBytes(frame)
        // A frame is made when the link has taken the one before: what is urgent waits for one frame at most.
        do {
          try await outbound.write(buffer)
          if let busy { try await Task.sleep(for: busy) }
        } catch { return }
      }
    }
  }
}

/// Lets few calls begin at one time, over all peers together.
private actor DialGate {
  private var free = 4
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func enter() async {
    if free > 0 {
      free -= 1
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func leave() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

extension NodeCore {
  /// Whether this node should call the ward: it is not cut, and no link to it is up.
  func wants(ward: String) -> Bool {
    !links.values.contains { wardCode($0.peer) == ward } && !cut.contains { wardCode($0) == ward }
      && !bannedWards.contains(ward)
  }
}
