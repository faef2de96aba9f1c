import ChangeModel
import Replica

/// One collection, said once: what merging needs of it, and what people and programs see.
public struct Records: Sendable {
  public let schema: CollectionSchema
  /// What one of its rows is called.
  public let words: Words
  /// Where the API has its rows: `/safety`.
  public let path: String
  public let fields: [any AnyField]
  /// The fields by which people know a row: on pages, in conflicts, in the audit trail.
  public let title: [any AnyField]
  public let reader: Reader
  /// How a row stands, by the first condition that holds; empty where rows have no states.
  public let states: [State]
  /// Fields of which a person who settles a conflict may also write what neither had written: their forms admit it as well.
  public let settledFreely: [any AnyField]
  /// What anybody may know of its rows and copy, where a node is told to publish: open data.
  public let published: [any AnyField]
  /// Columns for the node's own use, by their numbers: no answer holds them.
  let hidden: Set<UInt32>
  /// Its counters that are also counted anew.
  let counters: [CounterField]
  /// Columns in which nothing stands in conflict by itself: they go along with another.
  let quiet: Set<String>
  /// Whether every ward reports on its rows, and so may settle what others wrote at once too.
  public let isEverybodys: Bool
  /// Whether a ward may add items of its own to its rows.
  public let takesOwnItems: Bool
  /// Where its rows lie on a map; nil: nowhere.
  public let place: Place?
  /// What a row's own page shows, and a list of rows does not: where it lies, and what goes without saying.
  public let aside: Set<String>
  /// Where a row has a page of its own: `/case`, with its number behind; nil: the one that all rows have.
  public let page: String?
  /// How its rows stand in a standard's layer; nil: in none.
  public let layer: Layer?
  /// Statements that make what a node keeps beside the shared table so that rows are found at once.
  public let indexes: [String]

  /// - Parameters:
  ///   - number: for ever this collection's: it stands in signed change sets.
  ///   - path: when it is not the collection's name.
  ///   - law: who may write what, decided at merge on every node alike.
  ///   - reader: who may see rows of it.
  ///   - indexes: columns that are searched together.
  /// - Precondition: title, indexes and states name fields of this collection alone.
  public init(
    _ number: UInt32, _ name: String, _ ja: String, _ en: String, path: String? = nil, lane: Lane, law: Law,
    reader: Reader, fields: [any AnyField], title: [any AnyField], states: [State] = [],
    settledFreely: [any AnyField] = [],
    isEverybodys: Bool = false, takesOwnItems: Bool = false, place: Place? = nil, published: [any AnyField] = [],
    hidden: [any AnyField] = [], indexes: [[any AnyField]] = [], page: String? = nil,
    layer: Layer? = nil, takesMoving: Bool = false
  ) {
    self.takesMoving = takesMoving
    self.page = page
    self.layer = layer
    counters = fields.compactMap { $0 as? CounterField }.filter { $0.counting != nil }
    quiet = Set(counters.flatMap { $0.counting!.quiet })
    let silent = Set(counters.flatMap { $0.counting!.silent })
    schema = CollectionSchema(
      number, name, lane: lane, law: law, isPersonal: reader.isPersonal,
      fields: fields.map { field in
        var schema = field.schema
        schema.isQuiet = silent.contains(schema.name)
        return schema
      })
    words = Words(ja, en)
    self.path = path ?? "/" + name.replacing("_", with: "-")
    self.fields = fields
    self.title = title
    self.reader = reader
    self.states = states
    self.settledFreely = settledFreely
    self.isEverybodys = isEverybodys
    self.takesOwnItems = takesOwnItems
    self.place = place
    self.published = published
    self.hidden = Set(hidden.map(\.number))
    aside = Set((fields.filter(\.isAside) + (place?.fields ?? [])).map(\.name))
    precondition(published.isEmpty || !reader.isPersonal, "\(name) is about people")
    for field in title + settledFreely + published + hidden + (place?.fields ?? []) + indexes.flatMap(\.self) {
      precondition(schema.field(field.number)?.name == field.schema.name, "\(name) has no field \(field.name)")
    }
    self.indexes = indexes.map { columns in
      let names = columns.map(\.schema.name)
      return """
        CREATE INDEX IF NOT EXISTS "\(name)_\(names.joined(separator: "_"))" ON "\(name)" \
        (\(names.map { "\"\($0)\"" }.joined(separator: ", ")))
        """
    }
  }

  public var number: UInt32 { schema.number }
  /// Whether a row can be written again elsewhere by its values alone, as somebody's own entry in a ward's register.
  public let takesMoving: Bool
  public var name: String { schema.name }
  public var lane: Lane { schema.lane }
  public var isPersonal: Bool { schema.isPersonal }

  /// The field that forms and answers call so.
  public func field(named name: String) -> (any AnyField)? { fields.first { $0.name == name } }

  /// How a row stands; nil where rows have no states.
  ///
  /// - Precondition: one of the states admits every row (the tests try all orders of all steps).
  public func state(of record: RowValues, _ inquiry: Inquiry) -> State? {
    guard !states.isEmpty else { return nil }
    guard let state = states.first(where: { $0.holds(record, inquiry) }) else {
      preconditionFailure("a row of \(name) is in no state that is declared")
    }
    return state
  }

  /// Whether whoever asks may see a row: by their roles; who must not be found, only those who protect that person, and of the
  /// stay the shelters and the headquarters, in their own ward; and who works at one shelter, what is there.
  public func admits(_ row: RowValues, _ inquiry: Inquiry) -> Bool {
    guard reader.access.admits(inquiry.user.roles) else { return false }
    if row.integer("guarded") == 1 {
      let protectors: Set<Role> = reader.station == nil ? [.welfare] : [.welfare, .headquarters, .shelter]
      guard inquiry.isOwn(row.id), !inquiry.user.roles.isDisjoint(with: protectors) else { return false }
    }
    return (try? inquiry.user.mustWork(where: row, self)) != nil
  }

  /// What one may call a row; its number where its title fields are empty.
  public func title(of record: RowValues) -> String {
    let parts = title.compactMap { part($0, of: record) }
    return parts.isEmpty ? "\(record.id)" : parts.joined(separator: " ")
  }

  /// What one field of a row says in its title; nil where it says nothing.
  public func part(_ field: any AnyField, of record: RowValues) -> String? {
    let name = field.schema.name
    let text: String? =
      switch field.schema.kind {
      case .set: record.texts(name).joined(separator: "、")
      default: record.text(name) ?? record.integer(name).map { Self.shown($0, field.shape) }
      }
    return text?.isEmpty == false ? text : nil
  }

  private static func shown(_ number: Int64, _ shape: FieldShape) -> String {
    if case .decimal(let places, _) = shape { FixedPoint.text(number, places: places) } else { "\(number)" }
  }

  /// An empty draft for edits of this collection. Nothing of a service is for whoever finds a memory card: accounts tell names.
  public func draft() -> Draft { Draft(lane) }
}

/// The columns that say where a row lies, in degrees (WGS 84, as JGD2011 to within a metre).
public struct Place: Sendable {
  public let latitude: Field<Double>
  public let longitude: Field<Double>

  public init(_ latitude: Field<Double>, _ longitude: Field<Double>) {
    self.latitude = latitude
    self.longitude = longitude
  }

  var fields: [any AnyField] { [latitude, longitude] }
}

/// One way in which a row of a collection can stand.
public struct State: Sendable {
  public let code: String
  public let words: Words
  /// How it looks on a page: what needs somebody, what goes on, what is over.
  public let tone: Tone
  let holds: @Sendable (RowValues, Inquiry) -> Bool

  public enum Tone: String, Sendable {
    case open = "to-do"
    case underWay = "under-way"
    case done
    case ended = "over"
  }

  public init(
    _ code: String, _ ja: String, _ en: String, _ tone: Tone,
    when holds: @escaping @Sendable (RowValues, Inquiry) -> Bool
  ) {
    self.code = code
    words = Words(ja, en)
    self.tone = tone
    self.holds = holds
  }

  /// A state for as long as a field holds nothing (or something).
  public static func has<C>(
    _ field: Field<C>, _ code: String, _ ja: String, _ en: String, _ tone: Tone
  ) -> State {
    State(code, ja, en, tone) { record, _ in record[field] != nil }
  }

  /// What holds when nothing before it did.
  public static func otherwise(_ code: String, _ ja: String, _ en: String, _ tone: Tone) -> State {
    State(code, ja, en, tone) { _, _ in true }
  }
}

/// Who may see rows of a collection.
public struct Reader: Sendable {
  public let access: Access
  /// Who reads what this ward writes, by what the law lets others see of it; nil for what is not personal.
  public let confidence: Confidence?
  /// Where somebody must work who works at one shelter alone; nil: wherever.
  public let station: Station?
  /// The column that names the person whose row it is; nil: each row is a person's own, or nobody's.
  public let person: String?
  /// Its rows name people whom nobody has looked up: there is nobody to ask who may see them.
  let isOfNobody: Bool

  /// Which shelter a row is of.
  public enum Station: Sendable {
    /// The row is the shelter.
    case itself
    case field(Field<RowID>)
  }

  /// Its rows are about people: each look is noted, another ward's need a purpose, and who must not be found is shown to
  /// those alone who protect that person.
  public var isPersonal: Bool { confidence != nil }

  private init(
    _ access: Access, _ confidence: Confidence? = nil, _ station: Station? = nil, of person: Field<RowID>? = nil,
    isOfNobody: Bool = false
  ) {
    self.access = access
    self.confidence = confidence
    self.station = station
    self.person = person?.schema.name
    self.isOfNobody = isOfNobody
  }

  /// Residents too, without signing in.
  public static let everybody = Reader(.anyone)
  /// Whoever is signed in.
  public static let staff = Reader(.staff)
  /// - Parameter station: who works at one shelter alone sees and changes its rows alone.
  public static func roles(_ access: Access, at station: Station? = nil) -> Reader {
    Reader(access, nil, station)
  }
  /// People's data.
  ///
  /// - Parameter person: whose row it is, where that is not the row itself: who may not reach the person sees none of it.
  public static func people(
    _ access: Access, _ confidence: Confidence, at station: Station? = nil, of person: Field<RowID>? = nil
  ) -> Reader {
    Reader(access, confidence, station, of: person)
  }
  /// What somebody said who is not known: a report from the counter.
  public static func strangers(_ access: Access, _ confidence: Confidence) -> Reader {
    Reader(access, confidence, isOfNobody: true)
  }
  /// What lies in the tables for the node's own use: no endpoint shows it.
  public static func nobody(_ confidence: Confidence) -> Reader { Reader(.roles([]), confidence) }
}

extension Draft {
  /// - Parameter audience: nil for the lane's own.
  public mutating func edit(_ records: Records, _ row: RowID, _ fields: [FieldEdit], for audience: Audience? = nil) {
    edit(records.schema, row, fields, for: audience)
  }

  public mutating func delete(_ records: Records, _ row: RowID, for audience: Audience? = nil) {
    delete(records.schema, row, for: audience)
  }
}
