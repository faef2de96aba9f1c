import ChangeModel
import Desk
import GRDB

/// 登録した端末: browsers that an administrator knows for the ward's own. For an account that needs a second factor and has no
/// authenticator, the device is it: what one has, without a clock and without a network.
public enum DeviceRow {
  /// What the device shows of itself: follows from its cookie, and leads to none.
  static let code = Field.code(1, "code", 14, "端末の番号", "Device's number")
  static let name = Field.text(2, "name", 60, "端末の名前", "Device's name")
  static let enrolledBy = Field.text(3, "enrolled_by", 200, "登録した人", "Enrolled by")
  static let enrolledAt = Field.time(4, "enrolled_at", "登録日時", "Enrolled at")
  static let endedAt = Field.time(5, "ended_at", "終了日時", "Ended at")

  public static let records = Records(
    16, "devices", "登録した端末", "Enrolled device", lane: .control, law: .keptByWard(open: []),
    reader: .roles(.administration), fields: [name, code, enrolledBy, enrolledAt, endedAt], title: [name])

  /// As a person reads and types it: 59 bits in groups of four.
  public static func code(of hash: UInt64) -> String {
    var (left, text) = (hash, "")
    for index in 0..<length {
      if index > 0, index.isMultiple(of: 4) { text.append("-") }
      text.append(letters[Int(left % UInt64(letters.count))])
      left /= UInt64(letters.count)
    }
    return text
  }

  /// Without letters and digits that look alike.
  private static let letters = Array("ABCDEFGHJKMNPQRSTUVWXYZ23456789")
  private static let length = 12

  private static func plain(_ code: String) -> String {
    PasswordPolicy.plain(code).uppercased().filter { $0.isLetter || $0.isNumber }
  }

  private static func key(_ code: String) -> [String] { ["device", plain(code)] }

  /// Whether an administrator of the ward has enrolled the device, and none has ended that.
  public static func isEnrolled(_ code: String, ward: UInt32, _ db: Database) throws -> Bool {
    guard let device = try RowValues.fetch(RowID(key: key(code), ward: ward), records, db) else { return false }
    return device[enrolledAt] != nil && device[endedAt] == nil
  }

  /// Whether the ward has any, of those that have not ended.
  static func hasAny(of ward: UInt32, _ db: Database) throws -> Bool { try !all(of: ward, db).isEmpty }

  private static func all(of ward: UInt32, _ db: Database) throws -> [RowValues] {
    try RowValues.all(records, "WHERE ended_at IS NULL AND enrolled_at IS NOT NULL", [], db).filter {
      $0.id.ward == ward
    }
  }

  static let service = Service(
    "登録した端末", "Enrolled devices", records: [records],
    actions: [
      Action(
        "enrolDevice", .new, records, "端末を登録する", "Enrol a device", for: .administration,
        takes: [code.needed, name.needed], stamps: [.user(enrolledBy), .now(enrolledAt)],
        warning: Words(
          "目の前にある区の端末の番号だけを登録してください。番号はその端末の「自分の設定」か、サインインできなかった画面に出ます。",
          "Only enrol a device of the ward that is before you. It shows its number at “My settings”, or where it was turned away."
        ),
        row: .derived { key($0.given.text(code.name) ?? "") }
      ) { desk, _, edits in
        let given = plain(desk.given.text(code.name) ?? "")
        guard given.count == length, given.allSatisfy(letters.contains) else {
          throw Fault.badValue(
            code.name, ja: "端末に出ている12文字の番号を入れてください", en: "give the 12 letters and digits that the device shows")
        }
        edits.append(endedAt.set(nil))
      },
      Action(
        "endDevice", .step("end"), records, "端末の登録を終える", "End a device's enrolment", for: .administration,
        when: [.ownRow("この区の端末ではありません", "not a device of this ward"), .missing(endedAt, "終わっています", "ended already")],
        stamps: [.now(endedAt)]
      ) { desk, device, _ in
        let isLast = try desk.read { db in try all(of: desk.wardIndex, db).allSatisfy { $0.id == device!.id } }
        guard isLast, try desk.read({ try Accounts.dependsOnDevices(desk.wardIndex, $0) }) else { return }
        throw Fault.refused(
          ja: "最後の端末です。登録した端末でだけサインインする人がいる間は、先に別の端末を登録してください",
          en: "the last device, and somebody signs in at enrolled devices alone: enrol another first")
      },
    ],
    lists: [
      Listing("devices", records, "登録した端末", "Enrolled devices", open: [endedAt], newest: enrolledAt)
    ])
}
