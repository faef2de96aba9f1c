import Catalogue
import Desk
import Testing

/// What a notice says once something is done.
@Suite struct PastTenseTests {
  @Test(arguments: [
    ("開設する", "開設しました"), ("退所を記録する", "退所を記録しました"), ("受付を取り消す", "受付を取り消しました"), ("受付の内容を変える", "受付の内容を変えました"),
    ("日報を出す", "日報を出しました"), ("家族に加える", "家族に加えました"), ("混雑・必要な物を伝える", "混雑・必要な物を伝えました"), ("受理しない", "受理しませんでした"),
    ("機器の鍵を作る", "機器の鍵を作りました"), ("標準の品目を入れる", "標準の品目を入れました"),
  ]) func `verbs are bent as people bend them`(now: String, past: String) {
    #expect(Words(now, "").done.ja == past)
  }

  @Test func `two acts side by side are no sentence: the notice says that it is saved`() {
    #expect(Words("要請を承認する・却下する", "").done.ja == "保存しました(要請を承認する・却下する)")
  }

  @Test func `every write of the services has a notice in the past tense`() {
    for endpoint in Services.catalogue(.init([])).endpoints where endpoint.isWrite && !endpoint.isForServices {
      let done = endpoint.words.done.ja
      #expect(done.contains("ました") || done.contains("ませんでした"), "\(endpoint.id): \(done)")
    }
  }
}
