import Foundation
import Mustache

/// The pages' templates and what a browser is given beside them: files of `Assets`, compiled in, so that a node is one file.
public enum Templates {
  private static let library: MustacheLibrary = {
    MustacheContentTypes.register(HTMLText(), named: HTMLText.name)
    let sources: [String: [UInt8]] = [
      "frame": PackageResources.frame_mustache, "situation": PackageResources.situation_mustache,
      "shelters": PackageResources.shelters_mustache, "desk": PackageResources.desk_mustache,
      "table": PackageResources.table_mustache, "action": PackageResources.action_mustache,
      "controls": PackageResources.controls_mustache, "form": PackageResources.form_mustache,
      "network": PackageResources.network_mustache,
      "conflicts": PackageResources.conflicts_mustache, "menu": PackageResources.menu_mustache,
      "unsent": PackageResources.unsent_mustache, "signin": PackageResources.signin_mustache,
      "import": PackageResources.import_mustache, "map": PackageResources.map_mustache,
      "plan": PackageResources.plan_mustache, "orders": PackageResources.orders_mustache,
      "order": PackageResources.order_mustache, "slip": PackageResources.slip_mustache,
      "qr": PackageResources.qr_mustache, "bar": PackageResources.bar_mustache, "scan": PackageResources.scan_mustache,
      "pair": PackageResources.pair_mustache, "doubles": PackageResources.doubles_mustache,
      "cards": PackageResources.cards_mustache, "person": PackageResources.person_mustache,
      "people": PackageResources.people_mustache, "checklist": PackageResources.checklist_mustache,
      "builder": PackageResources.builder_mustache, "own": PackageResources.own_mustache,
      "nodes": PackageResources.nodes_mustache, "history": PackageResources.history_mustache,
      "session": PackageResources.session_mustache, "help": PackageResources.help_mustache,
      "counter": PackageResources.counter_mustache,
      "goods": PackageResources.goods_mustache, "dots": PackageResources.dots_mustache,
      "pick": PackageResources.pick_mustache,
      "begin": PackageResources.begin_mustache,
      "paper": PackageResources.paper_mustache,
      "find": PackageResources.find_mustache,
      "enter": PackageResources.enter_mustache,
      "trust": PackageResources.trust_mustache, "board": PackageResources.board_mustache,
      "boardkey": PackageResources.boardkey_mustache, "apply": PackageResources.apply_mustache,
      "case": PackageResources.case_mustache,
    ]
    let prefix = "{{% CONTENT_TYPE:\(HTMLText.name)}}\n"
    return MustacheLibrary(
      templates: sources.mapValues { try! MustacheTemplate(string: prefix + String(decoding: $0, as: UTF8.self)) })
  }()

  /// - Parameter values: what the template names. Everything is escaped unless the template says otherwise.
  public static func render(_ name: String, _ values: [String: Any]) -> String {
    guard let page = library.render(values, withTemplate: name) else { preconditionFailure("no template \(name)") }
    return page
  }

  /// What a browser is given beside a page: under a name that its content makes, so that it may be kept for ever.
  public struct Asset: Sendable {
    /// As it is known: `app.js`.
    public let name: String
    public let type: String
    public let content: [UInt8]

    /// `/app.1a2b3c4d5e6f7081.js`.
    public var path: String {
      let parts = name.split(separator: ".")
      // FNV-1a, 64 bits: another content has another name; nobody else makes these.
      let hash = content.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
      return "/\(parts[0]).\(String(hash, radix: 16)).\(parts[1])"
    }
  }

  public static let style = Asset(
    name: "style.css", type: "text/css; charset=utf-8", content: PackageResources.style_css)
  public static let script = Asset(
    name: "app.js", type: "text/javascript; charset=utf-8", content: PackageResources.app_js)
  public static let icon = Asset(
    name: "icon.svg", type: "image/svg+xml; charset=utf-8", content: PackageResources.icon_svg)
  public static let pictures = [
    Asset(name: "icon180.png", type: "image/png", content: PackageResources.icon180_png),
    Asset(name: "icon192.png", type: "image/png", content: PackageResources.icon192_png),
    Asset(name: "icon512.png", type: "image/png", content: PackageResources.icon512_png),
  ]
  public static let assets = [style, script, icon] + pictures

  /// The worker that keeps them: another content of any is another worker, which forgets the old ones.
  public static let worker = Asset(
    name: "worker.js", type: "text/javascript; charset=utf-8",
    content: [UInt8](
      String(decoding: PackageResources.worker_js, as: UTF8.self).replacing("/style.css", with: style.path)
        .replacing("/app.js", with: script.path)
        .replacing("renkei-2", with: "renkei-\(style.path)-\(script.path)").utf8))

  /// A page without the frame, which names style and script itself.
  public static func page(_ name: String, _ values: [String: Any]) -> String {
    render(name, values.merging(frameAssets) { own, _ in own })
  }

  static let frameAssets = ["style": style.path, "script": script.path, "icon": icon.path, "touch": pictures[0].path]
}
