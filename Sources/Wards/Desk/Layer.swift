/// How a collection's rows stand in a layer of SIP4D, declared with the collection: the model's code, and each of its attributes.
///
/// Source: SIP4D-ZIP 1.1 (JSA-S1016:2023) and its standard models.
public struct Layer: Sendable {
  public enum Kind: Hashable, Sendable {
    case text, integer, number, time
    /// What is kept of each word, and the word.
    case words([Choice])
  }

  public struct Attribute: Sendable {
    public let name: String
    public let ja: String
    public let kind: Kind
    public let isRequired: Bool
    public let value: @Sendable (RowValues) -> JSON?

    public init(
      _ name: String, _ ja: String, _ kind: Kind = .text, required: Bool = false,
      value: @escaping @Sendable (RowValues) -> JSON?
    ) {
      (self.name, self.ja, self.kind, isRequired, self.value) = (name, ja, kind, required, value)
    }
  }

  public let code: String
  public let title: String
  public let category: String
  public let attributes: [Attribute]
  /// Which rows there are, in SQL after the table's name.
  public let rows: String
  /// The ward whose row it is: as its code, from which the municipality's two attributes follow.
  public let ward: Field<String>
  /// Fields of which two words at once are told apart: the row says so.
  public static let conflict = "rk_conflict"

  public init(
    _ code: String, _ title: String, category: String, ward: Field<String>, where rows: String = "",
    _ attributes: [Attribute]
  ) {
    (self.code, self.title, self.category, self.ward, self.rows) = (code, title, category, ward, rows)
    self.attributes = attributes
  }
}
