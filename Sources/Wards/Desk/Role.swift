/// What somebody does in the ward: an account or a token has one or several.
public enum Role: String, CaseIterable, Hashable, Sendable {
  /// 管理: accounts, tokens, services, audit. Sees nobody's personal data by that alone.
  case administrator
  /// 災害対策本部.
  case headquarters
  /// 避難所: all of the ward's, or the one that the account names.
  case shelter
  /// 福祉窓口.
  case welfare
  /// 物資・契約.
  case supply
  /// 保守: links, logs and figures of the node.
  case engineer
  /// 閲覧: what is not personal.
  case viewer

  public var choice: Choice {
    let word =
      switch self {
      case .administrator: "管理"
      case .headquarters: "災害対策本部"
      case .shelter: "避難所"
      case .welfare: "福祉"
      case .supply: "物資"
      case .engineer: "保守"
      case .viewer: "閲覧"
      }
    return Choice(word, rawValue)
  }

  /// From the word that a form keeps.
  public init?(word: String) {
    guard let role = Self.allCases.first(where: { $0.choice.word == word }) else { return nil }
    self = role
  }
}

/// Who may use an endpoint.
public enum Access: Hashable, Sendable {
  /// Nobody needs to sign in; or the endpoint checks a token of its own.
  case anyone
  /// Whoever has one of these roles.
  case roles(Set<Role>)

  /// Whoever is signed in.
  public static let staff = Access.roles(Set(Role.allCases))
  /// A disaster's headquarters and its shelters.
  public static let relief = Access.roles([.headquarters, .shelter])
  /// Whoever works at a desk: not who keeps accounts or machines, or only looks.
  public static let desks = Access.roles([.headquarters, .shelter, .welfare, .supply])
  /// Whoever works with people's data.
  public static let people = Access.roles([.headquarters, .shelter, .welfare])
  public static let welfare = Access.roles([.welfare])
  public static let goods = Access.roles([.headquarters, .supply])
  public static let goodsAtShelters = Access.roles([.headquarters, .supply, .shelter])
  public static let command = Access.roles([.headquarters])
  public static let administration = Access.roles([.administrator])
  /// Who answers for what happened: the headquarters and the administrators.
  public static let oversight = Access.roles([.administrator, .headquarters])

  public func admits(_ roles: Set<Role>?) -> Bool {
    switch self {
    case .anyone: true
    case .roles(let allowed): roles.map { !$0.isDisjoint(with: allowed) } ?? false
    }
  }
}
