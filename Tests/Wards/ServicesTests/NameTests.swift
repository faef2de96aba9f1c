import Causality
import ChangeModel
import Desk
import People
import Testing

/// Names in every spelling, and IDs that catch a slip of the pen.
struct NameTests {
  @Test(
    arguments: [
      ("髙橋", "高橋"), ("齋藤", "斉藤"), ("斎藤", "齊藤"), ("渡邊", "渡辺"), ("渡邉", "渡辺"), ("ﾀｶﾊｼ", "たかはし"), ("ガッコウ", "ｶﾞﾂｺｳ"),
      ("ゆうこ", "ユーコ"), ("おおの", "オーノ"), ("大﨑", "大崎"), ("桒田", "桑田"), ("佐々木", "佐佐木"), ("Nguyen  VAN", "ｎｇｕｙｅｎ・van"),
      ("葛\u{e0100}飾", "葛飾"), ("Nguyễn Văn Đức", "nguyen van duc"), ("José Ångström", "JOSE ANGSTROM"),
      ("Łukasz", "lukasz"),
      ("みすゞ", "みすず"), ("ミスヾ", "ミスズ"), ("さゝき", "ささき"), ("いすゞ", "イスズ"), ("ヴァン", "バン"), ("ヴィクトル", "ビクトル"),
      ("ヷ", "バ"), ("か\u{309b}く", "がく"), ("カ\u{309b}ク", "ガク"), ("か\u{3099}く", "がく"), ("は\u{309c}く", "ぱく"),
      ("ﾊﾟｸ", "パク"), ("Müller", "Muller"), ("Jose\u{301}", "José"),
    ])
  func `one key for two spellings`(one: String, other: String) {
    #expect(NameKey.of(one) == NameKey.of(other))
    #expect(!NameKey.of(one).isEmpty)
  }

  @Test(arguments: [("鈴木", "錫木"), ("さとう", "かとう"), ("田中", "中田"), ("ひろし", "ひろ")])
  func `different names keep different keys`(one: String, other: String) {
    #expect(NameKey.of(one) != NameKey.of(other))
  }

  @Test func `a telephone number is one, however it is written`() {
    for text in ["090-1234-5678", "09012345678", "０９０−１２３４−５６７８", "+81 90-1234-5678", "(090) 1234 5678"] {
      #expect(NameKey.ofPhone(text) == "09012345678", "\(text)")
    }
  }

  @Test func `an address is one, however its numbers are written`() {
    let keys = ["渋谷区見本一丁目2番3号", "渋谷区見本1-2-3", "東京都渋谷区見本１丁目２番地３", "渋谷区見本１−２−３"].map(NameKey.ofAddress)
    #expect(Set(keys).count == 1, "\(keys)")
    #expect(NameKey.ofAddress("渋谷区見本1-23") != keys[0])
  }

  @Test func `a typed name is tried both ways round`() {
    #expect(NameKey.candidates("花子 髙橋").contains(NameKey.of("高橋花子")))
    #expect(NameKey.candidates("花子高橋").contains(NameKey.of("高橋花子")))
  }

  @Test func `an ID says its row, and every single wrong character shows`() throws {
    var random = RandomNumbers(seed: 5)
    for _ in 0..<200 {
      let author = AuthorNumber(
        ward: UInt32(random.below(23)), serial: UInt32(random.below(1_023)) + 1, epoch: UInt32(random.below(1_024)))
      let row = RowID(author: author, counter: UInt64(random.below(1 << 30)) + 1)
      let code = "131\(author.ward < 9 ? "0" : "")\(author.ward + 1)"
      let text = try #require(ResidentID.text(row, wardCode: code))
      func index(_ other: String) -> UInt32? {
        Int(other).flatMap { (13_101...13_123).contains($0) ? UInt32($0 - 13_101) : nil }
      }
      #expect(try ResidentID.row(text, index: index) == row)
      #expect(try ResidentID.row(text.lowercased(), index: index) == row)
      for place in text.indices where text[place] != "-" {
        for wrong in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" where wrong != text[place] {
          var broken = text
          broken.replaceSubrange(place...place, with: String(wrong))
          #expect(throws: ResidentID.Fault.self) { try ResidentID.row(broken, index: index) }
        }
      }
    }
  }

  @Test func `a My Number is recognised however it is written`() {
    for text in ["621498320257", "6214-9832-0257", "番号は 6214 9832 0257 です", "６２１４９８３２０２５７"] {
      #expect(MyNumber.isIn(text))
    }
    for text in ["621498320258", "03-1234-5678", "6214983202570", "電話 090-1234-5678"] { #expect(!MyNumber.isIn(text)) }
  }
}
