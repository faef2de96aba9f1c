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
  private static let records = AccountRow.records
  private static let password = FormField("password", .secret(512), ja: "パスワード", en: "Password")
  private static let shelter = FormField("shelter", .row("shelters"), ja: "担当避難所", en: "The only shelter to work at")

  // MARK: Drafts

  /// A new account with its password.
  public static func make(
    login: String, name: String, roles: [Role], shelter: RowID? = nil, needsSecond: Bool? = nil, password: String,
    _ desk: Desk
  ) throws -> (row: RowID, drafts: [Draft]) {
    let login = Account.plain(login: login)
    guard !login.isEmpty, login.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
      throw Fault.badValue("login", ja: "利用者IDは空白のない英数字にしてください", en: "a login is of letters and digits, without blanks")
    }
    guard try desk.read({ try Account.all(login: login, ward: desk.wardIndex, $0) }).isEmpty else {
      throw Fault.refused("login", ja: "その利用者IDはすでに使われています", en: "the login is in use")
    }
    try PasswordPolicy.check(password, about: [login, name])
    let row = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, row,
      [
        AccountRow.login.set(login), AccountRow.name.set(name), AccountRow.shelter.set(shelter),
        AccountRow.madeAt.set(desk.now), AccountRow.changedAt.set(desk.now),
        AccountRow.needsSecond.set(needsSecond),
      ] + roles.map { AccountRow.roles.add($0.choice.word) })
    return (row, [draft, try credential(row, .password, password, desk)])
  }

  /// What signs a person in, sealed for this ward's nodes.
  public static func credential(
    _ account: RowID, _ secret: Account.Secret, _ text: String, _ desk: Desk
  ) throws -> Draft {
    guard let hash = PasswordHash.make(of: PasswordPolicy.plain(text)) else {
      throw Fault.refused(ja: "メモリーが足りません。少し待ってからもう一度", en: "not enough memory; wait a moment and try again")
    }
    return credentials(account, [secret.field.set(hash.text)], desk)
  }

  /// Edits of what signs a person in, sealed for this ward's nodes.
  public static func credentials(_ account: RowID, _ edits: [FieldEdit], _ desk: Desk) -> Draft {
    var draft = Draft(.control, audience: .ward(desk.wardIndex, .credential))
    draft.edit(Credential.records, account, edits)
    return draft
  }

  /// Ends the sessions that began before now.
  public static func changed(_ account: RowID, _ desk: Desk, _ edits: [FieldEdit] = []) -> Draft {
    var draft = records.draft()
    draft.edit(records, account, edits + [AccountRow.changedAt.set(desk.now)])
    return draft
  }

  // MARK: Endpoints

  /// Why a row cannot be changed here: another ward's account is nobody, and one that has ended stays so.
  private static let own = Condition.ownRow("この区のアカウントではありません", "not an account of this ward")
  private static let lasts = Condition.missing(AccountRow.endedAt, "停止済みのアカウントです", "has ended")

  private static func account(_ desk: Desk) throws -> Account { Account(try desk.subject(records).values) }

  /// Somebody must be left who can make accounts.
  private static func leavesAnAdministrator(_ account: Account, _ desk: Desk) throws {
    guard account.roles.contains(.administrator) else { return }
    guard try desk.read({ try administrators(of: desk.wardIndex, $0) }).contains(where: { $0.id != account.id }) else {
      throw Fault.refused(ja: "最後の管理者です。先に別の管理者を登録してください", en: "the last administrator: make another one first")
    }
  }

  /// Whether somebody of the ward signs in at enrolled devices alone.
  static func dependsOnDevices(_ ward: UInt32, _ db: Database) throws -> Bool {
    try RowValues.all(records, "WHERE ended_at IS NULL AND needs_second AND id >> 53 = ?", [Int64(ward)], db)
      .contains { try Account($0).secondFactor(db) == nil }
  }

  /// A ward's, that have not ended.
  public static func administrators(of ward: UInt32, _ db: Database) throws -> [Account] {
    try RowValues.all(records, "WHERE ended_at IS NULL AND id >> 53 = ?", [Int64(ward)], db).map { Account($0) }
      .filter { $0.id.made?.author.ward == ward && $0.roles.contains(.administrator) }
  }

  /// Nobody is shut out for good: there is something to sign in with.
  private static func checkSecond(_ account: Account?, _ desk: Desk) throws {
    guard desk.given.flag(AccountRow.needsSecond.name),
      try desk.read({ try account?.secondFactor($0) == nil && !DeviceRow.hasAny(of: desk.wardIndex, $0) })
    else { return }
    throw Fault.refused(
      AccountRow.needsSecond.name, ja: "登録した端末がまだありません。先に端末を登録してください", en: "no device is enrolled: enrol one first")
  }

  /// Who may be working at a device that is not enrolled does not shut themselves out.
  private static func checkOwnSecond(_ account: Account, _ desk: Desk) throws {
    guard desk.given.flag(AccountRow.needsSecond.name), !account.needsSecond, account.id == desk.inquiry.user.account,
      try desk.read({ try account.secondFactor($0) }) == nil
    else { return }
    throw Fault.refused(
      AccountRow.needsSecond.name, ja: "自分には、先に認証アプリを決めるか、ほかの管理者に頼んでください",
      en: "not for oneself without an authenticator: set one up, or ask another administrator")
  }

  private static func checkShelter(_ desk: Desk) throws {
    if let shelter = desk.given.row("shelter") { try Shelters.mustBeOwn(shelter, "shelter", desk) }
  }

  private static func rolesGiven(_ desk: Desk) -> [Role] { desk.given.texts("roles").compactMap { Role(word: $0) } }

  /// The ward's own rows of a table that all wards keep.
  private static func list(
    _ key: String, _ records: Records, _ order: [String] = [], hiding hidden: Set<String> = [], _ look: inout Look
  ) throws -> JSON {
    let page = try look.page(records, where: "id >> 53 = ?1", [Int64(look.inquiry.wardIndex)], by: order, usual: 1_000)
    return page.answer(key, try page.rows.map { .object(try look.view($0, records, hiding: hidden)) })
  }

  public static let service = Service(
    "管理", "Administration", records: [records, Credential.records],
    actions: [allowance("allowLooks", records, AccountRow.looksUntil, when: [own, lasts])],
    endpoints: [
      .read(
        "accounts", "/accounts", "アカウント", "Accounts", for: .administration, "The ward's accounts.",
        Paging.fields(of: records.name), answers: .rows("accounts", records, isPaged: true)
      ) { look in try list("accounts", records, ["login"], &look) },
      .write(
        "addAccount", "/accounts", "アカウントを作る", "Make an account", for: .administration,
        "Make an account of this ward.",
        [
          AccountRow.login.needed, AccountRow.name.needed, AccountRow.roles.needed, shelter,
          AccountRow.needsSecond.asked,
          password.required,
        ],
        makes: true, answers: .row(records)
      ) { desk in
        try checkShelter(desk)
        try checkSecond(nil, desk)
        let (row, drafts) = try make(
          login: desk.given.text("login")!, name: desk.given.text("name")!, roles: rolesGiven(desk),
          shelter: desk.given.row("shelter"), needsSecond: desk.given.flag(AccountRow.needsSecond.name),
          password: desk.given.text("password")!, desk)
        return Written(drafts, about: [row]) { look in try look.answer(row, records) }
      },
      .write(
        "changeAccount", "/accounts/{id}", "アカウントを変える", "Change an account", for: .administration,
        "Change an account, or give it a new password; its sessions end.",
        [AccountRow.name.asked, AccountRow.roles.asked, shelter, AccountRow.needsSecond.asked, password],
        method: .patch, of: records,
        when: [own, lasts], answers: .row(records)
      ) { desk in
        let (row, values) = try desk.subject(records)
        let account = Account(values)
        try checkShelter(desk)
        try checkSecond(account, desk)
        try checkOwnSecond(account, desk)
        if desk.given.has("roles"), !rolesGiven(desk).contains(.administrator) {
          try leavesAnAdministrator(account, desk)
        }
        var drafts = [
          changed(
            row, desk,
            desk.given.edits(["name", "roles", "shelter", AccountRow.needsSecond.name], of: records, standing: values))
        ]
        if let password = desk.given.text("password") {
          try PasswordPolicy.check(password, about: [account.login, account.name])
          drafts.append(try credential(row, .password, password, desk))
        }
        return Written(drafts, about: [row]) { look in try look.answer(row, records) }
      },
      .write(
        "endAccount", "/accounts/{id}/end", "アカウントを停止する", "Stop an account", for: .administration,
        "End an account and its sessions, on every node.", of: records, when: [own, lasts], answers: .row(records)
      ) { desk in
        let account = try account(desk)
        try leavesAnAdministrator(account, desk)
        let draft = changed(account.id, desk, [AccountRow.endedAt.set(desk.now)])
        return Written([draft], about: [account.id]) { look in try look.answer(account.id, records) }
      },
      .write(
        "forgetAuthenticator", "/accounts/{id}/authenticator/end", "認証アプリを外す", "Forget an authenticator",
        for: .administration,
        "Forget an account's authenticator and printed codes, when both are lost; its sessions end.", of: records,
        when: [own, lasts], answers: .row(records)
      ) { desk in
        let account = try account(desk)
        guard let factor = try desk.read({ try account.secondFactor($0) }) else {
          throw Fault.refused(ja: "認証アプリは決まっていません", en: "there is no authenticator")
        }
        let edits = [Credential.app.set(nil), Credential.appStep.set(nil)] + factor.codes.map(Credential.codes.remove)
        // Whoever has lost it signs in by password again, where no device would do.
        let hasDevice = try desk.read { try DeviceRow.hasAny(of: desk.wardIndex, $0) }
        let lifted = hasDevice ? [] : [AccountRow.needsSecond.set(nil)]
        let drafts = [credentials(account.id, edits, desk), changed(account.id, desk, lifted)]
        return Written(drafts, about: [account.id]) { look in
          try look.answer(account.id, records)
        }
      }.often(0),
    ], menu: ["accounts"])

  // MARK: Who may look at many people

  /// Whose account or token a row is: the name, and the login or the token's number.
  public static func user(_ row: RowID, _ db: Database) throws -> (name: String, login: String)? {
    if let account = try RowValues.fetch(row, records, db) {
      return (account[AccountRow.name] ?? "?", account[AccountRow.login] ?? "?")
    }
    return try RowValues.fetch(row, tokens, db).map { ($0[TokenRow.name] ?? "?", "\(row)") }
  }

  /// A second person's yes to more looks than one case needs.
  private static func allowance(
    _ id: String, _ records: Records, _ until: Field<Instant>, when conditions: [Condition]
  ) -> Action {
    Action(
      id, .step("allowance"), records, "多人数の閲覧を認める", "Allow looks at many people", for: .administration,
      takes: [FormField("hours", .integer(1...24), required: true, ja: "何時間", en: "For how many hours")],
      when: conditions,
      warning: Words(
        "この人は、その間、人数の限りなく個人の記録を見られます。理由を本人に確かめてください。",
        "For that time the person can see the records of any number of people. Ask what for."),
      rule: { desk, record, edits in
        guard desk.inquiry.user.account != record?.id else {
          throw Fault(
            .forbidden, field: "id", ja: "自分では認められません。別の管理者に頼んでください", en: "not for oneself: ask another administrator")
        }
        edits.append(until.set(desk.now.advanced(byMilliseconds: desk.given.integer("hours")! * 3_600_000)))
      })
  }

  // MARK: Tokens

  private static let tokens = TokenRow.records
  private static let hidden: Set<String> = ["hash"]
  /// 400 days: a year, and time to renew.
  private static let longest: Int64 = 400 * 86_400_000

  public static let tokenService = Service(
    "機器の鍵", "Device tokens", records: [tokens],
    actions: [
      allowance(
        "allowTokenLooks", tokens, TokenRow.looksUntil,
        when: [
          .ownRow("この区の鍵ではありません", "not a token of this ward"),
          .missing(TokenRow.endedAt, "すでに無効です", "has ended already"),
        ])
    ],
    endpoints: [
      .read(
        "tokens", "/tokens", "機器の鍵", "Device tokens", for: .administration,
        "The ward's tokens, without what they are.", Paging.fields(of: tokens.name),
        answers: .rows("tokens", tokens, isPaged: true)
      ) { look in try list("tokens", tokens, hiding: hidden, &look) },
      .write(
        "addToken", "/tokens", "機器の鍵を作る", "Make a device token", for: .administration,
        "Make a token for a device or a program. Its text is in this answer alone.",
        [TokenRow.name.needed, TokenRow.roles.needed, TokenRow.readOnly.asked, TokenRow.until.needed], makes: true,
        answers: .row(tokens, and: [.init("token", .secret(200), "鍵", "Token")])
      ) { desk in
        let until = desk.given.integer("until")!
        guard until > desk.now.milliseconds, until <= desk.now.milliseconds + longest else {
          throw Fault.badValue("until", ja: "今から 400 日以内の日時にしてください", en: "must be within 400 days from now")
        }
        let row = try desk.newRow()
        let token = Token.make()
        var draft = tokens.draft()
        draft.edit(
          tokens, row,
          desk.given.edits(["name", "roles", "readOnly", "until"], of: tokens) + [TokenRow.hash.set(token.hash)])
        return Written([draft], about: [row]) { look in
          guard case .object(var members) = try look.answer(row, tokens, hiding: hidden) else { return .null }
          members["token"] = .text(token.text)
          return .object(members)
        }
      },
      .write(
        "endToken", "/tokens/{id}/end", "機器の鍵を無効にする", "End a device token", for: .administration, "End a token.",
        of: tokens,
        when: [
          .ownRow("この区の鍵ではありません", "not a token of this ward"),
          .missing(TokenRow.endedAt, "すでに無効です", "has ended already"),
        ], answers: .row(tokens)
      ) { desk in
        let (row, _) = try desk.subject(tokens)
        var draft = tokens.draft()
        draft.edit(tokens, row, [TokenRow.endedAt.set(desk.now)])
        return Written([draft], about: [row]) { look in try look.answer(row, tokens, hiding: hidden) }
      },
    ], menu: ["tokens"])
}
