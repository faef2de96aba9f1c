import Causality
import ChangeModel
import GRDB

/// One thing that a service does: its name, who may do it, its form, and the rule behind it. Pages, HTTP, `openapi.yaml`,
/// the simulator and the tests all come from this one description.
public struct Endpoint: Sendable {
  public enum Method: String, Sendable { case get, post, patch, delete }

  public enum Body: Sendable {
    case read(@Sendable (inout Look) throws -> JSON)
    case write(@Sendable (Desk) throws -> Written)
  }

  /// As programs name it: `checkIn`.
  public var id: String
  public var method: Method
  /// With `{id}` where a row's id stands.
  public var path: String
  /// What a person calls it: a button, a form's or a list's title.
  public var words: Words
  public var access: Access
  /// What it does, for programmers.
  public var summary: String
  public var form: Form
  /// The collection whose rows `{id}` names.
  public var subject: Records?
  /// What must hold of that row. The rule checks it, and pages ask it which buttons to show.
  public var when: [Condition] = []
  /// What somebody should know before doing what cannot be taken back here.
  public var warning: Words?
  /// The row whose fields its form changes, as it stands; nil in a form that changes none. A page fills it in, and what somebody
  /// else has changed since is not written over unseen.
  public private(set) var changing: (@Sendable (RowID, Database) throws -> RowValues?)?
  /// 201 when it makes something.
  public var makes = false
  /// For a private service with its token, not for staff.
  public var isForServices = false
  /// Its answer grows: it may be waited for, and told as a stream of events, `next` being where the stream goes on.
  public var isFollowed = false
  /// A shelter's desk goes on entering it while its node is out of reach: its page keeps it, and sends it later.
  public private(set) var isQueued = false
  /// What nobody does alone unseen: the form takes the word of a second person (`SecondPerson`).
  public private(set) var isByTwo = false
  /// How often it is done on the night of a disaster, beside everything else: the simulator's staff go by it. Never, where 0.
  public private(set) var often = 1
  /// What it answers.
  public var answer: Answer
  public var body: Body

  public var isWrite: Bool { if case .write = body { true } else { false } }

  public static func read(
    _ id: String, _ path: String, _ ja: String, _ en: String, for access: Access, _ summary: String,
    _ fields: [FormField] = [], of subject: Records? = nil, answers answer: Answer,
    _ body: @escaping @Sendable (inout Look) throws -> JSON
  ) -> Endpoint {
    Endpoint(
      id: id, method: .get, path: path, words: Words(ja, en), access: access, summary: summary, form: Form(fields),
      subject: subject, answer: answer, body: .read(body))
  }

  public static func write(
    _ id: String, _ path: String, _ ja: String, _ en: String, for access: Access, _ summary: String,
    _ fields: [FormField] = [], method: Method = .post, of subject: Records? = nil, when: [Condition] = [],
    makes: Bool = false, warning: Words? = nil, answers answer: Answer,
    _ body: @escaping @Sendable (Desk) throws -> Written
  ) -> Endpoint {
    let endpoint = Endpoint(
      id: id, method: method, path: path, words: Words(ja, en), access: access, summary: summary, form: Form(fields),
      subject: subject, when: when, warning: warning, makes: makes, answer: answer, body: .write(body))
    guard method == .patch, let subject else { return endpoint }
    return endpoint.changing { try RowValues.fetch($0, subject, $1) }
  }

  /// Of a form that makes a row of what its path names, and changes it when it is there.
  public func changing(_ row: @escaping @Sendable (RowID, Database) throws -> RowValues?) -> Endpoint {
    var endpoint = self
    endpoint.changing = row
    return endpoint
  }

  /// Weights are our judgement, from the order of tasks in the shelters' own manuals; no source counts them.
  public func often(_ weight: Int) -> Endpoint {
    var endpoint = self
    endpoint.often = weight
    return endpoint
  }

  /// Whether it shows one row, of which a caller may say later what it knew.
  var isOfOneRow: Bool { if case .row = answer { path.contains("{id}") } else { false } }

  /// The same, done by two persons together.
  public var byTwo: Endpoint {
    var endpoint = self
    endpoint.isByTwo = true
    endpoint.form.fields += SecondPerson.fields
    return endpoint
  }

  /// The same, kept by a desk's page while the node is out of reach.
  public var queued: Endpoint {
    var endpoint = self
    endpoint.isQueued = true
    return endpoint
  }

  /// Why a row does not admit this now; nil when it does. The one answer, for the rule and for the page.
  public func refusal(of record: RowValues, _ inquiry: Inquiry) -> Fault? {
    when.first { !$0.holds(record, inquiry) }?.fault
  }
}

/// What an endpoint answers, for programmers and for pages.
public indirect enum Answer: Sendable {
  /// No content.
  case nothing
  /// A row of one of these collections, with these members besides.
  case anyRow([Records], and: [Member] = [])
  /// One row: its fields, with how it stands, what is in conflict, what can be done, and these members besides.
  case row(Records, and: [Member] = [])
  /// A list of rows under this name, with `next` when it has pages, and members beside it.
  case rows(String, Records, and: [Member] = [], beside: [Member] = [], isPaged: Bool = false)
  /// These members alone.
  case members([Member])
  /// A list of objects with these members, under this name, and members beside it.
  case list(String, [Member], beside: [Member] = [], isPaged: Bool = false)

  /// A text in both languages.
  public static let words = Answer.members([
    Member("ja", .text(300), "日本語", "In Japanese"), Member("en", .text(300), "英語", "In English"),
  ])

  /// The collection of its rows; nil where there is none.
  public var records: Records? {
    switch self {
    case .row(let records, _), .rows(_, let records, _, _, _): records
    case .nothing, .anyRow, .members, .list: nil
    }
  }

  /// What it holds besides columns: of each row, or at all.
  public var members: [Member] {
    switch self {
    case .row(_, let members), .anyRow(_, let members), .rows(_, _, let members, _, _), .members(let members): members
    case .list(_, let members, let others, _): members + others
    case .nothing: []
    }
  }

  /// What it holds beside the rows of a list, once.
  public var beside: [Member] {
    switch self {
    case .rows(_, _, _, let members, _), .list(_, _, let members, _): members
    case .nothing, .anyRow, .row, .members: []
    }
  }

  /// One member that is no column.
  public struct Member: Sendable {
    public enum Content: Sendable {
      case value(FieldShape)
      /// One object, or several, of this form.
      case object(Answer)
      case objects(Answer)
    }

    /// What is said beside an answer, where something was done in another way than whoever entered it may expect.
    public static let told = Member("told", .object(.words), "お知らせ", "What to know")

    public var name: String
    public var content: Content
    public var words: Words
    public private(set) var isSure = false

    public init(_ name: String, _ shape: FieldShape, _ ja: String, _ en: String) {
      self.init(name, .value(shape), ja, en)
    }

    public init(_ name: String, _ content: Content, _ ja: String, _ en: String) {
      self.name = name
      self.content = content
      words = Words(ja, en)
    }

    /// It is in every answer, and holds something.
    public var always: Member {
      var member = self
      member.isSure = true
      return member
    }

    /// Shown once, and never again.
    public var isSecret: Bool { if case .value(.secret) = content { true } else { false } }
    /// Of a value; nil for objects.
    public var shape: FieldShape? { if case .value(let shape) = content { shape } else { nil } }
    /// Of objects; nil for a value.
    public var answer: Answer? {
      switch content {
      case .value: nil
      case .object(let answer), .objects(let answer): answer
      }
    }
  }
}

/// What must hold of a row before something is done with it.
public struct Condition: Sendable {
  let holds: @Sendable (RowValues, Inquiry) -> Bool
  let fault: Fault

  /// - Parameters:
  ///   - ja, en: what somebody is told when it does not hold.
  public init(
    _ kind: Fault.Kind, _ ja: String, _ en: String,
    holds: @escaping @Sendable (RowValues, Inquiry) -> Bool
  ) {
    self.holds = holds
    fault = Fault(kind, field: "id", ja: ja, en: en)
  }

  /// The row's ward, as this column names it, is the node's own.
  public static func own(
    _ ward: Field<String>, _ ja: String = "他区の記録です。その区に連絡してください",
    _ en: String = "another ward's record: tell that ward"
  ) -> Condition {
    Condition(.forbidden, ja, en) { $0[ward] == $1.ward }
  }

  /// A node of this ward made the row.
  public static func ownRow(_ ja: String, _ en: String) -> Condition {
    Condition(.forbidden, ja, en) { $1.isOwn($0.id) }
  }

  public static func missing<C>(_ field: Field<C>, _ ja: String, _ en: String) -> Condition {
    Condition(.refused, ja, en) { record, _ in record[field] == nil }
  }

  public static func present<C>(_ field: Field<C>, _ ja: String, _ en: String) -> Condition {
    Condition(.refused, ja, en) { record, _ in record[field] != nil }
  }

  public static func `is`<C: Equatable>(_ field: Field<C>, _ values: [C], _ ja: String, _ en: String) -> Condition {
    Condition(.refused, ja, en) { record, _ in record[field].map(values.contains) ?? false }
  }
}
