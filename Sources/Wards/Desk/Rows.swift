import ChangeModel

/// Any row of any collection, for whoever may read it: what a form shows of what it changes, and a page of its own. With the
/// values that stand in conflict in it.
public enum Rows {
  /// - Parameter all: the collections of the services.
  public static func service(_ all: [Records]) -> Service {
    let shown = all.filter { $0.schema.law != .appendOnly && $0.reader.access != .roles([]) }
    let form = [
      FormField(
        "collection", .choice(shown.map { Choice($0.name, $0.name) }), required: true, ja: "対象", en: "Collection"),
      FormField("row", .row("any"), required: true, ja: "対象の行", en: "Row"), Purpose.field,
    ]
    /// - Throws: `notFound` too when whoever asks may not see it: that there is such a row is not theirs to know.
    @Sendable func find(_ look: inout Look) throws -> (row: RowValues, records: Records) {
      let records = shown.first { $0.name == look.given.text("collection") }!
      guard records.reader.access.admits(look.inquiry.user.roles),
        let row = try RowValues.fetch(look.given.row("row")!, records, look.db), try look.maySee(row, records)
      else { throw Fault.notFound("row") }
      return (row, records)
    }
    return Service(
      "記録", "Records", records: [],
      endpoints: [
        .read(
          "row", "/rows", "記録", "Record", for: .staff,
          "One row of a collection, how it stands, and what can be done with it now.", form,
          answers: .anyRow(shown)
        ) { look in
          let (row, records) = try find(&look)
          return .object(try look.view(row, records))
        },
        .read(
          "rowConflicts", "/rows/conflicts", "この記録の要確認の項目", "What to check in a record", for: .staff,
          "The values that stand in conflict in one row.", form,
          answers: .list("conflicts", Conflicts.members, beside: [Paging.isCut])
        ) { look in
          let (row, records) = try find(&look)
          if records.isPersonal { look.saw(row.id) }
          let all = try Conflicts.all(
            of: row.id, in: records.name, hiding: Conflicts.quiet([records]), limit: 201, look.db)
          let inquiry = look.inquiry
          return .object(Paging.cut("conflicts", all.map { Conflicts.json($0, inquiry) }, at: 200))
        },
      ])
  }
}
