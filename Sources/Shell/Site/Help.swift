import Desk

/// The product's own help: a page for each kind of work, with pictures of the screens. Compiled in: it is there when nothing
/// else is.
public enum Help: String, CaseIterable, Sendable {
  case reception, headquarters, supply, welfare, contracts, administrator, resident
  case engineer = "operator"

  public var words: Words {
    switch self {
    case .reception: Words("避難所の受付", "Reception at a shelter")
    case .headquarters: Words("災害対策本部", "Headquarters")
    case .supply: Words("物資", "Supply")
    case .welfare: Words("福祉の窓口", "Welfare")
    case .contracts: Words("契約", "Contracts")
    case .administrator: Words("管理者", "Administrator")
    case .resident: Words("住民の方", "Residents")
    case .engineer: Words("ノードの保守", "Looking after a node")
    }
  }

  /// The page that explains what stands at a path; nil where the list of them does best.
  public static func page(for path: String) -> Help? {
    let pages: [(prefix: String, page: Help)] = [
      ("/shelters", .reception), ("/scan", .reception), ("/people", .welfare), ("/person", .welfare),
      ("/cards", .welfare),
      ("/doubles", .welfare), ("/goods", .supply), ("/orders", .supply), ("/slip", .supply), ("/plan", .supply),
      ("/network", .engineer), ("/nodes", .engineer), ("/builder", .administrator), ("/import", .administrator),
      ("/list/accounts", .administrator), ("/counter", .resident), ("/checklist", .headquarters),
      ("/conflicts", .headquarters),
    ]
    let path = path.prefix { $0 != "?" }
    return path == "/" ? .headquarters : pages.first { path.hasPrefix($0.prefix) }?.page
  }

  /// What it says: HTML of headings, lists, tables and pictures, without script.
  public func text(in language: Language) -> String {
    let (japanese, english) =
      switch self {
      case .reception: (PackageResources.help_reception_ja_html, PackageResources.help_reception_en_html)
      case .headquarters: (PackageResources.help_headquarters_ja_html, PackageResources.help_headquarters_en_html)
      case .supply: (PackageResources.help_supply_ja_html, PackageResources.help_supply_en_html)
      case .welfare: (PackageResources.help_welfare_ja_html, PackageResources.help_welfare_en_html)
      case .contracts: (PackageResources.help_contracts_ja_html, PackageResources.help_contracts_en_html)
      case .administrator: (PackageResources.help_administrator_ja_html, PackageResources.help_administrator_en_html)
      case .resident: (PackageResources.help_resident_ja_html, PackageResources.help_resident_en_html)
      case .engineer: (PackageResources.help_operator_ja_html, PackageResources.help_operator_en_html)
      }
    return String(decoding: language == .japanese ? japanese : english, as: UTF8.self)
  }

  /// A picture of a screen, as WebP: made by `Tools/stories/pages.py --shots`.
  public static func picture(_ name: String) -> [UInt8]? {
    switch name {
    case "situation": PackageResources.help_situation_webp
    case "desk": PackageResources.help_desk_webp
    case "people": PackageResources.help_people_webp
    case "orders": PackageResources.help_orders_webp
    case "counter": PackageResources.help_counter_webp
    case "accounts": PackageResources.help_accounts_webp
    default: nil
    }
  }
}
