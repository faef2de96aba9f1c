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

  public static let style = PackageResources.style_css
  public static let script = PackageResources.app_js
  public static let icon = PackageResources.icon_svg
  public static let worker = PackageResources.worker_js
}
