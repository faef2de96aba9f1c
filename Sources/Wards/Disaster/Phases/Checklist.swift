import Desk

/// What each service has to do in each phase. Ours, after the order of tasks in the Cabinet Office's guideline on running
/// shelters (2022) and Tokyo's regional disaster plan; a ward adds its own by its own items.
enum Checklist {
  struct Task: Sendable {
    var phase: Phase
    var service: String
    var code: String
    var japanese: String
    var english: String

    init(_ phase: Phase, _ service: String, _ code: String, ja japanese: String, en english: String) {
      self.phase = phase
      self.service = service
      self.code = code
      self.japanese = japanese
      self.english = english
    }
  }

  static let tasks: [Task] = [
    Task(
      .before, "shelters", "b-sh-1", ja: "避難所の鍵・開設担当・面積を確かめる",
      en: "check keys, opening staff and floor area of shelters"),
    Task(
      .before, "people", "b-pe-1", ja: "避難行動要支援者名簿と個別避難計画を更新する",
      en: "bring the list of those who need help, and their plans, up to date"),
    Task(.before, "stock", "b-st-1", ja: "期限が近い備蓄を入れ替える", en: "rotate stock that is about to expire"),
    Task(.before, "stock", "b-st-2", ja: "在庫の持ち分を各拠点のノードへ配る", en: "spread shares of stock over the nodes"),
    Task(.before, "network", "b-ne-1", ja: "記録媒体での同期を訓練する", en: "practise syncing by card"),
    Task(
      .before, "network", "b-ne-2", ja: "区の管理カードの保管場所と担当を確かめる",
      en: "check where the authority's card is and who holds it"),
    Task(
      .dayOf, "headquarters", "d-hq-1", ja: "災害対策本部を設置し発災日時を登録する",
      en: "set up the headquarters and enter the time of the quake"),
    Task(
      .dayOf, "headquarters", "d-hq-2", ja: "区の管理カードで緊急時の情報共有を開始する",
      en: "declare the disaster with the authority's card"),
    Task(.dayOf, "shelters", "d-sh-1", ja: "建物の安全を確かめ避難所を開設する", en: "check the buildings and open the shelters"),
    Task(.dayOf, "shelters", "d-sh-2", ja: "一時滞在施設を開設する", en: "open the facilities for stranded people"),
    Task(.dayOf, "shelters", "d-sh-3", ja: "避難者数を1時間ごとに報告する", en: "report head counts every hour"),
    Task(.dayOf, "people", "d-pe-1", ja: "避難行動要支援者の避難と安否を確かめる", en: "see that those who need help are out and safe"),
    Task(.dayOf, "people", "d-pe-2", ja: "安否照会の受付を始める", en: "begin to take inquiries after people"),
    Task(.dayOf, "stock", "d-st-1", ja: "水・毛布・簡易トイレを配る", en: "hand out water, blankets and portable toilets"),
    Task(
      .days1to3, "shelters", "1-sh-1", ja: "避難者名簿をそろえ二重登録を解消する", en: "complete the registers and settle double entries"),
    Task(.days1to3, "shelters", "1-sh-2", ja: "福祉避難所への移送を決める", en: "decide who moves to welfare shelters"),
    Task(.days1to3, "people", "1-pe-1", ja: "未確認者を巡回で確かめる", en: "go round for those not yet heard of"),
    Task(.days1to3, "stock", "1-st-1", ja: "枯渇までの時間が短い品目を要請する", en: "ask for what runs out soonest"),
    Task(.days1to3, "orders", "1-or-1", ja: "他区への要請と割当を毎日見直す", en: "review requests and allocations daily"),
    Task(.days3to7, "shelters", "3-sh-1", ja: "トイレを20人に1基へ増やす", en: "raise toilets to one for twenty"),
    Task(.days3to7, "shelters", "3-sh-2", ja: "間仕切り・段ボールベッドを配る", en: "provide partitions and cardboard beds"),
    Task(.days3to7, "people", "3-pe-1", ja: "在宅・車中避難者を把握する", en: "find those who stay at home or in cars"),
    Task(
      .days3to7, "orders", "3-or-1", ja: "国のプッシュ型支援の受入れと重複を確かめる", en: "match what the State sends with open requests"),
    Task(.recovery, "shelters", "r-sh-1", ja: "避難所を集約し閉鎖する", en: "merge and close shelters"),
    Task(
      .recovery, "people", "r-pe-1", ja: "被災者台帳・罹災証明へ引き継ぐ",
      en: "hand over to the victims' register and damage certificates"),
    Task(.recovery, "stock", "r-st-1", ja: "余剰を返し備蓄を補充する", en: "return surplus and restock"),
    Task(
      .recovery, "headquarters", "r-hq-1", ja: "緊急時の情報共有を終え、閲覧記録を点検する", en: "end the declaration and audit who saw what"
    ),
  ]
}
