import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOSSL
import ServiceLifecycle
import X509

/// What callers by HTTPS are shown, looked at again while the node runs: it is renewed before it ends, and a clock that is put
/// right needs no restart.
public struct HTTPSRenewal: Service {
  private let certificate: HTTPSCertificate
  private let names: [String]
  private let core: NodeCore
  private let log: Logger
  private let shown: NIOLockedValueBox<(certificate: Certificate, context: NIOSSLContext)>

  private static let pause = Duration.seconds(10)

  /// - Parameter names: host names and addresses besides this machine's own.
  public init(directory: NodeDirectory, names: [String], core: NodeCore, log: Logger) async throws {
    certificate = HTTPSCertificate(directory: directory)
    (self.names, self.core, self.log) = (names, core, log)
    let before = try? certificate.fingerprint()
    let first = try certificate.shown(names: names)
    shown = NIOLockedValueBox(
      (first.certificate, try NIOSSLContext(configuration: certificate.configuration(of: first))))
    if let before, case let now = try certificate.fingerprint(), now != before {
      log.error(
        "the HTTPS authority is another one: the old may not sign for these names; devices have to trust it anew",
        metadata: ["file": "\(certificate.authorityFile)", "fingerprint": "\(now)"])
    }
    if try certificate.isUnconstrained() {
      log.warning(
        "the HTTPS authority is of an older program and may sign for every site; remove the folder and start again for a new one",
        metadata: ["folder": "\((certificate.authorityFile as NSString).deletingLastPathComponent)"])
    }
    if !first.leftOut.isEmpty {
      log.warning(
        "the HTTPS authority may not sign for addresses of this machine; name them with --host-name for a new one",
        metadata: ["addresses": "\(first.leftOut.joined(separator: " "))"])
    }
    await note(first)
  }

  /// For the next caller.
  public var context: NIOSSLContext { shown.withLockedValue { $0.context } }

  public func run() async {
    await cancelWhenGracefulShutdown {
      // Until the pause is cut short: the node stops.
      while (try? await Task.sleep(for: Self.pause)) != nil {
        // What is shown goes on being shown when the disk or the new one fails.
        do { try await look() } catch {
          log.error("the HTTPS certificate cannot be renewed", metadata: ["error": "\(error)"])
        }
      }
    }
  }

  func look(now: Date = .wall) async throws {
    let next = try certificate.shown(names: names, now: now)
    await note(next)
    guard next.certificate != shown.withLockedValue({ $0.certificate }) else { return }
    let context = try NIOSSLContext(configuration: certificate.configuration(of: next))
    shown.withLockedValue { $0 = (next.certificate, context) }
    log.notice(
      "another HTTPS certificate is shown from now on", metadata: ["until": "\(next.certificate.notValidAfter)"])
  }

  private func note(_ shown: HTTPSCertificate.Shown) async {
    guard await core.noteClock(behind: shown.beginsAt), let begins = shown.beginsAt else { return }
    log.error(
      "the clock is wrong: the HTTPS certificate, which is kept, has not begun", metadata: ["begins": "\(begins)"])
  }
}
