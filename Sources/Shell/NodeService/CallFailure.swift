import Federation
import NIOCore
import NIOPosix
import NIOSSL

/// Why a call led to nobody, for the engineer who wonders.
enum CallFailure: Error, Hashable, Sendable {
  case refused, timedOut, unreachable, unknownHost
  /// Somebody is there, of another federation or with no certificate of this one.
  case stranger(String)
  /// Somebody is there and does not go on, or ends the call.
  case silent, ended

  init(connecting error: any Error) {
    func code(_ error: any Error) -> CInt? { (error as? IOError)?.errnoCode }
    let attempts = (error as? NIOConnectionError)?.connectionErrors.map(\.error) ?? [error]
    let codes = attempts.compactMap(code)
    if let failed = error as? NIOConnectionError, failed.connectionErrors.isEmpty, failed.dnsAError != nil {
      self = .unknownHost
    } else if codes.contains(ECONNREFUSED) {
      self = .refused
    } else if codes.contains(where: { [EHOSTUNREACH, ENETUNREACH].contains($0) }) {
      self = .unreachable
    } else {
      self = .timedOut
    }
  }

  init(shaking error: any Error) {
    switch error {
    case let fault as LinkCertificateFault: self = .stranger("\(fault)")
    case let fault as FederationError: self = .stranger("\(fault)")
    default: self = .ended
    }
  }

  var japanese: String {
    switch self {
    case .refused: "その番号では誰も待っていません"
    case .timedOut: "返事がありません"
    case .unreachable: "そこへの道がありません"
    case .unknownHost: "その名前の機械が見つかりません"
    case .stranger(let what): "別の連合のノードか、ノードではありません(\(what))"
    case .silent: "つながりましたが、名乗る前に黙りました"
    case .ended: "つながりましたが、名乗る前に切られました"
    }
  }

  var english: String {
    switch self {
    case .refused: "nobody listens there"
    case .timedOut: "no answer"
    case .unreachable: "no route"
    case .unknownHost: "no such host"
    case .stranger(let what): "of another federation, or no node at all (\(what))"
    case .silent: "it answered, and fell silent before it proved who it is"
    case .ended: "it answered, and hung up before it proved who it is"
    }
  }
}
