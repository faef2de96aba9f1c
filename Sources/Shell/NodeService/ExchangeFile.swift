import Causality
import ChangeModel
import Desk
import Disaster
import Exchange
import Federation
import Foundation
import GRDB
import Store

/// What was written for other systems.
public struct ExchangeResult: Codable, Sendable {
  public struct Package: Codable, Sendable {
    public var file: String
    public var code: String
    public var ward: String
    public var features: Int
    public var withoutPlace: Int
    public var incomplete: Int
  }

  public var folder: String
  public var packages: [Package] = []
}

/// Packages for the metropolitan system and SIP4D, written as files by hand, as a link would send them.
public enum ExchangeFile {
  /// One package for each layer and ward of which there is a row. Each is checked by `SIP4DCheck` before it is written.
  ///
  /// - Parameters:
  ///   - ward: its code, for it alone; nil: all wards that this node knows of.
  ///   - revision: which report of the disaster it is, from 0 to 9999.
  ///   - folder: made when it is not there. What is there already is written over: a package is the whole state.
  public static func sip4d(
    _ all: [Records], of node: NodeDirectory, _ federation: FederationIdentity, ward: String?, contact: String,
    revision: Int, to folder: String, at now: Instant
  ) throws -> ExchangeResult {
    let wards = federation.genesis.wards.filter { ward == nil || $0.code == ward }.map {
      (code: $0.code, name: $0.name)
    }
    guard !wards.isEmpty else {
      throw OperatorFailure(2, ja: "その区はこの連合にありません: \(ward ?? "")", en: "no such ward here: \(ward ?? "")")
    }
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw OperatorFailure(2, ja: "書き込めません: \(folder)", en: "cannot write: \(folder)")
    }
    var configuration = Configuration()
    configuration.readonly = true
    let queue: DatabaseQueue
    let (filled, disaster): ([SIP4DLayers.Filled], String?)
    do {
      queue = try DatabaseQueue(path: node.replica, configuration: configuration)
      (filled, disaster) = try queue.read { db in
        (try SIP4DLayers.read(all, wards: wards, db), try Disasters.name(for: wards[0].code, db))
      }
    } catch { throw StoreError.of(error) }
    var result = ExchangeResult(folder: folder)
    for one in filled {
      let ward = wards.first { $0.code == one.ward }!
      let note = [
        one.withoutPlace > 0 ? "位置の分からない \(one.withoutPlace) 件を除く" : nil,
        one.incomplete > 0 ? "必須項目のない \(one.incomplete) 件を除く" : nil, "\(JapaneseDay.time(now)) 現在、このノードに届いた情報",
      ].compactMap(\.self).joined(separator: "。")
      let package = SIP4DPackage(
        one.layer, one.features,
        SIP4DPackage.About(
          ward: ward, disaster: disaster ?? "平常時", revision: revision, isDrill: federation.genesis.drill,
          at: JapaneseDay.local(now), note: note, contact: contact))
      let problems = SIP4DCheck.problems(package.files, one.layer, isDrill: federation.genesis.drill)
      guard problems.isEmpty else {
        throw OperatorFailure(
          70, ja: "作ったパッケージが規則に合いません: \(problems[0])", en: "the package breaks the rules: \(problems[0])")
      }
      let name = "\(federation.genesis.drill ? "kunren_" : "")\(ward.code)_\(one.layer.code).zip"
      let bytes = ZipFile.archive(package.files.map { ($0.name, $0.bytes) })
      guard FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: Data(bytes)) else {
        throw OperatorFailure(2, ja: "書き込めません: \(folder)/\(name)", en: "cannot write: \(folder)/\(name)")
      }
      result.packages.append(
        ExchangeResult.Package(
          file: name, code: one.layer.code, ward: ward.code, features: one.features.count,
          withoutPlace: one.withoutPlace, incomplete: one.incomplete))
    }
    return result
  }
}
