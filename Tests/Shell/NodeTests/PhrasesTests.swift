import Site
import Testing

/// The residents' counter's languages.
@Suite struct PhrasesTests {
  @Test(arguments: Phrases.all.map(\.code))
  func `every language says everything that the first says`(code: String) throws {
    let phrases = try #require(Phrases.named(code))
    #expect(phrases.missing.isEmpty, "\(phrases.missing)")
    #expect(phrases.isRead || !phrases.plain("machine").isEmpty, "nobody has read it, and it does not say so")
  }

  @Test(
    arguments: [
      (nil, "ja"), ("", "ja"), ("vi-VN,vi;q=0.9,en;q=0.8", "vi"), ("de,ko;q=0.5,en;q=0.7", "en"), ("zh-Hans-CN", "zh"),
      ("xx;q=1,ja;q=0", "ja"),
    ] as [(String?, String)])
  func `a browser's first language that there is`(header: String?, code: String) {
    #expect(Phrases.accepted(header).code == code)
  }

  @Test func `a reading stands over its characters, and what is written is no markup`() throws {
    let easy = try #require(Phrases.named("easy"))
    #expect(easy.plain("help") == "助けて ください")
    #expect(easy.html("help") == "<ruby>助<rp>(</rp><rt>たす</rt><rp>)</rp></ruby>けて ください")
  }
}
