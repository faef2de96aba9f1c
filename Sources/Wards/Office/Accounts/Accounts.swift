import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Places
import Replica
import Sodium

/// What administrators do: accounts, their ends, tokens. Every node of the ward has all of it as soon as it hears of it,
/// and the ward's other nodes do when it is cut off.
public enum Accounts {
  static let schema = AccountSchema.accounts

  private static let roles = FieldShape.list(.choice(Role.allCases.map(\.choice)), Role.allCases.count)
  private static let login = FormField("login", .text(40), required: true, ja: "利用者ID", en: "Login")
  private static let name = FormField("name", .text(60), required: true, ja: "氏名", en: "Name")
  private static let password = FormField("password", .secret(512), required: true, ja: "パスワード", en: "Password")
  private static let rolesField = FormField("roles", roles, required: true, ja: "役割", en: "Roles")
  private static let shelter = FormField("shelter", .row("shelters"), ja: "担当避難所", en: "The only shelter to work at")

  private static func optional(_ field: FormField) -> FormField {
    var field = field
    field.isRequired = false
    return field
  }

  // MARK: Drafts

  /// A new account with its password.
  public static func make(
    login: String, name: String, roles: [Role], shelter: RowID? = nil, password: String, _ desk: Desk
  ) throws -> (row: RowID, drafts: [Draft]) {
    guard login.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
      throw Fault.badValue("login", ja: "利用者IDは空白のない英数字にしてください", en: "a login is of letters and digits, without blanks")
    }
    guard try desk.read({ try Account.all(login: login, ward: desk.wardIndex, $0) }).isEmpty else {
      throw Fault.refused("login", ja: "その利用者IDはすでに使われています", en: "the login is in use")
    }
    try PasswordPolicy.check(password, about: [login, name])
    let row = try desk.newRow()
    var draft = Draft(.control, audience: .anyone)
    draft.edit(
      schema, row,
      [
        FieldEdit(1, .set(.text(login))), FieldEdit(2, .set(.text(name))),
        FieldEdit(5, .set(.integer(desk.now.milliseconds))), FieldEdit(7, .set(.integer(desk.now.milliseconds))),
      ] + roles.map { FieldEdit(3, .add(.text($0.choice.word))) }
        + (shelter.map { [FieldEdit(4, .set(.integer($0.rawValue)))] } ?? []))
    return (row, [draft, try credential(row, .password, password, desk)])
  }

  /// What signs a person in, sealed for this ward's nodes.
  public static func credential(
    _ account: RowID, _ secret: Account.Secret, _ text: String, _ desk: Desk
  ) throws -> Draft {
    guard let hash = PasswordHash.make(of: text) else {
      throw Fault.refused(ja: "メモリーが足りません。少し待ってからもう一度", en: "not enough memory; wait a moment and try again")
    }
    var draft = Draft(.control, audience: .ward(desk.wardIndex, .credential))
    let field = AccountSchema.credentials.field(named: secret.rawValue)!
    draft.edit(AccountSchema.credentials, account, [FieldEdit(field.number, .set(.text(hash.text)))])
    return draft
  }

  /// Ends the sessions that began before now.
  public static func changed(_ account: RowID, _ desk: Desk, _ edits: [FieldEdit] = []) -> Draft {
    var draft = Draft(.control, audience: .anyone)
    draft.edit(schema, account, edits + [FieldEdit(7, .set(.integer(desk.now.milliseconds)))])
    return draft
  }

  // MARK: Endpoints

  private static func view(_ values: RowValues) -> JSON { .object(values.json()) }

  private static func answer(_ row: RowID, _ collection: CollectionSchema) -> (Database) throws -> JSON {
    { db in try RowValues.fetch(row, collection, db).map(view) ?? [:] }
  }

  private static func own(_ desk: Desk) throws -> Account {
    guard let row = desk.inquiry.row, let account = try desk.read({ try Account.fetch(row, ward: desk.wardIndex, $0) }),
      !account.hasEnded
    else { throw Fault.notFound("id") }
    return account
  }

  /// Somebody must be left who can make accounts.
  private static func leavesAnAdministrator(_ account: Account, _ desk: Desk) throws {
    guard account.roles.contains(.administrator) else { return }
    let others = try desk.read { db in
      try RowValues.all(schema, "WHERE ended_at IS NULL", [], db).map { Account($0) }
        .filter { $0.id.made?.author.ward == desk.wardIndex && $0.id != account.id }
    }
    guard others.contains(where: { $0.roles.contains(.administrator) }) else {
      throw Fault.refused(ja: "最後の管理者です。先に別の管理者を登録してください", en: "the last administrator: make another one first")
    }
  }

  private static func checkShelter(_ desk: Desk) throws {
    guard let shelter = desk.given.row("shelter") else { return }
    guard try desk.find(shelter, in: ShelterSchema.shelters, "shelter").text("ward") == desk.ward else {
      throw Fault.badValue("shelter", ja: "他区の避難所です", en: "a shelter of another ward")
    }
  }

  private static func rolesGiven(_ desk: Desk) -> [Role] { desk.given.texts("roles").compactMap { Role(word: $0) } }

  public static let endpoints: [Endpoint] = [
    .write(
      "addAccount", "/accounts", "Make an account of this ward.", [login, name, rolesField, shelter, password],
      makes: true
    ) { desk in
      try checkShelter(desk)
      let (row, drafts) = try make(
        login: desk.given.text("login")!, name: desk.given.text("name")!, roles: rolesGiven(desk),
        shelter: desk.given.row("shelter"), password: desk.given.text("password")!, desk)
      return Written(drafts, about: [row], answer: answer(row, schema))
    },
    .write(
      "changeAccount", "/accounts/{id}", "Change an account, or give it a new password; its sessions end.",
      [optional(name), optional(rolesField), shelter, optional(password)], method: .patch, of: "accounts"
    ) { desk in
      let account = try own(desk)
      try checkShelter(desk)
      if desk.given.has("roles"), !rolesGiven(desk).contains(.administrator) {
        try leavesAnAdministrator(account, desk)
      }
      let standing = account.roles.map(\.choice.word)
      var drafts = [
        changed(
          account.id, desk,
          desk.given.edits(["name", "roles", "shelter"], of: schema, standing: ["roles": standing]))
      ]
      if let password = desk.given.text("password") {
        try PasswordPolicy.check(password, about: [account.login, account.name])
        drafts.append(try credential(account.id, .password, password, desk))
      }
      return Written(drafts, about: [account.id], answer: answer(account.id, schema))
    },
    .write("endAccount", "/accounts/{id}/end", "End an account and its sessions, on every node.", of: "accounts") {
      desk in
      let account = try own(desk)
      try leavesAnAdministrator(account, desk)
      let draft = changed(account.id, desk, [FieldEdit(6, .set(.integer(desk.now.milliseconds)))])
      return Written([draft], about: [account.id], answer: answer(account.id, schema))
    },
    .read("accounts", "/accounts", "The ward's accounts.") { inquiry, db in
      let all = try RowValues.all(schema, "ORDER BY login, id LIMIT 10000", [], db).filter { inquiry.isOwn($0.id) }
      return Seen(["accounts": .list(all.map(view))])
    },
    .write(
      "addToken", "/tokens", "Make a token for a device or a program. Its text is in this answer alone.",
      [
        name, rolesField, FormField("readOnly", .flag, ja: "閲覧のみ", en: "Read only"),
        FormField("until", .time, required: true, ja: "有効期限", en: "Until"),
      ], makes: true
    ) { desk in
      let until = desk.given.integer("until")!
      guard until > desk.now.milliseconds, until <= desk.now.milliseconds + longest else {
        throw Fault.badValue("until", ja: "今から 400 日以内の日時にしてください", en: "must be within 400 days from now")
      }
      let row = try desk.newRow()
      let token = Token.make()
      var draft = Draft(.control, audience: .anyone)
      draft.edit(
        AccountSchema.tokens, row,
        desk.given.edits(["name", "roles", "readOnly", "until"], of: AccountSchema.tokens)
          + [FieldEdit(5, .set(.bytes(token.hash)))])
      return Written([draft], about: [row]) { db in
        guard case .object(var members) = try answer(row, AccountSchema.tokens)(db) else { return [:] }
        members["hash"] = nil
        members["token"] = .text(token.text)
        return .object(members)
      }
    },
    .write("endToken", "/tokens/{id}/end", "End a token.", of: "tokens") { desk in
      guard let row = desk.inquiry.row, desk.inquiry.isOwn(row) else { throw Fault.notFound("id") }
      _ = try desk.find(row, in: AccountSchema.tokens, "id")
      var draft = Draft(.control, audience: .anyone)
      draft.edit(AccountSchema.tokens, row, [FieldEdit(6, .set(.integer(desk.now.milliseconds)))])
      return Written([draft], about: [row], answer: answer(row, AccountSchema.tokens))
    },
    .read("tokens", "/tokens", "The ward's tokens, without what they are.") { inquiry, db in
      let all = try RowValues.all(AccountSchema.tokens, "ORDER BY id LIMIT 10000", [], db)
        .filter { inquiry.isOwn($0.id) }
      return Seen(["tokens": .list(all.map { .object($0.json(hiding: ["hash"])) })])
    },
  ]

  /// 400 days: a year, and time to renew.
  private static let longest: Int64 = 400 * 86_400_000
}
