import Causality
import ChangeModel
import Desk
import GRDB
import Places
import Replica

/// Looking for somebody: residents, those in shelters and those whom reports name, in one list; and asking to be told.
public enum PeopleSearch {
  private static let inquiries = PeopleSchema.inquiries

  public static let endpoints: [Endpoint] = [
    .read(
      "searchPeople", "/people",
      "Look for somebody by name, kana, birth date and address. Those who must not be found are not.",
      ResidentSearch.form
    ) { inquiry, db in
      let limit = inquiry.given.int("limit") ?? 50
      var people: [JSON] = []
      var subjects: [RowID] = []
      var known: Set<RowID> = []
      let hits = try ResidentSearch.find(inquiry.given, showsGuarded: false, inquiry, db)
      for hit in hits {
        let ids = try Identities.union(of: hit.resident, db)
        guard known.isDisjoint(with: ids) else { continue }
        known.formUnion(ids)
        let verdict = Safety.judge(try Safety.reports(on: ids, db))
        var record: [String: JSON] = [
          "kind": "resident", "safety": Safety.statusJSON(verdict, inquiry),
          "person": hit.isDisclosure ? Residents.disclosed(hit.values, inquiry) : Residents.view(hit.values, inquiry),
        ]
        let isGuarded = try ids.contains { try Residents.isGuarded($0, of: inquiry.wardIndex, db) }
        if !hit.isDisclosure, !isGuarded,
          let stay = try ids.compactMap({ try Family.present($0, db) }).max(by: { $0.id < $1.id })
        {
          record["shelter"] = JSON(stay.row("shelter").map { "\($0)" })
          record["arrivedAt"] = JSON(stay.integer("arrived_at"))
          subjects.append(stay.id)
        }
        people.append(.object(record))
        subjects.append(hit.resident)
        subjects += (verdict.map { [$0.shown] + $0.disagreeing } ?? []).map(\.id)
      }
      for (kind, collection) in [("stay", PeopleSchema.stays), ("report", PeopleSchema.safety)] {
        for values in try named(inquiry.given, collection, limit, db) where people.count < limit {
          if let resident = values.row("resident"), known.contains(resident) { continue }
          if kind == "stay", values.integer("guarded") == 1 { continue }
          if try Residents.isGuarded(values.row("resident"), of: inquiry.wardIndex, db) { continue }
          people.append([
            "kind": .text(kind),
            "person": kind == "stay" ? Stays.view(values, inquiry) : Safety.view(values, inquiry),
          ])
          subjects.append(values.id)
        }
      }
      return Seen(
        ["people": .list(people)], subjects: subjects.filter { !inquiry.isOwn($0) },
        consented: Set(hits.filter(\.isDisclosure).map(\.resident)))
    },
    .write(
      "askToBeInformed", "/inquiries", "Somebody asks to be told when a person is found.",
      [
        FormField("resident", .row("residents"), ja: "住民ID", en: "Resident"),
        FormField("name", .text(120), ja: "尋ね人の氏名", en: "Name asked for"),
        FormField("asker", .text(120), required: true, ja: "照会者", en: "Asker"),
        FormField("contact", .text(200), required: true, ja: "連絡先", en: "Contact"),
        FormField("relation", .text(60), ja: "続柄", en: "Relation"),
      ], makes: true
    ) { desk in
      guard desk.given.row("resident") != nil || desk.given.text("name") != nil else {
        throw Fault.badValue("name", ja: "尋ね人の氏名か住民IDを入れてください", en: "give the person's name or ID")
      }
      let row = try desk.newRow()
      var edits = desk.given.edits(["resident", "name", "asker", "contact", "relation"], of: inquiries)
      edits.append(FieldEdit(6, .set(.integer(desk.now.milliseconds))))
      if let name = desk.given.text("name") { edits.append(FieldEdit(30, .set(.text(NameKey.of(name))))) }
      let hides = try desk.read { try Residents.isGuarded(desk.given.row("resident"), of: desk.wardIndex, $0) }
      var draft = Draft(.life)
      draft.edit(inquiries, row, edits, for: .ward(desk.wardIndex, hides ? .protected : .identity))
      return Written([draft], about: [desk.given.row("resident") ?? row]) { db in
        .object(try RowValues.fetch(row, inquiries, db)?.json(hiding: ["name_key"]) ?? [:])
      }
    },
    .read(
      "inquiriesToAnswer", "/inquiries", "Who is waiting to be told, with what is known by now.", [Purpose.field]
    ) { inquiry, db in
      let open = try RowValues.all(
        inquiries, "WHERE told_at IS NULL AND id >> 53 = ? ORDER BY asked_at, id LIMIT 500",
        [Int64(inquiry.identity.certificate.node.ward)], db)
      var subjects: [RowID] = []
      let list = try open.map { asked -> JSON in
        var members = asked.json(hiding: ["name_key"])
        let found: [RowValues]
        if let resident = asked.row("resident") {
          let ids = try Identities.union(of: resident, db)
          let isGuarded = try ids.contains { try Residents.isGuarded($0, of: inquiry.wardIndex, db) }
          found = isGuarded ? [] : try Safety.reports(on: ids, db)
        } else {
          found = try RowValues.all(
            PeopleSchema.safety, "WHERE name_key = ? ORDER BY observed_at DESC LIMIT 50", [asked.text("name_key")], db
          ).filter { try !Residents.isGuarded($0.row("resident"), of: inquiry.wardIndex, db) }
        }
        // Who is in a shelter is found, though nobody reported it.
        let stays: [RowValues]
        if let resident = asked.row("resident") {
          stays = try Identities.union(of: resident, db).flatMap {
            try RowValues.all(
              PeopleSchema.stays, "WHERE resident = ? AND left_at IS NULL AND guarded IS NULL LIMIT 5", [$0.rawValue],
              db)
          }
        } else {
          stays = try RowValues.all(
            PeopleSchema.stays, "WHERE name_key = ? AND left_at IS NULL AND guarded IS NULL LIMIT 5",
            [asked.text("name_key")], db)
        }
        let shown = try stays.filter { try !Residents.isGuarded($0.row("resident"), of: inquiry.wardIndex, db) }
        if let stay = shown.first {
          members["shelter"] = JSON(stay.row("shelter").map { "\($0)" })
          members["arrivedAt"] = JSON(stay.integer("arrived_at"))
          subjects += shown.map(\.id)
        }
        if let verdict = Safety.judge(found) {
          members["answer"] = Safety.statusJSON(verdict, inquiry)
          subjects += found.map(\.id)
        }
        return .object(members)
      }
      return Seen(["inquiries": .list(list)], subjects: Array(Set(subjects.filter { !inquiry.isOwn($0) })).sorted())
    },
    .write(
      "answerInquiry", "/inquiries/{id}/answer", "The asker was told.",
      [FormField("told", .text(500), required: true, ja: "回答", en: "Told")], of: "safety_inquiries"
    ) { desk in
      let (row, values) = try desk.subject(inquiries)
      guard desk.inquiry.isOwn(row) else {
        throw Fault(.forbidden, field: "id", ja: "他区が受けた照会です", en: "taken by another ward")
      }
      let hides = try desk.read { try Residents.isGuarded(values.row("resident"), of: desk.wardIndex, $0) }
      var draft = Draft(.life)
      draft.edit(
        inquiries, row,
        desk.given.edits(["told"], of: inquiries) + [FieldEdit(7, .set(.integer(desk.now.milliseconds)))],
        for: .ward(desk.wardIndex, hides ? .protected : .identity))
      return Written([draft], about: [values.row("resident") ?? row]) { db in
        .object(try RowValues.fetch(row, inquiries, db)?.json(hiding: ["name_key"]) ?? [:])
      }
    },
  ]

  /// Rows of a register whose own name fits, for people whom no residents' register here knows.
  private static func named(
    _ given: Submission, _ collection: CollectionSchema, _ limit: Int, _ db: Database
  ) throws -> [RowValues] {
    guard let typed = given.text("name") else { return [] }
    var found: [RowValues] = []
    let keys = NameKey.candidates(typed).filter { !$0.isEmpty }
    // Whole names first, then names that begin so.
    for (isWhole, key) in keys.map({ (true, $0) }) + keys.prefix(1).map({ (false, $0) }) {
      for column in ["name_key", "kana_key"] {
        let clause = isWhole ? "\(column) = ?1" : "\(column) > ?1 AND \(column) < ?1 || x'f48fbfbf'"
        for values in try RowValues.all(
          collection, "WHERE \(clause) AND (?2 IS NULL OR birth IS NULL OR birth LIKE ?2 || '%') LIMIT ?3",
          [key, given.text("birth"), limit], db)
        where !found.contains(where: { $0.id == values.id }) { found.append(values) }
      }
    }
    return found
  }
}

/// People's safety and shelters' registers.
public enum People {
  public static let collections = PeopleSchema.collections + ResidentCounter.collections
  public static let indexes = PeopleSchema.indexes + ResidentCounter.indexes + Family.indexes
  public static let endpoints =
    Stays.endpoints + Protection.endpoints + ShelterClosing.endpoints + ShelterPicture.endpoints + Safety.endpoints
    + PeopleSearch.endpoints + Family.endpoints + ResidentCounter.endpoints
}
