/// 二人で行うこと: what opens, takes or hides so much that one stolen session, or one person, is not to do it unseen. Another account of
/// the ward stands by and gives its password in the same form; where there is nobody, at 3 a.m., whoever does it says why, and the
/// trail says both.
public enum SecondPerson {
  public static let login = FormField("secondLogin", .text(60), ja: "立ち会う人の利用者ID", en: "Login of whoever stands by")
  public static let password = FormField(
    "secondPassword", .secret(512), ja: "立ち会う人のパスワード", en: "Password of whoever stands by")
  /// A closed list: every ward reads the trail, and a free text could name somebody who must not be found.
  public static let alone = FormField(
    "aloneBecause",
    .choice([
      Choice("夜間・休日で一人しかいない", "nobody-else-on-duty"), Choice("立ち会う人と連絡がつかない", "nobody-reached"),
      Choice("一刻を争う", "no-time"), Choice("訓練・試験", "exercise"),
    ]), ja: "一人で行う理由(立ち会う人がいないときだけ)", en: "Why alone, where nobody can stand by")

  static let fields = [login, password, alone]

  /// - Throws: where nobody stands by who may, and no reason is given.
  static func check(_ endpoint: Endpoint, _ inquiry: Inquiry) throws(Fault) {
    guard endpoint.isByTwo else { return }
    guard let second = inquiry.second else {
      guard inquiry.given.text(alone.name) == nil else { return }
      throw .badValue(
        login.name, ja: "二人で行う操作です。立ち会う人の利用者IDとパスワードか、一人で行う理由を入れてください",
        en: "two persons do this: give the login and password of whoever stands by, or say why alone")
    }
    guard second.account != inquiry.user.account else {
      throw .badValue(login.name, ja: "本人は立ち会えません。別の人の利用者IDを入れてください", en: "somebody else stands by")
    }
    guard endpoint.access.admits(second.roles) else {
      throw .badValue(login.name, ja: "その人の役割では立ち会えません", en: "their role does not admit it")
    }
  }

  /// What the trail says of it besides who did it.
  static func mark(_ endpoint: Endpoint, _ inquiry: Inquiry) -> String? {
    guard endpoint.isByTwo else { return nil }
    return inquiry.second.map { "立会い: \($0.account.map { AuditTrail.mark($0) } ?? $0.name)" }
      ?? inquiry.given.text(alone.name).map { "一人で: \($0)" }
  }
}
