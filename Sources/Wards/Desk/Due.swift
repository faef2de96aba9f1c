/// What of a service waits for somebody of the own ward: a line of what to do next, on the first page.
public struct Due: Sendable {
  public let access: Access
  /// The list in which it stands, and the filter of it that is to be the own ward.
  private let list: String
  private let filter: String?
  /// How the way there is called.
  public let button: Words
  public let isUrgent: Bool
  private let words: @Sendable (Int) -> Words
  private let count: @Sendable (Look) throws -> Int

  /// - Parameters:
  ///   - ja, en: with `%` where the number stands.
  ///   - list: the read in which it stands.
  ///   - own: the filter of that list by which it is of the own ward.
  ///   - count: how many there are, as the tables are.
  public init(
    _ ja: String, _ en: String, in list: String, own: String? = nil, _ buttonJa: String, _ buttonEn: String,
    for access: Access,
    isUrgent: Bool = false, count: @escaping @Sendable (Look) throws -> Int
  ) {
    words = { number in Words(ja.replacing("%", with: "\(number)"), en.replacing("%", with: "\(number)")) }
    self.list = list
    filter = own
    button = Words(buttonJa, buttonEn)
    self.access = access
    self.isUrgent = isUrgent
    self.count = count
  }

  /// nil where nothing waits, or it is none of theirs.
  public func line(_ look: Look) throws -> (words: Words, href: String)? {
    guard access.admits(look.inquiry.user.roles), case let number = try count(look), number > 0 else { return nil }
    return (words(number), "/list/\(list)" + (filter.map { "?\($0)=\(look.ward)" } ?? ""))
  }
}
