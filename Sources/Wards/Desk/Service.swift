import ChangeModel

/// What wards do with some collections, declared in one place. Schema, indexes, forms, HTTP, OpenAPI, roles, titles, menu,
/// pages, warnings and the entries that tests try it with follow from it; what does not fit stays an `Endpoint` beside it.
public struct Service: Sendable {
  public let words: Words
  public let records: [Records]
  public let endpoints: [Endpoint]
  /// What the menu shows of it, by id.
  public let menu: [String]
  /// Statements that make indexes which no list of columns says.
  public let indexes: [String]
  let declared: [Action]
  /// What of it waits for somebody.
  public let due: [Due]
  /// Under what the menu shows it together with others; nil: under its own name.
  public private(set) var group: Words?

  /// The same, under a heading of the menu that it shares.
  public func under(_ ja: String, _ en: String) -> Service {
    var service = self
    service.group = Words(ja, en)
    return service
  }

  /// - Parameters:
  ///   - menu: besides its lists, in this order.
  /// - Precondition: the menu names endpoints of the service; each action and list is of its records.
  public init(
    _ ja: String, _ en: String, records: [Records], actions: [Action] = [], lists: [Listing] = [],
    sums: [Sums] = [], due: [Due] = [], endpoints: [Endpoint] = [], menu: [String] = [], indexes: [String] = []
  ) {
    words = Words(ja, en)
    self.records = records
    declared = actions
    self.due = due
    self.endpoints = lists.flatMap(\.endpoints) + sums.map(\.endpoint) + actions.map(\.endpoint) + endpoints
    self.menu = lists.map(\.id) + sums.map(\.id) + menu
    self.indexes = records.flatMap(\.indexes) + indexes
    let (numbers, ids) = (Set(records.map(\.number)), Set(self.endpoints.map(\.id)))
    precondition(actions.allSatisfy { numbers.contains($0.records.number) })
    precondition(lists.allSatisfy { numbers.contains($0.records.number) })
    precondition(sums.allSatisfy { numbers.contains($0.records.number) })
    precondition(self.menu.allSatisfy(ids.contains), "\(ja): the menu names what is not there")
  }
}
