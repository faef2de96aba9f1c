import Causality
import ChangeModel
import Desk
import GRDB

/// 住民への情報発信: written once, told on every channel. Saving sends nothing: somebody else approves it, each channel has its own
/// text, and what is corrected or withdrawn is a link in a chain, never an opening anew.
public enum Broadcast {
  static let categories = [
    Choice("避難情報", "evacuation"), Choice("避難所", "shelters"), Choice("給水", "water"), Choice("ライフライン", "lifelines"),
    Choice("交通", "traffic"), Choice("医療", "medicine"), Choice("生活支援", "support"), Choice("り災証明", "certificates"),
    Choice("廃棄物", "waste"), Choice("誤情報の訂正", "rumour"), Choice("その他", "other"),
  ]
  static let category = Field.choice(1, "category", categories, "分類", "Category")
  static let title = Field.text(2, "title", 40, "件名", "Title")
  static let summary = Field.text(3, "summary", 200, "要約", "Summary")
  static let body = Field.text(4, "body", 2_000, "本文", "Text")
  static let easy = Field.text(5, "easy", 2_000, "やさしい日本語", "In easy Japanese")
  static let english = Field.text(6, "english", 2_000, "英語", "In English")
  static let areas = SetField(7, "areas", of: .text(100), atMost: 50, "対象の地区", "Areas")
  static let channels = SetField(8, "channels", of: .choice(Channel.choices), atMost: 8, "媒体", "Channels")
  static let expiresAt = Field.deadline(9, "expires_at", "有効期限", "Until")
  static let approvedBy = SetField(10, "approved_by", of: .text(120), atMost: 20, "決裁者", "Approved by")
  static let approvedAt = Field.time(11, "approved_at", "決裁日時", "Approved at")
  static let alone = Field.text(12, "alone", 300, "単独決裁の理由", "Why by one alone")
  static let withdrawnAt = Field.time(13, "withdrawn_at", "取消日時", "Withdrawn at")
  static let withdrawReason = Field.text(14, "withdraw_reason", 300, "取消の理由", "Why it was withdrawn")
  static let replaces = Field.row(15, "replaces", of: "broadcasts", "訂正する発信", "Replaces")

  public static let records = Records(
    112, "broadcasts", "住民への発信", "Message to residents", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [
      title, category, summary, body, easy, english, areas, channels, expiresAt, approvedBy, approvedAt, alone,
      withdrawnAt,
      withdrawReason, replaces,
    ] + Told.fields,
    title: [title],
    states: [
      .has(withdrawnAt, "withdrawn", "取消", "withdrawn", .ended),
      State("expired", "期限切れ", "expired", .ended) { message, inquiry in
        message[approvedAt] != nil && message[expiresAt].map { $0 < inquiry.now } ?? false
      },
      .has(approvedAt, "approved", "決裁済み", "approved", .done), .otherwise("draft", "下書き", "draft", .open),
    ])

  private static let draft = Condition.missing(approvedAt, "決裁済みです。訂正は新しく書いてください", "approved: write a correction")
  private static let unwithdrawn = Condition.missing(withdrawnAt, "取り消した発信です", "withdrawn")
  private static let content = [
    summary.asked, easy.asked, english.asked, areas.asked, expiresAt.asked,
  ]

  private static let approve = Action(
    "approveBroadcast", .step("approval"), records, "決裁する", "Approve a message", for: .command, takes: [alone.asked],
    when: [Told.own, draft, unwithdrawn], stamps: [.now(approvedAt)]
  ) { desk, record, edits in
    try Told.decides(desk, on: record, alone: alone)
    // What one channel cannot take is said now, not when it is sent.
    if let record {
      for channel in record[channels].compactMap(Channel.init(rawValue:)) {
        if case .refused(let words) = channel.text(of: record, isDrill: desk.inquiry.identity.federation.genesis.drill)
        {
          throw Fault.refused("", ja: "\(channel.rawValue): \(words.ja)", en: "\(channel.code): \(words.en)")
        }
      }
    }
    edits.append(approvedBy.add(desk.inquiry.user.name))
    // What is approved is what was seen: whoever changes a text at the same time is in conflict with it.
    for field in [title, summary, body, easy, english] {
      if let text = record?[field] { edits.append(field.set(text)) }
    }
  }

  private static let texts = Endpoint.read(
    "broadcastTexts", "/broadcasts/{id}/texts", "媒体ごとの文", "Texts by channel", for: .staff,
    "What each chosen channel would say, with its length, or why it cannot.", of: records,
    answers: .list(
      "texts",
      [
        .init("channel", .choice(Channel.choices), "媒体", "Channel"), .init("text", .text(5_000), "文", "Text"),
        .init("length", .integer(Numbers.any), "文字数", "Characters"),
        .init("refused", .object(.words), "出せない理由", "Why not"),
      ])
  ) { look in
    guard let row = look.inquiry.row, let message = try RowValues.fetch(row, records, look.db) else {
      throw Fault.notFound("id")
    }
    let isDrill = look.inquiry.identity.federation.genesis.drill
    let chosen = message[channels].compactMap(Channel.init(rawValue:))
    return [
      "texts": .list(
        (chosen.isEmpty ? Channel.allCases : chosen).map { channel in
          switch channel.text(of: message, isDrill: isDrill) {
          case .said(let text): ["channel": .text(channel.rawValue), "text": .text(text), "length": JSON(text.count)]
          case .refused(let words):
            ["channel": .text(channel.rawValue), "refused": ["ja": .text(words.ja), "en": .text(words.en)]]
          }
        })
    ]
  }

  static let service = Service(
    "住民への発信", "Messages to residents", records: [records],
    actions: [
      Action(
        "writeBroadcast", .new, records, "発信を書く", "Write a message", for: .command,
        takes: [category.needed, title.needed, body.needed, channels.asked] + content + [replaces.asked],
        stamps: Told.stamps
      ).often(2),
      Action(
        "changeBroadcast", .change, records, "下書きを直す", "Change a draft", for: .command,
        takes: [category.asked, title.asked, body.asked, channels.asked] + content,
        when: [Told.own, draft, unwithdrawn], stamps: [.user(Told.by)]),
      approve,
      Action(
        "withdrawBroadcast", .step("withdrawal"), records, "発信を取り消す", "Withdraw a message", for: .command,
        takes: [withdrawReason.needed], when: [Told.own, unwithdrawn], stamps: [.now(withdrawnAt)]),
    ],
    lists: [
      Listing(
        "broadcasts", records, "住民への発信", "Messages to residents", filters: [Told.ward, category], open: [withdrawnAt],
        newest: Told.at)
    ],
    due: [
      Due(
        "住民への発信の下書きが % 件、決裁を待っています", "% messages to residents wait for approval", in: "broadcasts", own: "ward", "見る",
        "Look",
        for: .command
      ) { look in
        try look.count(records, "WHERE ward = ?1 AND approved_at IS NULL AND withdrawn_at IS NULL", [look.ward])
      }
    ], endpoints: [texts])
}
