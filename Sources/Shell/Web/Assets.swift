import Desk
import Foundation
import Hummingbird
import Site

/// Style, script, pictures and what makes a tablet's home screen show the desk: under names that their contents make, packed
/// once, kept by a browser for ever (RFC 8246); under their plain names for whoever asks so.
extension WebServer {
  /// By path, with how long each may be kept.
  private static let files: [(path: String, asset: Templates.Asset, kept: String)] =
    Templates.assets.map { ($0.path, $0, "public, max-age=31536000, immutable") }
    + (Templates.assets + [Templates.worker]).map { ("/\($0.name)", $0, "max-age=300") }

  static let assetRoutes = files.map { "GET \($0.path)" } + ["GET /manifest.webmanifest"]

  func addAssets(to router: Router<DeskContext>) {
    for (path, asset, kept) in Self.files {
      let isText = !asset.type.hasPrefix("image/png")
      let (plain, packed) = (
        ByteBuffer(bytes: asset.content), isText ? Gzip.pack(asset.content).map { ByteBuffer(bytes: $0) } : nil
      )
      router.get(RouterPath(path)) { request, _ in
        var response = Response(
          status: .ok, headers: [.contentType: asset.type, .cacheControl: kept, .vary: "Accept-Encoding"],
          body: .init(byteBuffer: plain))
        if let packed, Gzip.isTaken(by: request) {
          response.headers[.contentEncoding] = "gzip"
          response.body = .init(byteBuffer: packed)
        }
        return response
      }
    }
    // W3C Web Application Manifest.
    router.get("/manifest.webmanifest") { request, _ in
      let language = language(request)
      let ward = wardName(core.identity.ward.code, language)
      let icons = Templates.pictures.dropFirst().map { picture -> JSON in
        let size = picture.name.filter(\.isNumber)
        return ["src": .text(picture.path), "sizes": .text("\(size)x\(size)"), "type": "image/png"]
      }
      let manifest: JSON = [
        "name": .text(language.pick("\(ward) 災害対応", "\(ward) disaster desk")), "short_name": .text(ward),
        "lang": .text(language.rawValue),
        "start_url": "/start", "scope": "/", "display": "standalone", "background_color": "#ffffff",
        "theme_color": "#0017c1",
        "icons": .list(icons + [["src": .text(Templates.icon.path), "sizes": "any", "type": "image/svg+xml"]]),
      ]
      return Response(
        status: .ok, headers: [.contentType: "application/manifest+json", .cacheControl: "max-age=300"],
        body: .init(byteBuffer: ByteBuffer(bytes: manifest.bytes)))
    }
  }
}
