import Federation

/// 訓練: files, pages, papers and messages that leave a node of a drill say so in themselves, a table in every row of it, since rows
/// are copied on without the rest. What a program asks for says it beside: a header of each answer, `renkei_feed` of a feed, the
/// meta file of a SIP4D package. The federation's genesis alone decides: nobody sets the mark, and nobody takes it off.
public struct DrillMark: Sendable {
  public let isDrill: Bool

  public init(_ federation: FederationIdentity) { isDrill = federation.genesis.drill }

  /// Before a text, a title.
  public static let word = "【訓練】"
  /// A member, a column for programs.
  public static let name = "isDrill"

  public var prefix: String { isDrill ? Self.word : "" }

  /// A column more of a table: its head, and what stands in every row.
  public func column(_ head: String = DrillMark.name) -> (head: [String], cell: [String]) {
    isDrill ? ([head], ["訓練"]) : ([], [])
  }

  /// A member more of an object.
  public var members: [String: JSON] { isDrill ? [Self.name: .flag(true)] : [:] }

  /// A file by its name alone.
  public func file(_ name: String) -> String { isDrill ? "drill-\(name)" : name }
}
